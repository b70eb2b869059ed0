package membership

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/training"
	"kissaria.ma/internal/union"
)

var (
	// ErrSame is returned for a member who would be merged with themselves, or with
	// an entry that is gone.
	ErrSame = fault.New(fault.Conflict, "admin.merge.same")
	// ErrOneOrder is returned where both entries have a part in one order.
	ErrOneOrder = fault.New(fault.Conflict, "admin.merge.one_order")
	// ErrMarked is returned where the entry that goes has a mark of its workshop.
	ErrMarked = fault.New(fault.Conflict, "admin.merge.marked")
	// ErrBusy is returned while the entry that goes is suspended.
	ErrBusy = fault.New(fault.Conflict, "admin.merge.suspended")
)

// Belongings are what an entry of the register has, to be seen before two are
// merged.
type Belongings struct {
	Pieces, Orders, Trainings int
	Owed                      money.Amount // by the union
}

// BelongingsOf counts what an artisan has.
func BelongingsOf(ctx context.Context, db postgres.DB, a union.Artisan) (b Belongings, err error) {
	balance, err := ledger.Balance(ctx, db, ledger.Artisan(a.Slug))
	if err != nil {
		return b, err
	}
	b.Owed = balance.Negated()
	err = db.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM products WHERE artisan_id = $1), (SELECT count(*) FROM fulfilments WHERE artisan_id = $1),
		       (SELECT count(*) FROM completions WHERE artisan_id = $1)`, a.ID).Scan(&b.Pieces, &b.Orders, &b.Trainings)
	if err != nil {
		return b, fmt.Errorf("membership: belongings of %s: %w", a.Slug, err)
	}
	return b, nil
}

// Merge makes one of two entries of the same person: everything of the first is
// the second's from now on, down to the centime. The first one's address leads to
// the second. Whoever signed in as the first and cannot as the second is returned,
// to be signed out. It returns ErrSame, ErrOneOrder with the order's number,
// ErrMarked or ErrBusy.
func Merge(ctx context.Context, tx pgx.Tx, from, into string, by identity.AccountID, at time.Time) (out identity.AccountID, err error) {
	// In one order, so that two merges of the same two wait for one another.
	if _, err := tx.Exec(ctx, `SELECT FROM artisans WHERE slug IN ($1, $2) ORDER BY id FOR UPDATE`, from, into); err != nil {
		return 0, fmt.Errorf("membership: merge: %w", err)
	}
	f, err := union.Member(ctx, tx, from)
	if err != nil {
		return 0, err
	}
	i, err := union.Member(ctx, tx, into)
	if err != nil {
		return 0, err
	}
	for _, slug := range []string{from, into} {
		gone, err := union.MergedInto(ctx, tx, slug)
		if err != nil {
			return 0, err
		}
		if gone != "" || f.ID == i.ID {
			return 0, ErrSame
		}
	}
	if f.State == union.Suspended || i.State == union.Suspended || i.State == union.Left {
		return 0, ErrBusy
	}
	number, err := order.Shared(ctx, tx, f.ID, i.ID)
	if err != nil {
		return 0, err
	}
	if number != "" {
		return 0, ErrOneOrder.With(number)
	}
	marked, err := mark.HasWorkshopMark(ctx, tx, f.ID)
	if err != nil {
		return 0, err
	}
	if marked {
		return 0, ErrMarked
	}
	before, err := BelongingsOf(ctx, tx, f)
	if err != nil {
		return 0, err
	}
	if !before.Owed.IsZero() {
		_, err := ledger.Book(ctx, tx, ledger.Transaction{Key: "merge/" + from + "/" + into, Kind: ledger.Correction, Reference: "artisan:" + from,
			Postings: []ledger.Posting{{Account: ledger.Artisan(from), Amount: before.Owed, Note: into}, {Account: ledger.Artisan(into), Amount: before.Owed.Negated(), Note: from}}})
		if err != nil {
			return 0, err
		}
	}
	if err := media.MoveOwner(ctx, tx, from, into); err != nil {
		return 0, err
	}
	if err := order.MoveArtisan(ctx, tx, f.ID, i.ID); err != nil {
		return 0, err
	}
	if err := training.MoveArtisan(ctx, tx, f.ID, i.ID); err != nil {
		return 0, err
	}
	if err := mark.MovePieces(ctx, tx, f.ID, i.ID); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, `UPDATE member_files SET artisan_id = $2 WHERE artisan_id = $1`, f.ID, i.ID); err != nil {
		return 0, fmt.Errorf("membership: merge files: %w", err)
	}
	if err := union.Absorb(ctx, tx, f, i); err != nil {
		return 0, err
	}
	// Last, since cards say whose their pieces are.
	if err := catalog.MoveArtisan(ctx, tx, f.ID, i.ID); err != nil {
		return 0, err
	}
	if f.Account != 0 && i.Account != 0 {
		out = f.Account
	}
	return out, identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisan.merged", Subject: "artisan:" + from,
		Before: before, After: map[string]string{"into": into}})
}
