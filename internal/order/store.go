package order

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
)

// asJSON keeps pgx from taking a slice for a PostgreSQL array.
type asJSON struct{ v any }

func (j asJSON) MarshalJSON() ([]byte, error) { return json.Marshal(j.v) }

const orderColumns = `
	o.id, o.number, o.token, o.cart_key, o.state, o.language, o.pieces_minor, o.postage_minor, o.total_minor,
	o.refunded_minor, o.name, o.email, o.phone, o.delivery, coalesce(o.country, ''), coalesce(o.address, '{}'),
	o.carrier, o.weight_g, o.method, o.arrives_by, o.pay_by, o.placed_at, o.paid_at, o.postage_returned`

func scanOrder(row pgx.CollectableRow) (Order, error) {
	var o Order
	var cartKey []byte
	var country string
	err := row.Scan(&o.ID, &o.Number, &o.Token, &cartKey, &o.State, &o.Language, &o.Pieces.Minor, &o.Postage.Minor,
		&o.Total.Minor, &o.Refunded.Minor, &o.Contact.Name, &o.Contact.Email, &o.Contact.Phone, &o.Delivery,
		&country, &o.Address, &o.Carrier, &o.Weight, &o.Method, &o.ArrivesBy, &o.PayBy, &o.PlacedAt, &o.PaidAt, &o.PostageReturned)
	o.Address.Country = country
	copy(o.CartKey[:], cartKey)
	for _, a := range []*money.Amount{&o.Pieces, &o.Postage, &o.Total, &o.Refunded} {
		a.Currency = money.MAD
	}
	return o, err
}

// ByID returns an order with its lines and fulfilments, or ErrNoOrder.
func ByID(ctx context.Context, db postgres.DB, id ID) (Order, error) {
	return one(ctx, db, `o.id = $1`, id)
}

// ByToken returns the order at a buyer's address, or ErrNoOrder.
func ByToken(ctx context.Context, db postgres.DB, token string) (Order, error) {
	return one(ctx, db, `o.token = $1`, token)
}

// ByNumber returns the order of a number, for the union's staff.
func ByNumber(ctx context.Context, db postgres.DB, number string) (Order, error) {
	return one(ctx, db, `o.number = $1`, number)
}

func one(ctx context.Context, db postgres.DB, where string, arg any) (Order, error) {
	rows, err := db.Query(ctx, `
		SELECT `+orderColumns+`
		FROM orders o
		WHERE `+where, arg)
	if err != nil {
		return Order{}, fmt.Errorf("order: read: %w", err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, scanOrder)
	if errors.Is(err, pgx.ErrNoRows) {
		return Order{}, ErrNoOrder
	}
	if err != nil {
		return Order{}, fmt.Errorf("order: read: %w", err)
	}
	b := &pgx.Batch{}
	b.Queue(`
		SELECT `+lineColumns+`
		FROM order_lines l
		JOIN fulfilments f ON f.id = l.fulfilment_id
		WHERE l.order_id = $1
		ORDER BY l.position`, o.ID).Query(func(rows pgx.Rows) (err error) {
		o.Lines, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Line, error) { return scanLine(row) })
		return err
	})
	b.Queue(`
		SELECT f.id, f.artisan_id, a.name, a.name_ar, a.slug, coalesce(a.email, ''), f.state, f.prepare_by, f.handed_in_at
		FROM fulfilments f
		JOIN artisans a ON a.id = f.artisan_id
		WHERE f.order_id = $1
		ORDER BY f.id`, o.ID).Query(func(rows pgx.Rows) (err error) {
		o.Fulfilment, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Fulfilment, error) {
			var f Fulfilment
			err := row.Scan(&f.ID, &f.Artisan, &f.Maker, &f.MakerArabic, &f.MakerSlug, &f.MakerEmail, &f.State, &f.PrepareBy, &f.HandedInAt)
			return f, err
		})
		return err
	})
	b.Queue(`
		SELECT `+shipmentColumns+`
		FROM shipments s
		WHERE s.order_id = $1`, o.ID).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, scanShipment)
		if len(list) > 0 {
			o.Shipment = list[0]
		}
		return err
	})
	if err := db.SendBatch(ctx, b).Close(); err != nil {
		return Order{}, fmt.Errorf("order: read parts of %s: %w", o.Number, err)
	}
	return o, nil
}

// lineColumns are the columns that scanLine reads, in its order, of order_lines
// l and its fulfilment f.
const lineColumns = `
	coalesce(l.variant_id, 0), f.artisan_id, l.sku, l.slug, l.title, l.options, l.buyer_text, l.picture_key,
	l.quantity, l.unit_minor, l.total_minor, l.commission_bp, l.commission_minor, l.artisan_minor, l.weight_g,
	l.hs_code, coalesce(l.lead_days, 0), l.returned, l.returned_minor, l.artisan_return_minor`

// scanLine reads a line, after what a query has put before it.
func scanLine(row pgx.CollectableRow, before ...any) (Line, error) {
	var l Line
	err := row.Scan(append(before, &l.Variant, &l.Artisan, &l.SKU, &l.Slug, &l.Title, &l.Options, &l.BuyerText, &l.PictureKey,
		&l.Quantity, &l.Unit.Minor, &l.Total.Minor, &l.CommBP, &l.Commission.Minor, &l.ToArtisan.Minor, &l.Weight,
		&l.HSCode, &l.LeadDays, &l.Returned, &l.GivenBack.Minor, &l.ArtisanBack.Minor)...)
	for _, a := range []*money.Amount{&l.Unit, &l.Total, &l.Commission, &l.ToArtisan, &l.GivenBack, &l.ArtisanBack} {
		a.Currency = money.MAD
	}
	l.Stocked = l.LeadDays == 0
	return l, err
}

// PendingOfCart locks the unpaid orders that a cart became before, oldest
// first, and returns their IDs.
func PendingOfCart(ctx context.Context, tx pgx.Tx, cartKey [32]byte) ([]ID, error) {
	rows, err := tx.Query(ctx, `
		SELECT id
		FROM orders
		WHERE cart_key = $1 AND state = 'pending'
		ORDER BY id
		FOR NO KEY UPDATE`, cartKey[:])
	if err != nil {
		return nil, fmt.Errorf("order: pending of cart: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[ID])
	if err != nil {
		return nil, fmt.Errorf("order: pending of cart: %w", err)
	}
	return ids, nil
}

// ByPlaceKey returns the order that a cart in one revision became, or
// ErrNoOrder.
func ByPlaceKey(ctx context.Context, db postgres.DB, key [32]byte) (Order, error) {
	return one(ctx, db, `o.place_key = $1`, key[:])
}

// A Summary is an order in a list.
type Summary struct {
	Number   string
	State    State
	Name     string
	Country  string
	Delivery Delivery
	Total    money.Amount
	Pieces   int
	Makers   int
	PlacedAt time.Time
}

// Filter narrows the list of orders. The zero one asks for all.
type Filter struct {
	State State
	Query string // a part of its number, of its buyer's name, mail or phone
	After string // number of the last order seen
	Limit int
}

// List returns orders, newest first, and whether there are more.
func List(ctx context.Context, db postgres.DB, f Filter) (list []Summary, more bool, err error) {
	where, args := f.where()
	// Planned anew each time: the plan for a rare name is none for a common one.
	rows, err := db.Query(ctx, `
		SELECT o.number, o.state, o.name, coalesce(o.country, ''), o.delivery, o.total_minor, o.placed_at,
		       (SELECT sum(l.quantity) FROM order_lines l WHERE l.order_id = o.id),
		       (SELECT count(*) FROM fulfilments f WHERE f.order_id = o.id)
		FROM orders o
		WHERE `+where+`
		ORDER BY o.placed_at DESC, o.number DESC
		LIMIT `+strconv.Itoa(f.Limit+1), append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		return nil, false, fmt.Errorf("order: list: %w", err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Summary, error) {
		s := Summary{Total: money.Amount{Currency: money.MAD}}
		err := row.Scan(&s.Number, &s.State, &s.Name, &s.Country, &s.Delivery, &s.Total.Minor, &s.PlacedAt, &s.Pieces, &s.Makers)
		return s, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("order: list: %w", err)
	}
	if len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

// where returns the condition of a filter, and what it is asked with. Only what
// is asked for stands in it, so that each can use its index.
func (f Filter) where() (sql string, args []any) {
	conditions := []string{"true"}
	add := func(condition string, value any) {
		args = append(args, value)
		conditions = append(conditions, fmt.Sprintf(condition, len(args)))
	}
	if f.State != "" {
		add("o.state = $%d", string(f.State))
	}
	if q := strings.ToLower(strings.TrimSpace(f.Query)); q != "" {
		like := []string{"%" + postgres.EscapeLike(q) + "%"}
		if phone := digits(q); len(phone) >= 6 && len(phone) >= len(q)/2 {
			like = append(like, "%"+phone+"%")
		}
		add("o.words LIKE ANY ($%d)", like)
	}
	if f.After != "" {
		add("(o.placed_at, o.number) < (SELECT l.placed_at, l.number FROM orders l WHERE l.number = $%d)", f.After)
	}
	return strings.Join(conditions, " AND "), args
}

// digits returns what a phone number has in every way of writing it: its digits,
// without the zeros that stand for a country's own.
func digits(s string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, lang.WesternDigits(s)), "0")
}

// CountByState returns how many orders are in each state.
func CountByState(ctx context.Context, db postgres.DB) (map[State]int, error) {
	rows, err := db.Query(ctx, `SELECT state, count(*) FROM orders GROUP BY state`)
	if err != nil {
		return nil, fmt.Errorf("order: count: %w", err)
	}
	counts := map[State]int{}
	var s State
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&s, &n}, func() error { counts[s] = n; return nil }); err != nil {
		return nil, fmt.Errorf("order: count: %w", err)
	}
	return counts, nil
}

// An Event is something that happened to an order.
type Event struct {
	At      time.Time
	Kind    string
	By      string // name of who did it, empty for the buyer and the program
	Details map[string]any
}

// History returns what happened to an order, oldest first.
func History(ctx context.Context, db postgres.DB, id ID) ([]Event, error) {
	rows, err := db.Query(ctx, `
		SELECT e.at, e.kind, coalesce(a.name, ''), e.details
		FROM order_events e
		LEFT JOIN accounts a ON a.id = e.account_id
		WHERE e.order_id = $1
		ORDER BY e.id
		LIMIT 500`, id)
	if err != nil {
		return nil, fmt.Errorf("order: history: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Event, error) {
		var e Event
		err := row.Scan(&e.At, &e.Kind, &e.By, &e.Details)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("order: history: %w", err)
	}
	return list, nil
}
