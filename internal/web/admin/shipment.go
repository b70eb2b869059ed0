package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/shipping"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// ShipmentPart is what becomes of an order's pieces, with what can be done next.
type ShipmentPart struct {
	State, StateKey, StateKind string
	Weight                     int // grams, weighed
	Carrier                    string
	Tracking, TrackingURL      string
	PackingPath                string
	PackingLabel               string
	LabelPath                  string // empty for what is collected
	ShipAction                 string // each action is empty where it cannot be done now, or not by this account
	ShipField                  web.Field
	Carriers                   []CarrierChoice
	CarrierWrong               string
	DeliverAction              string
	DeliverLabel               string
	ReturnAction               string
}

// CarrierChoice is a carrier to give a parcel to.
type CarrierChoice struct {
	Name     string
	Selected bool
}

// shipmentKey is how a shipment's state is called: what is packed and collected
// is ready, what was collected is not delivered by anyone.
func shipmentKey(o order.Order) string {
	if o.Delivery == order.Collect {
		switch o.Shipment.State {
		case order.Packed:
			return "ready"
		case order.Delivered:
			return "collected"
		}
	}
	return string(o.Shipment.State)
}

var shipmentKinds = map[order.ShipmentState]string{order.Packing: "waiting", order.Packed: "waiting", order.Shipped: "waiting",
	order.Delivered: "right", order.Returned: "wrong"}

// shipment fills in what becomes of an order's pieces, once all are there.
func (h *Handlers) shipment(c *gin.Context, a identity.Account, o order.Order, form *web.Form) (*ShipmentPart, error) {
	if o.Shipment == nil {
		return nil, nil
	}
	l, s, path := web.Language(c), o.Shipment, "/admin/orders/"+o.Number
	key := shipmentKey(o)
	part := &ShipmentPart{State: l.T("shipment." + key), StateKey: string(s.State), StateKind: shipmentKinds[s.State], Weight: s.Weight,
		Carrier: s.Carrier, Tracking: s.Tracking, TrackingURL: s.TrackingURL, PackingPath: path + "/packing", PackingLabel: l.T("admin.packing.see")}
	if o.Delivery == order.Post {
		part.LabelPath = path + "/label"
	}
	if o.State != order.Paid && o.State != order.Confirmed || !a.May(identity.SendPieces) {
		return part, nil
	}
	can := func(next order.ShipmentState) bool {
		return s.State.CanBecome(next, o.Delivery) && (o.State == order.Paid || next == order.Packed)
	}
	if can(order.Packed) {
		part.PackingLabel = l.T("admin.packing.begin")
	}
	if can(order.Delivered) {
		part.DeliverAction, part.DeliverLabel = path+"/delivery", l.T("admin.delivered")
		if o.Delivery == order.Collect {
			part.DeliverLabel = l.T("admin.hand_over")
		}
	}
	if can(order.Returned) {
		part.ReturnAction = path + "/return"
	}
	if can(order.Shipped) {
		part.ShipAction = path + "/shipment"
		if form == nil {
			form = web.EmptyForm(c)
			form.Set("carrier", o.Carrier)
		}
		carriers, err := shipping.Carriers(c.Request.Context(), h.Pool)
		if err != nil {
			return nil, err
		}
		for _, carrier := range carriers {
			part.Carriers = append(part.Carriers, CarrierChoice{carrier.Name, carrier.Name == form.Value("carrier")})
		}
		part.CarrierWrong = form.Wrong("carrier")
		part.ShipField = form.Field("admin", "tracking", "off", func(f *web.Field) { f.Dir, f.Required, f.MaxLength = "ltr", true, 60 })
	}
	return part, nil
}

// createCash serves POST /admin/orders/:number/cash: the buyer stands at the
// counter and has paid.
func (h *Handlers) createCash(c *gin.Context, a identity.Account) error {
	if err := h.Desk.TakeCash(c.Request.Context(), c.Param("number"), a.ID); err != nil {
		return err
	}
	web.Redirect(c, "/admin/orders/"+c.Param("number"))
	return nil
}

// createShipment serves POST /admin/orders/:number/shipment: a carrier took the
// parcel.
func (h *Handlers) createShipment(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	carriers, err := shipping.Carriers(ctx, h.Pool)
	if err != nil {
		return err
	}
	var wrong fault.Form
	var carrier shipping.Carrier
	for _, known := range carriers {
		if known.Name == form.Value("carrier") {
			carrier = known
		}
	}
	if carrier.Name == "" {
		wrong.Wrong("carrier", "admin.carrier_wrong")
	}
	tracking, ok := order.TrackingNumber(form.Value("tracking"))
	if !ok {
		wrong.Wrong("tracking", "admin.tracking_wrong")
	}
	number := orderNumber(c)
	if form.Take(wrong.Err()) {
		return h.renderOrder(c, a, http.StatusUnprocessableEntity, form)
	}
	if err := h.Desk.Ship(ctx, number, carrier, tracking, a.ID); err != nil {
		return err
	}
	web.Redirect(c, "/admin/orders/"+number)
	return nil
}

// createDelivery serves POST /admin/orders/:number/delivery: the buyer has the
// pieces.
func (h *Handlers) createDelivery(c *gin.Context, a identity.Account) error {
	if err := h.Desk.Deliver(c.Request.Context(), orderNumber(c), a.ID); err != nil {
		return err
	}
	web.Redirect(c, "/admin/orders/"+orderNumber(c))
	return nil
}

// createReturn serves POST /admin/orders/:number/return: the carrier brought
// the parcel back.
func (h *Handlers) createReturn(c *gin.Context, a identity.Account) error {
	if err := h.Desk.TakeBack(c.Request.Context(), orderNumber(c), a.ID); err != nil {
		return err
	}
	web.Redirect(c, "/admin/orders/"+orderNumber(c))
	return nil
}

// orderNumber is the number in a request's address, as it is printed.
func orderNumber(c *gin.Context) string { return strings.ToUpper(c.Param("number")) }

// PackingPage is admin/packing: what belongs in a parcel, to be ticked, and to
// be printed and put in with it.
type PackingPage struct {
	web.Page
	Number    string
	OrderPath string
	LabelPath string
	Name      string
	To        string
	ArrivesBy time.Time
	Lines     []PackingLine
	Wrong     string // a piece is not ticked
	Weight    web.Field
	Expected  int    // grams, from the listings
	Action    string // empty where there is nothing to pack
	Weighed   int
}

// PackingLine is a piece to put in.
type PackingLine struct {
	SKU, Title, Options, Text, Maker string
	Quantity                         int
	Photo                            web.Picture
	Ticked                           bool
}

// showPacking serves GET /admin/orders/:number/packing.
func (h *Handlers) showPacking(c *gin.Context, a identity.Account) error {
	return h.renderPacking(c, a, http.StatusOK, web.EmptyForm(c))
}

func (h *Handlers) renderPacking(c *gin.Context, a identity.Account, status int, form *web.Form) error {
	l := web.Language(c)
	o, err := order.ByNumber(c.Request.Context(), h.Pool, orderNumber(c))
	if err != nil {
		return err
	}
	if o.Shipment == nil {
		return errNothingToPack
	}
	page := &PackingPage{Page: h.page(c, a, l.T("admin.packing.title", o.Number)), Number: o.Number, OrderPath: "/admin/orders/" + o.Number,
		Name: o.Contact.Name, To: l.T("admin.collects"), ArrivesBy: o.ArrivesBy, Wrong: form.Wrong("piece"), Expected: o.Weight, Weighed: o.Shipment.Weight,
		Weight: form.Field("admin", "weight", "off", func(f *web.Field) { f.InputMode, f.Required, f.MaxLength, f.Dir = "numeric", true, 9, "ltr" })}
	page.Section = "orders"
	if o.Delivery == order.Post {
		page.To, page.LabelPath = l.Country(o.Address.Country), page.OrderPath+"/label"
	}
	if (o.State == order.Paid || o.State == order.Confirmed) && o.Shipment.State.CanBecome(order.Packed, o.Delivery) && a.May(identity.SendPieces) {
		page.Action = page.OrderPath + "/packing"
	}
	makers := map[union.ArtisanID]string{}
	for _, f := range o.Fulfilment {
		name, _ := union.Artisan{Name: f.Maker, NameArabic: f.MakerArabic}.NameIn(l)
		makers[f.Artisan] = name.Words
	}
	for _, line := range o.Lines {
		if line.Left() == 0 {
			continue // Its money was given back.
		}
		page.Lines = append(page.Lines, PackingLine{SKU: line.SKU, Title: line.Title.In(l, "fr").Words, Options: catalog.OptionNames(l, line.Options),
			Text: line.BuyerText, Maker: makers[line.Artisan], Quantity: line.Left(), Photo: web.ByKey(line.PictureKey, "shown__small", ""),
			Ticked: form.Value(tickName(line.SKU)) != ""})
	}
	return h.Site.Render(c, status, "admin/packing", page)
}

// errNothingToPack is for an order whose pieces are not all at the union.
var errNothingToPack = fault.New(fault.NotFound, "admin.packing.nothing")

// tickName is the field by which a piece is ticked.
func tickName(sku string) string { return "piece-" + sku }

// createPacking serves POST /admin/orders/:number/packing: all pieces are in,
// and weighed.
func (h *Handlers) createPacking(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	o, err := order.ByNumber(ctx, h.Pool, orderNumber(c))
	if err != nil {
		return err
	}
	var ticked []string
	for _, line := range o.Lines {
		if form.Value(tickName(line.SKU)) != "" {
			ticked = append(ticked, line.SKU)
		}
	}
	grams := 0 // What is no number is as wrong as none.
	if n, err := money.Parse(form.Value("weight")); err == nil && n.Minor%100 == 0 {
		grams = int(n.Minor / 100) // Digits are digits, of any script.
	}
	err = h.Desk.Pack(ctx, o.Number, ticked, grams, a.ID)
	if form.Take(err) {
		return h.renderPacking(c, a, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/orders/"+o.Number)
	return nil
}

// LabelPage is admin/label: what is stuck on a parcel, and for a parcel that
// leaves the country what its customs form (CN22, CN23) asks.
type LabelPage struct {
	web.Page
	Number    string
	OrderPath string
	From, To  []string
	Phone     string
	Carrier   string
	Weight    int // grams: weighed, or from the listings before it is packed
	Customs   []CustomsLine
	Value     money.Amount
	Form      string // CN22 or CN23
	Logo      web.Picture
	Sent      time.Time // the day on the form
}

// Bounds of the short customs form of the Universal Postal Union: CN22 declares
// what weighs at most two kilograms and is worth at most 300 special drawing
// rights, which are about 4000 dirhams; all that is more wants CN23.
const (
	mostCN22Grams = 2_000
	mostCN22Minor = 4_000_00 // centimes
)

// customsForm says which form a parcel needs, by its weight in grams and its value.
func customsForm(grams int, value money.Amount) string {
	if grams <= mostCN22Grams && value.Minor <= mostCN22Minor {
		return "CN22"
	}
	return "CN23"
}

// CustomsLine is a line of a customs form, in French and English, the languages
// of the post.
type CustomsLine struct {
	Title, English string
	HS             string
	Quantity       int
	Weight         int // grams, of all of them
	Value          money.Amount
}

// showLabel serves GET /admin/orders/:number/label.
func (h *Handlers) showLabel(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	o, err := order.ByNumber(ctx, h.Pool, orderNumber(c))
	if err != nil {
		return err
	}
	if o.Delivery != order.Post {
		return web.ErrNoPage // Nobody sends what is collected.
	}
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	french, english := lang.Or("fr"), lang.Or("en")
	from := profile.Address
	page := &LabelPage{Page: h.page(c, a, l.T("admin.label.title", o.Number)), Number: o.Number, OrderPath: "/admin/orders/" + o.Number,
		From: []string{profile.Name.In(french, "fr").Words, from.Line1, from.Line2, strings.TrimSpace(from.Postcode + " " + from.City),
			strings.ToUpper(french.Country(from.Country)), profile.Phone},
		// The country stands last, in capitals and in a language of the post.
		To:      append(append([]string{o.Contact.Name}, streetLines(o.Address)...), strings.ToUpper(french.Country(o.Address.Country))),
		Phone:   o.Contact.Phone,
		Carrier: o.Carrier, Weight: o.Weight, Value: o.Pieces}
	page.Section = "orders"
	if s := o.Shipment; s != nil && s.Weight > 0 {
		page.Weight = s.Weight
	}
	if o.Address.Country != from.Country {
		page.Value = money.Amount{Currency: money.MAD}
		for _, line := range o.Lines {
			if line.Left() == 0 {
				continue
			}
			page.Value = page.Value.Plus(line.Unit.Times(line.Left()))
			page.Customs = append(page.Customs, CustomsLine{Title: line.Title.In(french, "fr").Words, English: line.Title.In(english, "fr").Words,
				HS: line.HSCode, Quantity: line.Left(), Weight: line.Weight * line.Left(), Value: line.Unit.Times(line.Left())})
		}
	}
	if page.Logo, _, err = h.logo(c, "label__logo"); err != nil {
		return err
	}
	page.Form, page.Sent = customsForm(page.Weight, page.Value), h.Site.Now().In(profile.Location)
	if s := o.Shipment; s != nil && s.ShippedAt != nil {
		page.Sent = s.ShippedAt.In(profile.Location)
	}
	return h.Site.Render(c, http.StatusOK, "admin/label", page)
}

// streetLines are an address without its name and country.
func streetLines(a order.Address) (lines []string) {
	for _, line := range []string{a.Line1, a.Landmark, strings.TrimSpace(a.Postcode + " " + a.City), a.Region} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
