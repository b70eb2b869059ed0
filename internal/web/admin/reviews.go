package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/review"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

const reviewsPath = "/admin/reviews"

// ReviewsPage is admin/reviews: what buyers wrote that nobody has read yet.
type ReviewsPage struct {
	web.Page
	Said       string
	Rows       []ReviewRow
	More       bool
	MostReason int
}

// ReviewRow is a review that waits.
type ReviewRow struct {
	ID          string // of its fields, within the page
	Action      string
	Path        string // of the piece
	Title       lang.Text
	Stars       string
	StarsName   string
	Words       lang.Text
	Author      string
	Country     string
	At          time.Time
	Seen        int64
	Reason      string
	ReasonWrong string
}

// reviewJudge returns whose reviews an account may judge.
func (h *Handlers) reviewJudge(c *gin.Context, a identity.Account) (review.Judge, error) {
	j, err := moderation.JudgeOf(c.Request.Context(), h.Pool, a)
	if err != nil {
		return review.Judge{}, err
	}
	return review.Judge{Account: a.ID, All: j.All, Trades: j.Trades, Not: slices.Concat([]union.ArtisanID{j.Own}, j.Helped)}, nil
}

// listReviews serves GET /admin/reviews.
func (h *Handlers) listReviews(c *gin.Context, a identity.Account) error {
	return h.renderReviews(c, a, http.StatusOK, "", nil)
}

// renderReviews shows what waits; form is that of one of them where something in
// it was wrong, and nil otherwise.
func (h *Handlers) renderReviews(c *gin.Context, a identity.Account, status int, ref string, form *web.Form) error {
	l := web.Language(c)
	judge, err := h.reviewJudge(c, a)
	if err != nil {
		return err
	}
	list, err := review.Queue(c.Request.Context(), h.Pool, judge, mostWaiting+1)
	if err != nil {
		return err
	}
	page := &ReviewsPage{Page: h.page(c, a, l.T("admin.reviews")), MostReason: review.MostReason}
	page.Section = "reviews"
	if done := c.Query("done"); done == string(review.Shown) || done == string(review.Refused) {
		page.Said = l.T("admin.reviews.done." + done)
	}
	if len(list) > mostWaiting {
		list, page.More = list[:mostWaiting], true
	}
	for i, r := range list {
		row := ReviewRow{ID: "reason-" + strconv.Itoa(i+1), Action: reviewsPath + "/" + r.Ref, Path: "/" + l.Code + "/products/" + r.Slug,
			Title: r.Title.In(l, r.WrittenIn), Stars: strings.Repeat("★", r.Rating), StarsName: l.T("review.stars", r.Rating), Words: r.Said(),
			Author: r.Author, Country: l.Country(r.Country), At: r.At, Seen: r.Version()}
		if form != nil && r.Ref == ref {
			row.Reason, row.ReasonWrong = form.Value("reason"), form.Wrong("reason")
		}
		page.Rows = append(page.Rows, row)
	}
	return h.Site.Render(c, status, "admin/reviews", page)
}

// decideReview serves POST /admin/reviews/:ref.
func (h *Handlers) decideReview(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	judge, err := h.reviewJudge(c, a)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(form.Value("seen"), 10, 64)
	if err != nil {
		return web.ErrMalformed
	}
	ruling := review.Ruling{State: review.State(form.Value("verdict")), Reason: form.Value("reason"), Seen: seen}
	ref := c.Param("ref")
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return review.Decide(ctx, tx, judge, ref, ruling, h.Site.Now())
	})
	if form.Take(err) {
		return h.renderReviews(c, a, http.StatusUnprocessableEntity, ref, form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, reviewsPath+"?done="+string(ruling.State))
	return nil
}
