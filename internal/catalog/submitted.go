package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// A Submitted is a revision that waits for its committee, or was decided.
type Submitted struct {
	Revision    RevisionID
	Product     ProductID
	Slug        string
	Number      int
	State       string
	Artisan     union.ArtisanID
	Trade       union.TradeID
	Committee   union.CommitteeID
	Change      bool // of a piece that buyers see already
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
	Second      bool
	Weight      int    // grams
	Size        [3]int // millimetres
	Terms       []lang.Texts
	Variants    []Variant // all of them; SubmittedBy alone reads these
	SubmittedAt time.Time
	Voice       Voice
}

const submittedQuery = `
	SELECT r.id, p.id, p.slug, r.number, r.state, p.artisan_id, p.trade_id, t.committee_id, p.live_id IS NOT NULL AND p.live_id <> r.id, t.name, k.name, r.title, r.description, r.written_in,
	       ARRAY(SELECT rp.picture_id FROM revision_pictures rp WHERE rp.revision_id = r.id ORDER BY rp.position),
	       v.price_minor, v.stocked, v.on_hand, coalesce(v.lead_days, 0), r.second, r.weight_g,
	       coalesce(r.length_mm, 0), coalesce(r.width_mm, 0), coalesce(r.height_mm, 0),
	       ARRAY(SELECT m.name FROM revision_terms rt JOIN terms m ON m.id = rt.term_id WHERE rt.revision_id = r.id ORDER BY rt.sort),
	       r.submitted_at, coalesce(r.voice_id, 0), coalesce(w.key, ''), r.voice_played
	FROM revisions r
	JOIN products p ON p.id = r.product_id
	JOIN trades t ON t.id = p.trade_id
	JOIN kinds k ON k.id = p.kind_id
	LEFT JOIN voices w ON w.id = r.voice_id
	JOIN LATERAL (SELECT * FROM variants WHERE product_id = p.id ORDER BY sort LIMIT 1) v ON true`

func scanSubmitted(row pgx.CollectableRow) (Submitted, error) {
	s := Submitted{Price: money.Amount{Currency: money.MAD}}
	err := row.Scan(&s.Revision, &s.Product, &s.Slug, &s.Number, &s.State, &s.Artisan, &s.Trade, &s.Committee, &s.Change, &s.TradeName, &s.KindName, &s.Title,
		&s.Description, &s.WrittenIn, &s.Pictures, &s.Price.Minor, &s.Stocked, &s.OnHand, &s.LeadDays, &s.Second, &s.Weight,
		&s.Size[0], &s.Size[1], &s.Size[2], &s.Terms, &s.SubmittedAt,
		&s.Voice.ID, &s.Voice.Key, &s.Voice.Played)
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
	if s.Variants, err = variants(ctx, db, `v.product_id = $1`, s.Product); err != nil {
		return Submitted{}, fmt.Errorf("catalog: variants of a revision: %w", err)
	}
	return s, nil
}

// LiveOf returns what buyers see of a product, as it was sent, and whether they
// see anything.
func LiveOf(ctx context.Context, db postgres.DB, p ProductID) (s Submitted, ok bool, err error) {
	err = postgres.Together(ctx, db, AskLive(p, &s, &ok))
	return s, ok, err
}

// AskLive asks what LiveOf returns.
func AskLive(p ProductID, s *Submitted, ok *bool) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) (err error) {
		*s, err = pgx.CollectExactlyOneRow(rows, scanSubmitted)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("catalog: live revision: %w", err)
		}
		*ok = true
		return nil
	}, submittedQuery+`
		WHERE p.id = $1 AND r.id = p.live_id`, p)
}

// leastPrices is of how many pieces a price range says something.
const leastPrices = 5

// A PriceRange is between which prices the middle eight of ten pieces of a kind
// are offered. It says nothing where they are too few.
type PriceRange struct {
	From, To money.Amount
	Enough   bool
}

// AskPriceRange asks for the range of the kind that a piece is of, without itself.
func AskPriceRange(p ProductID, r *PriceRange) postgres.Ask {
	return postgres.AskRow(func(row pgx.Row) error {
		r.From, r.To = money.Amount{Currency: money.MAD}, money.Amount{Currency: money.MAD}
		var n int
		if err := row.Scan(&n, &r.From.Minor, &r.To.Minor); err != nil {
			return fmt.Errorf("catalog: price range: %w", err)
		}
		r.Enough = n >= leastPrices
		return nil
	}, `
		SELECT count(*), coalesce(percentile_disc(0.1) WITHIN GROUP (ORDER BY c.price_minor), 0), coalesce(percentile_disc(0.9) WITHIN GROUP (ORDER BY c.price_most), 0)
		FROM cards c
		WHERE c.kind_id = (SELECT kind_id FROM products WHERE id = $1) AND c.product_id <> $1`, p)
}

// A Sight is a piece as a committee sees it beside another.
type Sight struct {
	Slug      string
	Title     lang.Texts
	WrittenIn string
	Picture   media.PictureID
	Price     money.Amount
}

// AskOthers asks what an artisan has on sale besides a product, newest first.
func AskOthers(a union.ArtisanID, besides ProductID, limit int, list *[]Sight) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) (err error) {
		*list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Sight, error) {
			s := Sight{Price: money.Amount{Currency: money.MAD}}
			err := row.Scan(&s.Slug, &s.Title, &s.WrittenIn, &s.Picture, &s.Price.Minor)
			return s, err
		})
		if err != nil {
			return fmt.Errorf("catalog: others: %w", err)
		}
		return nil
	}, `
		SELECT slug, title, written_in, coalesce(picture_id, 0), price_minor
		FROM cards
		WHERE artisan_id = $1 AND product_id <> $2
		ORDER BY published_at DESC
		LIMIT $3`, a, besides, limit)
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

// A Showing is a piece that shows a picture, as it was sent last.
type Showing struct {
	Picture   media.PictureID
	Artisan   union.ArtisanID
	Slug      string
	Number    int // of the revision
	Title     lang.Texts
	WrittenIn string
	Live      bool // it is on sale
	Sent      time.Time
}

// AskPiecesWith asks for the pieces that were sent with one of some pictures, each
// once for each picture, the latest first.
func AskPiecesWith(pictures []media.PictureID, list *[]Showing) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) (err error) {
		if *list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Showing]); err != nil {
			return fmt.Errorf("catalog: pieces with pictures: %w", err)
		}
		return nil
	}, `
		SELECT picture_id, artisan_id, slug, number, title, written_in, live, sent
		FROM (
			SELECT DISTINCT ON (rp.picture_id, p.id) rp.picture_id, p.artisan_id, p.slug, r.number, r.title, r.written_in,
			       p.state = 'on_sale' AS live, coalesce(r.submitted_at, r.created_at) AS sent
			FROM revision_pictures rp
			JOIN revisions r ON r.id = rp.revision_id
			JOIN products p ON p.id = r.product_id
			WHERE rp.picture_id = ANY ($1) AND r.state <> 'draft'
			ORDER BY rp.picture_id, p.id, r.number DESC) AS pieces
		ORDER BY sent DESC, slug`, pictures)
}

// LiveBySlug returns what buyers see of a product, or saw of it before it left
// the market, and its state. It returns ErrNoProduct for what never was approved.
func LiveBySlug(ctx context.Context, db postgres.DB, slug string) (s Submitted, state State, err error) {
	var p ProductID
	err = db.QueryRow(ctx, `SELECT id, state FROM products WHERE slug = $1 AND live_id IS NOT NULL`, slug).Scan(&p, &state)
	if errors.Is(err, pgx.ErrNoRows) {
		return Submitted{}, "", ErrNoProduct
	}
	if err != nil {
		return Submitted{}, "", fmt.Errorf("catalog: live product: %w", err)
	}
	s, ok, err := LiveOf(ctx, db, p)
	if err == nil && !ok {
		err = ErrNoProduct
	}
	return s, state, err
}
