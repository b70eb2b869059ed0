// Package postgres opens the database, runs transactions and migrations, and
// names the types that the rooms above pass around.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
)

// DB is the pool or a transaction: whatever can be asked.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Beginner can start a transaction, which only the pool should.
type Beginner interface {
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
}

// Jobs is the queue, which lies in the same database so that a job is queued
// by the very transaction that needs it.
type Jobs = river.Client[pgx.Tx]

// Open connects to the database at url and waits at most ten seconds for it.
// The pool is bounded: a page waits for a connection rather than drown the
// database.
func Open(ctx context.Context, url string, maxConns int32) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The error names the URL, which may hold a password.
		return nil, errors.New("postgres: DATABASE_URL cannot be read")
	}
	c.MaxConns = maxConns
	c.MinIdleConns = min(2, maxConns)
	c.MaxConnLifetime = time.Hour
	c.MaxConnIdleTime = 10 * time.Minute
	c.HealthCheckPeriod = 30 * time.Second
	c.ConnConfig.ConnectTimeout = 5 * time.Second
	c.ConnConfig.Tracer = counter{}
	rp := c.ConnConfig.RuntimeParams
	rp["application_name"] = "kissaria"
	rp["timezone"] = "UTC"
	// No statement of ours takes this long; one that does is a fault, and must
	// not keep locks for ever.
	rp["statement_timeout"] = "30s"
	rp["idle_in_transaction_session_timeout"] = "60s"

	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("postgres: open: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		if err = pool.Ping(ctx); err == nil {
			return pool, nil
		}
		select {
		case <-ctx.Done():
			pool.Close()
			return nil, fmt.Errorf("postgres: no answer: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// maxTries bounds how often a transaction that lost against another is made
// again. Locks are taken in key order, so that more than one is rare.
const maxTries = 5

// InTx runs fn in a transaction, and once more when another transaction was in
// the way. fn may therefore run several times: it touches nothing but tx.
//
// What WithLast gave to ctx is done in the same transaction, after fn.
func InTx(ctx context.Context, db Beginner, fn func(tx pgx.Tx) error) error {
	if last, ok := ctx.Value(lastKey{}).(func(context.Context, pgx.Tx) error); ok {
		first := fn
		fn = func(tx pgx.Tx) error {
			if err := first(tx); err != nil {
				return err
			}
			return last(ctx, tx)
		}
	}
	for try := 1; ; try++ {
		err := pgx.BeginTxFunc(ctx, db, pgx.TxOptions{}, fn)
		if err == nil || try == maxTries || !isCollision(err) {
			return err
		}
		wait := time.Duration(rand.Int64N(int64(try) * int64(20*time.Millisecond)))
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

type lastKey struct{}

// WithLast has every transaction under ctx do something at its end, so that the
// one is never without the other.
func WithLast(ctx context.Context, last func(ctx context.Context, tx pgx.Tx) error) context.Context {
	return context.WithValue(ctx, lastKey{}, last)
}

// isCollision reports a serialisation failure or a deadlock.
func isCollision(err error) bool {
	e := (*pgconn.PgError)(nil)
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// IsUnique reports whether err is the refusal of a second row under the
// constraint or unique index of that name.
func IsUnique(err error, constraint string) bool {
	e := (*pgconn.PgError)(nil)
	return errors.As(err, &e) && e.Code == "23505" && e.ConstraintName == constraint
}

// IsAway reports whether err means that the database does not answer, rather
// than that it was asked something wrong.
func IsAway(err error) bool {
	// Whoever cannot connect, for whatever reason, gets no answer.
	if c := (*pgconn.ConnectError)(nil); errors.As(err, &c) {
		return true
	}
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		// Shutting down, starting up, too many connections.
		return e.Code == "57P01" || e.Code == "57P02" || e.Code == "57P03" || e.Code == "53300"
	}
	// A connection that broke while it was asked something.
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}

// EscapeLike returns s for a pattern of LIKE in which it stands for itself.
func EscapeLike(s string) string { return likeEscapes.Replace(s) }

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
