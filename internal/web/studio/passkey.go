package studio

import (
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// offerMember serves POST /studio/welcome/:token/passkey.
func (h *Handlers) offerMember(c *gin.Context) error {
	if err := h.Site.Limits.Allow(c, welcomeLimit, c.ClientIP()); err != nil {
		return err
	}
	ctx := c.Request.Context()
	a, err := union.InvitedBy(ctx, h.Pool, c.Param("token"), h.Site.Now())
	if err != nil {
		return err
	}
	challenge, err := h.Site.Passkeys.Offer(ctx, h.Pool, a.Account, a.Name)
	return h.Site.Challenge(c, challenge, err)
}

// createMemberByPasskey serves POST /studio/welcome/:token/passkey/answer.
func (h *Handlers) createMemberByPasskey(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if err := h.Site.Limits.Allow(c, welcomeLimit, c.ClientIP()); err != nil {
		return err
	}
	kept, answer, err := h.Site.Answered(c)
	if err != nil {
		return err
	}
	key, err := h.Site.Passkeys.Read(kept, answer)
	if err != nil {
		return err
	}
	var account identity.Account
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		id, err := union.ComeInByPasskey(ctx, tx, c.Param("token"), key, l.Code, h.Site.Now())
		if err != nil {
			return err
		}
		account, err = identity.ByID(ctx, tx, id)
		return err
	})
	if err != nil {
		return err
	}
	return h.Site.SignedIn(c, account, "/studio")
}

// offerPasskey serves POST /studio/passkey: always for the account that is
// signed in, never for whom it helps.
func (h *Handlers) offerPasskey(c *gin.Context, account identity.Account) error {
	challenge, err := h.Site.Passkeys.Offer(c.Request.Context(), h.Pool, account.ID, account.Name)
	return h.Site.Challenge(c, challenge, err)
}

// createPasskey serves POST /studio/passkey/answer.
func (h *Handlers) createPasskey(c *gin.Context, account identity.Account) error {
	kept, answer, err := h.Site.Answered(c)
	if err != nil {
		return err
	}
	key, err := h.Site.Passkeys.Read(kept, answer)
	if err != nil {
		return err
	}
	err = postgres.InTx(c.Request.Context(), h.Pool, func(tx pgx.Tx) error {
		return identity.AddPasskey(c.Request.Context(), tx, account.ID, key, h.Site.Now())
	})
	if err != nil {
		return err
	}
	return h.Site.SignedIn(c, account, "/studio")
}
