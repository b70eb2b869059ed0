package moderation

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
)

// claimLife is how long someone who opened a piece is taken to be at it.
const claimLife = 10 * time.Minute

// A Claim is who is looking at a piece just now.
type Claim struct {
	By   identity.AccountID
	Name string
	At   time.Time
}

// ClaimFor says that an account is looking at a revision, unless a colleague is,
// and returns who is. Nobody is kept from deciding by it: it spares two people
// the same work.
func ClaimFor(ctx context.Context, db postgres.DB, r catalog.RevisionID, by identity.AccountID, at time.Time) (Claim, error) {
	var c Claim
	err := db.QueryRow(ctx, `
		WITH taken AS (
			INSERT INTO claims AS old (revision_id, account_id, at)
			VALUES ($1, $2, $3)
			ON CONFLICT (revision_id) DO UPDATE
			SET account_id = CASE WHEN old.account_id = $2 OR old.at < $4 THEN $2 ELSE old.account_id END,
			    at = CASE WHEN old.account_id = $2 OR old.at < $4 THEN $3 ELSE old.at END
			RETURNING account_id, at)
		SELECT t.account_id, a.name, t.at
		FROM taken t
		JOIN accounts a ON a.id = t.account_id`, r, by, at, at.Add(-claimLife)).Scan(&c.By, &c.Name, &c.At)
	if err != nil {
		return Claim{}, fmt.Errorf("moderation: claim: %w", err)
	}
	return c, nil
}

// askClaims asks who is looking at these revisions just now.
func askClaims(revisions []catalog.RevisionID, at time.Time, all map[catalog.RevisionID]Claim) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) error {
		var id catalog.RevisionID
		var c Claim
		_, err := pgx.ForEachRow(rows, []any{&id, &c.By, &c.Name, &c.At}, func() error { all[id] = c; return nil })
		return err
	}, `
		SELECT c.revision_id, c.account_id, a.name, c.at
		FROM claims c
		JOIN accounts a ON a.id = c.account_id
		WHERE c.revision_id = ANY ($1) AND c.at >= $2`, revisions, at.Add(-claimLife))
}
