package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// A Found is a product as the office finds it, in whatever state.
type Found struct {
	Slug        string
	State       State
	Title       lang.Texts
	WrittenIn   string
	Maker       string
	MakerArabic string
	MakerSlug   string
}

// Find returns products with those words, or that SKU, newest first, at most
// limit of them. On sale or not, each is found by its title; on sale also by
// what else is said of it.
func Find(ctx context.Context, db postgres.DB, query string, limit int) ([]Found, error) {
	words := patterns(query)
	if len(words) == 0 {
		return nil, nil
	}
	rows, err := db.Query(ctx, `
		SELECT p.slug, p.state, r.title, r.written_in, a.name, a.name_ar, a.slug
		FROM products p
		JOIN artisans a ON a.id = p.artisan_id
		JOIN LATERAL (
			SELECT title, written_in FROM revisions WHERE product_id = p.id
			ORDER BY (id = p.live_id) DESC NULLS LAST, number DESC LIMIT 1) r ON true
		LEFT JOIN cards c ON c.product_id = p.id
		WHERE c.search LIKE ALL ($1)
		   OR EXISTS (SELECT FROM jsonb_each_text(r.title) t WHERE strpos(lower(t.value), lower($2)) > 0)
		   OR EXISTS (SELECT FROM variants v WHERE v.product_id = p.id AND v.sku = upper($2))
		ORDER BY p.created_at DESC, p.slug
		LIMIT $3`, words, query, limit)
	if err != nil {
		return nil, fmt.Errorf("catalog: find: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Found])
	if err != nil {
		return nil, fmt.Errorf("catalog: find: %w", err)
	}
	return list, nil
}
