package shop

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// HomePage is shop/home.
type HomePage struct {
	web.Page
	Artisans   int
	Trades     int
	Pieces     int
	Cover      web.Picture
	CoverPath  string
	CoverTitle lang.Text
	CoverMaker lang.Text
	CoverHours int
	Window     []ProductCard
	Stripe     *PriceStripe
	StripeFor  money.Amount
	TradeList  []TradeLink
	Makers     []ArtisanCard
	Principles []lang.Text
	StoryName  lang.Text
	StoryPath  string
	Story      lang.Text
	StoryPhoto web.Picture
	Hours      [][2]string // of the union's counter, today
	Counter    string
	Withdrawal int
}

// TradeLink is a trade in a list, with how many pieces it has.
type TradeLink struct {
	Path  string
	Name  lang.Text
	Count int
}

// showHome serves GET /{lang}/.
func (h *Handlers) showHome(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	web.MadeOf(ctx, union.Lists)
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	page := &HomePage{Page: h.Site.Page(c, ""), Withdrawal: profile.WithdrawalDays, Counter: profile.Address.Line1}
	page.Steady = true
	page.Description = profile.About.In(l, "fr").Words
	for _, p := range profile.Principles {
		page.Principles = append(page.Principles, p.In(l, "fr"))
	}
	page.Hours = profile.CounterHours.OnDay(h.Site.Now().In(profile.Location))

	trades, err := union.Trades(ctx, h.Pool)
	if err != nil {
		return err
	}
	counts, err := catalog.CountByTrade(ctx, h.Pool)
	if err != nil {
		return err
	}
	if page.Artisans, err = union.CountArtisans(ctx, h.Pool); err != nil {
		return err
	}
	for _, t := range trades {
		if n := counts[t.Slug]; n > 0 {
			page.TradeList = append(page.TradeList, TradeLink{web.Path(c, "/trades/"+t.Slug), t.Name.In(l, "fr"), n})
			page.Pieces += n
		}
	}
	page.Trades = len(page.TradeList)

	shown, err := h.window(ctx, profile)
	if err != nil {
		return err
	}
	if page.Window, err = newCards(ctx, h.Pool, l, shown); err != nil {
		return err
	}
	if len(page.Window) > 0 {
		page.Window[0].Large = true
		page.Window[0].Photo.Sizes = sizesWindow
	}
	if err := h.cover(c, page, profile); err != nil {
		return err
	}
	makers, _, err := union.Artisans(ctx, h.Pool, union.ArtisanFilter{Limit: 100})
	if err != nil {
		return err
	}
	makers = oneATrade(makers)
	if page.Makers, err = newArtisanCards(ctx, h.Pool, l, makers[:min(3, len(makers))]); err != nil {
		return err
	}
	if len(makers) > 3 {
		if err := h.story(c, page, makers[3]); err != nil {
			return err
		}
	}
	return h.Site.Render(c, http.StatusOK, "shop/home", page)
}

// cover fills in the front page's picture and where the price of its piece
// goes.
func (h *Handlers) cover(c *gin.Context, page *HomePage, profile union.Profile) error {
	ctx, l := c.Request.Context(), web.Language(c)
	pictures, err := web.ReadPictures(ctx, h.Pool, profile.Cover)
	if err != nil {
		return err
	}
	p, err := catalog.BySlug(ctx, h.Pool, profile.CoverProduct)
	if errors.Is(err, catalog.ErrNoProduct) {
		page.Cover = pictures.Make(profile.Cover, "", "", "(min-width: 60rem) 55vw, 82vw", true)
		return nil // Sold out of the window; the picture stays without its label.
	}
	if err != nil {
		return err
	}
	web.MadeOf(ctx, p.ID.Tag())
	page.CoverPath, page.CoverTitle = web.Path(c, "/products/"+p.Slug), p.Revision.Title.In(l, p.Revision.WrittenIn)
	page.CoverHours = p.Revision.MakingMinutes / 60
	page.Cover = pictures.Make(profile.Cover, "", l.T("home.cover_alt", page.CoverTitle), "(min-width: 60rem) 55vw, 82vw", true)
	makers, err := union.ArtisansByID(ctx, h.Pool, []union.ArtisanID{p.Artisan})
	if err != nil {
		return err
	}
	page.CoverMaker, _ = makers[p.Artisan].NameIn(l)
	if len(p.Variants) == 0 {
		return nil
	}
	page.StripeFor = p.Variants[0].Price
	page.Stripe, err = newPriceStripe(l, page.StripeFor, p.Revision.Breakdown, profile.CommissionOf(p.Trade, h.Site.Now()), false)
	return err
}

func (h *Handlers) story(c *gin.Context, page *HomePage, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	pictures, err := web.ReadPictures(ctx, h.Pool, a.Picture)
	if err != nil {
		return err
	}
	page.StoryName, _ = a.NameIn(l)
	page.StoryPath, page.Story = web.Path(c, "/artisans/"+a.Slug), a.Bio.In(l, a.WrittenIn)
	page.StoryPhoto = pictures.Make(a.Picture, "visit__photo", "", "(min-width: 60rem) 45rem, 92vw", false)
	return nil
}

// oneATrade keeps the first artisan of each trade, so that the front page shows
// several crafts.
func oneATrade(list []union.Artisan) []union.Artisan {
	seen := map[union.TradeID]bool{}
	var kept []union.Artisan
	for _, a := range list {
		if !seen[a.Trade] && a.Picture != 0 {
			seen[a.Trade] = true
			kept = append(kept, a)
		}
	}
	return kept
}

// FrontPageWaits returns how many of the front page's pictures are still being
// made.
func (h *Handlers) FrontPageWaits(ctx context.Context) (int, error) {
	profile, err := union.Read(ctx, h.Pool)
	if err != nil {
		return 0, err
	}
	shown, err := h.window(ctx, profile)
	if err != nil {
		return 0, err
	}
	makers, _, err := union.Artisans(ctx, h.Pool, union.ArtisanFilter{Limit: 100})
	if err != nil {
		return 0, err
	}
	ids := []media.PictureID{profile.Cover}
	for _, c := range shown {
		ids = append(ids, c.Picture)
	}
	makers = oneATrade(makers)
	for _, a := range makers[:min(4, len(makers))] {
		ids = append(ids, a.Picture)
	}
	pictures, err := media.ByIDs(ctx, h.Pool, ids)
	if err != nil {
		return 0, err
	}
	waiting := 0
	for _, p := range pictures {
		if p.State == media.Waiting {
			waiting++
		}
	}
	return waiting, nil
}

// mostWindow is how many pieces the front page's shelf shows.
const mostWindow = 5

// window returns what is on the front page's shelf: the pieces that the union
// chose, and then the newest ones.
func (h *Handlers) window(ctx context.Context, p union.Profile) ([]catalog.Card, error) {
	shown, err := catalog.Chosen(ctx, h.Pool, p.FrontProducts)
	if err != nil {
		return nil, err
	}
	latest, err := catalog.List(ctx, h.Pool, catalog.Filter{Ready: true, Limit: mostWindow + len(shown), Except: p.CoverProduct})
	if err != nil {
		return nil, err
	}
	for _, c := range latest.Cards {
		if len(shown) < mostWindow && !slices.Contains(p.FrontProducts, c.Slug) {
			shown = append(shown, c)
		}
	}
	return shown[:min(len(shown), mostWindow)], nil
}
