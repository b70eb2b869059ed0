package mark

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// HasWorkshopMark reports whether an artisan's workshop has a mark that stands or
// is being decided.
func HasWorkshopMark(ctx context.Context, db postgres.DB, a union.ArtisanID) (yes bool, err error) {
	err = db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM marks WHERE artisan_id = $1 AND product_id IS NULL AND (state = 'proposed' OR state = 'granted' AND ends_at > now()))`, a).Scan(&yes)
	if err != nil {
		return false, fmt.Errorf("mark: of workshop: %w", err)
	}
	return yes, nil
}

// MovePieces has the marks of one artisan's pieces be of another's, with the
// pieces.
func MovePieces(ctx context.Context, tx pgx.Tx, from, into union.ArtisanID) error {
	if _, err := tx.Exec(ctx, `UPDATE marks SET artisan_id = $2 WHERE artisan_id = $1 AND product_id IS NOT NULL`, from, into); err != nil {
		return fmt.Errorf("mark: move pieces: %w", err)
	}
	return nil
}
