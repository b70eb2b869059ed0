package shop

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/membership"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// JoinPage is shop/join: a form by which an artisan asks to become a member.
type JoinPage struct {
	web.Page
	Sent         bool
	Failed       string // that too much was sent
	Action       string
	Names        []web.Field
	Ways         []web.Field
	Place        []web.Field
	Trades       []ReasonChoice
	TradeWrong   string
	Quarters     []ReasonChoice
	QuarterWrong string
	Areas        []JoinArea
	Consented    bool
	ConsentWrong string
	Union        lang.Text
}

// JoinArea is something said in a few sentences.
type JoinArea struct{ Name, Label, Hint, Value, Wrong string }

// joinLimit is for one address: a whole family may ask from one phone.
var joinLimit = web.Limit{Name: "join", Times: 10, In: time.Hour}

// newApplication serves GET /{lang}/join.
func (h *Handlers) newApplication(c *gin.Context) error {
	return h.renderJoin(c, http.StatusOK, web.EmptyForm(c), "")
}

func (h *Handlers) renderJoin(c *gin.Context, status int, form *web.Form, failed string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	page := &JoinPage{Page: h.Site.Page(c, l.T("join.title")), Action: web.Path(c, "/join"), Failed: failed, Union: profile.Name.In(l, "fr"),
		Sent: status == http.StatusOK && c.Query("sent") != "", Consented: form.Value("consent") != "", ConsentWrong: form.Wrong("consent"),
		TradeWrong: form.Wrong("trade"), QuarterWrong: form.Wrong("quarter")}
	page.Section = "union"
	ltr := func(mode string) func(*web.Field) {
		return func(f *web.Field) { f.InputMode, f.Dir = mode, "ltr" }
	}
	page.Names = []web.Field{form.Field("join", "name", "name"), form.Field("join", "name_ar", "off", func(f *web.Field) { f.Dir = "rtl" })}
	page.Ways = []web.Field{form.Field("join", "phone", "tel", ltr("tel")), form.Field("join", "email", "email", ltr("email"))}
	page.Place = []web.Field{form.Field("join", "workshop", "off"), form.Field("join", "years", "off", ltr("numeric"), func(f *web.Field) { f.MaxLength = 3 }),
		form.Field("join", "register_number", "off", ltr("text"))}
	for _, name := range []string{"vouchers", "about"} {
		page.Areas = append(page.Areas, JoinArea{name, l.T("join." + name), l.T("join." + name + ".hint"), form.Value(name), form.Wrong(name)})
	}
	trades, err := union.Trades(ctx, h.Pool)
	if err != nil {
		return err
	}
	for _, t := range trades {
		page.Trades = append(page.Trades, ReasonChoice{Value: t.Slug, Name: t.Name.In(l, "fr").Words, Checked: form.Value("trade") == t.Slug})
	}
	quarters, err := union.Quarters(ctx, h.Pool)
	if err != nil {
		return err
	}
	for _, q := range quarters {
		page.Quarters = append(page.Quarters, ReasonChoice{Value: q.Slug, Name: q.Name.In(l, "fr").Words, Checked: form.Value("quarter") == q.Slug})
	}
	return h.Site.Render(c, status, "shop/join", page)
}

// createApplication serves POST /{lang}/join.
func (h *Handlers) createApplication(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	err = h.Site.Limits.Allow(c, joinLimit, c.ClientIP())
	if errors.Is(err, web.ErrTooMany) {
		return h.renderJoin(c, http.StatusTooManyRequests, form, l.T(web.ErrTooMany.Key))
	}
	if err != nil {
		return err
	}
	a := membership.Application{Name: form.Value("name"), NameArabic: form.Value("name_ar"), Phone: form.Value("phone"), Email: form.Value("email"),
		Workshop: form.Value("workshop"), RegisterNumber: form.Value("register_number"), Vouchers: form.Value("vouchers"), About: form.Value("about"), Language: l.Code}
	if years := form.Value("years"); years != "" {
		if a.Years, err = strconv.Atoi(lang.WesternDigits(years)); err != nil {
			a.Years = -1
		}
	}
	trades, err := union.Trades(ctx, h.Pool)
	if err != nil {
		return err
	}
	for _, t := range trades {
		if t.Slug == form.Value("trade") {
			a.Trade = t.ID
		}
	}
	quarters, err := union.Quarters(ctx, h.Pool)
	if err != nil {
		return err
	}
	for _, q := range quarters {
		if q.Slug == form.Value("quarter") {
			a.Quarter = q.ID
		}
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return membership.Apply(ctx, tx, a, form.Value("consent") != "", h.Site.Now())
	})
	if form.Take(err) {
		return h.renderJoin(c, http.StatusUnprocessableEntity, form, "")
	}
	if err != nil {
		return err
	}
	web.Redirect(c, web.Path(c, "/join?sent=1"))
	return nil
}
