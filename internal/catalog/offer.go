package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// An Offer is a variant with all that cart, checkout and order need to know of
// it: what it is called, whose it is, and what it weighs. Prices come from
// here, never from a cart.
type Offer struct {
	Variant
	Slug         string
	Title        lang.Texts
	WrittenIn    string
	Artisan      union.ArtisanID
	Trade        union.TradeID
	Maker        string // Latin letters
	MakerArabic  string
	MakerSlug    string
	QuarterName  lang.Texts
	Picture      media.PictureID
	PackedWeight int // grams
	HSCode       string
	ShipMode     ShipMode
	Compliance   []string
	BuyerText    *BuyerText
	OnSale       bool
	Closed       union.Holidays // of its workshop
	Away         bool           // until they are over it cannot be bought
}

// Offers returns what visitors can buy under these SKUs, by SKU. What has left
// the window is there too, with OnSale false, so that a cart can say its name;
// a SKU that never was is missing.
func Offers(ctx context.Context, db postgres.DB, skus []string) (map[string]Offer, error) {
	return offers(ctx, db, `v.sku = ANY ($1)`, skus)
}

// OffersForUpdate returns the same, with the variants' rows locked in the order
// of their keys, so that two buyers after the same pieces queue up instead of
// deadlocking.
func OffersForUpdate(ctx context.Context, tx pgx.Tx, skus []string) (map[string]Offer, error) {
	_, err := tx.Exec(ctx, `
		SELECT FROM variants
		WHERE sku = ANY ($1)
		ORDER BY id
		FOR NO KEY UPDATE`, skus)
	if err != nil {
		return nil, fmt.Errorf("catalog: lock variants: %w", err)
	}
	return offers(ctx, tx, `v.sku = ANY ($1)`, skus)
}

func offers(ctx context.Context, db postgres.DB, where string, arg any) (map[string]Offer, error) {
	rows, err := db.Query(ctx, `
		SELECT `+variantColumns+`, p.slug, r.title, r.written_in, a.id, p.trade_id, a.name, a.name_ar, a.slug, q.name,
		       coalesce((SELECT rp.picture_id FROM revision_pictures rp
		                 WHERE rp.revision_id = r.id ORDER BY rp.position LIMIT 1), 0),
		       r.packed_weight_g, r.hs_code, r.ship_mode, r.compliance, r.buyer_text,
		       p.state = 'on_sale' AND a.state = 'active', a.closed_from, a.closed_until, a.away
		FROM variants v
		JOIN products p ON p.id = v.product_id
		JOIN revisions r ON r.id = p.live_id
		JOIN artisans a ON a.id = p.artisan_id
		JOIN quarters q ON q.id = a.quarter_id
		WHERE `+where, arg)
	if err != nil {
		return nil, fmt.Errorf("catalog: offers: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Offer, error) {
		var o Offer
		v := &o.Variant
		var from, until *time.Time
		err := row.Scan(&v.ID, &v.Product, &v.SKU, &v.Options, &v.Price.Minor, &v.Price.Currency, &v.Stocked, &v.OnHand,
			&v.Held, &v.LeadDays, &o.Slug, &o.Title, &o.WrittenIn, &o.Artisan, &o.Trade, &o.Maker, &o.MakerArabic, &o.MakerSlug,
			&o.QuarterName, &o.Picture, &o.PackedWeight, &o.HSCode, &o.ShipMode, &o.Compliance, &o.BuyerText, &o.OnSale, &from, &until, &o.Away)
		if from != nil && until != nil {
			o.Closed.From, o.Closed.Until = *from, *until
		}
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: offers: %w", err)
	}
	bySKU := make(map[string]Offer, len(list))
	for _, o := range list {
		bySKU[o.SKU] = o
	}
	return bySKU, nil
}

// Wanted is so many pieces of a variant.
type Wanted struct {
	Variant VariantID
	Count   int
}

// inKeyOrder returns wanted sorted by variant, the order in which locks are
// taken everywhere.
func inKeyOrder(wanted []Wanted) []Wanted {
	wanted = slices.Clone(wanted)
	slices.SortFunc(wanted, func(a, b Wanted) int { return cmp.Compare(a.Variant, b.Variant) })
	return wanted
}

// Reserve holds every wanted piece for its buyer, or returns ErrSoldOut, after
// which the caller must let tx roll back. What is made to order needs no hold.
func Reserve(ctx context.Context, tx pgx.Tx, wanted []Wanted) error {
	for _, w := range inKeyOrder(wanted) {
		tag, err := tx.Exec(ctx, `
			UPDATE variants v
			SET held = held + CASE WHEN stocked THEN $2 ELSE 0 END
			FROM products p, artisans a
			WHERE v.id = $1 AND p.id = v.product_id AND a.id = p.artisan_id
			  AND p.state = 'on_sale' AND a.state = 'active' AND NOT a.away
			  AND (NOT stocked OR on_hand - held >= $2)`, w.Variant, w.Count)
		if err != nil {
			return fmt.Errorf("catalog: reserve variant %d: %w", w.Variant, err)
		}
		if tag.RowsAffected() == 0 {
			return ErrSoldOut
		}
	}
	return refreshByVariants(ctx, tx, wanted)
}

// Release puts held pieces back in the window.
func Release(ctx context.Context, tx pgx.Tx, held []Wanted) error {
	return settle(ctx, tx, held, `held = held - $2`)
}

// Sell takes held pieces out of the workshop for good.
func Sell(ctx context.Context, tx pgx.Tx, held []Wanted) error {
	return settle(ctx, tx, held, `held = held - $2, on_hand = on_hand - $2`)
}

// LastOnes returns those of the variants of which one is left, so that their
// makers may think of the next.
func LastOnes(ctx context.Context, tx pgx.Tx, variants []VariantID) ([]VariantID, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM variants WHERE id = ANY ($1) AND stocked AND on_hand = 1`, variants)
	if err != nil {
		return nil, fmt.Errorf("catalog: last ones: %w", err)
	}
	last, err := pgx.CollectRows(rows, pgx.RowTo[VariantID])
	if err != nil {
		return nil, fmt.Errorf("catalog: last ones: %w", err)
	}
	return last, nil
}

// Restock puts pieces that were sold back into the workshop.
func Restock(ctx context.Context, tx pgx.Tx, sold []Wanted) error {
	return settle(ctx, tx, sold, `on_hand = on_hand + $2`)
}

func settle(ctx context.Context, tx pgx.Tx, pieces []Wanted, set string) error {
	for _, w := range inKeyOrder(pieces) {
		_, err := tx.Exec(ctx, `
			UPDATE variants
			SET `+set+`
			WHERE id = $1 AND stocked`, w.Variant, w.Count)
		if err != nil {
			return fmt.Errorf("catalog: settle variant %d: %w", w.Variant, err)
		}
	}
	return refreshByVariants(ctx, tx, pieces)
}

func refreshByVariants(ctx context.Context, tx pgx.Tx, wanted []Wanted) error {
	ids := make([]int64, len(wanted))
	for i, w := range wanted {
		ids[i] = int64(w.Variant)
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT product_id FROM variants WHERE id = ANY ($1)`, ids)
	if err != nil {
		return fmt.Errorf("catalog: products of variants: %w", err)
	}
	products, err := pgx.CollectRows(rows, pgx.RowTo[ProductID])
	if err != nil {
		return fmt.Errorf("catalog: products of variants: %w", err)
	}
	return RefreshStock(ctx, tx, products)
}
