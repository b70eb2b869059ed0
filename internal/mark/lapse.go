package mark

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/postgres"
)

// LapseEvery is how often the pages hear of marks that have run out: a mark is off
// every page within a minute of its end.
const LapseEvery = 20 * time.Second

// LapseArgs is the job that calls TellLapsed.
type LapseArgs struct{}

func (LapseArgs) Kind() string { return "tell_lapsed_marks" }

// AddWorkers registers the room's job.
func AddWorkers(w *river.Workers, pool *pgxpool.Pool, now func() time.Time) {
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, _ *river.Job[LapseArgs]) error {
		_, err := TellLapsed(ctx, pool, now())
		return err
	}))
}

// mostLapsed bounds how many are told of in one transaction.
const mostLapsed = 200

// TellLapsed has every page that showed a mark which has run out made anew, tells
// its artisan, and returns how many there were. Each is told of once, however
// often it is called.
//
// Whatever reads marks compares with the clock and would not show them; but pages
// that are kept do not read.
func TellLapsed(ctx context.Context, db postgres.Beginner, at time.Time) (n int, err error) {
	for {
		some := 0
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `
				UPDATE marks
				SET lapsed_told_at = $1
				WHERE id IN (
					SELECT id FROM marks
					WHERE state = 'granted' AND lapsed_told_at IS NULL AND ends_at <= $1
					ORDER BY ends_at
					LIMIT $2
					FOR UPDATE SKIP LOCKED)
				RETURNING id`, at, mostLapsed)
			if err != nil {
				return fmt.Errorf("mark: lapsed: %w", err)
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				return fmt.Errorf("mark: lapsed: %w", err)
			}
			some = len(ids)
			if some == 0 {
				return nil
			}
			list, err := collect(ctx, tx, "lapsed", `m.id = ANY ($1)`, ids)
			if err != nil {
				return err
			}
			slices.SortFunc(list, func(a, b Mark) int { return a.Ends.Compare(b.Ends) })
			for _, m := range list {
				if err := m.changed(ctx, tx, 0, "mark.lapsed", "mark_lapsed", nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		if n += some; some < mostLapsed {
			return n, nil
		}
	}
}
