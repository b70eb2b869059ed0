package main

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kissaria.ma/internal/postgres/pgtest"
)

// examined runs the doctor on the market's own database and returns what it
// says, and whether it found the market well.
func (m *market) examined(t *testing.T, words ...string) (said string, well bool) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), append([]string{"doctor"}, words...), nil, &out, io.Discard)
	if err != nil && !errors.Is(err, errUnwell) {
		t.Fatalf("the doctor fails: %v\n%s", err, out.String())
	}
	return out.String(), err == nil
}

// line returns what the doctor says of a part.
func line(said, part string) string {
	for l := range strings.Lines(said) {
		if f := strings.Fields(l); len(f) > 1 && f[1] == part {
			return l
		}
	}
	return ""
}

// The doctor finds nothing in a market that is well, and names whatever is done
// to it behind its back, with what to do.
func TestDoctorFindsWhatIsWrong(t *testing.T) {
	m := openMarket(t, roles{web: true})
	m.comeIn(t, "jaouad-benallal")
	buyer := m.visitor(t)
	buyer.fill("en", "KIS-0011")
	buyer.place("en")
	settings(t, map[string]string{"DATABASE_URL": m.pool.Config().ConnString(), "REDIS_URL": redisURL(t), "SECRET_KEY": testKey,
		"DATA_DIR": m.dir, "LOG_LEVEL": "error"})
	said, well := m.examined(t)
	if !well {
		t.Fatalf("the doctor finds something in a market that is well:\n%s", said)
	}
	for _, part := range []string{"database", "schema", "clock", "union", "ledger", "stock", "cards", "sales", "jobs", "letters", "staff", "audit", "redis", "store"} {
		if line(said, part) == "" {
			t.Errorf("the doctor says nothing of the %s:\n%s", part, said)
		}
	}
	seal := regexp.MustCompile(`seal ([0-9]+:[0-9a-f]{64})`).FindStringSubmatch(said)
	if seal == nil {
		t.Fatalf("the audit has no seal:\n%s", said)
	}
	if said, well := m.examined(t, seal[1]); !well {
		t.Errorf("with its own seal, the doctor finds something:\n%s", said)
	}

	behind := func(sql string) func() {
		return func() {
			if _, err := m.pool.Exec(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica; `+sql+`; COMMIT`); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		part string
		do   func()
	}{
		{"cards", behind(`UPDATE cards SET price_minor = price_minor + 1 WHERE slug = 'kilim-blue-steps'`)},
		{"stock", behind(`UPDATE variants SET held = 0 WHERE sku = 'KIS-0011'`)},
		{"ledger", behind(`INSERT INTO ledger_transactions (key, kind, reference) VALUES ('odd', 'correction', 'X'); INSERT INTO ledger_accounts (code, kind) VALUES ('odd', 'asset');
			INSERT INTO ledger_postings (transaction_id, position, account, amount_minor, currency) SELECT id, 1, 'odd', 5, 'MAD' FROM ledger_transactions WHERE key = 'odd'`)},
		{"sales", behind(`INSERT INTO daily_sales (day, trade_id, country, orders) SELECT '2026-03-02', id, '', 1 FROM trades LIMIT 1`)},
		{"audit", behind(`DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_chain WHERE place = 2)`)},
		{"letters", behind(`INSERT INTO mails (key, recipient, language, subject, body_text, body_html, queued_at) VALUES ('x', 'a@b.example', 'en', 'x', 'x', 'x', now() - interval '2 hours')`)},
		{"staff", behind(`DELETE FROM account_roles WHERE role = 'admin'`)},
		{"schema", behind(`DELETE FROM goose_db_version WHERE version_id = 44`)},
	}
	for i, tt := range tests {
		tt.do()
		said, well := m.examined(t)
		if well || !strings.HasPrefix(line(said, tt.part), "WRONG") || strings.Count(said, "→") != max(1, strings.Count(said, "WRONG")) {
			t.Errorf("the doctor does not find what is wrong with the %s, or does not say what to do:\n%s", tt.part, said)
		}
		if n := strings.Count(said, "WRONG"); tt.part != "schema" && n != i+1 {
			t.Errorf("after the %s, %d things are wrong, want %d:\n%s", tt.part, n, i+1, said)
		}
	}

	// What cannot be reached.
	if err := os.WriteFile(filepath.Join(m.dir, "a file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(m.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/no_such_database"
	settings(t, map[string]string{"DATABASE_URL": u.String(), "REDIS_URL": "redis://127.0.0.1:1", "SECRET_KEY": testKey, "DATA_DIR": m.dir,
		"MEDIA_URL": filepath.Join(m.dir, "a file"), "LOG_LEVEL": "error"})
	said, well = m.examined(t)
	for _, part := range []string{"database", "redis", "store"} {
		if well || !strings.HasPrefix(line(said, part), "WRONG") {
			t.Errorf("the doctor does not find that the %s is away:\n%s", part, said)
		}
	}
	if strings.Contains(said, "password") && strings.Contains(u.String(), ":") && u.User != nil {
		if p, ok := u.User.Password(); ok && strings.Contains(said, p) {
			t.Error("the doctor tells the password")
		}
	}
}

func TestDoctorOfNothingSaysWhereToBegin(t *testing.T) {
	m := &market{}
	settings(t, map[string]string{"DATA_DIR": filepath.Join(t.TempDir(), "var"), "LOG_LEVEL": "error"})
	if said, well := m.examined(t); well || !strings.Contains(said, "make run") {
		t.Errorf("without a market the doctor says:\n%s", said)
	}
	settings(t, map[string]string{"DATABASE_URL": pgtest.Database(t, "template1"), "REDIS_URL": redisURL(t), "SECRET_KEY": testKey, "DATA_DIR": t.TempDir(), "LOG_LEVEL": "error"})
	if said, well := m.examined(t); well || !strings.Contains(said, "kissaria migrate") {
		t.Errorf("with an empty database the doctor says:\n%s", said)
	}
	if err := run(t.Context(), []string{"doctor", "a", "b"}, nil, io.Discard, io.Discard); err == nil {
		t.Error("kissaria doctor a b did something")
	}
}
