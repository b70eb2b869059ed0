package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Draft is a piece as far as its artisan has described it. It is saved at
// each step, and becomes a revision when it is sent to the committee.
type Draft struct {
	Token     string // its name in addresses
	Artisan   union.ArtisanID
	Product   ProductID // 0 before it was first sent
	Version   int
	Body      Body
	UpdatedAt time.Time
	Submitted bool
}

// A Body is what a draft says. Whatever is not known yet is zero.
type Body struct {
	Photos     []media.PictureID `json:"photos,omitempty"`
	Kind       string            `json:"kind,omitempty"`  // slug
	Price      int64             `json:"price,omitempty"` // centimes
	Supply     Supply            `json:"supply,omitempty"`
	Count      int               `json:"count,omitempty"`
	LeadDays   int               `json:"lead_days,omitempty"`
	Length     int               `json:"length,omitempty"` // millimetres
	Width      int               `json:"width,omitempty"`
	Height     int               `json:"height,omitempty"`
	Weight     int               `json:"weight,omitempty"` // grams
	Materials  []string          `json:"materials,omitempty"`
	Techniques []string          `json:"techniques,omitempty"`
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
)

// MostPhotos is how many pictures a piece may have.
const MostPhotos = 8

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
// price, count or size; empty for nothing.
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
	case b.Weight < 1:
		return "size"
	}
	return ""
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

const draftColumns = `d.token, d.artisan_id, coalesce(d.product_id, 0), d.version, d.body, d.updated_at, d.submitted_at IS NOT NULL`

func scanDraft(row pgx.CollectableRow) (Draft, error) {
	var d Draft
	err := row.Scan(&d.Token, &d.Artisan, &d.Product, &d.Version, &d.Body, &d.UpdatedAt, &d.Submitted)
	return d, err
}

// DraftOf returns an artisan's draft, or ErrNoDraft.
func DraftOf(ctx context.Context, db postgres.DB, a union.ArtisanID, token string) (Draft, error) {
	rows, err := db.Query(ctx, `
		SELECT `+draftColumns+`
		FROM drafts d
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
	rows, err := db.Query(ctx, `
		SELECT `+draftColumns+`
		FROM drafts d
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

// Submit sends a draft to the committee of its trade: a new product, or one
// more revision of the product that it was before. Sent twice, it is sent once.
func Submit(ctx context.Context, tx pgx.Tx, a union.Artisan, token string, at time.Time) error {
	if _, err := tx.Exec(ctx, `SELECT FROM drafts WHERE artisan_id = $1 AND token = $2 FOR UPDATE`, a.ID, token); err != nil {
		return fmt.Errorf("catalog: submit: %w", err)
	}
	d, err := DraftOf(ctx, tx, a.ID, token)
	if err != nil || d.Submitted {
		return err
	}
	b := d.Body
	if b.Missing() != "" {
		return ErrIncomplete
	}
	kind, name, err := kindOfTrade(ctx, tx, b.Kind, a.Trade)
	if err != nil {
		return err
	}
	r := Revision{Number: 1, Title: name, WrittenIn: b.Language, Length: b.Length, Width: b.Width, Height: b.Height,
		Weight: b.Weight, PackedWeight: b.PackedWeight(), Origin: "MA", ShipMode: Parcel, Pictures: b.Photos}
	if b.Title != "" {
		r.Title = lang.Texts{b.Language: b.Title}
	}
	if b.Words != "" {
		r.Description = lang.Texts{b.Language: b.Words}
	}
	terms, err := termIDs(ctx, tx, b)
	if err != nil {
		return err
	}
	variant := Variant{Price: money.Centimes(b.Price), Stocked: true, OnHand: 1}
	switch b.Supply {
	case InStock:
		variant.OnHand = b.Count
	case ToOrder:
		variant.Stocked, variant.OnHand, variant.LeadDays = false, 0, b.LeadDays
	}
	product := d.Product
	var revision RevisionID
	if product == 0 {
		suffix := rand.Text()
		variant.SKU = "KIS-" + suffix[:7]
		product, revision, err = AddProduct(ctx, tx, Fresh{Slug: b.Kind + "-" + strings.ToLower(suffix[:6]), Artisan: a.ID, Trade: a.Trade, Kind: kind,
			Revision: r, Terms: terms, Variants: []Variant{variant}})
	} else {
		revision, err = revise(ctx, tx, product, kind, r, terms, variant)
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE revisions SET state = 'submitted', submitted_at = $2 WHERE id = $1`, revision, at); err != nil {
		return fmt.Errorf("catalog: submit revision: %w", err)
	}
	_, err = tx.Exec(ctx, `UPDATE drafts SET product_id = $2, submitted_at = $3 WHERE token = $1`, token, product, at)
	if err != nil {
		return fmt.Errorf("catalog: submit: %w", err)
	}
	return nil
}

// revise adds a revision to a product that has never been on sale: its price
// and stock are still the draft's.
func revise(ctx context.Context, tx pgx.Tx, p ProductID, kind KindID, r Revision, terms []TermID, v Variant) (RevisionID, error) {
	if err := tx.QueryRow(ctx, `SELECT max(number) + 1 FROM revisions WHERE product_id = $1`, p).Scan(&r.Number); err != nil {
		return 0, fmt.Errorf("catalog: revise: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE products SET kind_id = $2 WHERE id = $1`, p, kind); err != nil {
		return 0, fmt.Errorf("catalog: revise: %w", err)
	}
	_, err := tx.Exec(ctx, `
		UPDATE variants
		SET price_minor = $2, stocked = $3, on_hand = $4, lead_days = nullif($5::int, 0)
		WHERE product_id = $1`, p, v.Price.Minor, v.Stocked, v.OnHand, v.LeadDays)
	if err != nil {
		return 0, fmt.Errorf("catalog: revise: %w", err)
	}
	return addRevision(ctx, tx, p, r, terms)
}

// kindOfTrade returns a kind that the trade makes, or ErrIncomplete for one it
// does not.
func kindOfTrade(ctx context.Context, db postgres.DB, slug string, t union.TradeID) (KindID, lang.Texts, error) {
	var id KindID
	var name lang.Texts
	err := db.QueryRow(ctx, `
		SELECT k.id, k.name
		FROM kinds k
		JOIN kind_trades kt ON kt.kind_id = k.id
		WHERE k.slug = $1 AND kt.trade_id = $2`, slug, t).Scan(&id, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, ErrIncomplete
	}
	if err != nil {
		return 0, nil, fmt.Errorf("catalog: kind %q: %w", slug, err)
	}
	return id, name, nil
}

func termIDs(ctx context.Context, db postgres.DB, b Body) ([]TermID, error) {
	rows, err := db.Query(ctx, `
		SELECT id FROM terms
		WHERE vocabulary = 'material' AND slug = ANY ($1) OR vocabulary = 'technique' AND slug = ANY ($2)
		ORDER BY vocabulary, sort`, slices.Concat([]string{}, b.Materials), slices.Concat([]string{}, b.Techniques))
	if err != nil {
		return nil, fmt.Errorf("catalog: terms: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[TermID])
	if err != nil {
		return nil, fmt.Errorf("catalog: terms: %w", err)
	}
	return ids, nil
}

// KindsOf returns the kinds that a trade makes.
func KindsOf(ctx context.Context, db postgres.DB, t union.TradeID) ([]Kind, error) {
	rows, err := db.Query(ctx, `
		SELECT k.slug, k.name, k.sort
		FROM kinds k
		JOIN kind_trades kt ON kt.kind_id = k.id
		WHERE kt.trade_id = $1
		ORDER BY k.sort`, t)
	if err != nil {
		return nil, fmt.Errorf("catalog: kinds: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Kind, error) {
		var k Kind
		err := row.Scan(&k.Slug, &k.Name, &k.Sort)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("catalog: kinds: %w", err)
	}
	return list, nil
}

// TermsOf returns a vocabulary, with what a trade's own pieces are described
// with first, and how many those are.
func TermsOf(ctx context.Context, db postgres.DB, vocabulary string, t union.TradeID) (list []Term, usual int, err error) {
	rows, err := db.Query(ctx, `
		SELECT `+termColumns+`, EXISTS (
			SELECT FROM revision_terms rt
			JOIN products p ON p.live_id = rt.revision_id
			WHERE rt.term_id = t.id AND p.trade_id = $2) AS usual
		FROM terms t
		WHERE t.vocabulary = $1
		ORDER BY usual DESC, t.sort`, vocabulary, t)
	if err != nil {
		return nil, 0, fmt.Errorf("catalog: %ss: %w", vocabulary, err)
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Term, error) {
		var m Term
		var ours bool
		err := row.Scan(&m.ID, &m.Vocabulary, &m.Slug, &m.Name, &m.Hex, &ours)
		if ours {
			usual++
		}
		return m, err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("catalog: %ss: %w", vocabulary, err)
	}
	return list, usual, nil
}

// A Submitted is a revision that waits for its committee, or was decided.
type Submitted struct {
	Revision    RevisionID
	Product     ProductID
	Slug        string
	Number      int
	State       string
	Artisan     union.ArtisanID
	Trade       union.TradeID
	TradeName   lang.Texts
	KindName    lang.Texts
	Title       lang.Texts
	Description lang.Texts
	WrittenIn   string
	Pictures    []media.PictureID
	Price       money.Amount
	Stocked     bool
	OnHand      int
	LeadDays    int
	Weight      int    // grams
	Size        [3]int // millimetres
	Terms       []lang.Texts
	SubmittedAt time.Time
}

const submittedQuery = `
	SELECT r.id, p.id, p.slug, r.number, r.state, p.artisan_id, p.trade_id, t.name, k.name, r.title, r.description, r.written_in,
	       ARRAY(SELECT rp.picture_id FROM revision_pictures rp WHERE rp.revision_id = r.id ORDER BY rp.position),
	       v.price_minor, v.stocked, v.on_hand, coalesce(v.lead_days, 0), r.weight_g,
	       coalesce(r.length_mm, 0), coalesce(r.width_mm, 0), coalesce(r.height_mm, 0),
	       ARRAY(SELECT m.name FROM revision_terms rt JOIN terms m ON m.id = rt.term_id WHERE rt.revision_id = r.id ORDER BY rt.sort),
	       r.submitted_at
	FROM revisions r
	JOIN products p ON p.id = r.product_id
	JOIN trades t ON t.id = p.trade_id
	JOIN kinds k ON k.id = p.kind_id
	JOIN LATERAL (SELECT * FROM variants WHERE product_id = p.id ORDER BY sort LIMIT 1) v ON true`

func scanSubmitted(row pgx.CollectableRow) (Submitted, error) {
	s := Submitted{Price: money.Amount{Currency: money.MAD}}
	err := row.Scan(&s.Revision, &s.Product, &s.Slug, &s.Number, &s.State, &s.Artisan, &s.Trade, &s.TradeName, &s.KindName, &s.Title,
		&s.Description, &s.WrittenIn, &s.Pictures, &s.Price.Minor, &s.Stocked, &s.OnHand, &s.LeadDays, &s.Weight,
		&s.Size[0], &s.Size[1], &s.Size[2], &s.Terms, &s.SubmittedAt)
	return s, err
}

// Waiting returns the revisions that wait for a decision, oldest first, of the
// trades given (all where none is).
func Waiting(ctx context.Context, db postgres.DB, trades []union.TradeID, limit int) ([]Submitted, error) {
	rows, err := db.Query(ctx, submittedQuery+`
		WHERE r.state = 'submitted' AND (cardinality($1::bigint[]) = 0 OR p.trade_id = ANY ($1))
		ORDER BY r.submitted_at, r.id
		LIMIT $2`, append([]union.TradeID{}, trades...), limit)
	if err != nil {
		return nil, fmt.Errorf("catalog: waiting: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanSubmitted)
	if err != nil {
		return nil, fmt.Errorf("catalog: waiting: %w", err)
	}
	return list, nil
}

// SubmittedBy returns the revision of a product by its number, or ErrNoProduct.
func SubmittedBy(ctx context.Context, db postgres.DB, slug string, number int) (Submitted, error) {
	rows, err := db.Query(ctx, submittedQuery+`
		WHERE p.slug = $1 AND r.number = $2 AND r.submitted_at IS NOT NULL`, slug, number)
	if err != nil {
		return Submitted{}, fmt.Errorf("catalog: revision: %w", err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, scanSubmitted)
	if errors.Is(err, pgx.ErrNoRows) {
		return Submitted{}, ErrNoProduct
	}
	if err != nil {
		return Submitted{}, fmt.Errorf("catalog: revision: %w", err)
	}
	return s, nil
}

// Return gives a submitted revision back to its artisan, to be changed or for
// good, and reports whether it was still waiting.
func Return(ctx context.Context, tx pgx.Tx, r RevisionID, state string, at time.Time) (bool, error) {
	tag, err := tx.Exec(ctx, `
		UPDATE revisions
		SET state = $2, decided_at = $3
		WHERE id = $1 AND state = 'submitted'`, r, state, at)
	if err != nil {
		return false, fmt.Errorf("catalog: return revision: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	if state == "changes_requested" {
		_, err = tx.Exec(ctx, `
			UPDATE drafts d
			SET submitted_at = NULL, updated_at = $2
			FROM revisions r
			WHERE r.id = $1 AND d.product_id = r.product_id`, r, at)
		if err != nil {
			return false, fmt.Errorf("catalog: reopen draft: %w", err)
		}
	}
	return true, nil
}
