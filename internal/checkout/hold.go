package checkout

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
)

// Reservations say for whom a held piece is held. variants.held is their sum.

// hold reserves pieces for an order until a moment, or returns ErrSoldOut.
func hold(ctx context.Context, tx pgx.Tx, id order.ID, pieces []catalog.Wanted, until time.Time) error {
	if err := catalog.Reserve(ctx, tx, pieces); err != nil {
		return err
	}
	for _, w := range pieces {
		_, err := tx.Exec(ctx, `
			INSERT INTO reservations (order_id, variant_id, quantity, until)
			SELECT $1, id, $3, $4 FROM variants WHERE id = $2 AND stocked
			ON CONFLICT (order_id, variant_id) DO UPDATE SET state = 'held', quantity = $3, until = $4`, id, w.Variant, w.Count, until)
		if err != nil {
			return fmt.Errorf("checkout: reserve: %w", err)
		}
	}
	return nil
}

// extend holds what an order holds for longer.
func extend(ctx context.Context, tx pgx.Tx, id order.ID, until time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE reservations SET until = $2 WHERE order_id = $1 AND state = 'held'`, id, until)
	if err != nil {
		return fmt.Errorf("checkout: extend: %w", err)
	}
	return nil
}

// heldBy returns what is held for an order.
func heldBy(ctx context.Context, tx pgx.Tx, id order.ID) (pieces []catalog.Wanted, skus []string, err error) {
	rows, err := tx.Query(ctx, `
		SELECT r.variant_id, r.quantity, v.sku
		FROM reservations r
		JOIN variants v ON v.id = r.variant_id
		WHERE r.order_id = $1 AND r.state = 'held'
		ORDER BY r.variant_id`, id)
	if err != nil {
		return nil, nil, fmt.Errorf("checkout: held: %w", err)
	}
	var w catalog.Wanted
	var sku string
	_, err = pgx.ForEachRow(rows, []any{&w.Variant, &w.Count, &sku}, func() error {
		pieces, skus = append(pieces, w), append(skus, sku)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("checkout: held: %w", err)
	}
	return pieces, skus, nil
}

// close ends an order's reservations, as sold or released.
func closeReservations(ctx context.Context, tx pgx.Tx, id order.ID, as string) error {
	_, err := tx.Exec(ctx, `UPDATE reservations SET state = $2 WHERE order_id = $1 AND state = 'held'`, id, as)
	if err != nil {
		return fmt.Errorf("checkout: close reservations: %w", err)
	}
	return nil
}

// sellHeld sells what is held for an order.
func sellHeld(ctx context.Context, tx pgx.Tx, id order.ID) error {
	held, _, err := heldBy(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := catalog.Sell(ctx, tx, held); err != nil {
		return err
	}
	return closeReservations(ctx, tx, id, "sold")
}

// drop ends an unpaid order as expired or cancelled, puts its pieces back and
// closes its payments, which it returns.
func (d *Desk) drop(ctx context.Context, tx pgx.Tx, id order.ID, held []catalog.Wanted, from, as order.State) ([]payment.Record, error) {
	if err := order.Move(ctx, tx, id, as, d.Now(), from); err != nil {
		return nil, err
	}
	if err := catalog.Release(ctx, tx, held); err != nil {
		return nil, err
	}
	if err := closeReservations(ctx, tx, id, "released"); err != nil {
		return nil, err
	}
	list, err := payment.OfOrder(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	var closed []payment.Record
	for _, p := range list {
		if p.State != payment.Open {
			continue
		}
		if err := payment.Close(ctx, tx, p.ID, payment.Expired); err != nil {
			return nil, err
		}
		closed = append(closed, p)
	}
	return closed, nil
}
