package studio

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// StatementPage is studio/statement: a year with the union, as the ledger has
// it, to be printed.
type StatementPage struct {
	web.Page
	Year   int
	Name   lang.Text
	Before money.Amount // owed when the year began
	Lines  []StatementLine
	After  money.Amount // owed at its end, or now
	Now    time.Time
	Others []web.Link // other years
}

// StatementLine is a line of a statement, seen from the artisan's side: what
// the union comes to owe is above zero.
type StatementLine struct {
	At     time.Time
	Number string
	What   string
	Amount money.Amount
	Owed   money.Amount
}

// showStatement serves GET /studio/money/:year.
func (h *Handlers) showStatement(c *gin.Context, _ identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	now := h.Site.Now().In(profile.Location)
	year, err := strconv.Atoi(c.Param("year"))
	if err != nil || year > now.Year() || year < min(a.Joined.Year(), now.Year()) {
		return web.ErrNoPage
	}
	from := time.Date(year, time.January, 1, 0, 0, 0, 0, profile.Location)
	before, lines, err := ledger.Statement(ctx, h.Pool, ledger.Artisan(a.Slug), from, from.AddDate(1, 0, 0))
	if err != nil {
		return err
	}
	name, _ := a.NameIn(l)
	title := l.T("studio.statement", strconv.Itoa(year))
	page := &StatementPage{Page: h.page(c, "money", title), Year: year, Name: name, Before: before.Negated(), After: before.Negated(), Now: now}
	for _, line := range lines {
		page.After = line.Balance.Negated()
		page.Lines = append(page.Lines, StatementLine{At: line.At.In(profile.Location), Number: line.Reference,
			What: l.T("ledger." + string(line.Kind)), Amount: line.Amount.Negated(), Owed: page.After})
	}
	for y := now.Year(); y >= a.Joined.Year() && y > now.Year()-10; y-- {
		if y != year {
			page.Others = append(page.Others, web.Link{Name: strconv.Itoa(y), Path: "/studio/money/" + strconv.Itoa(y)})
		}
	}
	return h.Site.Render(c, http.StatusOK, "studio/statement", page)
}
