package checkout

import (
	"context"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/union"
)

// Pack packs the pieces of the order of a number: each is ticked by its SKU, and
// together they weigh so many grams. Where the buyer collects them, a letter
// says that they are ready. It returns an Invalid fault for what is missing in
// the form, order.ErrNoOrder, and order.ErrMovedOn where there is nothing to
// pack.
func (d *Desk) Pack(ctx context.Context, number string, ticked []string, grams int, by identity.AccountID) error {
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.ByNumberForUpdate(ctx, tx, number)
		if err != nil {
			return err
		}
		if err := order.Pack(ctx, tx, o, ticked, grams, by, d.Now()); err != nil {
			return err
		}
		if o.Delivery != order.Collect {
			return nil
		}
		return d.toBuyer(ctx, tx, o, "ready", func(m *OrderLetter, l *lang.Language, profile union.Profile) string {
			m.By = l.T("mail.ready.where", profile.Address.Line1, profile.Address.City)
			m.Heading, m.Intro = l.T("mail.ready.heading", o.Contact.Name), l.T("mail.ready.intro", o.Number)
			if o.State == order.Confirmed {
				m.Foot = l.T("mail.ready.cash", o.Total, o.PayBy.In(profile.Location))
			}
			return l.T("mail.ready.subject", o.Number)
		})
	})
}

// Ship notes that a carrier took the parcel of the order of a number, and
// writes to its buyer how to follow it. A parcel that came back and is sent
// again has another number, and so another letter. It returns order.ErrNoOrder,
// and order.ErrMovedOn for what is not packed.
func (d *Desk) Ship(ctx context.Context, number string, c shipping.Carrier, tracking string, by identity.AccountID) error {
	parcel := order.Parcel{Carrier: c.Name, Tracking: tracking, TrackingURL: c.Track(tracking)}
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.ByNumberForUpdate(ctx, tx, number)
		if err != nil {
			return err
		}
		if err := order.Ship(ctx, tx, o, parcel, by, d.Now()); err != nil {
			return err
		}
		return d.toBuyer(ctx, tx, o, "sent/"+tracking, func(m *OrderLetter, l *lang.Language, profile union.Profile) string {
			m.Heading, m.Intro = l.T("mail.sent.heading", o.Contact.Name), l.T("mail.sent.intro", o.Number)
			m.Parcel = Parcel{parcel.Carrier, parcel.Tracking, parcel.TrackingURL}
			m.Foot = l.T("mail.paid.foot", profile.WithdrawalDays)
			return l.T("mail.sent.subject", o.Number)
		})
	})
}

// Deliver notes that the buyer has the pieces, which completes the order. It
// returns order.ErrNoOrder, and order.ErrMovedOn for what is not on its way.
func (d *Desk) Deliver(ctx context.Context, number string, by identity.AccountID) error {
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.ByNumberForUpdate(ctx, tx, number)
		if err != nil {
			return err
		}
		return order.Deliver(ctx, tx, o, by, d.Now())
	})
}

// TakeBack notes that the carrier brought a parcel back. It returns
// order.ErrNoOrder, and order.ErrMovedOn for what no carrier has.
func (d *Desk) TakeBack(ctx context.Context, number string, by identity.AccountID) error {
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.ByNumberForUpdate(ctx, tx, number)
		if err != nil {
			return err
		}
		return order.Return(ctx, tx, o, by)
	})
}
