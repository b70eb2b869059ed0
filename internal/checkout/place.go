package checkout

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/cart"
	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/union"
)

// A Desk is where carts become orders and orders are paid.
type Desk struct {
	Pool      *pgxpool.Pool
	Jobs      *postgres.Jobs
	Provider  payment.Provider
	Name      string // of the provider, as the payments table has it
	Carts     *cart.Store
	Post      *mail.Office
	PublicURL string // without a slash at its end
	Now       func() time.Time
	Log       *slog.Logger
}

// A Form is what a buyer filled in to place a cart.
type Form struct {
	Cart     cart.Cart
	Language string
	Contact  order.Contact
	Delivery order.Delivery
	Address  order.Address
	Method   order.Method
	Agreed   money.Amount // the total that the buyer saw
}

var (
	// ErrEmpty is returned for a cart with nothing in it.
	ErrEmpty = fault.New(fault.Conflict, "checkout.empty")
	// ErrChanged is returned when price, postage or stock has moved since the
	// buyer saw them. Nothing was placed.
	ErrChanged = fault.New(fault.Conflict, "checkout.changed")
	// ErrNotPayable is returned for an order that cannot be paid any more.
	ErrNotPayable = fault.New(fault.Conflict, "order.not_payable")
	// ErrProviderAway is returned while the payment provider does not answer.
	// The order is safe and can be paid later.
	ErrProviderAway = fault.New(fault.Busy, "order.provider_away")
)

// Place turns a cart that the buyer has agreed to into an order. The same form
// sent twice, or from two tabs, places one order. A cart that was changed
// since it became an unpaid order replaces that order.
//
// The order is written before its pieces are taken. The other way round, a
// second click on the last rug would find it sold, to the one who is clicking.
//
// If nobody pays, Expire puts the pieces back. It is queued in the same
// transaction, so it cannot be forgotten.
func (d *Desk) Place(ctx context.Context, f Form) (order.Order, error) {
	if len(f.Cart.Lines) == 0 {
		return order.Order{}, ErrEmpty
	}
	cartKey := cart.Key(f.Cart.ID)
	placeKey := sha256.Sum256([]byte("place " + f.Cart.ID + " " + f.Cart.Revision))
	var id order.ID
	var replaced []payment.Record
	err := postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) (err error) {
		replaced = nil
		// Whoever comes second waits here, and then finds the first one's order.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))`, cartKey[:]); err != nil {
			return fmt.Errorf("checkout: wait for the cart: %w", err)
		}
		switch o, err := order.ByPlaceKey(ctx, tx, placeKey); {
		case err == nil:
			id = o.ID
			return nil
		case !errors.Is(err, order.ErrNoOrder):
			return err
		}
		old, err := order.PendingOfCart(ctx, tx, cartKey)
		if err != nil {
			return err
		}
		skus := f.Cart.SKUs()
		var oldPieces [][]catalog.Wanted
		for _, o := range old {
			held, heldSKUs, err := heldBy(ctx, tx, o)
			if err != nil {
				return err
			}
			oldPieces, skus = append(oldPieces, held), append(skus, heldSKUs...)
		}
		// All rows that this touches are locked at once, in key order.
		if _, err := catalog.OffersForUpdate(ctx, tx, skus); err != nil {
			return err
		}
		for i, o := range old {
			payments, err := d.drop(ctx, tx, o, oldPieces[i], order.Pending, order.Cancelled)
			if err != nil {
				return err
			}
			replaced = append(replaced, payments...)
		}
		id, err = d.place(ctx, tx, f, placeKey, cartKey)
		return err
	})
	if err != nil {
		return order.Order{}, err
	}
	// The old order's page must no longer take money; where it has meanwhile,
	// settling that payment gives it back.
	for _, p := range replaced {
		if p.Ref == "" {
			continue
		}
		if err := d.Provider.Expire(ctx, p.Ref); err != nil {
			d.Log.WarnContext(ctx, "a replaced payment could not be closed and is left to reconciliation", "payment", p.ID, "error", err)
		}
	}
	return order.ByID(ctx, d.Pool, id)
}

// place writes the order, inside Place's transaction and with the variants'
// rows locked.
func (d *Desk) place(ctx context.Context, tx pgx.Tx, f Form, placeKey, cartKey [32]byte) (order.ID, error) {
	now := d.Now()
	offers, err := catalog.Offers(ctx, tx, f.Cart.SKUs())
	if err != nil {
		return 0, err
	}
	profile, err := union.Read(ctx, tx)
	if err != nil {
		return 0, err
	}
	zones, countries, err := shipping.Zones(ctx, tx)
	if err != nil {
		return 0, err
	}
	q := quote(Ask{f.Cart.Lines, f.Address.Country, now}, offers, profile, zones, countries)
	if q.Troubled || len(q.Lines) == 0 {
		return 0, ErrChanged
	}
	way, err := q.choose(f.Delivery)
	if err != nil {
		return 0, err
	}
	if total := q.Pieces.Plus(way.Price); total.Compare(f.Agreed) != 0 {
		return 0, ErrChanged
	}
	keys, err := pictureKeys(ctx, tx, q.Lines)
	if err != nil {
		return 0, err
	}
	payBy, provider := now.Add(profile.Hold), d.Name
	if f.Method == order.CashAtShop {
		if f.Delivery != order.Collect {
			return 0, ErrCashByPost
		}
		payBy, provider = holdForCash(way.By, profile), ProviderCash
	}
	draft := order.Draft{
		PlaceKey: placeKey, CartKey: cartKey, Language: f.Language, Postage: way.Price,
		Contact: f.Contact, Delivery: f.Delivery, Address: f.Address, Carrier: way.Zone.Carrier,
		Method: cmp.Or(f.Method, order.Card), ArrivesBy: way.By, PayBy: payBy, PrepareBy: map[union.ArtisanID]time.Time{},
	}
	for _, l := range q.Lines {
		rate := profile.CommissionOf(l.Trade, now)
		commission, rest := l.Total.Share(rate)
		draft.Lines = append(draft.Lines, order.Line{
			Variant: l.ID, Artisan: l.Artisan, SKU: l.SKU, Slug: l.Slug, Title: l.Title, Options: l.Options,
			BuyerText: l.Text, PictureKey: keys[l.Picture], Quantity: l.Quantity, Unit: l.Price, Total: l.Total,
			Commission: commission, ToArtisan: rest, CommBP: rate, Weight: l.PackedWeight,
			HSCode: l.HSCode, LeadDays: l.LeadDays,
		})
		if by := prepareBy(l.Offer, now, profile.Location); by.After(draft.PrepareBy[l.Artisan]) {
			draft.PrepareBy[l.Artisan] = by
		}
	}
	id, err := order.Place(ctx, tx, draft)
	if errors.Is(err, order.ErrAlreadyPlaced) {
		return id, nil
	}
	if err != nil {
		return 0, err
	}
	if err := hold(ctx, tx, id, wanted(draft.Lines), payBy); err != nil {
		return 0, err
	}
	if err := d.begin(ctx, tx, id, provider, q.Pieces.Plus(way.Price), payBy); err != nil || provider != ProviderCash {
		return id, err
	}
	return id, d.confirm(ctx, tx, id)
}

// begin writes a payment for an order and queues what happens if nobody makes
// it.
func (d *Desk) begin(ctx context.Context, tx pgx.Tx, id order.ID, provider string, total money.Amount, payBy time.Time) error {
	if _, err := payment.Begin(ctx, tx, id, provider, total, payBy); err != nil {
		return err
	}
	_, err := d.Jobs.InsertTx(ctx, tx, ExpireArgs{id}, &river.InsertOpts{ScheduledAt: payBy})
	if err != nil {
		return fmt.Errorf("checkout: queue expiry: %w", err)
	}
	return nil
}

func pictureKeys(ctx context.Context, db postgres.DB, lines []Line) (map[media.PictureID]string, error) {
	ids := make([]media.PictureID, len(lines))
	for i, l := range lines {
		ids[i] = l.Picture
	}
	pictures, err := media.ByIDs(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	keys := map[media.PictureID]string{}
	for id, p := range pictures {
		keys[id] = p.Key
	}
	return keys, nil
}

func wanted(lines []order.Line) []catalog.Wanted {
	var list []catalog.Wanted
	for _, l := range lines {
		if l.Variant != 0 {
			list = append(list, catalog.Wanted{Variant: l.Variant, Count: l.Quantity})
		}
	}
	return list
}

// minPaying is the shortest time in which a payment is opened: Stripe wants a
// session to last 30 minutes, and the call itself takes a moment.
const minPaying = 31 * time.Minute

// Pay returns where an order can be paid now. A session that is still open is
// used again; one that has run out is replaced, with the pieces held anew if
// they are still there (ErrSoldOut otherwise).
func (d *Desk) Pay(ctx context.Context, id order.ID) (url string, err error) {
	o, err := order.ByID(ctx, d.Pool, id)
	if err != nil {
		return "", err
	}
	if o.State != order.Pending && o.State != order.Expired {
		return "", ErrNotPayable
	}
	now := d.Now()
	open, err := d.openPayment(ctx, id)
	if err != nil {
		return "", err
	}
	if open != nil && o.State == order.Pending {
		switch {
		case open.Ref != "" && now.Before(open.ExpiresAt.Add(-time.Minute)):
			return open.PayURL, nil
		case open.Ref == "" && open.ExpiresAt.Sub(now) >= minPaying:
			return d.open(ctx, o, *open)
		case open.Ref != "":
			// Make sure that the old session takes no money any more.
			switch err := d.Provider.Expire(ctx, open.Ref); {
			case errors.Is(err, payment.ErrPaid):
				return "", d.settleNow(ctx, *open)
			case errors.Is(err, payment.ErrUnavailable):
				return "", fmt.Errorf("checkout: replace a session: %w: %w", err, ErrProviderAway)
			case err != nil && !errors.Is(err, payment.ErrNoSession):
				return "", fmt.Errorf("checkout: replace a session: %w", err)
			}
		}
	}
	err = postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if o.State != order.Pending && o.State != order.Expired {
			return ErrNotPayable
		}
		latest, err := payment.OfOrder(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, p := range latest {
			if p.State != payment.Open {
				continue
			}
			if open == nil || p.ID != open.ID {
				return nil // Another tab began one meanwhile.
			}
			if err := payment.Close(ctx, tx, p.ID, payment.Expired); err != nil {
				return err
			}
		}
		profile, err := union.Read(ctx, tx)
		if err != nil {
			return err
		}
		payBy := now.Add(profile.Hold)
		if o.State == order.Expired {
			if err := order.Move(ctx, tx, id, order.Pending, now, order.Expired); err != nil {
				return err
			}
			if err := hold(ctx, tx, id, wanted(o.Lines), payBy); err != nil {
				return err
			}
		} else if err := extend(ctx, tx, id, payBy); err != nil {
			return err
		}
		if err := order.Extend(ctx, tx, id, payBy); err != nil {
			return err
		}
		return d.begin(ctx, tx, id, d.Name, o.Total, payBy)
	})
	if err != nil {
		return "", err
	}
	fresh, err := d.openPayment(ctx, id)
	if err != nil {
		return "", err
	}
	if fresh == nil {
		return "", ErrNotPayable
	}
	if fresh.Ref != "" {
		return fresh.PayURL, nil
	}
	return d.open(ctx, o, *fresh)
}

// openPayment returns an order's open payment, or nil.
func (d *Desk) openPayment(ctx context.Context, id order.ID) (*payment.Record, error) {
	list, err := payment.OfOrder(ctx, d.Pool, id)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].State == payment.Open {
			return &list[i], nil
		}
	}
	return nil, nil
}

// open has the provider open a session, with no row locked: there is time to
// wait for it. Made twice, it opens one.
func (d *Desk) open(ctx context.Context, o order.Order, p payment.Record) (url string, err error) {
	l := lang.Or(o.Language)
	req := payment.Request{
		Key: p.Token, Order: o.Number, PaymentToken: p.Token, Total: p.Amount,
		Email: o.Contact.Email, Locale: o.Language, ExpiresAt: p.ExpiresAt,
		SuccessURL: d.orderURL(o) + "?paid=1", CancelURL: d.orderURL(o),
	}
	for _, line := range o.Lines {
		req.Lines = append(req.Lines, payment.Line{Title: line.Title.In(l, "fr").Words, Quantity: line.Quantity, Unit: line.Unit})
	}
	if !o.Postage.IsZero() {
		req.Lines = append(req.Lines, payment.Line{Title: l.T("checkout.postage"), Quantity: 1, Unit: o.Postage})
	}
	s, err := d.Provider.Open(ctx, req)
	if errors.Is(err, payment.ErrUnavailable) {
		return "", fmt.Errorf("checkout: open %s: %w: %w", o.Number, err, ErrProviderAway)
	}
	if err != nil {
		return "", fmt.Errorf("checkout: open %s: %w", o.Number, err)
	}
	if err := payment.Opened(ctx, d.Pool, p.ID, s); err != nil {
		return "", err
	}
	return s.Next.URL, nil
}

func (d *Desk) orderURL(o order.Order) string {
	return d.PublicURL + "/" + o.Language + "/orders/" + o.Token
}
