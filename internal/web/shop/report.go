package shop

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/web"
)

// ReportPage is shop/report: what is wrong with a piece.
type ReportPage struct {
	web.Page
	Sent        bool
	Failed      string // that too much was sent
	Trail       []Crumb
	Name        lang.Text
	Path        string // of the piece
	Photo       web.Picture
	Action      string
	Reasons     []ReasonChoice
	ReasonWrong string
	Words       string
	WordsWrong  string
	MostWords   int
	Contact     web.Field
}

// ReasonChoice is a reason to choose.
type ReasonChoice struct {
	Value, Name, More string
	Checked           bool
}

// reportLimit is for one address: more than a visitor has to say, and too few to
// keep a committee from its work.
var reportLimit = web.Limit{Name: "report", Times: 10, In: time.Hour}

// newReport serves GET /{lang}/products/:slug/report.
func (h *Handlers) newReport(c *gin.Context) error {
	p, err := catalog.BySlug(c.Request.Context(), h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	return h.renderReport(c, http.StatusOK, p, web.EmptyForm(c), "")
}

func (h *Handlers) renderReport(c *gin.Context, status int, p catalog.Product, form *web.Form, failed string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	name := p.Revision.Title.In(l, p.Revision.WrittenIn)
	page := &ReportPage{Page: h.Site.Page(c, l.T("report.title")), Name: name, Path: web.Path(c, "/products/"+p.Slug), Failed: failed,
		Action: web.Path(c, "/products/"+p.Slug+"/report"), ReasonWrong: form.Wrong("reason"), Words: form.Value("words"),
		WordsWrong: form.Wrong("words"), MostWords: moderation.MostWords, Sent: status == http.StatusOK && c.Query("sent") != ""}
	page.Section, page.NoIndex = "products", true
	page.Trail = []Crumb{{l.T("nav.products"), web.Path(c, "/products")}, {name.Words, page.Path}}
	if len(p.Revision.Pictures) > 0 {
		pictures, err := web.ReadPictures(ctx, h.Pool, p.Revision.Pictures[0])
		if err != nil {
			return err
		}
		page.Photo = pictures.Make(p.Revision.Pictures[0], "basket-line__photo", "", "8rem", true)
	}
	for _, r := range moderation.Reasons {
		page.Reasons = append(page.Reasons, ReasonChoice{string(r), l.T("report.reason." + string(r)), l.T("report.reason." + string(r) + ".more"),
			form.Value("reason") == string(r)})
	}
	page.Contact = form.Field("report", "contact", "email")
	return h.Site.Render(c, status, "shop/report", page)
}

// createReport serves POST /{lang}/products/:slug/report. Nobody has to sign in
// for it.
func (h *Handlers) createReport(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	p, err := catalog.BySlug(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	err = h.Site.Limits.Allow(c, reportLimit, c.ClientIP())
	if errors.Is(err, web.ErrTooMany) {
		return h.renderReport(c, http.StatusTooManyRequests, p, form, l.T(web.ErrTooMany.Key))
	}
	if err != nil {
		return err
	}
	r := moderation.Report{Reason: moderation.Reason(form.Value("reason")), Words: form.Value("words"), Language: l.Code,
		Contact: form.Value("contact"), At: h.Site.Now()}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return moderation.WriteReport(ctx, tx, p.ID, r, c.ClientIP())
	})
	if form.Take(err) {
		return h.renderReport(c, http.StatusUnprocessableEntity, p, form, "")
	}
	if err != nil {
		return err
	}
	web.Redirect(c, web.Path(c, "/products/"+p.Slug+"/report?sent=1"))
	return nil
}
