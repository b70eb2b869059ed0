package membership

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Part is what a member prepares, or prepared, for an order.
type Part struct {
	Number    string
	State     order.FulfilmentState
	Placed    time.Time
	PrepareBy time.Time
	Pieces    int
	Total     money.Amount // what the buyer pays for them
}

// An Overview is what the rooms know of a member, read at once.
type Overview struct {
	Pieces  map[catalog.State]int
	Waiting int // revisions that a committee has yet to see
	Parts   map[order.FulfilmentState]int
	Last    []Part // newest first
	Owed    money.Amount
	Held    money.Amount // of it, what buyers may still send back
	Files   []File       // newest first
}

// Open is how many parts are still to be paid or prepared.
func (o Overview) Open() int { return o.Parts[order.ToPrepare] + o.Parts[order.AwaitingPayment] }

// mostLast bounds the orders of an overview.
const mostLast = 10

// OverviewOf returns a member's overview. What a buyer got after until may still
// come back; see order.Held. It asks the database once.
func OverviewOf(ctx context.Context, db postgres.DB, a union.Artisan, until time.Time) (Overview, error) {
	o := Overview{Pieces: map[catalog.State]int{}, Parts: map[order.FulfilmentState]int{}, Owed: money.Centimes(0), Held: money.Centimes(0)}
	b := &pgx.Batch{}
	b.Queue(`SELECT state, count(*) FROM products WHERE artisan_id = $1 GROUP BY state`, a.ID).Query(func(rows pgx.Rows) error {
		var s catalog.State
		var n int
		_, err := pgx.ForEachRow(rows, []any{&s, &n}, func() error { o.Pieces[s] = n; return nil })
		return err
	})
	b.Queue(`SELECT count(*) FROM revisions r JOIN products p ON p.id = r.product_id WHERE p.artisan_id = $1 AND r.state = 'submitted'`, a.ID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&o.Waiting) })
	b.Queue(`SELECT state, count(*) FROM fulfilments WHERE artisan_id = $1 GROUP BY state`, a.ID).Query(func(rows pgx.Rows) error {
		var s order.FulfilmentState
		var n int
		_, err := pgx.ForEachRow(rows, []any{&s, &n}, func() error { o.Parts[s] = n; return nil })
		return err
	})
	b.Queue(`
		SELECT o.number, f.state, o.placed_at, f.prepare_by, coalesce(sum(l.quantity), 0)::int, coalesce(sum(l.total_minor), 0)::bigint
		FROM (SELECT * FROM fulfilments WHERE artisan_id = $1 ORDER BY id DESC LIMIT $2) f
		JOIN orders o ON o.id = f.order_id
		LEFT JOIN order_lines l ON l.fulfilment_id = f.id
		GROUP BY f.id, f.state, f.prepare_by, o.id
		ORDER BY f.id DESC`, a.ID, mostLast).Query(func(rows pgx.Rows) error {
		var p Part
		var minor int64
		_, err := pgx.ForEachRow(rows, []any{&p.Number, &p.State, &p.Placed, &p.PrepareBy, &p.Pieces, &minor}, func() error {
			p.Total = money.Centimes(minor)
			o.Last = append(o.Last, p)
			return nil
		})
		return err
	})
	b.Queue(`SELECT coalesce(-sum(amount_minor), 0)::bigint FROM ledger_postings WHERE account = $1`, ledger.Artisan(a.Slug)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&o.Owed.Minor) })
	b.Queue(order.HeldQuery, a.ID, until).QueryRow(func(row pgx.Row) error { return row.Scan(&o.Held.Minor) })
	b.Queue(`
		SELECT f.ref, f.name, f.kind, f.bytes, c.name, f.at
		FROM member_files f
		JOIN accounts c ON c.id = f.account_id
		WHERE f.artisan_id = $1
		ORDER BY f.id DESC
		LIMIT $2`, a.ID, MostFiles).Query(func(rows pgx.Rows) (err error) {
		o.Files, err = pgx.CollectRows(rows, pgx.RowToStructByPos[File])
		return err
	})
	if err := db.SendBatch(ctx, b).Close(); err != nil {
		return Overview{}, fmt.Errorf("membership: overview of %s: %w", a.Slug, err)
	}
	if o.Held.Minor > o.Owed.Minor {
		o.Held = o.Owed // The books decide.
	}
	return o, nil
}
