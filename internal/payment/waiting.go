package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
)

// A WaitingRefund is money that a buyer is to have back and has not got yet.
type WaitingRefund struct {
	Order  string // its number
	Amount money.Amount
	Reason string
	Failed bool // the provider refused it: a person must look after it
	Since  time.Time
}

// WaitingRefunds returns the refunds that are not done, those that failed and the
// oldest first, and at most so many.
func WaitingRefunds(ctx context.Context, db postgres.DB, limit int) ([]WaitingRefund, error) {
	rows, err := db.Query(ctx, `
		SELECT o.number, r.amount_minor, r.reason, r.state = 'failed', r.created_at
		FROM refunds r
		JOIN payments p ON p.id = r.payment_id
		JOIN orders o ON o.id = p.order_id
		WHERE r.state <> 'done'
		ORDER BY r.state = 'failed' DESC, r.created_at, r.id
		LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("payment: waiting refunds: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (WaitingRefund, error) {
		w := WaitingRefund{Amount: money.Amount{Currency: money.MAD}}
		err := row.Scan(&w.Order, &w.Amount.Minor, &w.Reason, &w.Failed, &w.Since)
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("payment: waiting refunds: %w", err)
	}
	return list, nil
}

// CountWaitingRefunds returns how many refunds are not done, how many of them
// failed, and what all come to.
func CountWaitingRefunds(ctx context.Context, db postgres.DB) (all, failed int, sum money.Amount, err error) {
	sum.Currency = money.MAD
	err = db.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE state = 'failed'), coalesce(sum(amount_minor), 0)::bigint
		FROM refunds
		WHERE state <> 'done'`).Scan(&all, &failed, &sum.Minor)
	if err != nil {
		return 0, 0, money.Amount{}, fmt.Errorf("payment: count waiting refunds: %w", err)
	}
	return all, failed, sum, nil
}
