// Package membership is how someone becomes a member of the union: they ask, their
// trade's committee votes, and whoever is accepted stands in the register, to be
// invited.
package membership

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// State is where an application stands.
type State string

const (
	Open     State = "open"
	Accepted State = "accepted"
	Refused  State = "refused"
)

// States are all of them, in the order of the office's tabs.
var States = []State{Open, Accepted, Refused}

// Consent is the version of what applicants agree to: the message join.consent.
const Consent = "2026-11"

// Bounds of what applicants write, in characters.
const (
	mostName  = 80
	mostPlace = 200
	MostWords = 1000
)

// An Application is someone who asks to become a member.
type Application struct {
	ID             int64
	Ref            string
	Trade          union.TradeID
	TradeName      lang.Texts
	Committee      union.CommitteeID
	Quarter        union.QuarterID
	QuarterName    lang.Texts
	Name           string // in Latin letters; may be empty where NameArabic is not
	NameArabic     string
	Phone          string // E.164; empty once it is erased
	Email          string
	Workshop       string // where it is, in words
	Years          int
	RegisterNumber string
	Vouchers       string // who can say a word for them
	About          string
	Language       string // BCP 47, in which they wrote
	SentAt         time.Time
	State          State
	DecidedAt      time.Time // zero while it is open
	Artisan        string    // slug of the member they became, empty for none
	Erased         bool
}

var (
	// ErrNoApplication is returned for one that is not there, or not the judge's.
	ErrNoApplication = fault.New(fault.NotFound, "error.not_found")
	// ErrDecided is returned where an application was decided meanwhile.
	ErrDecided = fault.New(fault.Conflict, "membership.decided")
	// ErrVoted is returned to who has said already what they think.
	ErrVoted = fault.New(fault.Conflict, "membership.voted")
	// ErrOwn is returned to who would vote on themselves.
	ErrOwn = fault.New(fault.Forbidden, "membership.own")
)

// Apply keeps an application. Sent twice, by the same phone, it is there once; and
// of someone who is a member already nothing is kept and nothing is said: the
// answer is the same to everyone. It returns faults beside the fields name, phone,
// email, workshop, years, vouchers, about and consent.
func Apply(ctx context.Context, tx pgx.Tx, a Application, agreed bool, at time.Time) error {
	if err := a.check(agreed); err != nil {
		return err
	}
	var member bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM artisans WHERE regexp_replace(phone, '[^0-9+]', '', 'g') = $1 AND state <> 'left')`, a.Phone).Scan(&member); err != nil {
		return fmt.Errorf("membership: apply: %w", err)
	}
	if member {
		return nil
	}
	var ref string
	err := tx.QueryRow(ctx, `
		INSERT INTO applications (trade_id, quarter_id, name, name_ar, phone, email, workshop, years, register_number, vouchers, about, language, consent, sent_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (phone) WHERE state = 'open' DO NOTHING
		RETURNING ref::text`, a.Trade, a.Quarter, a.Name, a.NameArabic, a.Phone, a.Email, a.Workshop, a.Years, a.RegisterNumber, a.Vouchers,
		a.About, a.Language, Consent, at).Scan(&ref)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("membership: apply: %w", err)
	}
	return identity.Record(ctx, tx, identity.Entry{Action: "application.sent", Subject: "application:" + ref})
}

// check trims what was typed and looks whether it can be used.
func (a *Application) check(agreed bool) error {
	var f fault.Form
	for _, s := range []*string{&a.Name, &a.NameArabic, &a.Email, &a.Workshop, &a.RegisterNumber, &a.Vouchers, &a.About} {
		*s = strings.TrimSpace(*s)
	}
	if a.Name == "" && a.NameArabic == "" {
		f.Wrong("name", "join.no_name")
	}
	if a.Name != "" && !strings.ContainsFunc(a.Name, unicode.IsLetter) {
		f.Wrong("name", "join.no_name")
	}
	typed := a.Phone
	if a.Phone = identity.Phone(typed); a.Phone == "" {
		a.Phone = typed
		f.Wrong("phone", "join.no_phone")
	}
	if a.Email != "" {
		if address, err := netmail.ParseAddress(a.Email); err != nil || address.Address != a.Email || len(a.Email) > mostPlace {
			f.Wrong("email", "join.no_email")
		}
	}
	if a.Trade == 0 {
		f.Wrong("trade", "settings.not_choice")
	}
	if a.Quarter == 0 {
		f.Wrong("quarter", "settings.not_choice")
	}
	if a.Workshop == "" {
		f.Wrong("workshop", "join.no_workshop")
	}
	if a.Years < 0 || a.Years > 90 {
		f.Wrong("years", "join.no_years")
	}
	for field, bound := range map[string]struct {
		words string
		most  int
	}{"name": {a.Name, mostName}, "name_ar": {a.NameArabic, mostName}, "workshop": {a.Workshop, mostPlace}, "register_number": {a.RegisterNumber, 40},
		"vouchers": {a.Vouchers, MostWords}, "about": {a.About, MostWords}} {
		if len([]rune(bound.words)) > bound.most {
			f.Wrong(field, "settings.too_long", bound.most)
		}
	}
	if !agreed {
		f.Wrong("consent", "join.no_consent")
	}
	return f.Err()
}

const applicationColumns = `
	a.id, a.ref::text, a.trade_id, t.name, t.committee_id, a.quarter_id, q.name, a.name, a.name_ar, a.phone, a.email, a.workshop, a.years, a.register_number,
	a.vouchers, a.about, a.language, a.sent_at, a.state, coalesce(a.decided_at, '0001-01-01 00:00:00+00'), coalesce(m.slug, ''), a.erased_at IS NOT NULL`

const applicationTables = `
	FROM applications a
	JOIN trades t ON t.id = a.trade_id
	JOIN quarters q ON q.id = a.quarter_id
	LEFT JOIN artisans m ON m.id = a.artisan_id`

func scanApplication(row pgx.CollectableRow) (Application, error) {
	var a Application
	err := row.Scan(&a.ID, &a.Ref, &a.Trade, &a.TradeName, &a.Committee, &a.Quarter, &a.QuarterName, &a.Name, &a.NameArabic, &a.Phone, &a.Email, &a.Workshop,
		&a.Years, &a.RegisterNumber, &a.Vouchers, &a.About, &a.Language, &a.SentAt, &a.State, &a.DecidedAt, &a.Artisan, &a.Erased)
	return a, err
}

// Filter narrows the list of applications.
type Filter struct {
	State State
	Query string // a part of a name or phone
	After string // Ref of the last one seen
	Limit int
}

// List returns the applications of a judge's trades, those that wait the longest
// first and decided ones the newest first, and whether there are more.
func List(ctx context.Context, db postgres.DB, j moderation.Judge, f Filter) (list []Application, more bool, err error) {
	order, after := "a.sent_at, a.id", ">"
	if f.State != Open {
		order, after = "a.sent_at DESC, a.id DESC", "<"
	}
	like := "%" + postgres.EscapeLike(strings.ToLower(strings.TrimSpace(f.Query))) + "%"
	rows, err := db.Query(ctx, `
		SELECT `+applicationColumns+applicationTables+`
		WHERE a.state = $1 AND ($2 OR a.trade_id = ANY ($3))
		  AND ($4 = '%%' OR lower(a.name || ' ' || a.name_ar || ' ' || a.phone) LIKE $4)
		  AND ($5 = '' OR (a.sent_at, a.id) `+after+` (SELECT l.sent_at, l.id FROM applications l WHERE l.ref::text = $5))
		ORDER BY `+order+`
		LIMIT $6`, f.State, j.All, append([]union.TradeID{}, j.Trades...), like, f.After, f.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("membership: list: %w", err)
	}
	if list, err = pgx.CollectRows(rows, scanApplication); err != nil {
		return nil, false, fmt.Errorf("membership: list: %w", err)
	}
	if len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

// Counts returns how many applications of a judge's trades are in each state.
func Counts(ctx context.Context, db postgres.DB, j moderation.Judge) (map[State]int, error) {
	rows, err := db.Query(ctx, `SELECT state, count(*) FROM applications WHERE $1 OR trade_id = ANY ($2) GROUP BY state`, j.All, append([]union.TradeID{}, j.Trades...))
	if err != nil {
		return nil, fmt.Errorf("membership: counts: %w", err)
	}
	counts := map[State]int{}
	var s State
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&s, &n}, func() error { counts[s] = n; return nil }); err != nil {
		return nil, fmt.Errorf("membership: counts: %w", err)
	}
	return counts, nil
}

// ByRef returns an application of a judge's trades, or ErrNoApplication.
func ByRef(ctx context.Context, db postgres.DB, j moderation.Judge, ref string) (Application, error) {
	rows, err := db.Query(ctx, `
		SELECT `+applicationColumns+applicationTables+`
		WHERE a.ref::text = $1 AND ($2 OR a.trade_id = ANY ($3))`, ref, j.All, append([]union.TradeID{}, j.Trades...))
	if err != nil {
		return Application{}, fmt.Errorf("membership: application: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, scanApplication)
	if errors.Is(err, pgx.ErrNoRows) {
		return Application{}, ErrNoApplication
	}
	if err != nil {
		return Application{}, fmt.Errorf("membership: application: %w", err)
	}
	return a, nil
}

// A Vote is what someone says of an application.
type Vote struct {
	By    string
	Yes   bool
	Words string
	At    time.Time
	Mine  bool
}

// Standing is how an application stands: who voted, and how many must agree.
type Standing struct {
	Votes  []Vote
	Needed int
}

// usualVotes are asked for where a committee has set nothing.
const usualVotes = 2

// StandingOf returns how an application stands. Where a committee has fewer
// members who can sign in than must agree, all of them, and one at least, suffice.
func StandingOf(ctx context.Context, db postgres.DB, a Application, by identity.AccountID) (s Standing, err error) {
	err = postgres.Together(ctx, db, postgres.AskRows(func(rows pgx.Rows) (err error) {
		s.Votes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Vote])
		return err
	}, `
		SELECT c.name, v.yes, v.words, v.at, v.account_id = $2
		FROM application_votes v
		JOIN accounts c ON c.id = v.account_id
		WHERE v.application_id = $1
		ORDER BY v.at, c.name`, a.ID, by), postgres.AskRow(func(row pgx.Row) error { return row.Scan(&s.Needed) }, `
		SELECT greatest(1, least(coalesce((SELECT votes FROM membership_rules WHERE committee_id = $1), $2),
			(SELECT count(*) FROM committee_members m JOIN artisans x ON x.id = m.artisan_id
			 WHERE m.committee_id = $1 AND x.state = 'active' AND x.account_id IS NOT NULL)))`, a.Committee, usualVotes))
	if err != nil {
		return Standing{}, fmt.Errorf("membership: standing: %w", err)
	}
	return s, nil
}

// Decide votes on an application. With as many who agree as must, the applicant is
// in the register, to be invited; with as many against, they are refused. Of two
// who vote at once, each is counted and the outcome is one. It returns ErrOwn,
// ErrDecided, ErrVoted, ErrNoApplication, or a fault beside the field words.
func Decide(ctx context.Context, tx pgx.Tx, j moderation.Judge, ref string, yes bool, words string, at time.Time) (State, error) {
	words = strings.TrimSpace(words)
	var f fault.Form
	switch {
	case !yes && words == "":
		f.Wrong("words", "membership.no_words")
	case len([]rune(words)) > MostWords:
		f.Wrong("words", "settings.too_long", MostWords)
	}
	if err := f.Err(); err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, `SELECT FROM applications WHERE ref::text = $1 FOR UPDATE`, ref); err != nil {
		return "", fmt.Errorf("membership: decide: %w", err)
	}
	a, err := ByRef(ctx, tx, j, ref)
	if err != nil {
		return "", err
	}
	if a.State != Open {
		return "", ErrDecided
	}
	var own bool
	if err := tx.QueryRow(ctx, `SELECT coalesce((SELECT phone = $2 FROM accounts WHERE id = $1), false)`, j.Account, a.Phone).Scan(&own); err != nil {
		return "", fmt.Errorf("membership: decide: %w", err)
	}
	if own {
		return "", ErrOwn
	}
	_, err = tx.Exec(ctx, `INSERT INTO application_votes (application_id, account_id, yes, words, at) VALUES ($1, $2, $3, $4, $5)`, a.ID, j.Account, yes, words, at)
	if postgres.IsUnique(err, "application_votes_pkey") {
		return "", ErrVoted
	}
	if err != nil {
		return "", fmt.Errorf("membership: decide: %w", err)
	}
	action := map[bool]string{true: "application.voted_yes", false: "application.voted_no"}[yes]
	if err := identity.Record(ctx, tx, identity.Entry{By: j.Account, Action: action, Subject: "application:" + ref}); err != nil {
		return "", err
	}
	s, err := StandingOf(ctx, tx, a, j.Account)
	if err != nil {
		return "", err
	}
	for _, v := range s.Votes {
		if v.Yes == yes {
			s.Needed--
		}
	}
	if s.Needed > 0 {
		return Open, nil
	}
	return conclude(ctx, tx, a, yes, j.Account, at)
}

// conclude accepts or refuses.
func conclude(ctx context.Context, tx pgx.Tx, a Application, yes bool, by identity.AccountID, at time.Time) (State, error) {
	state, slug := Refused, ""
	if yes {
		state = Accepted
		var err error
		if slug, err = union.Admit(ctx, tx, a.member(at)); err != nil {
			return "", err
		}
	}
	_, err := tx.Exec(ctx, `
		UPDATE applications
		SET state = $2, decided_at = $3, artisan_id = (SELECT id FROM artisans WHERE slug = nullif($4, ''))
		WHERE id = $1`, a.ID, state, at, slug)
	if err != nil {
		return "", fmt.Errorf("membership: conclude: %w", err)
	}
	return state, identity.Record(ctx, tx, identity.Entry{By: by, Action: "application." + string(state), Subject: "application:" + a.Ref,
		After: map[string]string{"artisan": slug}})
}

// member is the applicant as the register has them.
func (a Application) member(at time.Time) union.Artisan {
	m := union.Artisan{Name: a.Name, NameArabic: a.NameArabic, Trade: a.Trade, Quarter: a.Quarter, State: union.Invited, WrittenIn: a.Language, Speaks: []string{a.Language},
		YearsOfCraft: a.Years, Phone: a.Phone, Email: a.Email, RegisterNumber: a.RegisterNumber, Joined: at}
	if m.Name == "" {
		m.Name = m.NameArabic
	}
	if m.NameArabic == "" {
		m.NameArabic = m.Name
	}
	return m
}

// KeepRefused is how long what a refused applicant wrote is kept: as long as they
// may ask why, and no longer (law 09-08, art. 3: for no longer than its purpose).
const KeepRefused = 180 * 24 * time.Hour

// Erase takes name, phone and words out of applications that were refused longer
// ago than KeepRefused, and returns how many they were. That there was one, and
// what was voted, stays.
func Erase(ctx context.Context, db postgres.DB, at time.Time) (int, error) {
	tag, err := db.Exec(ctx, `
		UPDATE applications
		SET name = '', name_ar = '', phone = '', email = '', workshop = '', register_number = '', vouchers = '', about = '', erased_at = $1
		WHERE state = 'refused' AND erased_at IS NULL AND decided_at < $2`, at, at.Add(-KeepRefused))
	if err != nil {
		return 0, fmt.Errorf("membership: erase: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// VotesOf returns how many of a committee must agree to a new member, as it is set.
func VotesOf(ctx context.Context, db postgres.DB, c union.CommitteeID) (n int, err error) {
	if err = db.QueryRow(ctx, `SELECT coalesce((SELECT votes FROM membership_rules WHERE committee_id = $1), $2)`, c, usualVotes).Scan(&n); err != nil {
		return 0, fmt.Errorf("membership: votes: %w", err)
	}
	return n, nil
}

// SetVotes sets it, and logs it. It returns a fault beside the field join_votes.
func SetVotes(ctx context.Context, tx pgx.Tx, c union.Committee, n int, by identity.AccountID) error {
	if n < 1 || n > 9 {
		var f fault.Form
		f.Wrong("join_votes", "moderation.rule_wrong", 1, 9)
		return f.Err()
	}
	before, err := VotesOf(ctx, tx, c.ID)
	if err != nil || before == n {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO membership_rules (committee_id, votes) VALUES ($1, $2) ON CONFLICT (committee_id) DO UPDATE SET votes = $2`, c.ID, n)
	if err != nil {
		return fmt.Errorf("membership: set votes: %w", err)
	}
	return identity.Record(ctx, tx, identity.Entry{By: by, Action: "committee.join_votes_set", Subject: "committee:" + c.Slug, Before: before, After: n})
}

// EraseArgs is the job that erases what refused applicants wrote.
type EraseArgs struct{}

// Kind is the job's name.
func (EraseArgs) Kind() string { return "erase_applications" }

// AddWorkers registers the job.
func AddWorkers(w *river.Workers, db postgres.DB, now func() time.Time) {
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, _ *river.Job[EraseArgs]) error {
		_, err := Erase(ctx, db, now())
		return err
	}))
}
