package identity

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// An Entry is one act in the audit. Nothing personal belongs in it.
type Entry struct {
	By        AccountID // zero for the program itself
	Action    string    // subject.verb, such as account.created
	Subject   string    // on what, by its public reference
	Before    any
	After     any
	RequestID string
}

// Record writes an act into the audit, in the transaction of the act itself:
// what was done and what is on record cannot come apart.
func Record(ctx context.Context, tx pgx.Tx, e Entry) error {
	var by *AccountID
	if e.By != 0 {
		by = &e.By
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO audit (account_id, action, subject, before, after, request_id)
		VALUES ($1, $2, $3, $4, $5, $6)`, by, e.Action, e.Subject, e.Before, e.After, e.RequestID)
	if err != nil {
		return fmt.Errorf("identity: record %s of %s: %w", e.Action, e.Subject, err)
	}
	return nil
}
