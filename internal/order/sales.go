package order

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
)

// Sales are kept in sums, daily_sales: looking at two years of them must not read
// half a million lines. A payment adds rows in the transaction that makes its order
// paid, a refund in the one that gives the pieces back, and each adds its own: two
// who pay at once do not wait for one another. FoldSales makes one row of many.

// countSale adds what an order came to that has just been paid.
func countSale(ctx context.Context, tx pgx.Tx, id ID) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO daily_sales (day, trade_id, country, orders, pieces, sum_minor)
		SELECT o.paid_on, l.trade_id, coalesce(o.country, ''), count(*) FILTER (WHERE l.position = 1), sum(l.quantity), sum(l.total_minor)
		FROM orders o
		JOIN order_lines l ON l.order_id = o.id
		WHERE o.id = $1
		GROUP BY o.paid_on, l.trade_id, o.country`, id)
	if err != nil {
		return fmt.Errorf("order: count sale: %w", err)
	}
	return nil
}

// countReturn takes what is given back of a line off the day on which it was sold.
func countReturn(ctx context.Context, tx pgx.Tx, id ID, g GivenLine) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO daily_sales (day, trade_id, country, returned, returned_minor)
		SELECT o.paid_on, l.trade_id, coalesce(o.country, ''), $4, $5
		FROM orders o
		JOIN order_lines l ON l.order_id = o.id
		WHERE o.id = $1 AND l.sku = $2 AND l.buyer_text = $3`, id, g.Line.SKU, g.Line.BuyerText, g.Count, g.Amount.Minor)
	if err != nil {
		return fmt.Errorf("order: count return: %w", err)
	}
	return nil
}

// FoldSales makes one row of those that say the same day, trade and country. Sums
// are the same before and after, whoever reads meanwhile.
func FoldSales(ctx context.Context, db postgres.DB) error {
	_, err := db.Exec(ctx, `
		WITH folded AS (
			DELETE FROM daily_sales
			WHERE (day, trade_id, country) IN (SELECT day, trade_id, country FROM daily_sales GROUP BY day, trade_id, country HAVING count(*) > 1)
			RETURNING *)
		INSERT INTO daily_sales (day, trade_id, country, orders, pieces, sum_minor, returned, returned_minor)
		SELECT day, trade_id, country, sum(orders), sum(pieces), sum(sum_minor), sum(returned), sum(returned_minor)
		FROM folded
		GROUP BY day, trade_id, country`)
	if err != nil {
		return fmt.Errorf("order: fold sales: %w", err)
	}
	return nil
}

// CheckSales compares the sums with the orders and their lines, and returns how
// many days, trades and countries say otherwise, and some of these days.
func CheckSales(ctx context.Context, db postgres.DB) (wrong int, days []string, err error) {
	err = db.QueryRow(ctx, `
		WITH kept AS (
			SELECT day, trade_id, country, sum(orders) AS orders, sum(pieces) AS pieces, sum(sum_minor) AS sum, sum(returned) AS returned, sum(returned_minor) AS back
			FROM daily_sales
			GROUP BY day, trade_id, country),
		sold AS (
			SELECT coalesce(o.paid_on, '-infinity') AS day, l.trade_id, coalesce(o.country, '') AS country, count(*) FILTER (WHERE l.position = 1) AS orders,
			       sum(l.quantity) AS pieces, sum(l.total_minor) AS sum, sum(l.returned) AS returned, sum(l.returned_minor) AS back
			FROM orders o
			JOIN order_lines l ON l.order_id = o.id
			WHERE o.paid_at IS NOT NULL
			GROUP BY 1, 2, 3),
		wrong AS (
			SELECT day
			FROM kept k
			FULL JOIN sold s USING (day, trade_id, country)
			WHERE (k.orders, k.pieces, k.sum, k.returned, k.back) IS DISTINCT FROM (s.orders, s.pieces, s.sum, s.returned, s.back))
		SELECT count(*), coalesce((SELECT array_agg(d.day::text ORDER BY d.day) FROM (SELECT DISTINCT day FROM wrong ORDER BY day LIMIT 5) d), '{}')
		FROM wrong`).Scan(&wrong, &days)
	if err != nil {
		return 0, nil, fmt.Errorf("order: check sales: %w", err)
	}
	return wrong, days, nil
}

// A Span is a number of weeks at the union, the last of which is under way, and
// as many before them: to the same day of the week, so that both are as long.
type Span struct {
	First time.Time // a Monday
	Today time.Time // the last day
	Weeks int
}

// SpanOf returns the span of so many weeks that ends today, a day at the union.
func SpanOf(today time.Time, weeks int) Span {
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	return Span{First: monday.AddDate(0, 0, -7*(weeks-1)), Today: today, Weeks: weeks}
}

// Before returns the first and the last day of the span before.
func (s Span) Before() (first, last time.Time) {
	return s.First.AddDate(0, 0, -7*s.Weeks), s.Today.AddDate(0, 0, -7*s.Weeks)
}

// Week returns the Monday of a week of the span, from 0.
func (s Span) Week(i int) time.Time { return s.First.AddDate(0, 0, 7*i) }

// Index returns in which week of the span a Monday lies, and whether it is of the
// span before: the week that it is compared with has the same index.
func (s Span) Index(monday time.Time) (i int, before bool) {
	i = int(monday.Sub(s.First.AddDate(0, 0, -7*s.Weeks)).Hours()/24) / 7
	if i < s.Weeks {
		return i, true
	}
	return i - s.Weeks, false
}

// A Tally is what was sold. An order counts on the day on which it was paid,
// whatever becomes of it; what was given back later is taken off that day.
type Tally struct {
	Orders    int
	Pieces    int
	Returned  int          // of Pieces
	Paid      money.Amount // for Pieces, without postage
	GivenBack money.Amount // for Returned
}

// Net is what was paid and not given back.
func (t Tally) Net() money.Amount { return t.Paid.Minus(t.GivenBack) }

// A Sold is what was sold of a trade or to a country in a span, and in the one
// before it.
type Sold struct {
	Trade       lang.Texts // its name, in Trades
	Country     string     // ISO 3166-1, in Countries; empty for what is collected
	Now, Before Tally
}

// A SalesReport is what was sold in a span. An order of several trades counts at
// that of its first line.
type SalesReport struct {
	All       Sold
	Weeks     []Sold // every week of the span
	Trades    []Sold // the most sold first
	Countries []Sold
}

// ReadSales returns what was sold in a span, compared with the one before.
func ReadSales(ctx context.Context, db postgres.DB, s Span) (SalesReport, error) {
	r := SalesReport{Weeks: make([]Sold, s.Weeks)}
	before, last := s.Before()
	rows, err := db.Query(ctx, `
		SELECT g.kind, g.old, g.week, coalesce(g.country, ''), coalesce(t.slug, ''), t.name, g.orders, g.pieces, g.returned, g.sum, g.back
		FROM (
			SELECT CASE WHEN grouping(week) = 0 THEN 'week' WHEN grouping(trade_id) = 0 THEN 'trade' ELSE 'country' END AS kind,
			       old, coalesce(week, $1) AS week, trade_id, country, sum(orders)::int AS orders, sum(pieces)::int AS pieces,
			       sum(returned)::int AS returned, sum(sum_minor)::bigint AS sum, sum(returned_minor)::bigint AS back
			FROM (
				SELECT d.*, d.day < $2 AS old, d.day - (extract(isodow FROM d.day)::int - 1) AS week
				FROM daily_sales d
				WHERE d.day BETWEEN $1 AND $3 OR d.day BETWEEN $2 AND $4) x
			GROUP BY GROUPING SETS ((old, week), (old, trade_id), (old, country))) g
		LEFT JOIN trades t ON t.id = g.trade_id
		ORDER BY g.kind, g.old, g.sum - g.back DESC, t.slug, g.country`, before, s.First, last, s.Today)
	if err != nil {
		return SalesReport{}, fmt.Errorf("order: read sales: %w", err)
	}
	var kind, country, slug string
	var old bool
	var week time.Time
	var name lang.Texts
	var t Tally
	places := map[string]int{}
	_, err = pgx.ForEachRow(rows, []any{&kind, &old, &week, &country, &slug, &name, &t.Orders, &t.Pieces, &t.Returned, &t.Paid.Minor, &t.GivenBack.Minor}, func() error {
		t.Paid.Currency, t.GivenBack.Currency = money.MAD, money.MAD
		if kind == "week" {
			i, _ := s.Index(week)
			r.Weeks[i].put(old, t)
			r.All.put(old, r.All.of(old).plus(t))
			return nil
		}
		list, key := &r.Countries, strings.Join([]string{kind, country}, "/")
		if kind == "trade" {
			list, key = &r.Trades, strings.Join([]string{kind, slug}, "/")
		}
		i, there := places[key]
		if !there {
			i = len(*list)
			places[key] = i
			*list = append(*list, Sold{Trade: name, Country: country})
		}
		(*list)[i].put(old, t)
		name = nil // The next row's texts are not written into these.
		return nil
	})
	if err != nil {
		return SalesReport{}, fmt.Errorf("order: read sales: %w", err)
	}
	return r, nil
}

func (s *Sold) of(before bool) Tally {
	if before {
		return s.Before
	}
	return s.Now
}

func (s *Sold) put(before bool, t Tally) {
	if before {
		s.Before = t
	} else {
		s.Now = t
	}
}

func (t Tally) plus(u Tally) Tally {
	return Tally{t.Orders + u.Orders, t.Pieces + u.Pieces, t.Returned + u.Returned, t.Paid.Plus(u.Paid), t.GivenBack.Plus(u.GivenBack)}
}
