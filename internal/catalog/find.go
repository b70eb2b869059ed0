package catalog

import (
	"context"
	"fmt"
	"strings"

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
// limit of them. On sale or not, each is found by its titles; on sale also by
// what else is said of it.
func Find(ctx context.Context, db postgres.DB, query string, limit int) ([]Found, error) {
	words := patterns(query)
	if len(words) == 0 {
		return nil, nil
	}
	// Each way of finding has its own index. A word that many pieces have is planned
	// otherwise than one that few have, so it is planned anew each time.
	rows, err := db.Query(ctx, `
		WITH hits AS (
			(SELECT product_id FROM cards WHERE search LIKE ALL ($1) ORDER BY published_at DESC, slug LIMIT $4)
			UNION
			(SELECT product_id FROM revisions WHERE lower(title::text) LIKE $2 ORDER BY id DESC LIMIT $4)
			UNION
			(SELECT product_id FROM variants WHERE sku = $3))
		SELECT p.slug, p.state, r.title, r.written_in, a.name, a.name_ar, a.slug
		FROM hits h
		JOIN products p ON p.id = h.product_id
		JOIN artisans a ON a.id = p.artisan_id
		JOIN LATERAL (
			SELECT title, written_in FROM revisions WHERE product_id = p.id
			ORDER BY (id = p.live_id) DESC NULLS LAST, number DESC LIMIT 1) r ON true
		ORDER BY p.created_at DESC, p.slug
		LIMIT $4`, pgx.QueryExecModeExec, words, "%"+postgres.EscapeLike(strings.ToLower(query))+"%", strings.ToUpper(query), limit)
	if err != nil {
		return nil, fmt.Errorf("catalog: find: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Found])
	if err != nil {
		return nil, fmt.Errorf("catalog: find: %w", err)
	}
	return list, nil
}
