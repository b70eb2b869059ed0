package admin

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// PiecePage is admin/piece: a piece that buyers see, or saw before it left the
// market, what is said against it, and what to rule.
type PiecePage struct {
	web.Page
	State       string
	StateSaid   string
	StateKind   string
	Said        string // what was just ruled
	Conflict    string // what a colleague did meanwhile
	Title       lang.Text
	Maker       lang.Text
	MakerPath   string
	Path        string // as buyers see it, empty where they do not
	Reads       string // the artisan's language
	Photos      []web.Picture
	Price       money.Amount
	Facts       []Fact
	Description lang.Text
	Reports     []ReportLine
	MoreReports bool
	Appeal      *AppealLine
	Past        []PastDecision
	Ruling      string // where one rules on it, empty where there is nothing to rule
	OnAppeal    string // where one rules on the appeal, empty where one may not
	Down        bool   // it is down already
	Seen        int    // revision
	Last        int64  // the last report that is shown, 0 where there is none
	Phrases     []TextChip
	Words       string
	WordsWrong  string
	MostWords   int
}

// ReportLine is what a visitor says is wrong.
type ReportLine struct {
	Reason  string
	Words   lang.Text
	Contact string
	At      time.Time
}

// AppealLine is what the artisan says against a ruling.
type AppealLine struct {
	Words lang.Text
	At    time.Time
	Own   bool // the reader took it down, and someone else rules on it
}

func piecePath(slug string) string { return "/admin/pieces/" + slug }

// judged reads the piece of an address, and who judges it.
func (h *Handlers) judged(c *gin.Context, a identity.Account) (s catalog.Submitted, state catalog.State, j moderation.Judge, err error) {
	ctx := c.Request.Context()
	if !catalog.IsSlug(c.Param("slug")) {
		return s, state, j, web.ErrNoPage
	}
	if s, state, err = catalog.LiveBySlug(ctx, h.Pool, c.Param("slug")); err != nil {
		return s, state, j, err
	}
	if j, err = moderation.JudgeOf(ctx, h.Pool, a); err != nil {
		return s, state, j, err
	}
	return s, state, j, j.May(s)
}

// showPiece serves GET /admin/pieces/:slug.
func (h *Handlers) showPiece(c *gin.Context, a identity.Account) error {
	s, state, _, err := h.judged(c, a)
	if err != nil {
		return err
	}
	page, err := h.newPiecePage(c, a, s, state, web.EmptyForm(c))
	if err != nil {
		return err
	}
	for _, done := range []moderation.Verdict{moderation.Dismissed, moderation.ChangesRequested, moderation.TakenDown, moderation.Restored, moderation.Upheld} {
		if c.Query("done") == string(done) {
			page.Said = web.Language(c).T("admin.ruling.done." + string(done))
		}
	}
	return h.Site.Render(c, http.StatusOK, "admin/piece", page)
}

func (h *Handlers) newPiecePage(c *gin.Context, a identity.Account, s catalog.Submitted, state catalog.State, form *web.Form) (*PiecePage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	title := s.Title.In(l, s.WrittenIn)
	page := &PiecePage{Page: h.page(c, a, title.Words), State: string(state), StateSaid: l.T("product.state." + string(state)), Title: title,
		Price: s.Price, Description: s.Description.In(l, s.WrittenIn), Facts: h.factsOf(l, s), Seen: s.Number, Words: form.Value("words"),
		WordsWrong: form.Wrong("words"), MostWords: moderation.MostWords, Down: state == catalog.TakenDown,
		StateKind: map[catalog.State]string{catalog.OnSale: "right", catalog.Withdrawn: "waiting", catalog.TakenDown: "wrong"}[state]}
	page.Section = "queue"
	if state == catalog.OnSale {
		page.Path = "/" + l.Code + "/products/" + s.Slug
	}
	makers, err := union.ArtisansByID(ctx, h.Pool, []union.ArtisanID{s.Artisan})
	if err != nil {
		return nil, err
	}
	maker := makers[s.Artisan]
	page.Maker, _ = maker.NameIn(l)
	page.MakerPath, page.Reads = "/"+l.Code+"/artisans/"+maker.Slug, l.LanguageName(maker.WrittenIn)
	pictures, err := web.ReadPictures(ctx, h.Pool, s.Pictures...)
	if err != nil {
		return nil, err
	}
	for i, id := range s.Pictures {
		page.Photos = append(page.Photos, pictures.Make(id, "shown__photo", l.T("studio.photo_number", i+1), "(min-width: 48rem) 20rem, 90vw", i == 0))
	}
	open, err := moderation.OpenReports(ctx, h.Pool, s.Product)
	if err != nil {
		return nil, err
	}
	for _, r := range open.List {
		page.Reports = append(page.Reports, ReportLine{l.T("report.reason." + string(r.Reason)), r.Said(), r.Contact, r.At})
	}
	if page.MoreReports = open.More; len(open.List) > 0 {
		page.Last = open.Last.UnixMicro()
	}
	down, err := moderation.TakedownOf(ctx, h.Pool, s.Product)
	if err != nil && !errors.Is(err, moderation.ErrNotDown) {
		return nil, err
	}
	if down.Waits() {
		page.Appeal = &AppealLine{down.Appealed(), down.AppealedAt, down.By == a.ID}
		if !page.Appeal.Own {
			page.OnAppeal = piecePath(s.Slug) + "/appeal"
		}
	}
	past, err := moderation.RulingsOn(ctx, h.Pool, s.Product, mostPast)
	if err != nil {
		return nil, err
	}
	for _, d := range past {
		page.Past = append(page.Past, PastDecision{At: d.At, By: d.By, What: l.T("ruling." + string(d.Verdict)), Said: d.Said(l),
			Path: "/admin/queue/" + d.Product + "/" + strconv.Itoa(d.Revision), Piece: l.T("admin.decision.revision", d.Revision)})
	}
	if !page.Down || len(page.Reports) > 0 {
		page.Ruling = piecePath(s.Slug) + "/ruling"
		page.Phrases, err = h.phrases(c, s, form)
	}
	return page, err
}

// phrases are those of a piece's committee, to be ticked.
func (h *Handlers) phrases(c *gin.Context, s catalog.Submitted, form *web.Form) (chips []TextChip, err error) {
	texts, err := moderation.TextsOf(c.Request.Context(), h.Pool, s.Committee)
	for _, t := range texts {
		if t.Kind == moderation.Phrase {
			chips = append(chips, TextChip{t.ID, t.Words.In(web.Language(c), "fr"), form.Value("phrase"+strconv.FormatInt(int64(t.ID), 10)) != ""})
		}
	}
	return chips, err
}

// createRuling serves POST /admin/pieces/:slug/ruling.
func (h *Handlers) createRuling(c *gin.Context, a identity.Account) error {
	return h.rule(c, a, []moderation.Verdict{moderation.Dismissed, moderation.ChangesRequested, moderation.TakenDown},
		func(tx pgx.Tx, form *web.Form, j moderation.Judge, s catalog.Submitted, r moderation.Ruling) error {
			chips, err := h.phrases(c, s, form)
			if err != nil {
				return err
			}
			for _, chip := range chips {
				if chip.Checked {
					r.Reasons = append(r.Reasons, chip.ID)
				}
			}
			last, err := strconv.ParseInt(form.Value("last"), 10, 64)
			if err != nil {
				return web.ErrMalformed
			}
			var read time.Time
			if last > 0 {
				read = time.UnixMicro(last)
			}
			return moderation.RuleOnPiece(c.Request.Context(), tx, j, s, r, read, h.Site.Now())
		})
}

// createAppealRuling serves POST /admin/pieces/:slug/appeal.
func (h *Handlers) createAppealRuling(c *gin.Context, a identity.Account) error {
	return h.rule(c, a, []moderation.Verdict{moderation.Restored, moderation.Upheld},
		func(tx pgx.Tx, _ *web.Form, j moderation.Judge, s catalog.Submitted, r moderation.Ruling) error {
			return moderation.RuleOnAppeal(c.Request.Context(), tx, j, s, r, h.Site.Now())
		})
}

// rule reads a ruling and does it. Where a colleague was first, the page says so
// and keeps what was typed.
func (h *Handlers) rule(c *gin.Context, a identity.Account, verdicts []moderation.Verdict,
	do func(pgx.Tx, *web.Form, moderation.Judge, catalog.Submitted, moderation.Ruling) error) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	r := moderation.Ruling{Words: form.Value("words"), Language: l.Code}
	for _, v := range verdicts {
		if form.Value("verdict") == string(v) {
			r.Verdict = v
		}
	}
	if r.Verdict == "" {
		return web.ErrMalformed
	}
	s, _, j, err := h.judged(c, a)
	if err != nil {
		return err
	}
	err = error(moderation.ErrSeenOther)
	if form.Value("seen") == strconv.Itoa(s.Number) {
		err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return do(tx, form, j, s, r) })
	}
	f := (*fault.Fault)(nil)
	conflict := errors.As(err, &f) && f.Kind == fault.Conflict
	if form.Take(err) || conflict {
		s, state, _, err := h.judged(c, a) // As it is by now.
		if err != nil {
			return err
		}
		page, err := h.newPiecePage(c, a, s, state, form)
		if err != nil {
			return err
		}
		status := http.StatusUnprocessableEntity
		if conflict {
			status, page.Conflict = http.StatusConflict, l.T(f.Key, f.Args...)
		}
		return h.Site.Render(c, status, "admin/piece", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, piecePath(s.Slug)+"?done="+string(r.Verdict))
	return nil
}
