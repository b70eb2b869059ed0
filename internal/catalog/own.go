package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// An Own is a product as its artisan sees it, in whatever state.
type Own struct {
	ID        ProductID
	Slug      string
	State     State
	Title     lang.Texts
	WrittenIn string
	Picture   media.PictureID
	Variants  []Variant
	Pending   string // state of a revision after the live one: submitted, changes_requested, rejected, or empty

	revision RevisionID // the live one, or the last before there was any
}

const ownQuery = `
	SELECT p.id, p.slug, p.state, r.id, r.title, r.written_in,
	       coalesce((SELECT rp.picture_id FROM revision_pictures rp WHERE rp.revision_id = r.id ORDER BY rp.position LIMIT 1), 0),
	       coalesce((SELECT n.state FROM revisions n WHERE n.product_id = p.id AND n.number > r.number ORDER BY n.number DESC LIMIT 1), '')
	FROM products p
	JOIN LATERAL (
		SELECT id, number, title, written_in FROM revisions WHERE product_id = p.id
		ORDER BY (id = p.live_id) DESC NULLS LAST, number DESC LIMIT 1) r ON true`

func scanOwn(row pgx.CollectableRow) (Own, error) {
	var o Own
	err := row.Scan(&o.ID, &o.Slug, &o.State, &o.revision, &o.Title, &o.WrittenIn, &o.Picture, &o.Pending)
	return o, err
}

// OwnProducts lists an artisan's products, newest first, and says whether there
// are more. after is the slug of the last one seen.
func OwnProducts(ctx context.Context, db postgres.DB, a union.ArtisanID, after string, limit int) (list []Own, more bool, err error) {
	rows, err := db.Query(ctx, ownQuery+`
		WHERE p.artisan_id = $1
		  AND ($2 = '' OR (p.created_at, p.id) < (SELECT l.created_at, l.id FROM products l WHERE l.slug = $2))
		ORDER BY p.created_at DESC, p.id DESC
		LIMIT $3`, a, after, limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("catalog: own products: %w", err)
	}
	list, err = pgx.CollectRows(rows, scanOwn)
	if err != nil {
		return nil, false, fmt.Errorf("catalog: own products: %w", err)
	}
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	ids := make([]ProductID, len(list))
	index := map[ProductID]int{}
	for i, o := range list {
		ids[i], index[o.ID] = o.ID, i
	}
	all, err := variants(ctx, db, `v.product_id = ANY ($1)`, ids)
	if err != nil {
		return nil, false, fmt.Errorf("catalog: variants of own products: %w", err)
	}
	for _, v := range all {
		o := &list[index[v.Product]]
		o.Variants = append(o.Variants, v)
	}
	return list, more, nil
}

var (
	// ErrHeldBack is returned for a stock below what buyers are paying for.
	ErrHeldBack = fault.New(fault.Invalid, "studio.held_back")
	// ErrPrice is returned for a price that nobody asks.
	ErrPrice = fault.New(fault.Invalid, "studio.price_wrong")
	// ErrCount is returned for a number of pieces that nobody has.
	ErrCount = fault.New(fault.Invalid, "studio.count_wrong")
)

// Bounds of what an artisan can ask for.
const (
	MostPrice = 100_000_00 // centimes
	MostStock = 999
)

// Change gives a variant of an artisan's own another price and, where it is
// kept in stock, another number of pieces. Both hold at once and are logged.
// Whatever is not this artisan's is as absent as what never was.
func Change(ctx context.Context, tx pgx.Tx, a union.ArtisanID, sku string, price money.Amount, onHand int, by identity.AccountID) error {
	if price.Minor < 100 || price.Minor > MostPrice || price.Currency != money.MAD {
		return ErrPrice.With(money.Centimes(MostPrice))
	}
	if onHand < 0 || onHand > MostStock {
		return ErrCount.With(MostStock)
	}
	var v Variant
	err := tx.QueryRow(ctx, `
		SELECT v.id, v.product_id, v.price_minor, v.stocked, v.on_hand, v.held
		FROM variants v
		JOIN products p ON p.id = v.product_id
		WHERE v.sku = $1 AND p.artisan_id = $2
		FOR NO KEY UPDATE OF v`, sku, a).Scan(&v.ID, &v.Product, &v.Price.Minor, &v.Stocked, &v.OnHand, &v.Held)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoProduct
	}
	if err != nil {
		return fmt.Errorf("catalog: change %s: %w", sku, err)
	}
	if !v.Stocked {
		onHand = 0
	}
	if onHand < v.Held {
		return ErrHeldBack.With(v.Held)
	}
	if price.Minor == v.Price.Minor && onHand == v.OnHand {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE variants SET price_minor = $2, on_hand = $3 WHERE id = $1`, v.ID, price.Minor, onHand); err != nil {
		return fmt.Errorf("catalog: change %s: %w", sku, err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO variant_changes (variant_id, account_id, price_before, price_after, on_hand_before, on_hand_after)
		VALUES ($1, $2, $3, $4, $5, $6)`, v.ID, by, v.Price.Minor, price.Minor, v.OnHand, onHand)
	if err != nil {
		return fmt.Errorf("catalog: log the change of %s: %w", sku, err)
	}
	return Refresh(ctx, tx, []ProductID{v.Product})
}

// OptionNames returns what was chosen of a variant, as readers of l enumerate
// it; empty for a product that comes in one form.
func OptionNames(l *lang.Language, options []Option) string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.Label.In(l, "fr").Words
	}
	return strings.Join(names, l.T("list.separator"))
}
