package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
)

// A Version is a record as it was at one time.
type Version struct {
	Number int
	At     time.Time
	By     string // name; empty for what stood there before the first change
	Values Values // nil where it was taken away
}

// mostVersions bounds the versions of one record that are shown.
const mostVersions = 50

// Versions returns what a record was, newest first, at most fifty of them. One
// that was never changed has none.
func (k Kind) Versions(ctx context.Context, db postgres.DB, ref string) ([]Version, error) {
	rows, err := db.Query(ctx, `
		SELECT v.number, v.at, coalesce(a.name, ''), v.content
		FROM setting_versions v
		LEFT JOIN accounts a ON a.id = v.account_id
		WHERE v.kind = $1 AND v.ref = $2
		ORDER BY v.number DESC
		LIMIT $3`, k.Name, ref, mostVersions)
	if err != nil {
		return nil, fmt.Errorf("settings: versions of %s %s: %w", k.Name, ref, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Version, error) {
		var v Version
		var content map[string]json.RawMessage
		if err := row.Scan(&v.Number, &v.At, &v.By, &content); err != nil || content == nil {
			return v, err
		}
		var err error
		v.Values, err = normal(k.Fields, content)
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("settings: versions of %s %s: %w", k.Name, ref, err)
	}
	return list, nil
}

// A Change is what someone makes of a record.
type Change struct {
	Ref    string // empty for a new record, whose slug is in its values
	Values Values // nil to take it away
	Seen   int    // number of the version that was looked at, 0 for none
	By     identity.AccountID
	At     time.Time
}

// Save writes a change, keeps what was there before, and logs what became
// different. A change that changes nothing leaves no version. It returns
// ErrNoRecord, ErrInUse with what uses the record, ErrChanged where someone else
// changed it meanwhile, and faults beside fields.
func (k Kind) Save(ctx context.Context, tx pgx.Tx, c Change) (ref string, err error) {
	fresh := c.Ref == ""
	if fresh {
		c.Ref = c.Values.Word("slug")
	}
	// One after the other, though there may be no row yet to lock.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('setting ' || $1 || ' ' || $2, 0))`, k.Name, c.Ref); err != nil {
		return "", fmt.Errorf("settings: lock %s %s: %w", k.Name, c.Ref, err)
	}
	before, err := k.Record(ctx, tx, c.Ref)
	if fresh && err == nil {
		return "", wrongAt("slug", "settings.taken")
	}
	there := err == nil
	if there && c.Values != nil {
		c.Values = k.withFixed(before.Values, c.Values)
	}
	if err != nil && !errors.Is(err, ErrNoRecord) {
		return "", err
	}
	last, err := k.last(ctx, tx, c.Ref)
	if err != nil {
		return "", err
	}
	if !there && !fresh && (c.Values == nil || last == 0) {
		return "", ErrNoRecord
	}
	if !fresh && last != c.Seen {
		return "", ErrChanged
	}
	if there && c.Values != nil && len(k.Changed(before.Values, c.Values)) == 0 {
		return c.Ref, nil
	}
	if there && last == 0 {
		if err := k.keep(ctx, tx, c.Ref, 1, before.Values, 0, c.At); err != nil {
			return "", err
		}
		last = 1
	}
	if c.Values == nil {
		err = k.takeAway(ctx, tx, c.Ref)
	} else {
		err = k.save(ctx, tx, c.Ref, !there, c.Values)
	}
	if err != nil {
		return "", err
	}
	if err := k.keep(ctx, tx, c.Ref, last+1, c.Values, c.By, c.At); err != nil {
		return "", err
	}
	if err := k.noteStale(ctx, tx, c.Ref, before.Values, c.Values, c.At); err != nil {
		return "", err
	}
	return c.Ref, k.log(ctx, tx, c, there, before.Values)
}

// withFixed returns values with those fields as they are that are written once.
func (k Kind) withFixed(before, v Values) Values {
	v = maps.Clone(v)
	for _, f := range k.Fields {
		if f.Fixed {
			v[f.Key] = before[f.Key]
		}
	}
	return v
}

// Restore makes a record again what it was, also one that was taken away. It
// returns ErrNoRecord for a version that is not there, and what Save returns.
func (k Kind) Restore(ctx context.Context, tx pgx.Tx, ref string, number, seen int, by identity.AccountID, at time.Time) error {
	var content map[string]json.RawMessage
	err := tx.QueryRow(ctx, `SELECT content FROM setting_versions WHERE kind = $1 AND ref = $2 AND number = $3`, k.Name, ref, number).Scan(&content)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && content == nil {
		return ErrNoRecord
	}
	if err != nil {
		return fmt.Errorf("settings: restore %s %s: %w", k.Name, ref, err)
	}
	values, err := normal(k.Fields, content)
	if err != nil {
		return err
	}
	_, err = k.Save(ctx, tx, Change{Ref: ref, Values: values, Seen: seen, By: by, At: at})
	return err
}

// Last returns the number of a record's last version, 0 where it was never
// changed.
func (k Kind) Last(ctx context.Context, db postgres.DB, ref string) (int, error) {
	return k.last(ctx, db, ref)
}

func (k Kind) last(ctx context.Context, db postgres.DB, ref string) (n int, err error) {
	err = db.QueryRow(ctx, `SELECT coalesce(max(number), 0) FROM setting_versions WHERE kind = $1 AND ref = $2`, k.Name, ref).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("settings: last version of %s %s: %w", k.Name, ref, err)
	}
	return n, nil
}

func (k Kind) keep(ctx context.Context, tx pgx.Tx, ref string, number int, v Values, by identity.AccountID, at time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO setting_versions (kind, ref, number, content, account_id, at)
		VALUES ($1, $2, $3, $4, nullif($5::bigint, 0), $6)`, k.Name, ref, number, v, by, at)
	if err != nil {
		return fmt.Errorf("settings: keep version %d of %s %s: %w", number, k.Name, ref, err)
	}
	return nil
}

// takeAway removes a record that nothing uses.
func (k Kind) takeAway(ctx context.Context, tx pgx.Tx, ref string) error {
	if k.remove == nil {
		return ErrNoRecord
	}
	uses, err := k.Uses(ctx, tx, ref)
	if err != nil {
		return err
	}
	if len(uses) > 0 {
		return ErrInUse
	}
	err = k.remove(ctx, tx, ref)
	// Something came to use it in the moment between, or uses it unseen.
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) && (e.Code == "23503" || e.Code == "23001") {
		return ErrInUse
	}
	return err
}

// log writes what became different into the audit.
func (k Kind) log(ctx context.Context, tx pgx.Tx, c Change, there bool, before Values) error {
	e := identity.Entry{By: c.By, Action: "setting.changed", Subject: k.Name + ":" + c.Ref}
	switch {
	case !there:
		e.Action, e.After = "setting.added", c.Values
	case c.Values == nil:
		e.Action, e.Before = "setting.removed", before
	default:
		was, is := Values{}, Values{}
		for _, key := range k.Changed(before, c.Values) {
			was[key], is[key] = before[key], c.Values[key]
		}
		e.Before, e.After = was, is
	}
	return identity.Record(ctx, tx, e)
}

// wrongAt returns a fault beside one field.
func wrongAt(field, key string, args ...any) error {
	var f fault.Form
	f.Wrong(field, key, args...)
	return f.Err()
}

// unknown returns a fault beside a list that names what is not there.
func unknown(field string, names []string) error {
	return wrongAt(field, "settings.unknown", strings.Join(names, ", "))
}
