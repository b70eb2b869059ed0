package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/postgres/pgtest"
	"kissaria.ma/migrations"
)

func TestGuardMigrationsApplyToAnEmptyDatabase(t *testing.T) {
	pool, err := postgres.Open(t.Context(), pgtest.Database(t, "template1"), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if n, err := postgres.Migrate(t.Context(), pool, migrations.Files); err != nil || n == 0 {
		t.Fatalf("Migrate = %d, %v; want some steps", n, err)
	}
	if n, err := postgres.Migrate(t.Context(), pool, migrations.Files); err != nil || n != 0 {
		t.Errorf("a second Migrate = %d, %v; want nothing to do", n, err)
	}
}

// A step that breaks in its middle leaves nothing of itself behind.
func TestMigrationThatFailsHalfWayIsRolledBack(t *testing.T) {
	pool, err := postgres.Open(t.Context(), pgtest.Database(t, "template1"), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	files := fstest.MapFS{
		"0001_good.sql": {Data: []byte("-- +goose Up\nCREATE TABLE good (n int);\n")},
		"0002_bad.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE half (n int);\nINSERT INTO nowhere VALUES (1);\n")},
	}
	if _, err := postgres.Migrate(t.Context(), pool, files); err == nil || !strings.Contains(err.Error(), "0002_bad") {
		t.Fatalf("Migrate = %v; want an error that names 0002_bad", err)
	}
	var good, half bool
	err = pool.QueryRow(t.Context(), `SELECT to_regclass('good') IS NOT NULL, to_regclass('half') IS NOT NULL`).Scan(&good, &half)
	if err != nil {
		t.Fatal(err)
	}
	if !good || half {
		t.Errorf("good is there: %t, half is there: %t; want the first step alone", good, half)
	}
}

func TestGuardEveryTableAndForeignKeyIsLookedAfter(t *testing.T) {
	pool := pgtest.Open(t)
	unsaid := names(t, pool, `
		SELECT c.relname FROM pg_class c
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
		  AND c.relname NOT LIKE 'river%' AND c.relname NOT LIKE 'goose%'
		  AND obj_description(c.oid) IS NULL`)
	if len(unsaid) > 0 {
		t.Errorf("tables without a comment: %v", unsaid)
	}
	unindexed := names(t, pool, `
		SELECT k.conrelid::regclass || '.' || k.conname FROM pg_constraint k
		WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
		  AND k.conrelid::regclass::text NOT LIKE 'river%'
		  AND NOT EXISTS (
		      SELECT FROM pg_index i
		      WHERE i.indrelid = k.conrelid
		        AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
		         OR i.indrelid = k.conrelid AND cardinality(k.conkey) > 1
		        AND (i.indkey::int2[])[0] = ANY (k.conkey))`)
	if len(unindexed) > 0 {
		t.Errorf("foreign keys that no index leads with: %v", unindexed)
	}
}

func names(t *testing.T, db postgres.DB, sql string) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Two transactions that take the same two rows in opposite orders deadlock;
// the one that lost is made again, and both arrive.
func TestInTxIsMadeAgainAfterADeadlock(t *testing.T) {
	pool := pgtest.Open(t)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE purses (id int PRIMARY KEY, coins int); INSERT INTO purses VALUES (1, 0), (2, 0)`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var met sync.WaitGroup
	met.Add(2)
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		wg.Go(func() {
			first := true
			err := postgres.InTx(context.Background(), pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(context.Background(), `UPDATE purses SET coins = coins + 1 WHERE id = $1`, order[0]); err != nil {
					return err
				}
				if first {
					first = false
					met.Done()
					met.Wait()
				}
				_, err := tx.Exec(context.Background(), `UPDATE purses SET coins = coins + 1 WHERE id = $1`, order[1])
				return err
			})
			if err != nil {
				t.Errorf("InTx: %v", err)
			}
		})
	}
	wg.Wait()
	var coins int
	if err := pool.QueryRow(t.Context(), `SELECT sum(coins) FROM purses`).Scan(&coins); err != nil {
		t.Fatal(err)
	}
	if coins != 4 {
		t.Errorf("%d coins arrived, want 4", coins)
	}
}

func TestInTxGivesBackWhatItWasTold(t *testing.T) {
	pool := pgtest.Open(t)
	refused := errors.New("refused")
	if err := postgres.InTx(t.Context(), pool, func(pgx.Tx) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("InTx = %v, want %v", err, refused)
	}
}
