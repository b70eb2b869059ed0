package order

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/money"
)

// A GiveBack is what is given back of an order: so many pieces of each line, by
// SKU, and the postage or not.
type GiveBack struct {
	Pieces  map[string]int
	Postage bool
}

// A GivenLine is a line of what is given back, with whose shares it comes off.
type GivenLine struct {
	Line       Line
	Count      int
	Amount     money.Amount // to the buyer
	ToArtisan  money.Amount // of that, off the artisan's share
	Commission money.Amount // and off the union's
}

var (
	// ErrNothingBack is returned where nothing was chosen to be given back.
	ErrNothingBack = fault.New(fault.Invalid, "refund.nothing")
	// ErrTooMuchBack is returned for more pieces than are left of a line, or for
	// postage that was given back before.
	ErrTooMuchBack = fault.New(fault.Conflict, "refund.too_much")
)

// Left is how many pieces of a line the buyer still pays for.
func (l Line) Left() int { return l.Quantity - l.Returned }

// sharesOf returns the union's commission and the artisan's share of the first n
// pieces of a line: shares are reckoned from the sum, so that giving back one
// after the other comes to what giving back all at once does.
func (l Line) sharesOf(n int) (commission, artisan money.Amount) {
	if n == l.Quantity {
		return l.Commission, l.ToArtisan
	}
	return l.Unit.Times(n).Share(l.CommBP)
}

// Reckon says what a GiveBack comes to, line by line, without doing it. It
// returns ErrNothingBack or ErrTooMuchBack.
func (o Order) Reckon(g GiveBack) (lines []GivenLine, total money.Amount, err error) {
	total = money.Amount{Currency: money.MAD}
	for _, l := range o.Lines {
		n := g.Pieces[l.SKU]
		switch {
		case n < 0 || n > l.Left():
			return nil, total, ErrTooMuchBack
		case n == 0:
			continue
		}
		// What is left keeps the share of so many pieces.
		commission, artisan := l.sharesOf(l.Left() - n)
		wasCommission, wasArtisan := l.sharesOf(l.Left())
		v := GivenLine{Line: l, Count: n, Amount: l.Unit.Times(n), Commission: wasCommission.Minus(commission), ToArtisan: wasArtisan.Minus(artisan)}
		lines, total = append(lines, v), total.Plus(v.Amount)
	}
	if g.Postage {
		if o.PostageReturned {
			return nil, total, ErrTooMuchBack
		}
		total = total.Plus(o.Postage)
	}
	if total.IsZero() {
		return nil, total, ErrNothingBack
	}
	return lines, total, nil
}

// Give writes what is given back of an order, which the caller has locked. Where
// nothing is left of a workshop's part, it has nothing to prepare any more; where
// nothing is left of an order that the buyer has not got, it is cancelled.
func Give(ctx context.Context, tx pgx.Tx, o Order, lines []GivenLine, postage bool, total money.Amount, reason string, by identity.AccountID, at time.Time) error {
	for _, g := range lines {
		_, err := tx.Exec(ctx, `
			UPDATE order_lines
			SET returned = returned + $3, returned_minor = returned_minor + $4, artisan_return_minor = artisan_return_minor + $5
			WHERE order_id = $1 AND sku = $2 AND buyer_text = $6`, o.ID, g.Line.SKU, g.Count, g.Amount.Minor, g.ToArtisan.Minor, g.Line.BuyerText)
		if err != nil {
			return fmt.Errorf("order: give back: %w", err)
		}
		if err := countReturn(ctx, tx, o.ID, g); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE orders
		SET refunded_minor = refunded_minor + $2, postage_returned = postage_returned OR $3
		WHERE id = $1`, o.ID, total.Minor, postage)
	if err != nil {
		return fmt.Errorf("order: give back: %w", err)
	}
	if err := Note(ctx, tx, o.ID, "refunded", by, map[string]any{"minor": total.Minor, "reason": reason}); err != nil {
		return err
	}
	var left int
	err = tx.QueryRow(ctx, `SELECT sum(quantity - returned) FROM order_lines WHERE order_id = $1`, o.ID).Scan(&left)
	if err != nil {
		return fmt.Errorf("order: give back: %w", err)
	}
	if left == 0 && o.State == Paid && (o.Shipment == nil || o.Shipment.State == Packing || o.Shipment.State == Packed) {
		return Move(ctx, tx, o.ID, Cancelled, at, Paid)
	}
	if o.State != Paid {
		return nil
	}
	tag, err := tx.Exec(ctx, `
		UPDATE fulfilments f
		SET state = 'cancelled'
		WHERE f.order_id = $1 AND f.state = 'to_prepare'
		  AND NOT EXISTS (SELECT FROM order_lines l WHERE l.fulfilment_id = f.id AND l.quantity > l.returned)`, o.ID)
	if err != nil {
		return fmt.Errorf("order: give back: %w", err)
	}
	if tag.RowsAffected() == 0 || o.Shipment != nil {
		return nil
	}
	return beginPacking(ctx, tx, o.ID, at)
}
