package shop

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// ProductPage is shop/product.
type ProductPage struct {
	web.Page
	State       string // on_sale, or sold_out where nothing can be had
	Trail       []Crumb
	Name        lang.Text
	About       lang.Text
	Photos      []web.Picture
	Maker       lang.Text
	MakerPath   string
	Quarter     lang.Text
	Price       money.Amount
	About1      string // approximate price in the foreign currency
	RateDay     time.Time
	Rates       string // for the script that shows another currency
	Options     []Option
	Single      string // SKU where there is no choice
	MostPieces  int
	Rests       string // until when its workshop rests, and what that means for the piece
	StockSaid   string
	StockKind   string // waiting or empty
	Buyable     bool
	BuyerLabel  lang.Text
	BuyerMax    int
	AsksText    bool
	MadeFor     bool // no right to change one's mind
	Deliveries  []Delivery
	CollectBy   time.Time
	Counter     string
	Second      bool // it has a small flaw
	Freight     bool
	NotToEU     bool
	Withdrawal  int
	Stripe      *PriceStripe
	Facts       []Fact
	Steps       []lang.Text
	More        []ProductCard
	MorePath    string
	AddPath     string
	Marks       []Mark // of the piece
	MakerMarks  []Mark // of the workshop
	ReportPath  string
	MakerOther  lang.Text
	MakerPhoto  web.Picture
	MakerBio    lang.Text
	Voice       string // where the maker's own words are heard, or empty
	StructuredD string
	Reviews     []ProductReview
	ReviewCount int
	ReviewMean  string // stars, on average
}

// Option is a variant to choose.
type Option struct {
	SKU     string
	Name    string
	Price   money.Amount
	Said    string
	Checked bool
	None    bool // cannot be had
}

// Delivery is a row of the table of ways to send a piece.
type Delivery struct {
	Zone  lang.Text
	Price money.Amount
	Free  bool
	Over  money.Amount // free from this sum on
	By    time.Time
}

// Fact is a line of a description list. Code reads from left to right always.
type Fact struct {
	Label string
	Words lang.Text
	Code  string
}

// showProduct serves GET /{lang}/products/:slug.
func (h *Handlers) showProduct(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	p, err := catalog.BySlug(ctx, h.Pool, c.Param("slug"))
	if errors.Is(err, catalog.ErrNoProduct) {
		now, formerErr := catalog.FormerSlug(ctx, h.Pool, c.Param("slug"))
		if formerErr != nil {
			return errors.Join(err, ignoreAbsent(formerErr))
		}
		c.Redirect(http.StatusMovedPermanently, web.Path(c, "/products/"+now))
		return nil
	}
	if err != nil {
		return err
	}
	web.MadeOf(ctx, p.ID.Tag(), p.Artisan.Tag(), p.Trade.Tag(), shipping.Tag)
	makers, err := union.ArtisansByID(ctx, h.Pool, []union.ArtisanID{p.Artisan})
	if err != nil {
		return err
	}
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	trade, err := union.TradeBySlug(ctx, h.Pool, p.TradeSlug)
	if err != nil {
		return err
	}
	more, err := catalog.List(ctx, h.Pool, catalog.Filter{Artisan: makers[p.Artisan].Slug, Except: p.Slug, Limit: 4})
	if err != nil {
		return err
	}
	zones, _, err := shipping.Zones(ctx, h.Pool)
	if err != nil {
		return err
	}
	rates, err := shipping.Rates(ctx, h.Pool)
	if err != nil {
		return err
	}
	maker := makers[p.Artisan]
	pictures, err := web.ReadPictures(ctx, h.Pool, append([]media.PictureID{maker.Picture}, p.Revision.Pictures...)...)
	if err != nil {
		return err
	}

	r := p.Revision
	page := &ProductPage{Name: r.Title.In(l, r.WrittenIn), About: r.Description.In(l, r.WrittenIn)}
	page.Page = h.Site.Page(c, page.Name.Words)
	page.Section, page.Steady, page.Description = "products", true, page.About.Words
	page.Trail = []Crumb{{l.T("nav.products"), web.Path(c, "/products")},
		{p.TradeName.In(l, "fr").Words, web.Path(c, "/trades/"+p.TradeSlug)}}
	page.Maker, page.MakerOther = maker.NameIn(l)
	page.MakerPath, page.Quarter = web.Path(c, "/artisans/"+maker.Slug), maker.QuarterName.In(l, "fr")
	page.MakerBio = maker.Bio.In(l, maker.WrittenIn)
	page.MakerPhoto = pictures.Make(maker.Picture, "maker__photo", "", "(min-width: 48rem) 14rem, 40vw", false)
	for i, id := range r.Pictures {
		alt := page.Name.Words
		if i > 0 {
			alt = l.T("product.detail_alt", page.Name)
		}
		sizes := "(min-width: 60rem) 21rem, 69vw"
		if i == 0 {
			sizes = "(min-width: 60rem) 42rem, 69vw"
		}
		page.Photos = append(page.Photos, pictures.Make(id, "", alt, sizes, i == 0))
		if i == 0 && page.Photos[0].Src != "" {
			page.Image = h.Site.PublicURL + page.Photos[0].Src
		}
	}
	if r.Voice.Played {
		page.Voice = media.VoicePath(r.Voice.Key)
	}
	page.offer(l, p)
	now := h.Site.Now()
	page.MakerMarks, page.Marks, err = marks(ctx, h.Pool, l, maker.ID, p.ID, now.In(profile.Location))
	if err != nil {
		return err
	}
	page.Withdrawal, page.MadeFor = profile.WithdrawalDays, r.MadeToMeasure()
	page.Counter = profile.Address.Line1
	page.AddPath, page.ReportPath = web.Path(c, "/cart/lines"), web.Path(c, "/products/"+p.Slug+"/report")
	for _, rate := range rates {
		if rate.Currency == money.EUR {
			page.About1, page.RateDay = l.Money(rate.Approximate(page.Price)), rate.Date
		}
	}
	page.deliveries(l, p, maker, profile, zones, now)
	page.Stripe, err = newPriceStripe(l, page.Price, r.Breakdown, profile.CommissionOf(p.Trade, h.Site.Now()), true)
	if err != nil {
		return err
	}
	page.Facts = facts(l, p)
	for _, step := range trade.Process {
		page.Steps = append(page.Steps, step.In(l, "fr"))
	}
	if page.More, err = newCards(ctx, h.Pool, l, more.Cards); err != nil {
		return err
	}
	page.MorePath = page.MakerPath
	if err := page.reviews(ctx, h.Pool, l, p.ID); err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "shop/product", page)
}

// ignoreAbsent returns nil for a product that is absent, which the caller knows.
func ignoreAbsent(err error) error {
	if errors.Is(err, catalog.ErrNoProduct) {
		return nil
	}
	return err
}

// offer fills in what can be had, at what price.
func (page *ProductPage) offer(l *lang.Language, p catalog.Product) {
	page.State = "sold_out"
	held := false
	for i, v := range p.Variants {
		if i == 0 || v.Price.Compare(page.Price) < 0 {
			page.Price = v.Price
		}
		free := max(v.Free(), 0)
		o := Option{SKU: v.SKU, Price: v.Price, None: free == 0}
		o.Name = catalog.OptionNames(l, v.Options)
		switch {
		case !v.Stocked:
			o.Said = l.T("card.made", v.LeadDays)
		case free == 0 && v.OnHand > 0:
			o.Said, held = l.T("card.held"), true
		case free == 0:
			o.Said = l.T("card.sold")
		default:
			o.Said = l.T("product.ready", v.OnHand-v.Held)
		}
		if free > 0 {
			page.State, page.Buyable = string(catalog.OnSale), true
			page.MostPieces = max(page.MostPieces, free)
		}
		page.Options = append(page.Options, o)
	}
	for i := range page.Options {
		if !page.Options[i].None {
			page.Options[i].Checked = true
			break
		}
	}
	if len(page.Options) == 1 {
		page.Single, page.StockSaid = page.Options[0].SKU, page.Options[0].Said
	}
	if !page.Buyable {
		page.StockSaid = l.T("card.sold")
		if held {
			page.State, page.StockSaid, page.StockKind = "held", l.T("product.held"), "waiting"
		}
	}
	if t := p.Revision.BuyerText; t != nil {
		page.AsksText, page.BuyerLabel, page.BuyerMax = true, t.Label.In(l, "fr"), t.Max
	}
}

func (page *ProductPage) deliveries(l *lang.Language, p catalog.Product, maker union.Artisan, profile union.Profile, zones []shipping.Zone, now time.Time) {
	lead := 0
	if len(p.Variants) > 0 {
		lead = p.Variants[0].LeadDays
	}
	offer := catalog.Offer{Variant: catalog.Variant{Price: page.Price, LeadDays: lead}, PackedWeight: p.Revision.PackedWeight,
		ShipMode: p.Revision.ShipMode, Closed: maker.Closed, Away: maker.Away}
	switch {
	case page.State == "sold_out":
	case maker.Away:
		page.State, page.Buyable, page.StockSaid, page.StockKind = "resting", false, "", ""
		page.Rests = l.T("product.rests.away", l.Day(maker.Closed.Until), l.Weekday(maker.Closed.Reopens()))
	case checkout.Delayed(offer, now, profile.Location) && maker.Closed.Cover(now.In(profile.Location)):
		page.Rests = l.T("product.rests.now", l.Day(maker.Closed.Until))
	case checkout.Delayed(offer, now, profile.Location):
		page.Rests = l.T("product.rests.soon", l.Day(maker.Closed.From), l.Day(maker.Closed.Until))
	}
	posts, collect := checkout.Estimate(offer, profile, zones, now)
	page.CollectBy, page.Freight, page.Second = collect.By, len(posts) == 0, p.Revision.Second
	for _, o := range posts {
		page.Deliveries = append(page.Deliveries, Delivery{
			Zone: o.Zone.Name.In(l, "fr"), Price: o.Price, Free: o.Price.IsZero(), Over: o.Zone.FreeOver, By: o.By})
	}
	for _, flag := range p.Revision.Compliance {
		page.NotToEU = page.NotToEU || flag == "cosmetic"
	}
}

// facts lists what is known of a piece; what is not known is left out.
func facts(l *lang.Language, p catalog.Product) []Fact {
	r := p.Revision
	var list []Fact
	words := func(key, s string) {
		if s != "" {
			list = append(list, Fact{Label: l.T(key), Words: lang.Text{Words: s, Lang: l.Code}})
		}
	}
	terms := func(terms []catalog.Term) string {
		var names []string
		for _, t := range terms {
			names = append(names, t.Name.In(l, "fr").Words)
		}
		return l.List(names)
	}
	if size := dimensions(l, r); size != "" {
		list = append(list, Fact{Label: l.T("product.size"), Code: size})
	}
	words("product.weight", l.Kilograms(r.Weight))
	words("product.materials", terms(r.Materials))
	words("product.techniques", terms(r.Techniques))
	words("product.colours", terms(r.Colours))
	if r.MakingMinutes >= 60 {
		words("product.hours", l.T("product.hours_of", r.MakingMinutes/60))
	}
	words("product.care", terms(r.Care))
	words("product.origin", l.Country(r.Origin))
	if len(p.Variants) > 0 {
		list = append(list, Fact{Label: l.T("product.number"), Code: p.Variants[0].SKU})
	}
	return list
}

func dimensions(l *lang.Language, r catalog.Revision) string {
	s := ""
	for _, mm := range []int{r.Length, r.Width, r.Height} {
		if mm == 0 {
			continue
		}
		if s != "" {
			s += " × "
		}
		s += l.Centimetres(mm)
	}
	if s == "" {
		return ""
	}
	return s + " cm"
}
