package shop

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/web"
)

// OrderPage is shop/order: the truth about an order, also while it is unknown.
type OrderPage struct {
	web.Page
	State     string // of the order, or checking while a payment is under way
	Heading   string
	More      string
	Kind      string // right, waiting, wrong
	Number    string
	Groups    []OrderGroup
	Summary   Summary
	PayAction string // where it can still be paid
	PayLabel  string
	Until     time.Time
	HasUntil  bool
	ArrivesBy time.Time
	Collect   bool
	Counter   string
	Address   []string
	Name      string
	Email     string
	Refresh   bool // the page looks again by itself
	Withdraw  int
	Mails     string // the demo's mailbox
	Shop      string
	Parcel    Parcel
	Code      *web.QR // for the counter, of what is to be collected
	ReadyAt   string  // where the pieces lie to be collected, empty before
	Delivered time.Time
	Reviewed  bool      // what was written of a piece was just kept
	ReturnBy  time.Time // the last day to change one's mind; zero before delivery
}

// Parcel is where the buyer follows the pieces on their way.
type Parcel struct {
	Carrier, Tracking, URL string // empty before it is sent; URL where the carrier has a page
}

// OrderGroup is what one artisan prepares.
type OrderGroup struct {
	Maker     lang.Text
	MakerPath string
	State     string
	StateKey  string
	Lines     []OrderLine
}

// OrderLine is a line as it was sold.
type OrderLine struct {
	Title    lang.Text
	Path     string
	Options  string
	Text     string
	Quantity int
	Total    money.Amount
	Photo    web.Picture
	SKU      string
	Review   *ReviewPart // nil where there is nothing to review
}

// isToken reports whether s could be an order's token.
func isToken(s string) bool {
	if len(s) != 26 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '2' || r > '7') {
			return false
		}
	}
	return true
}

// showOrder serves GET /{lang}/orders/:token.
func (h *Handlers) showOrder(c *gin.Context) error {
	return h.renderOrder(c, http.StatusOK, 0, nil)
}

// renderOrder shows an order; form is that of the review of the line at a
// position where something in it was wrong, and nil otherwise.
func (h *Handlers) renderOrder(c *gin.Context, status, position int, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if !isToken(c.Param("token")) {
		return order.ErrNoOrder
	}
	o, err := order.ByToken(ctx, h.Pool, c.Param("token"))
	if err != nil {
		return err
	}
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	payments, err := payment.OfOrder(ctx, h.Pool, o.ID)
	if err != nil {
		return err
	}
	page := &OrderPage{Page: h.Site.Page(c, l.T("order.title", o.Number)), State: string(o.State), Number: o.Number,
		Collect: o.Delivery == order.Collect, ArrivesBy: o.ArrivesBy, Counter: profile.Address.Line1, Name: o.Contact.Name,
		Email: o.Contact.Email, Withdraw: profile.WithdrawalDays, Shop: web.Path(c, "/products")}
	page.NoIndex = true
	if h.Site.Demo {
		page.Mails = "/sandbox/mail"
	}
	page.said(l, o, payments, profile.Location, c.Query("paid") != "", c.Query("away") != "")
	if page.Refresh {
		c.Header("Refresh", "3") // Works without script, too.
	}
	if page.PayLabel != "" {
		page.PayAction = web.Path(c, "/orders/"+o.Token+"/payment")
	}
	if o.Delivery == order.Post {
		page.Address = addressLines(l, o)
	}
	if s := o.Shipment; s != nil {
		page.Parcel = Parcel{s.Carrier, s.Tracking, s.TrackingURL}
		if s.State == order.Packed && o.Delivery == order.Collect {
			page.ReadyAt = page.Counter
		}
		if s.DeliveredAt != nil {
			page.Delivered = s.DeliveredAt.In(profile.Location)
			page.ReturnBy = page.Delivered.AddDate(0, 0, profile.WithdrawalDays)
		}
	}
	if o.Delivery == order.Collect && (o.State == order.Paid || o.State == order.Confirmed) {
		code, err := web.NewQR(h.Site.PublicURL+"/admin/orders/"+o.Number, l.T("order.code.of", o.Number))
		if err != nil {
			return err
		}
		page.Code = &code
	}
	reviews, err := h.reviewParts(c, o, position, form)
	if err != nil {
		return err
	}
	page.Reviewed = c.Query("reviewed") != ""
	page.Groups = orderGroups(c, l, o, reviews)
	page.Summary = orderSummary(l, o)
	// What was bought is taken out of the basket by a job; the count follows
	// when its owner comes back here.
	if k, err := h.readCart(c); err == nil && k.ID != "" && (o.State == order.Paid || o.State == order.Completed) {
		h.keepCart(c, k)
	} else if err == nil && k.ID == "" && o.State == order.Paid {
		h.Site.SetCookie(c, countCookie, "", -1, false)
	} else if err != nil {
		h.Site.Log.WarnContext(ctx, "the basket's count is not shown", "error", err)
	}
	return h.Site.Render(c, status, "shop/order", page)
}

// said puts the order's state into words. Between the buyer's return and the
// provider's word nothing is known, and the page says so.
func (page *OrderPage) said(l *lang.Language, o order.Order, payments []payment.Record, location *time.Location, returned, away bool) {
	given := false
	for _, p := range payments {
		given = given || p.State == payment.Paid && o.State != order.Paid && o.State != order.Completed
	}
	key := "order.state." + string(o.State)
	switch {
	case o.State == order.Pending && returned:
		page.State, page.Kind, page.Refresh = "checking", "waiting", true
		key = "order.state.checking"
	case o.State == order.Pending:
		page.Kind, page.PayLabel, page.Until, page.HasUntil = "waiting", l.T("order.pay_now"), o.PayBy, true
		if away {
			key = "order.state.away"
		}
	case o.State == order.Expired:
		page.Kind, page.PayLabel = "waiting", l.T("order.pay_after_all")
	case o.State == order.Cancelled && given:
		page.Kind, key = "wrong", "order.state.given_back"
	case o.State == order.Cancelled:
		page.Kind = "wrong"
	case (o.State == order.Paid || o.State == order.Confirmed) && o.Shipment != nil:
		step := string(o.Shipment.State)
		if step == string(order.Packed) && o.Delivery == order.Collect {
			step = "ready"
		}
		page.State, page.Kind, key = step, "right", "order.state."+step
		if o.Shipment.State == order.Returned {
			page.Kind = "waiting"
		}
	default:
		page.Kind = "right"
	}
	page.Heading, page.More = l.T(key), l.T(key+".more")
	if o.State == order.Confirmed {
		page.More += " " + l.T("order.cash", o.Total, o.PayBy.In(location))
	}
}

func addressLines(l *lang.Language, o order.Order) []string {
	lines := []string{o.Contact.Name, o.Address.Line1}
	if o.Address.Landmark != "" {
		lines = append(lines, o.Address.Landmark)
	}
	town := o.Address.City
	if o.Address.Postcode != "" {
		town = o.Address.Postcode + " " + town
	}
	if o.Address.Region != "" {
		town += ", " + o.Address.Region
	}
	return append(lines, town, l.Country(o.Address.Country))
}

func orderGroups(c *gin.Context, l *lang.Language, o order.Order, reviews map[int]*ReviewPart) []OrderGroup {
	var groups []OrderGroup
	for _, f := range o.Fulfilment {
		g := OrderGroup{Maker: makerName(l, f.Maker, f.MakerArabic), MakerPath: web.Path(c, "/artisans/"+f.MakerSlug),
			StateKey: string(f.State), State: l.T("fulfilment."+string(f.State), l.Day(f.PrepareBy))}
		for i, line := range o.Lines {
			if line.Artisan != f.Artisan {
				continue
			}
			g.Lines = append(g.Lines, OrderLine{
				Title: line.Title.In(l, "fr"), Path: web.Path(c, "/products/"+line.Slug), Options: catalog.OptionNames(l, line.Options),
				Text: line.BuyerText, Quantity: line.Quantity, Total: line.Total, SKU: line.SKU,
				Photo: web.ByKey(line.PictureKey, "basket-line__photo", ""), Review: reviews[i+1],
			})
		}
		groups = append(groups, g)
	}
	return groups
}

func orderSummary(l *lang.Language, o order.Order) Summary {
	s := Summary{HasPost: true, Price: o.Postage, Total: o.Total, Paid: o.State == order.Paid || o.State == order.Completed, Postage: l.T("checkout.collecting")}
	if o.Delivery == order.Post {
		s.Postage = l.T("checkout.postage_to", l.Country(o.Address.Country))
	}
	for _, line := range o.Lines {
		s.Lines = append(s.Lines, SummaryLine{Title: line.Title.In(l, "fr"), Quantity: line.Quantity, Amount: line.Total})
	}
	return s
}

// createPayment serves POST /{lang}/orders/:token/payment.
func (h *Handlers) createPayment(c *gin.Context) error {
	ctx := c.Request.Context()
	if !isToken(c.Param("token")) {
		return order.ErrNoOrder
	}
	if err := h.Site.Limits.Allow(c, checkoutLimit, c.ClientIP()); err != nil {
		return err
	}
	o, err := order.ByToken(ctx, h.Pool, c.Param("token"))
	if err != nil {
		return err
	}
	back := web.Path(c, "/orders/"+o.Token)
	url, err := h.Desk.Pay(ctx, o.ID)
	switch {
	case errors.Is(err, checkout.ErrNotPayable):
		web.Redirect(c, back)
	case errors.Is(err, checkout.ErrProviderAway):
		h.Site.Log.WarnContext(ctx, "an order waits for the payment provider", "order", o.Number, "error", err)
		web.Redirect(c, back+"?away=1")
	case errors.Is(err, catalog.ErrSoldOut):
		return errOrderSoldOut
	case err != nil:
		return err
	default:
		web.Redirect(c, h.Site.Local(url))
	}
	return nil
}

var errOrderSoldOut = catalog.ErrSoldOut

// maxEvent bounds a provider's message, in bytes. Stripe's are a few kilobytes.
const maxEvent = 128 << 10

// hearStripe serves POST /webhooks/stripe. The message is verified, stored once
// and answered; a job does what it asks for.
func (h *Handlers) hearStripe(c *gin.Context) error {
	ctx := c.Request.Context()
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxEvent))
	if err != nil {
		h.Site.Log.WarnContext(ctx, "a provider's message could not be read", "error", err)
		c.String(http.StatusBadRequest, "unreadable\n")
		return nil
	}
	e, err := h.Stripe.Event(body, c.GetHeader("Stripe-Signature"))
	if err != nil {
		h.Site.Log.WarnContext(ctx, "a provider's message was refused", "bytes", len(body), "error", err)
		c.String(http.StatusBadRequest, "refused\n")
		return nil
	}
	if err := h.Desk.Hear(ctx, e); err != nil {
		return fmt.Errorf("shop: hear %s: %w", e.ID, err)
	}
	c.String(http.StatusOK, "ok\n")
	return nil
}

// pictureTypes are the formats of renditions.
var pictureTypes = map[string]string{"webp": "image/webp", "jpg": "image/jpeg"}

// showPicture serves GET /media/:key/:file, {width}.{format}.
func (h *Handlers) showPicture(c *gin.Context) error {
	name, format, _ := strings.Cut(c.Param("file"), ".")
	width, err := strconv.Atoi(name)
	if err != nil || strconv.Itoa(width) != name || pictureTypes[format] == "" {
		return media.ErrNoPicture
	}
	f, err := h.Media.Rendition(c.Request.Context(), c.Param("key"), width, format)
	if err != nil {
		return err
	}
	defer func() {
		if err := f.Close(); err != nil {
			h.Site.Log.WarnContext(c.Request.Context(), "a picture's file was not closed", "error", err)
		}
	}()
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	c.Header("Content-Type", pictureTypes[format])
	http.ServeContent(c.Writer, c.Request, "", f.ModTime, f)
	return nil
}
