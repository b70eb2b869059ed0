// Package checkout joins the rooms in one transaction: it quotes a cart,
// places it as an order, has it paid, and settles what became of the payment.
package checkout

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"kissaria.ma/internal/cart"
	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/union"
)

// A Quote is what a cart comes to now, with everything a buyer should know
// before placing it. The same function makes it for cart, checkout and order.
type Quote struct {
	Lines       []Line // by artisan, in the order the artisans came into the cart
	Pieces      money.Amount
	Weight      int     // grams, packed
	Post        *Option // nil where it cannot be posted
	NoPost      Reason  // why not
	Collect     Option
	MissingFree money.Amount // pieces for so much more, and the postage is free; zero for never or already
	Troubled    bool         // some line cannot be had as it stands
}

// A Line is a variant in a cart, as it can be had now.
type Line struct {
	catalog.Offer
	Quantity int    // as asked
	Text     string // what the buyer wrote for the maker
	Total    money.Amount
	Trouble  Trouble
	Free     int // how many can be had
}

// Trouble is why a line cannot be had as it stands.
type Trouble string

const (
	Fine     Trouble = ""
	Gone     Trouble = "gone"      // sold, or no longer offered
	Fewer    Trouble = "fewer"     // there are some, but not so many
	Paying   Trouble = "paying"    // someone is paying for it just now
	Resting  Trouble = "resting"   // its workshop has holidays, and its pieces with it
	TextOwed Trouble = "text_owed" // the maker needs a text from the buyer
)

// Absent reports whether nothing of a line can be had just now.
func (l Line) Absent() bool { return l.Trouble == Gone || l.Trouble == Paying || l.Trouble == Resting }

// Reason is why a quote cannot be posted.
type Reason string

const (
	NoReason  Reason = ""
	ByFreight Reason = "freight"  // a piece is too large for the post
	TooHeavy  Reason = "heavy"    // the parcel is beyond the last band
	NotToEU   Reason = "cosmetic" // needs a responsible person in the Union first (Regulation 1223/2009)
	NoCountry Reason = "no_country"
)

// An Option is a way for the pieces to reach the buyer.
type Option struct {
	Price money.Amount
	By    time.Time // a day, the latest
	Zone  shipping.Zone
}

// An Ask is what is to be quoted.
type Ask struct {
	Lines   []cart.Line
	Country string // ISO 3166-1, empty while it is not known
	Now     time.Time
}

// handIn is how long an artisan has to bring in a piece that lies ready.
const handIn = 2 // days

// Read quotes an ask against the market as it is. It locks nothing; Place
// looks again.
func Read(ctx context.Context, db postgres.DB, a Ask) (Quote, error) {
	skus := make([]string, len(a.Lines))
	for i, l := range a.Lines {
		skus[i] = l.SKU
	}
	offers, err := catalog.Offers(ctx, db, skus)
	if err != nil {
		return Quote{}, err
	}
	profile, err := union.Read(ctx, db)
	if err != nil {
		return Quote{}, err
	}
	zones, countries, err := shipping.Zones(ctx, db)
	if err != nil {
		return Quote{}, err
	}
	return quote(a, offers, profile, zones, countries), nil
}

// quote is the rule itself, on what has been read.
func quote(a Ask, offers map[string]catalog.Offer, profile union.Profile, zones []shipping.Zone, countries []shipping.Country) Quote {
	var q Quote
	q.Pieces.Currency = money.MAD
	reason := NoReason
	country, known := findCountry(countries, a.Country)
	latest := dayOf(a.Now, profile.Location)
	for _, want := range a.Lines {
		o, there := offers[want.SKU]
		if !there {
			q.Troubled = true
			continue // A SKU that never was has no name to show.
		}
		l := Line{Offer: o, Quantity: want.Quantity, Text: want.Text, Free: max(o.Free(), 0), Total: o.Price.Times(want.Quantity)}
		switch {
		case !o.OnSale || o.Stocked && o.OnHand == 0:
			l.Trouble = Gone
		case o.Away:
			l.Trouble = Resting
		case l.Free == 0:
			l.Trouble = Paying
		case want.Quantity > l.Free:
			l.Trouble = Fewer
		case !textSuits(o.BuyerText, want.Text):
			l.Trouble = TextOwed
		}
		q.Troubled = q.Troubled || l.Trouble != Fine
		q.Lines = append(q.Lines, l)
		if l.Absent() {
			continue
		}
		q.Pieces = q.Pieces.Plus(l.Total)
		q.Weight += o.PackedWeight * want.Quantity
		switch {
		case o.ShipMode == catalog.Freight:
			reason = ByFreight
		case reason == NoReason && known && country.EU && slices.Contains(o.Compliance, "cosmetic"):
			reason = NotToEU
		}
		if by := prepareBy(o, a.Now, profile.Location); by.After(latest) {
			latest = by
		}
	}
	groupByArtisan(q.Lines)
	q.Collect = Option{Price: money.Centimes(0), By: openDay(latest.AddDate(0, 0, profile.PackingDays), profile)}
	if !known {
		q.NoPost = NoCountry
		return q
	}
	zone := zones[slices.IndexFunc(zones, func(z shipping.Zone) bool { return z.Slug == country.Zone })]
	price, err := zone.Postage(q.Weight, q.Pieces)
	if err != nil && reason == NoReason {
		reason = TooHeavy
	}
	if reason != NoReason {
		q.NoPost = reason
		return q
	}
	q.Post = &Option{Price: price, By: zone.Arrival(latest, profile.PackingDays), Zone: zone}
	if !zone.FreeOver.IsZero() && !price.IsZero() {
		q.MissingFree = zone.FreeOver.Minus(q.Pieces)
	}
	return q
}

func findCountry(countries []shipping.Country, code string) (shipping.Country, bool) {
	i := slices.IndexFunc(countries, func(c shipping.Country) bool { return c.Code == code })
	if i < 0 {
		return shipping.Country{}, false
	}
	return countries[i], true
}

// dayOf returns the beginning of the day that t is on, where the union is.
func dayOf(t time.Time, at *time.Location) time.Time {
	y, m, d := t.In(at).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// openDay returns the first day from t on which the union's counter is open.
func openDay(t time.Time, p union.Profile) time.Time {
	for range 7 {
		if len(p.CounterHours.OnDay(t)) > 0 {
			break
		}
		t = t.AddDate(0, 0, 1)
	}
	return t
}

// prepareBy is the day by which a piece is to be handed in. A workshop that is
// closed in between begins when it is open again.
func prepareBy(o catalog.Offer, now time.Time, at *time.Location) time.Time {
	begins := dayOf(now, at)
	if Delayed(o, now, at) {
		begins = o.Closed.Reopens()
	}
	return begins.AddDate(0, 0, max(o.LeadDays, handIn))
}

// Delayed reports whether a piece that is bought now waits for the end of its
// workshop's holidays.
func Delayed(o catalog.Offer, now time.Time, at *time.Location) bool {
	day := dayOf(now, at)
	return o.Closed.Between(day, day.AddDate(0, 0, max(o.LeadDays, handIn)))
}

// groupByArtisan brings lines of one artisan together, the artisans in the
// order they came.
func groupByArtisan(lines []Line) {
	rank := map[union.ArtisanID]int{}
	for i, l := range lines {
		if _, ok := rank[l.Artisan]; !ok {
			rank[l.Artisan] = i
		}
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return rank[a.Artisan] - rank[b.Artisan] })
}

// ErrText is returned for a text that is not what the maker asked for.
var ErrText = fault.New(fault.Invalid, "cart.text_wrong")

func textSuits(want *catalog.BuyerText, text string) bool {
	if want == nil {
		return true
	}
	text = strings.TrimSpace(text)
	if text == "" || want.Max > 0 && len([]rune(text)) > want.Max {
		return false
	}
	if want.Pattern == "" {
		return true
	}
	// Patterns are the union's own data; one that does not compile asks for
	// nothing rather than stop every sale of the piece.
	re, err := regexp.Compile(`^(?:` + want.Pattern + `)$`)
	return err != nil || re.MatchString(text)
}

// CheckText returns ErrText for a text that does not suit an offer.
func CheckText(o catalog.Offer, text string) error {
	if !textSuits(o.BuyerText, text) {
		return ErrText
	}
	return nil
}

// Estimate is when a single piece would arrive, for its own page, by zone; and
// when it could be collected.
func Estimate(o catalog.Offer, profile union.Profile, zones []shipping.Zone, now time.Time) (posts []Option, collect Option) {
	ready := prepareBy(o, now, profile.Location)
	collect = Option{Price: money.Centimes(0), By: openDay(ready.AddDate(0, 0, profile.PackingDays), profile)}
	if o.ShipMode == catalog.Freight {
		return nil, collect
	}
	for _, z := range zones {
		price, err := z.Postage(o.PackedWeight, o.Price)
		if errors.Is(err, shipping.ErrTooHeavy) {
			continue
		}
		posts = append(posts, Option{Price: price, By: z.Arrival(ready, profile.PackingDays), Zone: z})
	}
	return posts, collect
}

// choose returns the option of a delivery, or an Invalid fault.
func (q Quote) choose(d order.Delivery) (Option, error) {
	switch {
	case d == order.Collect:
		return q.Collect, nil
	case d == order.Post && q.Post != nil:
		return *q.Post, nil
	}
	var f fault.Form
	f.Wrong("delivery", "checkout.no_post."+string(q.NoPost))
	return Option{}, fmt.Errorf("checkout: %s to be posted: %w", q.NoPost, f.Err())
}
