package settings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/page"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/union"
)

// Groups are where the office finds the kinds, in this order.
var Groups = []string{"union", "crafts", "window", "texts", "postage", "money"}

// Kinds are all kinds of the market's own data.
var Kinds = []Kind{
	identityKind, storyKind, periodKind,
	committeeKind, tradeKind, quarterKind, kindKind, termKind("material"), termKind("technique"), termKind("colour"), termKind("care"),
	frontKind, collectionKind,
	pageKind, questionKind, letterKind,
	zoneKind,
	commissionKind, rateKind,
}

// one is the name of the only record of its kind.
const one = "union"

var (
	slugField = Field{Key: "slug", Input: Word, Required: true, Fixed: true, Most: 60}
	nameField = Field{Key: "name", Input: Texts, Required: true, Most: 80}
	sortField = Field{Key: "sort", Input: Number, Required: true, Least: 0, Most: 9999}
)

// fixedWords are a name that is the same in every language.
func fixedWords(s string) lang.Texts { return lang.Texts{lang.Default.Code: s} }

// ofProfile makes a kind whose only record is a part of the union's profile.
func ofProfile(name, group string, fields []Field, read func(union.Profile) Values, write func(*union.Profile, Values) error) Kind {
	return Kind{
		Name: name, Group: group, Single: true, Fields: fields,
		list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
			p, err := union.Read(ctx, db)
			if err != nil {
				return nil, err
			}
			return []Record{{one, p.Name, read(p)}}, nil
		},
		save: func(ctx context.Context, tx pgx.Tx, _ string, _ bool, v Values) error {
			return union.Amend(ctx, tx, func(p *union.Profile) error { return write(p, v) })
		},
	}
}

// legalKeys are the numbers that stand on an invoice.
var legalKeys = []string{"form", "ice", "if_number", "rc", "bank", "rib"}

var identityKind = ofProfile("identity", "union", []Field{
	nameField, {Key: "market", Input: Texts, Required: true, Most: 40}, {Key: "tagline", Input: Texts, Required: true, Most: 120},
	{Key: "notice", Input: Texts, Most: 200},
	{Key: "email", Input: Word, Required: true}, {Key: "phone", Input: Word, Required: true, Most: 30},
	{Key: "line1", Input: Word, Required: true}, {Key: "line2", Input: Word}, {Key: "postcode", Input: Word, Most: 12}, {Key: "city", Input: Word, Required: true},
	{Key: "founded", Input: Day, Required: true},
	{Key: "form", Input: Word}, {Key: "ice", Input: Word, Most: 15}, {Key: "if_number", Input: Word, Most: 20}, {Key: "rc", Input: Word, Most: 40},
	{Key: "bank", Input: Word, Most: 80}, {Key: "rib", Input: Word, Most: 30},
}, func(p union.Profile) Values {
	v := Values{"name": p.Name, "market": p.Market, "tagline": p.Tagline, "notice": p.Notice, "email": p.Email, "phone": p.Phone,
		"line1": p.Address.Line1, "line2": p.Address.Line2, "postcode": p.Address.Postcode, "city": p.Address.City, "founded": today(p.Founded)}
	for _, key := range legalKeys {
		v[key] = p.Legal[key]
	}
	return v
}, func(p *union.Profile, v Values) error {
	address, err := netmail.ParseAddress(v.Word("email"))
	if err != nil || address.Address != v.Word("email") {
		return wrongAt("email", "settings.not_email")
	}
	if ice := v.Word("ice"); ice != "" && (len(ice) != 15 || strings.Trim(ice, "0123456789") != "") {
		return wrongAt("ice", "settings.not_ice")
	}
	rib := strings.ReplaceAll(v.Word("rib"), " ", "")
	if rib != "" && !union.ValidRIB(rib) {
		return wrongAt("rib", "settings.not_rib")
	}
	if p.Founded, err = time.Parse(time.DateOnly, v.Word("founded")); err != nil {
		return wrongAt("founded", "settings.not_day")
	}
	p.Name, p.Market, p.Tagline, p.Notice = v.Texts("name"), v.Texts("market"), v.Texts("tagline"), v.Texts("notice")
	p.Email, p.Phone = v.Word("email"), v.Word("phone")
	p.Address.Line1, p.Address.Line2, p.Address.Postcode, p.Address.City = v.Word("line1"), v.Word("line2"), v.Word("postcode"), v.Word("city")
	legal := map[string]string{}
	for key, w := range p.Legal {
		legal[key] = w
	}
	for _, key := range legalKeys {
		legal[key] = v.Word(key)
	}
	legal["rib"], legal["iban"] = rib, ""
	if rib != "" {
		legal["iban"] = "MA64" + rib // Every Moroccan account number leaves no rest by 97, so its check digits are these.
	}
	p.Legal = legal
	return nil
})

var storyKind = ofProfile("story", "union", []Field{
	{Key: "about", Input: Prose, Required: true},
	{Key: "principles", Input: Rows, Most: 8, Of: []Field{{Key: "text", Input: Texts, Required: true}}},
	{Key: "timeline", Input: Rows, Most: 20, Of: []Field{{Key: "date", Input: Day, Required: true}, {Key: "text", Input: Texts, Required: true, Most: 300}}},
}, func(p union.Profile) Values {
	principles, timeline := []Values{}, []Values{}
	for _, t := range p.Principles {
		principles = append(principles, Values{"text": t})
	}
	for _, e := range p.Timeline {
		timeline = append(timeline, Values{"date": e.Date, "text": e.Text})
	}
	return Values{"about": p.About, "principles": principles, "timeline": timeline}
}, func(p *union.Profile, v Values) error {
	p.About, p.Principles, p.Timeline = v.Texts("about"), nil, nil
	for _, r := range v.Rows("principles") {
		p.Principles = append(p.Principles, r.Texts("text"))
	}
	for _, r := range v.Rows("timeline") {
		p.Timeline = append(p.Timeline, union.Event{Date: r.Word("date"), Text: r.Texts("text")})
	}
	slices.SortStableFunc(p.Timeline, func(a, b union.Event) int { return strings.Compare(a.Date, b.Date) })
	return nil
})

var periodKind = ofProfile("period", "union", []Field{
	{Key: "hold_minutes", Input: Number, Required: true, Least: 32, Most: 1440},
	{Key: "cash_hold_days", Input: Number, Required: true, Least: 1, Most: 60},
	{Key: "withdrawal_days", Input: Number, Required: true, Least: 7, Most: 365},
	{Key: "packing_days", Input: Number, Required: true, Least: 0, Most: 60},
}, func(p union.Profile) Values {
	return Values{"hold_minutes": int64(p.Hold / time.Minute), "cash_hold_days": int64(p.CashHold / (24 * time.Hour)),
		"withdrawal_days": int64(p.WithdrawalDays), "packing_days": int64(p.PackingDays)}
}, func(p *union.Profile, v Values) error {
	p.Hold = time.Duration(v.Int("hold_minutes")) * time.Minute
	p.CashHold = time.Duration(v.Int("cash_hold_days")) * 24 * time.Hour
	p.WithdrawalDays, p.PackingDays = int(v.Int("withdrawal_days")), int(v.Int("packing_days"))
	return nil
})

var questionKind = Kind{
	Name: "question", Group: "texts",
	Fields: []Field{slugField, {Key: "topic", Input: Choice, Required: true, Options: "topic"},
		{Key: "question", Input: Texts, Required: true}, {Key: "answer", Input: Prose, Required: true, Most: 1500}, sortField},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		p, err := union.Read(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for i, q := range p.FAQ {
			list = append(list, Record{q.Slug, q.Question, Values{"slug": q.Slug, "topic": q.Topic, "question": q.Question, "answer": q.Answer, "sort": int64(i + 1)}})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) error {
		return union.Amend(ctx, tx, func(p *union.Profile) error {
			q := union.Question{Slug: ref, Topic: v.Word("topic"), Question: v.Texts("question"), Answer: v.Texts("answer")}
			p.FAQ = slices.DeleteFunc(p.FAQ, func(o union.Question) bool { return o.Slug == ref })
			at := min(max(int(v.Int("sort"))-1, 0), len(p.FAQ))
			p.FAQ = slices.Insert(p.FAQ, at, q)
			return nil
		})
	},
	remove: func(ctx context.Context, tx pgx.Tx, ref string) error {
		return union.Amend(ctx, tx, func(p *union.Profile) error {
			p.FAQ = slices.DeleteFunc(p.FAQ, func(o union.Question) bool { return o.Slug == ref })
			return nil
		})
	},
}

var pageKind = Kind{
	Name: "page", Group: "texts",
	Fields: []Field{slugField, {Key: "title", Input: Texts, Required: true, Most: 80}, {Key: "body", Input: Prose, Required: true, Most: 20_000, Markdown: true},
		{Key: "footer", Input: Flag}, sortField},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		all, err := page.All(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for _, p := range all {
			list = append(list, Record{p.Slug, p.Title, Values{"slug": p.Slug, "title": p.Title, "body": p.Body, "footer": p.Footer, "sort": int64(p.Sort)}})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, _ bool, v Values) error {
		return page.Save(ctx, tx, page.Page{Slug: ref, Title: v.Texts("title"), Body: v.Texts("body"), Footer: v.Flag("footer"), Sort: int(v.Int("sort"))})
	},
	remove: page.Remove,
}

// Letters are those whose words the union may change, by what stands between
// mail. and their parts in the keys of the message catalogues.
var Letters = []string{"paid", "confirmed", "ready", "sent", "refund", "lapsed", "prepare", "office", "account.invitation", "account.reset"}

// letterParts are what every letter says in words.
var letterParts = []string{"subject", "heading", "intro"}

// letterKey is the message of a letter's part.
func letterKey(letter, part string) string { return "mail." + letter + "." + part }

// What the records of letters say is what letters say: the union's own words, and
// in those languages where it has none the program's.
var letterKind = Kind{
	Name: "letter", Group: "texts", Single: true,
	Fields: []Field{{Key: "subject", Input: Texts, Most: 120}, {Key: "heading", Input: Texts, Most: 120}, {Key: "intro", Input: Prose, Most: 800}},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		own, err := mail.OwnWords(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for _, letter := range Letters {
			v := Values{}
			for _, part := range letterParts {
				words := lang.Texts{}
				for _, l := range lang.All {
					words[l.Code] = cmp.Or(own[letterKey(letter, part)][l.Code], l.Text(letterKey(letter, part)))
				}
				v[part] = words
			}
			list = append(list, Record{letter, nil, v})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, _ bool, v Values) error {
		for _, part := range letterParts {
			own := lang.Texts{}
			for _, l := range lang.All {
				said, words := l.Text(letterKey(ref, part)), v.Texts(part)[l.Code]
				if words == "" || words == said {
					continue
				}
				for _, hole := range holes.FindAllString(words, -1) {
					if !strings.Contains(said, hole) {
						return wrongAt(part+"_"+l.Code, "settings.no_hole", hole)
					}
				}
				own[l.Code] = words
			}
			if err := mail.SetWords(ctx, tx, letterKey(ref, part), own); err != nil {
				return err
			}
		}
		return nil
	},
}

// holes are the places in a message that are filled in.
var holes = regexp.MustCompile(`\{[0-9]\}`)

var committeeKind = Kind{
	Name: "committee", Group: "crafts",
	Fields: []Field{slugField, nameField, {Key: "mission", Input: Texts, Required: true, Most: 300}, {Key: "meets", Input: Choice, Options: "meets"},
		{Key: "chair", Input: Word, Most: 60}, {Key: "vice_chair", Input: Word, Most: 60}, {Key: "members", Input: List, Most: 60}},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		all, err := union.Committees(ctx, db)
		if err != nil {
			return nil, err
		}
		seats, err := union.Seats(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for _, c := range all {
			v := Values{"slug": c.Slug, "name": c.Name, "mission": c.Mission, "meets": c.Meets}
			var members []string
			for _, s := range seats {
				switch {
				case s.Committee != c.Slug:
				case s.Office == "member":
					members = append(members, s.Artisan)
				default:
					v[s.Office] = s.Artisan
				}
			}
			v["members"] = members
			list = append(list, Record{c.Slug, c.Name, v})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) (err error) {
		c := union.Committee{Slug: ref, Name: v.Texts("name"), Mission: v.Texts("mission"), Meets: v.Word("meets")}
		if fresh {
			_, err = union.AddCommittee(ctx, tx, c)
		} else {
			err = union.SaveCommittee(ctx, tx, c)
		}
		if err != nil {
			return err
		}
		var seats []union.CommitteeSeat
		seen := map[string]bool{}
		for _, office := range []string{"chair", "vice_chair"} {
			if slug := v.Word(office); slug != "" && !seen[slug] {
				seats, seen[slug] = append(seats, union.CommitteeSeat{Committee: ref, Artisan: slug, Office: office}), true
			}
		}
		for _, slug := range v.List("members") {
			if !seen[slug] {
				seats, seen[slug] = append(seats, union.CommitteeSeat{Committee: ref, Artisan: slug, Office: "member"}), true
			}
		}
		strange, err := union.SetSeats(ctx, tx, ref, seats)
		if err == nil && len(strange) > 0 {
			return wrongAt("members", "settings.no_member", strings.Join(strange, ", "))
		}
		return err
	},
	remove: union.RemoveCommittee,
	uses: func(ctx context.Context, db postgres.DB, ref string) ([]Use, error) {
		n, err := union.CommitteeNeeds(ctx, db, ref)
		return []Use{{"trades", n.Trades, ""}, {"members", n.Members, "/admin/committees/" + ref}}, err
	},
}

var tradeKind = Kind{
	Name: "trade", Group: "crafts",
	Fields: []Field{slugField, nameField, {Key: "committee", Input: Choice, Required: true, Options: "committee"},
		{Key: "description", Input: Prose, Required: true, Most: 1500},
		{Key: "process", Input: Rows, Most: 12, Of: []Field{{Key: "text", Input: Texts, Required: true, Most: 300}}}, sortField},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		trades, err := union.Trades(ctx, db)
		if err != nil {
			return nil, err
		}
		committees, err := union.Committees(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for _, t := range trades {
			v := Values{"slug": t.Slug, "name": t.Name, "description": t.Description, "sort": int64(t.Sort)}
			for _, c := range committees {
				if c.ID == t.Committee {
					v["committee"] = c.Slug
				}
			}
			steps := []Values{}
			for _, s := range t.Process {
				steps = append(steps, Values{"text": s})
			}
			v["process"] = steps
			list = append(list, Record{t.Slug, t.Name, v})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) error {
		committees, err := union.Committees(ctx, tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(committees, func(c union.Committee) bool { return c.Slug == v.Word("committee") })
		if i < 0 {
			return wrongAt("committee", "settings.not_choice")
		}
		t := union.Trade{Slug: ref, Committee: committees[i].ID, Name: v.Texts("name"), Description: v.Texts("description"), Sort: int(v.Int("sort")), Process: []lang.Texts{}}
		for _, r := range v.Rows("process") {
			t.Process = append(t.Process, r.Texts("text"))
		}
		if fresh {
			_, err = union.AddTrade(ctx, tx, t)
			return err
		}
		if err := union.SaveTrade(ctx, tx, t); err != nil {
			return err
		}
		return catalog.RefreshLater(ctx, tx, catalog.ByTrade, ref)
	},
	remove: union.RemoveTrade,
	uses: func(ctx context.Context, db postgres.DB, ref string) ([]Use, error) {
		n, err := union.TradeNeeds(ctx, db, ref)
		if err != nil {
			return nil, err
		}
		pieces, err := catalog.Needs(ctx, db, catalog.ByTrade, "", ref)
		return []Use{{"artisans", n.Artisans, "/admin/artisans?trade=" + ref}, {"pieces", pieces, "/products?trade=" + ref}}, err
	},
}

var quarterKind = Kind{
	Name: "quarter", Group: "crafts",
	Fields: []Field{slugField, nameField, {Key: "description", Input: Prose, Most: 800},
		{Key: "latitude", Input: Degree, Required: true, Least: -90, Most: 90}, {Key: "longitude", Input: Degree, Required: true, Least: -180, Most: 180},
		{Key: "in_medina", Input: Flag}, sortField},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		all, err := union.Quarters(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for _, q := range all {
			list = append(list, Record{q.Slug, q.Name, Values{"slug": q.Slug, "name": q.Name, "description": q.Description, "latitude": q.Latitude,
				"longitude": q.Longitude, "in_medina": q.InMedina, "sort": int64(q.Sort)}})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) (err error) {
		q := union.Quarter{Slug: ref, Name: v.Texts("name"), Description: v.Texts("description"), Latitude: v.Float("latitude"),
			Longitude: v.Float("longitude"), InMedina: v.Flag("in_medina"), Sort: int(v.Int("sort"))}
		if fresh {
			_, err = union.AddQuarter(ctx, tx, q)
			return err
		}
		if err := union.SaveQuarter(ctx, tx, q); err != nil {
			return err
		}
		return catalog.RefreshLater(ctx, tx, catalog.ByQuarter, ref)
	},
	remove: union.RemoveQuarter,
	uses: func(ctx context.Context, db postgres.DB, ref string) ([]Use, error) {
		n, err := union.QuarterNeeds(ctx, db, ref)
		return []Use{{"artisans", n.Artisans, "/admin/artisans?quarter=" + ref}}, err
	},
}

var kindKind = Kind{
	Name: "kind", Group: "crafts",
	Fields: []Field{slugField, nameField, {Key: "trades", Input: Many, Required: true, Options: "trade"}, sortField},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		all, trades, err := catalog.AllKinds(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for _, k := range all {
			list = append(list, Record{k.Slug, k.Name, Values{"slug": k.Slug, "name": k.Name, "trades": trades[k.Slug], "sort": int64(k.Sort)}})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) error {
		trades, err := union.Trades(ctx, tx)
		if err != nil {
			return err
		}
		k := catalog.Kind{Slug: ref, Name: v.Texts("name"), Sort: int(v.Int("sort"))}
		for _, t := range trades {
			if slices.Contains(v.List("trades"), t.Slug) {
				k.Trades = append(k.Trades, t.ID)
			}
		}
		if fresh {
			_, err = catalog.AddKind(ctx, tx, k)
			return err
		}
		if err := catalog.SaveKind(ctx, tx, k); err != nil {
			return err
		}
		return catalog.RefreshLater(ctx, tx, catalog.ByKind, ref)
	},
	remove: catalog.RemoveKind,
	uses: func(ctx context.Context, db postgres.DB, ref string) ([]Use, error) {
		n, err := catalog.Needs(ctx, db, catalog.ByKind, "", ref)
		return []Use{{"pieces", n, "/products?kind=" + ref}}, err
	},
}

// termKind is one vocabulary: the words that pieces are described with.
func termKind(vocabulary string) Kind {
	k := Kind{Name: vocabulary, Group: "crafts", Fields: []Field{slugField, nameField, sortField}}
	if vocabulary == "colour" {
		k.Fields = []Field{slugField, nameField, {Key: "hex", Input: Colour, Required: true}, sortField}
	}
	if vocabulary == "care" {
		k.Fields[1].Most = 160
	}
	k.list = func(ctx context.Context, db postgres.DB) ([]Record, error) {
		all, sorts, err := catalog.AllTerms(ctx, db, vocabulary)
		if err != nil {
			return nil, err
		}
		var list []Record
		for i, t := range all {
			v := Values{"slug": t.Slug, "name": t.Name, "sort": int64(sorts[i])}
			if vocabulary == "colour" {
				v["hex"] = t.Hex
			}
			list = append(list, Record{t.Slug, t.Name, v})
		}
		return list, nil
	}
	k.save = func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) error {
		t := catalog.Term{Vocabulary: vocabulary, Slug: ref, Name: v.Texts("name"), Hex: v.Word("hex")}
		if fresh {
			_, err := catalog.AddTerm(ctx, tx, t, int(v.Int("sort")))
			return err
		}
		if err := catalog.SaveTerm(ctx, tx, t, int(v.Int("sort"))); err != nil || vocabulary == "care" {
			return err
		}
		return catalog.RefreshLater(ctx, tx, catalog.ByTerm, ref)
	}
	k.remove = func(ctx context.Context, tx pgx.Tx, ref string) error {
		return catalog.RemoveTerm(ctx, tx, vocabulary, ref)
	}
	k.uses = func(ctx context.Context, db postgres.DB, ref string) ([]Use, error) {
		n, err := catalog.Needs(ctx, db, catalog.ByTerm, vocabulary, ref)
		u := Use{"pieces", n, ""}
		if vocabulary == "material" || vocabulary == "colour" {
			u.Path = "/products?" + vocabulary + "=" + ref
		}
		return []Use{u}, err
	}
	return k
}

// mostShelf bounds the pieces of a collection, and those of the front page.
const (
	mostCollection = 60
	mostFront      = 5
)

// onSale returns a fault beside a list that names what is not on sale.
func onSale(ctx context.Context, tx pgx.Tx, field string, products []string) error {
	missing, err := catalog.NotOnSale(ctx, tx, products)
	if err == nil && len(missing) > 0 {
		err = unknown(field, missing)
	}
	return err
}

var frontKind = func() Kind {
	k := ofProfile("front", "window", []Field{{Key: "cover_product", Input: Word, Required: true, Most: 80}, {Key: "front_products", Input: List, Most: mostFront}},
		func(p union.Profile) Values {
			return Values{"cover_product": p.CoverProduct, "front_products": p.FrontProducts}
		}, nil)
	k.save = func(ctx context.Context, tx pgx.Tx, _ string, _ bool, v Values) error {
		if err := onSale(ctx, tx, "cover_product", []string{v.Word("cover_product")}); err != nil {
			return err
		}
		if err := onSale(ctx, tx, "front_products", v.List("front_products")); err != nil {
			return err
		}
		return union.Amend(ctx, tx, func(p *union.Profile) error {
			p.CoverProduct, p.FrontProducts = v.Word("cover_product"), v.List("front_products")
			return nil
		})
	}
	return k
}()

var collectionKind = Kind{
	Name: "collection", Group: "window",
	Fields: []Field{slugField, {Key: "title", Input: Texts, Required: true, Most: 80}, {Key: "description", Input: Prose, Required: true, Most: 800},
		{Key: "products", Input: List, Most: mostCollection}, sortField},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		all, err := catalog.Collections(ctx, db)
		if err != nil {
			return nil, err
		}
		in, err := catalog.InCollections(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for i, c := range all {
			list = append(list, Record{c.Slug, c.Title, Values{"slug": c.Slug, "title": c.Title, "description": c.Description, "products": in[c.Slug],
				"sort": int64(i + 1)}})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) error {
		// A piece that was sold out of the window may stay: the collection shows the others.
		var known []string
		if !fresh {
			in, err := catalog.InCollections(ctx, tx)
			if err != nil {
				return err
			}
			known = in[ref]
		}
		added := slices.DeleteFunc(slices.Clone(v.List("products")), func(s string) bool { return slices.Contains(known, s) })
		if err := onSale(ctx, tx, "products", added); err != nil {
			return err
		}
		c := catalog.Collection{Slug: ref, Title: v.Texts("title"), Description: v.Texts("description")}
		if fresh {
			return catalog.AddCollection(ctx, tx, c, int(v.Int("sort")), v.List("products"))
		}
		return catalog.SaveCollection(ctx, tx, c, int(v.Int("sort")), v.List("products"))
	},
	remove: catalog.RemoveCollection,
}

var zoneKind = Kind{
	Name: "zone", Group: "postage",
	Fields: []Field{slugField, nameField, {Key: "carrier", Input: Word, Required: true, Most: 80}, {Key: "tracking", Input: Word, Most: 300},
		{Key: "min_days", Input: Number, Required: true, Least: 0, Most: 120}, {Key: "max_days", Input: Number, Required: true, Least: 0, Most: 120},
		{Key: "free_over", Input: Money},
		{Key: "countries", Input: List, Required: true, Most: 250}, {Key: "eu", Input: List, Most: 60},
		{Key: "bands", Input: Rows, Required: true, Most: 20, Of: []Field{{Key: "up_to", Input: Grams, Required: true, Least: 1, Most: 100_000},
			{Key: "price", Input: Money, Required: true}}}, sortField},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		zones, countries, err := shipping.Zones(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for _, z := range zones {
			var codes, eu []string
			for _, c := range countries {
				if c.Zone == z.Slug {
					codes = append(codes, strings.ToLower(c.Code))
					if c.EU {
						eu = append(eu, strings.ToLower(c.Code))
					}
				}
			}
			bands := []Values{}
			for _, b := range z.Bands {
				bands = append(bands, Values{"up_to": int64(b.MaxGrams), "price": b.Price.Minor})
			}
			list = append(list, Record{z.Slug, z.Name, Values{"slug": z.Slug, "name": z.Name, "carrier": z.Carrier, "tracking": z.Tracking,
				"min_days": int64(z.MinDays), "max_days": int64(z.MaxDays), "free_over": z.FreeOver.Minor, "countries": codes, "eu": eu, "bands": bands,
				"sort": int64(z.Sort)}})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) error {
		z, countries, err := readZone(ref, v)
		if err != nil {
			return err
		}
		if fresh {
			err = shipping.AddZone(ctx, tx, z, countries)
		} else {
			err = shipping.SaveZone(ctx, tx, z, countries)
		}
		if errors.Is(err, shipping.ErrElsewhere) {
			return wrongAt("countries", "settings.country_elsewhere")
		}
		return err
	},
	remove: shipping.RemoveZone,
}

// readZone checks a zone: each weight has one price, and each country is one that
// there is.
func readZone(ref string, v Values) (z shipping.Zone, countries []shipping.Country, err error) {
	z = shipping.Zone{Slug: ref, Name: v.Texts("name"), Carrier: v.Word("carrier"), Tracking: v.Word("tracking"), MinDays: int(v.Int("min_days")),
		MaxDays: int(v.Int("max_days")), FreeOver: money.Centimes(v.Int("free_over")), Sort: int(v.Int("sort"))}
	if z.MaxDays < z.MinDays {
		return z, nil, wrongAt("max_days", "settings.before_first")
	}
	if z.Tracking != "" && (!strings.HasPrefix(z.Tracking, "https://") || !strings.Contains(z.Tracking, "{number}")) {
		return z, nil, wrongAt("tracking", "settings.not_tracking")
	}
	known := lang.Countries()
	var strange []string
	for _, code := range v.List("countries") {
		code = strings.ToUpper(code)
		if !slices.Contains(known, code) {
			strange = append(strange, code)
		}
		countries = append(countries, shipping.Country{Code: code, Zone: ref, EU: slices.Contains(v.List("eu"), strings.ToLower(code))})
	}
	if len(strange) > 0 {
		return z, nil, unknown("countries", strange)
	}
	for _, code := range v.List("eu") {
		if !slices.Contains(v.List("countries"), code) {
			strange = append(strange, strings.ToUpper(code))
		}
	}
	if len(strange) > 0 {
		return z, nil, wrongAt("eu", "settings.not_in_zone", strings.Join(strange, ", "))
	}
	for i, r := range v.Rows("bands") {
		band := shipping.Band{MaxGrams: int(r.Int("up_to")), Price: money.Centimes(r.Int("price"))}
		if slices.ContainsFunc(z.Bands, func(b shipping.Band) bool { return b.MaxGrams == band.MaxGrams }) {
			return z, nil, wrongAt(path("bands", i, "up_to"), "settings.band_twice")
		}
		z.Bands = append(z.Bands, band)
	}
	slices.SortFunc(z.Bands, func(a, b shipping.Band) int { return a.MaxGrams - b.MaxGrams })
	return z, countries, nil
}

// everyTrade names the commission of all trades that have none of their own.
const everyTrade = "all"

var commissionKind = Kind{
	Name: "commission", Group: "money", Single: true,
	Fields: []Field{{Key: "rates", Input: Rows, Most: 12, Of: []Field{{Key: "from", Input: Day, Required: true}, {Key: "rate", Input: Rate, Required: true, Least: 0, Most: 5000}}}},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		p, err := union.Read(ctx, db)
		if err != nil {
			return nil, err
		}
		trades, err := union.Trades(ctx, db)
		if err != nil {
			return nil, err
		}
		of := func(trade union.TradeID) []Values {
			rows := []Values{}
			for _, r := range p.Commissions {
				if r.Trade == trade {
					rows = append(rows, Values{"from": r.From, "rate": int64(r.BP)})
				}
			}
			return rows
		}
		base := of(0)
		if len(base) == 0 || base[0].Word("from") > today(p.Founded) {
			base = slices.Insert(base, 0, Values{"from": today(p.Founded), "rate": int64(p.CommissionBP)})
		}
		list := []Record{{everyTrade, nil, Values{"rates": base}}}
		for _, t := range trades {
			list = append(list, Record{t.Slug, t.Name, Values{"rates": of(t.ID)}})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, _ bool, v Values) error {
		var trade union.TradeID
		if ref != everyTrade {
			t, err := union.TradeBySlug(ctx, tx, ref)
			if err != nil {
				return err
			}
			trade = t.ID
		}
		var rates []union.CommissionRate
		for i, r := range v.Rows("rates") {
			rate := union.CommissionRate{Trade: trade, From: r.Word("from"), BP: int(r.Int("rate"))}
			if slices.ContainsFunc(rates, func(o union.CommissionRate) bool { return o.From == rate.From }) {
				return wrongAt(path("rates", i, "from"), "settings.day_twice")
			}
			rates = append(rates, rate)
		}
		if ref == everyTrade && len(rates) == 0 {
			return wrongAt(path("rates", 0, "from"), "settings.missing")
		}
		return union.SetCommission(ctx, tx, trade, rates)
	},
}

var rateKind = Kind{
	Name: "rate", Group: "money",
	Fields: []Field{{Key: "slug", Input: Choice, Required: true, Fixed: true, Options: "currency"},
		{Key: "per_unit", Input: Worth, Required: true, Least: 1, Most: 100_000_000}, {Key: "on_date", Input: Day, Required: true}},
	list: func(ctx context.Context, db postgres.DB) ([]Record, error) {
		all, err := shipping.Rates(ctx, db)
		if err != nil {
			return nil, err
		}
		var list []Record
		for _, r := range all {
			code := strings.ToLower(string(r.Currency))
			list = append(list, Record{code, fixedWords(string(r.Currency)), Values{"slug": code, "per_unit": r.PerUnit, "on_date": today(r.Date)}})
		}
		return list, nil
	},
	save: func(ctx context.Context, tx pgx.Tx, ref string, _ bool, v Values) error {
		day, err := time.Parse(time.DateOnly, v.Word("on_date"))
		if err != nil {
			return wrongAt("on_date", "settings.not_day")
		}
		rate := money.Rate{Currency: money.Currency(strings.ToUpper(ref)), PerUnit: v.Int("per_unit")}
		return shipping.SetRate(ctx, tx, shipping.Rate{Rate: rate, Date: day})
	},
	remove: func(ctx context.Context, tx pgx.Tx, ref string) error {
		return shipping.RemoveRate(ctx, tx, strings.ToUpper(ref))
	},
}

// An Option is what can be chosen in a field.
type Option struct {
	Value string
	Name  lang.Texts // of a record; nil where the office has a message for it
}

// choices are those that are no records, by the name that fields call them by.
var choices = map[string][]string{
	"topic":    {"orders", "shipping", "returns", "payment", "visits", "products", "artisans"},
	"meets":    meetings(),
	"currency": {"eur", "usd", "gbp"},
}

func meetings() (list []string) {
	for _, week := range []string{"first", "second", "third", "last"} {
		for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
			list = append(list, fmt.Sprintf("%s-%s", week, day))
		}
	}
	return list
}

// Choices returns what can be chosen in a field.
func (f Field) Choices(ctx context.Context, db postgres.DB) ([]Option, error) {
	var list []Option
	if fixed, ok := choices[f.Options]; ok {
		for _, c := range fixed {
			list = append(list, Option{Value: c})
		}
		return list, nil
	}
	k, err := ByName(f.Options)
	if err != nil {
		return nil, fmt.Errorf("settings: choices of %s: %w", f.Key, err)
	}
	records, err := k.Records(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		list = append(list, Option{r.Ref, r.Name})
	}
	return list, nil
}
