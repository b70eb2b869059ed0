// Package review is what buyers say of the pieces that they were brought, what
// the committees let be shown of it, and what the makers answer.
package review

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
)

// State is where a review stands.
type State string

const (
	Waiting State = "waiting" // for the committee
	Shown   State = "shown"
	Refused State = "refused"
)

// Bounds of what is written, in characters.
const (
	MostWords  = 1000
	MostAuthor = 60
	MostAnswer = 600
	MostReason = 500
)

var (
	// ErrNoReview is returned for a review that is not there.
	ErrNoReview = fault.New(fault.NotFound, "review.none")
	// ErrSettled is returned to a buyer whose review the committee has decided on.
	ErrSettled = fault.New(fault.Conflict, "review.settled")
	// ErrNotYet is returned to a buyer whose order has not arrived.
	ErrNotYet = fault.New(fault.Conflict, "review.not_yet")
	// ErrDecided is returned where a colleague was first.
	ErrDecided = fault.New(fault.Conflict, "review.decided")
	// ErrChanged is returned where the buyer has written something else meanwhile.
	ErrChanged = fault.New(fault.Conflict, "review.changed")
	// ErrNotYours is returned to someone who may not judge this review.
	ErrNotYours = fault.New(fault.Forbidden, "review.not_yours")
	// ErrAnswered is returned to an artisan who has answered already.
	ErrAnswered = fault.New(fault.Conflict, "review.answered")
)

// A Review is what one buyer says of one piece.
type Review struct {
	Ref            string
	Product        catalog.ProductID
	Slug           string     // of the product
	Title          lang.Texts // of the product
	WrittenIn      string     // the language the title was written in
	Rating         int        // 1 to 5
	Words          string
	Language       string
	Author         string
	Country        string // ISO 3166-1
	State          State
	Reason         string // why it was refused
	Answer         string
	AnswerLanguage string
	At             time.Time
}

const (
	columns = `v.ref, v.product_id, p.slug, r.title, r.written_in, v.rating, v.words, v.language, v.author, v.country, v.state, v.reason, v.answer, v.answer_language, v.at`
	tables  = `
		FROM reviews v
		JOIN products p ON p.id = v.product_id
		JOIN revisions r ON r.id = p.live_id`
)

func (r *Review) fields() []any {
	return []any{&r.Ref, &r.Product, &r.Slug, &r.Title, &r.WrittenIn, &r.Rating, &r.Words, &r.Language, &r.Author, &r.Country, &r.State, &r.Reason,
		&r.Answer, &r.AnswerLanguage, &r.At}
}

func scan(row pgx.CollectableRow) (Review, error) {
	var r Review
	err := row.Scan(r.fields()...)
	return r, err
}

// Said are the words of a review, in their own language.
func (r Review) Said() lang.Text {
	return lang.Text{Words: r.Words, Lang: r.Language, Dir: lang.Or(r.Language).Dir}
}

// Answered are the words of its maker, empty where there are none.
func (r Review) Answered() lang.Text {
	return lang.Text{Words: r.Answer, Lang: r.AnswerLanguage, Dir: lang.Or(r.AnswerLanguage).Dir}
}

// A Draft is what a buyer writes.
type Draft struct {
	Rating                  int // 1 to 5
	Words, Language, Author string
}

// check returns the faults of a draft, by field.
func (d Draft) check() error {
	var f fault.Form
	if d.Rating < 1 || d.Rating > 5 {
		f.Wrong("rating", "review.rating.wrong")
	}
	if d.Words == "" {
		f.Wrong("words", "review.words.wrong")
	} else if len([]rune(d.Words)) > MostWords {
		f.Wrong("words", "review.too_long", MostWords)
	}
	if d.Author == "" {
		f.Wrong("author", "review.author.wrong")
	} else if len([]rune(d.Author)) > MostAuthor {
		f.Wrong("author", "review.too_long", MostAuthor)
	}
	if _, err := lang.ByCode(d.Language); err != nil {
		f.Wrong("language", "review.language.wrong")
	}
	return f.Err()
}

// Lines break as browsers and people send them.
var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Write keeps what the buyer of an order says of its line at a position, counted
// from one. It can be written anew until the committee has decided. It returns
// order.ErrNoOrder, ErrNotYet, ErrSettled, or what is wrong with which field.
func Write(ctx context.Context, tx pgx.Tx, o order.Order, position int, d Draft, at time.Time) error {
	if o.State != order.Completed {
		return ErrNotYet
	}
	d.Words, d.Author = strings.TrimSpace(breaks.Replace(d.Words)), strings.Join(strings.Fields(d.Author), " ")
	if err := d.check(); err != nil {
		return err
	}
	country := o.Address.Country
	if o.Delivery == order.Collect || country == "" {
		country = "MA"
	}
	var line int64
	var product catalog.ProductID
	err := tx.QueryRow(ctx, lineQuery+` AND l.position = $2`, o.ID, position).Scan(&line, nil, &product)
	if errors.Is(err, pgx.ErrNoRows) {
		return order.ErrNoOrder
	}
	if err != nil {
		return fmt.Errorf("review: line: %w", err)
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO reviews AS old (ref, order_line_id, product_id, rating, words, language, author, country, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (order_line_id) DO UPDATE
		SET rating = $4, words = $5, language = $6, author = $7, country = $8, at = $9
		WHERE old.state = 'waiting'`,
		strings.ToLower(rand.Text()), line, product, d.Rating, d.Words, d.Language, d.Author, country, at)
	if err != nil {
		return fmt.Errorf("review: write: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrSettled
	}
	return nil
}

// lineQuery finds what can be reviewed of an order: lines of pieces that are
// still known, of which not all went back.
const lineQuery = `
	SELECT l.id, l.position, p.id
	FROM order_lines l
	LEFT JOIN variants w ON w.id = l.variant_id
	JOIN products p ON p.id = coalesce(w.product_id, (SELECT id FROM products WHERE slug = l.slug))
	WHERE l.order_id = $1 AND l.returned < l.quantity`

// OfOrder returns what can be reviewed of an order, by the position of its line,
// counted from one: nil where nothing was said yet.
func OfOrder(ctx context.Context, db postgres.DB, o order.ID) (map[int]*Review, error) {
	rows, err := db.Query(ctx, `
		SELECT can.position, v.rating, v.words, v.language, v.author, v.state, v.reason
		FROM (`+lineQuery+`) AS can (line, position, product)
		LEFT JOIN reviews v ON v.order_line_id = can.line`, o)
	if err != nil {
		return nil, fmt.Errorf("review: of order: %w", err)
	}
	all := map[int]*Review{}
	var position int
	var rating *int
	var words, language, author, state, reason *string
	_, err = pgx.ForEachRow(rows, []any{&position, &rating, &words, &language, &author, &state, &reason}, func() error {
		all[position] = nil
		if rating != nil {
			all[position] = &Review{Rating: *rating, Words: *words, Language: *language, Author: *author, State: State(*state), Reason: *reason}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("review: of order: %w", err)
	}
	return all, nil
}

// A Sum is what all buyers of a piece think.
type Sum struct {
	Count  int
	Tenths int // of a star, on average
}

// Of returns the newest reviews of a product that are shown, and the sum of all.
func Of(ctx context.Context, db postgres.DB, product catalog.ProductID, limit int) (list []Review, sum Sum, err error) {
	rows, err := db.Query(ctx, `
		SELECT `+columns+`, count(*) OVER (), round(avg(v.rating) OVER () * 10)::integer`+tables+`
		WHERE v.product_id = $1 AND v.state = 'shown'
		ORDER BY v.at DESC, v.id DESC
		LIMIT $2`, product, limit)
	if err != nil {
		return nil, Sum{}, fmt.Errorf("review: of product: %w", err)
	}
	var r Review
	_, err = pgx.ForEachRow(rows, append(r.fields(), &sum.Count, &sum.Tenths), func() error {
		list = append(list, r)
		r.Title = nil // The next one's own.
		return nil
	})
	if err != nil {
		return nil, Sum{}, fmt.Errorf("review: of product: %w", err)
	}
	return list, sum, nil
}
