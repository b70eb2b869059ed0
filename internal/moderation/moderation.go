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
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
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
	// ErrVoted is returned to someone who has said already what they think.
	ErrVoted = fault.New(fault.Conflict, "moderation.voted")
	// ErrNoWords is returned for a no without a why.
	ErrNoWords = fault.New(fault.Invalid, "moderation.no_words")
)

// A Judge is who judges: which trades, and whose own pieces are not theirs to
// judge.
type Judge struct {
	Account    identity.AccountID
	All        bool                // an administrator, who stands in for every committee
	Committees []union.CommitteeID // in which they sit
	Trades     []union.TradeID     // of these
	Own        union.ArtisanID     // 0 for someone without a workshop
	Helped     []union.ArtisanID   // for whom they may act in the studio
}

// owns reports whether a piece is the judge's own, or of someone for whom they
// may act in the studio.
func (j Judge) owns(s catalog.Submitted) bool {
	return s.Artisan == j.Own || slices.Contains(j.Helped, s.Artisan)
}

// JudgeOf returns what an account may judge.
func JudgeOf(ctx context.Context, db postgres.DB, a identity.Account) (Judge, error) {
	j := Judge{Account: a.ID, All: a.May(identity.JudgeEverything)}
	err := postgres.Together(ctx, db, union.AskHelped(a.ID, &j.Helped), postgres.AskRows(func(rows pgx.Rows) error {
		var committee union.CommitteeID
		var trade union.TradeID
		_, err := pgx.ForEachRow(rows, []any{&j.Own, &committee, &trade}, func() error {
			if committee != 0 && !slices.Contains(j.Committees, committee) {
				j.Committees = append(j.Committees, committee)
			}
			if trade != 0 {
				j.Trades = append(j.Trades, trade)
			}
			return nil
		})
		return err
	}, `
		SELECT ar.id, coalesce(m.committee_id, 0), coalesce(t.id, 0)
		FROM artisans ar
		LEFT JOIN committee_members m ON m.artisan_id = ar.id AND ar.state = 'active'
		LEFT JOIN trades t ON t.committee_id = m.committee_id
		WHERE ar.account_id = $1`, a.ID))
	if err != nil {
		return Judge{}, fmt.Errorf("moderation: judge: %w", err)
	}
	return j, nil
}

// May returns nil for a revision that the judge may judge, ErrOwn or ErrNotYours.
func (j Judge) May(s catalog.Submitted) error {
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

// Queue returns what waits for the judge, oldest first, and who is looking at it
// just now. Their own pieces wait for someone else, and so do those on which they
// have said what they think.
func Queue(ctx context.Context, db postgres.DB, j Judge, limit int, at time.Time) ([]catalog.Submitted, map[catalog.RevisionID]Claim, error) {
	if !j.All && len(j.Trades) == 0 {
		return nil, nil, nil
	}
	trades := j.Trades
	if j.All {
		trades = nil
	}
	list, err := catalog.Waiting(ctx, db, trades, limit)
	if err != nil {
		return nil, nil, err
	}
	revisions := make([]catalog.RevisionID, len(list))
	for i, s := range list {
		revisions[i] = s.Revision
	}
	var voted []catalog.RevisionID
	claims := map[catalog.RevisionID]Claim{}
	err = postgres.Together(ctx, db, askClaims(revisions, at, claims), postgres.AskRows(func(rows pgx.Rows) (err error) {
		voted, err = pgx.CollectRows(rows, pgx.RowTo[catalog.RevisionID])
		return err
	}, `SELECT revision_id FROM decisions WHERE account_id = $1 AND revision_id = ANY ($2)`, j.Account, revisions))
	if err != nil {
		return nil, nil, fmt.Errorf("moderation: queue: %w", err)
	}
	return slices.DeleteFunc(list, func(s catalog.Submitted) bool {
		return j.owns(s) || slices.Contains(voted, s.Revision)
	}), claims, nil
}

// A Ruling is what a judge says of a revision, and what they looked at.
type Ruling struct {
	Verdict  Verdict
	Words    string
	Language string
	Reasons  []TextID // phrases of the committee's
	Seen     []TextID // criteria of the committee's
}

// An Outcome is what a ruling led to.
type Outcome struct {
	Approvals, Needed int  // members who approve, of those who must
	Decided           bool // nobody else is asked

	// Why so many must.
	Asked    int        // by the committee's rules
	Earned   string     // one fewer: slug of the course that the workshop finished, or empty
	EarnedBy lang.Texts `json:"-"` // what that course is called
	Differed int        // one more: so many pieces of the workshop differed within a year, 0 where that is few
}

// Decide judges a revision. Approved by as many members as the committee's rules
// ask for, it is on sale at once; one who says no is enough, and the artisan
// reads why, in the committee's words. Of two who decide at once, the second is
// told; nobody votes twice. It returns ErrOwn, ErrNotYours, ErrDecided,
// ErrVoted or ErrNoWords.
func Decide(ctx context.Context, tx pgx.Tx, j Judge, s catalog.Submitted, r Ruling, at time.Time) (Outcome, error) {
	if err := j.May(s); err != nil {
		return Outcome{}, err
	}
	r.Words = strings.TrimSpace(r.Words)
	if r.Verdict != Approved && r.Words == "" && len(r.Reasons) == 0 {
		return Outcome{}, ErrNoWords
	}
	if _, err := tx.Exec(ctx, `SELECT FROM revisions WHERE id = $1 FOR UPDATE`, s.Revision); err != nil {
		return Outcome{}, fmt.Errorf("moderation: decide: %w", err)
	}
	now, err := catalog.SubmittedBy(ctx, tx, s.Slug, s.Number)
	if err != nil {
		return Outcome{}, err
	}
	if now.State != "submitted" {
		return Outcome{}, ErrDecided
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO decisions (revision_id, account_id, verdict, words, language, reasons, seen, at)
		SELECT $1, $2, $3, $4, $5, coalesce(jsonb_agg(t.words ORDER BY t.sort) FILTER (WHERE t.kind = 'phrase'), '[]'),
		       coalesce(jsonb_agg(t.words ORDER BY t.sort) FILTER (WHERE t.kind = 'criterion'), '[]'), $6
		FROM (SELECT) AS one
		LEFT JOIN committee_texts t ON t.id = ANY ($7) AND t.committee_id = (SELECT committee_id FROM trades WHERE id = $8)`,
		s.Revision, j.Account, r.Verdict, r.Words, r.Language, at, slices.Concat([]TextID{}, r.Reasons, r.Seen), s.Trade)
	if postgres.IsUnique(err, "decisions_once") {
		return Outcome{}, ErrVoted
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("moderation: decide: %w", err)
	}
	out, err := Standing(ctx, tx, now, at)
	if err != nil {
		return Outcome{}, err
	}
	switch r.Verdict {
	case Approved:
		if out.Decided = out.Approvals >= out.Needed; out.Decided {
			err = catalog.Publish(ctx, tx, s.Product, s.Revision, at)
		}
	case ChangesRequested, Rejected:
		out.Decided = true
		_, err = catalog.Return(ctx, tx, s.Revision, string(r.Verdict), at)
	default:
		return Outcome{}, fmt.Errorf("moderation: no such verdict %q", r.Verdict)
	}
	if err != nil {
		return Outcome{}, err
	}
	if out.Decided {
		err = union.Tell(ctx, tx, s.Artisan, "piece_"+string(r.Verdict), fmt.Sprintf("%s/%d", s.Slug, s.Number), map[string]any{"words": r.Words})
		if err != nil {
			return Outcome{}, err
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM claims WHERE revision_id = $1`, s.Revision); err != nil {
		return Outcome{}, fmt.Errorf("moderation: decide: %w", err)
	}
	return out, identity.Record(ctx, tx, identity.Entry{By: j.Account, Action: "revision." + string(r.Verdict),
		Subject: fmt.Sprintf("product:%s/%d", s.Slug, s.Number), After: out})
}

// Standing returns how many approve a revision that waits, and how many must: as
// many as the committee's rules say, one fewer for a workshop that finished the
// course which earns that, but one at least, and one more where its pieces differ.
func Standing(ctx context.Context, db postgres.DB, s catalog.Submitted, at time.Time) (Outcome, error) {
	var out Outcome
	err := postgres.Together(ctx, db, AskStanding(s, at, &out))
	return out, err
}

// AskStanding asks what Standing returns.
func AskStanding(s catalog.Submitted, at time.Time, out *Outcome) postgres.Ask {
	return postgres.AskRow(func(row pgx.Row) error {
		var wary, differed int
		var course string
		var title lang.Texts
		if err := row.Scan(&out.Approvals, &out.Asked, &wary, &course, &title, &differed); err != nil {
			return fmt.Errorf("moderation: standing: %w", err)
		}
		out.Needed = out.Asked
		if course != "" && out.Asked > 1 {
			out.Needed, out.Earned, out.EarnedBy = out.Needed-1, course, title
		}
		if wary > 0 && differed >= wary {
			out.Needed, out.Differed = out.Needed+1, differed
		}
		return nil
	}, `
		SELECT (SELECT count(*) FROM decisions WHERE revision_id = $3 AND verdict = 'approved'), coalesce(r.approvals, $5), coalesce(r.wary_from, $6),
		       coalesce(k.slug, ''), k.title, (`+order.DifferedSince+`)
		FROM trades t
		LEFT JOIN committee_rules r ON r.committee_id = t.committee_id
		LEFT JOIN completions d ON d.course_id = r.course_id AND d.artisan_id = $1
		LEFT JOIN courses k ON k.id = d.course_id
		WHERE t.id = $4`, s.Artisan, at.AddDate(-1, 0, 0), s.Revision, s.Trade, usual.Approvals, usual.WaryFrom)
}

// A Decision is what was said of a revision.
type Decision struct {
	Product  string // slug
	Revision int
	Verdict  Verdict
	Words    string
	Language string
	Reasons  []lang.Texts
	Seen     []lang.Texts
	By       string
	At       time.Time
}

const decisionColumns = `p.slug, r.number, d.verdict, d.words, d.language, d.reasons, d.seen, acc.name, d.at`

func scanDecision(row pgx.CollectableRow) (Decision, error) {
	var d Decision
	err := row.Scan(&d.Product, &d.Revision, &d.Verdict, &d.Words, &d.Language, &d.Reasons, &d.Seen, &d.By, &d.At)
	return d, err
}

// Said returns what a decision says to its artisan: the phrases that were picked,
// as readers of l see them, and the committee's words.
func (d Decision) Said(l *lang.Language) []lang.Text {
	var list []lang.Text
	for _, r := range d.Reasons {
		list = append(list, r.In(l, "fr"))
	}
	if d.Words != "" {
		list = append(list, lang.Text{Words: d.Words, Lang: d.Language, Dir: lang.Or(d.Language).Dir})
	}
	return list
}

// Latest returns the last decision on each of an artisan's products, by slug.
func Latest(ctx context.Context, db postgres.DB, a union.ArtisanID) (map[string]Decision, error) {
	rows, err := db.Query(ctx, `
		SELECT DISTINCT ON (p.id) `+decisionColumns+`
		FROM decisions d
		JOIN revisions r ON r.id = d.revision_id
		JOIN products p ON p.id = r.product_id
		JOIN accounts acc ON acc.id = d.account_id
		WHERE p.artisan_id = $1
		ORDER BY p.id, d.id DESC`, a)
	if err != nil {
		return nil, fmt.Errorf("moderation: latest: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanDecision)
	if err != nil {
		return nil, fmt.Errorf("moderation: latest: %w", err)
	}
	bySlug := map[string]Decision{}
	for _, d := range list {
		bySlug[d.Product] = d
	}
	return bySlug, nil
}

// AskPast asks for the last decisions on an artisan's products, newest first, those
// on one product before all others.
func AskPast(a union.ArtisanID, product catalog.ProductID, limit int, list *[]Decision) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) (err error) {
		if *list, err = pgx.CollectRows(rows, scanDecision); err != nil {
			return fmt.Errorf("moderation: past: %w", err)
		}
		return nil
	}, `
		SELECT `+decisionColumns+`
		FROM decisions d
		JOIN revisions r ON r.id = d.revision_id
		JOIN products p ON p.id = r.product_id
		JOIN accounts acc ON acc.id = d.account_id
		WHERE p.artisan_id = $1
		ORDER BY (p.id = $2) DESC, d.id DESC
		LIMIT $3`, a, product, limit)
}

// A Backlog is what waits for a committee.
type Backlog struct {
	Slug    string
	Name    lang.Texts
	Pieces  int       // new ones and changes
	Late    int       // of these, waiting for longer than was promised
	Oldest  time.Time // since when the first of them waits; zero for none
	Reports int       // pieces that were reported, and appeals
}

// Backlogs returns what waits for a judge by committee, those with nothing left
// out. now is the moment, where the union is.
func Backlogs(ctx context.Context, db postgres.DB, j Judge, now time.Time) ([]Backlog, error) {
	rows, err := db.Query(ctx, `
		SELECT c.slug, c.name, coalesce(k.promise_days, $5), w.piece, w.day, min(w.at), count(*)
		FROM (
			SELECT true AS piece, p.trade_id, p.artisan_id, r.submitted_at AS at, (r.submitted_at AT TIME ZONE $6)::date AS day
			FROM revisions r
			JOIN products p ON p.id = r.product_id
			WHERE r.state = 'submitted' AND NOT EXISTS (SELECT FROM decisions d WHERE d.revision_id = r.id AND d.account_id = $4)
			UNION ALL
			SELECT false, p.trade_id, p.artisan_id, min(q.at), NULL
			FROM reports q
			JOIN products p ON p.id = q.product_id
			WHERE q.ruling_id IS NULL AND p.live_id IS NOT NULL
			GROUP BY p.id
			UNION ALL
			SELECT false, p.trade_id, p.artisan_id, d.appealed_at, NULL
			FROM takedowns d
			JOIN piece_rulings g ON g.id = d.ruling_id
			JOIN products p ON p.id = d.product_id
			WHERE d.appealed_at IS NOT NULL AND d.answer_id IS NULL AND g.account_id <> $4) w
		JOIN trades t ON t.id = w.trade_id
		JOIN committees c ON c.id = t.committee_id
		LEFT JOIN committee_rules k ON k.committee_id = c.id
		WHERE ($1 OR w.trade_id = ANY ($2)) AND w.artisan_id <> ALL ($3)
		GROUP BY c.id, k.promise_days, w.piece, w.day
		ORDER BY c.slug`, j.All, append([]union.TradeID{}, j.Trades...), j.barred(), j.Account, usual.PromiseDays, now.Location().String())
	if err != nil {
		return nil, fmt.Errorf("moderation: backlogs: %w", err)
	}
	var list []Backlog
	var slug string
	var name lang.Texts
	var promise, n int
	var piece bool
	var day *time.Time
	var since time.Time
	_, err = pgx.ForEachRow(rows, []any{&slug, &name, &promise, &piece, &day, &since, &n}, func() error {
		if len(list) == 0 || list[len(list)-1].Slug != slug {
			list = append(list, Backlog{Slug: slug, Name: name})
		}
		b := &list[len(list)-1]
		name = nil // The next row's texts are not written into these.
		if !piece {
			b.Reports += n
			return nil
		}
		b.Pieces += n
		if WorkingDays(time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, now.Location()), now) > promise {
			b.Late += n
		}
		if b.Oldest.IsZero() || since.Before(b.Oldest) {
			b.Oldest = since
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("moderation: backlogs: %w", err)
	}
	return list, nil
}
