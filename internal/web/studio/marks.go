package studio

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// mostMarks bounds what is shown of one's marks; the newest come first.
const mostMarks = 20

// MarksPage is studio/marks: what the committee signed, and what can be said
// against it.
type MarksPage struct {
	web.Page
	Said string
	Rows []MarkRow
	Most int
}

// MarkRow is a mark of the workshop or of a piece.
type MarkRow struct {
	ID        string // of its field, within the page
	Of        lang.Text
	Path      string // of the page on which it stands; empty where it does not
	Stars     web.Stars
	Grade     string
	State     string
	StateKind string
	StateKey  string
	Lines     []string    // in sentences, where it stands
	Why       []lang.Text // what the committee said
	Action    string      // where an appeal goes; empty where there is none to make
	Own       lang.Text   // the appeal that was made
	Answer    lang.Text   // and the answer
	Words     string      // what was typed
	Wrong     string
}

// listMarks serves GET /studio/marks.
func (h *Handlers) listMarks(c *gin.Context, _ identity.Account, a union.Artisan) error {
	return h.renderMarks(c, a, http.StatusOK, "", nil)
}

// renderMarks shows them; form is that of an appeal where something in it was
// wrong, and nil otherwise.
func (h *Handlers) renderMarks(c *gin.Context, a union.Artisan, status int, ref string, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	now, err := h.today(c)
	if err != nil {
		return err
	}
	list, err := mark.Of(ctx, h.Pool, a.ID, mostMarks)
	if err != nil {
		return err
	}
	about, err := mark.Saying(ctx, h.Pool, list)
	if err != nil {
		return err
	}
	page := &MarksPage{Page: h.page(c, "workshop", l.T("studio.marks")), Most: mark.MostWords}
	if c.Query("sent") != "" {
		page.Said = l.T("studio.marks.appeal.sent")
	}
	for i, m := range list {
		key, said := web.MarkState(m, now), about[m.Ref]
		row := MarkRow{ID: "words-" + strconv.Itoa(i+1), Of: lang.Text{Words: l.T("studio.marks.workshop"), Lang: l.Code, Dir: l.Dir}, Stars: web.NewStars(m.Level, m.Levels),
			Grade: web.MarkGrade(l, m, "mark.grade"), State: l.T("mark.state." + key), StateKey: key, StateKind: web.MarkStateKind(key), Own: said.Appeal.Words, Answer: said.Appeal.Answer}
		path := "/" + l.Code + "/artisans/" + a.Slug
		if m.Product != 0 {
			row.Of, path = m.Title.In(l, m.WrittenIn), "/"+l.Code+"/products/"+m.ProductSlug
		}
		if m.Stands(now) {
			row.Path = path
		}
		switch key {
		case "proposed":
			row.Lines = []string{l.T("studio.marks.tally", said.Tally.Signed, said.Tally.Needed)}
		case "coming":
			row.Lines = []string{web.MarkSigned(l, m, now.Location()), l.T("studio.marks.from", m.Begins.In(now.Location()), m.LastDay(now.Location()))}
		case "standing", "ending":
			row.Lines = []string{web.MarkSigned(l, m, now.Location()), l.T("studio.marks.until", m.LastDay(now.Location()))}
			if key == "ending" {
				row.Lines = append(row.Lines, l.T("studio.marks.renew"))
			}
		case "lapsed":
			row.Lines = []string{l.T("studio.marks.ended", m.LastDay(now.Location()))}
		case "refused":
			row.Why = said.Against
		case "withdrawn":
			row.Why = []lang.Text{{Words: m.Reason, Lang: m.ReasonIn, Dir: lang.Or(m.ReasonIn).Dir}}
		}
		if m.CanAppeal() {
			row.Action = "/studio/marks/" + m.Ref + "/appeal"
		}
		if form != nil && m.Ref == ref {
			row.Words, row.Wrong = form.Value("words"), form.Wrong("words")
		}
		page.Rows = append(page.Rows, row)
	}
	return h.Site.Render(c, status, "studio/marks", page)
}

// createAppeal serves POST /studio/marks/:ref/appeal.
func (h *Handlers) createAppeal(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	now, err := h.today(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return mark.Lodge(ctx, tx, a.ID, c.Param("ref"), form.Value("words"), web.Language(c).Code, account.ID, now)
	})
	if form.Take(err) {
		return h.renderMarks(c, a, http.StatusUnprocessableEntity, c.Param("ref"), form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/marks?sent=1")
	return nil
}
