package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/postgres/pgtest"
)

func sale(key string) ledger.Transaction {
	return ledger.Transaction{Key: key, Kind: ledger.Payment, Reference: "7K-4F2M", Postings: []ledger.Posting{
		{Account: ledger.Stripe, Amount: money.Dirhams(300)},
		{Account: ledger.Artisan("amina"), Amount: money.Centimes(-239_20)},
		{Account: ledger.Commission, Amount: money.Centimes(-20_80)},
		{Account: ledger.Postage, Amount: money.Dirhams(-40)},
		{Account: ledger.Fees, Amount: money.Centimes(0)},
	}}
}

func TestBookedTwiceIsThereOnce(t *testing.T) {
	pool := pgtest.Open(t)
	for i, want := range []bool{true, false} {
		err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
			booked, err := ledger.Book(t.Context(), tx, sale("payment/1"))
			if booked != want {
				t.Errorf("Book number %d reports %t, want %t", i+1, booked, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := ledger.Balance(t.Context(), pool, ledger.Artisan("amina"))
	if err != nil {
		t.Fatal(err)
	}
	if got != money.Centimes(-239_20) {
		t.Errorf("the union owes Amina %v, want 239.20 MAD once", got)
	}
}

func TestUnbalancedIsRefused(t *testing.T) {
	pool := pgtest.Open(t)
	bad := sale("payment/2")
	bad.Postings[1].Amount.Minor--
	err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := ledger.Book(t.Context(), tx, bad)
		return err
	})
	if !errors.Is(err, ledger.ErrUnbalanced) {
		t.Errorf("Book = %v, want %v", err, ledger.ErrUnbalanced)
	}
}

// Whoever writes past this package meets the database's own guards.
func TestDatabaseGuardsTheBooks(t *testing.T) {
	pool := pgtest.Open(t)
	err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := ledger.Book(t.Context(), tx, sale("payment/3"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, sql string }{
		{"a lone posting", `INSERT INTO ledger_postings (transaction_id, position, account, amount_minor)
			SELECT id, 9, 'stripe', 1 FROM ledger_transactions`},
		{"a transaction without postings", `INSERT INTO ledger_transactions (key, kind, reference) VALUES ('x', 'fee', 'x')`},
		{"changing a posting", `UPDATE ledger_postings SET amount_minor = 1`},
		{"deleting postings", `DELETE FROM ledger_postings`},
		{"emptying the books", `TRUNCATE ledger_transactions CASCADE`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := pool.Exec(t.Context(), tt.sql); err == nil {
				t.Error("the database allowed it")
			}
		})
	}
}

func TestStatementAddsUp(t *testing.T) {
	pool := pgtest.Open(t)
	for _, key := range []string{"payment/1", "payment/2", "payment/3"} {
		err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
			_, err := ledger.Book(t.Context(), tx, sale(key))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// What is booked stays as it is.
	if _, err := pool.Exec(t.Context(), `UPDATE ledger_transactions SET at = '2025-06-01' WHERE key = 'payment/1'`); err == nil {
		t.Fatal("what is booked could be changed")
	}
	amina := ledger.Artisan("amina")
	now := time.Now()
	before, lines, err := ledger.Statement(t.Context(), pool, amina, now.Add(-time.Hour), now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !before.IsZero() || len(lines) != 3 || lines[2].Balance != money.Centimes(-3*239_20) || lines[0].Balance != lines[0].Amount {
		t.Errorf("the statement begins with %v and has %v", before, lines)
	}
	before, lines, err = ledger.Statement(t.Context(), pool, amina, now.Add(time.Hour), now.Add(2*time.Hour))
	if err != nil || before != money.Centimes(-3*239_20) || len(lines) != 0 {
		t.Errorf("what follows begins with %v and has %v, %v; want the balance and nothing", before, lines, err)
	}
}
