// Package catalog holds what artisans offer: products with their variants and
// revisions, the cards that lists are made of, and the search over them.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// Keys of the catalog, which never leave the program: outside there are slugs
// and SKUs.
type (
	ProductID  int64
	RevisionID int64
	VariantID  int64
	KindID     int64
	TermID     int64
)

// Tag is that of the pages that show the product; see postgres.Notify.
func (id ProductID) Tag() string { return "product:" + strconv.FormatInt(int64(id), 10) }

// A Product is what buyers see of a piece that is on sale: its last approved
// revision, with its variants.
type Product struct {
	ID          ProductID
	Slug        string
	Artisan     union.ArtisanID
	Trade       union.TradeID
	TradeSlug   string
	TradeName   lang.Texts
	KindSlug    string
	KindName    lang.Texts
	State       State
	PublishedAt time.Time
	Revision    Revision
	Variants    []Variant
}

// State is where a product stands between workshop and window. That it is sold
// out is not a state but follows from its stock.
type State string

const (
	Drafted   State = "draft"
	OnSale    State = "on_sale"
	Withdrawn State = "withdrawn"  // by its artisan
	TakenDown State = "taken_down" // by the union
)

// A Revision is the texts, facts and pictures of a product at one time.
type Revision struct {
	ID                    RevisionID
	Number                int
	Title, Description    lang.Texts
	WrittenIn             string
	Length, Width, Height int // millimetres, 0 where not given
	Weight, PackedWeight  int // grams
	MakingMinutes         int // 0 where not given
	Fragile               bool
	Second                bool   // it has a small flaw, which the buyer is told of
	HSCode                string // Harmonized System, six digits
	Origin                string // ISO 3166-1
	ShipMode              ShipMode
	Compliance            []string
	Breakdown             map[string]int64 // parts of the price by name; the union's share is worked out
	BuyerText             *BuyerText
	Materials, Techniques []Term
	Colours, Care         []Term
	Pictures              []media.PictureID
	Voice                 Voice // that stands for its words
}

// ShipMode says how a piece can travel.
type ShipMode string

const (
	Parcel  ShipMode = "parcel"
	Freight ShipMode = "freight" // collected, until a price is agreed
)

// BuyerText is a text that the buyer must give, such as a house number.
type BuyerText struct {
	Label   lang.Texts `json:"label"`
	Max     int        `json:"max"`     // characters
	Pattern string     `json:"pattern"` // regular expression over the whole, or empty
}

// MadeToMeasure reports whether a piece is made to the buyer's own
// specification, which ends the right to change one's mind (law 31-08, art. 38).
func (r Revision) MadeToMeasure() bool { return r.BuyerText != nil }

// A Term is a word of a vocabulary, so that materials translate themselves.
type Term struct {
	ID         TermID
	Vocabulary string // material, technique, colour, care
	Slug       string
	Name       lang.Texts
	Hex        string // of a colour
}

// A Variant is a product in one size or colour, with its own price and stock.
//
// Most pieces are one of a kind, so OnHand is usually 1 and the market must be
// exact about it: a rug can be promised to one buyer only. Reserve is the only
// way to hold a piece, and the database refuses to hold what is not there.
type Variant struct {
	ID       VariantID
	Product  ProductID
	SKU      string
	Options  []Option
	Price    money.Amount
	Stocked  bool
	OnHand   int // in the workshop
	Held     int // of those, promised to buyers who are paying
	LeadDays int // days of making, for what is made to order
}

// An Option is one thing that was chosen: a size, a colour.
type Option struct {
	Kind  string     `json:"kind"`
	Label lang.Texts `json:"label"`
}

// MostPieces is how many of one variant a cart may hold.
const MostPieces = 20

// Free returns how many a buyer can have now. What is made to order has no
// stock to run out.
func (v Variant) Free() int {
	if !v.Stocked {
		return MostPieces
	}
	return min(v.OnHand-v.Held, MostPieces)
}

var (
	// ErrNoProduct is returned for a product that visitors cannot see.
	ErrNoProduct = fault.New(fault.NotFound, "error.no_product")
	// ErrSoldOut is returned when a piece is no longer there in that number.
	ErrSoldOut = fault.New(fault.Conflict, "error.sold_out")
)

// BySlug returns the product that visitors see under slug. One that has left
// the window is as absent as one that never was: ErrNoProduct. It asks the
// database three times, whatever the product holds.
func BySlug(ctx context.Context, db postgres.DB, slug string) (Product, error) {
	var p Product
	r := &p.Revision
	err := db.QueryRow(ctx, `
		SELECT p.id, p.slug, p.artisan_id, p.trade_id, t.slug, t.name, k.slug, k.name, p.state, p.published_at,
		       r.id, r.number, r.title, r.description, r.written_in,
		       coalesce(r.length_mm, 0), coalesce(r.width_mm, 0), coalesce(r.height_mm, 0),
		       r.weight_g, r.packed_weight_g, coalesce(r.making_minutes, 0), r.fragile, r.hs_code, r.origin,
		       r.ship_mode, r.compliance, r.breakdown, r.buyer_text, r.second, coalesce(r.voice_id, 0), coalesce(w.key, ''), r.voice_played,
		       ARRAY(SELECT rp.picture_id FROM revision_pictures rp WHERE rp.revision_id = r.id ORDER BY rp.position)
		FROM products p
		JOIN revisions r ON r.id = p.live_id
		JOIN trades t ON t.id = p.trade_id
		JOIN kinds k ON k.id = p.kind_id
		JOIN artisans a ON a.id = p.artisan_id
		LEFT JOIN voices w ON w.id = r.voice_id
		WHERE p.slug = $1 AND p.state = 'on_sale' AND a.state = 'active'`, slug).Scan(
		&p.ID, &p.Slug, &p.Artisan, &p.Trade, &p.TradeSlug, &p.TradeName, &p.KindSlug, &p.KindName, &p.State, &p.PublishedAt,
		&r.ID, &r.Number, &r.Title, &r.Description, &r.WrittenIn, &r.Length, &r.Width, &r.Height,
		&r.Weight, &r.PackedWeight, &r.MakingMinutes, &r.Fragile, &r.HSCode, &r.Origin,
		&r.ShipMode, &r.Compliance, &r.Breakdown, &r.BuyerText, &r.Second,
		&r.Voice.ID, &r.Voice.Key, &r.Voice.Played, &r.Pictures)
	if errors.Is(err, pgx.ErrNoRows) {
		return Product{}, ErrNoProduct
	}
	if err != nil {
		return Product{}, fmt.Errorf("catalog: product %q: %w", slug, err)
	}
	if p.Variants, err = variants(ctx, db, `v.product_id = $1`, p.ID); err != nil {
		return Product{}, fmt.Errorf("catalog: product %q: %w", slug, err)
	}
	if err := readTerms(ctx, db, r); err != nil {
		return Product{}, fmt.Errorf("catalog: product %q: %w", slug, err)
	}
	return p, nil
}

// FormerSlug returns the present slug of a product that once had this one, or
// ErrNoProduct.
func FormerSlug(ctx context.Context, db postgres.DB, slug string) (now string, err error) {
	err = db.QueryRow(ctx, `
		SELECT p.slug
		FROM former_slugs f
		JOIN products p ON p.id = f.product_id
		WHERE f.slug = $1`, slug).Scan(&now)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNoProduct
	}
	if err != nil {
		return "", fmt.Errorf("catalog: former slug %q: %w", slug, err)
	}
	return now, nil
}

func readTerms(ctx context.Context, db postgres.DB, r *Revision) error {
	rows, err := db.Query(ctx, `
		SELECT `+termColumns+`
		FROM revision_terms rt
		JOIN terms t ON t.id = rt.term_id
		WHERE rt.revision_id = $1
		ORDER BY rt.sort`, r.ID)
	if err != nil {
		return err
	}
	terms, err := pgx.CollectRows(rows, scanTerm)
	if err != nil {
		return err
	}
	for _, t := range terms {
		switch t.Vocabulary {
		case "material":
			r.Materials = append(r.Materials, t)
		case "technique":
			r.Techniques = append(r.Techniques, t)
		case "colour":
			r.Colours = append(r.Colours, t)
		case "care":
			r.Care = append(r.Care, t)
		}
	}
	return nil
}

const termColumns = `t.id, t.vocabulary, t.slug, t.name, coalesce(t.hex, '')`

func scanTerm(row pgx.CollectableRow) (Term, error) {
	var t Term
	err := row.Scan(&t.ID, &t.Vocabulary, &t.Slug, &t.Name, &t.Hex)
	return t, err
}

const variantColumns = `
	v.id, v.product_id, v.sku, v.options, v.price_minor, v.currency, v.stocked, v.on_hand, v.held, coalesce(v.lead_days, 0)`

func scanVariant(row pgx.CollectableRow) (Variant, error) {
	var v Variant
	err := row.Scan(&v.ID, &v.Product, &v.SKU, &v.Options, &v.Price.Minor, &v.Price.Currency,
		&v.Stocked, &v.OnHand, &v.Held, &v.LeadDays)
	return v, err
}

func variants(ctx context.Context, db postgres.DB, where string, arg any) ([]Variant, error) {
	rows, err := db.Query(ctx, `
		SELECT `+variantColumns+`
		FROM variants v
		WHERE `+where+`
		ORDER BY v.sort, v.id`, arg)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanVariant)
}

// PicturesInUse is a query for the pictures of products and of drafts.
const PicturesInUse = `
	SELECT picture_id FROM revision_pictures
	UNION ALL SELECT picture_id FROM cards WHERE picture_id IS NOT NULL
	UNION ALL SELECT photo::bigint FROM drafts, jsonb_array_elements_text(body -> 'photos') AS photo`
