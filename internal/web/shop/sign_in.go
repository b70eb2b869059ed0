package shop

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
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
	Demo     []identity.DemoAccount
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
	page := &SignInPage{Page: h.Site.Page(c, l.T("sign_in.title")), Next: localPath(form.Value("next")), Action: web.Path(c, "/sign-in")}
	page.NoIndex = true
	page.Email = form.Field("sign_in", "email", "username", func(f *web.Field) { f.Dir, f.Required = "ltr", true })
	page.Password = form.Field("sign_in", "password", "current-password", func(f *web.Field) {
		f.Type, f.Dir, f.Required, f.Value = "password", "ltr", true, ""
	})
	if h.Site.Demo {
		page.Demo = identity.DemoAccounts
	}
	return page
}

// localPath keeps a way back within this site.
func localPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n") || len(s) > 500 {
		return ""
	}
	return s
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
	if err := h.Site.Sessions.Begin(c, a); err != nil {
		return err
	}
	h.Site.SetCookie(c, web.LanguageCookie, l.Code, 365*24*3600, true)
	next := localPath(form.Value("next"))
	switch {
	case next != "":
	case a.May(identity.SeeOrders):
		next = "/admin/orders"
	case a.May(identity.EnterStudio):
		next = "/studio"
	case a.May(identity.EnterAdmin):
		next = "/admin"
	default:
		next = web.Path(c, "/")
	}
	web.Redirect(c, next)
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
