package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/postgres/pgtest"
)

func TestSignIn(t *testing.T) {
	pool := pgtest.Open(t)
	var id identity.AccountID
	err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) (err error) {
		id, err = identity.Create(t.Context(), tx, identity.New{
			Name: "Amina", Email: "Amina@Union.example", Password: "under the blue wall",
			Language: "fr", Roles: []identity.Role{identity.Admin},
		}, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, email, password string
		ok                    bool
	}{
		{"right", "amina@union.example", "under the blue wall", true},
		{"capitals and blanks in the address", " AMINA@union.example ", "under the blue wall", true},
		{"wrong password", "amina@union.example", "under the green wall", false},
		{"nobody", "nobody@union.example", "under the blue wall", false},
		{"no password", "amina@union.example", "", false},
		{"a password of a megabyte", "amina@union.example", strings.Repeat("x", 1<<20), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := identity.SignIn(t.Context(), pool, tt.email, tt.password)
			switch {
			case tt.ok && (err != nil || a.ID != id || !a.May(identity.SeeOrders)):
				t.Errorf("SignIn = %+v, %v; want Amina, who may see orders", a, err)
			case !tt.ok && !errors.Is(err, identity.ErrWrongSignIn):
				t.Errorf("SignIn = %v, want %v", err, identity.ErrWrongSignIn)
			}
		})
	}

	if _, err := pool.Exec(t.Context(), `UPDATE accounts SET state = 'suspended'`); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.SignIn(t.Context(), pool, "amina@union.example", "under the blue wall"); !errors.Is(err, identity.ErrWrongSignIn) {
		t.Errorf("a suspended account signs in: %v", err)
	}
}

func TestShortPasswordIsRefused(t *testing.T) {
	if _, err := identity.HashPassword(t.Context(), "short"); !errors.Is(err, identity.ErrWeakPassword) {
		t.Errorf("HashPassword = %v, want %v", err, identity.ErrWeakPassword)
	}
}

func TestAuditOnlyTakesNewRows(t *testing.T) {
	pool := pgtest.Open(t)
	err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		return identity.Record(t.Context(), tx, identity.Entry{Action: "test.done", Subject: "nothing"})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{`UPDATE audit SET subject = 'x'`, `DELETE FROM audit`, `TRUNCATE audit`} {
		if _, err := pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
}

// record writes n rows by as many transactions at once, some of which end
// without them.
func record(t *testing.T, pool *pgxpool.Pool, n int) {
	t.Helper()
	rolledBack := errors.New("rolled back")
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
				for range 1 + i%3 {
					if err := identity.Record(t.Context(), tx, identity.Entry{Action: "test.done", Subject: fmt.Sprintf("n:%d", i),
						Before: map[string]any{"price": 1.5, "name": "طاجين \"x\""}, After: []int{i}}); err != nil {
						return err
					}
				}
				if i%4 == 0 {
					return rolledBack
				}
				return nil
			})
			if err != nil && !errors.Is(err, rolledBack) {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// Whatever is done to the audit behind its back shows.
func TestAuditShowsWhatWasDoneToIt(t *testing.T) {
	behind := func(sql string) func(*testing.T, *pgxpool.Pool) {
		return func(t *testing.T, pool *pgxpool.Pool) {
			t.Helper()
			if _, err := pool.Exec(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica; `+sql+`; COMMIT`); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name                      string
		do                        func(*testing.T, *pgxpool.Pool)
		changed, removed, strange int64
	}{
		{"nothing", func(*testing.T, *pgxpool.Pool) {}, 0, 0, 0},
		{"a row that says something else", behind(`UPDATE audit SET after = '[99]' WHERE id = (SELECT audit_id FROM audit_chain WHERE place = 7)`), 1, 0, 0},
		{"someone else's name on a row", behind(`UPDATE audit SET on_behalf = 'x' WHERE id = (SELECT audit_id FROM audit_chain WHERE place = 1)`), 1, 0, 0},
		{"another day", behind(`UPDATE audit SET at = at - interval '1 microsecond' WHERE id = (SELECT audit_id FROM audit_chain WHERE place = 9)`), 1, 0, 0},
		{"a row removed", behind(`DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_chain WHERE place = 5)`), 0, 1, 0},
		{"a row removed with its place", behind(`DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_chain WHERE place = 5); DELETE FROM audit_chain WHERE place = 5`), 0, 1, 0},
		{"a row slipped in", behind(`INSERT INTO audit (action, subject) VALUES ('test.done', 'slipped in')`), 0, 0, 1},
		{"a hash mended after a change", behind(`UPDATE audit SET subject = 'x' WHERE id = (SELECT audit_id FROM audit_chain WHERE place = 6);
			UPDATE audit_chain c SET hash = sha256((SELECT p.hash FROM audit_chain p WHERE p.place = 5) || convert_to((SELECT audit_text(u) FROM audit u WHERE u.id = c.audit_id), 'UTF8')) WHERE place = 6`), 1, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pool := pgtest.Open(t)
			record(t, pool, 24)
			before, err := identity.CheckAudit(t.Context(), pool, "")
			if err != nil || !before.Whole() || before.Rows < 30 || before.Place != before.Rows {
				t.Fatalf("CheckAudit = %+v, %v; want a whole chain of all rows", before, err)
			}
			tt.do(t, pool)
			got, err := identity.CheckAudit(t.Context(), pool, before.Seal())
			if err != nil {
				t.Fatal(err)
			}
			if got.Changed != tt.changed || got.Removed != tt.removed || got.Strange != tt.strange || got.Whole() != (len(got.Examples) == 0) {
				t.Errorf("CheckAudit = %+v; want %d changed, %d removed, %d strange", got, tt.changed, tt.removed, tt.strange)
			}
		})
	}
}

// Whoever cuts off the end, or writes the whole chain anew, cannot keep an
// earlier seal.
func TestAuditKeepsItsSeal(t *testing.T) {
	for name, sql := range map[string]string{
		"the end cut off": `DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_chain WHERE place > 20); DELETE FROM audit_chain WHERE place > 20`,
		"all of it written anew": `DELETE FROM audit_chain; UPDATE audit SET subject = 'x' WHERE id = (SELECT min(id) FROM audit);
			DO $$ DECLARE u audit; n bigint := 0; h bytea := ''; BEGIN FOR u IN SELECT * FROM audit ORDER BY id LOOP n := n + 1;
			h := sha256(h || convert_to(audit_text(u), 'UTF8')); INSERT INTO audit_chain (place, audit_id, hash) VALUES (n, u.id, h); END LOOP; END $$`,
	} {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.Open(t)
			record(t, pool, 24)
			before, err := identity.CheckAudit(t.Context(), pool, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pool.Exec(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica; `+sql+`; COMMIT`); err != nil {
				t.Fatal(err)
			}
			if got, err := identity.CheckAudit(t.Context(), pool, ""); err != nil || !got.Whole() {
				t.Errorf("without a seal, CheckAudit = %+v, %v; it cannot know", got, err)
			}
			if got, err := identity.CheckAudit(t.Context(), pool, before.Seal()); err != nil || got.Whole() {
				t.Errorf("with the seal, CheckAudit = %+v, %v; want a fault", got, err)
			}
		})
	}
	for _, bad := range []string{"x", "1:", "0:" + strings.Repeat("00", 32), "7:zz"} {
		if _, err := identity.CheckAudit(t.Context(), pgtest.Open(t), bad); !errors.Is(err, identity.ErrNoSeal) {
			t.Errorf("CheckAudit with the seal %q = %v, want %v", bad, err, identity.ErrNoSeal)
		}
	}
}

// Chaining does not make whoever writes first wait for whoever ends first.
func TestAuditChainsInTheOrderOfCommits(t *testing.T) {
	pool := pgtest.Open(t)
	entry := func(name string) identity.Entry { return identity.Entry{Action: "test.done", Subject: name} }
	slow, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := identity.Record(t.Context(), slow, entry("begun first")); err != nil {
		t.Fatal(err)
	}
	err = postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error { return identity.Record(t.Context(), tx, entry("ended first")) })
	if err != nil {
		t.Fatal(err)
	}
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	var order string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(u.subject, ', ' ORDER BY c.place) FROM audit u JOIN audit_chain c ON c.audit_id = u.id`).Scan(&order); err != nil {
		t.Fatal(err)
	}
	if order != "ended first, begun first" {
		t.Errorf("the chain is %s", order)
	}
	if got, err := identity.CheckAudit(t.Context(), pool, ""); err != nil || !got.Whole() || got.Rows != 2 {
		t.Errorf("CheckAudit = %+v, %v", got, err)
	}
}

func BenchmarkCheckAudit(b *testing.B) {
	pool := pgtest.Open(b)
	const rows = 100_000
	if _, err := pool.Exec(b.Context(), `INSERT INTO audit (action, subject, before, after, request_id)
		SELECT 'test.done', 'order:' || n, '{"state": "paid", "price": 125000}', '{"state": "packed", "price": 125000}', 'abcdefghij' FROM generate_series(1, $1::int) n`, rows); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if c, err := identity.CheckAudit(b.Context(), pool, ""); err != nil || c.Rows != rows || !c.Whole() {
			b.Fatalf("CheckAudit = %+v, %v", c, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/rows, "µs/row")
}
