// Package order holds purchases: what was sold as it was sold, which artisan
// prepares what, and the states they go through.
package order

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/union"
)

// Keys of orders and their parts, which never leave the program.
type (
	ID           int64
	FulfilmentID int64
)

// An Order is a purchase, over all the workshops it draws on. Its Number is
// short, to be spoken at the counter; its Token is the secret in its address.
type Order struct {
	ID              ID
	Number          string
	Token           string
	CartKey         [32]byte
	State           State
	Language        string
	Pieces          money.Amount
	Postage         money.Amount
	Total           money.Amount
	Refunded        money.Amount
	PostageReturned bool
	Contact         Contact
	Delivery        Delivery
	Address         Address // where Delivery is Post
	Carrier         string
	Weight          int // grams, packed
	Method          Method
	ArrivesBy       time.Time // a day, the latest
	PayBy           time.Time
	PlacedAt        time.Time
	PaidAt          *time.Time
	Lines           []Line
	Fulfilment      []Fulfilment
	Shipment        *Shipment // nil before all pieces are handed in
}

// State is where an order stands.
type State string

const (
	Pending   State = "pending"   // waits for its payment
	Confirmed State = "confirmed" // cash to come
	Paid      State = "paid"
	Completed State = "completed"
	Cancelled State = "cancelled"
	Expired   State = "expired" // nobody paid; the pieces are back in the window
)

// nexts lists the moves an order can make. An expired one comes back to life
// when its buyer pays after all and the pieces are still there.
var nexts = map[State][]State{
	Pending:   {Confirmed, Paid, Expired, Cancelled},
	Expired:   {Pending, Paid, Cancelled},
	Confirmed: {Paid, Cancelled},
	Paid:      {Completed, Cancelled},
}

// CanBecome reports whether an order may move from s to next.
func (s State) CanBecome(next State) bool { return slices.Contains(nexts[s], next) }

// Contact is how the buyer is reached.
type Contact struct{ Name, Email, Phone string }

// Delivery is how the pieces reach the buyer.
type Delivery string

const (
	Post    Delivery = "post"
	Collect Delivery = "collect" // at the union's counter
)

// Method is how the buyer pays.
type Method string

const (
	Card       Method = "card"
	CashAtShop Method = "cash_at_shop" // at the union's counter, for what is collected there
)

// An Address is where a parcel goes. Medina houses often lack a number, hence
// the landmark.
type Address struct {
	Country  string `json:"-"` // ISO 3166-1
	Line1    string `json:"line1"`
	Landmark string `json:"landmark,omitempty"`
	City     string `json:"city"`
	Region   string `json:"region,omitempty"`
	Postcode string `json:"postcode,omitempty"`
}

// A Line is what was bought, copied as it was sold: later changes of the piece
// do not reach it.
type Line struct {
	Variant     catalog.VariantID
	Artisan     union.ArtisanID
	SKU         string
	Slug        string
	Title       lang.Texts
	Options     []catalog.Option
	BuyerText   string
	PictureKey  string
	Quantity    int
	Unit        money.Amount
	Total       money.Amount
	Commission  money.Amount // the union's share
	ToArtisan   money.Amount
	Returned    int          // pieces whose money was given back
	GivenBack   money.Amount // for them
	ArtisanBack money.Amount // of that, off ToArtisan
	CommBP      int          // basis points
	Weight      int          // grams of one piece, packed
	HSCode      string
	LeadDays    int
	Stocked     bool // not kept: whether it has to be held
}

// A Fulfilment is the part of an order that one artisan prepares and hands in.
type Fulfilment struct {
	ID          FulfilmentID
	Artisan     union.ArtisanID
	Maker       string
	MakerArabic string
	MakerSlug   string
	MakerEmail  string // most have none
	State       FulfilmentState
	PrepareBy   time.Time
	HandedInAt  *time.Time
}

// FulfilmentState is where a fulfilment stands. Nobody prepares before the
// order is paid or confirmed.
type FulfilmentState string

const (
	AwaitingPayment FulfilmentState = "awaiting_payment"
	ToPrepare       FulfilmentState = "to_prepare"
	HandedIn        FulfilmentState = "handed_in"
	Dropped         FulfilmentState = "cancelled"
)

var (
	// ErrNoOrder is returned for an order that is not there.
	ErrNoOrder = fault.New(fault.NotFound, "error.no_order")
	// ErrAlreadyPlaced is returned with the order that this cart became before.
	ErrAlreadyPlaced = errors.New("order: already placed")
	// ErrMoved is returned when an order is no longer where it would have to be.
	ErrMoved = errors.New("order: not in a state for this")
)

// A Draft is an order about to be placed.
type Draft struct {
	PlaceKey  [32]byte // the cart and its revision
	CartKey   [32]byte
	Language  string
	Postage   money.Amount
	Contact   Contact
	Delivery  Delivery
	Address   Address
	Carrier   string
	Method    Method
	ArrivesBy time.Time
	PayBy     time.Time
	Lines     []Line
	PrepareBy map[union.ArtisanID]time.Time
}

// alphabet is Crockford's: no letter is taken for a digit when it is spoken.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func newNumber() string {
	b := make([]byte, 6)
	rand.Read(b) // never fails: the program would end
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b[:2]) + "-" + string(b[2:])
}

// Place writes an order with its lines and fulfilments. Where this very cart
// has become an order before, it returns that one's ID and ErrAlreadyPlaced,
// and has written nothing.
func Place(ctx context.Context, tx pgx.Tx, d Draft) (ID, error) {
	var pieces money.Amount
	weight := 0
	for _, l := range d.Lines {
		pieces = pieces.Plus(l.Total)
		weight += l.Weight * l.Quantity
	}
	var country, address any
	if d.Delivery == Post {
		country, address = d.Address.Country, d.Address
	}
	var id ID
	for range 10 {
		err := tx.QueryRow(ctx, `
			INSERT INTO orders (number, token, place_key, cart_key, language, pieces_minor, postage_minor, total_minor,
				name, email, phone, delivery, country, address, carrier, weight_g, method, arrives_by, pay_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
			ON CONFLICT DO NOTHING
			RETURNING id`, newNumber(), strings.ToLower(rand.Text()), d.PlaceKey[:], d.CartKey[:], d.Language, pieces.Minor,
			d.Postage.Minor, pieces.Plus(d.Postage).Minor, d.Contact.Name, d.Contact.Email, d.Contact.Phone, d.Delivery,
			country, address, d.Carrier, weight, d.Method, d.ArrivesBy, d.PayBy).Scan(&id)
		if err == nil {
			break
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return 0, fmt.Errorf("order: place: %w", err)
		}
		err = tx.QueryRow(ctx, `SELECT id FROM orders WHERE place_key = $1`, d.PlaceKey[:]).Scan(&id)
		if err == nil {
			return id, ErrAlreadyPlaced
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return 0, fmt.Errorf("order: place: %w", err)
		}
		// The number was taken: draw another.
	}
	if id == 0 {
		return 0, errors.New("order: no free number in ten draws")
	}

	fulfilments := map[union.ArtisanID]FulfilmentID{}
	for i, l := range d.Lines {
		f, ok := fulfilments[l.Artisan]
		if !ok {
			err := tx.QueryRow(ctx, `
				INSERT INTO fulfilments (order_id, artisan_id, prepare_by)
				VALUES ($1, $2, $3)
				RETURNING id`, id, l.Artisan, d.PrepareBy[l.Artisan]).Scan(&f)
			if err != nil {
				return 0, fmt.Errorf("order: place fulfilment: %w", err)
			}
			fulfilments[l.Artisan] = f
		}
		options := l.Options
		if options == nil {
			options = []catalog.Option{}
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO order_lines (order_id, fulfilment_id, variant_id, position, sku, slug, title, options, buyer_text,
				picture_key, quantity, unit_minor, total_minor, commission_bp, commission_minor, artisan_minor, weight_g,
				hs_code, lead_days, trade_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, nullif($19::int, 0),
				(SELECT p.trade_id FROM variants v JOIN products p ON p.id = v.product_id WHERE v.id = $3))`,
			id, f, l.Variant, i+1, l.SKU, l.Slug, l.Title, asJSON{options}, l.BuyerText, l.PictureKey, l.Quantity, l.Unit.Minor,
			l.Total.Minor, l.CommBP, l.Commission.Minor, l.ToArtisan.Minor, l.Weight, l.HSCode, l.LeadDays)
		if err != nil {
			return 0, fmt.Errorf("order: place line %s: %w", l.SKU, err)
		}
	}
	return id, Note(ctx, tx, id, "placed", 0, nil)
}

// Note adds to an order's history.
func Note(ctx context.Context, tx pgx.Tx, id ID, kind string, by identity.AccountID, details map[string]any) error {
	var account *identity.AccountID
	if by != 0 {
		account = &by
	}
	if details == nil {
		details = map[string]any{}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO order_events (order_id, kind, account_id, details)
		VALUES ($1, $2, $3, $4)`, id, kind, account, details)
	if err != nil {
		return fmt.Errorf("order: note %s: %w", kind, err)
	}
	return nil
}

// Move brings an order that is in one of the states from to another and
// returns ErrMoved where it is in none of them. Fulfilments follow.
func Move(ctx context.Context, tx pgx.Tx, id ID, to State, at time.Time, from ...State) error {
	for _, f := range from {
		if !f.CanBecome(to) {
			return fmt.Errorf("order: %s never becomes %s", f, to)
		}
	}
	tag, err := tx.Exec(ctx, `
		UPDATE orders
		SET state = $2, paid_at = CASE WHEN $2 = 'paid' THEN $3 ELSE paid_at END,
		    paid_on = CASE WHEN $2 = 'paid' THEN ($3::timestamptz AT TIME ZONE (SELECT timezone FROM union_profile))::date ELSE paid_on END
		WHERE id = $1 AND state = ANY ($4)`, id, to, at, from)
	if err != nil {
		return fmt.Errorf("order: move to %s: %w", to, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrMoved
	}
	follow := map[State]FulfilmentState{Paid: ToPrepare, Confirmed: ToPrepare, Cancelled: Dropped, Expired: Dropped, Pending: AwaitingPayment}
	if state, ok := follow[to]; ok {
		_, err = tx.Exec(ctx, `UPDATE fulfilments SET state = $2 WHERE order_id = $1 AND state <> 'handed_in'`, id, state)
		if err != nil {
			return fmt.Errorf("order: move fulfilments to %s: %w", state, err)
		}
	}
	if to == Paid {
		if err := countSale(ctx, tx, id); err != nil {
			return err
		}
	}
	return Note(ctx, tx, id, string(to), 0, nil)
}

// Extend gives the buyer until a later time to pay.
func Extend(ctx context.Context, tx pgx.Tx, id ID, payBy time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE orders SET pay_by = $2 WHERE id = $1`, id, payBy); err != nil {
		return fmt.Errorf("order: extend: %w", err)
	}
	return nil
}

// Lock locks an order's row until tx ends and returns the order.
func Lock(ctx context.Context, tx pgx.Tx, id ID) (Order, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM orders WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return Order{}, fmt.Errorf("order: lock: %w", err)
	}
	return ByID(ctx, tx, id)
}
