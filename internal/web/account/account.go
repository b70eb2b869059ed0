// Package account is what everyone has who can sign in: the second step of
// signing in, the devices on which they are signed in, and the links by which
// they get a password.
package account

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/web"
)

// Handlers are the pages of one's own account.
type Handlers struct {
	Site *web.Site
	Pool *pgxpool.Pool
}

// AddRoutes registers the pages of one's own account.
func (h *Handlers) AddRoutes(r *gin.Engine) {
	r.GET("/account", h.Site.Anyone(func(c *gin.Context, _ identity.Account) error {
		web.Redirect(c, sessionsPath)
		return nil
	}))
	r.GET(sessionsPath, h.Site.Anyone(h.listSessions))
	r.POST(sessionsPath+"/end", h.Site.Anyone(h.endOtherSessions))
	r.POST(sessionsPath+"/:name/end", h.Site.Anyone(h.endSession))
	r.GET(factorPath, h.Site.Anyone(h.showFactor))
	r.POST(factorPath+"/codes", h.Site.Anyone(h.createCodes))
	r.POST(factorPath+"/end", h.Site.Anyone(h.endFactor))
	r.GET(factorPath+"/new", h.Site.Handle(h.newFactor))
	r.POST(factorPath+"/new", h.Site.Handle(h.createFactor))
	r.GET(stepPath, h.Site.Handle(h.newStep))
	r.POST(stepPath, h.Site.Handle(h.createStep))
	r.GET("/account/welcome/:token", h.Site.Handle(h.newPassword))
	r.POST("/account/welcome/:token", h.Site.Handle(h.createPassword))
	r.POST("/account/welcome/:token/passkey", h.Site.Handle(h.offerPasskey))
	r.POST("/account/welcome/:token/passkey/answer", h.Site.Handle(h.createByPasskey))
}

const (
	sessionsPath = "/account/sessions"
	factorPath   = "/account/second-factor"
	stepPath     = "/account/step"
)

func (h *Handlers) page(c *gin.Context, section, title string) web.Page {
	p := h.Site.Page(c, title)
	p.NoIndex, p.Section = true, section
	return p
}

// mine is the page of someone who is signed in, with the ways back to work.
func (h *Handlers) mine(c *gin.Context, a identity.Account, section, title string) web.Page {
	p := h.page(c, section, title)
	p.User = &web.User{Name: a.Name, Studio: a.May(identity.EnterStudio), Office: a.May(identity.EnterAdmin)}
	return p
}

// SessionsPage is account/sessions: where someone is signed in.
type SessionsPage struct {
	web.Page
	Devices []DeviceRow
	Others  bool
	Said    string
}

// DeviceRow is a device on which someone is signed in.
type DeviceRow struct {
	Device      string
	Begun, Seen time.Time
	Dated       bool
	Current     bool
	End         string
}

// listSessions serves GET /account/sessions.
func (h *Handlers) listSessions(c *gin.Context, a identity.Account) error {
	l := web.Language(c)
	devices, err := h.Site.Sessions.Devices(c.Request.Context(), a.ID, h.Site.Sessions.Current(c))
	if err != nil {
		return err
	}
	page := &SessionsPage{Page: h.mine(c, a, "sessions", l.T("account.sessions")), Others: len(devices) > 1}
	if c.Query("ended") != "" {
		page.Said = l.T("account.sessions.ended")
	}
	for _, d := range devices {
		page.Devices = append(page.Devices, DeviceRow{Device: web.DeviceName(l, d), Begun: d.Begun, Seen: d.Seen, Dated: !d.Seen.IsZero(), Current: d.Current,
			End: sessionsPath + "/" + d.Name + "/end"})
	}
	return h.Site.Render(c, http.StatusOK, "account/sessions", page)
}

// endSession serves POST /account/sessions/:name/end.
func (h *Handlers) endSession(c *gin.Context, a identity.Account) error {
	return h.end(c, a, func(ctx context.Context) error { return h.Site.Sessions.RevokeOne(ctx, a.ID, c.Param("name")) })
}

// endOtherSessions serves POST /account/sessions/end.
func (h *Handlers) endOtherSessions(c *gin.Context, a identity.Account) error {
	return h.end(c, a, func(ctx context.Context) error {
		return h.Site.Sessions.RevokeOthers(ctx, a.ID, h.Site.Sessions.Current(c))
	})
}

func (h *Handlers) end(c *gin.Context, a identity.Account, do func(context.Context) error) error {
	ctx := c.Request.Context()
	if err := do(ctx); err != nil {
		return err
	}
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return identity.RecordSignedOut(ctx, tx, a.ID, a.ID) })
	if err != nil {
		return err
	}
	web.Redirect(c, sessionsPath+"?ended=1")
	return nil
}

// WelcomePage is account/welcome: someone chooses a password.
type WelcomePage struct {
	web.Page
	Name     string
	Reset    bool
	Password web.Field
	Passkey  *web.Passkey
	Action   string
}

var welcomeLimit = web.Limit{Name: "account-welcome", Times: 30, In: 10 * time.Minute}

// linked returns whose link it is. Looking does not use it up.
func (h *Handlers) linked(c *gin.Context) (identity.Account, identity.LinkKind, error) {
	if err := h.Site.Limits.Allow(c, welcomeLimit, c.ClientIP()); err != nil {
		return identity.Account{}, "", err
	}
	a, kind, err := identity.ByLink(c.Request.Context(), h.Pool, c.Param("token"), h.Site.Now())
	if err == nil {
		web.SetLanguage(lang.Or(a.Language))(c)
	}
	return a, kind, err
}

// newPassword serves GET /account/welcome/:token.
func (h *Handlers) newPassword(c *gin.Context) error {
	a, kind, err := h.linked(c)
	if err != nil {
		return err
	}
	return h.renderWelcome(c, http.StatusOK, a, kind, web.EmptyForm(c))
}

func (h *Handlers) renderWelcome(c *gin.Context, status int, a identity.Account, kind identity.LinkKind, form *web.Form) error {
	l := web.Language(c)
	page := &WelcomePage{Page: h.page(c, "", l.T("studio.welcome", a.Name)), Name: a.Name, Reset: kind == identity.ResetLink, Action: "/account/welcome/" + c.Param("token")}
	if h.Site.Passkeys.Possible() && !page.Reset {
		page.Passkey = &web.Passkey{Way: "create", Options: page.Action + "/passkey", Answer: page.Action + "/passkey/answer",
			Label: l.T("account.by_passkey"), More: l.T("account.by_passkey.more")}
	}
	page.Password = form.Field("studio", "password", "new-password", func(f *web.Field) {
		f.Type, f.Dir, f.Required, f.Value = "password", "ltr", true, ""
	})
	return h.Site.Render(c, status, "account/welcome", page)
}

// createPassword serves POST /account/welcome/:token. Whoever was signed in
// before is signed out: the old password may have been stolen.
func (h *Handlers) createPassword(c *gin.Context) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	a, kind, err := h.linked(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		_, err := identity.PasswordByLink(ctx, tx, c.Param("token"), form.Value("password"), h.Site.Now())
		return err
	})
	if errors.Is(err, identity.ErrWeakPassword) {
		wrong(form, "password", "sign_in.weak", identity.MinPassword)
		return h.renderWelcome(c, http.StatusUnprocessableEntity, a, kind, form)
	}
	if err != nil {
		return err
	}
	if err := h.Site.Sessions.Revoke(ctx, a.ID); err != nil {
		return err
	}
	return h.Site.Passed(c, a, atWork(a))
}

// atWork is where an account's work is.
func atWork(a identity.Account) string {
	switch {
	case a.May(identity.EnterAdmin):
		return "/admin"
	case a.May(identity.EnterStudio):
		return "/studio"
	}
	return sessionsPath
}

// offerPasskey serves POST /account/welcome/:token/passkey.
func (h *Handlers) offerPasskey(c *gin.Context) error {
	a, kind, err := h.linked(c)
	if err != nil {
		return err
	}
	if kind != identity.InvitationLink {
		return web.ErrNoPage
	}
	challenge, err := h.Site.Passkeys.Offer(c.Request.Context(), h.Pool, a.ID, a.Name)
	return h.Site.Challenge(c, challenge, err)
}

// createByPasskey serves POST /account/welcome/:token/passkey/answer.
func (h *Handlers) createByPasskey(c *gin.Context) error {
	ctx := c.Request.Context()
	_, kind, err := h.linked(c)
	if err != nil {
		return err
	}
	if kind != identity.InvitationLink {
		return web.ErrNoPage
	}
	kept, answer, err := h.Site.Answered(c)
	if err != nil {
		return err
	}
	key, err := h.Site.Passkeys.Read(kept, answer)
	if err != nil {
		return err
	}
	var a identity.Account
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		a, err = identity.PasskeyByLink(ctx, tx, c.Param("token"), key, h.Site.Now())
		return err
	})
	if err != nil {
		return err
	}
	return h.Site.SignedIn(c, a, atWork(a))
}
