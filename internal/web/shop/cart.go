package shop

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/cart"
	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/web"
)

const minute = time.Minute

// Cookies of the shop. The cart's is a secret; the count is for a few lines of
// script that show it on pages which are the same for everyone.
const (
	cartCookie  = "cart"
	countCookie = "cart_count"
)

var cartLimit = web.Limit{Name: "cart", Times: 120, In: minute}

func isTooMany(err error) bool { return errors.Is(err, web.ErrTooMany) }

// CartPage is shop/cart.
type CartPage struct {
	web.Page
	Lines     []CartLine
	Summary   Summary
	Pieces    int
	Makers    int
	Checkout  string // empty while something is in the way
	Shop      string
	Said      string // what has just happened, or is in the way
	SaidWrong bool
	KeptDays  int
}

// CartLine is partial/cart_line.
type CartLine struct {
	SKU       string
	Path      string
	Title     lang.Text
	Options   string
	Maker     lang.Text
	Quarter   lang.Text
	Quantity  string // as it was typed, where that made no sense
	Max       int
	Price     money.Amount
	Photo     web.Picture
	Action    string
	Trouble   string // in words
	Gone      bool
	AsksText  bool
	TextLabel lang.Text
	TextMax   int
	Text      string
}

// Summary is partial/summary: the reckoning.
type Summary struct {
	Lines    []SummaryLine
	Postage  string // where it goes, empty while it is not known
	Price    money.Amount
	HasPost  bool
	Total    money.Amount
	Paid     bool
	Foreign  string
	Missing  money.Amount // pieces for so much more, and the postage is free
	HasFree  bool
	PostNote string
}

// SummaryLine is a line of the reckoning.
type SummaryLine struct {
	Title    lang.Text
	Quantity int
	Amount   money.Amount
	Maker    lang.Text
}

func (h *Handlers) readCart(c *gin.Context) (cart.Cart, error) {
	id, err := c.Cookie(cartCookie)
	if err != nil {
		return cart.Cart{}, nil
	}
	return h.Carts.Read(c.Request.Context(), id)
}

// keepCart sets the cookies of a cart that has just been read or changed, and
// remembers the language it is filled in.
func (h *Handlers) keepCart(c *gin.Context, k cart.Cart) {
	age := int(cart.Lifetime / time.Second)
	h.Site.SetCookie(c, web.LanguageCookie, web.Language(c).Code, 365*24*3600, true)
	if len(k.Lines) == 0 {
		h.Site.SetCookie(c, countCookie, "", -1, false)
		return
	}
	h.Site.SetCookie(c, cartCookie, k.ID, age, true)
	h.Site.SetCookie(c, countCookie, strconv.Itoa(k.Count()), age, false)
}

// showCart serves GET /{lang}/cart.
func (h *Handlers) showCart(c *gin.Context) error {
	k, err := h.readCart(c)
	if err != nil {
		return err
	}
	h.keepCart(c, k)
	page, err := h.newCartPage(c, k, nil)
	if err != nil {
		return err
	}
	if added := c.Query("added"); added != "" {
		for _, line := range page.Lines {
			if line.SKU == added {
				page.Said = web.Language(c).T("cart.added", line.Title)
			}
		}
	}
	return h.Site.Render(c, http.StatusOK, "shop/cart", page)
}

// wrongLine is what a visitor typed for a line, and why it cannot be.
type wrongLine struct{ sku, typed, text, said string }

func (h *Handlers) newCartPage(c *gin.Context, k cart.Cart, wrong *wrongLine) (*CartPage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	page := &CartPage{Page: h.Site.Page(c, l.T("cart.title")), Shop: web.Path(c, "/products"), KeptDays: int(cart.Lifetime / (24 * time.Hour))}
	page.NoIndex, page.Section = true, "cart"
	q, err := checkout.Read(ctx, h.Pool, checkout.Ask{Lines: k.Lines, Now: h.Site.Now()})
	if err != nil {
		return nil, err
	}
	if page.Lines, page.Makers, err = h.cartLines(c, q); err != nil {
		return nil, err
	}
	page.Pieces = k.Count()
	for i := range page.Lines {
		line := &page.Lines[i]
		if wrong != nil && wrong.sku == line.SKU {
			line.Trouble, line.Quantity = wrong.said, wrong.typed
			if wrong.text != "" {
				line.Text = wrong.text
			}
		}
	}
	page.Summary = h.summary(c, q, nil, "")
	switch {
	case q.Troubled:
		page.Said, page.SaidWrong = l.T("cart.troubled"), true
	case len(q.Lines) > 0:
		page.Checkout = web.Path(c, "/checkout")
	}
	return page, nil
}

func (h *Handlers) cartLines(c *gin.Context, q checkout.Quote) (lines []CartLine, makers int, err error) {
	l := web.Language(c)
	ids := make([]media.PictureID, len(q.Lines))
	seen := map[string]bool{}
	for i, line := range q.Lines {
		ids[i] = line.Picture
		seen[line.MakerSlug] = true
	}
	pictures, err := web.ReadPictures(c.Request.Context(), h.Pool, ids...)
	if err != nil {
		return nil, 0, err
	}
	for _, line := range q.Lines {
		v := CartLine{
			SKU: line.SKU, Path: web.Path(c, "/products/"+line.Slug), Title: line.Title.In(l, line.WrittenIn),
			Options: catalog.OptionNames(l, line.Options), Maker: makerName(l, line.Maker, line.MakerArabic), Quarter: line.QuarterName.In(l, "fr"),
			Quantity: strconv.Itoa(line.Quantity), Max: max(line.Free, 1), Price: line.Total,
			Photo:  pictures.Make(line.Picture, "basket-line__photo", "", "6rem", false),
			Action: web.Path(c, "/cart/lines/"+line.SKU), Text: line.Text,
		}
		if t := line.BuyerText; t != nil {
			v.AsksText, v.TextLabel, v.TextMax = true, t.Label.In(l, "fr"), t.Max
		}
		switch line.Trouble {
		case checkout.Gone:
			v.Trouble, v.Gone = l.T("cart.trouble.gone"), true
		case checkout.Paying:
			v.Trouble = l.T("cart.trouble.paying")
		case checkout.Resting:
			v.Trouble, v.Gone = l.T("cart.trouble.resting", line.Closed.Until), true
		case checkout.Fewer:
			v.Trouble = l.T("cart.trouble.fewer", line.Free)
		case checkout.TextOwed:
			v.Trouble = l.T("cart.trouble.text")
		}
		lines = append(lines, v)
	}
	return lines, len(seen), nil
}

// summary makes the reckoning of a quote with the chosen way, or without one.
func (h *Handlers) summary(c *gin.Context, q checkout.Quote, way *checkout.Option, country string) Summary {
	l := web.Language(c)
	s := Summary{Total: q.Pieces}
	for _, line := range q.Lines {
		if line.Absent() {
			continue
		}
		s.Lines = append(s.Lines, SummaryLine{line.Title.In(l, line.WrittenIn), line.Quantity, line.Total, makerName(l, line.Maker, line.MakerArabic)})
	}
	if way != nil {
		s.HasPost, s.Price, s.Total = true, way.Price, q.Pieces.Plus(way.Price)
		s.Postage = l.T("checkout.collecting")
		if country != "" {
			s.Postage = l.T("checkout.postage_to", l.Country(country))
		}
	}
	if !q.MissingFree.IsZero() {
		s.Missing, s.HasFree = q.MissingFree, true
	}
	rates, err := shipping.Rates(c.Request.Context(), h.Pool)
	if err != nil {
		// An approximation is not worth a page.
		h.Site.Log.WarnContext(c.Request.Context(), "no approximate total", "error", err)
	}
	for _, r := range rates {
		if r.Currency == money.EUR {
			s.Foreign = l.Money(r.Approximate(s.Total))
		}
	}
	return s
}

// readQuantity reads a number as people type it, in Arabic digits too.
func readQuantity(s string) (int, error) {
	s = strings.Map(func(r rune) rune {
		switch {
		case '٠' <= r && r <= '٩':
			return '0' + r - '٠'
		case unicode.IsSpace(r):
			return -1
		}
		return r
	}, s)
	if s == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || len(s) > 9 {
		return 0, errQuantity
	}
	return n, nil
}

var errQuantity = fault.New(fault.Invalid, "cart.quantity")

// createCartLine serves POST /{lang}/cart/lines.
func (h *Handlers) createCartLine(c *gin.Context) error { return h.putCartLine(c, "", true) }

// updateCartLine serves POST /{lang}/cart/lines/:variant; 0 takes it out.
func (h *Handlers) updateCartLine(c *gin.Context) error {
	return h.putCartLine(c, c.Param("variant"), false)
}

func (h *Handlers) putCartLine(c *gin.Context, sku string, add bool) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, cartLimit, c.ClientIP()); err != nil {
		return err
	}
	if add {
		sku = form.Value("variant")
	}
	offers, err := catalog.Offers(ctx, h.Pool, []string{sku})
	if err != nil {
		return err
	}
	id, _ := c.Cookie(cartCookie) // No cookie is an empty one.
	k, err := h.Carts.Read(ctx, id)
	if err != nil {
		return err
	}
	offer, there := offers[sku]
	if !there && k.Of(sku) == 0 {
		return catalog.ErrNoProduct
	}
	typed := form.Value("quantity")
	quantity, wrong := readQuantity(typed)
	if form.Value("remove") != "" {
		quantity, wrong = 0, nil
	}
	if wrong == nil {
		wrong = checkQuantity(offer, quantity, k.Of(sku), add)
	}
	if wrong == nil && quantity > 0 && (add || form.Value("text") != "") {
		wrong = checkout.CheckText(offer, form.Value("text"))
	}
	if wrong != nil {
		return h.refuseLine(c, k, wrongLine{sku, typed, form.Value("text"), said(l, wrong)}, offer, add)
	}
	k, err = h.Carts.Change(ctx, id, func(k *cart.Cart) error {
		if add {
			quantity = min(k.Of(sku)+quantity, max(offer.Free(), 1))
		}
		return k.Put(sku, quantity, form.Value("text"))
	})
	if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
		return h.refuseLine(c, k, wrongLine{sku, typed, form.Value("text"), said(l, err)}, offer, add)
	}
	if err != nil {
		return err
	}
	h.keepCart(c, k)
	if web.WantsJSON(c) {
		c.JSON(http.StatusOK, gin.H{"count": k.Count(), "said": l.T("cart.added", offer.Title.In(l, offer.WrittenIn))})
		return nil
	}
	path := web.Path(c, "/cart")
	if add {
		path += "?added=" + sku
	}
	web.Redirect(c, path)
	return nil
}

// checkQuantity holds a quantity against what is there. Nothing below one can
// be added; taking out is always possible.
func checkQuantity(o catalog.Offer, quantity, have int, add bool) error {
	free := max(o.Free(), 0)
	switch {
	case quantity < 0, add && quantity == 0:
		return errQuantity
	case quantity == 0:
		return nil
	case !o.OnSale || o.Stocked && o.OnHand == 0:
		return errGone
	case o.Away:
		return errResting.With(o.Closed.Until)
	case free == 0:
		return errPaying
	case add && have >= free:
		return errAll.With(free)
	case quantity > free:
		return errFewer.With(free)
	}
	return nil
}

var (
	errGone    = fault.New(fault.Invalid, "cart.trouble.gone")
	errPaying  = fault.New(fault.Invalid, "cart.trouble.paying")
	errResting = fault.New(fault.Invalid, "cart.trouble.resting")
	errFewer   = fault.New(fault.Invalid, "cart.trouble.fewer")
	errAll     = fault.New(fault.Invalid, "cart.trouble.all")
)

// said is a fault in the visitor's words.
func said(l *lang.Language, err error) string {
	f := (*fault.Fault)(nil)
	if !errors.As(err, &f) {
		return ""
	}
	return l.T(f.Key, f.Args...)
}

// refuseLine shows the basket with the message beside the line, and what was
// typed in it. A piece that is not in the basket shows its own message above.
func (h *Handlers) refuseLine(c *gin.Context, k cart.Cart, w wrongLine, o catalog.Offer, add bool) error {
	if web.WantsJSON(c) {
		c.JSON(http.StatusUnprocessableEntity, gin.H{"count": k.Count(), "fault": w.said})
		return nil
	}
	page, err := h.newCartPage(c, k, &w)
	if err != nil {
		return err
	}
	if k.Of(w.sku) == 0 {
		l := web.Language(c)
		page.Said, page.SaidWrong = l.T("cart.refused", o.Title.In(l, o.WrittenIn), w.said), true
	}
	return h.Site.Render(c, http.StatusUnprocessableEntity, "shop/cart", page)
}
