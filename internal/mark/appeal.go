package mark

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

var (
	// ErrAppealed is returned for a second appeal against one mark, or one that was
	// asked anew already.
	ErrAppealed = fault.New(fault.Conflict, "mark.appealed")
	// ErrNoAppeal is returned where there is none to decide, or no longer.
	ErrNoAppeal = fault.New(fault.Conflict, "mark.no_appeal")
	// ErrOwnRefusal is returned to whoever refused or withdrew the mark: another one
	// decides on the appeal.
	ErrOwnRefusal = fault.New(fault.Forbidden, "mark.own_refusal")
)

// Outcome is what became of an appeal.
type Outcome string

const (
	Allowed   Outcome = "allowed"
	Dismissed Outcome = "dismissed"
)

// An Appeal is an artisan's word against a mark that was refused or withdrawn.
type Appeal struct {
	Words    lang.Text
	At       time.Time
	Outcome  Outcome // empty while it waits
	Answer   lang.Text
	Decided  time.Time
	By       string // who decided
	AskedRef string // of the mark that is asked anew; empty where none is
}

// CanAppeal reports whether the artisan may appeal against the mark.
func (m Mark) CanAppeal() bool {
	return (m.State == Refused || m.State == Withdrawn) && !m.Appealed && m.AppealOf == ""
}

// Lodge is an artisan's appeal, once for a mark. It returns ErrNoMark, ErrNotYet,
// ErrAppealed, or a fault beside the field words.
func Lodge(ctx context.Context, tx pgx.Tx, a union.ArtisanID, ref, words, language string, by identity.AccountID, at time.Time) error {
	m, err := byRefForUpdate(ctx, tx, ref)
	switch {
	case err != nil:
		return err
	case m.Artisan.ID != a:
		return ErrNoMark
	case m.Appealed || m.AppealOf != "":
		return ErrAppealed
	case !m.CanAppeal():
		return ErrNotYet
	}
	var f fault.Form
	if words = tidy(&f, "words", words, true); f.Err() != nil {
		return f.Err()
	}
	_, err = tx.Exec(ctx, `INSERT INTO mark_appeals (mark_id, account_id, words, language, at) VALUES ($1, $2, $3, $4, $5)`,
		m.id, by, words, language, at)
	if err != nil {
		return fmt.Errorf("mark: appeal: %w", err)
	}
	return m.changed(ctx, tx, by, "mark.appealed", "", map[string]any{"words": words})
}

// AppealOf returns the appeal against a mark, and whether there is one.
func AppealOf(ctx context.Context, db postgres.DB, m Mark) (a Appeal, ok bool, err error) {
	all, err := appeals(ctx, db, []int64{m.id})
	a, ok = all[m.id]
	return a, ok, err
}

// appeals are those against several marks, by key.
func appeals(ctx context.Context, db postgres.DB, ids []int64) (map[int64]Appeal, error) {
	rows, err := db.Query(ctx, `
		SELECT l.mark_id, l.words, l.language, l.at, coalesce(l.outcome, ''), l.answer, l.answer_language, coalesce(l.decided_at, l.at),
			coalesce(c.name, ''), coalesce(n.ref, '')
		FROM mark_appeals l
		LEFT JOIN accounts c ON c.id = l.decided_by
		LEFT JOIN marks n ON n.appeal_of = l.mark_id
		WHERE l.mark_id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("mark: appeals: %w", err)
	}
	all := map[int64]Appeal{}
	var id int64
	var a Appeal
	_, err = pgx.ForEachRow(rows, []any{&id, &a.Words.Words, &a.Words.Lang, &a.At, &a.Outcome, &a.Answer.Words, &a.Answer.Lang, &a.Decided, &a.By,
		&a.AskedRef}, func() error {
		a.Words.Dir, a.Answer.Dir = lang.Or(a.Words.Lang).Dir, lang.Or(a.Answer.Lang).Dir
		all[id] = a
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mark: appeals: %w", err)
	}
	return all, nil
}

// MayDecide returns nil where the judge may decide on the appeal against a mark,
// and otherwise what May returns or ErrOwnRefusal.
func (j Judge) MayDecide(ctx context.Context, db postgres.DB, m Mark) error {
	if err := j.May(ctx, db, m); err != nil {
		return err
	}
	var involved bool
	err := db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM mark_votes WHERE mark_id = $1 AND account_id = $2 AND verdict = 'refused' AND $3 = 'refused')
		    OR EXISTS (SELECT FROM marks WHERE id = $1 AND withdrawn_by = $2)`, m.id, j.Account, m.State).Scan(&involved)
	if err != nil {
		return fmt.Errorf("mark: appeal: %w", err)
	}
	if involved {
		return ErrOwnRefusal
	}
	return nil
}

// DecideAppeal is the committee's last word, by someone who had no part in the
// refusal or the withdrawal. Allowed, a mark that was withdrawn stands again, and
// one that was refused is asked anew, of everyone. It returns ErrOwn, ErrKin,
// ErrNotYours, ErrOwnRefusal, ErrNoAppeal, ErrOpen, ErrStands, or a fault beside the field answer.
func DecideAppeal(ctx context.Context, tx pgx.Tx, j Judge, ref string, o Outcome, answer string, at time.Time) error {
	m, err := byRefForUpdate(ctx, tx, ref)
	if err != nil {
		return err
	}
	if err := j.MayDecide(ctx, tx, m); err != nil {
		return err
	}
	if !m.Appealing {
		return ErrNoAppeal
	}
	var f fault.Form
	if o != Allowed && o != Dismissed {
		f.Wrong("answer", "mark.verdict.wrong")
	}
	if answer = tidy(&f, "answer", answer, true); f.Err() != nil {
		return f.Err()
	}
	_, err = tx.Exec(ctx, `
		UPDATE mark_appeals
		SET outcome = $2, answer = $3, answer_language = $4, decided_by = $5, decided_at = $6
		WHERE mark_id = $1 AND outcome IS NULL`, m.id, o, answer, j.Language, j.Account, at)
	if err != nil {
		return fmt.Errorf("mark: decide appeal: %w", err)
	}
	if o == Allowed {
		if err := askAnew(ctx, tx, m, at); err != nil {
			return err
		}
	}
	return m.changed(ctx, tx, j.Account, "mark.appeal_"+string(o), "mark_appeal_"+string(o), map[string]any{"answer": answer})
}

// askAnew does what an appeal that is allowed asks for.
func askAnew(ctx context.Context, tx pgx.Tx, m Mark, at time.Time) error {
	if m.State == Withdrawn {
		var other bool
		err := tx.QueryRow(ctx, `
			SELECT EXISTS (
				SELECT FROM marks
				WHERE artisan_id = $1 AND coalesce(product_id, 0) = $2 AND state = 'granted' AND tstzrange(begins_at, ends_at) && tstzrange($3, $4))`,
			m.Artisan.ID, m.Product, m.Begins, m.Ends).Scan(&other)
		if err != nil {
			return fmt.Errorf("mark: decide appeal: %w", err)
		}
		if other {
			return ErrStands
		}
		if _, err := tx.Exec(ctx, `UPDATE marks SET state = 'granted' WHERE id = $1`, m.id); err != nil {
			return fmt.Errorf("mark: decide appeal: %w", err)
		}
		return nil
	}
	rules, err := RulesOf(ctx, tx, m.Committee)
	if err != nil {
		return err
	}
	if rules.Specification == nil {
		rules.Specification = m.Specification
	}
	p := Proposal{Thing: Thing{Artisan: m.Artisan, Product: m.Product, Committee: m.Committee}, Level: m.Level, Class: m.Class, Words: m.Words}
	_, err = insert(ctx, tx, 0, p, rules.Specification, &m.id, at)
	return err
}

// ErrStands is returned where another mark of the same stands meanwhile.
var ErrStands = fault.New(fault.Conflict, "mark.stands")

// Said is what was said of a mark, for its artisan.
type Said struct {
	Against []lang.Text // why members refused
	Appeal  Appeal      // the zero one where there is none
	Tally   Tally
}

// Saying returns what was said of marks, by ref.
func Saying(ctx context.Context, db postgres.DB, list []Mark) (map[string]Said, error) {
	ids := make([]int64, len(list))
	for i, m := range list {
		ids[i] = m.id
	}
	counted, err := tallies(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	lodged, err := appeals(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, `SELECT mark_id, words, language FROM mark_votes WHERE mark_id = ANY ($1) AND verdict = 'refused' ORDER BY id`, ids)
	if err != nil {
		return nil, fmt.Errorf("mark: saying: %w", err)
	}
	against := map[int64][]lang.Text{}
	var id int64
	var words, language string
	_, err = pgx.ForEachRow(rows, []any{&id, &words, &language}, func() error {
		against[id] = append(against[id], lang.Text{Words: words, Lang: language, Dir: lang.Or(language).Dir})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mark: saying: %w", err)
	}
	all := map[string]Said{}
	for _, m := range list {
		all[m.Ref] = Said{against[m.id], lodged[m.id], counted[m.id]}
	}
	return all, nil
}
