// Package mark is the committees' own mark: members sign a workshop, or one
// piece, at a level and in a class, against what their committee has written
// down, after a visit, and for a time.
package mark

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// State is where a mark stands. That it has run out is told by its days alone.
type State string

const (
	Proposed  State = "proposed"
	Granted   State = "granted"
	Refused   State = "refused"
	Withdrawn State = "withdrawn"
)

// Bounds of what is written, in characters.
const (
	MostWords         = 1000
	MostVisitor       = 100
	MostSpecification = 1500
)

var (
	// ErrNoMark is returned for a mark that is not there.
	ErrNoMark = fault.New(fault.NotFound, "error.not_found")
	// ErrOwn is returned to someone who would have a say in the mark of their own
	// workshop, or of one for whom they act.
	ErrOwn = fault.New(fault.Forbidden, "mark.own")
	// ErrKin is returned to the family of the workshop.
	ErrKin = fault.New(fault.Forbidden, "mark.kin")
	// ErrNotYours is returned to a member of another committee.
	ErrNotYours = fault.New(fault.Forbidden, "mark.not_yours")
	// ErrGranted, ErrRefused and ErrWithdrawn are returned where colleagues were
	// first; they speak of the day.
	ErrGranted   = fault.New(fault.Conflict, "mark.already.granted")
	ErrRefused   = fault.New(fault.Conflict, "mark.already.refused")
	ErrWithdrawn = fault.New(fault.Conflict, "mark.already.withdrawn")
	// ErrLapsed is returned for a mark that has run out; it speaks of the day.
	ErrLapsed = fault.New(fault.Conflict, "mark.already.lapsed")
	// ErrVoted is returned to someone who has said already what they think.
	ErrVoted = fault.New(fault.Conflict, "mark.voted")
	// ErrOpen is returned where the same is proposed already.
	ErrOpen = fault.New(fault.Conflict, "mark.open")
	// ErrTooEarly is returned where a mark stands; it speaks of the day from which
	// the next one can be proposed.
	ErrTooEarly = fault.New(fault.Conflict, "mark.too_early")
	// ErrNoSpecification is returned where the committee has not written down what
	// its mark asks for.
	ErrNoSpecification = fault.New(fault.Conflict, "mark.no_specification")
	// ErrClosed is returned for a workshop that is not open.
	ErrClosed = fault.New(fault.Conflict, "mark.closed")
)

// A Judge is who acts for a committee: of which ones, and for whom not.
type Judge struct {
	Account    identity.AccountID
	Name       string
	All        bool                // an administrator, who stands in for every committee
	Committees []union.CommitteeID // in which they sit
	Own        union.ArtisanID     // 0 for someone without a workshop
	Helped     []union.ArtisanID   // for whom they may act in the studio
	Language   string              // in which they write
}

// A Mark is what a committee says of a workshop or of one piece.
type Mark struct {
	id            int64
	Ref           string
	Artisan       union.Artisan     // its key, slug and names alone
	Product       catalog.ProductID // 0 for the whole workshop
	ProductSlug   string
	Title         lang.Texts // of the product
	WrittenIn     string     // the language the title was written in
	Committee     union.CommitteeID
	CommitteeSlug string
	CommitteeName lang.Texts
	Level         int // from 1
	Levels        int // how many there are
	LevelName     lang.Texts
	Class         string
	ClassName     lang.Texts
	Specification lang.Texts // as it stood when the mark was proposed
	Words         string
	State         State
	ProposedBy    string // empty where nobody did
	ProposedAt    time.Time
	Decided       time.Time // when it was granted or refused; zero before
	Begins, Ends  time.Time // Ends is midnight after the last day; zero where it was never granted
	Visited       time.Time // the day of the visit it was granted on
	Visitor       string
	WithdrawnAt   time.Time
	WithdrawnBy   string
	Reason        string
	ReasonIn      string          // its language
	AppealOf      string          // ref of the refused one that is asked anew
	Appealed      bool            // its artisan has appealed
	Appealing     bool            // and nobody has decided
	RenewDays     int             // in its last days the next one may be proposed
	Invented      bool            // of a demonstration
	Signers       []union.Artisan // their names alone; an administrator has the same in both
}

var markColumns = `
	m.id, m.ref, a.id, a.slug, a.name, a.name_ar, coalesce(m.product_id, 0), coalesce(p.slug, ''), r.title, coalesce(r.written_in, ''),
	m.committee_id, c.slug, c.name, m.level, (SELECT max(level) FROM mark_levels), lv.name, m.class, cl.name, m.specification, m.words,
	m.state, coalesce(pb.name, ''), m.proposed_at, m.decided_at, m.begins_at, m.ends_at, w.day, coalesce(w.visitor, ''),
	m.withdrawn_at, coalesce(wb.name, ''), m.reason, m.reason_language, coalesce(ap.ref, ''), l.id IS NOT NULL,
	l.id IS NOT NULL AND l.outcome IS NULL, coalesce(ru.renew_days, ` + strconv.Itoa(usualRenewDays) + `), m.invented,
	ARRAY(SELECT coalesce(sa.name, sc.name)` + signers + `), ARRAY(SELECT coalesce(sa.name_ar, sc.name)` + signers + `)`

const signers = `
	FROM mark_votes v
	LEFT JOIN artisans sa ON sa.id = v.artisan_id
	LEFT JOIN accounts sc ON sc.id = v.account_id
	WHERE v.mark_id = m.id AND v.verdict = 'signed' AND ` + counts + `
	ORDER BY v.id`

// counts leaves out the votes of kin: one may have been declared after the vote.
const counts = `NOT EXISTS (
	SELECT FROM kin k
	WHERE k.artisan_id = least(v.artisan_id, m.artisan_id) AND k.other_id = greatest(v.artisan_id, m.artisan_id)
	  AND k.declared_at <= coalesce(m.decided_at, 'infinity'))`

const markTables = `
	FROM marks m
	JOIN artisans a ON a.id = m.artisan_id
	LEFT JOIN products p ON p.id = m.product_id
	LEFT JOIN revisions r ON r.id = p.live_id
	JOIN committees c ON c.id = m.committee_id
	LEFT JOIN mark_rules ru ON ru.committee_id = m.committee_id
	JOIN mark_levels lv ON lv.level = m.level
	JOIN mark_classes cl ON cl.code = m.class
	LEFT JOIN accounts pb ON pb.id = m.proposed_by
	LEFT JOIN accounts wb ON wb.id = m.withdrawn_by
	LEFT JOIN workshop_visits w ON w.id = m.visit_id
	LEFT JOIN marks ap ON ap.id = m.appeal_of
	LEFT JOIN mark_appeals l ON l.mark_id = m.id`

func scanMark(row pgx.CollectableRow) (Mark, error) {
	var m Mark
	var decided, begins, ends, visited, withdrawn *time.Time
	var latin, arabic []string
	err := row.Scan(&m.id, &m.Ref, &m.Artisan.ID, &m.Artisan.Slug, &m.Artisan.Name, &m.Artisan.NameArabic, &m.Product, &m.ProductSlug,
		&m.Title, &m.WrittenIn, &m.Committee, &m.CommitteeSlug, &m.CommitteeName, &m.Level, &m.Levels, &m.LevelName, &m.Class, &m.ClassName,
		&m.Specification, &m.Words, &m.State, &m.ProposedBy, &m.ProposedAt, &decided, &begins, &ends, &visited, &m.Visitor,
		&withdrawn, &m.WithdrawnBy, &m.Reason, &m.ReasonIn, &m.AppealOf, &m.Appealed, &m.Appealing, &m.RenewDays, &m.Invented, &latin, &arabic)
	for at, to := range map[*time.Time]*time.Time{decided: &m.Decided, begins: &m.Begins, ends: &m.Ends, visited: &m.Visited, withdrawn: &m.WithdrawnAt} {
		if at != nil {
			*to = *at
		}
	}
	for i := range latin {
		m.Signers = append(m.Signers, union.Artisan{Name: latin[i], NameArabic: arabic[i]})
	}
	return m, err
}

// collect returns the marks of a condition, and what comes after it.
func collect(ctx context.Context, db postgres.DB, what, where string, args ...any) ([]Mark, error) {
	rows, err := db.Query(ctx, `SELECT `+markColumns+markTables+` WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("mark: %s: %w", what, err)
	}
	list, err := pgx.CollectRows(rows, scanMark)
	if err != nil {
		return nil, fmt.Errorf("mark: %s: %w", what, err)
	}
	return list, nil
}

// Stands reports whether the mark stands at t.
func (m Mark) Stands(t time.Time) bool {
	return m.State == Granted && !t.Before(m.Begins) && t.Before(m.Ends)
}

// Lapsed reports whether the mark was granted and has run out by t.
func (m Mark) Lapsed(t time.Time) bool { return m.State == Granted && !t.Before(m.Ends) }

// LastDay is the last day on which the mark stands, where the union is.
func (m Mark) LastDay(place *time.Location) time.Time { return m.Ends.Add(-time.Second).In(place) }

// RenewFrom is when the next one may be proposed.
func (m Mark) RenewFrom() time.Time { return m.Ends.AddDate(0, 0, -m.RenewDays) }

// subject names what the mark is of, in notices: the public reference, and which
// mark.
func (m Mark) subject() string {
	if m.Product != 0 {
		return m.ProductSlug + "/" + m.Ref
	}
	return m.Artisan.Slug + "/" + m.Ref
}

// tag is that of the pages that show the mark.
func (m Mark) tag() string {
	if m.Product != 0 {
		return m.Product.Tag()
	}
	return m.Artisan.ID.Tag()
}

// changed tells the pages, the artisan where kind is not empty, and the audit.
func (m Mark) changed(ctx context.Context, tx pgx.Tx, by identity.AccountID, action, kind string, details map[string]any) error {
	if err := postgres.Notify(ctx, tx, m.tag()); err != nil {
		return err
	}
	if kind != "" {
		if err := union.Tell(ctx, tx, m.Artisan.ID, kind, m.subject(), nil); err != nil {
			return err
		}
	}
	after := map[string]any{"artisan": m.Artisan.Slug, "level": m.Level, "class": m.Class}
	if m.Product != 0 {
		after["product"] = m.ProductSlug
	}
	for k, v := range details {
		after[k] = v
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: action, Subject: "mark:" + m.Ref, Before: map[string]State{"state": m.State}, After: after})
}

// On returns the marks that stand at a moment: of a workshop, and of one of its
// pieces where product is not 0.
func On(ctx context.Context, db postgres.DB, a union.ArtisanID, product catalog.ProductID, at time.Time) ([]Mark, error) {
	return collect(ctx, db, "standing", `
		m.artisan_id = $1 AND (m.product_id IS NULL OR m.product_id = $2) AND m.state = 'granted' AND m.begins_at <= $3 AND m.ends_at > $3
		ORDER BY m.id`, a, product, at)
}

// Of returns an artisan's newest marks in whatever state, at most so many.
func Of(ctx context.Context, db postgres.DB, a union.ArtisanID, limit int) ([]Mark, error) {
	return collect(ctx, db, "of artisan", `m.artisan_id = $1 ORDER BY m.id DESC LIMIT $2`, a, limit)
}

// ByRef returns a mark, or ErrNoMark.
func ByRef(ctx context.Context, db postgres.DB, ref string) (Mark, error) {
	list, err := collect(ctx, db, "by ref", `m.ref = $1`, ref)
	if err != nil {
		return Mark{}, err
	}
	if len(list) == 0 {
		return Mark{}, ErrNoMark
	}
	return list[0], nil
}

// byRefForUpdate is ByRef for who is about to change the mark: others wait.
func byRefForUpdate(ctx context.Context, tx pgx.Tx, ref string) (Mark, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM marks WHERE ref = $1 FOR UPDATE`, ref); err != nil {
		return Mark{}, fmt.Errorf("mark: lock: %w", err)
	}
	return ByRef(ctx, tx, ref)
}

// A Tab is a part of the list of marks.
type Tab string

const (
	AllMarks Tab = ""
	Opens    Tab = "open"
	Appeals  Tab = "appeals"
	Standing Tab = "standing"
	Ending   Tab = "ending" // they stand, and run out within EndingDays
	Lapsed   Tab = "lapsed"
	Refusals Tab = "refused"
	Removed  Tab = "withdrawn"
)

// EndingDays is how far Ending looks ahead.
const EndingDays = 60

// Tabs are all of them, in the order in which the office reads them.
var Tabs = []Tab{Opens, Appeals, Standing, Ending, Lapsed, Refusals, Removed, AllMarks}

// tabWhere are their conditions; $1 is now.
var tabWhere = map[Tab]string{
	AllMarks: `true`, Opens: `m.state = 'proposed'`, Appeals: `l.id IS NOT NULL AND l.outcome IS NULL`,
	Standing: `m.state = 'granted' AND m.ends_at > $1`,
	Ending:   `m.state = 'granted' AND m.ends_at > $1 AND m.ends_at <= $1::timestamptz + make_interval(days => ` + strconv.Itoa(EndingDays) + `)`,
	Lapsed:   `m.state = 'granted' AND m.ends_at <= $1`, Refusals: `m.state = 'refused'`, Removed: `m.state = 'withdrawn'`,
}

// whose is the condition on the committees of a judge, $2 and $3.
const whose = ` AND ($2 OR m.committee_id = ANY ($3))`

// A Filter narrows the list of marks. The zero one asks for all.
type Filter struct {
	Tab   Tab
	Query string // of the workshop's name or slug
	After string // ref of the last one seen
	Limit int
}

// List returns the marks that a judge's committees have to do with, newest first,
// and whether there are more.
func List(ctx context.Context, db postgres.DB, j Judge, f Filter, at time.Time) (list []Mark, more bool, err error) {
	where, ok := tabWhere[f.Tab]
	if !ok {
		where = `true`
	}
	list, err = collect(ctx, db, "list", where+whose+`
		AND $1::timestamptz IS NOT NULL
		AND ($4 = '' OR strpos(lower(a.name), lower($4)) > 0 OR strpos(a.name_ar, $4) > 0 OR strpos(a.slug, lower($4)) > 0)
		AND ($5 = '' OR m.id < (SELECT id FROM marks WHERE ref = $5))
		ORDER BY m.id DESC
		LIMIT $6`, at, j.All, slices.Concat([]union.CommitteeID{}, j.Committees), f.Query, f.After, f.Limit+1)
	if err != nil {
		return nil, false, err
	}
	if len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

// Count returns how many marks each tab has for a judge.
func Count(ctx context.Context, db postgres.DB, j Judge, at time.Time) (map[Tab]int, error) {
	var parts []string
	counts := make([]int, len(Tabs))
	into := make([]any, len(Tabs))
	for i, t := range Tabs {
		parts, into[i] = append(parts, `count(*) FILTER (WHERE `+tabWhere[t]+`)`), &counts[i]
	}
	err := db.QueryRow(ctx, `
		SELECT `+strings.Join(parts, ", ")+`
		FROM marks m
		LEFT JOIN mark_appeals l ON l.mark_id = m.id
		WHERE $1::timestamptz IS NOT NULL`+whose, at, j.All, slices.Concat([]union.CommitteeID{}, j.Committees)).Scan(into...)
	if err != nil {
		return nil, fmt.Errorf("mark: count: %w", err)
	}
	all := map[Tab]int{}
	for i, t := range Tabs {
		all[t] = counts[i]
	}
	return all, nil
}

// sees returns nil for a mark that is of a committee of the judge's.
func (j Judge) sees(m Mark) error {
	if j.All || slices.Contains(j.Committees, m.Committee) {
		return nil
	}
	return ErrNotYours
}

// For returns a mark that a judge may see, or ErrNoMark or ErrNotYours.
func For(ctx context.Context, db postgres.DB, j Judge, ref string) (Mark, error) {
	m, err := ByRef(ctx, db, ref)
	if err != nil {
		return Mark{}, err
	}
	return m, j.sees(m)
}

// May returns nil where the judge may have a say in the mark of an artisan, and
// otherwise ErrOwn, ErrKin or ErrNotYours.
func (j Judge) May(ctx context.Context, db postgres.DB, m Mark) error {
	return j.may(ctx, db, m.Committee, m.Artisan.ID)
}

func (j Judge) may(ctx context.Context, db postgres.DB, c union.CommitteeID, a union.ArtisanID) error {
	switch {
	case a == j.Own || slices.Contains(j.Helped, a):
		return ErrOwn
	case !j.All && !slices.Contains(j.Committees, c):
		return ErrNotYours
	}
	kin, err := AreKin(ctx, db, j.Own, a)
	if err != nil {
		return err
	}
	if kin {
		return ErrKin
	}
	return nil
}

// settled returns the fault for a mark that is no longer proposed.
func (m Mark) settled(at time.Time) error {
	switch {
	case m.State == Granted && m.Lapsed(at):
		return ErrLapsed.With(m.Ends.In(at.Location()))
	case m.State == Granted:
		return ErrGranted.With(m.Decided.In(at.Location()))
	case m.State == Refused:
		return ErrRefused.With(m.Decided.In(at.Location()))
	case m.State == Withdrawn:
		return ErrWithdrawn.With(m.WithdrawnAt.In(at.Location()))
	}
	return nil
}

// Lines break as browsers and people send them.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// tidy bounds what was written into a field, in characters.
func tidy(f *fault.Form, field, words string, needed bool) string {
	words = strings.TrimSpace(breaks.Replace(words))
	switch {
	case words == "" && needed:
		f.Wrong(field, "mark.words.wrong")
	case len([]rune(words)) > MostWords:
		f.Wrong(field, "mark.too_long", MostWords)
	}
	return words
}

// isAbsent reports a query that found nothing.
func isAbsent(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
