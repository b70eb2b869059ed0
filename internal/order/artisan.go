package order

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Part is what one artisan prepares for one order. Of the buyer it says
// nothing: the artisan hands it in at the union.
type Part struct {
	Number    string
	State     FulfilmentState
	PrepareBy time.Time
	HandedIn  *time.Time
	Lines     []Line
	Handing   *Handing // the last photo shown, nil before the first
}

// Parts returns an artisan's parts in one state, those that are due first
// before all others, at most limit of them.
func Parts(ctx context.Context, db postgres.DB, a union.ArtisanID, state FulfilmentState, limit int) ([]Part, error) {
	rows, err := db.Query(ctx, `
		SELECT f.id, o.number, f.state, f.prepare_by, f.handed_in_at
		FROM fulfilments f
		JOIN orders o ON o.id = f.order_id
		WHERE f.artisan_id = $1 AND f.state = $2
		ORDER BY f.prepare_by, f.id
		LIMIT $3`, a, state, limit)
	if err != nil {
		return nil, fmt.Errorf("order: parts: %w", err)
	}
	index := map[FulfilmentID]int{}
	var ids []FulfilmentID
	parts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Part, error) {
		var p Part
		var id FulfilmentID
		err := row.Scan(&id, &p.Number, &p.State, &p.PrepareBy, &p.HandedIn)
		index[id] = len(ids)
		ids = append(ids, id)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("order: parts: %w", err)
	}
	rows, err = db.Query(ctx, `
		SELECT l.fulfilment_id, `+lineColumns+`
		FROM order_lines l
		JOIN fulfilments f ON f.id = l.fulfilment_id
		WHERE l.fulfilment_id = ANY ($1)
		ORDER BY l.fulfilment_id, l.position`, ids)
	if err != nil {
		return nil, fmt.Errorf("order: lines of parts: %w", err)
	}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Line, error) {
		var id FulfilmentID
		l, err := scanLine(row, &id)
		if err == nil {
			p := &parts[index[id]]
			p.Lines = append(p.Lines, l)
		}
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("order: lines of parts: %w", err)
	}
	err = eachHanding(ctx, db, `f.id = ANY ($1)`, ids, func(id FulfilmentID, _ union.ArtisanID, h Handing) {
		parts[index[id]].Handing = &h
	})
	if err != nil {
		return nil, err
	}
	return parts, nil
}

// CountParts returns how many parts an artisan has in each state.
func CountParts(ctx context.Context, db postgres.DB, a union.ArtisanID) (map[FulfilmentState]int, error) {
	rows, err := db.Query(ctx, `SELECT state, count(*) FROM fulfilments WHERE artisan_id = $1 GROUP BY state`, a)
	if err != nil {
		return nil, fmt.Errorf("order: count parts: %w", err)
	}
	counts := map[FulfilmentState]int{}
	var s FulfilmentState
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&s, &n}, func() error { counts[s] = n; return nil }); err != nil {
		return nil, fmt.Errorf("order: count parts: %w", err)
	}
	return counts, nil
}

// A Sale is a line that was paid, as its artisan sees it.
type Sale struct {
	Number    string
	State     State // of the order
	PaidAt    time.Time
	Delivered *time.Time
	ArrivesBy time.Time
	Line      Line
}

// HeldQuery asks for Held of an artisan, $1, and a moment, $2, for whoever asks
// several things at once.
const HeldQuery = `
	SELECT coalesce(sum(l.artisan_minor - l.artisan_return_minor), 0)::bigint
	FROM fulfilments f
	JOIN orders o ON o.id = f.order_id
	JOIN order_lines l ON l.fulfilment_id = f.id
	LEFT JOIN shipments s ON s.order_id = o.id
	WHERE f.artisan_id = $1 AND o.paid_at IS NOT NULL AND o.state IN ('paid', 'completed')
	  AND (s.delivered_at IS NULL OR s.delivered_at > $2)`

// Held returns how much of an artisan's shares is not due yet: the buyer has not
// got the piece, or has had it since a day after until, and may change their mind.
func Held(ctx context.Context, db postgres.DB, a union.ArtisanID, until time.Time) (money.Amount, error) {
	held := money.Amount{Currency: money.MAD}
	if err := db.QueryRow(ctx, HeldQuery, a, until).Scan(&held.Minor); err != nil {
		return money.Amount{}, fmt.Errorf("order: held: %w", err)
	}
	return held, nil
}

// Sales returns what an artisan has sold, newest first, and whether there is
// more. after is the number of the last order seen.
func Sales(ctx context.Context, db postgres.DB, a union.ArtisanID, after string, limit int) (list []Sale, more bool, err error) {
	rows, err := db.Query(ctx, `
		SELECT o.number, o.state, o.paid_at, s.delivered_at, o.arrives_by, `+lineColumns+`
		FROM order_lines l
		JOIN fulfilments f ON f.id = l.fulfilment_id
		JOIN orders o ON o.id = l.order_id
		LEFT JOIN shipments s ON s.order_id = o.id
		WHERE f.artisan_id = $1 AND o.paid_at IS NOT NULL
		  AND ($2 = '' OR (o.paid_at, o.number) < (SELECT p.paid_at, p.number FROM orders p WHERE p.number = $2))
		ORDER BY o.paid_at DESC, o.number DESC, l.position
		LIMIT $3`, a, after, limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("order: sales: %w", err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Sale, error) {
		var s Sale
		var err error
		s.Line, err = scanLine(row, &s.Number, &s.State, &s.PaidAt, &s.Delivered, &s.ArrivesBy)
		return s, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("order: sales: %w", err)
	}
	if len(list) > limit {
		return list[:limit], true, nil
	}
	return list, false, nil
}
