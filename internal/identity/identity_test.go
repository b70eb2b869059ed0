package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

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
