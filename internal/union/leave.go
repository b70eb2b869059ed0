package union

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
)

var (
	// ErrNotLeaving is returned for a member who has left, or is suspended.
	ErrNotLeaving = fault.New(fault.Conflict, "admin.leave.late")
	// ErrMerged is returned for an entry that was merged into another.
	ErrMerged = fault.New(fault.Conflict, "admin.merge.merged")
)

// Leave notes that a member has left: their pieces are in no list and cannot be
// bought. What they sold stays theirs, and so does what they are owed. It returns a
// fault beside the field why, or ErrNotLeaving.
func Leave(ctx context.Context, tx pgx.Tx, a Artisan, why string, by identity.AccountID) error {
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
	tag, err := tx.Exec(ctx, `UPDATE artisans SET state = 'left' WHERE id = $1 AND state IN ('applied', 'invited', 'active')`, a.ID)
	if err != nil {
		return fmt.Errorf("union: leave %s: %w", a.Slug, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotLeaving
	}
	if err := postgres.Notify(ctx, tx, a.ID.Tag(), Lists); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisan.left", Subject: "artisan:" + a.Slug,
		Before: map[string]State{"state": a.State}, After: map[string]string{"state": string(Left), "why": why}})
}

// ComeBack takes a member who had left in again: active if they had come in once,
// and to be invited otherwise. Done twice, it is done once. It returns ErrMerged
// for an entry that another has taken the place of.
func ComeBack(ctx context.Context, tx pgx.Tx, a Artisan, by identity.AccountID) error {
	var is State
	var merged bool
	err := tx.QueryRow(ctx, `
		UPDATE artisans
		SET state = CASE WHEN merged_into IS NOT NULL THEN state WHEN account_id IS NULL THEN 'invited' ELSE 'active' END
		WHERE id = $1 AND state = 'left'
		RETURNING state, merged_into IS NOT NULL`, a.ID).Scan(&is, &merged)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("union: come back %s: %w", a.Slug, err)
	}
	if merged {
		return ErrMerged
	}
	return changeState(ctx, tx, a, "artisan.came_back", Left, is, by)
}

// MoveActions are the acts by which a member comes from one state to another, as
// the audit has them.
var MoveActions = []string{"artisan.imported", "artisan.invited", "artisan.suspended", "artisan.reinstated", "artisan.left", "artisan.came_back", "artisan.merged"}

// MergedInto returns the slug of the entry that one was merged into, and an empty
// one where it was not.
func MergedInto(ctx context.Context, db postgres.DB, slug string) (to string, err error) {
	err = db.QueryRow(ctx, `SELECT b.slug FROM artisans a JOIN artisans b ON b.id = a.merged_into WHERE a.slug = $1`, slug).Scan(&to)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("union: merged into: %w", err)
	}
	return to, nil
}

// Doubles returns who may be the same person as a member: those of the same phone,
// or of the same name in either letters, at most ten.
func Doubles(ctx context.Context, db postgres.DB, a Artisan) ([]Artisan, error) {
	rows, err := db.Query(ctx, `
		SELECT `+artisanColumns+artisanTables+`
		WHERE a.id <> $1 AND a.merged_into IS NULL
		  AND ($2 <> '' AND regexp_replace(a.phone, '[^0-9+]', '', 'g') = $2 OR lower(a.name) = lower($3) OR a.name_ar = $4)
		ORDER BY a.name, a.slug
		LIMIT 10`, a.ID, identity.Phone(a.Phone), a.Name, a.NameArabic)
	if err != nil {
		return nil, fmt.Errorf("union: doubles: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanArtisan)
	if err != nil {
		return nil, fmt.Errorf("union: doubles: %w", err)
	}
	return list, nil
}

// Absorb moves what the union itself keeps of one entry to another: seats,
// notices, pictures of the work, who helps, and the account where the other has
// none. What the other does not say it takes over. The first entry has left, and
// its address leads to the other.
func Absorb(ctx context.Context, tx pgx.Tx, from, into Artisan) error {
	for _, sql := range []string{`
		INSERT INTO committee_members (committee_id, artisan_id, office)
		SELECT committee_id, $2, office FROM committee_members WHERE artisan_id = $1
		ON CONFLICT DO NOTHING`, `
		DELETE FROM committee_members WHERE artisan_id = $1 AND $2::bigint IS NOT NULL`, `
		UPDATE notices n SET artisan_id = $2
		WHERE artisan_id = $1 AND NOT EXISTS (SELECT FROM notices o WHERE o.artisan_id = $2 AND o.kind = n.kind AND o.subject = n.subject)`, `
		UPDATE work_pictures SET artisan_id = $2 WHERE artisan_id = $1 AND NOT EXISTS (SELECT FROM work_pictures WHERE artisan_id = $2)`, `
		UPDATE helpings h SET artisan_id = $2
		WHERE artisan_id = $1 AND NOT EXISTS (SELECT FROM helpings o WHERE o.artisan_id = $2 AND o.account_id = h.account_id AND o.ended_at IS NULL)`, `
		UPDATE invitations SET revoked_at = now() WHERE artisan_id IN ($1, $2) AND used_at IS NULL AND revoked_at IS NULL`, `
		UPDATE artisans SET state = 'left', merged_into = $2, account_id = NULL WHERE id = $1`} {
		if _, err := tx.Exec(ctx, sql, from.ID, into.ID); err != nil {
			return fmt.Errorf("union: absorb %s: %w", from.Slug, err)
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE artisans i
		SET account_id = coalesce(i.account_id, nullif($3::bigint, 0)), bio = coalesce(i.bio, f.bio), email = coalesce(i.email, f.email),
		    register_number = CASE WHEN i.register_number = '' THEN f.register_number ELSE i.register_number END,
		    phone = CASE WHEN i.phone = '' THEN f.phone ELSE i.phone END, picture_id = coalesce(i.picture_id, f.picture_id),
		    bank_sealed = i.bank_sealed, years_of_craft = greatest(i.years_of_craft, f.years_of_craft), joined = least(i.joined, f.joined),
		    state = CASE WHEN i.state = 'invited' AND coalesce(i.account_id, nullif($3::bigint, 0)) IS NOT NULL THEN 'active' ELSE i.state END
		FROM artisans f
		WHERE i.id = $2 AND f.id = $1`, from.ID, into.ID, from.Account)
	if err != nil {
		return fmt.Errorf("union: absorb %s: %w", from.Slug, err)
	}
	return postgres.Notify(ctx, tx, from.ID.Tag(), into.ID.Tag(), Lists)
}
