package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// A Gone is a variant of a piece on sale of which none is left.
type Gone struct {
	SKU         string
	Slug        string
	Title       lang.Texts
	WrittenIn   string
	Maker       string
	MakerArabic string
	MakerSlug   string
	Since       time.Time
}

// soldOutSince is what SoldOutSince and CountForOffice agree on; $1 is since when.
const soldOutSince = `
	FROM variants v
	JOIN products p ON p.id = v.product_id
	WHERE v.sold_out_at >= $1 AND p.state = 'on_sale'`

// SoldOutSince returns what was sold out since a moment and still is, the latest
// first, and at most so many.
func SoldOutSince(ctx context.Context, db postgres.DB, since time.Time, limit int) ([]Gone, error) {
	rows, err := db.Query(ctx, `
		SELECT x.sku, p.slug, r.title, r.written_in, a.name, a.name_ar, a.slug, x.sold_out_at
		FROM (SELECT v.id, v.sku, v.sold_out_at, p.id AS product_id`+soldOutSince+` ORDER BY v.sold_out_at DESC, v.id LIMIT $2) x
		JOIN products p ON p.id = x.product_id
		JOIN revisions r ON r.id = p.live_id
		JOIN artisans a ON a.id = p.artisan_id
		ORDER BY x.sold_out_at DESC, x.id`, since, limit)
	if err != nil {
		return nil, fmt.Errorf("catalog: sold out: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Gone])
	if err != nil {
		return nil, fmt.Errorf("catalog: sold out: %w", err)
	}
	return list, nil
}

// CountForOffice returns how many pieces' voice notes wait to be written down, and
// how many variants were sold out since a moment and still are.
func CountForOffice(ctx context.Context, db postgres.DB, since time.Time) (spoken, soldOut int, err error) {
	err = db.QueryRow(ctx, `
		SELECT (SELECT count(DISTINCT p.id)
		        FROM revisions r
		        JOIN products p ON p.id = r.product_id
		        WHERE r.voice_id IS NOT NULL AND r.voice_written_at IS NULL AND (r.state = 'submitted' OR r.id = p.live_id) AND p.state <> 'taken_down'),
		       (SELECT count(*)`+soldOutSince+`)`, since).Scan(&spoken, &soldOut)
	if err != nil {
		return 0, 0, fmt.Errorf("catalog: count for the office: %w", err)
	}
	return spoken, soldOut, nil
}
