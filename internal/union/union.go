// Package union knows the union itself: who it is, its trades, committees and
// quarters, and its members, the artisans.
package union

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
)

// Hours are opening hours by weekday key, mon to sun: pairs of from and to.
type Hours map[string][][2]string

// OnDay returns the hours of the day that t is on.
func (h Hours) OnDay(t time.Time) [][2]string {
	return h[lang.Weekdays[(int(t.Weekday())+6)%7]]
}

// A Profile is the union that runs this market. It is data, so that the
// program belongs to no one city.
type Profile struct {
	Name, Market, Tagline, About lang.Texts
	Principles                   []lang.Texts
	Timeline                     []Event
	FAQ                          []Question
	Founded                      time.Time
	CommissionBP                 int // basis points of a sale
	CommissionNote               lang.Texts
	Address                      Address
	Email, Phone                 string
	Legal                        map[string]string
	CounterHours                 Hours
	Location                     *time.Location
	Language                     string        // BCP 47, of the union's own office
	Hold                         time.Duration // how long pieces are held for a card payment
	CashHold                     time.Duration // and for cash at the counter
	WithdrawalDays               int
	PackingDays                  int
	Notice                       lang.Texts // a sentence for every page, may be nil
	Cover                        media.PictureID
	Logo                         media.PictureID // 0 for none
	CoverProduct                 string
	FrontProducts                []string         // slugs, with which the front page's shelf begins
	Commissions                  []CommissionRate // ascending by day; see CommissionOf
}

// An Event is a date in the union's own history.
type Event struct {
	Date string // ISO 8601
	Text lang.Texts
}

// A Question is one that buyers ask, with its answer.
type Question struct {
	Slug, Topic      string
	Question, Answer lang.Texts
}

// An Address is where a counter or a workshop is.
type Address struct {
	Line1, Line2, Postcode, City, Country string
}

// Tags of pages; see postgres.Notify.
const (
	// Everywhere is the tag of every page: what stands around it, and what
	// hardly ever changes.
	Everywhere = "union"
	// Lists is the tag of pages that list artisans or pieces.
	Lists = "lists"
)

// ErrNotFounded is returned while the market has no union yet.
var ErrNotFounded = fault.New(fault.Busy, "error.not_founded")

// Read returns the union's profile.
func Read(ctx context.Context, db postgres.DB) (Profile, error) {
	var (
		p                 Profile
		timezone          string
		minutes, cashDays int
		cover             *media.PictureID
		logo              *media.PictureID
	)
	err := db.QueryRow(ctx, `
		SELECT name, market, tagline, about, principles, timeline, faq, founded, commission_bp, commission_note,
		       address, email, phone, legal, counter_hours, timezone, language, hold_minutes, cash_hold_days,
		       withdrawal_days, packing_days, notice, cover, logo, cover_product, front_products,
		       (SELECT coalesce(jsonb_agg(jsonb_build_object('Trade', coalesce(trade_id, 0), 'From', from_day, 'BP', rate_bp) ORDER BY from_day), '[]')
		        FROM commission_rates)
		FROM union_profile`).Scan(&p.Name, &p.Market, &p.Tagline, &p.About, &p.Principles, &p.Timeline, &p.FAQ,
		&p.Founded, &p.CommissionBP, &p.CommissionNote, &p.Address, &p.Email, &p.Phone, &p.Legal, &p.CounterHours,
		&timezone, &p.Language, &minutes, &cashDays, &p.WithdrawalDays, &p.PackingDays, &p.Notice, &cover, &logo, &p.CoverProduct,
		&p.FrontProducts, &p.Commissions)
	if errors.Is(err, pgx.ErrNoRows) {
		return Profile{}, ErrNotFounded
	}
	if err != nil {
		return Profile{}, fmt.Errorf("union: profile: %w", err)
	}
	if p.Location, err = time.LoadLocation(timezone); err != nil {
		return Profile{}, fmt.Errorf("union: profile: %w", err)
	}
	if cover != nil {
		p.Cover = *cover
	}
	if logo != nil {
		p.Logo = *logo
	}
	p.Hold = time.Duration(minutes) * time.Minute
	p.CashHold = time.Duration(cashDays) * 24 * time.Hour
	return p, nil
}

// Found writes the union's profile into an empty market.
func Found(ctx context.Context, tx pgx.Tx, p Profile) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO union_profile (name, market, tagline, about, principles, timeline, faq, founded, commission_bp,
			commission_note, address, email, phone, legal, counter_hours, timezone, language, hold_minutes, cash_hold_days,
			withdrawal_days, packing_days, notice, cover, cover_product)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, nullif($23::bigint, 0), $24)`,
		p.Name, p.Market, p.Tagline, p.About, asJSON(p.Principles), asJSON(p.Timeline), asJSON(p.FAQ), p.Founded, p.CommissionBP,
		p.CommissionNote, p.Address, p.Email, p.Phone, p.Legal, p.CounterHours, p.Location.String(), p.Language,
		int(p.Hold/time.Minute), int(p.CashHold/(24*time.Hour)), p.WithdrawalDays, p.PackingDays, p.Notice, p.Cover, p.CoverProduct)
	if err != nil {
		return fmt.Errorf("union: found: %w", err)
	}
	return postgres.Notify(ctx, tx, Everywhere)
}

// asJSON keeps pgx from taking a slice for a PostgreSQL array.
func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // Texts and structs of texts always marshal.
	}
	return b
}

// IsFounded reports whether there is a union here already.
func IsFounded(ctx context.Context, db postgres.DB) (bool, error) {
	var yes bool
	if err := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM union_profile)`).Scan(&yes); err != nil {
		return false, fmt.Errorf("union: %w", err)
	}
	return yes, nil
}

// Committees, trades and quarters have short lists that many pages show.

type (
	CommitteeID int64
	TradeID     int64
	QuarterID   int64
)

// Tag is that of the pages that show the trade; see postgres.Notify.
func (id TradeID) Tag() string { return "trade:" + strconv.FormatInt(int64(id), 10) }

// A Committee speaks for its trades and judges their pieces.
type Committee struct {
	ID            CommitteeID
	Slug          string
	Name, Mission lang.Texts
	Meets         string
	Trades        []lang.Texts
	Chair         string // Latin name, may be empty
	ChairSlug     string
}

// Committees returns all committees with their trades and chair.
func Committees(ctx context.Context, db postgres.DB) ([]Committee, error) {
	rows, err := db.Query(ctx, `
		SELECT c.id, c.slug, c.name, c.mission, c.meets,
		       ARRAY(SELECT t.name FROM trades t WHERE t.committee_id = c.id ORDER BY t.sort),
		       coalesce(a.name, ''), coalesce(a.slug, '')
		FROM committees c
		LEFT JOIN committee_members m ON m.committee_id = c.id AND m.office = 'chair'
		LEFT JOIN artisans a ON a.id = m.artisan_id
		ORDER BY c.id`)
	if err != nil {
		return nil, fmt.Errorf("union: committees: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Committee, error) {
		var c Committee
		err := row.Scan(&c.ID, &c.Slug, &c.Name, &c.Mission, &c.Meets, &c.Trades, &c.Chair, &c.ChairSlug)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("union: committees: %w", err)
	}
	return list, nil
}

// A Trade is a craft as the union knows it.
type Trade struct {
	ID                TradeID
	Slug              string
	Committee         CommitteeID
	Name, Description lang.Texts
	Process           []lang.Texts // how a piece is made, step by step
	Sort              int
}

// ErrNoTrade is returned for a trade the union does not have.
var ErrNoTrade = fault.New(fault.NotFound, "error.not_found")

const tradeColumns = `t.id, t.slug, t.committee_id, t.name, t.description, t.process, t.sort`

func scanTrade(row pgx.CollectableRow) (Trade, error) {
	var t Trade
	err := row.Scan(&t.ID, &t.Slug, &t.Committee, &t.Name, &t.Description, &t.Process, &t.Sort)
	return t, err
}

// Trades returns all trades in the union's own order.
func Trades(ctx context.Context, db postgres.DB) ([]Trade, error) {
	rows, err := db.Query(ctx, `
		SELECT `+tradeColumns+`
		FROM trades t
		ORDER BY t.sort`)
	if err != nil {
		return nil, fmt.Errorf("union: trades: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanTrade)
	if err != nil {
		return nil, fmt.Errorf("union: trades: %w", err)
	}
	return list, nil
}

// TradeBySlug returns the trade at an address, or ErrNoTrade.
func TradeBySlug(ctx context.Context, db postgres.DB, slug string) (Trade, error) {
	rows, err := db.Query(ctx, `
		SELECT `+tradeColumns+`
		FROM trades t
		WHERE t.slug = $1`, slug)
	if err != nil {
		return Trade{}, fmt.Errorf("union: trade %q: %w", slug, err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, scanTrade)
	if errors.Is(err, pgx.ErrNoRows) {
		return Trade{}, ErrNoTrade
	}
	if err != nil {
		return Trade{}, fmt.Errorf("union: trade %q: %w", slug, err)
	}
	return t, nil
}

// A Quarter is a neighbourhood of the medina, or a village.
type Quarter struct {
	ID                  QuarterID
	Slug                string
	Name, Description   lang.Texts
	Latitude, Longitude float64 // WGS 84 degrees
	InMedina            bool
	Sort                int
}

// Quarters returns all quarters in the union's own order.
func Quarters(ctx context.Context, db postgres.DB) ([]Quarter, error) {
	rows, err := db.Query(ctx, `
		SELECT id, slug, name, description, latitude, longitude, in_medina, sort
		FROM quarters
		ORDER BY sort`)
	if err != nil {
		return nil, fmt.Errorf("union: quarters: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Quarter, error) {
		var q Quarter
		err := row.Scan(&q.ID, &q.Slug, &q.Name, &q.Description, &q.Latitude, &q.Longitude, &q.InMedina, &q.Sort)
		return q, err
	})
	if err != nil {
		return nil, fmt.Errorf("union: quarters: %w", err)
	}
	return list, nil
}

// AddCommittee writes a committee and returns its key.
func AddCommittee(ctx context.Context, tx pgx.Tx, c Committee) (id CommitteeID, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO committees (slug, name, mission, meets)
		VALUES ($1, $2, $3, $4)
		RETURNING id`, c.Slug, c.Name, c.Mission, c.Meets).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("union: add committee %s: %w", c.Slug, err)
	}
	return id, postgres.Notify(ctx, tx, Everywhere)
}

// AddTrade writes a trade and returns its key.
func AddTrade(ctx context.Context, tx pgx.Tx, t Trade) (id TradeID, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO trades (slug, committee_id, name, description, process, sort)
		VALUES ($1, $2, $3, $4, $5, $6)
		RETURNING id`, t.Slug, t.Committee, t.Name, t.Description, asJSON(t.Process), t.Sort).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("union: add trade %s: %w", t.Slug, err)
	}
	return id, postgres.Notify(ctx, tx, Everywhere)
}

// AddQuarter writes a quarter and returns its key.
func AddQuarter(ctx context.Context, tx pgx.Tx, q Quarter) (id QuarterID, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO quarters (slug, name, description, latitude, longitude, in_medina, sort)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		RETURNING id`, q.Slug, q.Name, q.Description, q.Latitude, q.Longitude, q.InMedina, q.Sort).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("union: add quarter %s: %w", q.Slug, err)
	}
	return id, postgres.Notify(ctx, tx, Everywhere)
}

// Seat makes an artisan a member of a committee.
func Seat(ctx context.Context, tx pgx.Tx, c CommitteeID, a ArtisanID, office string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO committee_members (committee_id, artisan_id, office)
		VALUES ($1, $2, $3)`, c, a, office)
	if err != nil {
		return fmt.Errorf("union: seat artisan %d: %w", a, err)
	}
	return postgres.Notify(ctx, tx, Everywhere)
}

// PicturesInUse is a query for the pictures that the union and its artisans
// show.
const PicturesInUse = `
	SELECT cover FROM union_profile WHERE cover IS NOT NULL
	UNION ALL SELECT logo FROM union_profile WHERE logo IS NOT NULL
	UNION ALL SELECT picture_id FROM artisans WHERE picture_id IS NOT NULL
	UNION ALL SELECT picture_id FROM work_pictures`
