package studio

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/review"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// mostReviews bounds what is shown of what buyers say; what is not answered
// comes first.
const mostReviews = 50

// ReviewsPage is studio/reviews: what buyers say of one's pieces.
type ReviewsPage struct {
	web.Page
	Said       string
	Rows       []ReviewRow
	MostAnswer int
}

// ReviewRow is what one buyer says.
type ReviewRow struct {
	ID          string // of its field, within the page
	Action      string
	Path        string // of the piece
	Title       lang.Text
	Stars       string
	StarsName   string
	Words       lang.Text
	Author      string
	Country     string
	At          time.Time
	Own         lang.Text // the artisan's answer, empty where there is none
	Answer      string    // what was typed
	AnswerWrong string
}

// listReviews serves GET /studio/reviews.
func (h *Handlers) listReviews(c *gin.Context, _ identity.Account, a union.Artisan) error {
	return h.renderReviews(c, a, http.StatusOK, "", nil)
}

// renderReviews shows them; form is that of one of them where something in it was
// wrong, and nil otherwise.
func (h *Handlers) renderReviews(c *gin.Context, a union.Artisan, status int, ref string, form *web.Form) error {
	l := web.Language(c)
	list, err := review.About(c.Request.Context(), h.Pool, a.ID, mostReviews)
	if err != nil {
		return err
	}
	page := &ReviewsPage{Page: h.page(c, "workshop", l.T("studio.reviews")), MostAnswer: review.MostAnswer}
	if c.Query("answered") != "" {
		page.Said = l.T("studio.reviews.answered")
	}
	for i, r := range list {
		row := ReviewRow{ID: "answer-" + strconv.Itoa(i+1), Path: "/" + l.Code + "/products/" + r.Slug, Title: r.Title.In(l, r.WrittenIn),
			Stars: strings.Repeat("★", r.Rating), StarsName: l.T("review.stars", r.Rating), Words: r.Said(), Author: r.Author,
			Country: l.Country(r.Country), At: r.At, Own: r.Answered()}
		if r.Answer == "" {
			row.Action = "/studio/reviews/" + r.Ref
		}
		if form != nil && r.Ref == ref {
			row.Answer, row.AnswerWrong = form.Value("answer"), form.Wrong("answer")
		}
		page.Rows = append(page.Rows, row)
	}
	return h.Site.Render(c, status, "studio/reviews", page)
}

// answerReview serves POST /studio/reviews/:ref.
func (h *Handlers) answerReview(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return review.Answer(ctx, tx, a.ID, c.Param("ref"), form.Value("answer"), web.Language(c).Code, account.ID, h.Site.Now())
	})
	if form.Take(err) {
		return h.renderReviews(c, a, http.StatusUnprocessableEntity, c.Param("ref"), form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/reviews?answered=1")
	return nil
}
