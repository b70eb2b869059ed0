package account

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/web"
)

// wrong notes one fault of a form beside its field.
func wrong(form *web.Form, field, key string, args ...any) {
	var f fault.Form
	f.Wrong(field, key, args...)
	form.Take(f.Err())
}

// Codes are counted by account and by address, so that nobody tries them all.
var (
	codeByAccount = web.Limit{Name: "second-step-account", Times: 8, In: 10 * time.Minute}
	codeByAddress = web.Limit{Name: "second-step-address", Times: 40, In: 10 * time.Minute}
)

// tryCode does what a code of the second step opens, in one transaction. It
// returns false where the code was wrong, which is then said beside its field.
func (h *Handlers) tryCode(c *gin.Context, a identity.Account, form *web.Form, do func(tx pgx.Tx, code string, now time.Time) error) (bool, error) {
	if err := h.Site.Limits.Allow(c, codeByAddress, c.ClientIP()); err != nil {
		return false, err
	}
	if err := h.Site.Limits.Allow(c, codeByAccount, fmt.Sprint(a.ID)); err != nil {
		return false, err
	}
	err := postgres.InTx(c.Request.Context(), h.Pool, func(tx pgx.Tx) error {
		return do(tx, form.Value("code"), h.Site.Now())
	})
	if errors.Is(err, identity.ErrWrongCode) {
		wrong(form, "code", "factor.wrong")
		return false, nil
	}
	return err == nil, err
}

func codeField(form *web.Form) web.Field {
	return form.Field("factor", "code", "one-time-code", func(f *web.Field) { f.Dir, f.Required, f.MaxLength, f.Value = "ltr", true, 20, "" })
}

// StepPage is account/step: the second step of signing in.
type StepPage struct {
	web.Page
	Name   string
	Code   web.Field
	Next   string
	SignIn string
}

// half returns who is half signed in. Someone who is not signs in anew.
func (h *Handlers) half(c *gin.Context) (identity.Account, error) {
	a, err := h.Site.HalfSignedIn(c)
	if err == nil {
		web.SetLanguage(lang.Or(a.Language))(c)
	}
	return a, err
}

// newStep serves GET /account/step. Someone who has no second step yet, and must
// have one, is led to setting it up.
func (h *Handlers) newStep(c *gin.Context) error {
	next := web.LocalPath(c.Query("next"))
	a, err := h.half(c)
	if errors.Is(err, web.ErrSignedOut) {
		web.Redirect(c, web.Path(c, "/sign-in?next="+url.QueryEscape(next)))
		return nil
	}
	if err != nil {
		return err
	}
	f, err := identity.FactorOf(c.Request.Context(), h.Pool, a.ID)
	if err != nil {
		return err
	}
	if !f.On() {
		web.Redirect(c, factorPath+"/new?next="+url.QueryEscape(next))
		return nil
	}
	form := web.EmptyForm(c)
	form.Set("next", next)
	return h.renderStep(c, http.StatusOK, a, form)
}

func (h *Handlers) renderStep(c *gin.Context, status int, a identity.Account, form *web.Form) error {
	page := &StepPage{Page: h.page(c, "", web.Language(c).T("factor.step")), Name: a.Name, Code: codeField(form), Next: web.LocalPath(form.Value("next")),
		SignIn: web.Path(c, "/sign-in")}
	return h.Site.Render(c, status, "account/step", page)
}

// createStep serves POST /account/step.
func (h *Handlers) createStep(c *gin.Context) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	a, err := h.half(c)
	if errors.Is(err, web.ErrSignedOut) {
		web.Redirect(c, web.Path(c, "/sign-in?next="+url.QueryEscape(web.LocalPath(form.Value("next")))))
		return nil
	}
	if err != nil {
		return err
	}
	right, err := h.tryCode(c, a, form, func(tx pgx.Tx, code string, now time.Time) error {
		return h.Site.Factors.Check(ctx, tx, a.ID, code, now)
	})
	if err != nil {
		return err
	}
	if !right {
		return h.renderStep(c, http.StatusUnprocessableEntity, a, form)
	}
	if err := h.whole(c, a); err != nil {
		return err
	}
	next := web.LocalPath(form.Value("next"))
	if next == "" {
		next = atWork(a)
	}
	web.Redirect(c, next)
	return nil
}

// whole signs in who was half signed in.
func (h *Handlers) whole(c *gin.Context, a identity.Account) error {
	return errors.Join(h.Site.Sessions.EndHalf(c), h.Site.Sessions.Begin(c, a, true))
}

// SetUpPage is account/factor_new: the code to scan, and a first one to type.
type SetUpPage struct {
	web.Page
	QR       web.QR
	Secret   string
	Code     web.Field
	Next     string
	Required bool
}

// either returns who is signed in, wholly or half.
func (h *Handlers) either(c *gin.Context) (identity.Account, error) {
	a, err := h.Site.Account(c)
	if errors.Is(err, web.ErrSignedOut) {
		return h.half(c)
	}
	if err == nil {
		web.SetLanguage(lang.Or(a.Language))(c)
	}
	return a, err
}

// newFactor serves GET /account/second-factor/new.
func (h *Handlers) newFactor(c *gin.Context) error {
	a, err := h.either(c)
	if err != nil {
		return err
	}
	form := web.EmptyForm(c)
	form.Set("next", c.Query("next"))
	return h.renderSetUp(c, http.StatusOK, a, form)
}

func (h *Handlers) renderSetUp(c *gin.Context, status int, a identity.Account, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	page := &SetUpPage{Page: h.page(c, "", l.T("factor.set_up")), Code: codeField(form), Next: web.LocalPath(form.Value("next")),
		Required: h.Site.FactorRequired && a.Staff()}
	var address string
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		page.Secret, address, err = h.Site.Factors.Begin(ctx, tx, a, page.Market, a.Name, h.Site.Now())
		return err
	})
	if err != nil {
		return err
	}
	page.Secret = inFours(page.Secret)
	if page.QR, err = web.NewQR(address, l.T("factor.scan")); err != nil {
		return err
	}
	return h.Site.Render(c, status, "account/factor_new", page)
}

// inFours writes a secret so that it can be typed off.
func inFours(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// CodesPage is account/codes: the codes on paper, shown once.
type CodesPage struct {
	web.Page
	Codes []string
	Next  string
}

// createFactor serves POST /account/second-factor/new. All other devices are
// signed out: they came in without it.
func (h *Handlers) createFactor(c *gin.Context) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	a, err := h.either(c)
	if err != nil {
		return err
	}
	var codes []string
	right, err := h.tryCode(c, a, form, func(tx pgx.Tx, code string, now time.Time) (err error) {
		codes, err = h.Site.Factors.Confirm(ctx, tx, a.ID, code, now)
		return err
	})
	if err != nil {
		return err
	}
	if !right {
		return h.renderSetUp(c, http.StatusUnprocessableEntity, a, form)
	}
	if err := h.Site.Sessions.Revoke(ctx, a.ID); err != nil {
		return err
	}
	if err := h.whole(c, a); err != nil {
		return err
	}
	next := web.LocalPath(form.Value("next"))
	if next == "" {
		next = factorPath
	}
	return h.renderCodes(c, codes, next)
}

func (h *Handlers) renderCodes(c *gin.Context, codes []string, next string) error {
	return h.Site.Render(c, http.StatusOK, "account/codes", &CodesPage{Page: h.page(c, "", web.Language(c).T("factor.codes")), Codes: codes, Next: next})
}

// FactorPage is account/factor: how it stands with one's second step.
type FactorPage struct {
	web.Page
	On       bool
	Since    time.Time
	Left     int
	Code     web.Field
	Required bool // it cannot be given up
	Said     string
}

// showFactor serves GET /account/second-factor.
func (h *Handlers) showFactor(c *gin.Context, a identity.Account) error {
	return h.renderFactor(c, http.StatusOK, a, web.EmptyForm(c))
}

func (h *Handlers) renderFactor(c *gin.Context, status int, a identity.Account, form *web.Form) error {
	l := web.Language(c)
	f, err := identity.FactorOf(c.Request.Context(), h.Pool, a.ID)
	if err != nil {
		return err
	}
	page := &FactorPage{Page: h.mine(c, a, "factor", l.T("factor.title")), On: f.On(), Since: f.Since, Left: f.Codes, Code: codeField(form),
		Required: h.Site.FactorRequired && a.Staff()}
	if c.Query("ended") != "" {
		page.Said = l.T("factor.ended")
	}
	return h.Site.Render(c, status, "account/factor", page)
}

// createCodes serves POST /account/second-factor/codes.
func (h *Handlers) createCodes(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	var codes []string
	right, err := h.tryCode(c, a, form, func(tx pgx.Tx, code string, now time.Time) (err error) {
		codes, err = h.Site.Factors.NewRecoveryCodes(ctx, tx, a.ID, code, now)
		return err
	})
	if err != nil {
		return err
	}
	if !right {
		return h.renderFactor(c, http.StatusUnprocessableEntity, a, form)
	}
	return h.renderCodes(c, codes, factorPath)
}

// endFactor serves POST /account/second-factor/end.
func (h *Handlers) endFactor(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if h.Site.FactorRequired && a.Staff() {
		return identity.ErrForbidden
	}
	right, err := h.tryCode(c, a, form, func(tx pgx.Tx, code string, now time.Time) error {
		if err := h.Site.Factors.Check(ctx, tx, a.ID, code, now); err != nil {
			return err
		}
		return identity.RemoveFactor(ctx, tx, a.ID, a.ID)
	})
	if err != nil {
		return err
	}
	if !right {
		return h.renderFactor(c, http.StatusUnprocessableEntity, a, form)
	}
	web.Redirect(c, factorPath+"?ended=1")
	return nil
}
