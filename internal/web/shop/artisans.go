package shop

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// TradesPage is shop/trades.
type TradesPage struct {
	web.Page
	Trades []TradeEntry
}

// TradeEntry is a trade with its words.
type TradeEntry struct {
	Path  string
	Name  lang.Text
	About lang.Text
	Count int
}

// listTrades serves GET /{lang}/trades.
func (h *Handlers) listTrades(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	web.MadeOf(ctx, union.Lists)
	trades, err := union.Trades(ctx, h.Pool)
	if err != nil {
		return err
	}
	counts, err := catalog.CountByTrade(ctx, h.Pool)
	if err != nil {
		return err
	}
	page := &TradesPage{Page: h.Site.Page(c, l.T("trades.title"))}
	page.Section, page.Steady, page.Description = "trades", true, l.T("trades.lead", len(trades))
	for _, t := range trades {
		page.Trades = append(page.Trades, TradeEntry{web.Path(c, "/trades/"+t.Slug), t.Name.In(l, "fr"), t.Description.In(l, "fr"), counts[t.Slug]})
	}
	return h.Site.Render(c, http.StatusOK, "shop/trades", page)
}

// showTrade serves GET /{lang}/trades/:slug.
func (h *Handlers) showTrade(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	t, err := union.TradeBySlug(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	web.MadeOf(ctx, union.Lists, t.ID.Tag())
	found, err := catalog.List(ctx, h.Pool, catalog.Filter{Trades: []string{t.Slug}, Limit: perPage})
	if err != nil {
		return err
	}
	makers, _, err := union.Artisans(ctx, h.Pool, union.ArtisanFilter{Trade: t.Slug, Limit: 12})
	if err != nil {
		return err
	}
	name := t.Name.In(l, "fr")
	page := &ShelfPage{Page: h.Site.Page(c, name.Words), Heading: name.Words, Lead: t.Description.In(l, "fr"),
		Trail: []Crumb{{l.T("nav.trades"), web.Path(c, "/trades")}}}
	page.Section, page.Steady, page.Description = "trades", true, page.Lead.Words
	for _, s := range t.Process {
		page.Steps = append(page.Steps, s.In(l, "fr"))
	}
	if page.Cards, err = newCards(ctx, h.Pool, l, found.Cards); err != nil {
		return err
	}
	if page.Makers, err = newArtisanCards(ctx, h.Pool, l, makers); err != nil {
		return err
	}
	if found.Next != "" {
		page.All = web.Path(c, "/products?trade="+t.Slug)
	}
	return h.Site.Render(c, http.StatusOK, "shop/shelf", page)
}

// ArtisansPage is shop/artisans.
type ArtisansPage struct {
	web.Page
	Count  int
	Makers []ArtisanCard
	Next   string
}

// artisansQuery brings the list's address into order. Its later pages are not
// kept.
func artisansQuery(q url.Values) (known url.Values, keep bool) {
	known = url.Values{}
	for _, name := range []string{"trade", "quarter"} {
		if v := q.Get(name); catalog.IsSlug(v) {
			known.Set(name, v)
		}
	}
	return known, q.Get("after") == ""
}

// listArtisans serves GET /{lang}/artisans.
func (h *Handlers) listArtisans(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	web.MadeOf(ctx, union.Lists)
	f := union.ArtisanFilter{Limit: perPage}
	for name, field := range map[string]*string{"trade": &f.Trade, "quarter": &f.Quarter, "after": &f.After} {
		if v := c.Query(name); catalog.IsSlug(v) {
			*field = v
		}
	}
	list, more, err := union.Artisans(ctx, h.Pool, f)
	if err != nil {
		return err
	}
	count, err := union.CountArtisans(ctx, h.Pool)
	if err != nil {
		return err
	}
	page := &ArtisansPage{Page: h.Site.Page(c, l.T("artisans.title")), Count: count}
	page.Section, page.Steady, page.Description = "artisans", true, l.T("artisans.lead", count)
	if page.Makers, err = newArtisanCards(ctx, h.Pool, l, list); err != nil {
		return err
	}
	if more {
		q := c.Request.URL.Query()
		q.Set("after", list[len(list)-1].Slug)
		page.Next = web.Path(c, "/artisans?"+q.Encode())
	}
	return h.Site.Render(c, http.StatusOK, "shop/artisans", page)
}

// ArtisanPage is shop/artisan.
type ArtisanPage struct {
	web.Page
	Trail       []Crumb
	Name        lang.Text
	Other       lang.Text
	Craft       string
	Bio         lang.Text
	Photo       web.Picture
	Work        []web.Picture // at hand
	Marks       []Mark
	Speaks      string
	Cards       []ProductCard
	Visits      bool
	Appointment bool
	Hours       []web.DayHours
	Quarter     lang.Text
	QuarterSaid lang.Text
	Closed      string // when the workshop rests, empty where it does not
	Phone       string // where the artisan agreed
	WhatsApp    string // the number as WhatsApp writes it
	Map         *web.MapSketch
}

// showArtisan serves GET /{lang}/artisans/:slug.
func (h *Handlers) showArtisan(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	a, err := union.ArtisanBySlug(ctx, h.Pool, c.Param("slug"))
	if errors.Is(err, union.ErrNoArtisan) {
		to, lookErr := union.MergedInto(ctx, h.Pool, c.Param("slug"))
		if lookErr != nil || to == "" {
			return cmp.Or(lookErr, err)
		}
		c.Redirect(http.StatusMovedPermanently, web.Path(c, "/artisans/"+to))
		return nil
	}
	if err != nil {
		return err
	}
	web.MadeOf(ctx, union.Lists, a.ID.Tag(), a.Trade.Tag())
	found, err := catalog.List(ctx, h.Pool, catalog.Filter{Artisan: a.Slug, Limit: 48})
	if err != nil {
		return err
	}
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	quarters, err := union.Quarters(ctx, h.Pool)
	if err != nil {
		return err
	}
	work, err := union.WorkPictures(ctx, h.Pool, a.ID)
	if err != nil {
		return err
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, append([]media.PictureID{a.Picture}, work...)...)
	if err != nil {
		return err
	}
	name, other := a.NameIn(l)
	page := &ArtisanPage{Page: h.Site.Page(c, name.Words), Name: name, Other: other, Bio: a.Bio.In(l, a.WrittenIn),
		Visits: a.AcceptsVisits, Appointment: a.ByAppointment, Quarter: a.QuarterName.In(l, "fr")}
	page.Section, page.Steady, page.Description = "artisans", true, page.Bio.Words
	page.Trail = []Crumb{{l.T("nav.artisans"), web.Path(c, "/artisans")},
		{a.TradeName.In(l, "fr").Words, web.Path(c, "/trades/"+a.TradeSlug)}}
	page.Craft = l.T("artisan.craft", a.YearsOfCraft, a.TradeName.In(l, "fr"), a.QuarterName.In(l, "fr"), a.Joined.Format("2006"))
	page.Photo = pictures.Make(a.Picture, "artisan__photo", l.T("artisan.photo_alt", name), "(min-width: 60rem) 42rem, 82vw", true)
	for i, id := range work {
		page.Work = append(page.Work, pictures.Make(id, "artisan__work-photo", l.T("artisan.work_alt", name, i+1), "(min-width: 60rem) 24rem, 70vw", false))
	}
	var speaks []string
	for _, code := range a.Speaks {
		speaks = append(speaks, l.LanguageName(code))
	}
	page.Speaks = l.List(speaks)
	if page.Cards, err = newCards(ctx, h.Pool, l, found.Cards); err != nil {
		return err
	}
	now := h.Site.Now().In(profile.Location)
	if page.Marks, _, err = marks(ctx, h.Pool, l, a.ID, 0, now); err != nil {
		return err
	}
	page.Hours = web.NewWeek(l, a.VisitHours, now)
	switch {
	case a.Closed.Over(now):
	case a.Closed.Cover(now):
		page.Closed = l.T("artisan.closed_until", l.Weekday(a.Closed.Until))
	default:
		page.Closed = l.T("artisan.closed_from", l.Weekday(a.Closed.From), l.Weekday(a.Closed.Until))
	}
	if number := identity.Phone(a.Phone); a.ShowsPhone && number != "" {
		page.Phone, page.WhatsApp = a.Phone, strings.TrimPrefix(number, "+")
	}
	for _, q := range quarters {
		if q.ID == a.Quarter {
			page.QuarterSaid = q.Description.In(l, "fr")
		}
	}
	if m := web.NewMapSketch(l, quarters, a); m != nil && m.Pin {
		page.Map = m
	}
	return h.Site.Render(c, http.StatusOK, "shop/artisan", page)
}
