package studio

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// steps are the questions of listing a piece, one a screen.
var steps = []string{"photos", "what", "price", "count", "size", "made", "words", "look"}

// stepIcons give each question its picture.
var stepIcons = map[string]string{"photos": "camera", "what": "shop", "price": "coin", "count": "count", "size": "ruler",
	"made": "hand", "words": "words", "look": "send"}

// StepPage is studio/step: one question about a piece.
type StepPage struct {
	web.Page
	Step    string
	Steps   []StepMark
	Asks    string
	More    string
	Action  string
	Back    string // the step before, empty on the first
	Version int
	Wrong   string // what is wrong, where no field is to blame

	Photos    []PhotoSlot
	Room      int // for so many more photos
	Kinds     []Chip
	Price     web.Field
	Receives  string
	ShareBP   int
	Supply    string
	Count     web.Field
	LeadDays  web.Field
	Length    web.Field
	Width     web.Field
	Height    web.Field
	Weight    web.Field
	Postage   string
	Materials ChipSet
	Technique ChipSet
	Title     web.Field
	Words     string
	WordsLang string
	Preview   Preview
	Missing   string
	MissingAt string
}

// StepMark is a step on the bar that shows how far one is.
type StepMark struct {
	Name, Icon, Path string
	Done, Current    bool
}

// PhotoSlot is a photo of the draft.
type PhotoSlot struct {
	Number int
	Photo  web.Picture
	Said   string // what is wrong with it, or that it is being made
	Failed bool
	First  bool
	Last   bool
}

// Chip is something to choose.
type Chip struct {
	Value   string
	Name    lang.Text
	Checked bool
}

// ChipSet is a vocabulary, the usual words of the trade before the rest.
type ChipSet struct{ Usual, More []Chip }

// Preview is the piece as a buyer will see it.
type Preview struct {
	Photo web.Picture
	Title lang.Text
	Price money.Amount
	Count string
	Size  string
	Share money.Amount
}

// createDraft serves POST /studio/drafts.
func (h *Handlers) createDraft(c *gin.Context, _ identity.Account, a union.Artisan) error {
	var token string
	err := postgres.InTx(c.Request.Context(), h.Pool, func(tx pgx.Tx) (err error) {
		token, err = catalog.Begin(c.Request.Context(), tx, a.ID, web.Language(c).Code)
		return err
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/drafts/"+token+"/photos")
	return nil
}

// showStep serves GET /studio/drafts/:token/:step.
func (h *Handlers) showStep(c *gin.Context, _ identity.Account, a union.Artisan) error {
	d, err := h.draft(c, a)
	if err != nil {
		return err
	}
	page, err := h.newStepPage(c, a, d, web.EmptyForm(c))
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "studio/step", page)
}

// draft returns the draft of an address; one that was sent is no longer one.
func (h *Handlers) draft(c *gin.Context, a union.Artisan) (catalog.Draft, error) {
	if !slices.Contains(steps, c.Param("step")) {
		return catalog.Draft{}, web.ErrNoPage
	}
	d, err := catalog.DraftOf(c.Request.Context(), h.Pool, a.ID, c.Param("token"))
	if err == nil && d.Submitted {
		return catalog.Draft{}, catalog.ErrNoDraft
	}
	return d, err
}

func (h *Handlers) newStepPage(c *gin.Context, a union.Artisan, d catalog.Draft, form *web.Form) (*StepPage, error) {
	l, step := web.Language(c), c.Param("step")
	at := slices.Index(steps, step)
	base := "/studio/drafts/" + d.Token + "/"
	page := &StepPage{Page: h.page(c, "pieces", l.T("studio.step."+step)), Step: step, Asks: l.T("studio.step." + step),
		More: l.T("studio.step." + step + ".more"), Action: base + step, Version: d.Version}
	for i, s := range steps {
		page.Steps = append(page.Steps, StepMark{l.T("studio.bar." + s), stepIcons[s], base + s, i < at, i == at})
	}
	if at > 0 {
		page.Back = base + steps[at-1]
	}
	if !form.Sent {
		fillStep(form, d.Body)
	}
	fill := map[string]func(*gin.Context, union.Artisan, catalog.Draft, *StepPage, *web.Form) error{
		"photos": h.fillPhotos, "what": h.fillKinds, "price": h.fillPrice, "count": h.fillCount, "size": h.fillSize,
		"made": h.fillMade, "words": h.fillWords, "look": h.fillLook}
	return page, fill[step](c, a, d, page, form)
}

// fillStep writes what is known into a form that nobody has typed into.
func fillStep(form *web.Form, b catalog.Body) {
	number := func(n, unit int) string {
		if n == 0 {
			return ""
		}
		return strings.TrimSuffix(strconv.FormatFloat(float64(n)/float64(unit), 'f', 1, 64), ".0")
	}
	form.Set("price", number(int(b.Price), 100))
	form.Set("count", number(b.Count, 1))
	form.Set("lead_days", number(b.LeadDays, 1))
	form.Set("length", number(b.Length, 10))
	form.Set("width", number(b.Width, 10))
	form.Set("height", number(b.Height, 10))
	form.Set("weight", number(b.Weight, 1))
	form.Set("title", b.Title)
	form.Set("words", b.Words)
	form.Set("supply", string(b.Supply))
	form.Set("kind", b.Kind)
}

func (h *Handlers) fillPhotos(c *gin.Context, _ union.Artisan, d catalog.Draft, page *StepPage, _ *web.Form) error {
	l := web.Language(c)
	pictures, err := web.ReadPictures(c.Request.Context(), h.Pool, d.Body.Photos...)
	if err != nil {
		return err
	}
	for i, id := range d.Body.Photos {
		slot := PhotoSlot{Number: i + 1, Photo: pictures.Make(id, "", l.T("studio.photo_number", i+1), "45vw", false), First: i == 0, Last: i == len(d.Body.Photos)-1}
		switch p := pictures[id]; p.State {
		case media.Failed:
			slot.Said, slot.Failed = l.T(p.Fault), true
		case media.Waiting:
			slot.Said = l.T("picture.coming")
		}
		page.Photos = append(page.Photos, slot)
	}
	page.Room = catalog.MostPhotos - len(d.Body.Photos)
	return nil
}

func (h *Handlers) fillKinds(c *gin.Context, a union.Artisan, _ catalog.Draft, page *StepPage, form *web.Form) error {
	kinds, err := catalog.KindsOf(c.Request.Context(), h.Pool, a.Trade)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		page.Kinds = append(page.Kinds, Chip{k.Slug, k.Name.In(web.Language(c), "fr"), k.Slug == form.Value("kind")})
	}
	page.Wrong = form.Wrong("kind")
	return nil
}

func digits(mode string) func(*web.Field) {
	return func(f *web.Field) { f.InputMode, f.Dir, f.MaxLength = mode, "ltr", 12 }
}

func (h *Handlers) fillPrice(c *gin.Context, _ union.Artisan, d catalog.Draft, page *StepPage, form *web.Form) error {
	profile, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return err
	}
	page.Price = form.Field("studio", "price", "off", digits("decimal"))
	page.ShareBP = 10_000 - profile.CommissionBP
	if d.Body.Price > 0 {
		_, rest := money.Centimes(d.Body.Price).Share(profile.CommissionBP)
		page.Receives = web.Language(c).Money(rest)
	}
	return nil
}

func (h *Handlers) fillCount(_ *gin.Context, _ union.Artisan, _ catalog.Draft, page *StepPage, form *web.Form) error {
	page.Supply = form.Value("supply")
	if page.Supply == "" {
		page.Supply = string(catalog.OneOfAKind) // Most pieces are.
	}
	page.Count = form.Field("studio", "count", "off", digits("numeric"))
	page.LeadDays = form.Field("studio", "lead_days", "off", digits("numeric"))
	page.Wrong = form.Wrong("supply")
	return nil
}

// postageCountry is for which country the studio shows what postage comes to:
// most parcels go there.
const postageCountry = "FR"

func (h *Handlers) fillSize(c *gin.Context, _ union.Artisan, d catalog.Draft, page *StepPage, form *web.Form) error {
	l := web.Language(c)
	page.Length = form.Field("studio", "length", "off", digits("decimal"))
	page.Width = form.Field("studio", "width", "off", digits("decimal"))
	page.Height = form.Field("studio", "height", "off", digits("decimal"))
	page.Weight = form.Field("studio", "weight", "off", digits("numeric"))
	if d.Body.Weight == 0 {
		return nil
	}
	zones, countries, err := shipping.Zones(c.Request.Context(), h.Pool)
	if err != nil {
		return err
	}
	for _, k := range countries {
		for _, z := range zones {
			if k.Code != postageCountry || z.Slug != k.Zone {
				continue
			}
			price, err := z.Postage(d.Body.PackedWeight(), money.Centimes(0))
			if errors.Is(err, shipping.ErrTooHeavy) {
				page.Postage = l.T("checkout.too_heavy")
				return nil
			}
			if err != nil {
				return err
			}
			page.Postage = l.T("studio.postage", l.Country(postageCountry), price)
		}
	}
	return nil
}

func (h *Handlers) fillMade(c *gin.Context, a union.Artisan, d catalog.Draft, page *StepPage, _ *web.Form) error {
	for vocabulary, set := range map[string]struct {
		into   *ChipSet
		chosen []string
	}{"material": {&page.Materials, d.Body.Materials}, "technique": {&page.Technique, d.Body.Techniques}} {
		terms, usual, err := catalog.TermsOf(c.Request.Context(), h.Pool, vocabulary, a.Trade)
		if err != nil {
			return err
		}
		for i, t := range terms {
			chip := Chip{t.Slug, t.Name.In(web.Language(c), "fr"), slices.Contains(set.chosen, t.Slug)}
			if i < usual || chip.Checked {
				set.into.Usual = append(set.into.Usual, chip)
			} else {
				set.into.More = append(set.into.More, chip)
			}
		}
	}
	return nil
}

func (h *Handlers) fillWords(_ *gin.Context, _ union.Artisan, d catalog.Draft, page *StepPage, form *web.Form) error {
	page.Title = form.Field("studio", "title", "off", func(f *web.Field) { f.MaxLength = 80 })
	page.Words, page.WordsLang = form.Value("words"), d.Body.Language
	page.Wrong = form.Wrong("words")
	return nil
}

func (h *Handlers) fillLook(c *gin.Context, a union.Artisan, d catalog.Draft, page *StepPage, _ *web.Form) error {
	l, b := web.Language(c), d.Body
	profile, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return err
	}
	if missing := b.Missing(); missing != "" {
		page.Missing = l.T("studio.missing." + missing)
		page.MissingAt = "/studio/drafts/" + d.Token + "/" + missing
	}
	pictures, err := web.ReadPictures(c.Request.Context(), h.Pool, b.Photos...)
	if err != nil {
		return err
	}
	if len(b.Photos) > 0 {
		page.Preview.Photo = pictures.Make(b.Photos[0], "product-card__photo", "", "20rem", false)
	}
	page.Preview.Title = lang.Text{Words: b.Title, Lang: b.Language, Dir: lang.Or(b.Language).Dir}
	if b.Title == "" {
		kinds, err := catalog.KindsOf(c.Request.Context(), h.Pool, a.Trade)
		if err != nil {
			return err
		}
		for _, k := range kinds {
			if k.Slug == b.Kind {
				page.Preview.Title = k.Name.In(l, "fr")
			}
		}
	}
	page.Preview.Price = money.Centimes(b.Price)
	_, page.Preview.Share = page.Preview.Price.Share(profile.CommissionBP)
	switch b.Supply {
	case catalog.InStock:
		page.Preview.Count = l.T("list.pieces", b.Count)
	case catalog.ToOrder:
		page.Preview.Count = l.T("card.made", b.LeadDays)
	case catalog.OneOfAKind:
		page.Preview.Count = l.T("studio.supply.one")
	}
	var size []string
	for _, mm := range []int{b.Length, b.Width, b.Height} {
		if mm > 0 {
			size = append(size, l.Centimetres(mm))
		}
	}
	if len(size) > 0 {
		page.Preview.Size = strings.Join(size, " × ") + " cm"
	}
	return nil
}

// saveStep serves POST /studio/drafts/:token/:step. What was typed is kept
// whatever happens; a step that is right leads on to the next.
func (h *Handlers) saveStep(c *gin.Context, _ identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	d, err := h.draft(c, a)
	if err != nil {
		return err
	}
	step := c.Param("step")
	if step == "photos" {
		return h.savePhotos(c, a, d)
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if step == "look" {
		err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
			return catalog.Submit(ctx, tx, a, d.Token, h.Site.Now())
		})
		if errors.Is(err, catalog.ErrIncomplete) {
			web.Redirect(c, "/studio/drafts/"+d.Token+"/look")
			return nil
		}
		if err != nil {
			return err
		}
		web.Redirect(c, "/studio/pieces?sent=1")
		return nil
	}
	if version, err := strconv.Atoi(form.Value("version")); err == nil {
		d.Version = version // That which this phone saw.
	}
	if form.Take(readStep(c, step, form, &d.Body)) {
		page, err := h.newStepPage(c, a, d, form)
		if err != nil {
			return err
		}
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/step", page)
	}
	if err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return catalog.Save(ctx, tx, d) }); err != nil {
		return err
	}
	web.Redirect(c, "/studio/drafts/"+d.Token+"/"+steps[slices.Index(steps, step)+1])
	return nil
}

// readStep reads one step's form into a body, with every fault beside its
// field.
func readStep(c *gin.Context, step string, form *web.Form, b *catalog.Body) error {
	var f fault.Form
	whole := func(field string, most int, needed bool) int {
		typed := form.Value(field)
		if typed == "" {
			if needed {
				f.Wrong(field, "studio.count_unread")
			}
			return 0
		}
		n, err := money.Parse(typed) // Digits are digits, of any script.
		switch {
		case err != nil || n.Minor%100 != 0 || needed && n.Minor == 0:
			f.Wrong(field, "studio.count_unread")
		case n.Minor/100 > int64(most):
			f.Wrong(field, "studio.count_wrong", most)
		}
		return int(n.Minor / 100)
	}
	millimetres := func(field string) int {
		typed := form.Value(field)
		if typed == "" {
			return 0
		}
		n, err := money.Parse(typed)
		switch {
		case err != nil:
			f.Wrong(field, "studio.size_unread")
		case n.Minor > 1000_00:
			f.Wrong(field, "studio.size_wrong")
		}
		return int(n.Minor / 10)
	}
	switch step {
	case "what":
		b.Kind = form.Value("kind")
		if !catalog.IsSlug(b.Kind) {
			f.Wrong("kind", "studio.missing.what")
		}
	case "price":
		price, err := money.Parse(form.Value("price"))
		switch {
		case err != nil:
			f.Wrong("price", "studio.price_unread")
		case price.Minor < 100 || price.Minor > catalog.MostPrice:
			f.Wrong("price", "studio.price_wrong", money.Centimes(catalog.MostPrice))
		}
		b.Price = price.Minor
	case "count":
		b.Supply, b.Count, b.LeadDays = catalog.Supply(form.Value("supply")), 0, 0
		switch b.Supply {
		case catalog.OneOfAKind:
		case catalog.InStock:
			b.Count = whole("count", catalog.MostStock, true)
		case catalog.ToOrder:
			b.LeadDays = whole("lead_days", 365, true)
		default:
			f.Wrong("supply", "studio.missing.count")
		}
	case "size":
		b.Length, b.Width, b.Height = millimetres("length"), millimetres("width"), millimetres("height")
		b.Weight = whole("weight", 200_000, true)
	case "made":
		b.Materials, b.Techniques = slugsOf(c, "material"), slugsOf(c, "technique")
	case "words":
		b.Title, b.Words, b.Language = form.Value("title"), form.Value("words"), web.Language(c).Code
		if len([]rune(b.Title)) > 80 {
			f.Wrong("title", "checkout.too_long")
		}
		if len([]rune(b.Words)) > 1500 {
			f.Wrong("words", "checkout.too_long")
		}
	}
	return f.Err()
}

// slugsOf reads chips, of which several may be chosen.
func slugsOf(c *gin.Context, field string) (list []string) {
	for _, v := range c.Request.PostForm[field] {
		if catalog.IsSlug(v) && len(list) < 12 && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// savePhotos adds photos to a draft, or moves or removes one. A photo that
// cannot be used is named with what to do; the others stay.
func (h *Handlers) savePhotos(c *gin.Context, a union.Artisan, d catalog.Draft) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if err := h.Site.Limits.Allow(c, uploadLimit, a.Slug); err != nil {
		return err
	}
	files, err := web.ReadUploads(c, "photo", catalog.MostPhotos)
	if err != nil {
		return err
	}
	first := 1
	if n, err := strconv.Atoi(c.PostForm("number")); err == nil && n >= 1 && n <= catalog.MostPhotos {
		first = n // A script sends the chosen photos one at a time.
	}
	var wrong []string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		wrong = nil
		photos := slices.Clone(d.Body.Photos)
		change, at, _ := strings.Cut(c.PostForm("change"), " ")
		if i, err := strconv.Atoi(at); err == nil && i >= 1 && i <= len(photos) {
			switch {
			case change == "remove":
				photos = slices.Delete(photos, i-1, i)
			case change == "earlier" && i > 1:
				photos[i-2], photos[i-1] = photos[i-1], photos[i-2]
			}
		}
		for n, file := range files {
			if len(photos) == catalog.MostPhotos {
				wrong = append(wrong, l.T("studio.photos_full", catalog.MostPhotos))
				break
			}
			id, err := h.takePhoto(c, tx, a, file)
			if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
				wrong = append(wrong, l.T("studio.photo_wrong", first+n, l.T(f.Key, f.Args...)))
				continue
			}
			if err != nil {
				return err
			}
			if !slices.Contains(photos, id) { // The same photo twice is one.
				photos = append(photos, id)
			}
		}
		d.Body.Photos = photos
		return catalog.Save(ctx, tx, d)
	})
	if err != nil {
		return err
	}
	if web.WantsJSON(c) {
		if len(wrong) > 0 {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"fault": strings.Join(wrong, " ")})
		} else {
			c.JSON(http.StatusOK, gin.H{})
		}
		return nil
	}
	if len(wrong) > 0 {
		d.Version++
		page, err := h.newStepPage(c, a, d, web.EmptyForm(c))
		if err != nil {
			return err
		}
		page.Wrong = strings.Join(wrong, " ")
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/step", page)
	}
	next := "photos"
	if c.PostForm("on") != "" {
		next = "what"
	}
	web.Redirect(c, "/studio/drafts/"+d.Token+"/"+next)
	return nil
}

func (h *Handlers) takePhoto(c *gin.Context, tx pgx.Tx, a union.Artisan, file web.Upload) (id media.PictureID, err error) {
	r, err := file.Open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	// A savepoint, since a photo that is refused must not take the others along.
	err = pgx.BeginFunc(c.Request.Context(), tx, func(sp pgx.Tx) (err error) {
		if id, err = h.Media.Take(c.Request.Context(), sp, a.Slug, r); err != nil {
			return err
		}
		return h.Media.Queue(c.Request.Context(), sp, id, 1)
	})
	return id, err
}
