package studio

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// fillStep writes what is known into a form that nobody has typed into.
func fillStep(form *web.Form, b catalog.Body) {
	form.Set("price", typedPrice(b.Price))
	form.Set("count", typed(b.Count, 1))
	form.Set("lead_days", typed(b.LeadDays, 1))
	form.Set("length", typed(b.Length, 10))
	form.Set("width", typed(b.Width, 10))
	form.Set("height", typed(b.Height, 10))
	form.Set("weight", typed(b.Weight, 1))
	form.Set("title", b.Title)
	form.Set("words", b.Words)
	form.Set("supply", string(b.Supply))
	form.Set("kind", b.Kind)
	if b.Second {
		form.Set("second", "1")
	}
	for i, v := range b.Variants {
		n := strconv.Itoa(i + 1)
		form.Set("size"+n, v.Size)
		form.Set("colour"+n, v.Colour)
		form.Set("price"+n, typedPrice(v.Price))
		form.Set("count"+n, typed(v.Count, 1))
	}
}

// typedPrice writes a price of so many centimes as it would be typed: 125, or
// 12,50.
func typedPrice(minor int64) string {
	if minor%100 == 0 {
		return typed(int(minor), 100)
	}
	return strconv.FormatInt(minor/100, 10) + "," + strconv.FormatInt(100+minor%100, 10)[1:]
}

// typed writes a number as it would be typed; 0 is one that is not known.
func typed(n, unit int) string {
	if n == 0 {
		return ""
	}
	return strings.TrimSuffix(strconv.FormatFloat(float64(n)/float64(unit), 'f', 1, 64), ".0")
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
	ids := make([]media.PictureID, len(kinds))
	for i, k := range kinds {
		ids[i] = k.Picture
	}
	pictures, err := web.ReadPictures(c.Request.Context(), h.Pool, ids...)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		page.Kinds = append(page.Kinds, KindButton{Chip{k.Slug, k.Name.In(web.Language(c), "fr"), k.Slug == form.Value("kind")},
			pictures.Sign(k.Picture, "kind__photo")})
	}
	page.Wrong = form.Wrong("kind")
	return nil
}

// digits makes a field for a number, with the picture of what is measured.
func digits(mode, icon string) func(*web.Field) {
	return func(f *web.Field) { f.InputMode, f.Dir, f.MaxLength, f.Icon = mode, "ltr", 12, icon }
}

// first has a page's one question ready to be typed into.
func first(f *web.Field) { f.Autofocus = true }

func (h *Handlers) fillPrice(c *gin.Context, a union.Artisan, d catalog.Draft, page *StepPage, form *web.Form) error {
	profile, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return err
	}
	page.Price = form.Field("studio", "price", "off", digits("decimal", "coin"), first)
	commission := profile.CommissionOf(a.Trade, h.Site.Now())
	page.ShareBP = 10_000 - commission
	if d.Body.Price > 0 {
		_, rest := money.Centimes(d.Body.Price).Share(commission)
		page.Receives = web.Language(c).Money(rest)
	}
	return nil
}

func (h *Handlers) fillCount(_ *gin.Context, _ union.Artisan, _ catalog.Draft, page *StepPage, form *web.Form) error {
	page.Supply = form.Value("supply")
	if page.Supply == "" {
		page.Supply = string(catalog.OneOfAKind) // Most pieces are.
	}
	page.Count = form.Field("studio", "count", "off", digits("numeric", "count"))
	page.LeadDays = form.Field("studio", "lead_days", "off", digits("numeric", "clock"))
	page.Second = form.Value("second") != ""
	page.Wrong = form.Wrong("supply")
	return nil
}

// fillVariants shows the sizes and colours there are, and a row for the next.
func (h *Handlers) fillVariants(c *gin.Context, _ union.Artisan, d catalog.Draft, page *StepPage, form *web.Form) error {
	l := web.Language(c)
	colours, _, err := catalog.TermsOf(c.Request.Context(), h.Pool, "colour", 0)
	if err != nil {
		return err
	}
	rows := 2
	for i := 1; i <= catalog.MostVariants; i++ {
		if rowTyped(form, i) {
			rows = max(rows, i)
		}
	}
	if form.Value("more") != "" || !form.Sent && len(d.Body.Variants) > 0 {
		rows = min(rows+1, catalog.MostVariants)
	}
	for i := 1; i <= rows; i++ {
		n := strconv.Itoa(i)
		row := VariantRow{Number: i, Colour: "colour" + n, Colours: []Chip{{Name: lang.Text{Words: l.T("studio.no_colour"), Lang: l.Code, Dir: l.Dir}}},
			Size:  form.FieldOf("studio.variant_size", "size"+n, "off", func(f *web.Field) { f.MaxLength, f.Icon = 40, "ruler" }),
			Price: form.FieldOf("studio.price", "price"+n, "off", digits("decimal", "coin")),
			Count: form.FieldOf("studio.count", "count"+n, "off", digits("numeric", "count"))}
		for _, t := range colours {
			row.Colours = append(row.Colours, Chip{t.Slug, t.Name.In(l, "fr"), t.Slug == form.Value("colour"+n)})
		}
		if !form.Sent && row.Price.Value == "" {
			row.Price.Value = typedPrice(d.Body.Price)
		}
		page.Variants = append(page.Variants, row)
	}
	page.MoreRows = rows < catalog.MostVariants
	page.LeadDays = form.Field("studio", "lead_days", "off", digits("numeric", "clock"))
	page.LeadDays.Hint = l.T("studio.variants.lead_days")
	page.Wrong = form.Wrong("variants")
	return nil
}

// rowTyped reports whether a size or colour was named, or counted.
func rowTyped(form *web.Form, i int) bool {
	n := strconv.Itoa(i)
	return form.Value("size"+n) != "" || form.Value("colour"+n) != "" || form.Value("count"+n) != ""
}

// postageCountry is for which country the studio shows what postage comes to:
// most parcels go there.
const postageCountry = "FR"

func (h *Handlers) fillSize(c *gin.Context, _ union.Artisan, d catalog.Draft, page *StepPage, form *web.Form) error {
	l := web.Language(c)
	page.Length = form.Field("studio", "length", "off", digits("decimal", "length"))
	page.Width = form.Field("studio", "width", "off", digits("decimal", "width"))
	page.Height = form.Field("studio", "height", "off", digits("decimal", "height"))
	page.Weight = form.Field("studio", "weight", "off", digits("numeric", "weight"), first)
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
	page.Title = form.Field("studio", "title", "off", func(f *web.Field) { f.MaxLength, f.Icon = 80, "piece" })
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
	if missing := d.Missing(); missing != "" {
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
	_, page.Preview.Share = page.Preview.Price.Share(profile.CommissionOf(a.Trade, h.Site.Now()))
	switch b.Supply {
	case catalog.InStock:
		page.Preview.Count = l.T("list.pieces", b.Count)
	case catalog.ToOrder:
		page.Preview.Count = l.T("card.made", b.LeadDays)
	case catalog.OneOfAKind:
		page.Preview.Count = l.T("studio.supply.one")
	case catalog.Several:
		page.Preview.Count = l.T("studio.supply.several")
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
	price := func(field string) int64 {
		n, err := money.Parse(form.Value(field))
		switch {
		case err != nil:
			f.Wrong(field, "studio.price_unread")
		case n.Minor < 100 || n.Minor > catalog.MostPrice:
			f.Wrong(field, "studio.price_wrong", money.Centimes(catalog.MostPrice))
		}
		return n.Minor
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
		b.Price = price("price")
	case "count":
		b.Supply, b.Count = catalog.Supply(form.Value("supply")), 0
		b.Second = form.Value("second") != ""
		if b.Supply != catalog.Several {
			b.Variants, b.LeadDays = nil, 0
		}
		switch b.Supply {
		case catalog.OneOfAKind, catalog.Several:
		case catalog.InStock:
			b.Count = whole("count", catalog.MostStock, true)
		case catalog.ToOrder:
			b.LeadDays = whole("lead_days", 365, true)
		default:
			f.Wrong("supply", "studio.missing.count")
		}
	case "variants":
		b.Variants, b.LeadDays = nil, whole("lead_days", 365, false)
		seen := map[[2]string]bool{}
		for i := 1; i <= catalog.MostVariants; i++ {
			if !rowTyped(form, i) {
				continue
			}
			n := strconv.Itoa(i)
			v := catalog.BodyVariant{Size: form.Value("size" + n), Price: price("price" + n), Count: whole("count"+n, catalog.MostStock, false)}
			if colour := form.Value("colour" + n); catalog.IsSlug(colour) {
				v.Colour = colour
			}
			name := [2]string{v.Size, v.Colour}
			switch {
			case name == [2]string{}:
				f.Wrong("size"+n, "studio.variant_unnamed")
			case seen[name]:
				f.Wrong("size"+n, "studio.variant_twice")
			case len([]rune(v.Size)) > 40:
				f.Wrong("size"+n, "checkout.too_long")
			}
			if seen[name] = true; v.Count == 0 && b.LeadDays == 0 {
				f.Wrong("count"+n, "studio.variant_none")
			}
			b.Variants = append(b.Variants, v)
		}
		if len(b.Variants) == 0 {
			f.Wrong("variants", "studio.missing.variants")
		}
	case "size":
		b.Length, b.Width, b.Height = millimetres("length"), millimetres("width"), millimetres("height")
		b.Weight = whole("weight", 200_000, true)
	case "made":
		b.Materials, b.Techniques = slugsOf(c, "material"), slugsOf(c, "technique")
	case "words":
		if title, words := form.Value("title"), form.Value("words"); title != b.Title || words != b.Words {
			b.Title, b.Words, b.Language = title, words, web.Language(c).Code
		}
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
