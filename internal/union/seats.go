package union

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
)

// A CommitteeSeat is a place in a committee.
type CommitteeSeat struct {
	Committee string // slug
	Artisan   string // slug
	Office    string // chair, vice_chair or member
}

// Seats returns who sits in the committees, each one's chair first.
func Seats(ctx context.Context, db postgres.DB) ([]CommitteeSeat, error) {
	rows, err := db.Query(ctx, `
		SELECT c.slug, a.slug, m.office
		FROM committee_members m
		JOIN committees c ON c.id = m.committee_id
		JOIN artisans a ON a.id = m.artisan_id
		ORDER BY c.id, array_position('{chair,vice_chair,member}'::text[], m.office), a.slug`)
	if err != nil {
		return nil, fmt.Errorf("union: seats: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CommitteeSeat])
	if err != nil {
		return nil, fmt.Errorf("union: seats: %w", err)
	}
	return list, nil
}

// SetSeats has these artisans sit in a committee, and nobody else, and returns
// those of the slugs that are no active or invited member's; then nothing is
// changed. Whoever can sign in may judge from now on, or no longer.
func SetSeats(ctx context.Context, tx pgx.Tx, committee string, seats []CommitteeSeat) (unknown []string, err error) {
	members, err := Members(ctx, tx, slugsOf(seats))
	if err != nil {
		return nil, err
	}
	known := map[string]Artisan{}
	for _, m := range members {
		if m.State == Active || m.State == Invited {
			known[m.Slug] = m
		}
	}
	for _, s := range seats {
		if _, ok := known[s.Artisan]; !ok && !slices.Contains(unknown, s.Artisan) {
			unknown = append(unknown, s.Artisan)
		}
	}
	if len(unknown) > 0 {
		return unknown, nil
	}
	rows, err := tx.Query(ctx, `
		DELETE FROM committee_members m USING committees c, artisans a
		WHERE c.id = m.committee_id AND a.id = m.artisan_id AND c.slug = $1
		RETURNING coalesce(a.account_id, 0)`, committee)
	if err != nil {
		return nil, fmt.Errorf("union: set seats of %s: %w", committee, err)
	}
	were, err := pgx.CollectRows(rows, pgx.RowTo[identity.AccountID])
	if err != nil {
		return nil, fmt.Errorf("union: set seats of %s: %w", committee, err)
	}
	for _, s := range seats {
		a := known[s.Artisan]
		if _, err := tx.Exec(ctx, `
			INSERT INTO committee_members (committee_id, artisan_id, office)
			SELECT id, $2, $3 FROM committees WHERE slug = $1`, committee, a.ID, s.Office); err != nil {
			return nil, fmt.Errorf("union: set seats of %s: %w", committee, err)
		}
		if a.Account != 0 {
			if err := identity.GiveRole(ctx, tx, a.Account, identity.Committee, 0); err != nil {
				return nil, err
			}
		}
	}
	for _, account := range were {
		var sits bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM committee_members m JOIN artisans a ON a.id = m.artisan_id WHERE a.account_id = $1)`, account).Scan(&sits)
		if err != nil {
			return nil, fmt.Errorf("union: set seats of %s: %w", committee, err)
		}
		if account != 0 && !sits {
			if err := identity.TakeRole(ctx, tx, account, identity.Committee, 0); err != nil {
				return nil, err
			}
		}
	}
	return nil, postgres.Notify(ctx, tx, Everywhere)
}

func slugsOf(seats []CommitteeSeat) []string {
	slugs := make([]string, len(seats))
	for i, s := range seats {
		slugs[i] = s.Artisan
	}
	return slugs
}
