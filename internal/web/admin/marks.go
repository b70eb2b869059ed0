package admin

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

const marksPath = "/admin/marks"

// addMarkRoutes registers the pages of the committees' mark.
func (h *Handlers) addMarkRoutes(r *gin.Engine) {
	r.GET(marksPath, h.for_(identity.JudgePieces, h.listMarks))
	r.POST(marksPath, h.for_(identity.JudgePieces, h.createMark))
	r.GET(marksPath+"/new", h.for_(identity.JudgePieces, h.newMark))
	r.GET(marksPath+"/names", h.for_(identity.JudgeEverything, h.showMarkNames))
	r.POST(marksPath+"/names", h.for_(identity.JudgeEverything, h.saveMarkNames))
	r.GET(marksPath+"/:ref", h.for_(identity.JudgePieces, h.showMark))
	for path, act := range map[string]markAct{"vote": h.voteOnMark, "visit": h.visitForMark, "withdrawal": h.withdrawMark, "appeal": h.decideMarkAppeal, "kin": h.declareMarkKin} {
		r.POST(marksPath+"/:ref/"+path, h.for_(identity.JudgePieces, h.onMark(path, act)))
	}
	r.POST("/admin/artisans/:slug/kin", h.for_(identity.JudgeEverything, h.saveKin))
}

// markJudge returns for which committees an account acts, and for whom not.
func (h *Handlers) markJudge(c *gin.Context, a identity.Account) (mark.Judge, error) {
	j, err := moderation.JudgeOf(c.Request.Context(), h.Pool, a)
	if err != nil {
		return mark.Judge{}, err
	}
	return newMarkJudge(c, a, j), nil
}

func newMarkJudge(c *gin.Context, a identity.Account, j moderation.Judge) mark.Judge {
	return mark.Judge{Account: a.ID, Name: a.Name, All: j.All, Committees: j.Committees, Own: j.Own, Helped: j.Helped, Language: web.Language(c).Code}
}

// now is the moment, where the union is.
func (h *Handlers) now(c *gin.Context) (time.Time, error) {
	profile, err := h.Site.Profile(c.Request.Context())
	return h.Site.Now().In(profile.Location), err
}

// MarksPage is admin/marks.
type MarksPage struct {
	web.Page
	Tabs   Tabs
	Tab    string
	Search string
	Rows   []MarkRow
	Next   string
	Names  string // where levels and classes are named; empty for who may not
}

// MarkRow is a mark in a list.
type MarkRow struct {
	Path      string
	Workshop  lang.Text
	Of        lang.Text
	Stars     web.Stars
	Grade     string
	State     string
	StateKind string
	StateKey  string
	Until     time.Time // its last day; zero where there is none
}

// listMarks serves GET /admin/marks.
func (h *Handlers) listMarks(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	judge, err := h.markJudge(c, a)
	if err != nil {
		return err
	}
	now, err := h.now(c)
	if err != nil {
		return err
	}
	counts, err := mark.Count(ctx, h.Pool, judge, now)
	if err != nil {
		return err
	}
	f := mark.Filter{Tab: mark.AllMarks, Query: shorten(c.Query("q")), Limit: perPage}
	if t := mark.Tab(c.Query("state")); slices.Contains(mark.Tabs, t) {
		f.Tab = t
	}
	if after := c.Query("after"); len(after) <= 40 {
		f.After = after
	}
	list, more, err := mark.List(ctx, h.Pool, judge, f, now)
	if err != nil {
		return err
	}
	page := &MarksPage{Page: h.page(c, a, l.T("admin.marks")), Search: f.Query, Tab: string(f.Tab)}
	page.Section, page.Tabs.Label = "marks", l.T("admin.states")
	if a.May(identity.JudgeEverything) {
		page.Names = marksPath + "/names"
	}
	for _, t := range mark.Tabs {
		name, path := "all", marksPath
		if t != mark.AllMarks {
			name, path = string(t), marksPath+"?state="+string(t)
		}
		page.Tabs.Tabs = append(page.Tabs.Tabs, StateTab{path, l.T("admin.marks.tab." + name), counts[t], t == f.Tab})
	}
	for _, m := range list {
		page.Rows = append(page.Rows, newMarkRow(l, m, now))
	}
	if more {
		q := c.Request.URL.Query()
		q.Set("after", list[len(list)-1].Ref)
		page.Next = marksPath + "?" + q.Encode()
	}
	return h.Site.Render(c, http.StatusOK, "admin/marks", page)
}

func newMarkRow(l *lang.Language, m mark.Mark, now time.Time) MarkRow {
	key := web.MarkState(m, now)
	r := MarkRow{Path: marksPath + "/" + m.Ref, Of: lang.Text{Words: l.T("admin.marks.whole"), Lang: l.Code, Dir: l.Dir}, Stars: web.NewStars(m.Level, m.Levels),
		Grade: web.MarkGrade(l, m, "mark.grade"), State: l.T("mark.state." + key), StateKey: key, StateKind: web.MarkStateKind(key)}
	r.Workshop, _ = m.Artisan.NameIn(l)
	if m.Product != 0 {
		r.Of = m.Title.In(l, m.WrittenIn)
	}
	if m.State == mark.Granted {
		r.Until = m.LastDay(now.Location())
	}
	return r
}

// NewMarkPage is admin/mark_new: a workshop is chosen, then what is marked of it.
type NewMarkPage struct {
	web.Page
	Search     string
	Workshops  []web.Link // where none is chosen yet
	Workshop   lang.Text  // empty where none is chosen
	Slug       string
	Things     []Choice
	Levels     []Choice
	Classes    []Choice
	Words      string
	WordsWrong string
	ThingWrong string
	LevelWrong string
	ClassWrong string
	MayNot     string // why it cannot be proposed
	Changed    string // what changed meanwhile
	Asks       lang.Text
}

const mostWorkshops = 20

// newMark serves GET /admin/marks/new?artisan=…&product=….
func (h *Handlers) newMark(c *gin.Context, a identity.Account) error {
	form := web.EmptyForm(c)
	for _, name := range []string{"artisan", "product"} {
		if v := c.Query(name); catalog.IsSlug(v) {
			form.Set(name, v)
		}
	}
	if slug := form.Value("product"); slug != "" && form.Value("artisan") == "" {
		p, err := catalog.BySlug(c.Request.Context(), h.Pool, slug)
		if err != nil {
			return err
		}
		makers, err := union.ArtisansByID(c.Request.Context(), h.Pool, []union.ArtisanID{p.Artisan})
		if err != nil {
			return err
		}
		form.Set("artisan", makers[p.Artisan].Slug)
	}
	return h.renderNewMark(c, a, http.StatusOK, form, "")
}

func (h *Handlers) renderNewMark(c *gin.Context, a identity.Account, status int, form *web.Form, changed string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	judge, err := h.markJudge(c, a)
	if err != nil {
		return err
	}
	page := &NewMarkPage{Page: h.page(c, a, l.T("admin.marks.new")), Slug: form.Value("artisan"), Changed: changed, Words: form.Value("words"),
		ThingWrong: form.Wrong("product"), LevelWrong: form.Wrong("level"), ClassWrong: form.Wrong("class"), WordsWrong: form.Wrong("words")}
	page.Section = "marks"
	if page.Slug == "" {
		page.Search = shorten(c.Query("q"))
		list, err := h.markableWorkshops(c, judge, page.Search)
		if err != nil {
			return err
		}
		for _, m := range list {
			name, _ := m.NameIn(l)
			page.Workshops = append(page.Workshops, web.Link{Name: name.Words, Path: marksPath + "/new?artisan=" + m.Slug})
		}
		return h.Site.Render(c, status, "admin/mark_new", page)
	}
	m, err := union.Member(ctx, h.Pool, page.Slug)
	if err != nil {
		return err
	}
	page.Workshop, _ = m.NameIn(l)
	things, err := mark.Things(ctx, h.Pool, m)
	if err != nil {
		return err
	}
	if len(things) > 0 {
		may := mark.Mark{Artisan: m, Committee: things[0].Committee}
		if err := judge.May(ctx, h.Pool, may); err != nil {
			said, ok := web.Told(l, err)
			if !ok {
				return err
			}
			page.MayNot = said
		}
		rules, err := mark.RulesOf(ctx, h.Pool, things[0].Committee)
		if err != nil {
			return err
		}
		page.Asks = rules.Specification.In(l, "fr")
	}
	for _, t := range things {
		choice := Choice{t.Slug, t.Title.In(l, t.WrittenIn).Words, t.Slug == form.Value("product")}
		if t.Product == 0 {
			choice.Name = l.T("admin.marks.whole")
		}
		page.Things = append(page.Things, choice)
	}
	levels, classes, err := mark.Grades(ctx, h.Pool)
	if err != nil {
		return err
	}
	for _, v := range levels {
		n := l.Number(int64(v.Level))
		page.Levels = append(page.Levels, Choice{levelValue(v.Level), n + l.T("list.separator") + v.Name.In(l, "fr").Words, form.Value("level") == levelValue(v.Level)})
	}
	for _, v := range classes {
		page.Classes = append(page.Classes, Choice{v.Code, v.Code + l.T("list.separator") + v.Name.In(l, "fr").Words, form.Value("class") == v.Code})
	}
	return h.Site.Render(c, status, "admin/mark_new", page)
}

// markableWorkshops finds open workshops of a judge's trades.
func (h *Handlers) markableWorkshops(c *gin.Context, j mark.Judge, query string) ([]union.Artisan, error) {
	ctx := c.Request.Context()
	if j.All {
		list, _, err := union.Register(ctx, h.Pool, union.RegisterFilter{Query: query, State: union.Active, Limit: mostWorkshops})
		return list, err
	}
	trades, err := union.Trades(ctx, h.Pool)
	if err != nil {
		return nil, err
	}
	var all []union.Artisan
	for _, t := range trades {
		if slices.Contains(j.Committees, t.Committee) && len(all) < mostWorkshops {
			list, _, err := union.Register(ctx, h.Pool, union.RegisterFilter{Query: query, Trade: t.Slug, State: union.Active, Limit: mostWorkshops - len(all)})
			if err != nil {
				return nil, err
			}
			all = append(all, list...)
		}
	}
	return all, nil
}

// createMark serves POST /admin/marks.
func (h *Handlers) createMark(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	judge, err := h.markJudge(c, a)
	if err != nil {
		return err
	}
	now, err := h.now(c)
	if err != nil {
		return err
	}
	m, err := union.Member(ctx, h.Pool, form.Value("artisan"))
	if err != nil {
		return err
	}
	var ref string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		things, err := mark.Things(ctx, tx, m)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(things, func(t mark.Thing) bool { return t.Slug == form.Value("product") })
		if i < 0 {
			return wrongField("product", "mark.thing.wrong")
		}
		ref, err = mark.Propose(ctx, tx, judge, mark.Proposal{Thing: things[i], Level: readLevel(form.Value("level")), Class: form.Value("class"),
			Words: form.Value("words")}, now)
		return err
	})
	if form.Take(err) {
		return h.renderNewMark(c, a, http.StatusUnprocessableEntity, form, "")
	}
	if said, ok := web.Conflict(web.Language(c), err); ok {
		return h.renderNewMark(c, a, http.StatusConflict, form, said)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, marksPath+"/"+ref+"?said=proposed")
	return nil
}
