// Package moderation is the committees' judgement: a piece goes on sale when
// those who know its trade have seen it.
package moderation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// Verdict is what a committee says of a revision.
type Verdict string

const (
	Approved         Verdict = "approved"
	ChangesRequested Verdict = "changes_requested"
	Rejected         Verdict = "rejected"
)

var (
	// ErrOwn is returned to someone who would judge their own piece.
	ErrOwn = fault.New(fault.Forbidden, "moderation.own")
	// ErrNotYours is returned to a committee member of another trade.
	ErrNotYours = fault.New(fault.Forbidden, "moderation.not_yours")
	// ErrDecided is returned where a colleague was first.
	ErrDecided = fault.New(fault.Conflict, "moderation.decided")
	// ErrNoWords is returned for a no without a why.
	ErrNoWords = fault.New(fault.Invalid, "moderation.no_words")
)

// A Judge is who judges: which trades, and whose own pieces are not theirs to
// judge.
type Judge struct {
	Account identity.AccountID
	All     bool            // an administrator, who stands in for every committee
	Trades  []union.TradeID // of the committees they sit in
	Own     union.ArtisanID // 0 for someone without a workshop
	Helped  []union.ArtisanID
}

// owns reports whether a piece is the judge's own, or of someone for whom they
// may act in the studio.
func (j Judge) owns(s catalog.Submitted) bool {
	return s.Artisan == j.Own || slices.Contains(j.Helped, s.Artisan)
}

// JudgeOf returns what an account may judge.
func JudgeOf(ctx context.Context, db postgres.DB, a identity.Account) (Judge, error) {
	j := Judge{Account: a.ID, All: a.May(identity.JudgeEverything)}
	rows, err := db.Query(ctx, `
		SELECT ar.id, coalesce(t.id, 0)
		FROM artisans ar
		LEFT JOIN committee_members m ON m.artisan_id = ar.id
		LEFT JOIN trades t ON t.committee_id = m.committee_id
		WHERE ar.account_id = $1`, a.ID)
	if err != nil {
		return Judge{}, fmt.Errorf("moderation: judge: %w", err)
	}
	var trade union.TradeID
	_, err = pgx.ForEachRow(rows, []any{&j.Own, &trade}, func() error {
		if trade != 0 {
			j.Trades = append(j.Trades, trade)
		}
		return nil
	})
	if err != nil {
		return Judge{}, fmt.Errorf("moderation: judge: %w", err)
	}
	helped, err := union.HelpedBy(ctx, db, a.ID)
	if err != nil {
		return Judge{}, err
	}
	for _, h := range helped {
		if h.Confirmed() {
			j.Helped = append(j.Helped, h.Artisan)
		}
	}
	return j, nil
}

// may returns nil for a revision that the judge may judge.
func (j Judge) may(s catalog.Submitted) error {
	if j.owns(s) {
		return ErrOwn
	}
	if j.All {
		return nil
	}
	for _, t := range j.Trades {
		if t == s.Trade {
			return nil
		}
	}
	return ErrNotYours
}

// Queue returns what waits for the judge, oldest first. Their own pieces wait
// for someone else.
func Queue(ctx context.Context, db postgres.DB, j Judge, limit int) ([]catalog.Submitted, error) {
	if !j.All && len(j.Trades) == 0 {
		return nil, nil
	}
	trades := j.Trades
	if j.All {
		trades = nil
	}
	list, err := catalog.Waiting(ctx, db, trades, limit)
	if err != nil {
		return nil, err
	}
	kept := list[:0]
	for _, s := range list {
		if !j.owns(s) {
			kept = append(kept, s)
		}
	}
	return kept, nil
}

// Decide judges a revision. Approved, it is on sale at once; otherwise the
// artisan reads why, in the committee's words. Of two who decide at once, the
// second is told.
func Decide(ctx context.Context, tx pgx.Tx, j Judge, s catalog.Submitted, v Verdict, words, language string, at time.Time) error {
	if err := j.may(s); err != nil {
		return err
	}
	words = strings.TrimSpace(words)
	if v != Approved && words == "" {
		return ErrNoWords
	}
	if _, err := tx.Exec(ctx, `SELECT FROM revisions WHERE id = $1 FOR UPDATE`, s.Revision); err != nil {
		return fmt.Errorf("moderation: decide: %w", err)
	}
	now, err := catalog.SubmittedBy(ctx, tx, s.Slug, s.Number)
	if err != nil {
		return err
	}
	if now.State != "submitted" {
		return ErrDecided
	}
	switch v {
	case Approved:
		err = catalog.Publish(ctx, tx, s.Product, s.Revision, at)
	case ChangesRequested, Rejected:
		_, err = catalog.Return(ctx, tx, s.Revision, string(v), at)
	default:
		return fmt.Errorf("moderation: no such verdict %q", v)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO decisions (revision_id, account_id, verdict, words, language, at)
		VALUES ($1, $2, $3, $4, $5, $6)`, s.Revision, j.Account, v, words, language, at)
	if err != nil {
		return fmt.Errorf("moderation: decide: %w", err)
	}
	err = union.Tell(ctx, tx, s.Artisan, "piece_"+string(v), fmt.Sprintf("%s/%d", s.Slug, s.Number), map[string]any{"words": words})
	if err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: j.Account, Action: "revision." + string(v), Subject: fmt.Sprintf("product:%s/%d", s.Slug, s.Number)})
}

// A Decision is what was said of a revision.
type Decision struct {
	Verdict  Verdict
	Words    string
	Language string
	By       string
	At       time.Time
}

// Latest returns the last decision on each of an artisan's products, by slug.
func Latest(ctx context.Context, db postgres.DB, a union.ArtisanID) (map[string]Decision, error) {
	rows, err := db.Query(ctx, `
		SELECT DISTINCT ON (p.id) p.slug, d.verdict, d.words, d.language, acc.name, d.at
		FROM decisions d
		JOIN revisions r ON r.id = d.revision_id
		JOIN products p ON p.id = r.product_id
		JOIN accounts acc ON acc.id = d.account_id
		WHERE p.artisan_id = $1
		ORDER BY p.id, d.id DESC`, a)
	if err != nil {
		return nil, fmt.Errorf("moderation: latest: %w", err)
	}
	list := map[string]Decision{}
	var slug string
	var d Decision
	_, err = pgx.ForEachRow(rows, []any{&slug, &d.Verdict, &d.Words, &d.Language, &d.By, &d.At}, func() error {
		list[slug] = d
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("moderation: latest: %w", err)
	}
	return list, nil
}
