// Package shop is the market that buyers walk through: from the front page to
// the order.
package shop

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/cart"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/page"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/payment/sandbox"
	"kissaria.ma/internal/web"
)

// Handlers are the shop's pages.
type Handlers struct {
	Site    *web.Site
	Pool    *pgxpool.Pool
	Media   *media.Library
	Carts   *cart.Store
	Desk    *checkout.Desk
	Stripe  *payment.Stripe
	Sandbox *sandbox.Server // nil where real money is taken
}

// AddRoutes registers the shop's pages in every language.
func (h *Handlers) AddRoutes(r *gin.Engine) {
	s := h.Site
	r.GET("/", s.Handle(h.chooseLanguage))
	// A code on a stall is read by people of every language.
	r.GET("/products/:slug", s.Handle(h.chooseLanguage))
	r.GET("/artisans/:slug", s.Handle(h.chooseLanguage))
	for _, l := range lang.All {
		g := r.Group("/"+l.Code, web.SetLanguage(l))
		get := func(path string, fn func(*gin.Context) error) {
			g.GET(path, s.Handle(fn))
			g.HEAD(path, s.Handle(fn))
		}
		// What is the same for every visitor, and kept by the page cache.
		public := func(path string, fn func(*gin.Context) error, query web.Query) {
			handle := s.Public(fn, query)
			g.GET(path, handle)
			g.HEAD(path, handle)
		}
		public("/", h.showHome, nil)
		public("/products", h.listProducts, listQuery)
		public("/products/:slug", h.showProduct, nil)
		get("/products/:slug/report", h.newReport)
		g.POST("/products/:slug/report", s.Handle(h.createReport))
		public("/trades", h.listTrades, nil)
		public("/trades/:slug", h.showTrade, nil)
		public("/artisans", h.listArtisans, artisansQuery)
		public("/artisans/:slug", h.showArtisan, nil)
		public("/collections/:slug", h.showCollection, nil)
		public("/union", h.showUnion, nil)
		public("/union/committees", h.listCommittees, nil)
		public("/help/:slug", h.showHelp, nil)
		for _, slug := range page.Rooted {
			public("/"+slug, h.showText(slug), nil)
		}
		public("/pages/:slug", h.showText(""), nil)
		get("/join", h.newApplication)
		g.POST("/join", s.Handle(h.createApplication))
		get("/cart", h.showCart)
		g.POST("/cart/lines", s.Handle(h.createCartLine))
		g.POST("/cart/lines/:variant", s.Handle(h.updateCartLine))
		get("/checkout", h.newOrder)
		g.POST("/checkout", s.Handle(h.createOrder))
		get("/orders/:token", h.showOrder)
		g.POST("/orders/:token/payment", s.Handle(h.createPayment))
		g.POST("/orders/:token/reviews/:position", s.Handle(h.saveReview))
		get("/sign-in", h.newSession)
		g.POST("/language", s.Handle(h.setLanguage))
		g.POST("/sign-in", s.Handle(h.createSession))
		g.POST("/sign-in/passkey", s.Handle(h.askPasskey))
		g.POST("/sign-in/passkey/answer", s.Handle(h.createSessionByPasskey))
		g.POST("/sign-out", s.Handle(h.destroySession))
	}
	r.GET("/media/:key/:file", s.Handle(h.showPicture))
	r.HEAD("/media/:key/:file", s.Handle(h.showPicture))
	r.GET("/voices/:key", s.Handle(s.SendVoice(h.Media)))
	r.HEAD("/voices/:key", s.Handle(s.SendVoice(h.Media)))
	r.POST("/webhooks/stripe", s.Handle(h.hearStripe))
	r.GET("/robots.txt", s.Handle(h.showRobots))
	r.GET("/sitemap.xml", s.Handle(h.showSitemap))
	if h.Sandbox != nil {
		r.GET("/sandbox/pay/:id", s.Handle(h.newSandboxPayment))
		r.POST("/sandbox/pay/:id", s.Handle(h.createSandboxPayment))
		r.POST("/sandbox/pay/:id/confirmation", s.Handle(h.createSandboxConfirmation))
		r.GET("/sandbox/mail", s.Handle(h.listMails))
		r.GET("/sandbox/mail/:id", s.Handle(h.showMail))
	}
}

// chooseLanguage leads from an address without a language to the same page in
// the one that suits the visitor.
func (h *Handlers) chooseLanguage(c *gin.Context) error {
	c.Header("Vary", "Accept-Language, Cookie")
	c.Header("Cache-Control", "private, no-store")
	c.Redirect(http.StatusFound, web.Path(c, c.Request.URL.EscapedPath()))
	return nil
}
