package admin

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// ImportPage is admin/import: members from a spreadsheet, before anything
// happens.
type ImportPage struct {
	web.Page
	Wrong string
	Most  int // kB of a file

	// What would happen, once a file was sent.
	File   string
	Lines  []ImportLine
	Fresh  int
	Known  int
	Faulty int
	Done   bool
	Action string
}

// ImportLine is a line of the spreadsheet.
type ImportLine struct {
	Number    int
	Name      string
	Trade     string
	Quarter   string
	Phone     string
	KnownPath string // in the register, where they are there already
	Wrong     []string
}

// newImport serves GET /admin/artisans/import.
func (h *Handlers) newImport(c *gin.Context, a identity.Account) error {
	return h.Site.Render(c, http.StatusOK, "admin/import", h.newImportPage(c, a))
}

func (h *Handlers) newImportPage(c *gin.Context, a identity.Account) *ImportPage {
	page := &ImportPage{Page: h.page(c, a, web.Language(c).T("admin.import")), Most: union.MostRollBytes >> 10}
	page.Section = "artisans"
	return page
}

// sendPattern serves GET /admin/artisans/import.csv: the columns, with one line
// to show how they are filled in.
func (h *Handlers) sendPattern(c *gin.Context, _ identity.Account) error {
	head := make([]string, len(union.RollColumns))
	for i, column := range union.RollColumns {
		head[i] = string(column)
	}
	trades, err := union.Trades(c.Request.Context(), h.Pool)
	if err != nil {
		return err
	}
	quarters, err := union.Quarters(c.Request.Context(), h.Pool)
	if err != nil {
		return err
	}
	var example [][]string
	if len(trades) > 0 && len(quarters) > 0 {
		example = [][]string{{"Amina Example", "أمينة مثال", trades[0].Slug, quarters[0].Slug, "0600 00 00 00", "", "ar fr", "", "12", "2026-01-31"}}
	}
	return h.Site.SendCSV(c, "members-pattern.csv", head, example)
}

// createImport serves POST /admin/artisans/import. Nothing happens yet but that
// the file is kept, for the page that says what would.
func (h *Handlers) createImport(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	name, content, err := readFile(c, "file", union.MostRollBytes)
	if err == nil {
		_, err = union.ReadRoll(ctx, h.Pool, content, h.Site.Now())
	}
	if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
		page := h.newImportPage(c, a)
		page.Wrong = web.Language(c).T(f.Key, f.Args...)
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/import", page)
	}
	if err != nil {
		return err
	}
	var token string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		token, err = union.KeepRoll(ctx, tx, name, content, a.ID, h.Site.Now())
		return err
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/artisans/imports/"+token)
	return nil
}

// readFile reads the file of a form, at most so many bytes and one more.
func readFile(c *gin.Context, field string, most int64) (name string, content []byte, err error) {
	file, err := web.ReadUpload(c, field)
	if err != nil {
		return "", nil, err
	}
	if file == nil {
		return "", nil, union.ErrNoRoll
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if content, err = io.ReadAll(io.LimitReader(file, most+1)); err != nil {
		return "", nil, web.ErrMalformed
	}
	return c.Request.MultipartForm.File[field][0].Filename, content, nil
}

// showImport serves GET /admin/artisans/imports/:token.
func (h *Handlers) showImport(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	name, content, done, err := union.KeptRoll(ctx, h.Pool, c.Param("token"), a.ID)
	if err != nil {
		return err
	}
	roll, err := union.ReadRoll(ctx, h.Pool, content, h.Site.Now())
	if err != nil {
		return err
	}
	page := h.newImportPage(c, a)
	page.File, page.Done, page.Fresh, page.Faulty, page.Known = name, done, roll.Fresh(), roll.Faulty(), 0
	for _, line := range roll.Lines {
		v := ImportLine{Number: line.Number, Name: line.Artisan.Name, Trade: line.Artisan.TradeName.In(l, "fr").Words,
			Quarter: line.Artisan.QuarterName.In(l, "fr").Words, Phone: line.Artisan.Phone}
		if line.Known != "" {
			v.KnownPath = "/admin/artisans/" + line.Known
			page.Known++
		}
		for _, w := range line.Wrong {
			v.Wrong = append(v.Wrong, l.T("roll.at", string(w.Column), l.T(w.Key, w.Args...)))
		}
		page.Lines = append(page.Lines, v)
	}
	if page.Faulty == 0 && page.Fresh > 0 && !done {
		page.Action = "/admin/artisans/imports/" + c.Param("token")
	}
	return h.Site.Render(c, http.StatusOK, "admin/import", page)
}

// confirmImport serves POST /admin/artisans/imports/:token.
func (h *Handlers) confirmImport(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		_, err := union.ImportRoll(ctx, tx, c.Param("token"), a.ID, h.Site.Now())
		return err
	})
	if errors.Is(err, union.ErrRollFaulty) { // The register changed meanwhile: the page says where.
		web.Redirect(c, "/admin/artisans/imports/"+c.Param("token"))
		return nil
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/artisans?state="+string(union.Invited)+"&imported=1")
	return nil
}

// mostExported bounds an export of the register.
const mostExported = 20_000

// sendRegister serves GET /admin/artisans.csv: the register as it is narrowed.
func (h *Handlers) sendRegister(c *gin.Context, a identity.Account) error {
	l := web.Language(c)
	f := registerFilter(c)
	f.Limit, f.After = mostExported, ""
	list, _, err := union.Register(c.Request.Context(), h.Pool, f)
	if err != nil {
		return err
	}
	head := []string{string(union.RollName), string(union.RollNameAr), string(union.RollTrade), string(union.RollQuarter), string(union.RollPhone),
		string(union.RollEmail), string(union.RollSpeaks), string(union.RollRegister), string(union.RollYears), string(union.RollJoined), "state", "slug"}
	rows := make([][]string, len(list))
	for i, m := range list {
		rows[i] = []string{m.Name, m.NameArabic, m.TradeName.In(l, "fr").Words, m.QuarterName.In(l, "fr").Words, m.Phone, m.Email,
			strings.Join(m.Speaks, " "), m.RegisterNumber, strconv.Itoa(m.YearsOfCraft), m.Joined.Format(time.DateOnly),
			l.T("artisan.state." + string(m.State)), m.Slug}
	}
	err = postgres.InTx(c.Request.Context(), h.Pool, func(tx pgx.Tx) error {
		return identity.Record(c.Request.Context(), tx, identity.Entry{By: a.ID, Action: "artisans.exported", Subject: "register",
			After: map[string]int{"members": len(list)}})
	})
	if err != nil {
		return err
	}
	return h.Site.SendCSV(c, "members.csv", head, rows)
}
