package union

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
)

// MostWorkPictures is how many pictures of the work at hand a maker's page shows.
const MostWorkPictures = 6

// ErrWorkFull is returned for one more than that.
var ErrWorkFull = fault.New(fault.Invalid, "studio.photos_full")

// WorkPictures returns the pictures of an artisan at work, in their order.
func WorkPictures(ctx context.Context, db postgres.DB, a ArtisanID) ([]media.PictureID, error) {
	rows, err := db.Query(ctx, `SELECT picture_id FROM work_pictures WHERE artisan_id = $1 ORDER BY position`, a)
	if err != nil {
		return nil, fmt.Errorf("union: work pictures: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[media.PictureID])
	if err != nil {
		return nil, fmt.Errorf("union: work pictures: %w", err)
	}
	return list, nil
}

// SetWorkPictures gives an artisan's page these pictures of the work at hand, and
// logs it. The same picture twice is one. It returns ErrWorkFull for more than
// MostWorkPictures.
func SetWorkPictures(ctx context.Context, tx pgx.Tx, a Artisan, list []media.PictureID, by identity.AccountID) error {
	var once []media.PictureID
	for _, id := range list {
		if !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	if len(once) > MostWorkPictures {
		return ErrWorkFull.With(MostWorkPictures)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM work_pictures WHERE artisan_id = $1`, a.ID); err != nil {
		return fmt.Errorf("union: set work pictures: %w", err)
	}
	return changeWorkshop(ctx, tx, a, by, "work", `
		INSERT INTO work_pictures (artisan_id, position, picture_id)
		SELECT $1, w.position, w.id
		FROM unnest($2::bigint[]) WITH ORDINALITY AS w (id, position)`, once)
}

// AskWorkshopsWith asks for whose pages show which of some pictures.
func AskWorkshopsWith(pictures []media.PictureID, all map[media.PictureID]ArtisanID) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) error {
		var p media.PictureID
		var a ArtisanID
		if _, err := pgx.ForEachRow(rows, []any{&p, &a}, func() error { all[p] = a; return nil }); err != nil {
			return fmt.Errorf("union: workshops with pictures: %w", err)
		}
		return nil
	}, `
		SELECT picture_id, id FROM artisans WHERE picture_id = ANY ($1)
		UNION SELECT picture_id, artisan_id FROM work_pictures WHERE picture_id = ANY ($1)`, pictures)
}
