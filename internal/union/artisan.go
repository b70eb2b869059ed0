package union

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
)

// ArtisanID is an artisan's key, which never leaves the program.
type ArtisanID int64

// Tag is that of the pages that show the artisan; see postgres.Notify.
func (id ArtisanID) Tag() string { return "artisan:" + strconv.FormatInt(int64(id), 10) }

// An Artisan is a member of the union with a workshop. Only an active one is
// shown to buyers.
//
// Where a workshop is a home, the place is approximate, and a phone number is
// shown only where the artisan agreed.
type Artisan struct {
	ID                  ArtisanID
	Slug                string
	State               State
	Name, NameArabic    string
	Gender              string // f, m, or empty where it is not said
	Trade               TradeID
	TradeSlug           string
	TradeName           lang.Texts
	Quarter             QuarterID
	QuarterSlug         string
	QuarterName         lang.Texts
	Bio                 lang.Texts
	WrittenIn           string
	Speaks              []string // BCP 47
	YearsOfCraft        int
	Latitude, Longitude *float64
	AcceptsVisits       bool
	ByAppointment       bool
	VisitHours          Hours
	Email               string // most have none
	Phone               string
	ShowsPhone          bool
	Closed              Holidays // the zero ones for none
	Away                bool     // its pieces have left the market for them
	RegisterNumber      string
	LegalStatus         string
	Joined              time.Time
	BankSealed          []byte
	Picture             media.PictureID    // of the workshop, 0 for none
	Account             identity.AccountID // 0 for one who has never come in
}

// State is where an artisan stands in the union.
type State string

const (
	Applied   State = "applied"
	Invited   State = "invited"
	Active    State = "active"
	Suspended State = "suspended"
	Left      State = "left"
)

// States are all of them, in the order in which a member goes through them.
var States = []State{Applied, Invited, Active, Suspended, Left}

// NameIn returns the name as readers of l write it, and the other one.
func (a Artisan) NameIn(l *lang.Language) (name, other lang.Text) {
	latin := lang.Text{Words: a.Name, Lang: "fr", Dir: "ltr"}
	arabic := lang.Text{Words: a.NameArabic, Lang: "ar", Dir: "rtl"}
	if l.Code == "ar" {
		return arabic, latin
	}
	latin.Lang = l.Code
	return latin, arabic
}

// ErrNoArtisan is returned for an artisan whom visitors cannot see.
var ErrNoArtisan = fault.New(fault.NotFound, "error.not_found")

const artisanColumns = `
	a.id, a.slug, a.state, a.name, a.name_ar, a.gender, a.trade_id, t.slug, t.name, a.quarter_id, q.slug, q.name,
	a.bio, a.written_in, a.speaks, a.years_of_craft, a.latitude, a.longitude, a.accepts_visits, a.by_appointment,
	a.visit_hours, coalesce(a.email, ''), a.phone, a.register_number, a.legal_status,
	a.joined, coalesce(a.picture_id, 0), coalesce(a.account_id, 0), a.shows_phone, a.closed_from, a.closed_until,
	a.closed_leaves, a.away`

const artisanTables = `
	FROM artisans a
	JOIN trades t ON t.id = a.trade_id
	JOIN quarters q ON q.id = a.quarter_id`

func scanArtisan(row pgx.CollectableRow) (Artisan, error) {
	var a Artisan
	var from, until *time.Time
	var leaves bool
	err := row.Scan(&a.ID, &a.Slug, &a.State, &a.Name, &a.NameArabic, &a.Gender, &a.Trade, &a.TradeSlug, &a.TradeName,
		&a.Quarter, &a.QuarterSlug, &a.QuarterName, &a.Bio, &a.WrittenIn, &a.Speaks, &a.YearsOfCraft,
		&a.Latitude, &a.Longitude, &a.AcceptsVisits, &a.ByAppointment, &a.VisitHours, &a.Email, &a.Phone,
		&a.RegisterNumber, &a.LegalStatus, &a.Joined, &a.Picture, &a.Account,
		&a.ShowsPhone, &from, &until, &leaves, &a.Away)
	if from != nil && until != nil {
		a.Closed = Holidays{*from, *until, leaves}
	}
	return a, err
}

// ArtisanBySlug returns the artisan at an address. One who has left or is
// suspended is as absent as one who never was: ErrNoArtisan.
func ArtisanBySlug(ctx context.Context, db postgres.DB, slug string) (Artisan, error) {
	return artisan(ctx, db, `a.slug = $1 AND a.state = 'active'`, slug)
}

// ArtisansByID returns artisans in whatever state, by their keys.
func ArtisansByID(ctx context.Context, db postgres.DB, ids []ArtisanID) (map[ArtisanID]Artisan, error) {
	rows, err := db.Query(ctx, `
		SELECT `+artisanColumns+artisanTables+`
		WHERE a.id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("union: artisans: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanArtisan)
	if err != nil {
		return nil, fmt.Errorf("union: artisans: %w", err)
	}
	byID := make(map[ArtisanID]Artisan, len(list))
	for _, a := range list {
		byID[a.ID] = a
	}
	return byID, nil
}

// ArtisanFilter narrows a list of artisans. The zero one is everybody.
type ArtisanFilter struct {
	Trade, Quarter string // slugs
	After          string // slug of the last one seen
	Limit          int
}

// Artisans lists active artisans by trade and then by slug, and says whether
// there are more.
func Artisans(ctx context.Context, db postgres.DB, f ArtisanFilter) (list []Artisan, more bool, err error) {
	rows, err := db.Query(ctx, `
		SELECT `+artisanColumns+artisanTables+`
		WHERE a.state = 'active'
		  AND ($1 = '' OR t.slug = $1)
		  AND ($2 = '' OR q.slug = $2)
		  AND ($3 = '' OR (t.sort, a.slug) > (
		      SELECT lt.sort, la.slug FROM artisans la JOIN trades lt ON lt.id = la.trade_id WHERE la.slug = $3))
		ORDER BY t.sort, a.slug
		LIMIT $4`, f.Trade, f.Quarter, f.After, f.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("union: artisans: %w", err)
	}
	list, err = pgx.CollectRows(rows, scanArtisan)
	if err != nil {
		return nil, false, fmt.Errorf("union: artisans: %w", err)
	}
	if len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

// RegisterFilter narrows the union's register. The zero one asks for everybody.
type RegisterFilter struct {
	Quarter string // slug
	Query   string // of a name, a slug or a phone number
	Trade   string // slug
	State   State
	After   string // slug of the last one seen
	Limit   int
}

// Register lists artisans in whatever state, by slug, and says whether there
// are more.
func Register(ctx context.Context, db postgres.DB, f RegisterFilter) (list []Artisan, more bool, err error) {
	rows, err := db.Query(ctx, `
		SELECT `+artisanColumns+artisanTables+`
		WHERE ($1 = '' OR strpos(lower(a.name), lower($1)) > 0 OR strpos(a.name_ar, $1) > 0 OR strpos(a.slug, lower($1)) > 0
		       OR strpos(replace(a.phone, ' ', ''), replace($1, ' ', '')) > 0)
		  AND ($2 = '' OR t.slug = $2)
		  AND ($3 = '' OR a.state = $3)
		  AND ($6 = '' OR q.slug = $6)
		  AND a.slug > $4
		ORDER BY a.slug
		LIMIT $5`, f.Query, f.Trade, f.State, f.After, f.Limit+1, f.Quarter)
	if err != nil {
		return nil, false, fmt.Errorf("union: register: %w", err)
	}
	list, err = pgx.CollectRows(rows, scanArtisan)
	if err != nil {
		return nil, false, fmt.Errorf("union: register: %w", err)
	}
	if len(list) > f.Limit {
		return list[:f.Limit], true, nil
	}
	return list, false, nil
}

// Member returns the artisan of a slug in whatever state, for the union's own
// staff, or ErrNoArtisan.
func Member(ctx context.Context, db postgres.DB, slug string) (Artisan, error) {
	return artisan(ctx, db, `a.slug = $1`, slug)
}

// Members returns artisans in whatever state, by their slugs and in their order by
// name. A slug that is nobody's is left out.
func Members(ctx context.Context, db postgres.DB, slugs []string) ([]Artisan, error) {
	rows, err := db.Query(ctx, `
		SELECT `+artisanColumns+artisanTables+`
		WHERE a.slug = ANY ($1)
		ORDER BY a.name, a.slug`, slugs)
	if err != nil {
		return nil, fmt.Errorf("union: members: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanArtisan)
	if err != nil {
		return nil, fmt.Errorf("union: members: %w", err)
	}
	return list, nil
}

// artisan returns the one artisan of a condition, or ErrNoArtisan.
func artisan(ctx context.Context, db postgres.DB, where string, arg any) (Artisan, error) {
	rows, err := db.Query(ctx, `
		SELECT `+artisanColumns+artisanTables+`
		WHERE `+where, arg)
	if err != nil {
		return Artisan{}, fmt.Errorf("union: artisan: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, scanArtisan)
	if errors.Is(err, pgx.ErrNoRows) {
		return Artisan{}, ErrNoArtisan
	}
	if err != nil {
		return Artisan{}, fmt.Errorf("union: artisan: %w", err)
	}
	return a, nil
}

// CountArtisans returns how many artisans are active.
func CountArtisans(ctx context.Context, db postgres.DB) (n int, err error) {
	if err := db.QueryRow(ctx, `SELECT count(*) FROM artisans WHERE state = 'active'`).Scan(&n); err != nil {
		return 0, fmt.Errorf("union: count artisans: %w", err)
	}
	return n, nil
}

// AddArtisan writes an artisan and returns the key.
func AddArtisan(ctx context.Context, tx pgx.Tx, a Artisan) (id ArtisanID, err error) {
	if a.VisitHours == nil {
		a.VisitHours = Hours{}
	}
	err = tx.QueryRow(ctx, `
		INSERT INTO artisans (slug, trade_id, quarter_id, state, name, name_ar, gender, bio, written_in, speaks,
			years_of_craft, latitude, longitude, accepts_visits, by_appointment, visit_hours, email, phone,
			register_number, legal_status, joined, bank_sealed, picture_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, nullif($17, ''), $18,
			$19, $20, $21, $22, nullif($23::bigint, 0))
		RETURNING id`,
		a.Slug, a.Trade, a.Quarter, a.State, a.Name, a.NameArabic, a.Gender, a.Bio, a.WrittenIn, a.Speaks,
		a.YearsOfCraft, a.Latitude, a.Longitude, a.AcceptsVisits, a.ByAppointment, a.VisitHours, a.Email, a.Phone,
		a.RegisterNumber, a.LegalStatus, a.Joined, a.BankSealed, a.Picture).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("union: add artisan %s: %w", a.Slug, err)
	}
	return id, postgres.Notify(ctx, tx, Lists)
}

// Tell leaves a notice for an artisan in the studio. The same one left twice is
// there once.
func Tell(ctx context.Context, tx pgx.Tx, a ArtisanID, kind, subject string, details map[string]any) error {
	if details == nil {
		details = map[string]any{}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO notices (artisan_id, kind, subject, details)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (artisan_id, kind, subject) DO NOTHING`, a, kind, subject, details)
	if err != nil {
		return fmt.Errorf("union: tell artisan %d of %s: %w", a, subject, err)
	}
	return nil
}
