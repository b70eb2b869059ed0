package shop

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/review"
	"kissaria.ma/internal/web"
)

// ReviewPart is what a buyer may say, or has said, of a line of an order.
type ReviewPart struct {
	ID          string // of the part, within its page
	Action      string // empty once the committee has decided
	Open        bool
	Label       string // what opens the form
	State       string // waiting, shown, refused, or empty
	Said        string // of the state
	Reason      string // why it was refused
	Stars       []Star
	RatingWrong string
	Words       string
	WordsWrong  string
	MostWords   int
	Author      web.Field
	Languages   []LanguageChoice
	Own         *lang.Text // what was said, once it cannot be changed
	OwnRating   Rating
}

// Star is a number of them to choose.
type Star struct {
	Value   int
	Name    string
	Checked bool
}

// LanguageChoice is one to choose.
type LanguageChoice struct {
	Code, Name string
	Chosen     bool
}

// Rating is a number of stars, to be seen and to be heard.
type Rating struct{ Stars, Name string }

const mostStars = 5

func newRating(l *lang.Language, n int) Rating {
	return Rating{strings.Repeat("★", n) + strings.Repeat("☆", mostStars-n), l.T("review.stars", n)}
}

// ProductReview is what a buyer said of a piece.
type ProductReview struct {
	Rating  Rating
	Words   lang.Text
	Author  string
	Country string
	At      time.Time
	Answer  lang.Text // empty where there is none
}

// mostReviews bounds those on a piece's page.
const mostReviews = 10

// reviews fills in what buyers say of a piece.
func (page *ProductPage) reviews(ctx context.Context, db postgres.DB, l *lang.Language, p catalog.ProductID) error {
	list, sum, err := review.Of(ctx, db, p, mostReviews)
	if err != nil {
		return err
	}
	page.ReviewCount, page.ReviewMean = sum.Count, l.Tenths(sum.Tenths)
	for _, r := range list {
		page.Reviews = append(page.Reviews, ProductReview{Rating: newRating(l, r.Rating), Words: r.Said(), Author: r.Author,
			Country: l.Country(r.Country), At: r.At, Answer: r.Answered()})
	}
	return nil
}

// reviewParts returns what can be said of an order that has arrived, by the
// position of its line. form is that of one of them where something was wrong.
func (h *Handlers) reviewParts(c *gin.Context, o order.Order, position int, form *web.Form) (map[int]*ReviewPart, error) {
	if o.State != order.Completed {
		return nil, nil
	}
	l := web.Language(c)
	written, err := review.OfOrder(c.Request.Context(), h.Pool, o.ID)
	if err != nil {
		return nil, err
	}
	parts := map[int]*ReviewPart{}
	for n, r := range written {
		part := &ReviewPart{ID: fmt.Sprintf("review-%d", n), MostWords: review.MostWords, Label: l.T("review.write")}
		parts[n] = part
		if r != nil {
			part.State, part.Said, part.Reason = string(r.State), l.T("review.state."+string(r.State)), r.Reason
			part.Label = l.T("review.change")
		}
		if r != nil && r.State != review.Waiting {
			said := r.Said()
			part.Own, part.OwnRating = &said, newRating(l, r.Rating)
			continue
		}
		part.Action = web.Path(c, "/orders/"+o.Token+"/reviews/"+strconv.Itoa(n))
		f := web.EmptyForm(c)
		switch {
		case form != nil && n == position:
			f, part.Open = form, true
		case r != nil:
			f.Set("rating", strconv.Itoa(r.Rating))
			f.Set("words", r.Words)
			f.Set("author", r.Author)
			f.Set("language", r.Language)
		default:
			f.Set("author", shortName(o.Contact.Name))
			f.Set("language", l.Code)
		}
		part.fill(f, l)
	}
	return parts, nil
}

// fill fills in the form of a review.
func (part *ReviewPart) fill(f *web.Form, l *lang.Language) {
	part.RatingWrong, part.Words, part.WordsWrong = f.Wrong("rating"), f.Value("words"), f.Wrong("words")
	for n := mostStars; n >= 1; n-- {
		part.Stars = append(part.Stars, Star{n, l.T("review.stars", n), f.Value("rating") == strconv.Itoa(n)})
	}
	part.Author = f.FieldOf("review.author", "author", "off", func(v *web.Field) {
		v.ID, v.MaxLength, v.Required = part.ID+"-author", review.MostAuthor, true
	})
	for _, other := range lang.All {
		part.Languages = append(part.Languages, LanguageChoice{other.Code, other.Name, f.Value("language") == other.Code})
	}
}

// shortName is a name as one would let strangers read it: Marta G.
func shortName(name string) string {
	parts := strings.Fields(name)
	if len(parts) == 0 {
		return ""
	}
	short := parts[0]
	if len(parts) > 1 {
		short += " " + string([]rune(parts[len(parts)-1])[:1]) + "."
	}
	if r := []rune(short); len(r) > review.MostAuthor {
		short = string(r[:review.MostAuthor])
	}
	return short
}

var reviewLimit = web.Limit{Name: "review", Times: 60, In: time.Hour}

// saveReview serves POST /{lang}/orders/:token/reviews/:position.
func (h *Handlers) saveReview(c *gin.Context) error {
	ctx := c.Request.Context()
	position, err := strconv.Atoi(c.Param("position"))
	if err != nil || position < 1 || position > 1000 || !isToken(c.Param("token")) {
		return order.ErrNoOrder
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, reviewLimit, c.ClientIP()); err != nil {
		return err
	}
	o, err := order.ByToken(ctx, h.Pool, c.Param("token"))
	if err != nil {
		return err
	}
	rating, err := strconv.Atoi(form.Value("rating"))
	if err != nil {
		rating = 0 // None was chosen.
	}
	draft := review.Draft{Rating: rating, Words: form.Value("words"), Language: form.Value("language"), Author: form.Value("author")}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return review.Write(ctx, tx, o, position, draft, h.Site.Now())
	})
	if form.Take(err) {
		return h.renderOrder(c, http.StatusUnprocessableEntity, position, form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, fmt.Sprintf("%s?reviewed=1#review-%d", web.Path(c, "/orders/"+o.Token), position))
	return nil
}
