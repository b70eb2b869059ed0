package moderation

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Reason is why someone reports a piece.
type Reason string

const (
	Copied      Reason = "copied"
	NotHandmade Reason = "not_handmade" // or not from here
	Misleading  Reason = "misleading"
	Unsafe      Reason = "unsafe" // or forbidden
	Offensive   Reason = "offensive"
	OtherReason Reason = "other"
)

// Reasons are all of them, in the order in which they are offered.
var Reasons = []Reason{Copied, NotHandmade, Misleading, Unsafe, Offensive, OtherReason}

// MostWords bounds what is said of a piece, in a report, a ruling or an appeal.
const MostWords = 1000 // characters

// A Report is what a visitor says is wrong with a piece.
type Report struct {
	Reason   Reason
	Words    string
	Language string
	Contact  string // e-mail or telephone, or empty
	At       time.Time
}

// Said returns the words of a report, in the language of its page.
func (r Report) Said() lang.Text {
	return lang.Text{Words: r.Words, Lang: r.Language, Dir: lang.Or(r.Language).Dir}
}

// breaks makes one line break of all that browsers send.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// cleanWords brings what was typed into order, and tells what is wrong with it.
func cleanWords(f *fault.Form, field, words string) string {
	words = strings.TrimSpace(breaks.Replace(words))
	if len([]rune(words)) > MostWords {
		f.Wrong(field, "review.too_long", MostWords)
	}
	return words
}

// WriteReport keeps a visitor's report of a piece. The same thing said again by
// who is at the same address counts once until it is ruled on. It returns what is
// wrong with the fields reason, words and contact.
func WriteReport(ctx context.Context, tx pgx.Tx, p catalog.ProductID, r Report, address string) error {
	var f fault.Form
	if !slices.Contains(Reasons, r.Reason) {
		f.Wrong("reason", "report.reason.wrong")
	}
	if r.Words = cleanWords(&f, "words", r.Words); r.Words == "" && r.Reason == OtherReason {
		f.Wrong("words", "report.words.wrong")
	}
	var ok bool
	if r.Contact, ok = cleanContact(r.Contact); !ok {
		f.Wrong("contact", "report.contact.wrong")
	}
	if err := f.Err(); err != nil {
		return err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q %q", address, p, r.Reason, r.Words))
	_, err := tx.Exec(ctx, `
		INSERT INTO reports (product_id, reason, words, language, contact, fingerprint, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (fingerprint) WHERE fingerprint IS NOT NULL DO NOTHING`, p, r.Reason, r.Words, r.Language, r.Contact, sum[:], r.At)
	if err != nil {
		return fmt.Errorf("moderation: write report: %w", err)
	}
	return nil
}

// cleanContact brings an e-mail address or a telephone number into order; there
// may be none.
func cleanContact(s string) (contact string, ok bool) {
	s = strings.TrimSpace(lang.WesternDigits(s))
	if len(s) > 200 {
		return s, false
	}
	if strings.Contains(s, "@") {
		a, err := mail.ParseAddress(s)
		return s, err == nil && a.Address == s
	}
	digits := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+ -.()/", r):
			return s, false
		}
	}
	return s, s == "" || digits >= 6 && digits <= 15
}

// A Reported is a piece of which reports wait for a ruling, or an appeal does.
type Reported struct {
	Slug      string
	Title     lang.Texts
	WrittenIn string
	Artisan   union.ArtisanID
	Committee union.CommitteeID
	TradeName lang.Texts
	Picture   media.PictureID
	Price     money.Amount
	Count     int      // reports
	Reasons   []Reason // of them, each once
	Since     time.Time
}

func scanReported(row pgx.CollectableRow) (Reported, error) {
	r := Reported{Price: money.Amount{Currency: money.MAD}}
	err := row.Scan(&r.Slug, &r.Title, &r.WrittenIn, &r.Artisan, &r.Committee, &r.TradeName, &r.Picture, &r.Price.Minor, &r.Count, &r.Reasons, &r.Since)
	return r, err
}

const reportedColumns = `
	p.slug, r.title, r.written_in, p.artisan_id, t.committee_id, t.name,
	coalesce((SELECT rp.picture_id FROM revision_pictures rp WHERE rp.revision_id = r.id ORDER BY rp.position LIMIT 1), 0),
	coalesce((SELECT min(v.price_minor) FROM variants v WHERE v.product_id = p.id), 0)`

// barred are the artisans whose pieces are not the judge's to judge.
func (j Judge) barred() []union.ArtisanID {
	return append([]union.ArtisanID{j.Own}, j.Helped...)
}

// ReportedTo returns the pieces on which a judge may rule since someone reported
// them, and those on whose appeal they may, each the longest waiting first.
// Their own wait for someone else, and so do appeals of what they took down.
func ReportedTo(ctx context.Context, db postgres.DB, j Judge, limit int) (reported, appealed []Reported, err error) {
	into := func(list *[]Reported) func(pgx.Rows) error {
		return func(rows pgx.Rows) (err error) {
			*list, err = pgx.CollectRows(rows, scanReported)
			return err
		}
	}
	trades, barred := append([]union.TradeID{}, j.Trades...), j.barred()
	err = postgres.Together(ctx, db, postgres.AskRows(into(&reported), `
		SELECT `+reportedColumns+`, w.n, w.reasons, w.since
		FROM (
			SELECT product_id, count(*) AS n, array_agg(DISTINCT reason) AS reasons, min(at) AS since
			FROM reports
			WHERE ruling_id IS NULL
			GROUP BY product_id) w
		JOIN products p ON p.id = w.product_id
		JOIN revisions r ON r.id = p.live_id
		JOIN trades t ON t.id = p.trade_id
		WHERE ($1 OR p.trade_id = ANY ($2)) AND p.artisan_id <> ALL ($3)
		ORDER BY w.since, p.id
		LIMIT $4`, j.All, trades, barred, limit), postgres.AskRows(into(&appealed), `
		SELECT `+reportedColumns+`, 0, '{}'::text[], d.appealed_at
		FROM takedowns d
		JOIN piece_rulings g ON g.id = d.ruling_id
		JOIN products p ON p.id = d.product_id
		JOIN revisions r ON r.id = p.live_id
		JOIN trades t ON t.id = p.trade_id
		WHERE d.appealed_at IS NOT NULL AND d.answer_id IS NULL AND g.account_id <> $4
		  AND ($1 OR p.trade_id = ANY ($2)) AND p.artisan_id <> ALL ($3)
		ORDER BY d.appealed_at, p.id
		LIMIT $5`, j.All, trades, barred, j.Account, limit))
	if err != nil {
		return nil, nil, fmt.Errorf("moderation: reported: %w", err)
	}
	return reported, appealed, nil
}

// Reports are those of a piece that wait for a ruling.
type Reports struct {
	List []Report
	More bool
	Last time.Time // when the last of these was written: see RuleOnPiece
}

// mostReports bounds how many are read at once; what is over waits for the next
// ruling.
const mostReports = 50

// OpenReports returns the reports of a piece that wait for a ruling, oldest
// first.
func OpenReports(ctx context.Context, db postgres.DB, p catalog.ProductID) (open Reports, err error) {
	rows, err := db.Query(ctx, `
		SELECT reason, words, language, contact, at
		FROM reports
		WHERE product_id = $1 AND ruling_id IS NULL
		ORDER BY at, id
		LIMIT $2`, p, mostReports+1)
	if err != nil {
		return Reports{}, fmt.Errorf("moderation: open reports: %w", err)
	}
	var r Report
	_, err = pgx.ForEachRow(rows, []any{&r.Reason, &r.Words, &r.Language, &r.Contact, &r.At}, func() error {
		if open.More = len(open.List) == mostReports; !open.More {
			open.List, open.Last = append(open.List, r), r.At
		}
		return nil
	})
	if err != nil {
		return Reports{}, fmt.Errorf("moderation: open reports: %w", err)
	}
	return open, nil
}

// What is ruled of a piece that buyers see.
const (
	Dismissed Verdict = "dismissed"  // nothing is wrong with it
	TakenDown Verdict = "taken_down" // at once
	Restored  Verdict = "restored"   // on an appeal
	Upheld    Verdict = "upheld"     // on an appeal
)

var (
	// ErrSeenOther is returned where the piece was changed since it was looked at.
	ErrSeenOther = fault.New(fault.Conflict, "moderation.seen_other")
	// ErrRuled is returned where a colleague was first.
	ErrRuled = fault.New(fault.Conflict, "moderation.ruled")
)

// actions are how rulings are called in the audit.
var actions = map[Verdict]string{Dismissed: "report.dismissed", ChangesRequested: "report.changes_requested",
	TakenDown: "product.taken_down", Restored: "product.restored", Upheld: "product.upheld"}

// RuleOnPiece rules on what was reported of a piece: that nothing is wrong, that
// its artisan is to change something, or that it is down at once, which can be
// ruled without a report too, last being zero then. last is when the last report
// that was read was written; later ones go on waiting. s is what was looked at. It returns ErrOwn, ErrNotYours,
// ErrRuled, ErrSeenOther, or what is wrong with the field words.
func RuleOnPiece(ctx context.Context, tx pgx.Tx, j Judge, s catalog.Submitted, r Ruling, last, at time.Time) error {
	if err := j.May(s); err != nil {
		return err
	}
	if r.Verdict != Dismissed && r.Verdict != ChangesRequested && r.Verdict != TakenDown {
		return fmt.Errorf("moderation: no such ruling %q", r.Verdict)
	}
	rows, err := tx.Query(ctx, `SELECT id FROM reports WHERE product_id = $1 AND ruling_id IS NULL AND at <= $2 ORDER BY id FOR UPDATE`, s.Product, last)
	if err != nil {
		return fmt.Errorf("moderation: rule: %w", err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("moderation: rule: %w", err)
	}
	if len(open) == 0 && (!last.IsZero() || r.Verdict != TakenDown) {
		return ErrRuled
	}
	id, err := keepRuling(ctx, tx, j, s, r, at)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE reports SET ruling_id = $2, fingerprint = NULL WHERE id = ANY ($1)`, open, id)
	if err != nil {
		return fmt.Errorf("moderation: rule: %w", err)
	}
	before := map[string]any{"reports": len(open), "revision": s.Number}
	switch r.Verdict {
	case ChangesRequested:
		err = union.Tell(ctx, tx, s.Artisan, "piece_reported", fmt.Sprintf("%s/%d", s.Slug, id), map[string]any{"words": r.Words})
	case TakenDown:
		err = takeDown(ctx, tx, s, r, id)
	}
	if err != nil {
		return err
	}
	return identity.Record(ctx, tx, identity.Entry{By: j.Account, Action: actions[r.Verdict], Subject: "product:" + s.Slug, Before: before,
		After: map[string]any{"ruling": r.Verdict, "words": r.Words, "phrases": len(r.Reasons)}})
}

// keepRuling keeps what was ruled, and returns its key.
func keepRuling(ctx context.Context, tx pgx.Tx, j Judge, s catalog.Submitted, r Ruling, at time.Time) (id int64, err error) {
	var f fault.Form
	if words := cleanWords(&f, "words", r.Words); words == "" && len(r.Reasons) == 0 {
		f.Wrong("words", ErrNoWords.Key)
	}
	if err := f.Err(); err != nil {
		return 0, err
	}
	live, ok, err := catalog.LiveOf(ctx, tx, s.Product)
	if err != nil {
		return 0, err
	}
	if !ok || live.Revision != s.Revision {
		return 0, ErrSeenOther
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO piece_rulings (product_id, revision_id, account_id, verdict, words, language, reasons, at)
		SELECT $1, $2, $3, $4, $5, $6, coalesce(jsonb_agg(t.words ORDER BY t.sort) FILTER (WHERE t.id IS NOT NULL), '[]'), $7
		FROM (SELECT) AS one
		LEFT JOIN committee_texts t ON t.id = ANY ($8) AND t.kind = 'phrase' AND t.committee_id = $9
		RETURNING id`, s.Product, s.Revision, j.Account, r.Verdict, strings.TrimSpace(breaks.Replace(r.Words)), r.Language, at,
		append([]TextID{}, r.Reasons...), s.Committee).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("moderation: keep ruling: %w", err)
	}
	return id, nil
}
