package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Kind is what a piece is, whichever trade made it.
type Kind struct {
	Slug    string
	Name    lang.Texts
	Sort    int
	Trades  []union.TradeID
	Picture media.PictureID // of a piece of the kind, 0 where none is on sale
}

// AddKind writes a kind and which trades make it.
func AddKind(ctx context.Context, tx pgx.Tx, k Kind) (id KindID, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO kinds (slug, name, sort)
		VALUES ($1, $2, $3)
		RETURNING id`, k.Slug, k.Name, k.Sort).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("catalog: add kind %s: %w", k.Slug, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO kind_trades (kind_id, trade_id) SELECT $1, unnest($2::bigint[])`, id, k.Trades)
	if err != nil {
		return 0, fmt.Errorf("catalog: add kind %s: %w", k.Slug, err)
	}
	return id, postgres.Notify(ctx, tx, union.Everywhere)
}

// AddTerm writes a word of a vocabulary.
func AddTerm(ctx context.Context, tx pgx.Tx, t Term, sort int) (id TermID, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO terms (vocabulary, slug, name, hex, sort)
		VALUES ($1, $2, $3, nullif($4, ''), $5)
		RETURNING id`, t.Vocabulary, t.Slug, t.Name, t.Hex, sort).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("catalog: add %s %s: %w", t.Vocabulary, t.Slug, err)
	}
	return id, postgres.Notify(ctx, tx, union.Everywhere)
}

// A Fresh is a product as it is written down for the first time.
type Fresh struct {
	Slug     string
	Artisan  union.ArtisanID
	Trade    union.TradeID
	Kind     KindID
	Featured bool
	Revision Revision
	Terms    []TermID // materials, techniques, colours, care
	Variants []Variant
}

// AddProduct writes a product with its first revision, its variants and its
// pictures. It is a draft, and nobody sees it before Publish.
func AddProduct(ctx context.Context, tx pgx.Tx, d Fresh) (ProductID, RevisionID, error) {
	var product ProductID
	err := tx.QueryRow(ctx, `
		INSERT INTO products (slug, artisan_id, trade_id, kind_id, featured)
		VALUES ($1, $2, $3, $4, $5)
		RETURNING id`, d.Slug, d.Artisan, d.Trade, d.Kind, d.Featured).Scan(&product)
	if err != nil {
		return 0, 0, fmt.Errorf("catalog: add product %s: %w", d.Slug, err)
	}
	revision, err := addRevision(ctx, tx, product, d.Revision, d.Terms)
	if err != nil {
		return 0, 0, err
	}
	if err := addVariants(ctx, tx, product, d.Variants); err != nil {
		return 0, 0, err
	}
	return product, revision, nil
}

// addVariants writes the variants of a product that has none.
func addVariants(ctx context.Context, tx pgx.Tx, p ProductID, list []Variant) error {
	b := &pgx.Batch{}
	for i, v := range list {
		options, err := json.Marshal(v.Options)
		if err != nil {
			return fmt.Errorf("catalog: add variant %s: %w", v.SKU, err)
		}
		if v.Options == nil {
			options = []byte("[]")
		}
		b.Queue(`
			INSERT INTO variants (product_id, sku, options, price_minor, stocked, on_hand, lead_days, sort)
			VALUES ($1, $2, $3, $4, $5, $6, nullif($7::int, 0), $8)`,
			p, v.SKU, options, v.Price.Minor, v.Stocked, v.OnHand, v.LeadDays, i)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("catalog: add variants of product %d: %w", p, err)
	}
	return nil
}

// addRevision writes a revision of a product with its terms and pictures.
func addRevision(ctx context.Context, tx pgx.Tx, p ProductID, r Revision, terms []TermID) (id RevisionID, err error) {
	compliance := r.Compliance
	if compliance == nil {
		compliance = []string{}
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO revisions (product_id, number, title, description, written_in, length_mm, width_mm, height_mm,
			weight_g, packed_weight_g, making_minutes, fragile, hs_code, origin, ship_mode, compliance, breakdown, buyer_text, second,
			voice_id, voice_played, voice_written_at)
		VALUES ($1, $2, $3, $4, $5, nullif($6::int, 0), nullif($7::int, 0), nullif($8::int, 0), $9, $10, nullif($11::int, 0),
			$12, $13, $14, $15, $16, $17, $18, $19, nullif($20::bigint, 0), $21,
			(SELECT max(voice_written_at) FROM revisions WHERE product_id = $1 AND voice_id = $20))
		RETURNING id`, p, r.Number, r.Title, r.Description, r.WrittenIn, r.Length, r.Width, r.Height, r.Weight, r.PackedWeight,
		r.MakingMinutes, r.Fragile, r.HSCode, r.Origin, r.ShipMode, compliance, r.Breakdown, r.BuyerText, r.Second,
		r.Voice.ID, r.Voice.Played).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("catalog: add revision of product %d: %w", p, err)
	}
	b := &pgx.Batch{}
	for i, t := range terms {
		b.Queue(`INSERT INTO revision_terms (revision_id, term_id, sort) VALUES ($1, $2, $3)`, id, t, i)
	}
	for i, picture := range r.Pictures {
		b.Queue(`INSERT INTO revision_pictures (revision_id, position, picture_id) VALUES ($1, $2, $3)`, id, i+1, picture)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return 0, fmt.Errorf("catalog: add revision of product %d: %w", p, err)
	}
	return id, nil
}

// ErrNotADraft is returned when what should be published is not of the product.
var ErrNotADraft = errors.New("catalog: no such revision to publish")

// Publish approves a revision and puts it in the window. The revision shown
// until now stays in the product's history. What its artisan took off the market
// meanwhile stays off it, and comes back as it was approved last.
func Publish(ctx context.Context, tx pgx.Tx, p ProductID, r RevisionID, at time.Time) error {
	tag, err := tx.Exec(ctx, `
		UPDATE revisions
		SET state = 'approved', submitted_at = coalesce(submitted_at, $3), decided_at = $3
		WHERE id = $2 AND product_id = $1`, p, r, at)
	if err != nil {
		return fmt.Errorf("catalog: approve revision %d: %w", r, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotADraft
	}
	_, err = tx.Exec(ctx, `
		UPDATE products
		SET live_id = $2, state = CASE state WHEN 'draft' THEN 'on_sale' ELSE state END, published_at = coalesce(published_at, $3)
		WHERE id = $1`, p, r, at)
	if err != nil {
		return fmt.Errorf("catalog: publish product %d: %w", p, err)
	}
	return Refresh(ctx, tx, []ProductID{p})
}

// A Collection is pieces that the union shows together.
type Collection struct {
	Slug               string
	Title, Description lang.Texts
}

// ErrNoCollection is returned for a collection that is not there.
var ErrNoCollection = fault.New(fault.NotFound, "error.not_found")

// Collections returns all collections in the union's order.
func Collections(ctx context.Context, db postgres.DB) ([]Collection, error) {
	rows, err := db.Query(ctx, `SELECT slug, title, description FROM collections ORDER BY sort`)
	if err != nil {
		return nil, fmt.Errorf("catalog: collections: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Collection, error) {
		var c Collection
		err := row.Scan(&c.Slug, &c.Title, &c.Description)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: collections: %w", err)
	}
	return list, nil
}

// CollectionBySlug returns the collection at an address, or ErrNoCollection.
func CollectionBySlug(ctx context.Context, db postgres.DB, slug string) (Collection, error) {
	var c Collection
	err := db.QueryRow(ctx, `SELECT slug, title, description FROM collections WHERE slug = $1`, slug).
		Scan(&c.Slug, &c.Title, &c.Description)
	if errors.Is(err, pgx.ErrNoRows) {
		return Collection{}, ErrNoCollection
	}
	if err != nil {
		return Collection{}, fmt.Errorf("catalog: collection %q: %w", slug, err)
	}
	return c, nil
}

// AddCollection writes a collection of products, by their slugs.
func AddCollection(ctx context.Context, tx pgx.Tx, c Collection, sort int, products []string) error {
	_, err := tx.Exec(ctx, `
		WITH added AS (
			INSERT INTO collections (slug, title, description, sort)
			VALUES ($1, $2, $3, $4)
			RETURNING id)
		INSERT INTO collection_products (collection_id, product_id, sort)
		SELECT added.id, p.id, w.sort
		FROM added, unnest($5::text[]) WITH ORDINALITY AS w (slug, sort)
		JOIN products p ON p.slug = w.slug`, c.Slug, c.Title, c.Description, sort, products)
	if err != nil {
		return fmt.Errorf("catalog: add collection %s: %w", c.Slug, err)
	}
	return postgres.Notify(ctx, tx, union.Everywhere)
}

// PicturesOf lists the pictures of published products, each product's first
// one before any second, newest product first.
func PicturesOf(ctx context.Context, db postgres.DB) ([]media.PictureID, error) {
	rows, err := db.Query(ctx, `
		SELECT rp.picture_id
		FROM cards c
		JOIN products p ON p.id = c.product_id
		JOIN revision_pictures rp ON rp.revision_id = p.live_id
		ORDER BY rp.position, c.published_at DESC`)
	if err != nil {
		return nil, fmt.Errorf("catalog: pictures: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[media.PictureID])
	if err != nil {
		return nil, fmt.Errorf("catalog: pictures: %w", err)
	}
	return list, nil
}
