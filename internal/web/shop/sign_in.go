package shop

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/web"
)

// SignInPage is shop/sign_in.
type SignInPage struct {
	web.Page
	Email    web.Field
	Password web.Field
	Next     string
	Said     string
	Action   string
	Passkey  *web.Passkey
	Demo     []identity.DemoAccount
	OneStep  bool // staff may do without a second step here, because it is a demonstration
}

// Sign-in is counted by address and by account, so that neither one network
// nor many can guess at one password for long.
var (
	signInByAddress = web.Limit{Name: "sign-in-address", Times: 20, In: 10 * time.Minute}
	signInByAccount = web.Limit{Name: "sign-in-account", Times: 10, In: 10 * time.Minute}
)

// newSession serves GET /{lang}/sign-in.
func (h *Handlers) newSession(c *gin.Context) error {
	form := web.EmptyForm(c)
	form.Set("next", c.Query("next"))
	return h.Site.Render(c, http.StatusOK, "shop/sign_in", h.newSignInPage(c, form))
}

func (h *Handlers) newSignInPage(c *gin.Context, form *web.Form) *SignInPage {
	l := web.Language(c)
	page := &SignInPage{Page: h.Site.Page(c, l.T("sign_in.title")), Next: web.LocalPath(form.Value("next")), Action: web.Path(c, "/sign-in")}
	page.NoIndex = true
	if h.Site.Passkeys.Possible() {
		page.Passkey = &web.Passkey{Way: "get", Options: page.Action + "/passkey",
			Answer: page.Action + "/passkey/answer?next=" + url.QueryEscape(page.Next), Label: l.T("sign_in.by_finger")}
	}
	page.Email = form.Field("sign_in", "email", "username", func(f *web.Field) { f.Dir, f.Required = "ltr", true })
	page.Password = form.Field("sign_in", "password", "current-password", func(f *web.Field) {
		f.Type, f.Dir, f.Required, f.Value = "password", "ltr", true, ""
	})
	if h.Site.Demo {
		page.Demo, page.OneStep = identity.DemoAccounts, !h.Site.FactorRequired
	}
	return page
}

// createSession serves POST /{lang}/sign-in.
func (h *Handlers) createSession(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, signInByAddress, c.ClientIP()); err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, signInByAccount, strings.ToLower(form.Value("email"))); err != nil {
		return err
	}
	a, err := identity.SignIn(ctx, h.Pool, form.Value("email"), form.Value("password"))
	if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
		page := h.newSignInPage(c, form)
		page.Said = l.T(f.Key)
		return h.Site.Render(c, http.StatusUnprocessableEntity, "shop/sign_in", page)
	}
	if err != nil {
		return err
	}
	h.Site.SetCookie(c, web.LanguageCookie, l.Code, 365*24*3600, true)
	return h.Site.Passed(c, a, landing(c, a, form.Value("next")))
}

// landing is where someone goes who has signed in: where they were going, or
// where their work is.
func landing(c *gin.Context, a identity.Account, next string) string {
	switch next = web.LocalPath(next); {
	case next != "":
		return next
	case a.May(identity.SeeOrders):
		return "/admin/orders"
	case a.May(identity.EnterStudio):
		return "/studio"
	case a.May(identity.EnterAdmin):
		return "/admin"
	}
	return web.Path(c, "/")
}

// askPasskey serves POST /{lang}/sign-in/passkey.
func (h *Handlers) askPasskey(c *gin.Context) error {
	if err := h.Site.Limits.Allow(c, signInByAddress, c.ClientIP()); err != nil {
		return err
	}
	challenge, err := h.Site.Passkeys.Ask()
	return h.Site.Challenge(c, challenge, err)
}

// createSessionByPasskey serves POST /{lang}/sign-in/passkey/answer.
func (h *Handlers) createSessionByPasskey(c *gin.Context) error {
	ctx := c.Request.Context()
	if err := h.Site.Limits.Allow(c, signInByAddress, c.ClientIP()); err != nil {
		return err
	}
	kept, answer, err := h.Site.Answered(c)
	if err != nil {
		return err
	}
	var a identity.Account
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		a, err = h.Site.Passkeys.SignIn(ctx, tx, kept, answer, h.Site.Now())
		return err
	})
	if err != nil {
		return err
	}
	h.Site.SetCookie(c, web.LanguageCookie, web.Language(c).Code, 365*24*3600, true)
	return h.Site.SignedIn(c, a, landing(c, a, c.Query("next")))
}

// setLanguage serves POST /{lang}/language, for the pages whose address names no
// language: the studio's and the office's.
func (h *Handlers) setLanguage(c *gin.Context) error {
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	l := web.Language(c)
	switch a, err := h.Site.Account(c); {
	case errors.Is(err, web.ErrSignedOut):
	case err != nil:
		return err
	default:
		if err := identity.SetLanguage(c.Request.Context(), h.Pool, a.ID, l.Code); err != nil {
			return err
		}
	}
	h.Site.SetCookie(c, web.LanguageCookie, l.Code, 365*24*3600, true)
	back := web.LocalPath(form.Value("back"))
	if back == "" {
		back = web.Path(c, "/")
	}
	web.Redirect(c, back)
	return nil
}

// destroySession serves POST /{lang}/sign-out.
func (h *Handlers) destroySession(c *gin.Context) error {
	if err := h.Site.Sessions.End(c); err != nil {
		return err
	}
	web.Redirect(c, web.Path(c, "/"))
	return nil
}
