// Package pgtest gives each test a database of its own, so that it may commit,
// and race, like a buyer.
package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/migrations"
)

// URL returns the database server that `make test` started.
func URL(t testing.TB) string {
	t.Helper()
	u := os.Getenv("TEST_DATABASE_URL")
	if u == "" {
		t.Fatal("no TEST_DATABASE_URL: run `make test`, or go run ./internal/embedded/with -- go test ./...")
	}
	return u
}

// Open returns a pool on an empty, migrated database, which goes when the test
// ends. It is a copy of a template that is migrated once a run.
func Open(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return open(t, Database(t, template(t)))
}

// Clone makes a template out of what fill puts into a migrated database, once
// a process under that name, and gives the test a copy of it.
func Clone(t testing.TB, name string, fill func(ctx context.Context, pool *pgxpool.Pool) error) *pgxpool.Pool {
	t.Helper()
	v, _ := filled.LoadOrStore(name, &filledTemplate{})
	f := v.(*filledTemplate)
	f.once.Do(func() {
		f.name = unique("kissaria_filled")
		create(t, f.name, template(t))
		pool, err := postgres.Open(context.Background(), withDatabase(t, f.name), 8)
		if err != nil {
			f.err = err
			return
		}
		f.err = fill(context.Background(), pool)
		pool.Close()
	})
	if f.err != nil {
		t.Fatalf("fill %s: %v", name, f.err)
	}
	return open(t, Database(t, f.name))
}

type filledTemplate struct {
	once sync.Once
	name string
	err  error
}

var (
	filled  sync.Map // of *filledTemplate by name
	counter atomic.Int64
)

// Database makes an empty copy of a template ("template1" for nothing at all),
// dropped when the test ends, and returns its address.
func Database(t testing.TB, template string) string {
	t.Helper()
	name := unique("kissaria_test")
	create(t, name, template)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, URL(t))
		if err != nil {
			t.Errorf("drop %s: %v", name, err)
			return
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
	})
	return withDatabase(t, name)
}

func open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(context.Background(), url, 12)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func unique(prefix string) string {
	return fmt.Sprintf("%s_%d_%d", prefix, os.Getpid(), counter.Add(1))
}

func create(t testing.TB, name, template string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	// Copying files is the faster way for a database this small.
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+name+` TEMPLATE `+template+` STRATEGY FILE_COPY`); err != nil {
		t.Fatalf("create database: %v", err)
	}
}

func withDatabase(t testing.TB, name string) string {
	t.Helper()
	u, err := url.Parse(URL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// template returns the name of the migrated template, made by whichever
// process comes first and named by what the migrations say.
var template = func() func(t testing.TB) string {
	var once sync.Once
	var name string
	return func(t testing.TB) string {
		t.Helper()
		once.Do(func() { name = makeTemplate(t) })
		if name == "" {
			t.Fatal("the template database could not be made")
		}
		return name
	}
}()

func makeTemplate(t testing.TB) string {
	t.Helper()
	sum := sha256.New()
	err := fs.WalkDir(migrations.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(migrations.Files, path)
		fmt.Fprintln(sum, path, len(b))
		sum.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	name := "kissaria_template_" + hex.EncodeToString(sum.Sum(nil)[:6])

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	// The lock goes with the connection.
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(20160304)`); err != nil {
		t.Fatal(err)
	}
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&there); err != nil {
		t.Fatal(err)
	}
	if there {
		return name
	}
	making := unique(name)
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+making); err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.Open(ctx, withDatabase(t, making), 4)
	if err != nil {
		t.Fatal(err)
	}
	_, err = postgres.Migrate(ctx, pool, migrations.Files)
	pool.Close()
	if err != nil {
		t.Fatal(err)
	}
	// A template appears under its name only when it is whole.
	if _, err := conn.Exec(ctx, `ALTER DATABASE `+making+` RENAME TO `+name); err != nil {
		t.Fatal(err)
	}
	return name
}
