package order

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// Work is a heap of orders, paid or to be paid at the counter, with which the union has something to do. One
// that is late lies in two of them.
type Work string

const (
	ToPack    Work = "packing"
	ToPost    Work = "posting"
	AtCounter Work = "counter" // to be handed over at the shop
	OnTheWay  Work = "sent"
	Late      Work = "late" // past its day, or waiting for an artisan who is; not what its buyer leaves at the shop
)

// Works are all heaps, in the order of an order's way.
var Works = []Work{ToPack, ToPost, AtCounter, OnTheWay, Late}

// heaps say in SQL which orders o with their shipments s lie in each heap. $1
// is today.
var heaps = map[Work]string{
	ToPack:    `s.state = 'packing'`,
	ToPost:    `s.state IN ('packed', 'returned') AND o.delivery = 'post'`,
	AtCounter: `s.state = 'packed' AND o.delivery = 'collect'`,
	OnTheWay:  `s.state = 'shipped'`,
	Late: `(s.state IS NULL OR s.state <> 'packed' OR o.delivery = 'post')
		   AND (o.arrives_by < $1::date OR EXISTS (
		       SELECT FROM fulfilments f WHERE f.order_id = o.id AND f.state = 'to_prepare' AND f.prepare_by < $1::date))`,
}

// A Task is an order in a heap.
type Task struct {
	Number    string
	Name      string
	Country   string
	Delivery  Delivery
	ArrivesBy time.Time // a day
	Pieces    int
	Makers    int
	Missing   int  // workshops that have not handed in
	Unpaid    bool // cash is to be taken for it at the counter
	State     ShipmentState
	Since     time.Time // when it came into this state; zero while pieces are missing
}

// WorkFilter narrows a heap. Today is a day at the union.
type WorkFilter struct {
	Today time.Time
	Query string // number or name, or the beginning of one
	After string // number of the last order seen
	Limit int
}

// Tasks returns the orders of a heap, the most urgent first, and whether there
// are more.
func Tasks(ctx context.Context, db postgres.DB, w Work, f WorkFilter) (list []Task, more bool, err error) {
	// Not every heap asks for the day, but PostgreSQL wants to know its type.
	rows, err := db.Query(ctx, `
		SELECT o.number, o.name, coalesce(o.country, ''), o.delivery, o.arrives_by,
		       (SELECT sum(l.quantity) FROM order_lines l WHERE l.order_id = o.id),
		       (SELECT count(*) FROM fulfilments p WHERE p.order_id = o.id),
		       (SELECT count(*) FROM fulfilments p WHERE p.order_id = o.id AND p.state = 'to_prepare'),
		       o.state = 'confirmed', coalesce(s.state, ''), coalesce(CASE WHEN s.state = 'packed' THEN s.packed_at ELSE coalesce(s.shipped_at, s.began_at) END, '0001-01-01')
		FROM orders o
		LEFT JOIN shipments s ON s.order_id = o.id
		WHERE o.state IN ('paid', 'confirmed') AND `+heaps[w]+`
		  AND $1::date IS NOT NULL
		  AND ($2 = '' OR o.words LIKE '%' || $2 || '%')
		  AND ($3 = '' OR (o.arrives_by, o.number) > (SELECT l.arrives_by, l.number FROM orders l WHERE l.number = $3))
		ORDER BY o.arrives_by, o.number
		LIMIT $4`, f.Today, strings.ToLower(postgres.EscapeLike(f.Query)), f.After, f.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("order: tasks %s: %w", w, err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Task, error) {
		var t Task
		err := row.Scan(&t.Number, &t.Name, &t.Country, &t.Delivery, &t.ArrivesBy, &t.Pieces, &t.Makers, &t.Missing, &t.Unpaid, &t.State, &t.Since)
		return t, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("order: tasks %s: %w", w, err)
	}
	if len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

// CountWork returns how many orders lie in each heap, and how many parts of
// orders are still to be handed in. today is a day at the union.
func CountWork(ctx context.Context, db postgres.DB, today time.Time) (counts map[Work]int, waiting int, err error) {
	query := `SELECT (SELECT count(*) FROM fulfilments WHERE state = 'to_prepare')`
	n := make([]int, len(Works))
	into := []any{&waiting}
	for i, w := range Works {
		query += `, count(*) FILTER (WHERE ` + heaps[w] + `)`
		into = append(into, &n[i])
	}
	err = db.QueryRow(ctx, query+`
		FROM orders o
		LEFT JOIN shipments s ON s.order_id = o.id
		WHERE o.state IN ('paid', 'confirmed')`, today).Scan(into...)
	if err != nil {
		return nil, 0, fmt.Errorf("order: count work: %w", err)
	}
	counts = map[Work]int{}
	for i, w := range Works {
		counts[w] = n[i]
	}
	return counts, waiting, nil
}

// A Workshop is an artisan for whom the union waits.
type Workshop struct {
	Artisan    union.ArtisanID
	Slug       string
	Name       string
	NameArabic string
	Phone      string
	WrittenIn  string         // BCP 47
	First      time.Time      // the day by which the most urgent part is to be handed in
	Pieces     []AwaitedPiece // of the most urgent parts
}

// An AwaitedPiece is a line that an artisan has not handed in.
type AwaitedPiece struct {
	Number    string
	PrepareBy time.Time
	Title     lang.Texts
	Quantity  int
	Shown     bool // a photo of it waits to be compared
}

// WaitingFilter narrows the workshops that the union waits for. Today is a day
// at the union.
type WaitingFilter struct {
	Today     time.Time
	LateOnly  bool
	AfterDay  time.Time // First and Slug of the last workshop seen
	AfterSlug string
	Limit     int
}

// mostAwaited bounds the pieces that are listed of one workshop.
const mostAwaited = 20

// Waiting returns the workshops for which the union waits, the most urgent
// first, and whether there are more.
func Waiting(ctx context.Context, db postgres.DB, f WaitingFilter) (list []Workshop, more bool, err error) {
	rows, err := db.Query(ctx, `
		SELECT a.id, a.slug, a.name, a.name_ar, a.phone, a.written_in, min(f.prepare_by)
		FROM fulfilments f
		JOIN artisans a ON a.id = f.artisan_id
		WHERE f.state = 'to_prepare' AND (NOT $1 OR f.prepare_by < $2::date)
		GROUP BY a.id
		HAVING $4 = '' OR (min(f.prepare_by), a.slug) > ($3::date, $4)
		ORDER BY min(f.prepare_by), a.slug
		LIMIT $5`, f.LateOnly, f.Today, f.AfterDay, f.AfterSlug, f.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("order: waiting: %w", err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Workshop, error) {
		var w Workshop
		err := row.Scan(&w.Artisan, &w.Slug, &w.Name, &w.NameArabic, &w.Phone, &w.WrittenIn, &w.First)
		return w, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("order: waiting: %w", err)
	}
	if len(list) > f.Limit {
		list, more = list[:f.Limit], true
	}
	index := map[union.ArtisanID]int{}
	var ids []union.ArtisanID
	for i, w := range list {
		index[w.Artisan] = i
		ids = append(ids, w.Artisan)
	}
	rows, err = db.Query(ctx, `
		SELECT x.artisan_id, x.number, x.prepare_by, x.title, x.quantity, x.shown
		FROM (
			SELECT f.artisan_id, o.number, f.prepare_by, l.title, l.quantity,
			       EXISTS (SELECT FROM handings h WHERE h.fulfilment_id = f.id AND h.verdict = 'waiting') AS shown,
			       row_number() OVER (PARTITION BY f.artisan_id ORDER BY f.prepare_by, f.id, l.position) AS n
			FROM fulfilments f
			JOIN orders o ON o.id = f.order_id
			JOIN order_lines l ON l.fulfilment_id = f.id
			WHERE f.state = 'to_prepare' AND f.artisan_id = ANY ($1) AND (NOT $2 OR f.prepare_by < $3::date)
		) x
		WHERE x.n <= $4
		ORDER BY x.artisan_id, x.n`, ids, f.LateOnly, f.Today, mostAwaited)
	if err != nil {
		return nil, false, fmt.Errorf("order: awaited pieces: %w", err)
	}
	var a union.ArtisanID
	var p AwaitedPiece
	_, err = pgx.ForEachRow(rows, []any{&a, &p.Number, &p.PrepareBy, &p.Title, &p.Quantity, &p.Shown}, func() error {
		w := &list[index[a]]
		w.Pieces = append(w.Pieces, p)
		p.Title = nil // The next row's texts are not written into these.
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("order: awaited pieces: %w", err)
	}
	return list, more, nil
}

// Shared returns the number of an order in which two artisans both have a part,
// and an empty one where there is none.
func Shared(ctx context.Context, db postgres.DB, a, b union.ArtisanID) (number string, err error) {
	err = db.QueryRow(ctx, `
		SELECT o.number
		FROM fulfilments x
		JOIN fulfilments y ON y.order_id = x.order_id
		JOIN orders o ON o.id = x.order_id
		WHERE x.artisan_id = $1 AND y.artisan_id = $2
		LIMIT 1`, a, b).Scan(&number)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("order: shared: %w", err)
	}
	return number, nil
}

// MoveArtisan gives one artisan's parts of orders to another, who has none in the
// same ones.
func MoveArtisan(ctx context.Context, tx pgx.Tx, from, into union.ArtisanID) error {
	if _, err := tx.Exec(ctx, `UPDATE fulfilments SET artisan_id = $2 WHERE artisan_id = $1`, from, into); err != nil {
		return fmt.Errorf("order: move artisan %d: %w", from, err)
	}
	return nil
}

// ToPrepareOf counts what an artisan has sold and not handed in yet.
func ToPrepareOf(ctx context.Context, db postgres.DB, a union.ArtisanID) (n int, err error) {
	if err = db.QueryRow(ctx, `SELECT count(*) FROM fulfilments WHERE artisan_id = $1 AND state IN ('awaiting_payment', 'to_prepare')`, a).Scan(&n); err != nil {
		return 0, fmt.Errorf("order: to prepare: %w", err)
	}
	return n, nil
}
