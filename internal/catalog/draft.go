package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Draft is a piece as far as its artisan has described it. It is saved at
// each step, and becomes a revision when it is sent to the committee.
type Draft struct {
	Token     string // its name in addresses
	Artisan   union.ArtisanID
	Product   ProductID // 0 before it was first sent
	Live      bool      // of a piece that was approved before: buyers go on seeing that
	Version   int
	Body      Body
	UpdatedAt time.Time
	Submitted bool
	Voice     Voice // that stands for its words
}

// A Body is what a draft says. Whatever is not known yet is zero.
type Body struct {
	Photos     []media.PictureID `json:"photos,omitempty"`
	Kind       string            `json:"kind,omitempty"`  // slug
	Price      int64             `json:"price,omitempty"` // centimes
	Supply     Supply            `json:"supply,omitempty"`
	Count      int               `json:"count,omitempty"`
	LeadDays   int               `json:"lead_days,omitempty"`
	Variants   []BodyVariant     `json:"variants,omitempty"` // where Supply is Several
	Length     int               `json:"length,omitempty"`   // millimetres
	Width      int               `json:"width,omitempty"`
	Height     int               `json:"height,omitempty"`
	Weight     int               `json:"weight,omitempty"` // grams
	Materials  []string          `json:"materials,omitempty"`
	Techniques []string          `json:"techniques,omitempty"`
	Second     bool              `json:"second,omitempty"` // it has a small flaw
	Title      string            `json:"title,omitempty"`
	Words      string            `json:"words,omitempty"`
	Language   string            `json:"language"` // the artisan's own
}

// Supply says how many there are of a piece.
type Supply string

const (
	OneOfAKind Supply = "one"
	InStock    Supply = "stock"
	ToOrder    Supply = "order"
	Several    Supply = "several" // in sizes or colours, each with its own price and number
)

// A BodyVariant is one size or colour of a piece.
type BodyVariant struct {
	Size   string `json:"size,omitempty"`   // as the artisan says it
	Colour string `json:"colour,omitempty"` // slug
	Price  int64  `json:"price,omitempty"`  // centimes
	Count  int    `json:"count,omitempty"`  // 0 for what is made to order, in the body's LeadDays
}

// How much a piece may have of what it has several of.
const (
	MostPhotos   = 8
	MostVariants = 8
)

var (
	// ErrNoDraft is returned for a draft that is not this artisan's.
	ErrNoDraft = fault.New(fault.NotFound, "error.not_found")
	// ErrStale is returned where another phone saved meanwhile. Nothing was
	// overwritten.
	ErrStale = fault.New(fault.Conflict, "studio.stale")
	// ErrIncomplete is returned for a draft that cannot be sent yet.
	ErrIncomplete = fault.New(fault.Conflict, "studio.incomplete")
)

// Missing returns the first thing that a body lacks to be sent: photos, what,
// price, count, variants or size; empty for nothing.
func (b Body) Missing() string {
	switch {
	case len(b.Photos) == 0:
		return "photos"
	case b.Kind == "":
		return "what"
	case b.Price < 100:
		return "price"
	case b.Supply == "" || b.Supply == InStock && b.Count < 1 || b.Supply == ToOrder && b.LeadDays < 1:
		return "count"
	case b.Supply == Several && !b.variantsWhole():
		return "variants"
	case b.Weight < 1:
		return "size"
	}
	return ""
}

// Missing returns the first thing that a draft lacks to be sent, as Body.Missing
// does. A piece that is on sale has its kind, and its price and stock elsewhere.
func (d Draft) Missing() string {
	if d.Live {
		d.Body.Kind, d.Body.Price, d.Body.Supply = "as it is", 100, OneOfAKind
	}
	return d.Body.Missing()
}

// variantsWhole reports whether each size or colour can be told from the others,
// and can be sold.
func (b Body) variantsWhole() bool {
	seen := map[[2]string]bool{}
	for _, v := range b.Variants {
		name := [2]string{v.Size, v.Colour}
		if name == [2]string{} || seen[name] || v.Price < 100 || v.Count < 1 && b.LeadDays < 1 {
			return false
		}
		seen[name] = true
	}
	return len(b.Variants) > 0
}

// PackedWeight reckons what the piece weighs in its parcel: an eighth more, and
// 100 g for the box. The union weighs it when it packs.
func (b Body) PackedWeight() int { return b.Weight + b.Weight/8 + 100 }

// Begin starts an empty draft and returns its token.
func Begin(ctx context.Context, tx pgx.Tx, a union.ArtisanID, language string) (string, error) {
	return begin(ctx, tx, a, Body{Language: language})
}

// begin writes a draft that says b and returns its token.
func begin(ctx context.Context, tx pgx.Tx, a union.ArtisanID, b Body) (string, error) {
	token := strings.ToLower(rand.Text())
	_, err := tx.Exec(ctx, `
		INSERT INTO drafts (token, artisan_id, body)
		VALUES ($1, $2, $3)`, token, a, b)
	if err != nil {
		return "", fmt.Errorf("catalog: begin draft: %w", err)
	}
	return token, nil
}

const draftQuery = `
	SELECT d.token, d.artisan_id, coalesce(d.product_id, 0), p.live_id IS NOT NULL, d.version, d.body, d.updated_at, d.submitted_at IS NOT NULL,
	       coalesce(d.voice_id, 0), coalesce(w.key, ''), d.voice_played
	FROM drafts d
	LEFT JOIN voices w ON w.id = d.voice_id
	LEFT JOIN products p ON p.id = d.product_id`

func scanDraft(row pgx.CollectableRow) (Draft, error) {
	var d Draft
	err := row.Scan(&d.Token, &d.Artisan, &d.Product, &d.Live, &d.Version, &d.Body, &d.UpdatedAt, &d.Submitted,
		&d.Voice.ID, &d.Voice.Key, &d.Voice.Played)
	return d, err
}

// DraftOf returns an artisan's draft, or ErrNoDraft.
func DraftOf(ctx context.Context, db postgres.DB, a union.ArtisanID, token string) (Draft, error) {
	rows, err := db.Query(ctx, draftQuery+`
		WHERE d.artisan_id = $1 AND d.token = $2`, a, token)
	if err != nil {
		return Draft{}, fmt.Errorf("catalog: draft: %w", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, scanDraft)
	if errors.Is(err, pgx.ErrNoRows) {
		return Draft{}, ErrNoDraft
	}
	if err != nil {
		return Draft{}, fmt.Errorf("catalog: draft: %w", err)
	}
	return d, nil
}

// Drafts returns an artisan's drafts that can be changed, latest first.
func Drafts(ctx context.Context, db postgres.DB, a union.ArtisanID, limit int) ([]Draft, error) {
	rows, err := db.Query(ctx, draftQuery+`
		WHERE d.artisan_id = $1 AND d.submitted_at IS NULL
		ORDER BY d.updated_at DESC
		LIMIT $2`, a, limit)
	if err != nil {
		return nil, fmt.Errorf("catalog: drafts: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanDraft)
	if err != nil {
		return nil, fmt.Errorf("catalog: drafts: %w", err)
	}
	return list, nil
}

// Save writes what a draft says. The version is that which the artisan saw:
// where another phone saved meanwhile, it returns ErrStale.
func Save(ctx context.Context, tx pgx.Tx, d Draft) error {
	tag, err := tx.Exec(ctx, `
		UPDATE drafts
		SET body = $4, version = version + 1, updated_at = now()
		WHERE artisan_id = $1 AND token = $2 AND version = $3 AND submitted_at IS NULL`, d.Artisan, d.Token, d.Version, d.Body)
	if err != nil {
		return fmt.Errorf("catalog: save draft: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrStale
	}
	return nil
}
