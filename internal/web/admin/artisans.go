package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/training"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// ArtisansPage is admin/artisans: the union's register.
type ArtisansPage struct {
	web.Page
	Artisans []ArtisanRow
	Trades   []TradeChoice
	Quarters []TradeChoice
	States   []TradeChoice
	Search   string
	Next     string
	Export   string
	Said     string
	MayAdd   bool
	Ticks    bool // that any can be ticked
	Most     int
}

// ArtisanRow is an artisan in the register.
type ArtisanRow struct {
	Path, Name, Other string
	Trade, Quarter    string
	State, StateKind  string
	CameIn            bool
	Tick              string // the name of its tick, empty where there is nothing to invite to
}

// TradeChoice is a trade, quarter or state to narrow the register by.
type TradeChoice struct {
	Slug, Name string
	Selected   bool
}

// listArtisans serves GET /admin/artisans.
func (h *Handlers) listArtisans(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	f := registerFilter(c)
	list, more, err := union.Register(ctx, h.Pool, f)
	if err != nil {
		return err
	}
	trades, err := union.Trades(ctx, h.Pool)
	if err != nil {
		return err
	}
	page := &ArtisansPage{Page: h.page(c, a, l.T("admin.artisans")), Search: f.Query}
	page.Section = "artisans"
	for _, t := range trades {
		page.Trades = append(page.Trades, TradeChoice{t.Slug, t.Name.In(l, "fr").Words, t.Slug == f.Trade})
	}
	quarters, err := union.Quarters(ctx, h.Pool)
	if err != nil {
		return err
	}
	for _, q := range quarters {
		page.Quarters = append(page.Quarters, TradeChoice{q.Slug, q.Name.In(l, "fr").Words, q.Slug == f.Quarter})
	}
	for _, s := range union.States {
		page.States = append(page.States, TradeChoice{string(s), l.T("artisan.state." + string(s)), s == f.State})
	}
	page.Most = perPage
	page.Export, page.MayAdd = "/admin/artisans.csv?"+c.Request.URL.Query().Encode(), a.May(identity.InviteArtisans)
	if c.Query("imported") != "" {
		page.Said = l.T("admin.import.done")
	}
	for _, m := range list {
		row := newArtisanRow(l, m)
		if page.MayAdd && mayBeInvited(m) {
			row.Tick, page.Ticks = tickOf(m.Slug), true
		}
		page.Artisans = append(page.Artisans, row)
	}
	if more {
		q := c.Request.URL.Query()
		q.Set("after", list[len(list)-1].Slug)
		page.Next = "/admin/artisans?" + q.Encode()
	}
	return h.Site.Render(c, http.StatusOK, "admin/artisans", page)
}

// registerFilter reads by what the register is narrowed. What makes no sense
// narrows nothing.
func registerFilter(c *gin.Context) union.RegisterFilter {
	f := union.RegisterFilter{Query: shorten(c.Query("q")), Limit: perPage}
	for name, field := range map[string]*string{"trade": &f.Trade, "quarter": &f.Quarter, "after": &f.After} {
		if v := c.Query(name); catalog.IsSlug(v) {
			*field = v
		}
	}
	if s := union.State(c.Query("state")); slices.Contains(union.States, s) {
		f.State = s
	}
	return f
}

func newArtisanRow(l *lang.Language, m union.Artisan) ArtisanRow {
	name, other := m.NameIn(l)
	r := ArtisanRow{Path: "/admin/artisans/" + m.Slug, Name: name.Words, Other: other.Words, Trade: m.TradeName.In(l, "fr").Words,
		Quarter: m.QuarterName.In(l, "fr").Words, State: l.T("artisan.state." + string(m.State)), CameIn: m.Account != 0}
	r.StateKind = map[union.State]string{union.Active: "right", union.Invited: "waiting", union.Applied: "waiting", union.Suspended: "wrong"}[m.State]
	return r
}

// shorten bounds what is searched for.
func shorten(s string) string {
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > 100 {
		return string(r[:100])
	}
	return s
}

// ArtisanPage is admin/artisan.
type ArtisanPage struct {
	web.Page
	ArtisanRow
	Slug       string
	Phone      string
	Email      string
	Register   string
	Joined     time.Time
	Speaks     string
	ShopPath   string
	Verdicts   string // how many of the photos were as shown, empty where none was compared
	Action     string
	Invited    *Invitation // just made; shown once
	Trainings  []TrainingLine
	Helpers    string // who helps, in one sentence
	Give       string // where a code for a helper is made; empty for who may not
	Offer      *HelperOffer
	Suspension SuspensionForm
	Leave      LeaveForm
	MemberPart
	Marks *MarkPart // nil for who has nothing to do with them
}

// TrainingLine is a course that an artisan finished.
type TrainingLine struct {
	Path  string
	Title lang.Text
	On    time.Time
}

// HelperOffer is a code for whoever is to help an artisan, shown once.
type HelperOffer struct {
	URL, Code string
	QR        web.QR
	Until     time.Time
}

// Invitation is a link that lets an artisan in, once.
type Invitation struct {
	URL      string
	WhatsApp string
	QR       web.QR
	Until    time.Time
}

// showArtisan serves GET /admin/artisans/:slug.
func (h *Handlers) showArtisan(c *gin.Context, a identity.Account) error {
	m, err := union.Member(c.Request.Context(), h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	page, err := h.newArtisanPage(c, a, m)
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "admin/artisan", page)
}

func (h *Handlers) newArtisanPage(c *gin.Context, a identity.Account, m union.Artisan) (*ArtisanPage, error) {
	l := web.Language(c)
	helpers, err := union.HelpersOf(c.Request.Context(), h.Pool, m.ID)
	if err != nil {
		return nil, err
	}
	row := newArtisanRow(l, m)
	page := &ArtisanPage{Page: h.page(c, a, row.Name), ArtisanRow: row, Slug: m.Slug, Phone: m.Phone, Email: m.Email, Register: m.RegisterNumber,
		Joined: m.Joined, ShopPath: "/" + l.Code + "/artisans/" + m.Slug}
	page.Section = "artisans"
	var speaks []string
	for _, code := range m.Speaks {
		speaks = append(speaks, l.LanguageName(code))
	}
	page.Speaks = l.List(speaks)
	if a.May(identity.InviteArtisans) && m.State != union.Left && m.State != union.Suspended {
		page.Action = "/admin/artisans/" + m.Slug + "/invitation"
	}
	if page.Leave, err = h.newLeaveForm(c, a, m); err != nil {
		return nil, err
	}
	var names []string
	for _, v := range helpers {
		if v.Confirmed() {
			names = append(names, v.Helper)
		}
	}
	page.Helpers = l.List(names)
	if a.May(identity.GiveHelpers) && m.State != union.Left && m.State != union.Suspended {
		page.Give = "/admin/artisans/" + m.Slug + "/helper"
	}
	asShown, differed, err := order.CountVerdicts(c.Request.Context(), h.Pool, m.ID)
	if err != nil {
		return nil, err
	}
	if asShown+differed > 0 {
		page.Verdicts = l.T("admin.verdicts", asShown+differed, asShown, differed, order.DifferedShare(asShown, differed))
	}
	if page.Marks, err = h.newMarkPart(c, a, m); err != nil {
		return nil, err
	}
	finished, err := training.FinishedBy(c.Request.Context(), h.Pool, m.ID)
	if err != nil {
		return nil, err
	}
	for _, d := range finished {
		page.Trainings = append(page.Trainings, TrainingLine{trainingsPath + "/" + d.Course, d.Title.In(l, "fr"), d.On})
	}
	if page.Suspension, err = h.newSuspensionForm(c, a, m); err != nil {
		return nil, err
	}
	return page, h.fillMember(c, a, page, m)
}

// createHelperOffer serves POST /admin/artisans/:slug/helper, for an artisan who
// stands at the counter.
func (h *Handlers) createHelperOffer(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	var offer union.Offer
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		offer, err = union.OfferHelping(ctx, tx, m, a.ID, true, h.Site.Now())
		return err
	})
	if err != nil {
		return err
	}
	page, err := h.newArtisanPage(c, a, m)
	if err != nil {
		return err
	}
	page.Offer = &HelperOffer{URL: h.Site.PublicURL + "/studio/help/" + offer.Token, Code: offer.Code[:3] + " " + offer.Code[3:], Until: offer.Until}
	if page.Offer.QR, err = web.NewQR(page.Offer.URL, l.T("helping.code", page.Name)); err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "admin/artisan", page)
}

// createInvitation serves POST /admin/artisans/:slug/invitation. Whoever was
// signed in before, on a phone that may be lost, is signed out.
func (h *Handlers) createInvitation(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	now := h.Site.Now()
	var token string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		token, err = union.Invite(ctx, tx, m.ID, a.ID, now)
		return err
	})
	if err != nil {
		return err
	}
	if m.Account != 0 {
		if err := h.Site.Sessions.Revoke(ctx, m.Account); err != nil {
			return err
		}
	}
	page, err := h.newArtisanPage(c, a, m)
	if err != nil {
		return err
	}
	if page.Invited, err = h.newInvitation(l, m, token, now); err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "admin/artisan", page)
}

// newInvitation shows the way in that a token opens, once.
func (h *Handlers) newInvitation(l *lang.Language, m union.Artisan, token string, now time.Time) (*Invitation, error) {
	invited := &Invitation{URL: h.Site.PublicURL + "/studio/welcome/" + token, Until: now.Add(union.InvitationLife)}
	name, _ := m.NameIn(l)
	var err error
	if invited.QR, err = web.NewQR(invited.URL, l.T("admin.invitation.code", name)); err != nil {
		return nil, err
	}
	// The words go out in the artisan's language.
	theirs := lang.Or(m.WrittenIn)
	name, _ = m.NameIn(theirs)
	invited.WhatsApp = whatsApp(m.Phone, theirs.T("studio.invitation", name, invited.URL))
	return invited, nil
}
