package studio

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// Pause is what a suspended artisan is told: who closed the workshop and why,
// and whom to call.
type Pause struct {
	Why   string
	Union string
	Phone string
	Home  string
}

// refuseSuspended leads a suspended artisan to what there is to prepare; there
// is nothing else for them in the studio.
func refuseSuspended(c *gin.Context) error {
	if c.Request.Method != http.MethodGet {
		return identity.ErrForbidden
	}
	web.Redirect(c, "/studio/orders")
	return nil
}

// pause tells a suspended artisan so on the page of what is to be prepared.
func (h *Handlers) pause(c *gin.Context, a union.Artisan, page *OrdersPage) error {
	ctx, l := c.Request.Context(), web.Language(c)
	s, ok, err := union.SuspensionOf(ctx, h.Pool, a.ID)
	if err != nil || !ok {
		return err
	}
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	page.Section = "" // No way leads on.
	page.Pause = &Pause{Why: s.Why, Union: profile.Name.In(l, "fr").Words, Phone: profile.Phone, Home: page.Home}
	return nil
}
