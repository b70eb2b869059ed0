package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// AllKinds returns every kind with the slugs of the trades that make it, in the
// union's order.
func AllKinds(ctx context.Context, db postgres.DB) (list []Kind, trades map[string][]string, err error) {
	rows, err := db.Query(ctx, `
		SELECT k.slug, k.name, k.sort, ARRAY(
			SELECT t.slug FROM kind_trades kt JOIN trades t ON t.id = kt.trade_id WHERE kt.kind_id = k.id ORDER BY t.sort)
		FROM kinds k
		ORDER BY k.sort, k.slug`)
	if err != nil {
		return nil, nil, fmt.Errorf("catalog: all kinds: %w", err)
	}
	trades = map[string][]string{}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Kind, error) {
		var k Kind
		var by []string
		err := row.Scan(&k.Slug, &k.Name, &k.Sort, &by)
		trades[k.Slug] = by
		return k, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("catalog: all kinds: %w", err)
	}
	return list, trades, nil
}

// SaveKind changes what a kind is called and which trades make it, by its slug.
func SaveKind(ctx context.Context, tx pgx.Tx, k Kind) error {
	if err := change(ctx, tx, "kind "+k.Slug, `UPDATE kinds SET name = $2, sort = $3 WHERE slug = $1`, k.Slug, k.Name, k.Sort); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		WITH gone AS (
			DELETE FROM kind_trades kt
			USING kinds k
			WHERE k.id = kt.kind_id AND k.slug = $1 AND kt.trade_id <> ALL ($2::bigint[]))
		INSERT INTO kind_trades (kind_id, trade_id)
		SELECT k.id, t FROM kinds k, unnest($2::bigint[]) AS t WHERE k.slug = $1
		ON CONFLICT DO NOTHING`, k.Slug, k.Trades)
	if err != nil {
		return fmt.Errorf("catalog: change kind %s: %w", k.Slug, err)
	}
	return nil
}

// RemoveKind takes away a kind that no piece is of; PostgreSQL refuses others.
func RemoveKind(ctx context.Context, tx pgx.Tx, slug string) error {
	return change(ctx, tx, "kind "+slug, `DELETE FROM kinds WHERE slug = $1`, slug)
}

// AllTerms returns a vocabulary in the union's order, and how each is sorted.
func AllTerms(ctx context.Context, db postgres.DB, vocabulary string) (list []Term, sorts []int, err error) {
	rows, err := db.Query(ctx, `
		SELECT `+termColumns+`, t.sort
		FROM terms t
		WHERE t.vocabulary = $1
		ORDER BY t.sort, t.slug`, vocabulary)
	if err != nil {
		return nil, nil, fmt.Errorf("catalog: all %ss: %w", vocabulary, err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Term, error) {
		var m Term
		var sort int
		err := row.Scan(&m.ID, &m.Vocabulary, &m.Slug, &m.Name, &m.Hex, &sort)
		sorts = append(sorts, sort)
		return m, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("catalog: all %ss: %w", vocabulary, err)
	}
	return list, sorts, nil
}

// SaveTerm changes a word of a vocabulary, by its slug.
func SaveTerm(ctx context.Context, tx pgx.Tx, t Term, sort int) error {
	return change(ctx, tx, t.Vocabulary+" "+t.Slug, `
		UPDATE terms SET name = $3, hex = nullif($4, ''), sort = $5 WHERE vocabulary = $1 AND slug = $2`,
		t.Vocabulary, t.Slug, t.Name, t.Hex, sort)
}

// RemoveTerm takes away a word that no piece is described with; PostgreSQL
// refuses others.
func RemoveTerm(ctx context.Context, tx pgx.Tx, vocabulary, slug string) error {
	return change(ctx, tx, vocabulary+" "+slug, `DELETE FROM terms WHERE vocabulary = $1 AND slug = $2`, vocabulary, slug)
}

// InCollections returns the slugs of the pieces in every collection, in order.
func InCollections(ctx context.Context, db postgres.DB) (map[string][]string, error) {
	rows, err := db.Query(ctx, `
		SELECT c.slug, p.slug
		FROM collections c
		JOIN collection_products cp ON cp.collection_id = c.id
		JOIN products p ON p.id = cp.product_id
		ORDER BY c.sort, cp.sort`)
	if err != nil {
		return nil, fmt.Errorf("catalog: in collections: %w", err)
	}
	in := map[string][]string{}
	var collection, product string
	if _, err := pgx.ForEachRow(rows, []any{&collection, &product}, func() error { in[collection] = append(in[collection], product); return nil }); err != nil {
		return nil, fmt.Errorf("catalog: in collections: %w", err)
	}
	return in, nil
}

// SaveCollection changes a collection, by its slug, and the pieces in it, in
// their order.
func SaveCollection(ctx context.Context, tx pgx.Tx, c Collection, sort int, products []string) error {
	err := change(ctx, tx, "collection "+c.Slug, `UPDATE collections SET title = $2, description = $3, sort = $4 WHERE slug = $1`,
		c.Slug, c.Title, c.Description, sort)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM collection_products cp USING collections c WHERE c.id = cp.collection_id AND c.slug = $1`, c.Slug)
	if err != nil {
		return fmt.Errorf("catalog: change collection %s: %w", c.Slug, err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO collection_products (collection_id, product_id, sort)
		SELECT c.id, p.id, w.sort
		FROM collections c, unnest($2::text[]) WITH ORDINALITY AS w (slug, sort)
		JOIN products p ON p.slug = w.slug
		WHERE c.slug = $1`, c.Slug, products)
	if err != nil {
		return fmt.Errorf("catalog: change collection %s: %w", c.Slug, err)
	}
	return nil
}

// RemoveCollection takes a collection away; its pieces stay.
func RemoveCollection(ctx context.Context, tx pgx.Tx, slug string) error {
	return change(ctx, tx, "collection "+slug, `DELETE FROM collections WHERE slug = $1`, slug)
}

// NotOnSale returns those of the slugs that name no piece on sale.
func NotOnSale(ctx context.Context, db postgres.DB, slugs []string) ([]string, error) {
	rows, err := db.Query(ctx, `
		SELECT w.slug FROM unnest($1::text[]) WITH ORDINALITY AS w (slug, sort)
		WHERE NOT EXISTS (SELECT FROM products p WHERE p.slug = w.slug AND p.state = 'on_sale')
		ORDER BY w.sort`, slugs)
	if err != nil {
		return nil, fmt.Errorf("catalog: not on sale: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("catalog: not on sale: %w", err)
	}
	return list, nil
}

// change writes one record that every page may show.
func change(ctx context.Context, tx pgx.Tx, what, sql string, args ...any) error {
	tag, err := tx.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() != 1 {
		err = errors.New("no such row")
	}
	if err != nil {
		return fmt.Errorf("catalog: change %s: %w", what, err)
	}
	return postgres.Notify(ctx, tx, union.Everywhere)
}

// NamedBy says whose name is a word of a card, for RefreshLater.
type NamedBy string

const (
	ByTrade   NamedBy = "trade"
	ByKind    NamedBy = "kind"
	ByQuarter NamedBy = "quarter"
	ByTerm    NamedBy = "term" // material, technique or colour
)

// RefreshLater has every card rebuilt in turn whose words come from the record of
// that slug. A market has many cards, and a name is rarely changed: nobody waits
// for it.
func RefreshLater(ctx context.Context, tx pgx.Tx, by NamedBy, slug string) error {
	which := map[NamedBy]string{
		ByTrade:   `trade_id = (SELECT id FROM trades WHERE slug = $1)`,
		ByKind:    `kind_id = (SELECT id FROM kinds WHERE slug = $1)`,
		ByQuarter: `quarter_id = (SELECT id FROM quarters WHERE slug = $1)`,
		ByTerm: `product_id IN (
			SELECT p.id FROM terms t JOIN revision_terms rt ON rt.term_id = t.id JOIN products p ON p.live_id = rt.revision_id WHERE t.slug = $1)`,
	}[by]
	_, err := tx.Exec(ctx, `
		INSERT INTO card_refreshes (product_id)
		SELECT product_id FROM cards WHERE `+which+`
		ON CONFLICT DO NOTHING`, slug)
	if err != nil {
		return fmt.Errorf("catalog: refresh later: %w", err)
	}
	return nil
}

// RefreshNext rebuilds at most so many of the cards that wait for it, and returns
// how many it was.
func RefreshNext(ctx context.Context, tx pgx.Tx, limit int) (int, error) {
	rows, err := tx.Query(ctx, `
		DELETE FROM card_refreshes
		WHERE product_id IN (SELECT product_id FROM card_refreshes ORDER BY product_id LIMIT $1 FOR UPDATE SKIP LOCKED)
		RETURNING product_id`, limit)
	if err != nil {
		return 0, fmt.Errorf("catalog: refresh next: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[ProductID])
	if err != nil {
		return 0, fmt.Errorf("catalog: refresh next: %w", err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	return len(ids), Refresh(ctx, tx, ids)
}

// Needs counts the pieces of a kind, those described with a term, or those of a
// trade, on sale or not.
func Needs(ctx context.Context, db postgres.DB, by NamedBy, vocabulary, slug string) (n int, err error) {
	switch by {
	case ByKind:
		err = db.QueryRow(ctx, `SELECT count(*) FROM products p JOIN kinds k ON k.id = p.kind_id WHERE k.slug = $1`, slug).Scan(&n)
	case ByTrade:
		err = db.QueryRow(ctx, `SELECT count(*) FROM products p JOIN trades t ON t.id = p.trade_id WHERE t.slug = $1`, slug).Scan(&n)
	case ByTerm:
		err = db.QueryRow(ctx, `
			SELECT count(DISTINCT r.product_id)
			FROM terms t
			JOIN revision_terms rt ON rt.term_id = t.id
			JOIN revisions r ON r.id = rt.revision_id
			WHERE t.vocabulary = $1 AND t.slug = $2`, vocabulary, slug).Scan(&n)
	default:
		err = fmt.Errorf("no count by %s", by)
	}
	if err != nil {
		return 0, fmt.Errorf("catalog: what needs %s %s: %w", by, slug, err)
	}
	return n, nil
}

// MoveArtisan gives one artisan's pieces and drafts to another.
func MoveArtisan(ctx context.Context, tx pgx.Tx, from, into union.ArtisanID) error {
	rows, err := tx.Query(ctx, `UPDATE products SET artisan_id = $2 WHERE artisan_id = $1 RETURNING id`, from, into)
	if err != nil {
		return fmt.Errorf("catalog: move artisan %d: %w", from, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[ProductID])
	if err != nil {
		return fmt.Errorf("catalog: move artisan %d: %w", from, err)
	}
	if _, err := tx.Exec(ctx, `UPDATE drafts SET artisan_id = $2 WHERE artisan_id = $1`, from, into); err != nil {
		return fmt.Errorf("catalog: move drafts of artisan %d: %w", from, err)
	}
	return Refresh(ctx, tx, ids)
}
