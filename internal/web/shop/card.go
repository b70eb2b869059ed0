package shop

import (
	"context"
	"strings"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// ProductCard is partial/product_card.
type ProductCard struct {
	Path    string
	Title   lang.Text
	Maker   lang.Text
	Quarter lang.Text
	Price   money.Amount
	From    bool   // other variants cost more
	State   string // in words, empty where there is nothing to say
	Kind    string // held, sold, or empty
	Photo   web.Picture
	Large   bool
}

// Widths at which pictures are shown, for the browser to choose a rendition.
const (
	sizesShelf  = "(min-width: 60rem) 19rem, (min-width: 48rem) 30vw, 41vw"
	sizesWindow = "(min-width: 48rem) 46vw, 82vw"
)

// newCards makes product cards, with all their pictures read at once.
func newCards(ctx context.Context, db postgres.DB, l *lang.Language, cards []catalog.Card) ([]ProductCard, error) {
	ids := make([]media.PictureID, len(cards))
	for i, c := range cards {
		ids[i] = c.Picture
		web.MadeOf(ctx, c.Product.Tag())
	}
	pictures, err := web.ReadPictures(ctx, db, ids...)
	if err != nil {
		return nil, err
	}
	list := make([]ProductCard, len(cards))
	for i, c := range cards {
		list[i] = newCard(l, c, pictures)
	}
	return list, nil
}

func newCard(l *lang.Language, c catalog.Card, pictures web.Pictures) ProductCard {
	v := ProductCard{
		Path: "/" + l.Code + "/products/" + c.Slug, Title: c.Title.In(l, c.WrittenIn), Maker: makerName(l, c.Maker, c.MakerArabic),
		Quarter: c.QuarterName.In(l, "fr"), Price: c.Price, From: c.PriceMost != c.Price,
		Photo: pictures.Make(c.Picture, "product-card__photo", "", sizesShelf, false),
	}
	switch c.Availability() {
	case catalog.LastOne:
		if c.OnHand > 1 || c.LeadDays > 0 {
			v.State = l.T("card.left", 1)
		}
	case catalog.Ready:
		if free := c.OnHand - c.Held; free <= 3 {
			v.State = l.T("card.left", free)
		}
	case catalog.MadeToOrder:
		v.State = l.T("card.made", c.LeadDays)
	case catalog.HeldNow:
		v.State, v.Kind = l.T("card.held"), "held"
	case catalog.SoldOut:
		v.State, v.Kind = l.T("card.sold"), "sold"
	}
	return v
}

func makerName(l *lang.Language, latin, arabic string) lang.Text {
	name, _ := union.Artisan{Name: latin, NameArabic: arabic}.NameIn(l)
	return name
}

// ArtisanCard is partial/artisan_card.
type ArtisanCard struct {
	Path  string
	Name  lang.Text
	Other lang.Text
	Facts string
	Photo web.Picture
}

func newArtisanCards(ctx context.Context, db postgres.DB, l *lang.Language, artisans []union.Artisan) ([]ArtisanCard, error) {
	ids := make([]media.PictureID, len(artisans))
	for i, a := range artisans {
		ids[i] = a.Picture
	}
	pictures, err := web.ReadPictures(ctx, db, ids...)
	if err != nil {
		return nil, err
	}
	list := make([]ArtisanCard, len(artisans))
	for i, a := range artisans {
		name, other := a.NameIn(l)
		list[i] = ArtisanCard{
			Path: "/" + l.Code + "/artisans/" + a.Slug, Name: name, Other: other,
			Facts: l.T("artisan.facts", a.YearsOfCraft, a.TradeName.In(l, "fr"), a.QuarterName.In(l, "fr")),
			Photo: pictures.Make(a.Picture, "artisan-card__photo", "", "(min-width: 48rem) 25vw, 68vw", false),
		}
	}
	return list, nil
}

// PriceStripe is partial/price_stripe: where the money of a price goes, as
// bands of a cloth.
type PriceStripe struct {
	Close  bool
	Shares []Share
}

// A Share is a band of the stripe.
type Share struct {
	Number   int // 1 to 4, for its colour
	Label    string
	Amount   money.Amount
	X, Width int // of 1000
}

// parts of a price that an artisan names, in the order they are woven.
var parts = []string{"labour", "materials", "workshop"}

// newPriceStripe splits a price into the union's share and, in the proportion
// that the artisan gave, the artisan's own parts. Without those there is none.
func newPriceStripe(l *lang.Language, price money.Amount, breakdown map[string]int64, commissionBP int, close bool) (*PriceStripe, error) {
	weights := make([]int64, len(parts))
	var sum int64
	for i, p := range parts {
		weights[i] = breakdown[p]
		sum += breakdown[p]
	}
	if sum == 0 {
		return nil, nil
	}
	commission, rest := price.Share(commissionBP)
	amounts, err := rest.Split(weights)
	if err != nil {
		return nil, err
	}
	s := &PriceStripe{Close: close}
	for i, p := range parts {
		s.Shares = append(s.Shares, Share{Number: i + 1, Label: l.T("stripe." + p), Amount: amounts[i]})
	}
	s.Shares = append(s.Shares, Share{Number: 4, Label: l.T("stripe.union", percent(l, commissionBP)), Amount: commission})
	x := 0
	for i := range s.Shares {
		w := int(s.Shares[i].Amount.Minor * 1000 / price.Minor)
		s.Shares[i].X, s.Shares[i].Width = x, max(w-5, 1)
		x += w
	}
	return s, nil
}

func percent(l *lang.Language, bp int) string {
	if bp%100 == 0 {
		return l.Number(int64(bp / 100))
	}
	return l.Number(int64(bp/100)) + l.T("number.point") + strings.TrimRight(l.Number(int64(bp%100)), "0")
}
