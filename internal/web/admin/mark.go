package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// MarkPage is admin/mark: one mark, what was said of it, and what can be done.
type MarkPage struct {
	web.Page
	MarkRow
	Workshop     web.Link // leads nowhere for who may not see the register
	ShopPath     string
	Committee    web.Link
	Said         string
	Changed      string // what changed meanwhile
	Typed        string // and what was written, to be copied
	Tally        string // empty once it is decided
	NoVisit      bool   // nothing but the visit is missing
	MayNot       string // why the reader has no say
	Words        string // of whoever proposed it
	ProposedBy   string
	Votes        []MarkVote
	Visits       []mark.Visit
	Events       []MarkEvent
	Asks         lang.Text
	Reason       lang.Text // why it was withdrawn
	Appeal       *MarkAppeal
	Earlier      string // the refused mark of which it is asked anew
	Invented     bool
	VoteAction   string // empty where there is nothing to say
	VoteWords    string
	VoteWrong    string
	VisitAction  string
	VisitFields  []web.Field
	Withdrawal   string
	ReasonTyped  string
	ReasonWrong  string
	AppealAction string
	AppealMayNot string
	Answer       string
	AnswerWrong  string
	KinAction    string // where the reader says that the workshop is of their family
	Renew        string // where the next one is proposed
}

// MarkVote is what a member said.
type MarkVote struct {
	By       lang.Text
	Verdict  string
	Kind     string
	Words    lang.Text
	At       time.Time
	Kin      bool
	StandsIn bool
}

// MarkEvent is a line of what happened.
type MarkEvent struct {
	At   time.Time
	What string
	By   string
}

// MarkAppeal is what the artisan says against it, and the answer.
type MarkAppeal struct {
	Words   lang.Text
	At      time.Time
	Outcome string
	Answer  lang.Text
	Anew    string // where it is asked anew
}

// showMark serves GET /admin/marks/:ref.
func (h *Handlers) showMark(c *gin.Context, a identity.Account) error {
	return h.renderMark(c, a, http.StatusOK, web.EmptyForm(c), "")
}

// renderMark shows a mark; form is that of what was done to it, where something in
// it was wrong or a colleague was first.
func (h *Handlers) renderMark(c *gin.Context, a identity.Account, status int, form *web.Form, changed string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	judge, err := h.markJudge(c, a)
	if err != nil {
		return err
	}
	m, err := mark.For(ctx, h.Pool, judge, c.Param("ref"))
	if err != nil {
		return err
	}
	now, err := h.now(c)
	if err != nil {
		return err
	}
	row := newMarkRow(l, m, now)
	page := &MarkPage{Page: h.page(c, a, row.Workshop.Words), MarkRow: row, Changed: changed, Words: m.Words, ProposedBy: m.ProposedBy,
		Asks: m.Specification.In(l, "fr"), Invented: m.Invented, ShopPath: "/" + l.Code + "/artisans/" + m.Artisan.Slug,
		Committee: web.Link{Name: m.CommitteeName.In(l, "fr").Words, Path: "/admin/committees/" + m.CommitteeSlug}}
	page.Section, page.Workshop = "marks", web.Link{Name: row.Workshop.Words}
	if a.May(identity.SeeArtisans) {
		page.Workshop.Path = "/admin/artisans/" + m.Artisan.Slug
	}
	if m.Product != 0 {
		page.ShopPath = "/" + l.Code + "/products/" + m.ProductSlug
	}
	if m.AppealOf != "" {
		page.Earlier = marksPath + "/" + m.AppealOf
	}
	if !m.WithdrawnAt.IsZero() {
		page.Reason = said(m.Reason, m.ReasonIn)
	}
	if said := c.Query("said"); said == "proposed" {
		page.Said = l.T("admin.mark.proposed")
	} else if slices.Contains(markSaid, said) {
		page.Said = l.T("admin.mark.said." + said)
	}
	if changed != "" {
		page.Typed = strings.Join(slices.DeleteFunc([]string{form.Value("words"), form.Value("note"), form.Value("reason"), form.Value("answer")},
			func(s string) bool { return s == "" }), "\n")
	}
	if page.Visits, err = mark.Visits(ctx, h.Pool, m.Artisan.ID, 5); err != nil {
		return err
	}
	votes, err := mark.Votes(ctx, h.Pool, m)
	if err != nil {
		return err
	}
	voted := false
	for _, v := range votes {
		name, _ := v.By.NameIn(l)
		page.Votes = append(page.Votes, MarkVote{By: name, Verdict: l.T("admin.mark.vote." + string(v.Verdict)), Words: said(v.Words, v.Language),
			Kind: map[mark.Verdict]string{mark.Signed: "right", mark.No: "wrong"}[v.Verdict], At: v.At, Kin: v.Kin, StandsIn: v.StandsIn})
		voted = voted || v.Mine(judge)
	}
	appeal, appealed, err := mark.AppealOf(ctx, h.Pool, m)
	if err != nil {
		return err
	}
	if appealed {
		page.Appeal = &MarkAppeal{Words: appeal.Words, At: appeal.At, Answer: appeal.Answer}
		if appeal.Outcome != "" {
			page.Appeal.Outcome = l.T("mark.event." + string(appeal.Outcome))
		}
		if appeal.AskedRef != "" {
			page.Appeal.Anew = marksPath + "/" + appeal.AskedRef
		}
	}
	page.Events = markEvents(l, m, appeal, appealed, now)
	return h.actsOnMark(c, page, judge, m, voted, now, status, form)
}

var markSaid = []string{"voted", "granted", "refused", "visited", "withdrawn", "decided", "kin"}

// actsOnMark fills in what the reader can do, and shows the page.
func (h *Handlers) actsOnMark(c *gin.Context, page *MarkPage, judge mark.Judge, m mark.Mark, voted bool, now time.Time, status int, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	may := true
	if err := judge.May(ctx, h.Pool, m); err != nil {
		told, ok := web.Told(l, err)
		if !ok {
			return err
		}
		may, page.MayNot = false, told
	}
	path := marksPath + "/" + m.Ref + "/"
	if m.State == mark.Proposed {
		t, err := mark.TallyOf(ctx, h.Pool, m)
		if err != nil {
			return err
		}
		page.Tally, page.NoVisit = l.T("admin.mark.tally", t.Signed, t.Needed), t.Granted()
		if may {
			page.VisitAction = path + "visit"
			if form.Value("form") != "visit" {
				form.Set("visitor", judge.Name)
			}
			page.VisitFields = []web.Field{
				form.Field("admin.mark", "day", "off", func(f *web.Field) {
					f.Type, f.Dir, f.MaxLength, f.Required = "date", "ltr", 10, true
				}),
				form.Field("admin.mark", "visitor", "off", func(f *web.Field) { f.MaxLength, f.Required = mark.MostVisitor, true }),
				form.Field("admin.mark", "note", "off", func(f *web.Field) { f.MaxLength = mark.MostWords }),
			}
			if judge.Own != 0 {
				page.KinAction = path + "kin"
			}
		}
		if may && !voted {
			page.VoteAction, page.VoteWords, page.VoteWrong = path+"vote", form.Value("words"), form.Wrong("words")
		}
	}
	if may && m.State == mark.Granted && !m.Lapsed(now) {
		page.Withdrawal, page.ReasonTyped, page.ReasonWrong = path+"withdrawal", form.Value("reason"), form.Wrong("reason")
	}
	if may && m.State == mark.Granted && !now.Before(m.RenewFrom()) {
		page.Renew = marksPath + "/new?artisan=" + m.Artisan.Slug
		if m.Product != 0 {
			page.Renew += "&product=" + m.ProductSlug
		}
	}
	if m.Appealing && may {
		if err := judge.MayDecide(ctx, h.Pool, m); err != nil {
			told, ok := web.Told(l, err)
			if !ok {
				return err
			}
			page.AppealMayNot = told
		} else {
			page.AppealAction, page.Answer, page.AnswerWrong = path+"appeal", form.Value("answer"), form.Wrong("answer")
		}
	}
	return h.Site.Render(c, status, "admin/mark", page)
}

// said are words in their own language.
func said(words, language string) lang.Text {
	return lang.Text{Words: words, Lang: language, Dir: lang.Or(language).Dir}
}

// markEvents tells what happened to a mark, oldest first.
func markEvents(l *lang.Language, m mark.Mark, appeal mark.Appeal, appealed bool, now time.Time) []MarkEvent {
	list := []MarkEvent{{m.ProposedAt, l.T("mark.event.proposed"), m.ProposedBy}}
	add := func(at time.Time, key, by string) {
		if !at.IsZero() {
			list = append(list, MarkEvent{at, l.T("mark.event." + key), by})
		}
	}
	if m.State == mark.Refused {
		add(m.Decided, "refused", "")
	} else {
		add(m.Decided, "granted", "")
	}
	add(m.WithdrawnAt, "withdrawn", m.WithdrawnBy)
	if m.Lapsed(now) {
		add(m.Ends, "lapsed", "")
	}
	if appealed {
		add(appeal.At, "appealed", "")
		if appeal.Outcome != "" {
			add(appeal.Decided, string(appeal.Outcome), appeal.By)
		}
	}
	slices.SortStableFunc(list, func(a, b MarkEvent) int { return a.At.Compare(b.At) })
	return list
}

// A markAct does something to a mark, and returns what is said of it.
type markAct func(c *gin.Context, tx pgx.Tx, j mark.Judge, ref string, form *web.Form, now time.Time) (said string, err error)

// onMark wraps what is done to one mark, named as its form is. What is wrong stands
// beside its field; where a colleague was first, the page says what changed and
// nothing that was typed is lost.
func (h *Handlers) onMark(name string, act markAct) func(*gin.Context, identity.Account) error {
	return func(c *gin.Context, a identity.Account) error {
		ctx, ref := c.Request.Context(), c.Param("ref")
		form, err := web.ReadForm(c)
		if err != nil {
			return err
		}
		form.Set("form", name)
		judge, err := h.markJudge(c, a)
		if err != nil {
			return err
		}
		now, err := h.now(c)
		if err != nil {
			return err
		}
		var done string
		err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
			done, err = act(c, tx, judge, ref, form, now)
			return err
		})
		if form.Take(err) {
			return h.renderMark(c, a, http.StatusUnprocessableEntity, form, "")
		}
		if said, ok := web.Conflict(web.Language(c), err); ok {
			return h.renderMark(c, a, http.StatusConflict, form, said)
		}
		if err != nil {
			return err
		}
		web.Redirect(c, marksPath+"/"+ref+"?said="+done)
		return nil
	}
}

// voteOnMark serves POST /admin/marks/:ref/vote.
func (h *Handlers) voteOnMark(c *gin.Context, tx pgx.Tx, j mark.Judge, ref string, form *web.Form, now time.Time) (string, error) {
	m, err := mark.CastVote(c.Request.Context(), tx, j, ref, mark.Verdict(form.Value("verdict")), form.Value("words"), now)
	switch m.State {
	case mark.Granted:
		return "granted", err
	case mark.Refused:
		return "refused", err
	}
	return "voted", err
}

// visitForMark serves POST /admin/marks/:ref/visit.
func (h *Handlers) visitForMark(c *gin.Context, tx pgx.Tx, j mark.Judge, ref string, form *web.Form, now time.Time) (string, error) {
	day, _ := web.ReadDay(form.Value("day")) // What cannot be read is refused beside its field.
	return "visited", mark.RecordVisit(c.Request.Context(), tx, j, ref, mark.Visit{Day: day, Visitor: form.Value("visitor"), Words: form.Value("note")}, now)
}

// withdrawMark serves POST /admin/marks/:ref/withdrawal.
func (h *Handlers) withdrawMark(c *gin.Context, tx pgx.Tx, j mark.Judge, ref string, form *web.Form, now time.Time) (string, error) {
	return "withdrawn", mark.Withdraw(c.Request.Context(), tx, j, ref, form.Value("reason"), now)
}

// decideMarkAppeal serves POST /admin/marks/:ref/appeal.
func (h *Handlers) decideMarkAppeal(c *gin.Context, tx pgx.Tx, j mark.Judge, ref string, form *web.Form, now time.Time) (string, error) {
	return "decided", mark.DecideAppeal(c.Request.Context(), tx, j, ref, mark.Outcome(form.Value("outcome")), form.Value("answer"), now)
}

// declareMarkKin serves POST /admin/marks/:ref/kin: the workshop is of one's own
// family.
func (h *Handlers) declareMarkKin(c *gin.Context, tx pgx.Tx, j mark.Judge, ref string, _ *web.Form, now time.Time) (string, error) {
	ctx := c.Request.Context()
	m, err := mark.For(ctx, tx, j, ref)
	if err != nil {
		return "", err
	}
	if j.Own == 0 {
		return "", identity.ErrForbidden
	}
	mine, err := union.ArtisansByID(ctx, tx, []union.ArtisanID{j.Own})
	if err != nil {
		return "", err
	}
	return "kin", mark.DeclareKin(ctx, tx, j, mine[j.Own], m.Artisan, now)
}

func wrongField(field, key string) error {
	var f fault.Form
	f.Wrong(field, key)
	return f.Err()
}

func levelValue(n int) string { return strconv.Itoa(n) }

// readLevel reads a level; what is none is none of the union's.
func readLevel(s string) int {
	n, err := strconv.Atoi(lang.WesternDigits(s))
	if err != nil {
		return 0
	}
	return n
}

// MarkNamesPage is admin/mark_names: what levels and classes are called.
type MarkNamesPage struct {
	web.Page
	Said  string
	Parts []NamePart
}

// NamePart is one level or class, by language.
type NamePart struct {
	Name   string
	Fields []web.Field
}

// showMarkNames serves GET /admin/marks/names.
func (h *Handlers) showMarkNames(c *gin.Context, a identity.Account) error {
	return h.renderMarkNames(c, a, http.StatusOK, web.EmptyForm(c))
}

func (h *Handlers) renderMarkNames(c *gin.Context, a identity.Account, status int, form *web.Form) error {
	l := web.Language(c)
	levels, classes, err := mark.Grades(c.Request.Context(), h.Pool)
	if err != nil {
		return err
	}
	page := &MarkNamesPage{Page: h.page(c, a, l.T("admin.marks.names"))}
	page.Section = "marks"
	if c.Query("kept") != "" {
		page.Said = l.T("admin.kept")
	}
	part := func(title, field string, texts lang.Texts) {
		p := NamePart{Name: title}
		for _, other := range lang.All {
			name := field + "_" + other.Code
			if !form.Sent {
				form.Set(name, texts[other.Code])
			}
			p.Fields = append(p.Fields, form.FieldOf("admin.marks.names", name, "off", func(f *web.Field) { f.Label, f.Hint, f.MaxLength, f.Dir = other.Name, "", 60, other.Dir }))
		}
		page.Parts = append(page.Parts, p)
	}
	for _, v := range levels {
		part(l.T("admin.marks.names.level", v.Level), fmt.Sprintf("level_%d", v.Level), v.Name)
	}
	for _, v := range classes {
		part(l.T("admin.marks.names.class", v.Code), "class_"+v.Code, v.Name)
	}
	return h.Site.Render(c, status, "admin/mark_names", page)
}

// saveMarkNames serves POST /admin/marks/names.
func (h *Handlers) saveMarkNames(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		levels, classes, err := mark.Grades(ctx, tx)
		if err != nil {
			return err
		}
		for i := range levels {
			levels[i].Name = readTexts(form, fmt.Sprintf("level_%d", levels[i].Level))
		}
		for i := range classes {
			classes[i].Name = readTexts(form, "class_"+classes[i].Code)
		}
		return mark.SetGrades(ctx, tx, levels, classes, a.ID)
	})
	if form.Take(err) {
		return h.renderMarkNames(c, a, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, marksPath+"/names?kept=1")
	return nil
}

// readTexts reads a text in every language, from the fields name_en and so on.
func readTexts(form *web.Form, name string) lang.Texts {
	texts := lang.Texts{}
	for _, l := range lang.All {
		texts[l.Code] = form.Value(name + "_" + l.Code)
	}
	return texts
}
