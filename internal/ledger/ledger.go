// Package ledger keeps the market's money in double entry. It knows an order
// as a reference and an artisan as an account, and nothing else of them.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
)

// Account is where money lies or is owed.
type Account string

const (
	Stripe     Account = "stripe"     // with the card provider
	Cash       Account = "cash"       // in the counter's drawer
	Fees       Account = "fees"       // what providers keep
	Commission Account = "commission" // the union's share
	Postage    Account = "postage"    // taken to be spent on parcels
	Buyers     Account = "buyers"     // taken for nothing, and to be given back
)

// Artisan is what the union owes an artisan, by slug.
func Artisan(slug string) Account { return Account("artisan:" + slug) }

// kind says on which side of the books an account stands.
func (a Account) kind() string {
	switch {
	case a == Stripe, a == Cash:
		return "asset"
	case a == Fees:
		return "expense"
	case a == Commission, a == Postage:
		return "income"
	case a == Buyers, strings.HasPrefix(string(a), "artisan:"):
		return "liability"
	}
	return ""
}

// Kind is what a transaction is for.
type Kind string

const (
	Payment Kind = "payment"
	Refund  Kind = "refund"
	Fee     Kind = "fee"
	// Correction moves what was owed to one entry of an artisan to the other.
	Correction Kind = "correction"
)

// A Posting is one line: debit above zero, credit below.
type Posting struct {
	Account Account
	Amount  money.Amount
	Note    string
}

// A Transaction is something that moved money. Key makes it one: booked twice,
// it is there once.
type Transaction struct {
	Key       string
	Kind      Kind
	Reference string // the order's number
	Postings  []Posting
}

// ErrUnbalanced is returned for postings that do not sum to zero. The database
// would refuse them too; this says which.
var ErrUnbalanced = errors.New("ledger: postings do not sum to zero")

// Book writes a transaction and reports whether it is new. Postings of nothing
// are left out.
func Book(ctx context.Context, tx pgx.Tx, t Transaction) (booked bool, err error) {
	var sum money.Amount
	var lines []Posting
	for _, p := range t.Postings {
		if p.Amount.IsZero() {
			continue
		}
		if p.Account.kind() == "" {
			return false, fmt.Errorf("ledger: no such account %q", p.Account)
		}
		sum = sum.Plus(p.Amount)
		lines = append(lines, p)
	}
	if !sum.IsZero() || len(lines) < 2 {
		return false, fmt.Errorf("ledger: book %s, off by %v: %w", t.Key, sum, ErrUnbalanced)
	}
	var id int64
	err = tx.QueryRow(ctx, `
		INSERT INTO ledger_transactions (key, kind, reference)
		VALUES ($1, $2, $3)
		ON CONFLICT (key) DO NOTHING
		RETURNING id`, t.Key, t.Kind, t.Reference).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ledger: book %s: %w", t.Key, err)
	}
	b := &pgx.Batch{}
	for i, p := range lines {
		b.Queue(`
			INSERT INTO ledger_accounts (code, kind)
			VALUES ($1, $2)
			ON CONFLICT (code) DO NOTHING`, p.Account, p.Account.kind())
		b.Queue(`
			INSERT INTO ledger_postings (transaction_id, position, account, amount_minor, currency, note)
			VALUES ($1, $2, $3, $4, $5, $6)`, id, i+1, p.Account, p.Amount.Minor, p.Amount.Currency, p.Note)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return false, fmt.Errorf("ledger: book %s: %w", t.Key, err)
	}
	return true, nil
}

// An Entry is a posting as it stands in the books, with its transaction.
type Entry struct {
	Posting
	Key  string
	Kind Kind
}

// ByReference returns all postings of an order, in the order they were booked.
func ByReference(ctx context.Context, db postgres.DB, reference string) ([]Entry, error) {
	rows, err := db.Query(ctx, `
		SELECT t.key, t.kind, p.account, p.amount_minor, p.currency, p.note
		FROM ledger_transactions t
		JOIN ledger_postings p ON p.transaction_id = t.id
		WHERE t.reference = $1
		ORDER BY t.id, p.position`, reference)
	if err != nil {
		return nil, fmt.Errorf("ledger: entries of %s: %w", reference, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		var e Entry
		err := row.Scan(&e.Key, &e.Kind, &e.Account, &e.Amount.Minor, &e.Amount.Currency, &e.Note)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: entries of %s: %w", reference, err)
	}
	return list, nil
}

// Balance returns what an account comes to: debits less credits.
func Balance(ctx context.Context, db postgres.DB, a Account) (money.Amount, error) {
	var minor int64
	err := db.QueryRow(ctx, `SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings WHERE account = $1`, a).Scan(&minor)
	if err != nil {
		return money.Amount{}, fmt.Errorf("ledger: balance of %s: %w", a, err)
	}
	return money.Centimes(minor), nil
}

// A Line is one of an account's statement.
type Line struct {
	At        time.Time
	Kind      Kind
	Reference string // the order's number
	Amount    money.Amount
	Balance   money.Amount // after it
}

// MostLines bounds a statement; Statement returns ErrTooLong for a longer one.
const MostLines = 5000

// ErrTooLong is returned for a statement of more than MostLines.
var ErrTooLong = errors.New("ledger: the statement is too long")

// Statement returns what happened on an account from one moment until before
// another, oldest first, and what it came to before: debits less credits. What
// one transaction posts to the account is one line.
func Statement(ctx context.Context, db postgres.DB, a Account, from, until time.Time) (before money.Amount, lines []Line, err error) {
	rows, err := db.Query(ctx, `
		SELECT t.at, t.kind, t.reference, sum(p.amount_minor)::bigint
		FROM ledger_postings p
		JOIN ledger_transactions t ON t.id = p.transaction_id
		WHERE p.account = $1 AND t.at >= $2 AND t.at < $3
		GROUP BY t.id
		ORDER BY t.at, t.id
		LIMIT $4`, a, from, until, MostLines+1)
	if err != nil {
		return before, nil, fmt.Errorf("ledger: statement of %s: %w", a, err)
	}
	lines, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Line, error) {
		var l Line
		var minor int64
		err := row.Scan(&l.At, &l.Kind, &l.Reference, &minor)
		l.Amount = money.Centimes(minor)
		return l, err
	})
	if err != nil {
		return before, nil, fmt.Errorf("ledger: statement of %s: %w", a, err)
	}
	if len(lines) > MostLines {
		return before, nil, ErrTooLong
	}
	var minor int64
	err = db.QueryRow(ctx, `
		SELECT coalesce(sum(p.amount_minor), 0)::bigint
		FROM ledger_postings p
		JOIN ledger_transactions t ON t.id = p.transaction_id
		WHERE p.account = $1 AND t.at < $2`, a, from).Scan(&minor)
	if err != nil {
		return before, nil, fmt.Errorf("ledger: statement of %s: %w", a, err)
	}
	before = money.Centimes(minor)
	balance := before
	for i := range lines {
		balance = balance.Plus(lines[i].Amount)
		lines[i].Balance = balance
	}
	return before, lines, nil
}

// Check returns what all postings come to, in minor units, and the keys of up to
// five transactions that do not sum to zero, which the database should make
// impossible.
func Check(ctx context.Context, db postgres.DB) (sum int64, unbalanced []string, err error) {
	if err := db.QueryRow(ctx, `SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings`).Scan(&sum); err != nil {
		return 0, nil, fmt.Errorf("ledger: check: %w", err)
	}
	rows, err := db.Query(ctx, `
		SELECT t.key
		FROM ledger_transactions t
		JOIN ledger_postings p ON p.transaction_id = t.id
		GROUP BY t.id, p.currency
		HAVING sum(p.amount_minor) <> 0
		ORDER BY t.id
		LIMIT 5`)
	if err != nil {
		return 0, nil, fmt.Errorf("ledger: check: %w", err)
	}
	if unbalanced, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return 0, nil, fmt.Errorf("ledger: check: %w", err)
	}
	return sum, unbalanced, nil
}
