package review

import (
	"context"
	"errors"
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

// A Judge is who decides: of which trades, and of whose pieces not.
type Judge struct {
	Account identity.AccountID
	All     bool              // of every trade
	Trades  []union.TradeID   // of these, where not All
	Not     []union.ArtisanID // their own workshop, and those for whom they act
}

// Queue returns what waits for a judge, oldest first.
func Queue(ctx context.Context, db postgres.DB, j Judge, limit int) ([]Review, error) {
	rows, err := db.Query(ctx, `
		SELECT `+columns+tables+`
		WHERE v.state = 'waiting' AND ($1 OR p.trade_id = ANY ($2)) AND p.artisan_id <> ALL ($3)
		ORDER BY v.at, v.id
		LIMIT $4`, j.All, slices.Concat([]union.TradeID{}, j.Trades), slices.Concat([]union.ArtisanID{}, j.Not), limit)
	if err != nil {
		return nil, fmt.Errorf("review: queue: %w", err)
	}
	list, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("review: queue: %w", err)
	}
	return list, nil
}

// Count returns how many reviews wait for a judge.
func Count(ctx context.Context, db postgres.DB, j Judge) (n int, err error) {
	err = db.QueryRow(ctx, `
		SELECT count(*)`+tables+`
		WHERE v.state = 'waiting' AND ($1 OR p.trade_id = ANY ($2)) AND p.artisan_id <> ALL ($3)`,
		j.All, slices.Concat([]union.TradeID{}, j.Trades), slices.Concat([]union.ArtisanID{}, j.Not)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("review: count: %w", err)
	}
	return n, nil
}

// A Ruling is what a judge says of a review.
type Ruling struct {
	State  State  // Shown or Refused
	Reason string // for the buyer, of what is refused
	Seen   int64  // Version of what the judge read
}

// Version tells one wording of a review from the next.
func (r Review) Version() int64 { return r.At.UnixMicro() }

// Decide lets a review be shown, or refuses it. What the buyer changed since it
// was read is not decided on. It returns ErrNoReview, ErrNotYours, ErrDecided,
// ErrChanged, or what is wrong with which field.
func Decide(ctx context.Context, tx pgx.Tx, j Judge, ref string, r Ruling, at time.Time) error {
	var now Review
	var artisan union.ArtisanID
	var trade union.TradeID
	err := tx.QueryRow(ctx, `SELECT `+columns+`, p.artisan_id, p.trade_id`+tables+` WHERE v.ref = $1 FOR UPDATE OF v`, ref).
		Scan(append(now.fields(), &artisan, &trade)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoReview
	}
	if err != nil {
		return fmt.Errorf("review: decide: %w", err)
	}
	switch {
	case slices.Contains(j.Not, artisan) || !j.All && !slices.Contains(j.Trades, trade):
		return ErrNotYours
	case now.State != Waiting:
		return ErrDecided
	case now.Version() != r.Seen:
		return ErrChanged
	}
	r.Reason = strings.TrimSpace(breaks.Replace(r.Reason))
	var f fault.Form
	switch {
	case r.State == Shown:
		r.Reason = ""
	case r.State != Refused:
		f.Wrong("reason", "review.state.wrong")
	case r.Reason == "":
		f.Wrong("reason", "review.reason.wrong")
	case len([]rune(r.Reason)) > MostReason:
		f.Wrong("reason", "review.too_long", MostReason)
	}
	if err := f.Err(); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE reviews SET state = $2, reason = $3, decided_at = $4, decided_by = $5 WHERE ref = $1`,
		ref, r.State, r.Reason, at, j.Account)
	if err != nil {
		return fmt.Errorf("review: decide: %w", err)
	}
	if r.State == Shown {
		if err := union.Tell(ctx, tx, artisan, "review_shown", now.Slug+"/"+ref, nil); err != nil {
			return err
		}
		if err := postgres.Notify(ctx, tx, now.Product.Tag()); err != nil {
			return err
		}
	}
	return identity.Record(ctx, tx, identity.Entry{By: j.Account, Action: "review." + string(r.State), Subject: "review:" + ref,
		Before: map[string]any{"product": now.Slug, "state": now.State, "rating": now.Rating},
		After:  map[string]any{"product": now.Slug, "state": r.State, "reason": r.Reason}})
}

// About returns the newest reviews of an artisan's pieces that are shown, those
// without an answer first.
func About(ctx context.Context, db postgres.DB, a union.ArtisanID, limit int) ([]Review, error) {
	rows, err := db.Query(ctx, `
		SELECT `+columns+tables+`
		WHERE p.artisan_id = $1 AND v.state = 'shown'
		ORDER BY (v.answer = '') DESC, v.at DESC, v.id DESC
		LIMIT $2`, a, limit)
	if err != nil {
		return nil, fmt.Errorf("review: about: %w", err)
	}
	list, err := pgx.CollectRows(rows, scan)
	if err != nil {
		return nil, fmt.Errorf("review: about: %w", err)
	}
	return list, nil
}

// Answer is the maker's word on a review, once: it is shown beneath at once. It
// returns ErrNoReview, ErrAnswered, or what is wrong with the field answer.
func Answer(ctx context.Context, tx pgx.Tx, a union.ArtisanID, ref, words, language string, by identity.AccountID, at time.Time) error {
	words = strings.TrimSpace(breaks.Replace(words))
	var f fault.Form
	if words == "" {
		f.Wrong("answer", "review.answer.wrong")
	} else if len([]rune(words)) > MostAnswer {
		f.Wrong("answer", "review.too_long", MostAnswer)
	}
	if err := f.Err(); err != nil {
		return err
	}
	var product catalog.ProductID
	var slug, before string
	err := tx.QueryRow(ctx, `
		SELECT p.id, p.slug, v.answer
		FROM reviews v
		JOIN products p ON p.id = v.product_id
		WHERE v.ref = $1 AND p.artisan_id = $2 AND v.state = 'shown'
		FOR UPDATE OF v`, ref, a).Scan(&product, &slug, &before)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoReview
	}
	if err != nil {
		return fmt.Errorf("review: answer: %w", err)
	}
	if before != "" {
		return ErrAnswered
	}
	if _, err := tx.Exec(ctx, `UPDATE reviews SET answer = $2, answer_language = $3, answered_at = $4 WHERE ref = $1`, ref, words, language, at); err != nil {
		return fmt.Errorf("review: answer: %w", err)
	}
	if err := postgres.Notify(ctx, tx, product.Tag()); err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "review.answered", Subject: "review:" + ref, After: map[string]any{"product": slug}})
}

// A Seed is a review of an invented market.
type Seed struct {
	Ref, Product                     string // Product is a slug
	Rating                           int
	Words, Language, Author, Country string
	At                               time.Time
}

// Plant adds reviews of an invented market, all of them shown.
func Plant(ctx context.Context, tx pgx.Tx, list []Seed) error {
	b := &pgx.Batch{}
	for _, s := range list {
		b.Queue(`
			INSERT INTO reviews (ref, product_id, rating, words, language, author, country, state, decided_at, at)
			VALUES ($1, (SELECT id FROM products WHERE slug = $2), $3, $4, $5, $6, $7, 'shown', $8, $8)`,
			s.Ref, s.Product, s.Rating, s.Words, s.Language, s.Author, s.Country, s.At)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("review: plant: %w", err)
	}
	return nil
}
