package postgres

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

type countKey struct{}

// CountQueries has every query under the context it returns counted. A page that
// asks more as its list grows shows in the log.
func CountQueries(ctx context.Context) (context.Context, *atomic.Int64) {
	n := new(atomic.Int64)
	return context.WithValue(ctx, countKey{}, n), n
}

// Uncounted has the queries under ctx not counted: what is read for all requests
// together, and by chance in one of them, is none of its own.
func Uncounted(ctx context.Context) context.Context { return context.WithValue(ctx, countKey{}, nil) }

// counter counts a statement, and a batch as one: it goes to the database once.
// What opens and closes a transaction is none of a page's questions.
type counter struct{}

func (counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	switch d.SQL {
	case "begin", "commit", "rollback":
		return ctx
	}
	if n, ok := ctx.Value(countKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
	return ctx
}

func (counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	if n, ok := ctx.Value(countKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
	return ctx
}

func (counter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// An Ask is a question that can go to the database together with others.
type Ask func(b *pgx.Batch)

// Together asks several questions in one trip, and returns the first error of any.
// Each answer is where its Ask was told to put it.
func Together(ctx context.Context, db DB, asks ...Ask) error {
	b := &pgx.Batch{}
	for _, ask := range asks {
		ask(b)
	}
	return db.SendBatch(ctx, b).Close()
}

// AskRows is an Ask whose answer is rows.
func AskRows(read func(rows pgx.Rows) error, sql string, args ...any) Ask {
	return func(b *pgx.Batch) { b.Queue(sql, args...).Query(read) }
}

// AskRow is an Ask whose answer is one row.
func AskRow(read func(row pgx.Row) error, sql string, args ...any) Ask {
	return func(b *pgx.Batch) { b.Queue(sql, args...).QueryRow(read) }
}
