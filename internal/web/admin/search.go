package admin

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// SearchPage is admin/search: what the words in the office's bar lead to.
type SearchPage struct {
	web.Page
	Orders       []OrderRow
	OrdersMore   string // where the rest is, empty where this is all
	Artisans     []ArtisanRow
	ArtisansMore string
	Pieces       []PieceRow
	Found        bool
}

// PieceRow is a piece that was found.
type PieceRow struct {
	Title            lang.Text
	Path             string // in the shop, empty where nobody sees it
	State            string
	StateKind        string
	Maker, MakerPath string
	Office           string // where one rules on it, empty for who may not
}

// perKind bounds what is shown of orders, of artisans and of pieces.
const perKind = 10

// showSearch serves GET /admin/search.
func (h *Handlers) showSearch(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	query := shorten(c.Query("q"))
	page := &SearchPage{Page: h.page(c, a, l.T("admin.search"))}
	page.Query = query
	if query == "" {
		return h.Site.Render(c, http.StatusOK, "admin/search", page)
	}
	orders, more, err := order.List(ctx, h.Pool, order.Filter{Query: query, Limit: perKind})
	if err != nil {
		return err
	}
	q := "?" + url.Values{"q": {query}}.Encode()
	if more {
		page.OrdersMore = ordersPath + q
	}
	for _, o := range orders {
		page.Orders = append(page.Orders, newOrderRow(l, o))
	}
	artisans, more, err := union.Register(ctx, h.Pool, union.RegisterFilter{Query: query, Limit: perKind})
	if err != nil {
		return err
	}
	if more {
		page.ArtisansMore = "/admin/artisans" + q
	}
	for _, m := range artisans {
		page.Artisans = append(page.Artisans, newArtisanRow(l, m))
	}
	pieces, err := catalog.Find(ctx, h.Pool, query, perKind)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		page.Pieces = append(page.Pieces, newPieceRow(l, p, a.May(identity.JudgePieces)))
	}
	page.Found = len(orders)+len(artisans)+len(pieces) > 0
	return h.Site.Render(c, http.StatusOK, "admin/search", page)
}

func newPieceRow(l *lang.Language, p catalog.Found, judges bool) PieceRow {
	name, _ := union.Artisan{Name: p.Maker, NameArabic: p.MakerArabic}.NameIn(l)
	r := PieceRow{Title: p.Title.In(l, p.WrittenIn), State: l.T("product.state." + string(p.State)), Maker: name.Words, MakerPath: "/admin/artisans/" + p.MakerSlug}
	if p.State == catalog.OnSale {
		r.Path, r.StateKind = "/"+l.Code+"/products/"+p.Slug, "right"
	}
	if judges && p.State != catalog.Drafted {
		r.Office = piecePath(p.Slug)
	}
	return r
}
