package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/postgres/pgtest"
)

// listen runs a listener for the length of a test, and returns what it says:
// "connected", "lost", or the tags that it heard.
func listen(t *testing.T, pool *pgxpool.Pool, quiet time.Duration) <-chan string {
	t.Helper()
	said := make(chan string, 100)
	l := postgres.Listener{
		Pool: pool, Quiet: quiet, Log: slog.New(slog.DiscardHandler),
		Connected: func() { said <- "connected" },
		Lost:      func() { said <- "lost" },
		Heard:     func(tags []string) { said <- strings.Join(tags, " ") },
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want that it was cancelled", err)
		}
	})
	expect(t, said, "connected")
	return said
}

func expect(t *testing.T, said <-chan string, want string) {
	t.Helper()
	select {
	case got := <-said:
		if got != want {
			t.Fatalf("the listener said %.80q, want %.80q", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("the listener never said %.80q", want)
	}
}

func notify(t *testing.T, pool *pgxpool.Pool, end error, tags ...string) {
	t.Helper()
	err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		return errors.Join(postgres.Notify(t.Context(), tx, tags...), end)
	})
	if !errors.Is(err, end) {
		t.Fatal(err)
	}
}

func TestNotifyIsHeardWhenTheTransactionCommits(t *testing.T) {
	pool := pgtest.Open(t)
	said := listen(t, pool, 0)
	rolledBack := errors.New("rolled back")
	notify(t, pool, rolledBack, "product:1")
	notify(t, pool, nil, "product:2", "lists", "product:2")
	expect(t, said, "lists product:2")
	notify(t, pool, nil) // Of nothing, nothing is heard.
	notify(t, pool, nil, "union")
	expect(t, said, "union")
}

func TestNotifyOfManyTags(t *testing.T) {
	pool := pgtest.Open(t)
	said := listen(t, pool, 0)
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprintf("product:%06d", i))
	}
	notify(t, pool, nil, want...)
	var got []string
	for len(got) < len(want) {
		select {
		case s := <-said:
			got = append(got, strings.Fields(s)...)
		case <-time.After(10 * time.Second):
			t.Fatalf("%d tags were heard, want %d", len(got), len(want))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Error("other tags were heard than were sent")
	}
}

func TestNotifyRefusesWhatIsNoTag(t *testing.T) {
	pool := pgtest.Open(t)
	for _, tag := range []string{"", "two words", strings.Repeat("x", 300)} {
		err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error { return postgres.Notify(t.Context(), tx, tag) })
		if err == nil {
			t.Errorf("Notify took %.20q", tag)
		}
	}
}

func TestListenerComesBackAfterItsConnectionIsEnded(t *testing.T) {
	pool := pgtest.Open(t)
	said := listen(t, pool, 0)
	_, err := pool.Exec(t.Context(), `
		SELECT pg_terminate_backend(pid)
		FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = $1`, postgres.ListenerName)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, said, "lost")
	expect(t, said, "connected")
	notify(t, pool, nil, "lists")
	expect(t, said, "lists")
}

// Silence alone does not end a connection.
func TestListenerOutlastsSilence(t *testing.T) {
	pool := pgtest.Open(t)
	said := listen(t, pool, 20*time.Millisecond)
	time.Sleep(200 * time.Millisecond)
	notify(t, pool, nil, "lists")
	expect(t, said, "lists")
}

// A connection that a firewall forgot looks like one on which nothing is said.
func TestListenerNoticesADeadConnection(t *testing.T) {
	c, err := pgxpool.ParseConfig(pgtest.Database(t, "template1"))
	if err != nil {
		t.Fatal(err)
	}
	dial := c.ConnConfig.DialFunc
	var deaf atomic.Bool
	c.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return deafConn{conn, &deaf}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	said := listen(t, pool, 50*time.Millisecond)
	deaf.Store(true)
	expect(t, said, "lost")
	deaf.Store(false)
	expect(t, said, "connected")
}

// deafConn loses what comes in while deaf is set.
type deafConn struct {
	net.Conn
	deaf *atomic.Bool
}

func (c deafConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.deaf.Load() {
			return n, err
		}
	}
}
