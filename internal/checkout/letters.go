package checkout

import (
	"context"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/union"
)

// An OrderLetter is what the letters about an order are written from, all in
// mail/order_paid.
type OrderLetter struct {
	Lang, Dir  string
	Heading    string
	Intro      string
	Number     string
	URL        string
	Button     string
	Lines      []LetterLine
	Postage    string
	PostagePay money.Amount
	Total      money.Amount
	HasTotal   bool
	By         string // when it arrives, or by when it is to be handed in
	Parcel     Parcel // where the letter tells of one
	Address    []string
	Seller     []string // law 31-08 asks who sells: the artisans, through the union
	Foot       string
}

// Parcel is what a letter says of a parcel on its way.
type Parcel struct {
	Carrier, Tracking, URL string
}

// LetterLine is a line of an order in a letter.
type LetterLine struct {
	Title    string
	Options  string
	Text     string
	Maker    string
	Quantity int
	Total    money.Amount
	SKU      string
}

// announce writes to the buyer, to the union, and to each artisan who has an
// address. Every letter has a key, so that none is sent twice.
func (d *Desk) announce(ctx context.Context, tx pgx.Tx, o order.Order) error {
	profile, err := union.Read(ctx, tx)
	if err != nil {
		return err
	}
	l, err := mail.Words(ctx, tx, o.Language)
	if err != nil {
		return err
	}
	buyer := d.letter(o, profile, l)
	buyer.Heading, buyer.Intro = l.T("mail.paid.heading", o.Contact.Name), l.T("mail.paid.intro", o.Number)
	buyer.Button, buyer.URL = l.T("mail.paid.button"), d.orderURL(o)
	buyer.Foot = l.T("mail.paid.foot", profile.WithdrawalDays)
	subject := l.T("mail.paid.subject", o.Number)
	if o.State == order.Confirmed {
		buyer.Heading, buyer.Intro = l.T("mail.confirmed.heading", o.Contact.Name), l.T("mail.confirmed.intro", o.Total, o.PayBy.In(profile.Location))
		subject = l.T("mail.confirmed.subject", o.Number)
	}
	if err := d.send(ctx, tx, profile, o, "paid/buyer", o.Contact.Email, l, "order_paid", subject, buyer); err != nil {
		return err
	}

	office, err := mail.Words(ctx, tx, profile.Language)
	if err != nil {
		return err
	}
	desk := d.letter(o, profile, office)
	desk.Heading, desk.Intro = office.T("mail.office.heading", o.Number), office.T("mail.office.intro", len(o.Fulfilment))
	desk.Button, desk.URL = office.T("mail.office.button"), d.PublicURL+"/admin/orders/"+o.Number
	if err := d.send(ctx, tx, profile, o, "paid/union", profile.Email, office, "order_paid", office.T("mail.office.subject", o.Number), desk); err != nil {
		return err
	}

	artisans, err := union.ArtisansByID(ctx, tx, makersOf(o))
	if err != nil {
		return err
	}
	for _, f := range o.Fulfilment {
		a := artisans[f.Artisan]
		if a.Email == "" {
			continue // The notice in the studio is all there is.
		}
		l, err := mail.Words(ctx, tx, a.WrittenIn)
		if err != nil {
			return err
		}
		m := d.letter(o, profile, l)
		m.Lines, m.HasTotal, m.Address, m.Seller = nil, false, nil, nil
		for _, line := range o.Lines {
			if line.Artisan == f.Artisan {
				m.Lines = append(m.Lines, letterLine(l, line, ""))
			}
		}
		name, _ := a.NameIn(l)
		m.Heading, m.Intro = l.T("mail.prepare.heading", name), l.T("mail.prepare.intro", o.Number)
		m.By = l.T("mail.prepare.by", l.Weekday(f.PrepareBy))
		if err := d.send(ctx, tx, profile, o, "paid/"+a.Slug, a.Email, l, "order_paid", l.T("mail.prepare.subject", o.Number), m); err != nil {
			return err
		}
	}
	return nil
}

func makersOf(o order.Order) []union.ArtisanID {
	ids := make([]union.ArtisanID, len(o.Fulfilment))
	for i, f := range o.Fulfilment {
		ids[i] = f.Artisan
	}
	return ids
}

// regret writes to the buyer and the union that money came in for nothing and
// goes back.
func (d *Desk) regret(ctx context.Context, tx pgx.Tx, o order.Order, reason string) error {
	profile, err := union.Read(ctx, tx)
	if err != nil {
		return err
	}
	for _, reader := range []struct {
		key, to string
		l       *lang.Language
	}{{"regret/buyer", o.Contact.Email, lang.Or(o.Language)}, {"regret/union", profile.Email, lang.Or(profile.Language)}} {
		l := reader.l
		m := d.letter(o, profile, l)
		m.Heading, m.Intro = l.T("mail.regret.heading", o.Number), l.T("mail.regret."+reason, o.Total)
		m.Lines, m.By, m.Address = nil, "", nil
		m.Button, m.URL = l.T("mail.paid.button"), d.orderURL(o)
		err := d.send(ctx, tx, profile, o, reader.key, reader.to, l, "order_paid", l.T("mail.regret.subject", o.Number), m)
		if err != nil {
			return err
		}
	}
	return nil
}

// toBuyer writes to an order's buyer, in their language and with the way to the
// order's page. fill says what the letter says besides, and returns its subject.
func (d *Desk) toBuyer(ctx context.Context, tx pgx.Tx, o order.Order, key string, fill func(*OrderLetter, *lang.Language, union.Profile) string) error {
	profile, err := union.Read(ctx, tx)
	if err != nil {
		return err
	}
	l, err := mail.Words(ctx, tx, o.Language)
	if err != nil {
		return err
	}
	m := d.letter(o, profile, l)
	m.Button, m.URL = l.T("mail.paid.button"), d.orderURL(o)
	subject := fill(&m, l, profile)
	return d.send(ctx, tx, profile, o, key, o.Contact.Email, l, "order_paid", subject, m)
}

func (d *Desk) send(ctx context.Context, tx pgx.Tx, p union.Profile, o order.Order, key, to string, l *lang.Language, template, subject string, m OrderLetter) error {
	return d.Post.Write(ctx, tx, mail.Draft{
		Key: "order/" + o.Number + "/" + key, To: to, Language: l.Code, Template: template, Subject: subject, Model: m,
	}, mail.Frame{Market: p.Market.In(l, "fr").Words, Notice: p.Notice.In(l, "fr").Words})
}

// letter fills in what all letters about an order say.
func (d *Desk) letter(o order.Order, p union.Profile, l *lang.Language) OrderLetter {
	m := OrderLetter{Lang: l.Code, Dir: l.Dir, Number: o.Number, Total: o.Total, HasTotal: true, PostagePay: o.Postage}
	makers := map[union.ArtisanID]string{}
	for _, f := range o.Fulfilment {
		name, _ := union.Artisan{Name: f.Maker, NameArabic: f.MakerArabic}.NameIn(l)
		makers[f.Artisan] = name.Words
	}
	for _, line := range o.Lines {
		m.Lines = append(m.Lines, letterLine(l, line, makers[line.Artisan]))
	}
	if o.Delivery == order.Post {
		m.Postage = l.T("checkout.postage_to", l.Country(o.Address.Country))
		m.By = l.T("mail.arrives", l.Weekday(o.ArrivesBy))
		m.Address = []string{o.Contact.Name, o.Address.Line1, o.Address.Landmark,
			trimJoin(o.Address.Postcode, o.Address.City), o.Address.Region, l.Country(o.Address.Country)}
	} else {
		m.Postage = l.T("checkout.collecting")
		m.By = l.T("mail.collect", l.Weekday(o.ArrivesBy), p.Address.Line1)
	}
	m.Seller = []string{p.Name.In(l, "fr").Words, p.Address.Line1, trimJoin(p.Address.Line2, p.Address.Postcode, p.Address.City), p.Phone, p.Email}
	if ice := p.Legal["ice"]; ice != "" {
		m.Seller = append(m.Seller, "ICE "+ice)
	}
	return m
}

func letterLine(l *lang.Language, line order.Line, maker string) LetterLine {
	v := LetterLine{Title: line.Title.In(l, "fr").Words, Text: line.BuyerText, Maker: maker, Quantity: line.Quantity, Total: line.Total, SKU: line.SKU}
	v.Options = catalog.OptionNames(l, line.Options)
	return v
}

func trimJoin(parts ...string) string {
	s := ""
	for _, p := range parts {
		if p != "" && s != "" {
			s += " "
		}
		s += p
	}
	return s
}
