package shop

import (
	"errors"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/cart"
	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/web"
)

// CheckoutPage is shop/checkout.
type CheckoutPage struct {
	web.Page
	Lines      []CartLine
	Groups     []MakerGroup
	Pieces     int
	Makers     int
	Name       web.Field
	Email      web.Field
	Phone      web.Field
	Address    []web.Field // the country's own, in its own order
	Country    string
	Countries  []CountryChoice
	CountryBad string
	Ways       []Way
	WayBad     string
	Methods    []Way
	MethodBad  string
	Posted     bool // the chosen way needs an address
	Summary    Summary
	Agreed     int64
	HoldFor    int // minutes
	Withdrawal int
	Said       string // what has changed meanwhile
	CartPath   string
	Terms      string
	Action     string
	Customs    bool
	Demo       bool
}

// MakerGroup is what one artisan sends.
type MakerGroup struct {
	Maker lang.Text
	Lines []CartLine
}

// CountryChoice is a country of the list.
type CountryChoice struct {
	Code, Name string
	Selected   bool
}

// Way is a way for the pieces to reach the buyer.
type Way struct {
	Value   string
	Name    string
	More    string
	Price   money.Amount
	Free    bool
	Checked bool
	None    bool // cannot be chosen; More says why
	Icon    string
}

var checkoutLimit = web.Limit{Name: "checkout", Times: 30, In: 10 * minute}

// newOrder serves GET /{lang}/checkout.
func (h *Handlers) newOrder(c *gin.Context) error {
	k, err := h.readCart(c)
	if err != nil {
		return err
	}
	if len(k.Lines) == 0 {
		web.Redirect(c, web.Path(c, "/cart"))
		return nil
	}
	form := web.EmptyForm(c)
	form.Set("country", homeCountry(c))
	if v := c.Query("country"); v != "" {
		form.Set("country", v)
	}
	page, _, err := h.newCheckoutPage(c, k, form)
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "shop/checkout", page)
}

// homeCountry guesses where a visitor lives from the browser's language, such
// as es-ES. Nobody is tracked for it, and it is only the list's first choice.
func homeCountry(c *gin.Context) string {
	for part := range strings.SplitSeq(c.GetHeader("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		if _, region, ok := strings.Cut(tag, "-"); ok && len(region) == 2 {
			return strings.ToUpper(region)
		}
	}
	return map[string]string{"fr": "FR", "es": "ES", "ar": "MA"}[web.Language(c).Code]
}

func (h *Handlers) newCheckoutPage(c *gin.Context, k cart.Cart, form *web.Form) (*CheckoutPage, checkout.Quote, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return nil, checkout.Quote{}, err
	}
	_, countries, err := shipping.Zones(ctx, h.Pool)
	if err != nil {
		return nil, checkout.Quote{}, err
	}
	country := form.Value("country")
	known := slices.ContainsFunc(countries, func(v shipping.Country) bool { return v.Code == country })
	if !known && !form.Sent {
		country = ""
	}
	q, err := checkout.Read(ctx, h.Pool, checkout.Ask{Lines: k.Lines, Country: country, Now: h.Site.Now()})
	if err != nil {
		return nil, checkout.Quote{}, err
	}
	page := &CheckoutPage{Page: h.Site.Page(c, l.T("checkout.title")), Pieces: k.Count(), CartPath: web.Path(c, "/cart"),
		Terms: web.Path(c, "/union"), Action: web.Path(c, "/checkout"), HoldFor: int(profile.Hold / time.Minute),
		Withdrawal: profile.WithdrawalDays, Demo: h.Site.Demo, Country: country, Customs: country != "" && country != "MA"}
	page.NoIndex, page.Section = true, "cart"
	for _, q := range profile.FAQ {
		if q.Topic == "returns" {
			page.Terms = web.Path(c, "/help/"+q.Slug)
			break
		}
	}
	if page.Lines, page.Makers, err = h.cartLines(c, q); err != nil {
		return nil, checkout.Quote{}, err
	}
	page.Groups = groupLines(page.Lines)
	ltr := func(f *web.Field) { f.Dir = "ltr" }
	required := func(f *web.Field) { f.Required = true }
	half := func(f *web.Field) { f.Class = "field--half" }
	page.Name = form.Field("checkout", "name", "name", required)
	page.Email = form.Field("checkout", "email", "email", required, ltr, half, func(f *web.Field) { f.Type = "email" })
	page.Phone = form.Field("checkout", "phone", "tel", required, ltr, half, func(f *web.Field) { f.Type = "tel" })
	page.Address = addressFields(form, country)
	for _, v := range countries {
		page.Countries = append(page.Countries, CountryChoice{v.Code, l.Country(v.Code), v.Code == country})
	}
	lang.Sorted(l, page.Countries, func(v CountryChoice) string { return v.Name })
	page.CountryBad, page.WayBad = form.Wrong("country"), form.Wrong("delivery")

	chosen := order.Delivery(form.Value("delivery"))
	if chosen != order.Collect && (chosen != order.Post || q.Post == nil) {
		chosen = order.Post
		if q.Post == nil && q.NoPost != checkout.NoCountry {
			chosen = order.Collect
		}
	}
	page.ways(l, q, chosen)
	page.Posted = chosen == order.Post
	page.methods(l, order.Method(form.Value("method")), profile.CashHold)
	page.MethodBad = form.Wrong("method")
	way, to := &q.Collect, ""
	if chosen == order.Post {
		way, to = q.Post, country
	}
	page.Summary = h.summary(c, q, way, to)
	if way != nil {
		page.Agreed = q.Pieces.Plus(way.Price).Minor
	}
	if q.Troubled {
		page.Said = l.T("checkout.troubled")
	}
	return page, q, nil
}

func groupLines(lines []CartLine) (groups []MakerGroup) {
	for _, line := range lines {
		if n := len(groups); n > 0 && groups[n-1].Maker == line.Maker {
			groups[n-1].Lines = append(groups[n-1].Lines, line)
			continue
		}
		groups = append(groups, MakerGroup{line.Maker, []CartLine{line}})
	}
	return groups
}

func (page *CheckoutPage) ways(l *lang.Language, q checkout.Quote, chosen order.Delivery) {
	post := Way{Value: string(order.Post), Icon: "parcel", Checked: chosen == order.Post}
	if q.Post != nil {
		post.Name = l.T("checkout.post_by", l.Day(q.Post.By))
		post.More = l.T("checkout.post_more", l.Kilograms(q.Weight))
		post.Price, post.Free = q.Post.Price, q.Post.Price.IsZero()
	} else {
		post.Name, post.None = l.T("checkout.post"), q.NoPost != checkout.NoCountry
		post.More = l.T("checkout.no_post." + string(q.NoPost))
	}
	collect := Way{Value: string(order.Collect), Icon: "shop", Name: l.T("checkout.collect"), Free: true,
		More: l.T("checkout.collect_from", l.Weekday(q.Collect.By)), Checked: chosen == order.Collect}
	page.Ways = []Way{post, collect}
}

// methods are the ways to pay. Cash is for what is collected at the shop.
func (page *CheckoutPage) methods(l *lang.Language, chosen order.Method, hold time.Duration) {
	more := l.T("checkout.card_more")
	if page.Demo {
		more = l.T("checkout.card_demo")
	}
	page.Methods = []Way{
		{Value: string(order.Card), Icon: "card", Name: l.T("checkout.card"), More: more, Checked: chosen != order.CashAtShop},
		{Value: string(order.CashAtShop), Icon: "cash", Name: l.T("checkout.cash"),
			More: l.T("checkout.cash.more", int(hold/(24*time.Hour))), Checked: chosen == order.CashAtShop},
	}
}

// addressOrders say which fields an address has, and in what order people of a
// country expect them. The first is for all that are not named.
var addressOrders = map[string][]string{
	"":   {"line1", "landmark", "postcode", "city"},
	"GB": {"line1", "landmark", "city", "postcode"}, "IE": {"line1", "landmark", "city", "postcode"},
	"US": {"line1", "landmark", "city", "region", "postcode"}, "CA": {"line1", "landmark", "city", "region", "postcode"},
	"AU": {"line1", "landmark", "city", "region", "postcode"}, "BR": {"line1", "landmark", "city", "region", "postcode"},
	"MX": {"line1", "landmark", "postcode", "city", "region"}, "IN": {"line1", "landmark", "city", "region", "postcode"},
}

func addressOrder(country string) []string {
	if order, ok := addressOrders[country]; ok {
		return order
	}
	return addressOrders[""]
}

// needsRegion reports whether addresses of a country name a state or province.
func needsRegion(country string) bool { return slices.Contains(addressOrder(country), "region") }

// autocompletes are the standard's names for the fields of an address.
var autocompletes = map[string]string{"line1": "address-line1", "landmark": "address-line2", "postcode": "postal-code",
	"city": "address-level2", "region": "address-level1"}

func addressFields(form *web.Form, country string) (fields []web.Field) {
	three := needsRegion(country)
	for _, name := range addressOrder(country) {
		fields = append(fields, form.Field("checkout", name, autocompletes[name], func(f *web.Field) {
			// Not required in the browser's eyes: what is collected has no address.
			switch {
			case name == "postcode":
				f.Dir, f.Class = "ltr", "field--third"
			case three && (name == "city" || name == "region"):
				f.Class = "field--third"
			case name == "city":
				f.Class = "field--two-thirds"
			}
		}))
	}
	return fields
}

// postcodes are the forms of postcodes where they are known. A country that is
// not here takes what the buyer writes.
var postcodes = map[string]*regexp.Regexp{
	"MA": regexp.MustCompile(`^\d{5}$`), "FR": regexp.MustCompile(`^\d{5}$`), "ES": regexp.MustCompile(`^\d{5}$`),
	"DE": regexp.MustCompile(`^\d{5}$`), "IT": regexp.MustCompile(`^\d{5}$`), "PT": regexp.MustCompile(`^\d{4}-?\d{3}$`),
	"BE": regexp.MustCompile(`^\d{4}$`), "CH": regexp.MustCompile(`^\d{4}$`), "AT": regexp.MustCompile(`^\d{4}$`),
	"NL": regexp.MustCompile(`^\d{4} ?[A-Z]{2}$`), "US": regexp.MustCompile(`^\d{5}(-\d{4})?$`),
	"CA": regexp.MustCompile(`^[A-Z]\d[A-Z] ?\d[A-Z]\d$`), "GB": regexp.MustCompile(`^[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$`),
}

// noPostcode are countries where an address may well have none.
var noPostcode = map[string]bool{"MA": true, "IE": true, "AE": true, "QA": true, "HK": true, "MR": true, "LY": true, "SN": true, "CI": true}

var phoneForm = regexp.MustCompile(`^\+?[0-9][0-9 ().-]{5,24}$`)

// readBuyer reads who buys and where the parcel goes, with every fault beside
// its field.
func readBuyer(form *web.Form, countries []shipping.Country) (order.Contact, order.Delivery, order.Address, error) {
	var f fault.Form
	contact := order.Contact{Name: form.Value("name"), Email: form.Value("email"), Phone: lang.WesternDigits(form.Value("phone"))}
	required := func(name, value string) {
		switch {
		case value == "":
			f.Wrong(name, "checkout.missing."+name)
		case len([]rune(value)) > 200:
			f.Wrong(name, "checkout.too_long")
		}
	}
	required("name", contact.Name)
	required("email", contact.Email)
	required("phone", contact.Phone)
	if _, err := mail.ParseAddress(contact.Email); err != nil || strings.ContainsAny(contact.Email, "<> ") ||
		!strings.Contains(contact.Email[strings.LastIndex(contact.Email, "@")+1:], ".") {
		f.Wrong("email", "checkout.wrong.email")
	}
	if !phoneForm.MatchString(contact.Phone) {
		f.Wrong("phone", "checkout.wrong.phone")
	}
	delivery := order.Delivery(form.Value("delivery"))
	if delivery != order.Post && delivery != order.Collect {
		f.Wrong("delivery", "checkout.missing.delivery")
	}
	a := order.Address{Country: form.Value("country")}
	if delivery == order.Post {
		a.Line1, a.Landmark, a.City = form.Value("line1"), form.Value("landmark"), form.Value("city")
		a.Region, a.Postcode = form.Value("region"), strings.ToUpper(lang.WesternDigits(form.Value("postcode")))
		if !slices.ContainsFunc(countries, func(v shipping.Country) bool { return v.Code == a.Country }) {
			f.Wrong("country", "checkout.missing.country")
		}
		required("line1", a.Line1)
		required("city", a.City)
		if needsRegion(a.Country) {
			required("region", a.Region)
		}
		switch form := postcodes[a.Country]; {
		case a.Postcode == "" && !noPostcode[a.Country]:
			f.Wrong("postcode", "checkout.missing.postcode")
		case a.Postcode != "" && form != nil && !form.MatchString(a.Postcode):
			f.Wrong("postcode", "checkout.wrong.postcode")
		case len(a.Postcode) > 20:
			f.Wrong("postcode", "checkout.too_long")
		}
		for name, v := range map[string]string{"landmark": a.Landmark, "region": a.Region} {
			if len([]rune(v)) > 200 {
				f.Wrong(name, "checkout.too_long")
			}
		}
	} else {
		a = order.Address{}
	}
	return contact, delivery, a, f.Err()
}

// createOrder serves POST /{lang}/checkout.
func (h *Handlers) createOrder(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, checkoutLimit, c.ClientIP()); err != nil {
		return err
	}
	k, err := h.readCart(c)
	if err != nil {
		return err
	}
	if len(k.Lines) == 0 {
		web.Redirect(c, web.Path(c, "/cart"))
		return nil
	}
	page, _, err := h.newCheckoutPage(c, k, form)
	if err != nil {
		return err
	}
	again := func(status int) error {
		if page, _, err = h.newCheckoutPage(c, k, form); err != nil {
			return err
		}
		return h.Site.Render(c, status, "shop/checkout", page)
	}
	// A button of its own, for those without script: show the prices of another
	// country, with everything typed kept.
	if form.Value("reckon") != "" {
		return again(http.StatusOK)
	}
	_, countries, err := shipping.Zones(ctx, h.Pool)
	if err != nil {
		return err
	}
	contact, delivery, address, err := readBuyer(form, countries)
	method := order.Card
	if order.Method(form.Value("method")) == order.CashAtShop {
		method = order.CashAtShop
	}
	if form.Take(err) {
		return again(http.StatusUnprocessableEntity)
	}
	agreed, err := strconv.ParseInt(form.Value("agreed"), 10, 64)
	if err != nil {
		agreed = -1 // Nothing was agreed to: the buyer is shown the total.
	}
	o, err := h.Desk.Place(ctx, checkout.Form{Cart: k, Language: l.Code, Contact: contact, Delivery: delivery, Address: address, Method: method,
		Agreed: money.Centimes(agreed)})
	switch {
	case errors.Is(err, checkout.ErrChanged), errors.Is(err, catalog.ErrSoldOut):
		if page, _, err = h.newCheckoutPage(c, k, form); err != nil {
			return err
		}
		if page.Said == "" {
			page.Said = l.T("checkout.changed", page.Summary.Total)
		}
		return h.Site.Render(c, http.StatusConflict, "shop/checkout", page)
	case errors.Is(err, checkout.ErrCashByPost):
		var f fault.Form
		f.Wrong("method", checkout.ErrCashByPost.Key)
		form.Take(f.Err())
		return again(http.StatusUnprocessableEntity)
	case form.Take(err):
		return again(http.StatusUnprocessableEntity)
	case err != nil:
		return err
	}
	if o.State == order.Confirmed { // The money is for the counter.
		web.Redirect(c, web.Path(c, "/orders/"+o.Token))
		return nil
	}
	h.Site.SetCookie(c, web.LanguageCookie, l.Code, 365*24*3600, true)
	url, err := h.Desk.Pay(ctx, o.ID)
	if errors.Is(err, checkout.ErrProviderAway) {
		h.Site.Log.WarnContext(ctx, "an order waits for the payment provider", "order", o.Number, "error", err)
		web.Redirect(c, web.Path(c, "/orders/"+o.Token+"?away=1"))
		return nil
	}
	if errors.Is(err, checkout.ErrNotPayable) {
		web.Redirect(c, web.Path(c, "/orders/"+o.Token))
		return nil
	}
	if err != nil {
		return err
	}
	web.Redirect(c, h.Site.Local(url))
	return nil
}
