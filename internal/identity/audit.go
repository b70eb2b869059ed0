package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
)

// An Entry is one act in the audit. Nothing personal belongs in it.
type Entry struct {
	By      AccountID // zero for the program itself
	Action  string    // subject.verb, such as account.created
	Subject string    // on what, by its public reference
	Before  any
	After   any
}

// A Trace is what an act leaves in the audit besides itself.
type Trace struct {
	Request  string // finds it in the log
	OnBehalf string // slug of the artisan for whom a helper acts
}

type traceKey struct{}

// WithRequest has all that is recorded under ctx name a request.
func WithRequest(ctx context.Context, request string) context.Context {
	t := traceOf(ctx)
	t.Request = request
	return context.WithValue(ctx, traceKey{}, t)
}

// OnBehalf has all that is recorded under ctx name the artisan, by slug, for
// whom it is done.
func OnBehalf(ctx context.Context, slug string) context.Context {
	t := traceOf(ctx)
	t.OnBehalf = slug
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}

// Record writes an act into the audit, in the transaction of the act itself:
// what was done and what is on record cannot come apart.
func Record(ctx context.Context, tx pgx.Tx, e Entry) error {
	var by *AccountID
	if e.By != 0 {
		by = &e.By
	}
	trace := traceOf(ctx)
	_, err := tx.Exec(ctx, `
		INSERT INTO audit (account_id, action, subject, before, after, request_id, on_behalf)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, by, e.Action, e.Subject, e.Before, e.After, trace.Request, trace.OnBehalf)
	if err != nil {
		return fmt.Errorf("identity: record %s of %s: %w", e.Action, e.Subject, err)
	}
	return nil
}

// A Recorded is an entry as it stands in the audit.
type Recorded struct {
	ID        int64
	At        time.Time
	By        string // name; empty for the program itself
	OnBehalf  string // slug of the artisan for whom it was done; empty for none
	Action    string
	Subject   string
	Before    json.RawMessage // nil where there was nothing
	After     json.RawMessage
	RequestID string
}

// AuditFilter narrows the audit. The zero one asks for all.
type AuditFilter struct {
	By      string    // name of who did it
	Program bool      // what nobody did but the program itself
	For     string    // slug of the artisan for whom a helper did it
	Request string    // the request's name in the log
	Action  string    // one, such as artisan.invited
	Subject string    // or the beginning of one, with what it is or without: order:7K-2QXM, 7K-2QXM
	From    time.Time // with
	To      time.Time // without
	Before  int64     // ID of the last entry seen
	Limit   int
}

// Audit returns entries, newest first, and whether there are more.
func Audit(ctx context.Context, db postgres.DB, f AuditFilter) (list []Recorded, more bool, err error) {
	rows, err := db.Query(ctx, `
		SELECT u.id, u.at, coalesce(a.name, ''), u.on_behalf, u.action, u.subject, u.before, u.after, u.request_id
		FROM audit u
		LEFT JOIN accounts a ON a.id = u.account_id
		WHERE ($1 = '' OR a.name = $1)
		  AND ($2 = '' OR u.action = $2)
		  AND ($3 = '' OR starts_with(lower(u.subject), lower($3)) OR starts_with(split_part(lower(u.subject), ':', 2), lower($3)))
		  AND ($4::timestamptz IS NULL OR u.at >= $4)
		  AND ($5::timestamptz IS NULL OR u.at < $5)
		  AND ($6::bigint = 0 OR u.id < $6)
		  AND (NOT $8 OR u.account_id IS NULL)
		  AND ($9 = '' OR u.on_behalf = $9 AND u.on_behalf <> '')
		  AND ($10 = '' OR u.request_id = $10 AND u.request_id <> '')
		ORDER BY u.id DESC
		LIMIT $7`, f.By, f.Action, f.Subject, orNull(f.From), orNull(f.To), f.Before, f.Limit+1, f.Program, f.For, f.Request)
	if err != nil {
		return nil, false, fmt.Errorf("identity: audit: %w", err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Recorded, error) {
		var r Recorded
		err := row.Scan(&r.ID, &r.At, &r.By, &r.OnBehalf, &r.Action, &r.Subject, &r.Before, &r.After, &r.RequestID)
		return r, err
	})
	if err != nil {
		return nil, false, fmt.Errorf("identity: audit: %w", err)
	}
	if len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// AuditChoices returns the names of those who are in the audit, at most 500 of
// them, and every action that is in it.
func AuditChoices(ctx context.Context, db postgres.DB) (names, actions []string, err error) {
	rows, err := db.Query(ctx, `
		SELECT DISTINCT a.name
		FROM accounts a
		WHERE EXISTS (SELECT FROM audit u WHERE u.account_id = a.id)
		ORDER BY a.name
		LIMIT 500`)
	if err != nil {
		return nil, nil, fmt.Errorf("identity: names in the audit: %w", err)
	}
	if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, nil, fmt.Errorf("identity: names in the audit: %w", err)
	}
	// The distinct actions, one step along the index for each: the audit is long
	// and its actions are few.
	rows, err = db.Query(ctx, `
		WITH RECURSIVE known AS (
			(SELECT action FROM audit ORDER BY action LIMIT 1)
			UNION ALL
			SELECT (SELECT u.action FROM audit u WHERE u.action > k.action ORDER BY u.action LIMIT 1)
			FROM known k
			WHERE k.action IS NOT NULL
		)
		SELECT action FROM known WHERE action IS NOT NULL`)
	if err != nil {
		return nil, nil, fmt.Errorf("identity: actions: %w", err)
	}
	if actions, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, nil, fmt.Errorf("identity: actions: %w", err)
	}
	return names, actions, nil
}
