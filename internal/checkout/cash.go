package checkout

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// ProviderCash is the payments' name for the counter's drawer.
const ProviderCash = "cash"

var (
	// ErrCashByPost is returned for cash at the counter and a parcel by post.
	ErrCashByPost = fault.New(fault.Invalid, "checkout.cash_by_post")
	// ErrNotForCash is returned for an order that nobody pays in cash, or that is
	// paid already.
	ErrNotForCash = fault.New(fault.Conflict, "admin.not_for_cash")
)

// holdForCash says until when pieces are held for a buyer who pays at the
// counter: so many days from the day on which they lie there ready.
func holdForCash(readyBy time.Time, p union.Profile) time.Time {
	y, m, d := readyBy.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, p.Location).AddDate(0, 0, 1).Add(p.CashHold)
}

// confirm makes an order that is paid in cash one that artisans prepare, and
// tells everyone. The pieces stay held, and are sold when the money is there.
func (d *Desk) confirm(ctx context.Context, tx pgx.Tx, id order.ID) error {
	if err := order.Move(ctx, tx, id, order.Confirmed, d.Now(), order.Pending); err != nil {
		return err
	}
	o, err := order.ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	return d.tell(ctx, tx, o)
}

// TakeCash books what a buyer pays at the counter for the order of a number, and
// hands it over where it lies there ready. It returns order.ErrNoOrder, and
// ErrNotForCash for an order that does not wait for cash.
func (d *Desk) TakeCash(ctx context.Context, number string, by identity.AccountID) error {
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.ByNumberForUpdate(ctx, tx, number)
		if err != nil {
			return err
		}
		if o.State != order.Confirmed {
			return ErrNotForCash
		}
		p, err := cashOf(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		now := d.Now()
		if _, err := payment.Take(ctx, tx, p.ID, "", now); err != nil {
			return err
		}
		if err := sellHeld(ctx, tx, o.ID); err != nil {
			return err
		}
		if err := order.Move(ctx, tx, o.ID, order.Paid, now, order.Confirmed); err != nil {
			return err
		}
		if err := d.book(ctx, tx, o, p); err != nil {
			return err
		}
		if err := tellOfLastOnes(ctx, tx, o); err != nil {
			return err
		}
		err = identity.Record(ctx, tx, identity.Entry{By: by, Action: "payment.cash_taken", Subject: "order:" + o.Number,
			After: map[string]any{"centimes": p.Amount.Minor}})
		if err != nil || o.Shipment == nil || o.Shipment.State != order.Packed {
			return err
		}
		if o, err = order.ByID(ctx, tx, o.ID); err != nil {
			return err
		}
		return order.Deliver(ctx, tx, o, by, now)
	})
}

// cashOf returns the payment at the counter that an order waits for.
func cashOf(ctx context.Context, db postgres.DB, id order.ID) (payment.Record, error) {
	list, err := payment.OfOrder(ctx, db, id)
	if err != nil {
		return payment.Record{}, err
	}
	for _, p := range list {
		if p.State == payment.Open && p.Provider == ProviderCash {
			return p, nil
		}
	}
	return payment.Record{}, ErrNotForCash
}

// lapse ends a confirmed order whose buyer did not come in time: its pieces are
// for sale again. What lies at the union already goes back to its artisans, who
// are told.
func (d *Desk) lapse(ctx context.Context, tx pgx.Tx, o order.Order) error {
	held, _, err := heldBy(ctx, tx, o.ID)
	if err != nil {
		return err
	}
	if _, err := d.drop(ctx, tx, o.ID, held, order.Confirmed, order.Cancelled); err != nil {
		return err
	}
	for _, f := range o.Fulfilment {
		if err := union.Tell(ctx, tx, f.Artisan, "order_lapsed", o.Number, nil); err != nil {
			return err
		}
	}
	return d.toBuyer(ctx, tx, o, "lapsed", func(m *OrderLetter, l *lang.Language, _ union.Profile) string {
		m.Heading, m.Intro = l.T("mail.lapsed.heading", o.Number), l.T("mail.lapsed.intro")
		return l.T("mail.lapsed.subject", o.Number)
	})
}
