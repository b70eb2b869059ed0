package admin

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/web"
)

// RefundPage is admin/refund: what is given back of an order. It is reckoned
// first and done only then, since money that is gone does not come back.
type RefundPage struct {
	web.Page
	Number    string
	OrderPath string
	Lines     []RefundLine
	Postage   money.Amount
	MayPost   bool // there is postage to give back
	WithPost  bool
	Restock   bool
	Reasons   []Choice
	Wrong     string
	Key       string
	Action    string
	Cash      bool // it is given over the counter

	// What it comes to, once it was reckoned.
	Reckoned bool
	Total    money.Amount
	Shares   []RefundShare
}

// RefundLine is a line of the order with how many pieces of it are given back.
type RefundLine struct {
	SKU     string
	Title   lang.Text
	Options string
	Photo   web.Picture
	Left    int
	Count   string
	Unit    money.Amount
}

// RefundShare is what someone's share of the sale is less by.
type RefundShare struct {
	Who    string
	Amount money.Amount
}

// newRefund serves GET /admin/orders/:number/refund.
func (h *Handlers) newRefund(c *gin.Context, a identity.Account) error {
	o, err := order.ByNumber(c.Request.Context(), h.Pool, orderNumber(c))
	if err != nil {
		return err
	}
	form := web.EmptyForm(c)
	for _, l := range o.Lines {
		form.Set(countName(l.SKU), strconv.Itoa(l.Left()))
	}
	if o.Shipment == nil {
		form.Set("restock", "1") // The pieces have not left the workshops.
	}
	form.Set("postage", "1")
	form.Set("key", strings.ToLower(rand.Text()))
	page, _, err := h.newRefundPage(c, a, o, form)
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "admin/refund", page)
}

// countName is the field that says how many pieces of a line are given back.
func countName(sku string) string { return "count-" + sku }

func (h *Handlers) newRefundPage(c *gin.Context, a identity.Account, o order.Order, form *web.Form) (*RefundPage, checkout.Return, error) {
	l := web.Language(c)
	path := "/admin/orders/" + o.Number
	page := &RefundPage{Page: h.page(c, a, l.T("admin.refund.title", o.Number)), Number: o.Number, OrderPath: path, Action: path + "/refund",
		Postage: o.Postage, MayPost: !o.Postage.IsZero() && !o.PostageReturned, Restock: form.Value("restock") != "", Key: form.Value("key"),
		Cash: o.Method == order.CashAtShop}
	page.Section = "orders"
	page.WithPost = page.MayPost && form.Value("postage") != ""
	r := checkout.Return{GiveBack: order.GiveBack{Pieces: map[string]int{}, Postage: page.WithPost}, Restock: page.Restock, Key: page.Key}
	for _, line := range o.Lines {
		if line.Left() == 0 {
			continue
		}
		typed := form.Value(countName(line.SKU))
		n, err := strconv.Atoi(lang.WesternDigits(typed))
		if typed == "" {
			n, err = 0, nil
		}
		if err != nil || n < 0 || n > line.Left() {
			page.Wrong = l.T("refund.count", line.Left())
			n = 0
		}
		r.Pieces[line.SKU] += n
		page.Lines = append(page.Lines, RefundLine{SKU: line.SKU, Title: line.Title.In(l, "fr"), Options: catalog.OptionNames(l, line.Options),
			Photo: web.ByKey(line.PictureKey, "shown__small", ""), Left: line.Left(), Count: typed, Unit: line.Unit})
	}
	r.Reason = form.Value("reason")
	page.Reasons = []Choice{{Name: l.T("refund.why")}}
	for _, reason := range checkout.Reasons {
		page.Reasons = append(page.Reasons, Choice{reason, l.T("refund.reason." + reason), reason == r.Reason})
	}
	return page, r, nil
}

// createRefund serves POST /admin/orders/:number/refund: first it says what that
// would be, and then it is done.
func (h *Handlers) createRefund(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	o, err := order.ByNumber(ctx, h.Pool, orderNumber(c))
	if err != nil {
		return err
	}
	page, r, err := h.newRefundPage(c, a, o, form)
	if err != nil {
		return err
	}
	if len(page.Key) != 26 {
		return web.ErrMalformed
	}
	if page.Wrong == "" && form.Value("confirmed") != "" {
		err := h.Desk.GiveBack(ctx, o.Number, r, a.ID)
		if err == nil {
			web.Redirect(c, page.OrderPath)
			return nil
		}
		if f := (*fault.Fault)(nil); !errors.As(err, &f) || f.Kind != fault.Invalid {
			return err
		}
	}
	lines, total, err := o.Reckon(r.GiveBack)
	f := (*fault.Fault)(nil)
	switch {
	case page.Wrong != "":
	case !slices.Contains(checkout.Reasons, r.Reason):
		page.Wrong = l.T(checkout.ErrNoReason.Key)
	case errors.As(err, &f):
		page.Wrong = l.T(f.Key, f.Args...)
	case err != nil:
		return err
	}
	if page.Wrong != "" {
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/refund", page)
	}
	page.Reckoned, page.Total = true, total
	for _, f := range o.Fulfilment {
		share := RefundShare{Who: f.Maker, Amount: money.Amount{Currency: money.MAD}}
		for _, g := range lines {
			if g.Line.Artisan == f.Artisan {
				share.Amount = share.Amount.Plus(g.ToArtisan)
			}
		}
		if !share.Amount.IsZero() {
			page.Shares = append(page.Shares, share)
		}
	}
	return h.Site.Render(c, http.StatusOK, "admin/refund", page)
}
