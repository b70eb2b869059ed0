package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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
	Whose     string          // name, where the subject is an account
	WhoseRef  string          // Colleague.Ref, likewise
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

// where returns the condition of a filter, and what it is asked with. Only what
// is asked for stands in it: each has an index of its own, and the table is long.
func (f AuditFilter) where(ctx context.Context, db postgres.DB) (sql string, args []any, err error) {
	var conditions []string
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		conditions = append(conditions, condition)
	}
	if f.By != "" {
		rows, err := db.Query(ctx, `SELECT id FROM accounts WHERE name = $1`, f.By)
		if err != nil {
			return "", nil, err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[AccountID])
		if err != nil {
			return "", nil, err
		}
		if len(ids) == 1 {
			add("u.account_id = ?", ids[0])
		} else {
			add("u.account_id = ANY (?)", ids)
		}
	}
	if f.Program {
		add("u.account_id IS NULL")
	}
	if f.For != "" {
		add("u.on_behalf <> '' AND u.on_behalf = ?", f.For)
	}
	if f.Action != "" {
		add("u.action = ?", f.Action)
	}
	if f.Subject != "" {
		begins := postgres.EscapeLike(strings.ToLower(f.Subject)) + "%"
		add("(lower(u.subject) LIKE ? OR split_part(lower(u.subject), ':', 2) LIKE ?)", begins, begins)
	}
	if f.Request != "" {
		add("u.request_id <> '' AND u.request_id = ?", f.Request)
	}
	if !f.From.IsZero() {
		add("u.at >= ?", f.From)
	}
	if !f.To.IsZero() {
		add("u.at < ?", f.To)
	}
	if f.Before != 0 {
		add("(u.at, u.id) < (SELECT b.at, b.id FROM audit b WHERE b.id = ?)", f.Before)
	}
	if len(conditions) == 0 {
		return "true", nil, nil
	}
	return strings.Join(conditions, " AND "), args, nil
}

// Audit returns entries, newest first, and whether there are more.
func Audit(ctx context.Context, db postgres.DB, f AuditFilter) (list []Recorded, more bool, err error) {
	where, args, err := f.where(ctx, db)
	if err != nil {
		return nil, false, fmt.Errorf("identity: audit: %w", err)
	}
	rows, err := db.Query(ctx, `
		SELECT u.id, u.at, coalesce(a.name, ''), u.on_behalf, u.action, u.subject, coalesce(s.name, ''), coalesce(s.ref::text, ''),
			u.before, u.after, u.request_id
		FROM audit u
		LEFT JOIN accounts a ON a.id = u.account_id
		LEFT JOIN accounts s ON s.id = CASE WHEN u.subject ~ '^account:[0-9]{1,18}$' THEN split_part(u.subject, ':', 2)::bigint END
		WHERE `+where+`
		ORDER BY u.at DESC, u.id DESC
		LIMIT `+strconv.Itoa(f.Limit+1), args...)
	if err != nil {
		return nil, false, fmt.Errorf("identity: audit: %w", err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Recorded, error) {
		var r Recorded
		err := row.Scan(&r.ID, &r.At, &r.By, &r.OnBehalf, &r.Action, &r.Subject, &r.Whose, &r.WhoseRef, &r.Before, &r.After, &r.RequestID)
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

// Moves returns who did some actions to one subject and when, newest first, at
// most limit of them.
func Moves(ctx context.Context, db postgres.DB, subject string, actions []string, limit int) ([]Recorded, error) {
	rows, err := db.Query(ctx, `
		SELECT u.at, coalesce(a.name, ''), u.action
		FROM audit u
		LEFT JOIN accounts a ON a.id = u.account_id
		WHERE lower(u.subject) LIKE $1 AND u.subject = $2 AND u.action = ANY ($3)
		ORDER BY u.at DESC, u.id DESC
		LIMIT $4`, postgres.EscapeLike(strings.ToLower(subject)), subject, actions, limit)
	if err != nil {
		return nil, fmt.Errorf("identity: moves of %s: %w", subject, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Recorded, error) {
		var r Recorded
		err := row.Scan(&r.At, &r.By, &r.Action)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("identity: moves of %s: %w", subject, err)
	}
	return list, nil
}
