package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxPayload is how long a notification may be. PostgreSQL takes 7999 bytes.
const maxPayload = 7900

// Notify tells every program that pages made of what has these tags are out of
// date. It is heard when tx commits, and never if tx does not, so it is called
// by the very function that changes the data.
//
// A tag is a word without spaces, such as product:17.
func Notify(ctx context.Context, tx pgx.Tx, tags ...string) error {
	payloads, err := payloadsOf(tags)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `SELECT pg_notify('pages', p) FROM unnest($1::text[]) AS p`, payloads); err != nil {
		return fmt.Errorf("postgres: notify: %w", err)
	}
	return nil
}

// payloadsOf joins tags into as few notifications as they fit in.
func payloadsOf(tags []string) ([]string, error) {
	var list []string
	var b strings.Builder
	for _, tag := range slices.Compact(slices.Sorted(slices.Values(tags))) {
		if tag == "" || len(tag) > 200 || strings.ContainsAny(tag, " \t\n") {
			return nil, fmt.Errorf("postgres: notify: %q is no tag", tag)
		}
		if b.Len() > 0 && b.Len()+1+len(tag) > maxPayload {
			list = append(list, b.String())
			b.Reset()
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(tag)
	}
	if b.Len() > 0 {
		list = append(list, b.String())
	}
	return list, nil
}

// A Listener hears what Notify says, on a connection of its own. Its functions
// are called one at a time.
type Listener struct {
	Pool      *pgxpool.Pool // whose settings it connects with
	Connected func()        // from now on everything is heard; what came before was missed
	Lost      func()        // from now on nothing is heard, until Connected
	Heard     func(tags []string)
	Log       *slog.Logger

	// Quiet is how long it waits before it asks whether the database is still
	// there: a connection that is cut may look like one on which nothing is
	// said. Ten seconds when zero.
	Quiet time.Duration
}

// ListenerName is what the listener's connection is called in pg_stat_activity.
const ListenerName = "kissaria listener"

// How long a lost listener waits before it tries again.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Run listens until ctx ends, whatever happens to the database meanwhile, and
// returns why ctx ended.
func (l *Listener) Run(ctx context.Context) error {
	wait := firstRetry
	for {
		listened, err := l.listen(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if listened {
			wait = firstRetry
		}
		l.Log.WarnContext(ctx, "changes are not heard of; listening again soon", "in", wait, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		// Not all programs at once, when the database comes back.
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, lastRetry)
	}
}

// listen connects and listens until the connection fails or ctx ends.
func (l *Listener) listen(ctx context.Context) (listened bool, err error) {
	conn, err := l.connect(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if closeErr := conn.Close(farewell); closeErr != nil {
			l.Log.DebugContext(ctx, "the listener's connection did not close well", "error", closeErr)
		}
	}()
	l.Connected()
	defer l.Lost()
	quiet := l.Quiet
	if quiet == 0 {
		quiet = 10 * time.Second
	}
	for {
		n, err := waitFor(ctx, conn, quiet)
		switch {
		case err == nil:
			l.Heard(strings.Fields(n.Payload))
		case ctx.Err() != nil:
			return true, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			if err := ping(ctx, conn); err != nil {
				return true, err
			}
		default:
			return true, fmt.Errorf("postgres: listen: %w", err)
		}
	}
}

func (l *Listener) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c := l.Pool.Config().ConnConfig
	c.RuntimeParams["application_name"] = ListenerName
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("postgres: listen: %w", err)
	}
	if _, err := conn.Exec(ctx, `LISTEN pages`); err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: listen: %w", err), conn.Close(ctx))
	}
	return conn, nil
}

// waitFor returns context.DeadlineExceeded when nothing is said for so long;
// the connection is still of use then.
func waitFor(ctx context.Context, conn *pgx.Conn, quiet time.Duration) (*pgconn.Notification, error) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	return conn.WaitForNotification(ctx)
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := conn.Ping(ctx); err != nil {
		return fmt.Errorf("postgres: the listener's connection is dead: %w", err)
	}
	return nil
}
