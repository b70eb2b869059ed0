package admin

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/membership"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/web"
)

const applicationsPath = "/admin/applications"

// ApplicationsPage is admin/applications: who asks to become a member.
type ApplicationsPage struct {
	web.Page
	States Tabs
	State  string
	Search string
	Rows   []ApplicationRow
	Next   string
}

// ApplicationRow is one of them.
type ApplicationRow struct {
	Path  string
	Name  string
	Trade lang.Text
	At    time.Time
	Waits string
}

// listApplications serves GET /admin/applications.
func (h *Handlers) listApplications(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	judge, err := moderation.JudgeOf(ctx, h.Pool, a)
	if err != nil {
		return err
	}
	f := membership.Filter{State: membership.Open, Query: shorten(c.Query("q")), Limit: perPage}
	for _, s := range membership.States {
		if c.Query("state") == string(s) {
			f.State = s
		}
	}
	if after := c.Query("after"); len(after) == 36 {
		f.After = after
	}
	list, more, err := membership.List(ctx, h.Pool, judge, f)
	if err != nil {
		return err
	}
	counts, err := membership.Counts(ctx, h.Pool, judge)
	if err != nil {
		return err
	}
	page := &ApplicationsPage{Page: h.page(c, a, l.T("applications.title")), Search: f.Query, State: string(f.State)}
	page.Section, page.States.Label = "applications", l.T("admin.states")
	for _, s := range membership.States {
		page.States.Tabs = append(page.States.Tabs, StateTab{applicationsPath + "?state=" + string(s), l.T("applications.state." + string(s)), counts[s], s == f.State})
	}
	for _, v := range list {
		row := ApplicationRow{Path: applicationsPath + "/" + v.Ref, Name: applicantName(l, v), Trade: v.TradeName.In(l, "fr"), At: v.SentAt}
		if v.State == membership.Open {
			row.Waits = l.T("admin.queue.waits", moderation.WorkingDays(v.SentAt, h.Site.Now()))
		}
		page.Rows = append(page.Rows, row)
	}
	if more {
		q := c.Request.URL.Query()
		q.Set("after", list[len(list)-1].Ref)
		page.Next = applicationsPath + "?" + q.Encode()
	}
	return h.Site.Render(c, http.StatusOK, "admin/applications", page)
}

// applicantName is what an applicant is called, in the reader's letters where
// they gave both.
func applicantName(l *lang.Language, a membership.Application) string {
	switch {
	case a.Erased:
		return l.T("applications.erased")
	case a.Name == "" || l.Dir == "rtl" && a.NameArabic != "":
		return a.NameArabic
	}
	return a.Name
}

// ApplicationPage is admin/application: what someone wrote, and what the
// committee says.
type ApplicationPage struct {
	web.Page
	Name      string
	State     string
	StateName string
	StateKind string
	Facts     []Fact
	Votes     []membership.Vote
	Standing  string
	Action    string // where one votes, empty where one cannot
	Wrong     string
	Words     string
	Member    string // the page of who they became
	WhatsApp  string
	Erased    bool
}

// showApplication serves GET /admin/applications/:ref.
func (h *Handlers) showApplication(c *gin.Context, a identity.Account) error {
	return h.renderApplication(c, a, http.StatusOK, web.EmptyForm(c))
}

func (h *Handlers) renderApplication(c *gin.Context, a identity.Account, status int, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	judge, err := moderation.JudgeOf(ctx, h.Pool, a)
	if err != nil {
		return err
	}
	v, err := membership.ByRef(ctx, h.Pool, judge, c.Param("ref"))
	if err != nil {
		return err
	}
	s, err := membership.StandingOf(ctx, h.Pool, v, a.ID)
	if err != nil {
		return err
	}
	page := &ApplicationPage{Page: h.page(c, a, l.T("applications.title")), Name: applicantName(l, v), State: string(v.State), StateName: l.T("applications.state." + string(v.State)),
		Votes: s.Votes, Words: form.Value("words"), Wrong: form.Wrong("words"), Erased: v.Erased}
	page.Section = "applications"
	page.StateKind = map[membership.State]string{membership.Open: "waiting", membership.Accepted: "right", membership.Refused: "wrong"}[v.State]
	yes, voted := 0, false
	for _, vote := range s.Votes {
		if vote.Yes {
			yes++
		}
		voted = voted || vote.Mine
	}
	page.Standing = l.T("applications.standing", yes, s.Needed)
	if v.State == membership.Open && !voted {
		page.Action = applicationsPath + "/" + v.Ref
	}
	if v.Artisan != "" && a.May(identity.SeeArtisans) {
		page.Member = "/admin/artisans/" + v.Artisan
	}
	add := func(label, words, code string) {
		if words+code != "" {
			page.Facts = append(page.Facts, Fact{l.T(label), words, code})
		}
	}
	add("join.name", v.Name, "")
	add("join.name_ar", v.NameArabic, "")
	add("join.trade", v.TradeName.In(l, "fr").Words, "")
	add("join.quarter", v.QuarterName.In(l, "fr").Words, "")
	add("join.phone", "", v.Phone)
	add("join.email", "", v.Email)
	add("join.workshop", v.Workshop, "")
	if v.Years > 0 {
		add("join.years", "", strconv.Itoa(v.Years))
	}
	add("join.register_number", "", v.RegisterNumber)
	add("join.vouchers", v.Vouchers, "")
	add("join.about", v.About, "")
	add("applications.sent", l.Date(v.SentAt), "")
	if v.State != membership.Open && v.Phone != "" {
		// The words go out in the applicant's language.
		page.WhatsApp = whatsApp(v.Phone, lang.Or(v.Language).T("applications.told."+string(v.State)))
	}
	return h.Site.Render(c, status, "admin/application", page)
}

// createVote serves POST /admin/applications/:ref.
func (h *Handlers) createVote(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	vote := form.Value("vote")
	if vote != "yes" && vote != "no" {
		return web.ErrMalformed
	}
	judge, err := moderation.JudgeOf(ctx, h.Pool, a)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		_, err := membership.Decide(ctx, tx, judge, c.Param("ref"), vote == "yes", form.Value("words"), h.Site.Now())
		return err
	})
	if form.Take(err) {
		return h.renderApplication(c, a, http.StatusUnprocessableEntity, form)
	}
	if errors.Is(err, membership.ErrDecided) || errors.Is(err, membership.ErrVoted) {
		return h.renderApplication(c, a, http.StatusConflict, form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, applicationsPath+"/"+c.Param("ref"))
	return nil
}
