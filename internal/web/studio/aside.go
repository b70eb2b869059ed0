package studio

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// ConfirmPage is studio/confirm: one piece, and whether it is to leave the
// market or come back to it.
type ConfirmPage struct {
	web.Page
	Asks   string
	More   string
	Title  lang.Text
	Photo  web.Picture
	Paying int // pieces of it that buyers are paying for
	Leaves bool
	Does   string
	Action string
}

// newWithdrawal serves GET /studio/pieces/:slug/withdrawal.
func (h *Handlers) newWithdrawal(c *gin.Context, _ identity.Account, a union.Artisan) error {
	return h.confirm(c, a, "withdrawal", catalog.OnSale)
}

// newReturn serves GET /studio/pieces/:slug/return.
func (h *Handlers) newReturn(c *gin.Context, _ identity.Account, a union.Artisan) error {
	return h.confirm(c, a, "return", catalog.Withdrawn)
}

// confirm asks once more. Where another phone was first there is nothing left
// to ask, and the list says how things stand.
func (h *Handlers) confirm(c *gin.Context, a union.Artisan, act string, from catalog.State) error {
	ctx, l := c.Request.Context(), web.Language(c)
	o, err := catalog.OwnProduct(ctx, h.Pool, a.ID, c.Param("slug"))
	if err != nil {
		return err
	}
	if o.State != from || from == catalog.OnSale && !o.Left() {
		web.Redirect(c, "/studio/pieces")
		return nil
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, o.Picture)
	if err != nil {
		return err
	}
	page := &ConfirmPage{Page: h.page(c, "pieces", l.T("studio."+act)), Asks: l.T("studio." + act), More: l.T("studio." + act + ".more"),
		Title: o.Title.In(l, o.WrittenIn), Photo: pictures.Make(o.Picture, "studio-piece__photo", "", "6rem", false),
		Leaves: from == catalog.OnSale, Does: l.T("studio." + act + ".do"), Action: "/studio/pieces/" + o.Slug + "/" + act}
	for _, v := range o.Variants {
		page.Paying += v.Held
	}
	return h.Site.Render(c, http.StatusOK, "studio/confirm", page)
}

// createWithdrawal serves POST /studio/pieces/:slug/withdrawal.
func (h *Handlers) createWithdrawal(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return catalog.Withdraw(ctx, tx, a.ID, c.Param("slug"), account.ID)
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/pieces?withdrawn=1")
	return nil
}

// createReturn serves POST /studio/pieces/:slug/return.
func (h *Handlers) createReturn(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return catalog.PutBack(ctx, tx, a.ID, c.Param("slug"), account.ID)
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/pieces?put_back=1")
	return nil
}

// createCopy serves POST /studio/pieces/:slug/copy, and leads to the new
// draft's first step.
func (h *Handlers) createCopy(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	var token string
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		token, err = catalog.Copy(ctx, tx, a.ID, c.Param("slug"), web.Language(c), account.ID)
		return err
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/drafts/"+token+"/"+steps[0])
	return nil
}

// createEdit serves POST /studio/pieces/:slug/edit, and leads to the edit's first
// step. Buyers see the piece as it was until the committee approves the new one.
func (h *Handlers) createEdit(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	var token string
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		token, err = catalog.Edit(ctx, tx, a.ID, c.Param("slug"), web.Language(c), account.ID)
		return err
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/drafts/"+token+"/"+steps[0])
	return nil
}

// deleteEdit serves POST /studio/drafts/:token/leave: the piece stays as buyers
// see it.
func (h *Handlers) deleteEdit(c *gin.Context, _ identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return catalog.LeaveAsIs(ctx, tx, a.ID, c.Param("token")) })
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/pieces?left=1")
	return nil
}
