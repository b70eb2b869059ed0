package union

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
)

// MostWhy bounds the reason of a suspension, in characters.
const MostWhy = 500

// A Suspension closes a workshop for a while.
type Suspension struct {
	Why string
	At  time.Time
}

// ErrNotSuspendable is returned for an artisan who is suspended already, or who
// has left.
var ErrNotSuspendable = fault.New(fault.Conflict, "admin.suspend.late")

// Suspend closes an artisan's workshop: from this moment its pieces are in no
// list and cannot be bought, and its artisan prepares what was sold and does
// nothing else. The caller signs the artisan out. It returns a fault beside the
// field why, or ErrNotSuspendable.
func Suspend(ctx context.Context, tx pgx.Tx, a Artisan, why string, by identity.AccountID, at time.Time) error {
	var f fault.Form
	switch why = strings.TrimSpace(why); {
	case why == "":
		f.Wrong("why", "admin.suspend.no_reason")
	case len([]rune(why)) > MostWhy:
		f.Wrong("why", "checkout.too_long")
	}
	if err := f.Err(); err != nil {
		return err
	}
	var was State
	err := tx.QueryRow(ctx, `
		UPDATE artisans a
		SET state = 'suspended'
		FROM (SELECT id, state FROM artisans WHERE id = $1 FOR UPDATE) b
		WHERE a.id = b.id AND b.state IN ('applied', 'invited', 'active')
		RETURNING b.state`, a.ID).Scan(&was)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotSuspendable
	}
	if err != nil {
		return fmt.Errorf("union: suspend %s: %w", a.Slug, err)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO suspensions (artisan_id, was, why, account_id, at)
		VALUES ($1, $2, $3, $4, $5)`, a.ID, was, why, by, at)
	if err != nil {
		return fmt.Errorf("union: suspend %s: %w", a.Slug, err)
	}
	return changeState(ctx, tx, a, "artisan.suspended", was, Suspended, by)
}

// Reinstate ends an artisan's suspension: everything is as it was before. Done
// twice, it is done once.
func Reinstate(ctx context.Context, tx pgx.Tx, a Artisan, by identity.AccountID, at time.Time) error {
	var was State
	err := tx.QueryRow(ctx, `
		UPDATE suspensions
		SET lifted_at = greatest(at, $2)
		WHERE artisan_id = $1 AND lifted_at IS NULL
		RETURNING was`, a.ID, at).Scan(&was)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("union: reinstate %s: %w", a.Slug, err)
	}
	if _, err := tx.Exec(ctx, `UPDATE artisans SET state = $2 WHERE id = $1 AND state = 'suspended'`, a.ID, was); err != nil {
		return fmt.Errorf("union: reinstate %s: %w", a.Slug, err)
	}
	return changeState(ctx, tx, a, "artisan.reinstated", Suspended, was, by)
}

// changeState tells everyone of an artisan's new state, and logs it.
func changeState(ctx context.Context, tx pgx.Tx, a Artisan, action string, was, is State, by identity.AccountID) error {
	if err := postgres.Notify(ctx, tx, a.ID.Tag(), Lists); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: action, Subject: "artisan:" + a.Slug,
		Before: map[string]State{"state": was}, After: map[string]State{"state": is}})
}

// SuspensionOf returns the suspension that an artisan is under, and whether
// there is one.
func SuspensionOf(ctx context.Context, db postgres.DB, a ArtisanID) (s Suspension, ok bool, err error) {
	err = db.QueryRow(ctx, `SELECT why, at FROM suspensions WHERE artisan_id = $1 AND lifted_at IS NULL`, a).Scan(&s.Why, &s.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return Suspension{}, false, nil
	}
	if err != nil {
		return Suspension{}, false, fmt.Errorf("union: suspension: %w", err)
	}
	return s, true, nil
}
