package checkout

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// Reasons are why money is given back.
var Reasons = []string{"changed_mind", "not_made", "damaged", "late", "other"}

// A Return is what the office gives back of an order.
type Return struct {
	order.GiveBack
	Restock bool   // the pieces are for sale again
	Reason  string // one of Reasons
	Key     string // of the form: sent twice, the money is given back once
}

var (
	// ErrNoReason is returned for money given back without a why.
	ErrNoReason = fault.New(fault.Invalid, "refund.no_reason")
	// ErrNotPaid is returned for an order of which there is nothing to give back.
	ErrNotPaid = fault.New(fault.Conflict, "refund.not_paid")
)

// GiveBack gives money back for pieces of the order of a number, or for its
// postage: it is owed to the buyer at once, each artisan's share follows, and a
// job sends it back the way it came. It returns order.ErrNoOrder, ErrNotPaid,
// ErrNoReason, order.ErrNothingBack or order.ErrTooMuchBack.
func (d *Desk) GiveBack(ctx context.Context, number string, r Return, by identity.AccountID) error {
	if !slices.Contains(Reasons, r.Reason) {
		return ErrNoReason
	}
	return postgres.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		o, err := order.ByNumberForUpdate(ctx, tx, number)
		if err != nil {
			return err
		}
		key := "office/" + o.Number + "/" + r.Key
		done, err := payment.HasRefund(ctx, tx, key)
		if err != nil || done {
			return err
		}
		p, err := paidPayment(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		lines, total, err := o.Reckon(r.GiveBack)
		if err != nil {
			return err
		}
		if err := order.Give(ctx, tx, o, lines, r.Postage, total, r.Reason, by, d.Now()); err != nil {
			return err
		}
		if err := d.bookReturn(ctx, tx, o, lines, r.Postage, total, key); err != nil {
			return err
		}
		if r.Restock {
			var pieces []catalog.Wanted
			for _, g := range lines {
				if g.Line.Variant != 0 {
					pieces = append(pieces, catalog.Wanted{Variant: g.Line.Variant, Count: g.Count})
				}
			}
			if err := catalog.Restock(ctx, tx, pieces); err != nil {
				return err
			}
		}
		refund, err := payment.BeginRefund(ctx, tx, p.ID, key, total, r.Reason)
		if err != nil {
			return err
		}
		if err := d.tellOfReturn(ctx, tx, o, lines, total, key); err != nil {
			return err
		}
		if _, err := d.Jobs.InsertTx(ctx, tx, RefundArgs{refund}, nil); err != nil {
			return fmt.Errorf("checkout: queue refund: %w", err)
		}
		given := map[string]int{}
		for _, g := range lines {
			given[g.Line.SKU] += g.Count
		}
		return identity.Record(ctx, tx, identity.Entry{By: by, Action: "order.refunded", Subject: "order:" + o.Number,
			After: map[string]any{"centimes": total.Minor, "pieces": given, "postage": r.Postage, "restocked": r.Restock, "reason": r.Reason}})
	})
}

// paidPayment returns the payment that an order was paid with, or ErrNotPaid.
func paidPayment(ctx context.Context, db postgres.DB, id order.ID) (payment.Record, error) {
	list, err := payment.OfOrder(ctx, db, id)
	if err != nil {
		return payment.Record{}, err
	}
	for _, p := range list {
		if p.State == payment.Paid && p.Refunded.Compare(p.Amount) < 0 {
			return p, nil
		}
	}
	return payment.Record{}, ErrNotPaid
}

// bookReturn books money as owed to the buyer, off each one's share of the sale.
func (d *Desk) bookReturn(ctx context.Context, tx pgx.Tx, o order.Order, lines []order.GivenLine, postage bool, total money.Amount, key string) error {
	maker := map[union.ArtisanID]string{}
	for _, f := range o.Fulfilment {
		maker[f.Artisan] = f.MakerSlug
	}
	t := ledger.Transaction{Key: "return/" + key, Kind: ledger.Refund, Reference: o.Number}
	for _, g := range lines {
		t.Postings = append(t.Postings,
			ledger.Posting{Account: ledger.Artisan(maker[g.Line.Artisan]), Amount: g.ToArtisan, Note: g.Line.SKU},
			ledger.Posting{Account: ledger.Commission, Amount: g.Commission, Note: g.Line.SKU})
	}
	if postage {
		t.Postings = append(t.Postings, ledger.Posting{Account: ledger.Postage, Amount: o.Postage})
	}
	t.Postings = append(t.Postings, ledger.Posting{Account: ledger.Buyers, Amount: total.Negated()})
	t.Postings = slices.DeleteFunc(t.Postings, func(p ledger.Posting) bool { return p.Amount.IsZero() })
	_, err := ledger.Book(ctx, tx, t)
	return err
}

// tellOfReturn writes to the buyer what comes back, and tells the artisans whose
// pieces it concerns.
func (d *Desk) tellOfReturn(ctx context.Context, tx pgx.Tx, o order.Order, lines []order.GivenLine, total money.Amount, key string) error {
	for _, g := range lines {
		err := union.Tell(ctx, tx, g.Line.Artisan, "order_refunded", o.Number+"/"+g.Line.SKU+"/"+key, map[string]any{"pieces": g.Count})
		if err != nil {
			return err
		}
	}
	return d.toBuyer(ctx, tx, o, "refund/"+key, func(m *OrderLetter, l *lang.Language, _ union.Profile) string {
		m.Heading, m.Intro = l.T("mail.refund.heading", o.Number), l.T("mail.refund.intro", total)
		m.Lines, m.HasTotal, m.By, m.Address = nil, false, "", nil
		for _, g := range lines {
			line := letterLine(l, g.Line, "")
			line.Quantity, line.Total = g.Count, g.Amount
			m.Lines = append(m.Lines, line)
		}
		return l.T("mail.refund.subject", o.Number)
	})
}
