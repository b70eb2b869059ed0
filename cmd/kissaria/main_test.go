package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kissaria.ma/internal/postgres/pgtest"
)

// settings clears the environment of ours and sets what a test needs.
func settings(t *testing.T, set map[string]string) {
	t.Helper()
	for _, name := range []string{"LISTEN", "PUBLIC_URL", "PRIVATE_LISTEN", "DATA_DIR", "DEMO_DIR", "SECRET_KEY", "DATABASE_URL", "REDIS_URL",
		"MEDIA_URL", "SMTP_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STAFF_SECOND_FACTOR", "LOG_LEVEL"} {
		t.Setenv(name, set[name])
		if set[name] == "" {
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestEveryWrongSettingIsToldAtOnce(t *testing.T) {
	settings(t, map[string]string{"LISTEN": "nowhere", "PUBLIC_URL": "market", "DATABASE_URL": "postgres://x", "STRIPE_SECRET_KEY": "sk_test_x"})
	_, err := readConfig()
	if err == nil {
		t.Fatal("wrong settings were taken")
	}
	for _, want := range []string{"LISTEN", "PUBLIC_URL", "REDIS_URL", "SECRET_KEY", "STRIPE_WEBHOOK_SECRET"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not among the problems told:\n%v", want, err)
		}
	}
}

func TestHelpListsEverySetting(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"serve", "-h"}, nil, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"LISTEN", "PUBLIC_URL", "DATA_DIR", "DATABASE_URL", "REDIS_URL", "SMTP_URL", "STRIPE_SECRET_KEY", "TRUSTED_PROXIES"} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("the help lacks %s", name)
		}
	}
	for line := range strings.Lines(out.String()) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" || name != strings.ToUpper(name) || !strings.Contains(name, "_") {
			continue
		}
		if !bytes.Contains(readme, []byte(name)) || !bytes.Contains(operations, []byte(name)) {
			t.Errorf("%s is not in both README.md and docs/operations.md", name)
		}
	}
}

func TestUnknownCommandIsRefused(t *testing.T) {
	settings(t, nil)
	if err := run(t.Context(), []string{"sell"}, nil, io.Discard, io.Discard); err == nil {
		t.Error("kissaria sell did something")
	}
	if err := run(t.Context(), []string{"serve", "--fast"}, nil, io.Discard, io.Discard); err == nil {
		t.Error("kissaria serve --fast did something")
	}
}

// The whole program from an empty folder: its own PostgreSQL and Redis, the
// demonstration, a page, a basket; and again, with the basket still there.
func TestServeFromNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts PostgreSQL and Redis")
	}
	dir, err := os.MkdirTemp("", "kissaria-serve-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { // For PostgreSQL's own user.
		t.Fatal(err)
	}
	address := freeAddress(t)
	settings(t, map[string]string{"LISTEN": address, "DATA_DIR": filepath.Join(dir, "var"), "DEMO_DIR": "../../assets/demo", "LOG_LEVEL": "warn"})
	v := (&market{url: "http://" + address}).visitor(t)

	whileServing(t, address, func(out string) {
		if !strings.Contains(out, "demo-admin-2026") || !strings.Contains(out, "4242") {
			t.Errorf("the welcome lacks the accounts or the card:\n%s", out)
		}
		if got := v.get("/en/products"); got.status != http.StatusOK || !strings.Contains(got.body, "160 pieces") {
			t.Errorf("the list = %d", got.status)
		}
		v.fill("en", "KIS-0011")
	})
	if _, err := os.Stat(filepath.Join(dir, "var", "secret.key")); err != nil {
		t.Errorf("no secret key was made: %v", err)
	}
	whileServing(t, address, func(string) {
		if got := v.get("/en/cart"); !strings.Contains(got.body, "Blue Steps kilim") {
			t.Error("the basket did not outlive the program")
		}
	})
}

// whileServing runs kissaria serve, calls do once it answers, and stops it.
func whileServing(t *testing.T, address string, do func(out string)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out lockedBuffer
	var log lockedBuffer
	var served sync.WaitGroup
	var ended error
	served.Go(func() { ended = run(ctx, []string{"serve"}, nil, &out, &log) })
	answered := false
	for range 600 {
		res, err := http.Get("http://" + address + "/livez")
		if err == nil {
			if err := res.Body.Close(); err != nil {
				t.Error(err)
			}
			answered = res.StatusCode == http.StatusOK
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if answered {
		do(out.String())
	} else {
		t.Error("the market never answered")
	}
	stop()
	served.Wait()
	if ended != nil || t.Failed() {
		t.Errorf("serve ended with %v; its log:\n%s", ended, log.String())
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	return l.Addr().String()
}

func TestAccountsAreMadeFromTheCommandLine(t *testing.T) {
	settings(t, map[string]string{"DATABASE_URL": pgtest.Database(t, "template1"), "REDIS_URL": redisURL(t), "SECRET_KEY": testKey,
		"DATA_DIR": t.TempDir(), "LOG_LEVEL": "error"})
	tests := []struct {
		name, role, password string
		ok                   bool
	}{
		{"Amina", "admin", "under the blue wall\n", true},
		{"Driss", "king", "under the blue wall\n", false},
		{"Omar", "treasurer", "short\n", false},
	}
	for _, tt := range tests {
		err := run(t.Context(), []string{"account", tt.name, strings.ToLower(tt.name) + "@union.example", tt.role}, strings.NewReader(tt.password), io.Discard, io.Discard)
		if (err == nil) != tt.ok {
			t.Errorf("making %s a %s: %v", tt.name, tt.role, err)
		}
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"migrate"}, nil, &out, io.Discard); err != nil || !strings.Contains(out.String(), "0 steps") {
		t.Errorf("migrating what is up to date says %q, %v", out.String(), err)
	}
}

// A database that is not there is said, and nothing else happens.
func TestServeSaysThatTheDatabaseIsNotThere(t *testing.T) {
	for name, url := range map[string]string{"unreadable": "postgres://%zz", "elsewhere": "postgres://nobody@127.0.0.1:1/nothing?connect_timeout=1"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		b, err := openBase(ctx, Config{DataDir: t.TempDir(), DatabaseURL: url, RedisURL: "redis://127.0.0.1:1", DatabaseConns: 2}, slog.New(slog.DiscardHandler))
		cancel()
		if err == nil || b != nil {
			t.Errorf("%s: %v, %v; want an error and no base", name, b, err)
		}
	}
}
