package shop

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// ListPage is shop/products: all products, a search, and what the facets leave.
type ListPage struct {
	web.Page
	Heading   string
	Found     string
	Cards     []ProductCard
	Groups    []FacetGroup
	Colours   []Choice
	Min, Max  string
	Lowest    int // dirhams
	Highest   int
	Ready     bool
	ReadyHow  int
	Chosen    []Chip
	ClearPath string
	Sorts     []SortChoice
	Next      string
	Action    string
}

// FacetGroup is a facet with its choices.
type FacetGroup struct {
	Name    string // of the query's parameter
	Legend  string
	Choices []Choice
	More    []Choice // behind a fold
	Open    bool
}

// Choice is one choice of a facet.
type Choice struct {
	Value   string
	Name    lang.Text
	Hex     string
	Count   int
	Checked bool
}

// Chip is something chosen, with the list without it.
type Chip struct {
	Name string
	Path string
}

// SortChoice is an order of the list.
type SortChoice struct {
	Value, Name string
	Selected    bool
}

const perPage = 24

// readFilter reads a list's address. Whatever makes no sense is left out: a
// made-up facet, a negative price and a broken cursor give the plain list.
func readFilter(q url.Values) catalog.Filter {
	slugs := func(name string) []string {
		var list []string
		for _, v := range q[name] {
			if catalog.IsSlug(v) && !slices.Contains(list, v) && len(list) < 30 {
				list = append(list, v)
			}
		}
		return list
	}
	dirhams := func(name string) int {
		n, err := strconv.Atoi(strings.TrimSpace(q.Get(name)))
		if err != nil || n < 0 || n > 10_000_000 {
			return 0
		}
		return n
	}
	return catalog.Filter{
		Query: strings.ToValidUTF8(strings.TrimSpace(q.Get("q")), ""), Trades: slugs("trade"), Kinds: slugs("kind"),
		Quarters: slugs("quarter"), Materials: slugs("material"), Colours: slugs("colour"),
		Min: dirhams("min"), Max: dirhams("max"), Ready: q.Get("ready") != "", Sort: catalog.Sort(q.Get("sort")),
		After: q.Get("after"), Limit: perPage,
	}
}

// listQuery brings a list's address into order. A search and the later pages of
// a list are not kept: there is no end to them.
func listQuery(q url.Values) (known url.Values, keep bool) {
	f := readFilter(q)
	known = url.Values{}
	for name, slugs := range map[string][]string{"trade": f.Trades, "kind": f.Kinds, "quarter": f.Quarters, "material": f.Materials, "colour": f.Colours} {
		if len(slugs) > 0 {
			known[name] = slices.Sorted(slices.Values(slugs))
		}
	}
	for name, n := range map[string]int{"min": f.Min, "max": f.Max} {
		if n > 0 {
			known.Set(name, strconv.Itoa(n))
		}
	}
	if f.Ready {
		known.Set("ready", "1")
	}
	if slices.Contains(sorts, f.Sort) {
		known.Set("sort", string(f.Sort))
	}
	return known, f.Query == "" && f.After == ""
}

// sorts are the orders of a list, as they are offered.
var sorts = []catalog.Sort{catalog.Newest, catalog.Cheapest, catalog.Dearest}

var searchLimit = web.Limit{Name: "search", Times: 120, In: minute}

// listProducts serves GET /{lang}/products.
func (h *Handlers) listProducts(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	q := c.Request.URL.Query()
	f := readFilter(q)
	if f.Query != "" {
		// Browsing works without Redis, and so does searching.
		if err := h.Site.Limits.Allow(c, searchLimit, c.ClientIP()); isTooMany(err) {
			return err
		} else if err != nil {
			h.Site.Log.WarnContext(ctx, "searches are not counted", "error", err)
		}
	}
	web.MadeOf(ctx, union.Lists)
	found, err := catalog.List(ctx, h.Pool, f)
	if err != nil {
		return err
	}
	facets, err := catalog.CountFacets(ctx, h.Pool, f)
	if err != nil {
		return err
	}
	page := &ListPage{Page: h.Site.Page(c, l.T("list.title")), Heading: l.T("list.title"), Action: web.Path(c, "/products")}
	page.Section, page.Steady, page.Query = "products", f.Query == "", f.Query
	page.NoIndex = f.Query != "" || f.After != ""
	if f.Query != "" {
		page.Heading = l.T("list.searched", f.Query)
		page.Title = page.Heading
	}
	page.Found = l.T("list.found", facets.Total, l.T("list.workshops", facets.Workshops))
	if page.Cards, err = newCards(ctx, h.Pool, l, found.Cards); err != nil {
		return err
	}
	for i := range min(2, len(page.Cards)) {
		page.Cards[i].Photo.Eager = true
	}
	page.Lowest, page.Highest = int(facets.Lowest.Minor/100), int(facets.Highest.Minor/100)
	page.Min, page.Max = blankZero(f.Min), blankZero(f.Max)
	page.Ready, page.ReadyHow = f.Ready, facets.Ready
	page.Groups = []FacetGroup{
		facetGroup(l, "trade", facets.Trades, f.Trades, 7),
		facetGroup(l, "kind", facets.Kinds, f.Kinds, 6),
		facetGroup(l, "quarter", facets.Quarters, f.Quarters, 4),
	}
	for _, v := range facets.Colours {
		page.Colours = append(page.Colours, Choice{v.Slug, v.Name.In(l, "fr"), v.Hex, v.Count, slices.Contains(f.Colours, v.Slug)})
	}
	page.Chosen = chips(c, l, f, page.Groups, page.Colours)
	page.ClearPath = page.Action
	for _, s := range sorts {
		page.Sorts = append(page.Sorts, SortChoice{string(s), l.T("list.sort." + string(s)), f.Sort == s})
	}
	if found.Next != "" {
		q.Set("after", found.Next)
		page.Next = page.Action + "?" + q.Encode()
	}
	return h.Site.Render(c, http.StatusOK, "shop/products", page)
}

func blankZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func facetGroup(l *lang.Language, name string, facets []catalog.Facet, chosen []string, shown int) FacetGroup {
	g := FacetGroup{Name: name, Legend: l.T("facet." + name)}
	for i, v := range facets {
		choice := Choice{Value: v.Slug, Name: v.Name.In(l, "fr"), Count: v.Count, Checked: slices.Contains(chosen, v.Slug)}
		if i < shown {
			g.Choices = append(g.Choices, choice)
			continue
		}
		g.More = append(g.More, choice)
		g.Open = g.Open || choice.Checked
	}
	return g
}

// chips lists what was chosen, each with the way back from it.
func chips(c *gin.Context, l *lang.Language, f catalog.Filter, groups []FacetGroup, colours []Choice) []Chip {
	without := func(name, value string) string {
		q := c.Request.URL.Query()
		q.Del("after")
		q[name] = slices.DeleteFunc(q[name], func(v string) bool { return v == value })
		return web.Path(c, "/products") + "?" + q.Encode()
	}
	var list []Chip
	if f.Query != "" {
		list = append(list, Chip{f.Query, without("q", c.Request.URL.Query().Get("q"))})
	}
	for _, g := range groups {
		for _, choice := range slices.Concat(g.Choices, g.More) {
			if choice.Checked {
				list = append(list, Chip{choice.Name.Words, without(g.Name, choice.Value)})
			}
		}
	}
	for _, choice := range colours {
		if choice.Checked {
			list = append(list, Chip{choice.Name.Words, without("colour", choice.Value)})
		}
	}
	if f.Min > 0 {
		list = append(list, Chip{l.T("list.from", f.Min), without("min", c.Request.URL.Query().Get("min"))})
	}
	if f.Max > 0 {
		list = append(list, Chip{l.T("list.to", f.Max), without("max", c.Request.URL.Query().Get("max"))})
	}
	if f.Ready {
		list = append(list, Chip{l.T("facet.ready"), without("ready", c.Request.URL.Query().Get("ready"))})
	}
	return list
}

// ShelfPage is shop/shelf: a named selection with its words.
type ShelfPage struct {
	web.Page
	Heading string
	Lead    lang.Text
	Steps   []lang.Text
	Cards   []ProductCard
	Makers  []ArtisanCard
	All     string // path of the whole list
	Trail   []Crumb
}

// Crumb is a step of the trail back.
type Crumb struct {
	Name string
	Path string
}

// showCollection serves GET /{lang}/collections/:slug.
func (h *Handlers) showCollection(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	col, err := catalog.CollectionBySlug(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	web.MadeOf(ctx, union.Lists)
	found, err := catalog.List(ctx, h.Pool, catalog.Filter{Collection: col.Slug, Limit: 48})
	if err != nil {
		return err
	}
	title := col.Title.In(l, "fr")
	page := &ShelfPage{Page: h.Site.Page(c, title.Words), Heading: title.Words, Lead: col.Description.In(l, "fr"),
		Trail: []Crumb{{l.T("nav.products"), web.Path(c, "/products")}}}
	page.Section, page.Steady, page.Description = "products", true, page.Lead.Words
	if page.Cards, err = newCards(ctx, h.Pool, l, found.Cards); err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "shop/shelf", page)
}
