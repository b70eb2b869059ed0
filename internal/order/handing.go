package order

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Handing is a photo of the very piece, which the union compares with what
// the buyer was shown before the piece counts as handed in.
type Handing struct {
	Picture media.PictureID
	ShownAt time.Time
	Verdict Verdict
	Words   string
}

// Verdict is what the union says of a photo.
type Verdict string

const (
	WaitingVerdict Verdict = "waiting"
	AsShown        Verdict = "as_shown"
	Differs        Verdict = "differs"
)

// ErrNotToPrepare is returned for a part that is not waiting to be handed in,
// and for someone else's.
var ErrNotToPrepare = fault.New(fault.NotFound, "studio.not_to_prepare")

// ErrNothingShown is returned where there is no photo to judge.
var ErrNothingShown = fault.New(fault.Conflict, "admin.nothing_shown")

// lockPart locks the part that an artisan prepares for an order, and returns
// it if it is still to be prepared.
func lockPart(ctx context.Context, tx pgx.Tx, number string, a union.ArtisanID) (FulfilmentID, ID, error) {
	var f FulfilmentID
	var o ID
	err := tx.QueryRow(ctx, `
		SELECT f.id, f.order_id
		FROM fulfilments f
		JOIN orders o ON o.id = f.order_id
		WHERE o.number = $1 AND f.artisan_id = $2 AND f.state = 'to_prepare'
		FOR NO KEY UPDATE OF f`, number, a).Scan(&f, &o)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, 0, ErrNotToPrepare
	}
	if err != nil {
		return 0, 0, fmt.Errorf("order: part of %s: %w", number, err)
	}
	return f, o, nil
}

// Show brings a photo of what an artisan hands in for an order. A photo that
// the union has not looked at yet is replaced.
func Show(ctx context.Context, tx pgx.Tx, number string, a union.ArtisanID, p media.PictureID, by identity.AccountID, at time.Time) error {
	f, _, err := lockPart(ctx, tx, number, a)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE handings
		SET picture_id = $2, shown_by = $3, shown_at = $4
		WHERE fulfilment_id = $1 AND verdict = 'waiting'`, f, p, by, at)
	if err != nil {
		return fmt.Errorf("order: show again: %w", err)
	}
	if tag.RowsAffected() > 0 {
		return nil
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO handings (fulfilment_id, picture_id, shown_by, shown_at)
		VALUES ($1, $2, $3, $4)`, f, p, by, at)
	if err != nil {
		return fmt.Errorf("order: show: %w", err)
	}
	return nil
}

// Judge says what the union sees: as shown, and the part is handed in; or
// differs, and the artisan shows another. It is written to the order's history
// and to the audit.
func Judge(ctx context.Context, tx pgx.Tx, number string, a union.ArtisanID, v Verdict, words string, by identity.AccountID, at time.Time) error {
	if v != AsShown && v != Differs {
		return fmt.Errorf("order: judged as %q", v)
	}
	f, o, err := lockPart(ctx, tx, number, a)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE handings
		SET verdict = $2, words = $3, judged_by = $4, judged_at = $5
		WHERE fulfilment_id = $1 AND verdict = 'waiting'`, f, v, words, by, at)
	if err != nil {
		return fmt.Errorf("order: judge: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNothingShown
	}
	kind := "differs"
	if v == AsShown {
		kind = "handed_in"
		_, err = tx.Exec(ctx, `UPDATE fulfilments SET state = 'handed_in', handed_in_at = $2 WHERE id = $1`, f, at)
		if err != nil {
			return fmt.Errorf("order: hand in: %w", err)
		}
		if err := beginPacking(ctx, tx, o, at); err != nil {
			return err
		}
	}
	if err := Note(ctx, tx, o, kind, by, nil); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "fulfilment." + kind, Subject: "order:" + number})
}

// LatestHandings returns the last photo that was shown for each of an order's
// parts, by artisan.
func LatestHandings(ctx context.Context, db postgres.DB, o ID) (map[union.ArtisanID]Handing, error) {
	list := map[union.ArtisanID]Handing{}
	err := eachHanding(ctx, db, `f.order_id = $1`, o, func(_ FulfilmentID, a union.ArtisanID, h Handing) { list[a] = h })
	return list, err
}

// eachHanding calls fn with the last photo of each part that a condition names.
func eachHanding(ctx context.Context, db postgres.DB, where string, arg any, fn func(FulfilmentID, union.ArtisanID, Handing)) error {
	rows, err := db.Query(ctx, `
		SELECT DISTINCT ON (f.id) f.id, f.artisan_id, h.picture_id, h.shown_at, h.verdict, h.words
		FROM handings h
		JOIN fulfilments f ON f.id = h.fulfilment_id
		WHERE `+where+`
		ORDER BY f.id, h.id DESC`, arg)
	if err != nil {
		return fmt.Errorf("order: handings: %w", err)
	}
	var f FulfilmentID
	var a union.ArtisanID
	var h Handing
	_, err = pgx.ForEachRow(rows, []any{&f, &a, &h.Picture, &h.ShownAt, &h.Verdict, &h.Words}, func() error {
		fn(f, a, h)
		return nil
	})
	if err != nil {
		return fmt.Errorf("order: handings: %w", err)
	}
	return nil
}

// CountVerdicts returns how many of an artisan's pieces were as shown, and how
// many differed.
func CountVerdicts(ctx context.Context, db postgres.DB, a union.ArtisanID) (asShown, differed int, err error) {
	err = postgres.Together(ctx, db, AskVerdicts(a, &asShown, &differed))
	return asShown, differed, err
}

// AskVerdicts asks what CountVerdicts returns.
func AskVerdicts(a union.ArtisanID, asShown, differed *int) postgres.Ask {
	return postgres.AskRow(func(row pgx.Row) error {
		if err := row.Scan(asShown, differed); err != nil {
			return fmt.Errorf("order: count verdicts: %w", err)
		}
		return nil
	}, `
		SELECT count(*) FILTER (WHERE h.verdict = 'as_shown'), count(*) FILTER (WHERE h.verdict = 'differs')
		FROM handings h
		JOIN fulfilments f ON f.id = h.fulfilment_id
		WHERE f.artisan_id = $1`, a)
}

// DifferedShare returns how many of a hundred pieces differed, as CountVerdicts
// counts them; 0 where none was compared.
func DifferedShare(asShown, differed int) (percent int) {
	all := asShown + differed
	if all == 0 {
		return 0
	}
	return (200*differed + all) / (2 * all)
}

// DifferedSince is a query for how many pieces of the artisan $1 differed from
// their listing since $2, to stand within another.
const DifferedSince = `
	SELECT count(DISTINCT h.fulfilment_id)
	FROM handings h
	JOIN fulfilments f ON f.id = h.fulfilment_id
	WHERE f.artisan_id = $1 AND h.verdict = 'differs' AND h.judged_at >= $2`

// PicturesInUse is a query for the pictures of pieces that were handed in.
const PicturesInUse = `SELECT picture_id FROM handings`
