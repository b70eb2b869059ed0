package payment

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
)

// RecordID is the key of a payment's row, which never leaves the program.
type RecordID int64

// A Record is a try to pay an order, as we know of it. An order waits for one
// open payment at a time, which the database holds.
type Record struct {
	ID        RecordID
	Order     order.ID
	Token     string // our reference, and the idempotency key
	Provider  string
	State     State
	Ref       string // the provider's, empty until it is opened
	Intent    string
	PayURL    string
	Amount    money.Amount
	Fee       money.Amount
	Refunded  money.Amount
	ExpiresAt time.Time
	CreatedAt time.Time
	PaidAt    *time.Time
}

// ErrNoRecord is returned for a payment that is not ours.
var ErrNoRecord = errors.New("payment: no such payment")

const recordColumns = `
	p.id, p.order_id, p.token, p.provider, p.state, coalesce(p.ref, ''), p.intent, p.pay_url, p.amount_minor,
	p.fee_minor, p.refunded_minor, p.currency, p.expires_at, p.created_at, p.paid_at`

func scanRecord(row pgx.CollectableRow) (Record, error) {
	var r Record
	err := row.Scan(&r.ID, &r.Order, &r.Token, &r.Provider, &r.State, &r.Ref, &r.Intent, &r.PayURL, &r.Amount.Minor,
		&r.Fee.Minor, &r.Refunded.Minor, &r.Amount.Currency, &r.ExpiresAt, &r.CreatedAt, &r.PaidAt)
	r.Fee.Currency, r.Refunded.Currency = r.Amount.Currency, r.Amount.Currency
	return r, err
}

// Begin writes an open payment for an order. The provider is asked after the
// transaction.
func Begin(ctx context.Context, tx pgx.Tx, o order.ID, provider string, amount money.Amount, expires time.Time) (RecordID, error) {
	var id RecordID
	err := tx.QueryRow(ctx, `
		INSERT INTO payments (order_id, token, provider, amount_minor, currency, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		RETURNING id`, o, strings.ToLower(rand.Text()), provider, amount.Minor, amount.Currency, expires).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("payment: begin: %w", err)
	}
	return id, nil
}

// OfOrder returns an order's payments, oldest first.
func OfOrder(ctx context.Context, db postgres.DB, o order.ID) ([]Record, error) {
	return records(ctx, db, `p.order_id = $1 ORDER BY p.id LIMIT 100`, o)
}

// ByID returns a payment, or ErrNoRecord.
func ByID(ctx context.Context, db postgres.DB, id RecordID) (Record, error) {
	return record(ctx, db, `p.id = $1`, id)
}

// ByRef returns the payment that a provider calls ref, or ErrNoRecord.
func ByRef(ctx context.Context, db postgres.DB, ref string) (Record, error) {
	return record(ctx, db, `p.ref = $1`, ref)
}

// ByToken returns the payment of one of our own references, or ErrNoRecord.
func ByToken(ctx context.Context, db postgres.DB, token string) (Record, error) {
	return record(ctx, db, `p.token = $1`, token)
}

// ByIntent returns the payment that took the money of that name, or
// ErrNoRecord.
func ByIntent(ctx context.Context, db postgres.DB, intent string) (Record, error) {
	return record(ctx, db, `p.intent = $1 AND p.intent <> '' ORDER BY p.id DESC LIMIT 1`, intent)
}

// LongOpen returns payments that were opened before a moment and have not been
// heard of since, oldest first.
func LongOpen(ctx context.Context, db postgres.DB, before time.Time, limit int) ([]Record, error) {
	return records(ctx, db, `p.state = 'open' AND p.ref IS NOT NULL AND p.created_at < $1 ORDER BY p.created_at LIMIT $2`, before, limit)
}

func record(ctx context.Context, db postgres.DB, where string, args ...any) (Record, error) {
	list, err := records(ctx, db, where, args...)
	if err != nil {
		return Record{}, err
	}
	if len(list) == 0 {
		return Record{}, ErrNoRecord
	}
	return list[0], nil
}

func records(ctx context.Context, db postgres.DB, where string, args ...any) ([]Record, error) {
	rows, err := db.Query(ctx, `
		SELECT `+recordColumns+`
		FROM payments p
		WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("payment: read: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanRecord)
	if err != nil {
		return nil, fmt.Errorf("payment: read: %w", err)
	}
	return list, nil
}

// Opened keeps the provider's name for a payment and where it is made. Opening
// twice gives the same session, so that writing it twice does no harm.
func Opened(ctx context.Context, db postgres.DB, id RecordID, s Session) error {
	_, err := db.Exec(ctx, `UPDATE payments SET ref = $2, pay_url = $3 WHERE id = $1`, id, s.Ref, s.Next.URL)
	if err != nil {
		return fmt.Errorf("payment: opened: %w", err)
	}
	return nil
}

// Close brings an open payment to an end without money.
func Close(ctx context.Context, tx pgx.Tx, id RecordID, as State) error {
	if as != Expired && as != Failed {
		return fmt.Errorf("payment: closed as %s", as)
	}
	_, err := tx.Exec(ctx, `UPDATE payments SET state = $2 WHERE id = $1 AND state = 'open'`, id, as)
	if err != nil {
		return fmt.Errorf("payment: close: %w", err)
	}
	return nil
}

// Take writes that the money is there, and reports whether that is news.
func Take(ctx context.Context, tx pgx.Tx, id RecordID, intent string, at time.Time) (news bool, err error) {
	tag, err := tx.Exec(ctx, `
		UPDATE payments
		SET state = 'paid', intent = $2, paid_at = $3
		WHERE id = $1 AND state <> 'paid'`, id, intent, at)
	if err != nil {
		return false, fmt.Errorf("payment: take: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// KeepFee writes what the provider kept, once it is known, and reports whether
// that is news.
func KeepFee(ctx context.Context, tx pgx.Tx, id RecordID, fee money.Amount) (news bool, err error) {
	tag, err := tx.Exec(ctx, `
		UPDATE payments
		SET fee_minor = $2
		WHERE id = $1 AND fee_minor = 0 AND $2 > 0`, id, fee.Minor)
	if err != nil {
		return false, fmt.Errorf("payment: keep fee: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// RefundID is the key of a refund's row.
type RefundID int64

// A RefundRecord is money to be given back, as we know of it.
type RefundRecord struct {
	ID      RefundID
	Payment RecordID
	Key     string
	Amount  money.Amount
	Reason  string
	State   RefundState
	Ref     string
}

// BeginRefund writes that money is to be given back, and returns its key. The
// same key is begun once.
func BeginRefund(ctx context.Context, tx pgx.Tx, p RecordID, key string, amount money.Amount, reason string) (RefundID, error) {
	var id RefundID
	err := tx.QueryRow(ctx, `
		INSERT INTO refunds (payment_id, key, amount_minor, reason)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (key) DO UPDATE SET key = EXCLUDED.key
		RETURNING id`, p, key, amount.Minor, reason).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("payment: begin refund: %w", err)
	}
	return id, nil
}

// HasRefund reports whether a refund of that key was begun.
func HasRefund(ctx context.Context, db postgres.DB, key string) (has bool, err error) {
	if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM refunds WHERE key = $1)`, key).Scan(&has); err != nil {
		return false, fmt.Errorf("payment: has refund: %w", err)
	}
	return has, nil
}

// RefundByID returns a refund, or ErrNoRecord.
func RefundByID(ctx context.Context, db postgres.DB, id RefundID) (RefundRecord, error) {
	var r RefundRecord
	err := db.QueryRow(ctx, `
		SELECT id, payment_id, key, amount_minor, reason, state, ref
		FROM refunds
		WHERE id = $1`, id).Scan(&r.ID, &r.Payment, &r.Key, &r.Amount.Minor, &r.Reason, &r.State, &r.Ref)
	r.Amount.Currency = money.MAD
	if errors.Is(err, pgx.ErrNoRows) {
		return RefundRecord{}, ErrNoRecord
	}
	if err != nil {
		return RefundRecord{}, fmt.Errorf("payment: read refund: %w", err)
	}
	return r, nil
}

// FinishRefund writes what became of a refund, and reports whether it is done
// and that is news. The payment's sum of refunds follows, which the database
// holds to what was paid.
func FinishRefund(ctx context.Context, tx pgx.Tx, id RefundID, got Refund, at time.Time) (news bool, err error) {
	if got.State != RefundDone {
		_, err := tx.Exec(ctx, `
			UPDATE refunds SET state = $2, ref = $3 WHERE id = $1 AND state <> 'done'`, id, got.State, got.Ref)
		if err != nil {
			return false, fmt.Errorf("payment: finish refund: %w", err)
		}
		return false, nil
	}
	tag, err := tx.Exec(ctx, `
		WITH done AS (
			UPDATE refunds
			SET state = 'done', ref = $2, done_at = $3
			WHERE id = $1 AND state <> 'done'
			RETURNING payment_id, amount_minor)
		UPDATE payments p
		SET refunded_minor = refunded_minor + done.amount_minor
		FROM done
		WHERE p.id = done.payment_id`, id, got.Ref, at)
	if err != nil {
		return false, fmt.Errorf("payment: finish refund: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// Keep stores an event once and reports whether it is new.
func Keep(ctx context.Context, tx pgx.Tx, e Event) (news bool, err error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO provider_events (provider, event_id, type, ref, token, payload)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (provider, event_id) DO NOTHING`, e.Provider, e.ID, e.Type, e.Ref, e.PaymentToken, e.Payload)
	if err != nil {
		return false, fmt.Errorf("payment: keep event %s: %w", e.ID, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Applied writes what an event came to.
func Applied(ctx context.Context, db postgres.DB, provider, eventID, outcome string) error {
	_, err := db.Exec(ctx, `
		UPDATE provider_events
		SET applied_at = coalesce(applied_at, now()), outcome = $3
		WHERE provider = $1 AND event_id = $2`, provider, eventID, outcome)
	if err != nil {
		return fmt.Errorf("payment: applied %s: %w", eventID, err)
	}
	return nil
}
