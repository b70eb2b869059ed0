package shop

import (
	"html/template"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/page"
	"kissaria.ma/internal/web"
)

// TextPage is shop/text: one of the union's own pages.
type TextPage struct {
	web.Page
	Name lang.Text
	Body template.HTML
	Of   lang.Text // the body's language
}

// showText serves GET /{lang}/terms and its like, and with no slug
// GET /{lang}/pages/:slug.
func (h *Handlers) showText(slug string) func(*gin.Context) error {
	return func(c *gin.Context) error {
		l, slug := web.Language(c), slug
		if slug == "" {
			if slug = c.Param("slug"); slices.Contains(page.Rooted, slug) {
				return web.ErrNoPage // It has an address of its own.
			}
		}
		p, err := page.BySlug(c.Request.Context(), h.Pool, slug)
		if err != nil {
			return err
		}
		v := &TextPage{Name: p.Title.In(l, "fr"), Of: p.Body.In(l, "fr")}
		if v.Body, err = page.HTML(v.Of.Words); err != nil {
			return err
		}
		v.Page = h.Site.Page(c, v.Name.Words)
		v.Section, v.Steady = "union", true
		return h.Site.Render(c, http.StatusOK, "shop/text", v)
	}
}
