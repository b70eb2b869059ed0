package studio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// forCookie remembers the slug of the artisan for whom a helper works on this
// phone. It opens nothing: at each request the helping itself is looked up.
const (
	forCookie = "for"
	forDays   = 90
)

// helpingKey is where a request keeps its *web.For.
const helpingKey = "helping"

// errNobodyChosen is for a helper who has to say first for whom.
var errNobodyChosen = fault.New(fault.Conflict, "helping.choose")

// own lets in artisans and their helpers to everything of the workshop, unless
// the union has closed it: then there is only what is still to be prepared.
func (h *Handlers) own(fn func(*gin.Context, identity.Account, union.Artisan) error) gin.HandlerFunc {
	return h.preparing(func(c *gin.Context, account identity.Account, a union.Artisan) error {
		if a.State == union.Suspended {
			return refuseSuspended(c)
		}
		return fn(c, account, a)
	})
}

// preparing lets in artisans and their helpers, and gives each handler the
// account that asks and the artisan it asks for, also where the union has closed
// the workshop: what buyers paid for is still brought. Nobody else's pieces,
// orders or money can be named in an address. What a helper does is on record
// here, once for all handlers.
func (h *Handlers) preparing(fn func(*gin.Context, identity.Account, union.Artisan) error) gin.HandlerFunc {
	return h.Site.For(identity.EnterStudio, func(c *gin.Context, a identity.Account) error {
		artisan, err := h.worksFor(c, a)
		if errors.Is(err, errNobodyChosen) {
			web.Redirect(c, "/studio/for")
			return nil
		}
		if err != nil {
			return err
		}
		if artisan.Account == a.ID {
			return fn(c, a, artisan)
		}
		name, _ := artisan.NameIn(web.Language(c))
		c.Set(helpingKey, &web.For{Artisan: name.Words, Helper: a.Name})
		return h.onRecord(c, a, artisan, fn)
	})
}

// mine is own for what no helper may do.
func (h *Handlers) mine(fn func(*gin.Context, identity.Account, union.Artisan) error) gin.HandlerFunc {
	return h.own(func(c *gin.Context, a identity.Account, artisan union.Artisan) error {
		if artisan.Account != a.ID {
			return web.ErrNoPage
		}
		return fn(c, a, artisan)
	})
}

// worksFor returns the artisan for whom an account is at work: the one chosen on
// this phone, its own workshop, or the only one it helps. It never falls back
// from a choice that is not good any more: what was meant for one workshop must
// not be done in another. It returns errNobodyChosen, or identity.ErrForbidden.
func (h *Handlers) worksFor(c *gin.Context, a identity.Account) (union.Artisan, error) {
	ctx := c.Request.Context()
	own, err := union.OfAccount(ctx, h.Pool, a.ID)
	if err != nil && !errors.Is(err, union.ErrNoArtisan) {
		return union.Artisan{}, err
	}
	chosen, _ := c.Cookie(forCookie)
	if own.ID != 0 && (chosen == "" || chosen == own.Slug) {
		return own, nil
	}
	if !a.May(identity.ActFor) {
		if own.ID != 0 { // Another account's choice, on the same phone.
			return own, nil
		}
		return union.Artisan{}, identity.ErrForbidden
	}
	if chosen == "" {
		if chosen, err = union.OnlyHelped(ctx, h.Pool, a.ID); err != nil {
			return union.Artisan{}, err
		}
		if chosen == "" {
			return union.Artisan{}, errNobodyChosen
		}
	}
	artisan, err := union.Helped(ctx, h.Pool, chosen, a.ID)
	if errors.Is(err, union.ErrNoArtisan) {
		h.Site.SetCookie(c, forCookie, "", -1, true)
		return union.Artisan{}, errNobodyChosen
	}
	return artisan, err
}

// onRecord does for an artisan what a helper asks for. Every transaction in
// which something is changed writes into the audit, itself, that it was done by
// the one for the other; a change outside of a transaction is written down
// after it.
func (h *Handlers) onRecord(c *gin.Context, a identity.Account, artisan union.Artisan, fn func(*gin.Context, identity.Account, union.Artisan) error) error {
	ctx := identity.OnBehalf(c.Request.Context(), artisan.Slug)
	written := false
	record := func(ctx context.Context, tx pgx.Tx) error {
		written = true
		return identity.Record(ctx, tx, identity.Entry{By: a.ID, Action: "helping.acted", Subject: "artisan:" + artisan.Slug,
			After: acted(c)})
	}
	if c.Request.Method == http.MethodPost {
		c.Request = c.Request.WithContext(postgres.WithLast(ctx, record))
	} else {
		c.Request = c.Request.WithContext(ctx)
	}
	if err := fn(c, a, artisan); err != nil {
		return err
	}
	if c.Request.Method != http.MethodPost || written || c.Writer.Status() >= http.StatusBadRequest {
		return nil
	}
	return postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return record(ctx, tx) })
}

// acted tells what was asked for: the route, and what it names. A draft's token
// opens the draft, and is left out.
func acted(c *gin.Context) map[string]any {
	said := map[string]any{"what": c.FullPath()}
	for _, p := range c.Params {
		if p.Key != "token" {
			said[p.Key] = p.Value
		}
	}
	return said
}

// HelpersPage is studio/helpers: who acts for the artisan.
type HelpersPage struct {
	web.Page
	Helpers []HelperRow
	Offer   *OfferView // just made; shown once
	Said    string
}

// HelperRow is someone who helps, or asks to.
type HelperRow struct {
	Name    string
	Phone   string
	Since   time.Time
	Waits   bool
	Confirm string
	End     string
}

// OfferView is a link and a code for a helper.
type OfferView struct {
	URL   string
	Code  string // in two groups of three
	QR    web.QR
	Until time.Time
}

func newOfferView(s *web.Site, l *lang.Language, o union.Offer, name string) (*OfferView, error) {
	v := &OfferView{URL: s.PublicURL + "/studio/help/" + o.Token, Code: o.Code[:3] + " " + o.Code[3:], Until: o.Until}
	var err error
	v.QR, err = web.NewQR(v.URL, l.T("helping.code", name))
	return v, err
}

// listHelpers serves GET /studio/helpers.
func (h *Handlers) listHelpers(c *gin.Context, _ identity.Account, a union.Artisan) error {
	return h.renderHelpers(c, a, nil)
}

func (h *Handlers) renderHelpers(c *gin.Context, a union.Artisan, offer *OfferView) error {
	l := web.Language(c)
	list, err := union.HelpersOf(c.Request.Context(), h.Pool, a.ID)
	if err != nil {
		return err
	}
	page := &HelpersPage{Page: h.page(c, "workshop", l.T("helping.helpers")), Offer: offer}
	for _, v := range list {
		r := HelperRow{Name: v.Helper, Phone: v.HelperPhone, Since: v.ConfirmedAt, Waits: !v.Confirmed(), End: "/studio/helpers/" + v.Ref + "/end"}
		if r.Waits {
			r.Since, r.Confirm = v.AskedAt, "/studio/helpers/"+v.Ref+"/confirmation"
		}
		page.Helpers = append(page.Helpers, r)
	}
	switch {
	case c.Query("ended") != "":
		page.Said = l.T("helping.ended")
	case c.Query("begun") != "":
		page.Said = l.T("helping.begun")
	}
	return h.Site.Render(c, http.StatusOK, "studio/helpers", page)
}

var offerLimit = web.Limit{Name: "helper-offer", Times: 20, In: time.Hour}

// createOffer serves POST /studio/helpers.
func (h *Handlers) createOffer(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if err := h.Site.Limits.Allow(c, offerLimit, a.Slug); err != nil {
		return err
	}
	var offer union.Offer
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		offer, err = union.OfferHelping(ctx, tx, a, account.ID, false, h.Site.Now())
		return err
	})
	if err != nil {
		return err
	}
	name, _ := a.NameIn(l)
	view, err := newOfferView(h.Site, l, offer, name.Words)
	if err != nil {
		return err
	}
	return h.renderHelpers(c, a, view)
}

// createConfirmation serves POST /studio/helpers/:ref/confirmation.
func (h *Handlers) createConfirmation(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return union.ConfirmHelping(ctx, tx, a, c.Param("ref"), account.ID, h.Site.Now())
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/helpers?begun=1")
	return nil
}

// endHelper serves POST /studio/helpers/:ref/end.
func (h *Handlers) endHelper(c *gin.Context, account identity.Account, _ union.Artisan) error {
	return h.end(c, account, "/studio/helpers?ended=1")
}

// endHelping serves POST /studio/for/:ref/end.
func (h *Handlers) endHelping(c *gin.Context, account identity.Account) error {
	return h.end(c, account, "/studio/for?ended=1")
}

func (h *Handlers) end(c *gin.Context, account identity.Account, next string) error {
	ctx := c.Request.Context()
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return union.EndHelping(ctx, tx, c.Param("ref"), account.ID, h.Site.Now())
	})
	if err != nil {
		return err
	}
	web.Redirect(c, next)
	return nil
}

// HelpPage is studio/help: someone is asked to help an artisan, and says who
// they are.
type HelpPage struct {
	web.Page
	Name     lang.Text
	Action   string
	As       string // who is signed in; empty for someone who is not
	SignIn   string
	Person   web.Field
	Phone    web.Field
	Password web.Field
}

// newHelper serves GET /studio/help/:token. Looking does not use the link up.
func (h *Handlers) newHelper(c *gin.Context) error {
	if err := h.Site.Limits.Allow(c, welcomeLimit, c.ClientIP()); err != nil {
		return err
	}
	account, err := h.maybe(c)
	if err != nil {
		return err
	}
	a, err := union.OfferedBy(c.Request.Context(), h.Pool, c.Param("token"), h.Site.Now())
	if err != nil {
		return err
	}
	return h.renderHelp(c, http.StatusOK, account, a, web.EmptyForm(c))
}

// maybe returns who is signed in, and the zero account for nobody.
func (h *Handlers) maybe(c *gin.Context) (identity.Account, error) {
	a, err := h.Site.Account(c)
	if errors.Is(err, web.ErrSignedOut) {
		return identity.Account{}, nil
	}
	if err == nil {
		web.SetLanguage(lang.Or(a.Language))(c)
	}
	return a, err
}

func (h *Handlers) renderHelp(c *gin.Context, status int, account identity.Account, a union.Artisan, form *web.Form) error {
	l := web.Language(c)
	name, _ := a.NameIn(l)
	page := &HelpPage{Page: h.page(c, "", l.T("helping.help", name)), Name: name, Action: "/studio/help/" + c.Param("token"), As: account.Name}
	page.SignIn = web.Path(c, "/sign-in?next="+page.Action)
	page.Person = form.Field("helping", "person", "name", func(f *web.Field) { f.Required, f.MaxLength = true, 100 })
	page.Phone = form.Field("helping", "phone", "tel", func(f *web.Field) { f.Type, f.Dir, f.Required, f.MaxLength = "tel", "ltr", true, 30 })
	page.Password = form.Field("studio", "password", "new-password", func(f *web.Field) {
		f.Type, f.Dir, f.Required, f.Value = "password", "ltr", true, ""
	})
	return h.Site.Render(c, status, "studio/help", page)
}

// createHelper serves POST /studio/help/:token: by someone who is signed in, or
// by someone who makes an account with it.
func (h *Handlers) createHelper(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, welcomeLimit, c.ClientIP()); err != nil {
		return err
	}
	account, err := h.maybe(c)
	if err != nil {
		return err
	}
	a, err := union.OfferedBy(ctx, h.Pool, c.Param("token"), h.Site.Now())
	if err != nil {
		return err
	}
	n := identity.New{Name: form.Value("person"), Phone: identity.Phone(form.Value("phone")), Password: form.Value("password"), Language: l.Code}
	if account.ID == 0 {
		var f fault.Form
		if n.Name == "" || len([]rune(n.Name)) > 100 {
			f.Wrong("person", "helping.person.missing")
		}
		if n.Phone == "" {
			f.Wrong("phone", "helping.phone.missing")
		}
		if len([]rune(n.Password)) < identity.MinPassword {
			f.Wrong("password", "sign_in.weak", identity.MinPassword)
		}
		if form.Take(f.Err()) {
			return h.renderHelp(c, http.StatusUnprocessableEntity, account, a, form)
		}
	}
	id := account.ID
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		if account.ID == 0 {
			if id, err = identity.Create(ctx, tx, n, 0); err != nil {
				return err
			}
		}
		_, err = union.TakeOffer(ctx, tx, c.Param("token"), id, h.Site.Now())
		return err
	})
	var f fault.Form
	switch {
	case errors.Is(err, identity.ErrPhoneTaken):
		f.Wrong("phone", identity.ErrPhoneTaken.Key)
	case errors.Is(err, identity.ErrWeakPassword):
		f.Wrong("password", "sign_in.weak", identity.MinPassword)
	}
	if form.Take(f.Err()) {
		return h.renderHelp(c, http.StatusUnprocessableEntity, account, a, form)
	}
	if err != nil {
		return err
	}
	if account.ID == 0 {
		made, err := identity.ByID(ctx, h.Pool, id)
		if err != nil {
			return err
		}
		if err := h.Site.Sessions.Begin(c, made, false); err != nil {
			return err
		}
	}
	h.choose(c, a.Slug)
	web.Redirect(c, "/studio")
	return nil
}

func (h *Handlers) choose(c *gin.Context, slug string) {
	h.Site.SetCookie(c, forCookie, slug, forDays*24*3600, true)
}

// ForPage is studio/for: for whom a helper works now.
type ForPage struct {
	web.Page
	Own     string // slug of one's own workshop, empty for none
	Now     string // slug of the one chosen
	Helped  []HelpedRow
	Phone   web.Field
	Code    web.Field
	Ask     web.Field
	Passkey *web.Passkey
	Said    string
}

// HelpedRow is an artisan whom one helps, or has asked to.
type HelpedRow struct {
	Slug  string
	Name  lang.Text
	Since time.Time
	Waits bool
	Now   bool
	End   string
}

// listHelped serves GET /studio/for.
func (h *Handlers) listHelped(c *gin.Context, a identity.Account) error {
	return h.renderFor(c, http.StatusOK, a, web.EmptyForm(c))
}

func (h *Handlers) renderFor(c *gin.Context, status int, a identity.Account, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	list, err := union.HelpedBy(ctx, h.Pool, a.ID)
	if err != nil {
		return err
	}
	own, err := union.OfAccount(ctx, h.Pool, a.ID)
	if err != nil && !errors.Is(err, union.ErrNoArtisan) {
		return err
	}
	page := &ForPage{Page: h.page(c, "for", l.T("helping.for")), Own: own.Slug}
	page.Now, _ = c.Cookie(forCookie)
	if page.Now == "" {
		page.Now = own.Slug
	}
	for _, v := range list {
		r := HelpedRow{Slug: v.Slug, Name: v.NameIn(l), Since: v.ConfirmedAt, Waits: !v.Confirmed(), Now: v.Slug == page.Now, End: "/studio/for/" + v.Ref + "/end"}
		if r.Waits {
			r.Since = v.AskedAt
		}
		page.Helped = append(page.Helped, r)
	}
	tel := func(f *web.Field) { f.Type, f.Dir, f.Required, f.MaxLength = "tel", "ltr", true, 30 }
	page.Phone = form.Field("helping", "artisan", "off", tel)
	page.Code = form.Field("helping", "digits", "one-time-code", func(f *web.Field) { f.InputMode, f.Dir, f.Required, f.MaxLength = "numeric", "ltr", true, 12 })
	page.Ask = form.Field("helping", "ask", "off", tel)
	if h.Site.Passkeys.Possible() && own.ID == 0 {
		has, err := identity.HasPasskey(ctx, h.Pool, a.ID)
		if err != nil {
			return err
		}
		if !has && a.May(identity.EnterStudio) {
			page.Passkey = &web.Passkey{Way: "create", Options: "/studio/passkey", Answer: "/studio/passkey/answer", Label: l.T("studio.finger_next")}
		}
	}
	switch {
	case c.Query("ended") != "":
		page.Said = l.T("helping.ended")
	case c.Query("asked") != "":
		page.Said = l.T("helping.asked")
	}
	return h.Site.Render(c, status, "studio/for", page)
}

// Six digits are few: who tries them is counted, and whose they are.
var (
	codeByAccount = web.Limit{Name: "helper-code", Times: 10, In: time.Hour}
	codeByArtisan = web.Limit{Name: "helper-code-artisan", Times: 20, In: time.Hour}
	askByAccount  = web.Limit{Name: "helper-ask", Times: 10, In: time.Hour}
)

// createHelping serves POST /studio/for: the artisan's number and the six
// digits.
func (h *Handlers) createHelping(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, codeByAccount, fmt.Sprint(a.ID)); err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, codeByArtisan, identity.Phone(form.Value("artisan"))); err != nil {
		return err
	}
	var helped union.Artisan
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		helped, err = union.TakeCode(ctx, tx, form.Value("artisan"), form.Value("digits"), a.ID, h.Site.Now())
		return err
	})
	if errors.Is(err, union.ErrNoOffer) {
		var f fault.Form
		f.Wrong("digits", "helping.digits.wrong")
		form.Take(f.Err())
		return h.renderFor(c, http.StatusUnprocessableEntity, a, form)
	}
	if err != nil {
		return err
	}
	h.choose(c, helped.Slug)
	web.Redirect(c, "/studio")
	return nil
}

// askToHelp serves POST /studio/for/ask.
func (h *Handlers) askToHelp(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, askByAccount, fmt.Sprint(a.ID)); err != nil {
		return err
	}
	if identity.Phone(form.Value("ask")) == "" {
		var f fault.Form
		f.Wrong("ask", "helping.phone.missing")
		form.Take(f.Err())
		return h.renderFor(c, http.StatusUnprocessableEntity, a, form)
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return union.AskToHelp(ctx, tx, form.Value("ask"), a, h.Site.Now())
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/for?asked=1")
	return nil
}

// chooseHelped serves POST /studio/for/choose.
func (h *Handlers) chooseHelped(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	slug := form.Value("slug")
	own, err := union.OfAccount(ctx, h.Pool, a.ID)
	if err != nil && !errors.Is(err, union.ErrNoArtisan) {
		return err
	}
	if own.ID == 0 || slug != own.Slug {
		if _, err := union.Helped(ctx, h.Pool, slug, a.ID); err != nil {
			return err
		}
	}
	h.choose(c, slug)
	web.Redirect(c, "/studio")
	return nil
}
