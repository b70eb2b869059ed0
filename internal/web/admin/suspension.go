package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// SuspensionForm is partial/suspension: a workshop to be closed for a while, or
// one that is.
type SuspensionForm struct {
	Suspended *union.Suspension // nil where the workshop is not
	Action    string            // empty for who may not
	Lift      string
	Why       string
	Wrong     string
}

func (h *Handlers) newSuspensionForm(c *gin.Context, a identity.Account, m union.Artisan) (f SuspensionForm, err error) {
	s, ok, err := union.SuspensionOf(c.Request.Context(), h.Pool, m.ID)
	if err != nil {
		return f, err
	}
	if ok {
		f.Suspended = &s
	}
	if !a.May(identity.SuspendArtisans) || a.ID == m.Account {
		return f, nil
	}
	switch {
	case ok:
		f.Lift = "/admin/artisans/" + m.Slug + "/reinstatement"
	case m.State != union.Left:
		f.Action = "/admin/artisans/" + m.Slug + "/suspension"
	}
	return f, nil
}

// createSuspension serves POST /admin/artisans/:slug/suspension. The artisan is
// signed out everywhere.
func (h *Handlers) createSuspension(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	if m.Account == a.ID {
		return identity.ErrForbidden
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return union.Suspend(ctx, tx, m, form.Value("why"), a.ID, h.Site.Now())
	})
	if form.Take(err) {
		page, err := h.newArtisanPage(c, a, m)
		if err != nil {
			return err
		}
		page.Suspension.Why, page.Suspension.Wrong = form.Value("why"), form.Wrong("why")
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/artisan", page)
	}
	if err != nil {
		return err
	}
	if m.Account != 0 {
		if err := h.Site.Sessions.Revoke(ctx, m.Account); err != nil {
			return err
		}
	}
	web.Redirect(c, "/admin/artisans/"+m.Slug)
	return nil
}

// createReinstatement serves POST /admin/artisans/:slug/reinstatement.
func (h *Handlers) createReinstatement(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	if m.Account == a.ID {
		return identity.ErrForbidden
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return union.Reinstate(ctx, tx, m, a.ID, h.Site.Now()) })
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/artisans/"+m.Slug)
	return nil
}
