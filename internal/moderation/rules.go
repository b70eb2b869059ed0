package moderation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/training"
	"kissaria.ma/internal/union"
)

// Rules are how a committee decides.
type Rules struct {
	Approvals   int // so many members must approve a piece
	WaryFrom    int // one more, where so many pieces of a workshop differed within a year; 0 for never
	PromiseDays int // working days within which a decision is promised
	// Course is the slug of the course that earns a workshop one approval fewer,
	// never fewer than one; empty where none does.
	Course string
}

// usual are the rules of a committee that has set none.
var usual = Rules{Approvals: 1, WaryFrom: 3, PromiseDays: 2}

// Bounds of the rules, as the database has them too.
const (
	mostApprovals = 9
	mostWary      = 99
	mostPromise   = 60
)

// RulesOf returns the rules of every committee.
func RulesOf(ctx context.Context, db postgres.DB) (map[union.CommitteeID]Rules, error) {
	rows, err := db.Query(ctx, `
		SELECT c.id, coalesce(r.approvals, $1), coalesce(r.wary_from, $2), coalesce(r.promise_days, $3), coalesce(k.slug, '')
		FROM committees c
		LEFT JOIN committee_rules r ON r.committee_id = c.id
		LEFT JOIN courses k ON k.id = r.course_id`, usual.Approvals, usual.WaryFrom, usual.PromiseDays)
	if err != nil {
		return nil, fmt.Errorf("moderation: rules: %w", err)
	}
	all := map[union.CommitteeID]Rules{}
	var id union.CommitteeID
	var r Rules
	_, err = pgx.ForEachRow(rows, []any{&id, &r.Approvals, &r.WaryFrom, &r.PromiseDays, &r.Course}, func() error { all[id] = r; return nil })
	if err != nil {
		return nil, fmt.Errorf("moderation: rules: %w", err)
	}
	return all, nil
}

// SetRules gives a committee other rules, and logs it. It returns faults beside
// the fields approvals, wary_from, promise_days and course.
func SetRules(ctx context.Context, tx pgx.Tx, c union.Committee, r Rules, by identity.AccountID) error {
	var f fault.Form
	for field, bound := range map[string][3]int{"approvals": {r.Approvals, 1, mostApprovals}, "wary_from": {r.WaryFrom, 0, mostWary},
		"promise_days": {r.PromiseDays, 1, mostPromise}} {
		if bound[0] < bound[1] || bound[0] > bound[2] {
			f.Wrong(field, "moderation.rule_wrong", bound[1], bound[2])
		}
	}
	if r.Course != "" {
		_, err := training.CourseBySlug(ctx, tx, r.Course)
		if errors.Is(err, training.ErrNoCourse) {
			f.Wrong("course", "moderation.no_course")
		} else if err != nil {
			return err
		}
	}
	if err := f.Err(); err != nil {
		return err
	}
	all, err := RulesOf(ctx, tx)
	if err != nil {
		return err
	}
	before := all[c.ID]
	if before == r {
		return nil
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO committee_rules (committee_id, approvals, wary_from, promise_days, course_id)
		VALUES ($1, $2, $3, $4, (SELECT id FROM courses WHERE slug = $5))
		ON CONFLICT (committee_id) DO UPDATE SET approvals = $2, wary_from = $3, promise_days = $4, course_id = excluded.course_id`,
		c.ID, r.Approvals, r.WaryFrom, r.PromiseDays, r.Course)
	if err != nil {
		return fmt.Errorf("moderation: set rules: %w", err)
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "committee.rules_set", Subject: "committee:" + c.Slug, Before: before, After: r})
}

// TextID is the key of a committee's text.
type TextID int64

// A Text is something a committee looks at, or a phrase that it says no with.
type Text struct {
	ID    TextID
	Kind  TextKind
	Words lang.Texts
}

// TextKind says what a committee's text is for.
type TextKind string

const (
	Criterion TextKind = "criterion" // ticked before approving
	Phrase    TextKind = "phrase"    // a reason for changes or a refusal
)

// mostTexts bounds what a committee offers of one kind.
const mostTexts = 20

var (
	// ErrNoText is returned for a text that is not the committee's.
	ErrNoText = fault.New(fault.NotFound, "error.not_found")
	// ErrTooManyTexts is returned where a committee offers enough already.
	ErrTooManyTexts = fault.New(fault.Conflict, "moderation.texts_full")
)

// TextsOf returns what a committee looks at and its phrases, in its order.
func TextsOf(ctx context.Context, db postgres.DB, c union.CommitteeID) (list []Text, err error) {
	err = postgres.Together(ctx, db, AskTexts(c, &list))
	return list, err
}

// AskTexts asks what TextsOf returns.
func AskTexts(c union.CommitteeID, list *[]Text) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) (err error) {
		*list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Text, error) {
			var t Text
			err := row.Scan(&t.ID, &t.Kind, &t.Words)
			return t, err
		})
		if err != nil {
			return fmt.Errorf("moderation: texts: %w", err)
		}
		return nil
	}, `
		SELECT id, kind, words
		FROM committee_texts
		WHERE committee_id = $1 AND retired_at IS NULL
		ORDER BY kind, sort, id`, c)
}

// AddText writes a committee's text, and logs it. It returns a fault beside the
// field words_fr, or that of the language that is too long, and ErrTooManyTexts.
func AddText(ctx context.Context, tx pgx.Tx, c union.Committee, kind TextKind, words lang.Texts, by identity.AccountID) error {
	words, err := cleaned(words)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO committee_texts (committee_id, kind, words, sort)
		SELECT $1, $2, $3, coalesce(max(sort), 0) + 1
		FROM committee_texts
		WHERE committee_id = $1 AND kind = $2 AND retired_at IS NULL
		HAVING count(*) < $4`, c.ID, kind, words, mostTexts)
	if err != nil {
		return fmt.Errorf("moderation: add text: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrTooManyTexts.With(mostTexts)
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "committee.text_added", Subject: "committee:" + c.Slug, After: words})
}

// RetireText takes a committee's text out of use, and logs it. Done twice, it is
// done once. It returns ErrNoText for one that is not the committee's.
func RetireText(ctx context.Context, tx pgx.Tx, c union.Committee, id TextID, at time.Time, by identity.AccountID) error {
	var words lang.Texts
	var already bool
	err := tx.QueryRow(ctx, `
		UPDATE committee_texts t
		SET retired_at = coalesce(t.retired_at, $3)
		FROM committee_texts old
		WHERE t.id = $1 AND t.committee_id = $2 AND old.id = t.id
		RETURNING t.words, old.retired_at IS NOT NULL`, id, c.ID, at).Scan(&words, &already)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoText
	}
	if err != nil {
		return fmt.Errorf("moderation: retire text: %w", err)
	}
	if already {
		return nil
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "committee.text_retired", Subject: "committee:" + c.Slug, Before: words})
}

// cleaned returns words without the languages in which nothing is said.
func cleaned(words lang.Texts) (lang.Texts, error) {
	kept := lang.Texts{}
	var f fault.Form
	for code, w := range words {
		if w = strings.TrimSpace(w); w != "" {
			kept[code] = w
		}
		if len([]rune(w)) > 120 {
			f.Wrong("words_"+code, "checkout.too_long")
		}
	}
	if len(kept) == 0 {
		f.Wrong("words_fr", "moderation.no_text")
	}
	return kept, f.Err()
}
