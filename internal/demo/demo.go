// Package demo fills an empty market with an invented one, so that it can be
// walked through. Its pictures go the way of an artisan's uploads.
package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/page"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/review"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/training"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/visit"
)

// A Market is what filling needs.
type Market struct {
	Pool  *pgxpool.Pool
	Media *media.Library
	Seal  *union.Seal
	Dir   string // demo.json and pictures/
	Now   time.Time
}

// coverProduct is the piece on the front page's picture.
const coverProduct = "kilim-blue-steps"

// Fill fills an empty market in one transaction, and does nothing to one that
// has a union already. The pictures are taken in and queued: those of the front
// page first, then every product's first one.
func Fill(ctx context.Context, m Market) (filled bool, err error) {
	if there, err := union.IsFounded(ctx, m.Pool); err != nil || there {
		return false, err
	}
	f, err := read(m.Dir)
	if err != nil {
		return false, err
	}
	err = postgres.InTx(ctx, m.Pool, func(tx pgx.Tx) error {
		fill := filler{Market: m, file: f, tx: tx}
		return fill.run(ctx)
	})
	return err == nil, err
}

// A filler fills within one transaction, and remembers the keys it was given.
type filler struct {
	Market
	file
	tx pgx.Tx

	committees map[string]union.CommitteeID
	trades     map[string]union.TradeID
	quarters   map[string]union.QuarterID
	artisans   map[string]union.ArtisanID
	admin      identity.AccountID
	kinds      map[string]catalog.KindID
	terms      map[string]catalog.TermID // by vocabulary/slug
	covers     []media.PictureID         // of the front page
	firsts     []media.PictureID
	others     []media.PictureID
}

func (f *filler) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"union", f.fillUnion}, {"trades", f.fillTrades}, {"quarters", f.fillQuarters}, {"artisans", f.fillArtisans},
		{"vocabularies", f.fillVocabularies}, {"trainings", f.fillTrainings}, {"products", f.fillProducts}, {"reviews", f.fillReviews}, {"collections", f.fillCollections},
		{"shipping", f.fillShipping}, {"pages", f.fillPages}, {"accounts", f.fillAccounts}, {"marks", f.fillMarks}, {"visits", f.fillVisits}, {"pictures", f.queuePictures},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("demo: %s: %w", step.name, err)
		}
	}
	return nil
}

// take sends one of the demo's pictures in, as if from a phone.
func (f *filler) take(ctx context.Context, owner, name string) (media.PictureID, error) {
	file, err := os.Open(filepath.Join(f.Dir, "pictures", name))
	if err != nil {
		return 0, err
	}
	defer file.Close() // Only read.
	return f.Media.Take(ctx, f.tx, owner, file)
}

func (f *filler) fillUnion(ctx context.Context) error {
	cover, err := f.take(ctx, "union", "home.jpg")
	if err != nil {
		return err
	}
	f.covers = append(f.covers, cover)
	u := f.Union
	founded, err := time.Parse(time.DateOnly, u.Founded)
	if err != nil {
		return err
	}
	location, err := time.LoadLocation("Africa/Casablanca")
	if err != nil {
		return err
	}
	p := union.Profile{
		Name: u.Name, Market: u.PlatformName, Tagline: u.Tagline, About: u.About, Principles: u.Values, Founded: founded,
		CommissionBP: u.Commission * 100, CommissionNote: u.CommissionNote, Address: union.Address(u.Address),
		Email: u.Email, Phone: u.Phone, Legal: map[string]string{"form": u.Legal.Form, "ice": u.Legal.ICE, "if_number": u.Legal.IFNumber},
		CounterHours: union.Hours{}, Location: location, Language: "fr", Hold: 45 * time.Minute, CashHold: 5 * 24 * time.Hour, WithdrawalDays: 14,
		PackingDays: 2, Notice: f.Notice, Cover: cover, CoverProduct: coverProduct,
	}
	for day, hours := range u.CounterHours {
		if hours == nil {
			continue
		}
		for span := range strings.SplitSeq(*hours, ",") {
			from, to, ok := strings.Cut(span, "-")
			if !ok {
				return fmt.Errorf("counter hours %q", span)
			}
			p.CounterHours[day] = append(p.CounterHours[day], [2]string{from, to})
		}
	}
	for _, e := range u.Timeline {
		p.Timeline = append(p.Timeline, union.Event{Date: e.Date, Text: e.Text})
	}
	for _, q := range f.FAQ {
		p.FAQ = append(p.FAQ, union.Question{Slug: q.Slug, Topic: q.Topic, Question: q.Question, Answer: q.Answer})
	}
	return union.Found(ctx, f.tx, p)
}

func (f *filler) fillTrades(ctx context.Context) (err error) {
	f.committees, f.trades = map[string]union.CommitteeID{}, map[string]union.TradeID{}
	for _, c := range f.Committees {
		k := union.Committee{Slug: c.Slug, Name: c.Name, Mission: c.Mission, Meets: c.Meets}
		if k.ID, err = union.AddCommittee(ctx, f.tx, k); err != nil {
			return err
		}
		f.committees[c.Slug] = k.ID
		for kind, texts := range map[moderation.TextKind][]lang.Texts{moderation.Criterion: f.Criteria, moderation.Phrase: f.Phrases} {
			for _, words := range texts {
				if err := moderation.AddText(ctx, f.tx, k, kind, words, 0); err != nil {
					return err
				}
			}
		}
	}
	for _, t := range f.Trades {
		f.trades[t.Slug], err = union.AddTrade(ctx, f.tx, union.Trade{
			Slug: t.Slug, Committee: f.committees[t.Committee], Name: t.Name, Description: t.Description, Process: t.Process, Sort: t.Sort})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) fillQuarters(ctx context.Context) (err error) {
	f.quarters = map[string]union.QuarterID{}
	for i, z := range f.Zones {
		f.quarters[z.Slug], err = union.AddQuarter(ctx, f.tx, union.Quarter{
			Slug: z.Slug, Name: z.Name, Description: z.Description, Latitude: z.Lat, Longitude: z.Lon, InMedina: z.InMedina, Sort: i})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) fillArtisans(ctx context.Context) error {
	f.artisans = map[string]union.ArtisanID{}
	for _, a := range f.Artisans {
		picture, err := f.take(ctx, a.Slug, a.Slug+"-workshop.jpg")
		if err != nil {
			return err
		}
		f.others = append(f.others, picture)
		joined, err := time.Parse(time.DateOnly, a.Joined)
		if err != nil {
			return err
		}
		f.artisans[a.Slug], err = union.AddArtisan(ctx, f.tx, union.Artisan{
			Slug: a.Slug, State: union.Active, Name: a.Name.Latin, NameArabic: a.Name.Ar, Gender: a.Gender,
			Trade: f.trades[a.Trade], Quarter: f.quarters[a.Zone], Bio: a.Bio, WrittenIn: "ar", Speaks: a.Languages,
			YearsOfCraft: a.Years, Latitude: &a.Lat, Longitude: &a.Lon, AcceptsVisits: a.AcceptsVisits,
			ByAppointment: a.ByAppointment, VisitHours: union.Hours(a.VisitHours), Phone: a.Phone, RegisterNumber: a.Register,
			LegalStatus: a.LegalStatus, Joined: joined, BankSealed: f.Seal.Close(a.RIB, a.Slug), Picture: picture,
		})
		if err != nil {
			return err
		}
	}
	for _, c := range f.Committees {
		for office, slug := range map[string]string{"chair": c.Chair, "vice_chair": c.ViceChair} {
			if slug == "" || office == "vice_chair" && slug == c.Chair {
				continue
			}
			if err := union.Seat(ctx, f.tx, f.committees[c.Slug], f.artisans[slug], office); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *filler) fillVocabularies(ctx context.Context) (err error) {
	f.kinds, f.terms = map[string]catalog.KindID{}, map[string]catalog.TermID{}
	for i, k := range f.Vocab.Kinds {
		kind := catalog.Kind{Slug: k.Slug, Name: k.Name, Sort: i}
		for _, t := range k.Trades {
			kind.Trades = append(kind.Trades, f.trades[t])
		}
		if f.kinds[k.Slug], err = catalog.AddKind(ctx, f.tx, kind); err != nil {
			return err
		}
	}
	add := func(vocabulary, slug string, name lang.Texts, hex string, sort int) (err error) {
		f.terms[vocabulary+"/"+slug], err = catalog.AddTerm(ctx, f.tx, catalog.Term{Vocabulary: vocabulary, Slug: slug, Name: name, Hex: hex}, sort)
		return err
	}
	for i, t := range f.Vocab.Materials {
		if err := add("material", t.Slug, t.Name, "", i); err != nil {
			return err
		}
	}
	for i, t := range f.Vocab.Techniques {
		if err := add("technique", t.Slug, t.Name, "", i); err != nil {
			return err
		}
	}
	for i, t := range f.Vocab.Colours {
		if err := add("colour", t.Slug, t.Name, strings.ToLower(t.Hex), i); err != nil {
			return err
		}
	}
	for i, t := range f.Vocab.Care {
		if err := add("care", t.Slug, t.Text, "", i); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) fillProducts(ctx context.Context) error {
	for i, p := range f.Products {
		hero, err := f.take(ctx, p.Artisan, p.Slug+"-hero.jpg")
		if err != nil {
			return err
		}
		detail, err := f.take(ctx, p.Artisan, p.Slug+"-close.jpg")
		if err != nil {
			return err
		}
		f.firsts, f.others = append(f.firsts, hero), append(f.others, detail)
		fresh := catalog.Fresh{
			Slug: p.Slug, Artisan: f.artisans[p.Artisan], Trade: f.trades[p.Trade], Kind: f.kinds[p.Kind], Featured: p.Featured,
			Revision: catalog.Revision{
				Number: 1, Title: p.Title, Description: p.Description, WrittenIn: "fr", Weight: p.Weight, PackedWeight: p.PackedWeight,
				MakingMinutes: int(p.MakingHours * 60), Fragile: p.Fragile, HSCode: p.HSCode, Origin: p.Origin,
				ShipMode: catalog.Parcel, Compliance: p.Compliance, Breakdown: p.Breakdown, BuyerText: p.BuyerText,
				Pictures: []media.PictureID{hero, detail},
			},
			Variants: p.variants(),
		}
		if p.ShipMode != "parcel" {
			fresh.Revision.ShipMode = catalog.Freight
		}
		if d := p.Dimensions; d != nil {
			fresh.Revision.Length, fresh.Revision.Width, fresh.Revision.Height = mm(d.Length), mm(d.Width), mm(d.Height)
		}
		for vocabulary, slugs := range map[string][]string{
			"material": p.Materials, "technique": p.Techniques, "colour": p.Colours, "care": {p.Care}} {
			for _, slug := range slugs {
				if id, ok := f.terms[vocabulary+"/"+slug]; ok {
					fresh.Terms = append(fresh.Terms, id)
				} else if slug != "" {
					return fmt.Errorf("%s has an unknown %s %q", p.Slug, vocabulary, slug)
				}
			}
		}
		id, revision, err := catalog.AddProduct(ctx, f.tx, fresh)
		if err != nil {
			return err
		}
		created, err := time.Parse(time.DateOnly, p.Created)
		if err != nil {
			return err
		}
		// Pieces of one day keep the order of the file.
		if err := catalog.Publish(ctx, f.tx, id, revision, created.Add(time.Duration(len(f.Products)-i)*time.Minute)); err != nil {
			return err
		}
	}
	return nil
}

// fillTrainings has the union teach, and a third of its members finish each course
// that is over.
func (f *filler) fillTrainings(ctx context.Context) error {
	for i, t := range f.Trainings {
		if _, err := training.AddCourse(ctx, f.tx, training.Course{Slug: t.Slug, Title: t.Title, About: t.Outcome, Sort: i}, 0); err != nil {
			return err
		}
		if t.Status != "done" {
			continue
		}
		end, err := time.Parse(time.DateOnly, t.End)
		if err != nil {
			return err
		}
		course, err := training.CourseBySlug(ctx, f.tx, t.Slug)
		if err != nil {
			return err
		}
		var finished []string
		for n, a := range f.Artisans {
			if n%3 == i%3 && a.Slug != t.Trainer {
				finished = append(finished, a.Slug)
			}
		}
		if err := training.Plant(ctx, f.tx, course, finished, end); err != nil {
			return err
		}
	}
	return nil
}

// fillReviews has buyers, as invented as the market, say what they think.
func (f *filler) fillReviews(ctx context.Context) error {
	var list []review.Seed
	for _, r := range f.Reviews {
		at, err := time.Parse(time.DateOnly, r.Date)
		if err != nil {
			return err
		}
		list = append(list, review.Seed{Ref: r.ID, Product: r.Product, Rating: r.Rating, Words: r.Text, Language: r.Lang, Author: r.Author,
			Country: r.Country, At: at})
	}
	return review.Plant(ctx, f.tx, list)
}

// fillVisits invents who came by in the past half year, more of them at the end of
// a week and as time goes by. Orders are not invented: the shop has them when
// somebody buys.
func (f *filler) fillVisits(ctx context.Context) error {
	if f.Now.IsZero() {
		return nil
	}
	shares := map[string]int{"home": 22, "list": 30, "product": 41, "artisan": 12, "trade": 9, "union": 3, "text": 4}
	y, m, d := f.Now.Date()
	var list []visit.Seed
	for back := 1; back <= 26*7; back++ {
		day := time.Date(y, m, d-back, 0, 0, 0, 0, time.UTC)
		weight := 90 - back/4 + (back*37)%23
		if w := day.Weekday(); w == time.Friday || w == time.Saturday || w == time.Sunday {
			weight += 30
		}
		for kind, n := range shares {
			views := n * weight / 40
			list = append(list, visit.Seed{Day: day, Kind: kind, Views: views, Arrivals: views / 3})
		}
	}
	return visit.Plant(ctx, f.tx, list)
}

// variants are a product's sizes or colours, or the product itself. One without
// stock of its own is made to order.
func (p product) variants() []catalog.Variant {
	one := func(sku string, delta int64, stock *int, options []catalog.Option) catalog.Variant {
		v := catalog.Variant{SKU: sku, Options: options, Price: money.Dirhams(p.Price + delta)}
		if stock == nil {
			v.LeadDays = max(p.LeadDays, 1)
			return v
		}
		v.Stocked, v.OnHand = true, *stock
		return v
	}
	if len(p.Variants) == 0 {
		return []catalog.Variant{one(p.SKU, 0, p.Stock, nil)}
	}
	var list []catalog.Variant
	for _, v := range p.Variants {
		list = append(list, one(v.SKU, v.Delta, v.Stock, []catalog.Option{{Kind: v.Kind, Label: v.Label}}))
	}
	return list
}

func mm(cm *float64) int {
	if cm == nil {
		return 0
	}
	return int(*cm*10 + 0.5)
}

func (f *filler) fillCollections(ctx context.Context) error {
	for i, c := range f.Collections {
		err := catalog.AddCollection(ctx, f.tx, catalog.Collection{Slug: c.Slug, Title: c.Title, Description: c.Description}, i, c.Products)
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) fillShipping(ctx context.Context) error {
	eu := map[string]bool{}
	for _, c := range f.EU {
		eu[c] = true
	}
	for i, z := range f.ShippingZones {
		zone := shipping.Zone{Slug: z.Slug, Name: z.Name, Carrier: z.Carrier, Tracking: z.Tracking, MinDays: z.TransitDays.Min, MaxDays: z.TransitDays.Max, Sort: i}
		if z.FreeOver != nil {
			zone.FreeOver = money.Dirhams(*z.FreeOver)
		}
		for _, b := range z.Bands {
			zone.Bands = append(zone.Bands, shipping.Band{MaxGrams: b.MaxG, Price: money.Dirhams(b.Price)})
		}
		var countries []shipping.Country
		for _, c := range z.Countries {
			// The last zone is for everywhere else.
			if c == "*" {
				for _, other := range lang.Countries() {
					if !f.sentTo(other) {
						countries = append(countries, shipping.Country{Code: other, EU: eu[other]})
					}
				}
				continue
			}
			countries = append(countries, shipping.Country{Code: c, EU: eu[c]})
		}
		if err := shipping.AddZone(ctx, f.tx, zone, countries); err != nil {
			return err
		}
	}
	for _, r := range f.Rates {
		perUnit, err := r.PerUnit.Float64()
		if err != nil {
			return err
		}
		day, err := time.Parse(time.DateOnly, r.Date)
		if err != nil {
			return err
		}
		rate := shipping.Rate{Rate: money.Rate{Currency: money.Currency(r.Currency), PerUnit: int64(perUnit*10_000 + 0.5)}, Date: day}
		if err := shipping.SetRate(ctx, f.tx, rate); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) fillPages(ctx context.Context) error {
	for i, p := range f.Pages {
		if err := page.Save(ctx, f.tx, page.Page{Slug: p.Slug, Title: p.Title, Body: p.Body, Footer: true, Sort: i + 1}); err != nil {
			return err
		}
	}
	return nil
}

// sentTo reports whether a country is named by any zone.
func (f *filler) sentTo(country string) bool {
	for _, z := range f.ShippingZones {
		if slices.Contains(z.Countries, country) {
			return true
		}
	}
	return false
}

// fillAccounts makes an account for each of identity.DemoAccounts: the staff's
// outright, and the artisans' by an invitation, as theirs are made.
func (f *filler) fillAccounts(ctx context.Context) error {
	staff := []identity.New{
		{Name: "Amina Raissouni", Roles: []identity.Role{identity.Admin}},
		{Name: "Driss Benyahia", Roles: []identity.Role{identity.Treasurer}},
	}
	for i, a := range identity.DemoAccounts {
		if i < len(staff) {
			n := staff[i]
			n.Email, n.Password, n.Language = a.Name, a.Password, "fr"
			id, err := identity.Create(ctx, f.tx, n, 0)
			if err != nil {
				return err
			}
			if i == 0 {
				f.admin = id
			}
			continue
		}
		var whose union.ArtisanID
		for _, m := range f.Artisans {
			if identity.Phone(m.Phone) == a.Name {
				whose = f.artisans[m.Slug]
			}
		}
		token, err := union.Invite(ctx, f.tx, whose, f.admin, f.Now)
		if err != nil {
			return err
		}
		if _, err := union.ComeIn(ctx, f.tx, token, a.Password, "ar", f.Now); err != nil {
			return err
		}
	}
	return nil
}

// fillMarks has the committees sign workshops and some of their pieces, as invented
// as the market. Where one of the chairs has no say, being the workshop's own or
// its kin, the administrator stands in.
func (f *filler) fillMarks(ctx context.Context) error {
	location, err := time.LoadLocation("Africa/Casablanca")
	if err != nil {
		return err
	}
	specifications := map[union.CommitteeID]lang.Texts{}
	chairs := map[string][]string{} // of the committee of a trade
	for _, c := range f.Committees {
		specifications[f.committees[c.Slug]] = c.Specification
		for _, t := range f.Trades {
			if t.Committee == c.Slug {
				chairs[t.Slug] = []string{c.Chair, c.ViceChair}
			}
		}
	}
	var kin [][2]union.ArtisanID
	for _, k := range f.Kin {
		kin = append(kin, [2]union.ArtisanID{f.artisans[k[0]], f.artisans[k[1]]})
	}
	isKin := func(a, b string) bool {
		return a == b || slices.Contains(f.Kin, [2]string{a, b}) || slices.Contains(f.Kin, [2]string{b, a})
	}
	names := map[string]string{}
	for _, a := range f.Artisans {
		names[a.Slug] = a.Name.Latin
	}
	var list []mark.Seed
	// Days are spread over the months in which a mark stands, so that some are
	// about to run out.
	plant := func(artisan, trade, product string, level int) {
		n := len(list)
		days := 5 + n*37%340
		if product != "" {
			days = 5 + n*37%60
		}
		s := mark.Seed{Artisan: f.artisans[artisan], Product: product, Level: level, Class: "A", Granted: f.Now.In(location).AddDate(0, 0, -days)}
		if n%4 == 3 {
			s.Class = "B"
		}
		for _, chair := range chairs[trade] {
			if !isKin(artisan, chair) {
				s.Signers, s.Visitor = append(s.Signers, f.artisans[chair]), names[chair]
			}
		}
		if len(s.Signers) < 2 {
			s.StandsIn = f.admin
		}
		list = append(list, s)
	}
	trades := map[string]string{}
	for _, a := range f.Artisans {
		trades[a.Slug] = a.Trade
		if a.Mark > 0 {
			plant(a.Slug, a.Trade, "", a.Mark)
		}
	}
	for i, p := range f.Products {
		if p.Featured && i%2 == 0 {
			plant(p.Artisan, trades[p.Artisan], p.Slug, 2)
		}
	}
	return mark.Plant(ctx, f.tx, specifications, kin, list)
}

// queuePictures queues the front page's pictures before all others.
func (f *filler) queuePictures(ctx context.Context) error {
	for priority, list := range map[int][]media.PictureID{1: f.covers, 2: f.firsts, 3: f.others} {
		for _, id := range list {
			if err := f.Media.Queue(ctx, f.tx, id, priority); err != nil {
				return err
			}
		}
	}
	return nil
}
