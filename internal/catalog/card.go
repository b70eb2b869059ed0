package catalog

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Card is the read model of a published product: what lists and search show,
// read from one row.
type Card struct {
	Product     ProductID
	Slug        string
	Title       lang.Texts
	WrittenIn   string
	Artisan     union.ArtisanID
	Maker       string // Latin letters
	MakerArabic string
	MakerSlug   string
	QuarterName lang.Texts
	Picture     media.PictureID // 0 for none
	Price       money.Amount    // of the cheapest variant
	PriceMost   money.Amount
	OnHand      int
	Held        int
	LeadDays    int // shortest making time, 0 where nothing is made to order
	PublishedAt time.Time
}

// Availability says what a buyer can do about a card.
type Availability string

const (
	Ready       Availability = "ready"
	LastOne     Availability = "last_one"
	MadeToOrder Availability = "made_to_order"
	HeldNow     Availability = "held" // someone is paying
	SoldOut     Availability = "sold_out"
)

// Availability derives from stock: none of it is a state of its own.
func (c Card) Availability() Availability {
	switch free := c.OnHand - c.Held; {
	case free > 1:
		return Ready
	case free == 1:
		return LastOne
	case c.LeadDays > 0:
		return MadeToOrder
	case c.OnHand > 0:
		return HeldNow
	}
	return SoldOut
}

const cardColumns = `
	c.product_id, c.slug, c.title, c.written_in, c.artisan_id, a.name, a.name_ar, a.slug, q.name, coalesce(c.picture_id, 0),
	c.price_minor, c.price_most, c.currency, c.on_hand, c.held, coalesce(c.lead_days, 0), c.published_at`

const cardTables = `
	FROM cards c
	JOIN artisans a ON a.id = c.artisan_id
	JOIN trades t ON t.id = c.trade_id
	JOIN kinds k ON k.id = c.kind_id
	JOIN quarters q ON q.id = c.quarter_id`

func scanCard(row pgx.CollectableRow) (Card, error) {
	var c Card
	err := row.Scan(&c.Product, &c.Slug, &c.Title, &c.WrittenIn, &c.Artisan, &c.Maker, &c.MakerArabic, &c.MakerSlug,
		&c.QuarterName, &c.Picture, &c.Price.Minor, &c.PriceMost.Minor, &c.Price.Currency, &c.OnHand, &c.Held, &c.LeadDays, &c.PublishedAt)
	c.PriceMost.Currency = c.Price.Currency
	return c, err
}

// Sort is the order of a list.
type Sort string

const (
	Newest   Sort = "newest"
	Cheapest Sort = "price"
	Dearest  Sort = "price_desc"
)

// A Filter is what a visitor asked a list for. The zero one asks for
// everything, newest first.
type Filter struct {
	Query                                       string
	Trades, Kinds, Quarters, Materials, Colours []string // slugs; any of each
	Artisan, Collection                         string
	Min, Max                                    int    // whole dirhams, 0 for no bound
	Ready                                       bool   // lies there, waiting for nobody
	Except                                      string // slug of a product to leave out
	Sort                                        Sort
	After                                       string // a Page's Next
	Limit                                       int
}

// A Page is part of a list, and how to ask for what follows.
type Page struct {
	Cards []Card
	Next  string // empty on the last page
}

// filterSQL is the condition of a Filter, over the tables of cardTables. Each
// list of slugs is compared through its own table, so that a made-up slug just
// finds nothing.
const filterSQL = `
	    a.state = 'active' AND NOT a.away
	AND (cardinality($1::text[]) = 0 OR c.search LIKE ALL ($1))
	AND (cardinality($2::text[]) = 0 OR t.slug = ANY ($2))
	AND (cardinality($3::text[]) = 0 OR k.slug = ANY ($3))
	AND (cardinality($4::text[]) = 0 OR q.slug = ANY ($4))
	AND (cardinality($5::text[]) = 0 OR c.materials && $5)
	AND (cardinality($6::text[]) = 0 OR c.colours && $6)
	AND ($7 = '' OR a.slug = $7)
	AND ($8 = '' OR c.product_id IN (
	        SELECT cp.product_id FROM collection_products cp
	        JOIN collections l ON l.id = cp.collection_id WHERE l.slug = $8))
	AND ($9 = 0 OR c.price_minor >= $9::bigint * 100)
	AND ($10 = 0 OR c.price_minor <= $10::bigint * 100)
	AND (NOT $11 OR c.on_hand > c.held)
	AND c.slug <> $12`

func (f Filter) args() []any {
	list := func(s []string) []string {
		if s == nil {
			return []string{}
		}
		return s
	}
	words := patterns(f.Query)
	return []any{list(words), list(f.Trades), list(f.Kinds), list(f.Quarters), list(f.Materials), list(f.Colours),
		f.Artisan, f.Collection, f.Min, f.Max, f.Ready, f.Except}
}

// orders gives for each sort its ORDER BY and the condition for what follows a
// card. The slug breaks ties, so that no key of ours is in an address.
var orders = map[Sort]struct{ by, after string }{
	Newest:   {`c.published_at DESC, c.slug`, `(c.published_at < $13::timestamptz OR c.published_at = $13 AND c.slug > $14)`},
	Cheapest: {`c.price_minor, c.slug`, `(c.price_minor > $13::bigint OR c.price_minor = $13 AND c.slug > $14)`},
	Dearest:  {`c.price_minor DESC, c.slug`, `(c.price_minor < $13::bigint OR c.price_minor = $13 AND c.slug > $14)`},
}

// List returns a page of cards. What cannot be read in f.After or f.Sort is
// taken for the beginning of the plain list.
func List(ctx context.Context, db postgres.DB, f Filter) (Page, error) {
	if _, ok := orders[f.Sort]; !ok {
		f.Sort = Newest
	}
	order := orders[f.Sort]
	where, args := filterSQL, f.args()
	if key, slug, ok := readCursor(f.Sort, f.After); ok {
		where += "\n\tAND " + order.after
		args = append(args, key, slug)
	}
	rows, err := db.Query(ctx, `
		SELECT `+cardColumns+cardTables+`
		WHERE `+where+`
		ORDER BY `+order.by+`
		LIMIT `+strconv.Itoa(f.Limit+1), args...)
	if err != nil {
		return Page{}, fmt.Errorf("catalog: list: %w", err)
	}
	cards, err := pgx.CollectRows(rows, scanCard)
	if err != nil {
		return Page{}, fmt.Errorf("catalog: list: %w", err)
	}
	if len(cards) <= f.Limit {
		return Page{Cards: cards}, nil
	}
	cards = cards[:f.Limit]
	return Page{cards, writeCursor(f.Sort, cards[f.Limit-1])}, nil
}

// Chosen returns the cards of the pieces of these slugs that lie there, waiting
// for nobody, in the order of the slugs.
func Chosen(ctx context.Context, db postgres.DB, slugs []string) ([]Card, error) {
	if len(slugs) == 0 {
		return nil, nil
	}
	rows, err := db.Query(ctx, `
		SELECT `+cardColumns+cardTables+`
		WHERE a.state = 'active' AND NOT a.away AND c.on_hand > c.held AND c.slug = ANY ($1)
		ORDER BY array_position($1, c.slug)`, slugs)
	if err != nil {
		return nil, fmt.Errorf("catalog: chosen: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanCard)
	if err != nil {
		return nil, fmt.Errorf("catalog: chosen: %w", err)
	}
	return list, nil
}

func writeCursor(s Sort, last Card) string {
	key := strconv.FormatInt(last.Price.Minor, 10)
	if s == Newest {
		key = strconv.FormatInt(last.PublishedAt.UnixMicro(), 10)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(string(s) + "." + key + "." + last.Slug))
}

// readCursor reads what writeCursor wrote; anything else is no cursor.
func readCursor(s Sort, cursor string) (key any, slug string, ok bool) {
	if cursor == "" || len(cursor) > 300 {
		return nil, "", false
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, "", false
	}
	parts := strings.SplitN(string(b), ".", 3)
	if len(parts) != 3 || parts[0] != string(s) || !IsSlug(parts[2]) {
		return nil, "", false
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || n < 0 || n > 1<<55 {
		return nil, "", false
	}
	if s == Newest {
		return time.UnixMicro(n), parts[2], true
	}
	return n, parts[2], true
}

// IsSlug reports whether s could be a slug: small letters, digits and single
// hyphens.
func IsSlug(s string) bool {
	if s == "" || len(s) > 120 || s[0] == '-' || s[len(s)-1] == '-' || strings.Contains(s, "--") {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// A Facet is a way to narrow a list, and how many cards that would leave.
type Facet struct {
	Slug  string
	Name  lang.Texts
	Hex   string
	Count int
}

// Facets are the ways to narrow a list.
type Facets struct {
	Trades, Kinds, Quarters, Colours []Facet
	Ready                            int
	Total                            int
	Workshops                        int
	Lowest, Highest                  money.Amount
}

// CountFacets counts a list by facet. Each facet is counted without its own
// choice, so that the other choices in it do not fall to zero.
func CountFacets(ctx context.Context, db postgres.DB, f Filter) (Facets, error) {
	without := func(forget func(*Filter)) []any {
		g := f
		forget(&g)
		return g.args()
	}
	var fs Facets
	b := &pgx.Batch{}
	b.Queue(`
		SELECT count(*), count(DISTINCT c.artisan_id), count(*) FILTER (WHERE c.on_hand > c.held)`+cardTables+`
		WHERE `+filterSQL, f.args()...).QueryRow(func(row pgx.Row) error {
		return row.Scan(&fs.Total, &fs.Workshops, &fs.Ready)
	})
	b.Queue(`
		SELECT coalesce(min(c.price_minor), 0), coalesce(max(c.price_minor), 0)`+cardTables+`
		WHERE `+filterSQL, without(func(g *Filter) { g.Min, g.Max = 0, 0 })...).QueryRow(func(row pgx.Row) error {
		fs.Lowest.Currency, fs.Highest.Currency = money.MAD, money.MAD
		return row.Scan(&fs.Lowest.Minor, &fs.Highest.Minor)
	})
	collect := func(into *[]Facet) func(pgx.Rows) error {
		return func(rows pgx.Rows) (err error) {
			*into, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Facet, error) {
				var v Facet
				err := row.Scan(&v.Slug, &v.Name, &v.Hex, &v.Count)
				return v, err
			})
			return err
		}
	}
	b.Queue(`
		SELECT t.slug, t.name, '', count(*)`+cardTables+`
		WHERE `+filterSQL+`
		GROUP BY t.id ORDER BY t.sort`, without(func(g *Filter) { g.Trades = nil })...).Query(collect(&fs.Trades))
	b.Queue(`
		SELECT k.slug, k.name, '', count(*)`+cardTables+`
		WHERE `+filterSQL+`
		GROUP BY k.id ORDER BY k.sort`, without(func(g *Filter) { g.Kinds = nil })...).Query(collect(&fs.Kinds))
	b.Queue(`
		SELECT q.slug, q.name, '', count(*)`+cardTables+`
		WHERE `+filterSQL+`
		GROUP BY q.id ORDER BY q.sort`, without(func(g *Filter) { g.Quarters = nil })...).Query(collect(&fs.Quarters))
	b.Queue(`
		SELECT m.slug, m.name, coalesce(m.hex, ''), count(*)`+cardTables+`
		JOIN terms m ON m.vocabulary = 'colour' AND m.slug = ANY (c.colours)
		WHERE `+filterSQL+`
		GROUP BY m.id ORDER BY m.sort`, without(func(g *Filter) { g.Colours = nil })...).Query(collect(&fs.Colours))
	if err := db.SendBatch(ctx, b).Close(); err != nil {
		return Facets{}, fmt.Errorf("catalog: facets: %w", err)
	}
	return fs, nil
}

// cardValues are the columns of a card but for search, from what is live.
const cardValues = `
		       p.id, p.slug, r.title, r.written_in, p.artisan_id, p.trade_id, p.kind_id, a.quarter_id,
		       ARRAY(SELECT m.slug FROM revision_terms rt JOIN terms m ON m.id = rt.term_id
		             WHERE rt.revision_id = r.id AND m.vocabulary = 'material' ORDER BY rt.sort),
		       ARRAY(SELECT m.slug FROM revision_terms rt JOIN terms m ON m.id = rt.term_id
		             WHERE rt.revision_id = r.id AND m.vocabulary = 'colour' ORDER BY rt.sort),
		       (SELECT rp.picture_id FROM revision_pictures rp WHERE rp.revision_id = r.id ORDER BY rp.position LIMIT 1),
		       v.least, v.most, 'MAD', v.on_hand, v.held, v.lead_days, p.featured, p.published_at`

// cardSources are the tables of cardValues, beside products p.
const cardSources = `
		JOIN revisions r ON r.id = p.live_id
		JOIN artisans a ON a.id = p.artisan_id
		JOIN LATERAL (
			SELECT min(price_minor) AS least, max(price_minor) AS most, sum(on_hand)::int AS on_hand,
			       sum(held)::int AS held, min(lead_days) AS lead_days
			FROM variants WHERE product_id = p.id
			HAVING count(*) > 0) v ON true`

// CheckCards returns the slugs of up to five products whose card is not there,
// is one too many, or does not say what is live, and how many there are.
func CheckCards(ctx context.Context, db postgres.DB) (wrong int, slugs []string, err error) {
	rows, err := db.Query(ctx, `
		WITH live (product_id, slug, title, written_in, artisan_id, trade_id, kind_id, quarter_id, materials, colours, picture_id,
		           price_minor, price_most, currency, on_hand, held, lead_days, featured, published_at) AS (
			SELECT `+cardValues+`
			FROM products p`+cardSources+`
			WHERE p.state = 'on_sale')
		SELECT coalesce(l.slug, c.slug), count(*) OVER ()
		FROM live l
		FULL JOIN cards c ON c.product_id = l.product_id
		WHERE (l.product_id, l.slug, l.title, l.written_in, l.artisan_id, l.trade_id, l.kind_id, l.quarter_id, l.materials, l.colours, l.picture_id,
		       l.price_minor, l.price_most, l.currency, l.on_hand, l.held, l.lead_days, l.featured, l.published_at)
		   IS DISTINCT FROM
		      (c.product_id, c.slug, c.title, c.written_in, c.artisan_id, c.trade_id, c.kind_id, c.quarter_id, c.materials, c.colours, c.picture_id,
		       c.price_minor, c.price_most, c.currency, c.on_hand, c.held, c.lead_days, c.featured, c.published_at)
		ORDER BY 1
		LIMIT 5`)
	if err != nil {
		return 0, nil, fmt.Errorf("catalog: check cards: %w", err)
	}
	var slug string
	_, err = pgx.ForEachRow(rows, []any{&slug, &wrong}, func() error {
		slugs = append(slugs, slug)
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("catalog: check cards: %w", err)
	}
	return wrong, slugs, nil
}

// Refresh rebuilds the cards of products from what is live, and takes away the
// cards of those that are not on sale. search is filled by the caller's Fold
// through RefreshSearch, since the database cannot fold as search does.
func Refresh(ctx context.Context, tx pgx.Tx, ids []ProductID) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM cards c
		USING products p
		WHERE c.product_id = p.id AND p.id = ANY ($1) AND p.state <> 'on_sale'`, ids)
	if err != nil {
		return fmt.Errorf("catalog: refresh cards: %w", err)
	}
	rows, err := tx.Query(ctx, `
		SELECT p.id, concat_ws(' ', jsonb_path_query_array(r.title, '$.*'), a.name, a.name_ar,
		       jsonb_path_query_array(t.name, '$.*'), jsonb_path_query_array(k.name, '$.*'),
		       jsonb_path_query_array(q.name, '$.*'),
		       (SELECT string_agg(jsonb_path_query_array(m.name, '$.*')::text, ' ')
		        FROM revision_terms rt JOIN terms m ON m.id = rt.term_id
		        WHERE rt.revision_id = r.id AND m.vocabulary <> 'care'),
		       (SELECT string_agg(v.sku, ' ') FROM variants v WHERE v.product_id = p.id))
		FROM products p
		JOIN revisions r ON r.id = p.live_id
		JOIN artisans a ON a.id = p.artisan_id
		JOIN trades t ON t.id = p.trade_id
		JOIN kinds k ON k.id = p.kind_id
		JOIN quarters q ON q.id = a.quarter_id
		WHERE p.id = ANY ($1) AND p.state = 'on_sale'`, ids)
	if err != nil {
		return fmt.Errorf("catalog: refresh cards: %w", err)
	}
	var live []int64
	var search []string
	var id int64
	var words string
	_, err = pgx.ForEachRow(rows, []any{&id, &words}, func() error {
		live, search = append(live, id), append(search, Fold(words))
		return nil
	})
	if err != nil {
		return fmt.Errorf("catalog: refresh cards: %w", err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO cards (product_id, slug, title, written_in, artisan_id, trade_id, kind_id, quarter_id, materials,
			colours, picture_id, price_minor, price_most, currency, on_hand, held, lead_days, featured, published_at, search)
		SELECT `+cardValues+`, s.words
		FROM unnest($1::bigint[], $2::text[]) AS s (id, words)
		JOIN products p ON p.id = s.id`+cardSources+`
		ON CONFLICT (product_id) DO UPDATE SET
			slug = EXCLUDED.slug, title = EXCLUDED.title, written_in = EXCLUDED.written_in,
			artisan_id = EXCLUDED.artisan_id, trade_id = EXCLUDED.trade_id, kind_id = EXCLUDED.kind_id,
			quarter_id = EXCLUDED.quarter_id, materials = EXCLUDED.materials, colours = EXCLUDED.colours,
			picture_id = EXCLUDED.picture_id, price_minor = EXCLUDED.price_minor, price_most = EXCLUDED.price_most,
			currency = EXCLUDED.currency, on_hand = EXCLUDED.on_hand, held = EXCLUDED.held,
			lead_days = EXCLUDED.lead_days, featured = EXCLUDED.featured, published_at = EXCLUDED.published_at,
			search = EXCLUDED.search`, live, search)
	if err != nil {
		return fmt.Errorf("catalog: refresh cards: %w", err)
	}
	// An artisan's pages show which pieces there are.
	rows, err = tx.Query(ctx, `SELECT DISTINCT artisan_id FROM products WHERE id = ANY ($1)`, ids)
	if err != nil {
		return fmt.Errorf("catalog: refresh cards: %w", err)
	}
	makers, err := pgx.CollectRows(rows, pgx.RowTo[union.ArtisanID])
	if err != nil {
		return fmt.Errorf("catalog: refresh cards: %w", err)
	}
	tags := productTags(ids)
	for _, m := range makers {
		tags = append(tags, m.Tag())
	}
	return postgres.Notify(ctx, tx, tags...)
}

// RefreshArtisan calls Refresh for all that an artisan has on sale.
func RefreshArtisan(ctx context.Context, tx pgx.Tx, a union.ArtisanID) error {
	rows, err := tx.Query(ctx, `SELECT id FROM products WHERE artisan_id = $1 AND state = 'on_sale'`, a)
	if err != nil {
		return fmt.Errorf("catalog: refresh artisan: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[ProductID])
	if err != nil {
		return fmt.Errorf("catalog: refresh artisan: %w", err)
	}
	return Refresh(ctx, tx, ids)
}

// RefreshStock brings the cards' stock up to that of the variants, which is all
// that a sale changes.
func RefreshStock(ctx context.Context, tx pgx.Tx, ids []ProductID) error {
	_, err := tx.Exec(ctx, `
		UPDATE cards c
		SET on_hand = v.on_hand, held = v.held
		FROM (
			SELECT product_id, sum(on_hand)::int AS on_hand, sum(held)::int AS held
			FROM variants WHERE product_id = ANY ($1)
			GROUP BY product_id) v
		WHERE c.product_id = v.product_id`, ids)
	if err != nil {
		return fmt.Errorf("catalog: refresh stock: %w", err)
	}
	return postgres.Notify(ctx, tx, productTags(ids)...)
}

// productTags are those of the pages on which a change of products shows.
func productTags(ids []ProductID) []string {
	tags := []string{union.Lists}
	for _, id := range ids {
		tags = append(tags, id.Tag())
	}
	return tags
}

// CountByTrade returns how many cards each trade has, by the trade's slug.
func CountByTrade(ctx context.Context, db postgres.DB) (map[string]int, error) {
	rows, err := db.Query(ctx, `
		SELECT t.slug, count(*)
		FROM cards c
		JOIN trades t ON t.id = c.trade_id
		JOIN artisans a ON a.id = c.artisan_id
		WHERE a.state = 'active' AND NOT a.away
		GROUP BY t.slug`)
	if err != nil {
		return nil, fmt.Errorf("catalog: count by trade: %w", err)
	}
	counts := map[string]int{}
	var slug string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&slug, &n}, func() error { counts[slug] = n; return nil }); err != nil {
		return nil, fmt.Errorf("catalog: count by trade: %w", err)
	}
	return counts, nil
}

// PublicSlugs returns the addresses, below a language, of what the market
// shows: trades, artisans, collections and products, newest first.
func PublicSlugs(ctx context.Context, db postgres.DB, limit int) ([]string, error) {
	rows, err := db.Query(ctx, `
		(SELECT 'trades/' || slug FROM trades ORDER BY sort)
		UNION ALL
		(SELECT 'collections/' || slug FROM collections ORDER BY sort)
		UNION ALL
		(SELECT 'artisans/' || slug FROM artisans WHERE state = 'active' ORDER BY slug)
		UNION ALL
		(SELECT 'products/' || c.slug FROM cards c JOIN artisans a ON a.id = c.artisan_id
		 WHERE a.state = 'active' ORDER BY c.published_at DESC, c.slug)
		LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("catalog: public slugs: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("catalog: public slugs: %w", err)
	}
	return list, nil
}
