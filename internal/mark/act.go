package mark

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Thing is what a mark is of: a workshop, or one of its pieces that is on the
// market.
type Thing struct {
	Artisan   union.Artisan
	Product   catalog.ProductID // 0 for the whole workshop
	Slug      string            // of the product
	Title     lang.Texts
	WrittenIn string
	Committee union.CommitteeID // of the trade
}

// mostPieces bounds the pieces of a workshop that one can choose from.
const mostPieces = 200

// Things returns what can be marked of a workshop: itself first, then its pieces.
func Things(ctx context.Context, db postgres.DB, a union.Artisan) ([]Thing, error) {
	rows, err := db.Query(ctx, `
		SELECT 0, '', NULL::jsonb, '', t.committee_id, '' AS sort
		FROM trades t
		WHERE t.id = $1
		UNION ALL
		(SELECT p.id, p.slug, r.title, r.written_in, t.committee_id, p.slug AS sort
		FROM products p
		JOIN revisions r ON r.id = p.live_id
		JOIN trades t ON t.id = p.trade_id
		WHERE p.artisan_id = $2 AND p.state = 'on_sale'
		ORDER BY p.slug
		LIMIT $3)
		ORDER BY sort`, a.Trade, a.ID, mostPieces)
	if err != nil {
		return nil, fmt.Errorf("mark: things: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Thing, error) {
		t := Thing{Artisan: a}
		var sort string
		err := row.Scan(&t.Product, &t.Slug, &t.Title, &t.WrittenIn, &t.Committee, &sort)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("mark: things: %w", err)
	}
	return list, nil
}

// A Proposal is a mark that a member asks colleagues to sign.
type Proposal struct {
	Thing Thing
	Level int
	Class string
	Words string // why, for colleagues; may be empty
}

// Propose asks a committee to sign a mark, and returns how it is called. In a
// mark's last days the one that follows it can be proposed. It returns ErrOwn,
// ErrKin, ErrNotYours, ErrClosed, ErrNoSpecification, ErrOpen, ErrTooEarly, or
// faults beside the fields level, class and words.
func Propose(ctx context.Context, tx pgx.Tx, j Judge, p Proposal, at time.Time) (ref string, err error) {
	if err := j.may(ctx, tx, p.Thing.Committee, p.Thing.Artisan.ID); err != nil {
		return "", err
	}
	if p.Thing.Artisan.State != union.Active {
		return "", ErrClosed
	}
	var f fault.Form
	levels, classes, err := Grades(ctx, tx)
	if err != nil {
		return "", err
	}
	var level, class bool
	for _, v := range levels {
		level = level || v.Level == p.Level
	}
	for _, v := range classes {
		class = class || v.Code == p.Class
	}
	if !level {
		f.Wrong("level", "mark.level.wrong")
	}
	if !class {
		f.Wrong("class", "mark.class.wrong")
	}
	p.Words = tidy(&f, "words", p.Words, false)
	if err := f.Err(); err != nil {
		return "", err
	}
	rules, err := RulesOf(ctx, tx, p.Thing.Committee)
	if err != nil {
		return "", err
	}
	if rules.Specification == nil {
		return "", ErrNoSpecification
	}
	until, err := lastEnd(ctx, tx, p.Thing.Artisan.ID, p.Thing.Product)
	if err != nil {
		return "", err
	}
	if from := until.AddDate(0, 0, -rules.RenewDays); until.After(at) && from.After(at) {
		return "", ErrTooEarly.With(from.In(at.Location()))
	}
	return insert(ctx, tx, j.Account, p, rules.Specification, nil, at)
}

// lastEnd returns when the last mark of a thing that was granted ends, which may
// be long ago.
func lastEnd(ctx context.Context, tx pgx.Tx, a union.ArtisanID, p catalog.ProductID) (time.Time, error) {
	var until time.Time
	err := tx.QueryRow(ctx, `
		SELECT coalesce(max(ends_at), 'epoch')
		FROM marks
		WHERE artisan_id = $1 AND coalesce(product_id, 0) = $2 AND state = 'granted'`, a, p).Scan(&until)
	if err != nil {
		return time.Time{}, fmt.Errorf("mark: last end: %w", err)
	}
	return until, nil
}

// insert writes a proposal; by is 0 for one that an appeal brought back.
func insert(ctx context.Context, tx pgx.Tx, by identity.AccountID, p Proposal, specification lang.Texts, appealOf *int64, at time.Time) (string, error) {
	ref := strings.ToLower(rand.Text())
	_, err := tx.Exec(ctx, `
		INSERT INTO marks (ref, artisan_id, product_id, committee_id, level, class, specification, words, proposed_by, proposed_at, appeal_of)
		VALUES ($1, $2, nullif($3::bigint, 0), $4, $5, $6, $7, $8, nullif($9::bigint, 0), $10, $11)`,
		ref, p.Thing.Artisan.ID, p.Thing.Product, p.Thing.Committee, p.Level, p.Class, specification, p.Words, by, at, appealOf)
	if postgres.IsUnique(err, "marks_one_open") {
		return "", ErrOpen
	}
	if err != nil {
		return "", fmt.Errorf("mark: propose: %w", err)
	}
	m, err := ByRef(ctx, tx, ref)
	if err != nil {
		return "", err
	}
	return ref, m.changed(ctx, tx, by, "mark.proposed", "mark_proposed", nil)
}

// Verdict is what a member says of a mark.
type Verdict string

const (
	Signed Verdict = "signed"
	No     Verdict = "refused"
)

// A Vote is what one member said, once.
type Vote struct {
	By       union.Artisan // names alone; an administrator has the same in both
	StandsIn bool          // an administrator
	Verdict  Verdict
	Words    string
	Language string
	At       time.Time
	Kin      bool // it no longer counts
	account  identity.AccountID
}

// Mine reports whether the vote is the judge's.
func (v Vote) Mine(j Judge) bool { return v.account == j.Account }

// Votes returns what was said of a mark, in the order in which it was said.
func Votes(ctx context.Context, db postgres.DB, m Mark) ([]Vote, error) {
	rows, err := db.Query(ctx, `
		SELECT coalesce(a.name, c.name), coalesce(a.name_ar, c.name), v.artisan_id IS NULL, v.verdict, v.words, v.language, v.at, NOT `+counts+`,
			coalesce(v.account_id, 0)
		FROM mark_votes v
		JOIN marks m ON m.id = v.mark_id
		LEFT JOIN artisans a ON a.id = v.artisan_id
		LEFT JOIN accounts c ON c.id = v.account_id
		WHERE m.id = $1
		ORDER BY v.id
		LIMIT 200`, m.id)
	if err != nil {
		return nil, fmt.Errorf("mark: votes: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Vote, error) {
		var v Vote
		err := row.Scan(&v.By.Name, &v.By.NameArabic, &v.StandsIn, &v.Verdict, &v.Words, &v.Language, &v.At, &v.Kin, &v.account)
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("mark: votes: %w", err)
	}
	return list, nil
}

// A Tally is how the votes on a mark stand.
type Tally struct {
	Needed  int // so many must sign; as many noes refuse it
	Signed  int
	Refused int
	Left    int // so many may still be asked
}

// Granted reports whether enough have signed.
func (t Tally) Granted() bool { return t.Signed >= t.Needed }

// Refused for good: enough said no, or too few are left to sign.
func (t Tally) refused() bool { return t.Refused >= t.Needed || t.Signed+t.Left < t.Needed }

// TallyOf counts the votes on a mark by its committee's rules.
//
// Those who may vote are the members of the committee besides the workshop's own,
// its kin and its helpers, and one administrator who stands in for whoever is
// missing. Where they are fewer than must sign, all of them must.
func TallyOf(ctx context.Context, db postgres.DB, m Mark) (Tally, error) {
	all, err := tallies(ctx, db, []int64{m.id})
	return all[m.id], err
}

// tallies are those of several marks, by key.
func tallies(ctx context.Context, db postgres.DB, ids []int64) (map[int64]Tally, error) {
	rows, err := db.Query(ctx, `
		SELECT m.id, coalesce(r.signatures, $2), members.all_of_them, members.voted, votes.stand_ins, votes.signed, votes.refused
		FROM marks m
		LEFT JOIN mark_rules r ON r.committee_id = m.committee_id
		CROSS JOIN LATERAL (
			SELECT count(*) AS all_of_them, count(*) FILTER (WHERE EXISTS (
				SELECT FROM mark_votes v WHERE v.mark_id = m.id AND v.artisan_id = a.id)) AS voted
			FROM committee_members cm
			JOIN artisans a ON a.id = cm.artisan_id AND a.state = 'active'
			WHERE cm.committee_id = m.committee_id AND a.id <> m.artisan_id
			  AND NOT EXISTS (SELECT FROM kin k WHERE k.artisan_id = least(a.id, m.artisan_id) AND k.other_id = greatest(a.id, m.artisan_id))
			  AND NOT EXISTS (
				SELECT FROM helpings h
				WHERE h.account_id = a.account_id AND h.artisan_id = m.artisan_id AND h.confirmed_at IS NOT NULL AND h.ended_at IS NULL)
		) AS members
		CROSS JOIN LATERAL (
			SELECT count(*) FILTER (WHERE v.artisan_id IS NULL) AS stand_ins, count(*) FILTER (WHERE v.verdict = 'signed') AS signed,
				count(*) FILTER (WHERE v.verdict = 'refused') AS refused
			FROM mark_votes v
			WHERE v.mark_id = m.id AND `+counts+`
		) AS votes
		WHERE m.id = ANY ($1)`, ids, usual.Signatures)
	if err != nil {
		return nil, fmt.Errorf("mark: tally: %w", err)
	}
	all := map[int64]Tally{}
	var id int64
	var t Tally
	var members, voted, standIns int
	_, err = pgx.ForEachRow(rows, []any{&id, &t.Needed, &members, &voted, &standIns, &t.Signed, &t.Refused}, func() error {
		t.Needed, t.Left = min(t.Needed, members+max(1, standIns)), members-voted
		if standIns == 0 {
			t.Left++
		}
		all[id] = t
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mark: tally: %w", err)
	}
	return all, nil
}

// CastVote signs or refuses a mark. With enough signatures and a visit it stands
// at once; where enough refuse, it is refused. It returns ErrOwn, ErrKin,
// ErrNotYours, ErrVoted, ErrGranted, ErrRefused, or a fault beside the field
// words for a no without a why.
func CastVote(ctx context.Context, tx pgx.Tx, j Judge, ref string, v Verdict, words string, at time.Time) (Mark, error) {
	m, err := byRefForUpdate(ctx, tx, ref)
	if err != nil {
		return Mark{}, err
	}
	if err := j.May(ctx, tx, m); err != nil {
		return Mark{}, err
	}
	if err := m.settled(at); err != nil {
		return Mark{}, err
	}
	var f fault.Form
	if v != Signed && v != No {
		f.Wrong("words", "mark.verdict.wrong")
	}
	words = tidy(&f, "words", words, v == No)
	if err := f.Err(); err != nil {
		return Mark{}, err
	}
	// A seat is what counts; whoever has none stands in.
	_, err = tx.Exec(ctx, `
		INSERT INTO mark_votes (mark_id, account_id, artisan_id, verdict, words, language, at)
		VALUES ($1, $2, (SELECT artisan_id FROM committee_members WHERE committee_id = $3 AND artisan_id = $4), $5, $6, $7, $8)`,
		m.id, j.Account, m.Committee, j.Own, v, words, j.Language, at)
	if postgres.IsUnique(err, "mark_votes_once") || postgres.IsUnique(err, "mark_votes_once_each") {
		return Mark{}, ErrVoted
	}
	if err != nil {
		return Mark{}, fmt.Errorf("mark: vote: %w", err)
	}
	action := "mark.signed"
	if v == No {
		action = "mark.voted_no"
	}
	if err := m.changed(ctx, tx, j.Account, action, "", map[string]any{"words": words}); err != nil {
		return Mark{}, err
	}
	return settle(ctx, tx, m, j.Account, at)
}

// A Visit is that someone of the committee saw the workshop at work.
type Visit struct {
	Day     time.Time
	Visitor string
	Words   string
}

// Visits returns the last visits to a workshop, newest first.
func Visits(ctx context.Context, db postgres.DB, a union.ArtisanID, limit int) ([]Visit, error) {
	rows, err := db.Query(ctx, `
		SELECT day, visitor, words FROM workshop_visits WHERE artisan_id = $1 ORDER BY day DESC, id DESC LIMIT $2`, a, limit)
	if err != nil {
		return nil, fmt.Errorf("mark: visits: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Visit])
	if err != nil {
		return nil, fmt.Errorf("mark: visits: %w", err)
	}
	return list, nil
}

// RecordVisit writes down a visit to the workshop of a mark that is proposed. What
// has signatures enough stands from now on. It returns ErrOwn, ErrKin,
// ErrNotYours, ErrGranted, ErrRefused, or faults beside the fields day, visitor
// and note; a visit is not of a day to come, nor older than a mark's time.
func RecordVisit(ctx context.Context, tx pgx.Tx, j Judge, ref string, v Visit, at time.Time) error {
	m, err := byRefForUpdate(ctx, tx, ref)
	if err != nil {
		return err
	}
	if err := j.May(ctx, tx, m); err != nil {
		return err
	}
	if err := m.settled(at); err != nil {
		return err
	}
	rules, err := RulesOf(ctx, tx, m.Committee)
	if err != nil {
		return err
	}
	today := day(at)
	var f fault.Form
	switch {
	case v.Day.IsZero():
		f.Wrong("day", "mark.day.unread")
	case v.Day.After(today):
		f.Wrong("day", "mark.day.future")
	case v.Day.Before(today.AddDate(0, -rules.Months, 0)):
		f.Wrong("day", "mark.day.old", today.AddDate(0, -rules.Months, 0))
	}
	if v.Visitor = strings.Join(strings.Fields(v.Visitor), " "); v.Visitor == "" {
		f.Wrong("visitor", "mark.visitor.wrong")
	} else if len([]rune(v.Visitor)) > MostVisitor {
		f.Wrong("visitor", "mark.too_long", MostVisitor)
	}
	v.Words = tidy(&f, "note", v.Words, false)
	if err := f.Err(); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO workshop_visits (artisan_id, day, visitor, words, account_id, at)
		VALUES ($1, $2, $3, $4, $5, $6)`, m.Artisan.ID, v.Day, v.Visitor, v.Words, j.Account, at)
	if err != nil {
		return fmt.Errorf("mark: visit: %w", err)
	}
	err = m.changed(ctx, tx, j.Account, "mark.visited", "", map[string]any{"day": v.Day.Format(time.DateOnly), "visitor": v.Visitor})
	if err != nil {
		return err
	}
	// Its other marks may have waited for the same visit.
	rows, err := tx.Query(ctx, `SELECT ref FROM marks WHERE artisan_id = $1 AND state = 'proposed' ORDER BY id FOR UPDATE`, m.Artisan.ID)
	if err != nil {
		return fmt.Errorf("mark: visit: %w", err)
	}
	return settleAll(ctx, tx, rows, j.Account, at)
}

// day is the day that t is on, as the database has days.
func day(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// settleAll settles marks of which the rows are the refs, locked.
func settleAll(ctx context.Context, tx pgx.Tx, rows pgx.Rows, by identity.AccountID, at time.Time) error {
	refs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("mark: settle: %w", err)
	}
	for _, ref := range refs {
		m, err := ByRef(ctx, tx, ref)
		if err != nil {
			return err
		}
		if _, err := settle(ctx, tx, m, by, at); err != nil {
			return err
		}
	}
	return nil
}

// settle grants or refuses a mark that is proposed and locked, if that is due, and
// returns it as it is then.
func settle(ctx context.Context, tx pgx.Tx, m Mark, by identity.AccountID, at time.Time) (Mark, error) {
	t, err := TallyOf(ctx, tx, m)
	if err != nil {
		return Mark{}, err
	}
	switch {
	case t.Granted():
		if err := grant(ctx, tx, m, by, at); err != nil {
			return Mark{}, err
		}
	case t.refused():
		if _, err := tx.Exec(ctx, `UPDATE marks SET state = 'refused', decided_at = $2 WHERE id = $1`, m.id, at); err != nil {
			return Mark{}, fmt.Errorf("mark: refuse: %w", err)
		}
		if err := m.changed(ctx, tx, by, "mark.refused", "mark_refused", map[string]any{"tally": t}); err != nil {
			return Mark{}, err
		}
	}
	return ByRef(ctx, tx, m.Ref)
}

// grant lets a mark stand from now on, or from when the one before it ends. It
// waits where no visit is fresh enough; the one on which the mark before it was
// granted is not.
func grant(ctx context.Context, tx pgx.Tx, m Mark, by identity.AccountID, at time.Time) error {
	rules, err := RulesOf(ctx, tx, m.Committee)
	if err != nil {
		return err
	}
	today := day(at)
	var visit int64
	err = tx.QueryRow(ctx, `
		SELECT w.id
		FROM workshop_visits w
		WHERE w.artisan_id = $1 AND w.day BETWEEN $2 AND $3
		  AND NOT EXISTS (SELECT FROM marks b WHERE b.visit_id = w.id AND b.artisan_id = $1 AND coalesce(b.product_id, 0) = $4)
		ORDER BY w.day DESC, w.id DESC
		LIMIT 1`, m.Artisan.ID, today.AddDate(0, -rules.Months, 0), today, m.Product).Scan(&visit)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mark: grant: %w", err)
	}
	begins, err := lastEnd(ctx, tx, m.Artisan.ID, m.Product)
	if err != nil {
		return err
	}
	if begins.Before(at) {
		begins = at
	}
	ends := endOf(begins.In(at.Location()), rules.Months)
	_, err = tx.Exec(ctx, `
		UPDATE marks SET state = 'granted', decided_at = $2, visit_id = $3, begins_at = $4, ends_at = $5 WHERE id = $1`,
		m.id, at, visit, begins, ends)
	if err != nil {
		return fmt.Errorf("mark: grant: %w", err)
	}
	return m.changed(ctx, tx, by, "mark.granted", "mark_granted", map[string]any{"begins": begins, "ends": ends})
}

// endOf is the midnight at which a mark ends that begins at a moment, in its
// place.
func endOf(begins time.Time, months int) time.Time {
	y, m, d := begins.Date()
	return time.Date(y, m+time.Month(months), d, 0, 0, 0, 0, begins.Location())
}

// Withdraw takes a mark off every page at once, and with it the one that was to
// follow. The artisan reads why. It returns ErrOwn, ErrKin, ErrNotYours, ErrLapsed,
// ErrRefused, ErrWithdrawn, or a fault beside the field reason.
func Withdraw(ctx context.Context, tx pgx.Tx, j Judge, ref, reason string, at time.Time) error {
	m, err := byRefForUpdate(ctx, tx, ref)
	if err != nil {
		return err
	}
	if err := j.May(ctx, tx, m); err != nil {
		return err
	}
	if m.State != Granted || m.Lapsed(at) {
		return orNotYet(m.settled(at))
	}
	var f fault.Form
	if reason = tidy(&f, "reason", reason, true); f.Err() != nil {
		return f.Err()
	}
	rows, err := tx.Query(ctx, `
		UPDATE marks
		SET state = 'withdrawn', withdrawn_at = $1, withdrawn_by = $2, reason = $3, reason_language = $4
		WHERE artisan_id = $5 AND coalesce(product_id, 0) = $6 AND state = 'granted' AND begins_at >= $7
		RETURNING ref`, at, j.Account, reason, j.Language, m.Artisan.ID, m.Product, m.Begins)
	if err != nil {
		return fmt.Errorf("mark: withdraw: %w", err)
	}
	refs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("mark: withdraw: %w", err)
	}
	for _, r := range refs {
		gone := m
		gone.Ref = r
		if err := gone.changed(ctx, tx, j.Account, "mark.withdrawn", "mark_withdrawn", map[string]any{"reason": reason}); err != nil {
			return err
		}
	}
	return nil
}

// ErrNotYet is returned for what only a mark that stands, or stood, allows.
var ErrNotYet = fault.New(fault.Conflict, "mark.not_yet")

func orNotYet(err error) error {
	if err != nil {
		return err
	}
	return ErrNotYet
}
