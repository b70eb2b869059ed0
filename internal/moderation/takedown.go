package moderation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

var (
	// ErrNotDown is returned for a piece that the union did not take down.
	ErrNotDown = fault.New(fault.NotFound, "error.not_found")
	// ErrAppealed is returned for a second appeal against one ruling.
	ErrAppealed = fault.New(fault.Conflict, "moderation.appealed")
	// ErrTookDown is returned to who took a piece down and would rule on the appeal.
	ErrTookDown = fault.New(fault.Forbidden, "moderation.took_down")
)

// A Takedown is a piece that the union took off the market, and what became of
// it.
type Takedown struct {
	Ruling         int64
	By             identity.AccountID
	Was            catalog.State
	Appeal         string // of the artisan, empty where there is none
	AppealLanguage string
	AppealedAt     time.Time
	Answered       bool // the appeal was ruled on
	Restored       bool
}

// Waits reports whether an appeal waits for a ruling.
func (t Takedown) Waits() bool { return t.Appeal != "" && !t.Answered }

// Appealed returns the artisan's words.
func (t Takedown) Appealed() lang.Text {
	return lang.Text{Words: t.Appeal, Lang: t.AppealLanguage, Dir: lang.Or(t.AppealLanguage).Dir}
}

func takeDown(ctx context.Context, tx pgx.Tx, s catalog.Submitted, r Ruling, ruling int64) error {
	was, err := catalog.TakeDown(ctx, tx, s.Product)
	if errors.Is(err, catalog.ErrNoProduct) {
		return ErrRuled
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO takedowns (ruling_id, product_id, was) VALUES ($1, $2, $3)`, ruling, s.Product, was); err != nil {
		return fmt.Errorf("moderation: take down: %w", err)
	}
	return union.Tell(ctx, tx, s.Artisan, "piece_taken_down", fmt.Sprintf("%s/%d", s.Slug, ruling), map[string]any{"words": r.Words})
}

const takedownQuery = `
	SELECT t.ruling_id, g.account_id, t.was, t.appeal, t.appeal_language, coalesce(t.appealed_at, 'epoch'), t.answer_id IS NOT NULL, t.restored
	FROM takedowns t
	JOIN piece_rulings g ON g.id = t.ruling_id
	WHERE t.product_id = $1 AND NOT t.restored`

// TakedownOf returns why a piece is down, or ErrNotDown.
func TakedownOf(ctx context.Context, db postgres.DB, p catalog.ProductID) (Takedown, error) {
	return takedownOf(ctx, db, p, takedownQuery)
}

func takedownOf(ctx context.Context, db postgres.DB, p catalog.ProductID, query string) (t Takedown, err error) {
	err = db.QueryRow(ctx, query, p).
		Scan(&t.Ruling, &t.By, &t.Was, &t.Appeal, &t.AppealLanguage, &t.AppealedAt, &t.Answered, &t.Restored)
	if errors.Is(err, pgx.ErrNoRows) {
		return Takedown{}, ErrNotDown
	}
	if err != nil {
		return Takedown{}, fmt.Errorf("moderation: takedown: %w", err)
	}
	return t, nil
}

// Appeal is what an artisan says against taking their piece down, once for each
// time. It returns catalog.ErrNoProduct, ErrNotDown, ErrAppealed, or what is wrong
// with the field words.
func Appeal(ctx context.Context, tx pgx.Tx, a union.ArtisanID, slug, words, language string, by identity.AccountID, at time.Time) error {
	var f fault.Form
	if words = cleanWords(&f, "words", words); words == "" {
		f.Wrong("words", "moderation.no_appeal")
	}
	if err := f.Err(); err != nil {
		return err
	}
	o, err := catalog.OwnProduct(ctx, tx, a, slug)
	if err != nil {
		return err
	}
	t, err := takedownOf(ctx, tx, o.ID, takedownQuery+` FOR UPDATE OF t`)
	if err != nil {
		return err
	}
	if t.Appeal != "" {
		return ErrAppealed
	}
	_, err = tx.Exec(ctx, `UPDATE takedowns SET appeal = $2, appeal_language = $3, appealed_at = $4 WHERE ruling_id = $1`, t.Ruling, words, language, at)
	if err != nil {
		return fmt.Errorf("moderation: appeal: %w", err)
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "product.appealed", Subject: "product:" + slug, After: map[string]any{"words": words}})
}

// RuleOnAppeal puts a piece that was taken down back as it was, or lets the
// ruling stand. It returns ErrOwn, ErrNotYours, ErrNotDown, ErrTookDown, ErrRuled,
// ErrSeenOther, or what is wrong with the field words.
func RuleOnAppeal(ctx context.Context, tx pgx.Tx, j Judge, s catalog.Submitted, r Ruling, at time.Time) error {
	if err := j.May(s); err != nil {
		return err
	}
	t, err := takedownOf(ctx, tx, s.Product, takedownQuery+` FOR UPDATE OF t`)
	if errors.Is(err, ErrNotDown) {
		return ErrRuled
	}
	switch {
	case err != nil:
		return err
	case t.By == j.Account:
		return ErrTookDown
	case !t.Waits():
		return ErrRuled
	case r.Verdict != Restored && r.Verdict != Upheld:
		return fmt.Errorf("moderation: no such ruling %q", r.Verdict)
	}
	r.Reasons = nil // It is answered in words.
	id, err := keepRuling(ctx, tx, j, s, r, at)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE takedowns SET answer_id = $2, restored = $3 WHERE ruling_id = $1`, t.Ruling, id, r.Verdict == Restored)
	if err != nil {
		return fmt.Errorf("moderation: rule on appeal: %w", err)
	}
	state := catalog.TakenDown
	if r.Verdict == Restored {
		state = t.Was
		if err := catalog.Restore(ctx, tx, s.Product, t.Was); err != nil {
			return err
		}
	}
	if err := union.Tell(ctx, tx, s.Artisan, "piece_"+string(r.Verdict), fmt.Sprintf("%s/%d", s.Slug, id), map[string]any{"words": r.Words}); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: j.Account, Action: actions[r.Verdict], Subject: "product:" + s.Slug,
		Before: map[string]any{"state": catalog.TakenDown}, After: map[string]any{"state": state, "words": r.Words}})
}

const rulingQuery = `
	SELECT p.slug, r.number, g.verdict, g.words, g.language, g.reasons, '[]'::jsonb, acc.name, g.at
	FROM piece_rulings g
	JOIN products p ON p.id = g.product_id
	JOIN revisions r ON r.id = g.revision_id
	JOIN accounts acc ON acc.id = g.account_id`

// RulingsOn returns the last rulings on a piece that buyers saw, newest first.
func RulingsOn(ctx context.Context, db postgres.DB, p catalog.ProductID, limit int) ([]Decision, error) {
	return rulings(ctx, db, rulingQuery+` WHERE g.product_id = $1 ORDER BY g.id DESC LIMIT $2`, p, limit)
}

// AskedOf returns, by slug, what an artisan was asked to change after a report,
// where nothing was sent to the committee since.
func AskedOf(ctx context.Context, db postgres.DB, a union.ArtisanID) (map[string]Decision, error) {
	list, err := rulings(ctx, db, rulingQuery+`
		WHERE p.artisan_id = $1 AND p.state IN ('on_sale', 'withdrawn') AND g.verdict = 'changes_requested'
		  AND g.id = (SELECT max(l.id) FROM piece_rulings l WHERE l.product_id = p.id)
		  AND NOT EXISTS (SELECT FROM revisions n WHERE n.product_id = p.id AND n.submitted_at > g.at)`, a)
	if err != nil {
		return nil, err
	}
	bySlug := map[string]Decision{}
	for _, d := range list {
		bySlug[d.Product] = d
	}
	return bySlug, nil
}

func rulings(ctx context.Context, db postgres.DB, query string, args ...any) ([]Decision, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("moderation: rulings: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanDecision)
	if err != nil {
		return nil, fmt.Errorf("moderation: rulings: %w", err)
	}
	return list, nil
}
