package admin

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/settings"
	"kissaria.ma/internal/web"
)

const translationsPath = "/admin/translations"

// perTranslations is how many texts a translator sees at once.
const perTranslations = 20

// TranslationsPage is admin/translations: what is missing in a language or older
// there than its source, with the source beside it.
type TranslationsPage struct {
	web.Page
	Languages []TodoLink
	To        string
	ToName    string
	ToDir     string
	Said      string
	Problem   string
	Left      int // besides those on the page
	Texts     []TranslationRow
}

// TranslationRow is one text to be translated.
type TranslationRow struct {
	Index     int
	Kind      string
	Ref, Path string
	Seen      int
	KindName  string
	Record    lang.Text
	Field     string
	Source    lang.Text
	Stale     bool
	Words     string
	Wrong     string
	Most      int
	Lines     int
	Link      string // to the record; empty for those who may not change it
}

// todoLinks leads to each language's list; current is that which is shown.
func todoLinks(counts map[string]int, current string) (list []TodoLink) {
	for _, l := range lang.All {
		list = append(list, TodoLink{translationsPath + "?to=" + l.Code, l.Name, counts[l.Code], l.Code == current})
	}
	return list
}

// listTranslations serves GET /admin/translations.
func (h *Handlers) listTranslations(c *gin.Context, a identity.Account) error {
	return h.renderTranslations(c, a, http.StatusOK, c.Query("to"), nil, "")
}

func (h *Handlers) renderTranslations(c *gin.Context, a identity.Account, status int, to string, form *web.Form, problem string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	into, err := lang.ByCode(to)
	if err != nil {
		into = l
	}
	page := &TranslationsPage{Page: h.page(c, a, l.T("translations.title")), To: into.Code, ToName: into.Name, ToDir: into.Dir, Problem: problem}
	page.Section = "translations"
	list, counts, err := settings.Todo(ctx, h.Pool, into.Code, perTranslations)
	if err != nil {
		return err
	}
	page.Languages = todoLinks(counts, into.Code)
	page.Left = max(counts[into.Code]-len(list), 0)
	if n, err := strconv.Atoi(c.Query("kept")); err == nil && n > 0 && n <= perTranslations {
		page.Said = l.T("translations.kept", n)
	}
	for i, u := range list {
		row := TranslationRow{Index: i, Kind: u.Kind.Name, Ref: u.Ref, Path: u.Path, Seen: u.Seen, KindName: l.T("settings.kind." + u.Kind.Name),
			Record: recordName(l, u.Kind, settings.Record{Ref: u.Ref, Name: u.Name}), Field: l.T("settings.field." + u.Field.Key),
			Source: lang.Text{Words: u.Texts[u.Source], Lang: u.Source, Dir: lang.Or(u.Source).Dir}, Stale: !u.Stale.IsZero(), Words: u.Texts[into.Code],
			Most: 200, Lines: 1}
		if u.Field.Most > 0 {
			row.Most = int(u.Field.Most)
		} else if u.Field.Input == settings.Prose {
			row.Most = 3000
		}
		if u.Field.Input == settings.Prose || len(row.Source.Words) > 90 {
			row.Lines = min(3+len(row.Source.Words)/90, 12)
		}
		switch {
		case u.Kind.Name == "piece":
			row.Link = "/" + l.Code + "/products/" + u.Ref
		case u.Kind.Name == "story_of":
			row.Link = "/" + l.Code + "/artisans/" + u.Ref
		case a.May(identity.KeepSettings):
			row.Link = settingPath(u.Kind, u.Ref)
		}
		if form != nil {
			h.typedTranslation(form, &row)
		}
		page.Texts = append(page.Texts, row)
	}
	return h.Site.Render(c, status, "admin/translations", page)
}

// typedTranslation fills in what was typed for a text and could not be kept.
// Meanwhile others may have left the list, so that it is found by its name.
func (h *Handlers) typedTranslation(form *web.Form, row *TranslationRow) {
	for i := range perTranslations {
		n := strconv.Itoa(i)
		if form.Value("kind"+n) == row.Kind && form.Value("ref"+n) == row.Ref && form.Value("path"+n) == row.Path {
			row.Words, row.Wrong = form.Value("w"+n), form.Wrong("w"+n)
		}
	}
}

// saveTranslations serves POST /admin/translations: everything that was filled
// in, and the old ones that were ticked as still right.
func (h *Handlers) saveTranslations(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadLongForm(c)
	if err != nil {
		return err
	}
	to, err := lang.ByCode(form.Value("to"))
	if err != nil {
		return web.ErrMalformed
	}
	var list []settings.Translation
	var at []int
	for i := range perTranslations {
		n := strconv.Itoa(i)
		words := form.Value("w" + n)
		same := words == strings.TrimSpace(strings.ReplaceAll(form.Value("was"+n), "\r\n", "\n"))
		if form.Value("kind"+n) == "" || words == "" || same && form.Value("right"+n) == "" {
			continue
		}
		seen, err := strconv.Atoi(form.Value("seen" + n))
		if err != nil {
			return web.ErrMalformed
		}
		list = append(list, settings.Translation{Kind: form.Value("kind" + n), Ref: form.Value("ref" + n), Path: form.Value("path" + n), Seen: seen, Words: words})
		at = append(at, i)
	}
	n := 0
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		n, err = settings.Translate(ctx, tx, to.Code, list, at, a.ID, h.Site.Now())
		return err
	})
	if errors.Is(err, settings.ErrChanged) || errors.Is(err, settings.ErrNoRecord) {
		return h.renderTranslations(c, a, http.StatusConflict, to.Code, form, l.T("translations.changed"))
	}
	if form.Take(err) {
		return h.renderTranslations(c, a, http.StatusUnprocessableEntity, to.Code, form, "")
	}
	if err != nil {
		return err
	}
	web.Redirect(c, translationsPath+"?to="+to.Code+"&kept="+strconv.Itoa(n))
	return nil
}

// PostageTable shows what every zone asks for every weight that any of them has,
// so that a hole and a step down can be seen.
type PostageTable struct {
	Weights []int // grams
	Zones   []PostageRow
	Nowhere []string // countries that parcels do not go to, at most twenty of them
	More    int      // such countries besides
}

// PostageRow is a zone's prices.
type PostageRow struct {
	Path, Name string
	Prices     []PostagePrice
}

// PostagePrice is what a weight costs in a zone.
type PostagePrice struct {
	Price string
	Own   bool // a band of the zone itself, and not the next heavier one
	Gap   bool // heavier than the zone takes: such parcels are collected
	Down  bool // cheaper than a lighter parcel
}

const mostNowhere = 20

func (h *Handlers) postageTable(c *gin.Context) (*PostageTable, error) {
	l := web.Language(c)
	k, err := settings.ByName("zone")
	if err != nil {
		return nil, err
	}
	zones, err := k.Records(c.Request.Context(), h.Pool)
	if err != nil {
		return nil, err
	}
	t := &PostageTable{}
	there := map[string]bool{}
	for _, z := range zones {
		for _, b := range z.Values.Rows("bands") {
			if g := int(b.Int("up_to")); !slices.Contains(t.Weights, g) {
				t.Weights = append(t.Weights, g)
			}
		}
		for _, code := range z.Values.List("countries") {
			there[strings.ToUpper(code)] = true
		}
	}
	slices.Sort(t.Weights)
	for _, z := range zones {
		row := PostageRow{Path: settingPath(k, z.Ref), Name: z.Name.In(l, "fr").Words}
		for _, g := range t.Weights {
			row.Prices = append(row.Prices, postagePrice(l, z.Values.Rows("bands"), g))
		}
		t.Zones = append(t.Zones, row)
	}
	var nowhere []string
	for _, code := range lang.Countries() {
		if !there[code] {
			nowhere = append(nowhere, l.Country(code))
		}
	}
	nowhere = lang.Sorted(l, nowhere, func(s string) string { return s })
	t.More = max(len(nowhere)-mostNowhere, 0)
	t.Nowhere = nowhere[:len(nowhere)-t.More]
	return t, nil
}

func postagePrice(l *lang.Language, bands []settings.Values, grams int) PostagePrice {
	dearest := int64(0)
	for _, b := range bands { // Ascending by weight.
		if int(b.Int("up_to")) >= grams {
			own := int(b.Int("up_to")) == grams
			return PostagePrice{Price: l.Money(money.Centimes(b.Int("price"))), Own: own, Down: own && b.Int("price") < dearest}
		}
		dearest = max(dearest, b.Int("price"))
	}
	return PostagePrice{Gap: true}
}
