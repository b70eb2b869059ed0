package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/web"
)

// DeskPart is what is written about an order: for colleagues, to its buyer, and
// where it goes.
type DeskPart struct {
	NoteAction    string
	MessageAction string
	AddressAction string // empty where it is packed, or collected
	Messages      []Choice
	Words         string
	Wrong         string // beside which form: note, message
	WordsWrong    string
	Fields        []web.Field // of the address
	Reads         string      // the buyer's language
}

func (h *Handlers) deskPart(c *gin.Context, a identity.Account, o order.Order, form *web.Form) *DeskPart {
	l := web.Language(c)
	if !a.May(identity.SendPieces) {
		return nil
	}
	if form == nil {
		form = web.EmptyForm(c)
	}
	path := "/admin/orders/" + o.Number
	part := &DeskPart{NoteAction: path + "/note", MessageAction: path + "/message", Words: form.Value("words"),
		Wrong: form.Value("form"), WordsWrong: form.Wrong("words"), Reads: l.LanguageName(o.Language)}
	for _, about := range checkout.Messages {
		part.Messages = append(part.Messages, Choice{about, l.T("admin.message." + about), about == form.Value("about")})
	}
	if o.Delivery != order.Post || o.State != order.Paid || o.Shipment != nil && o.Shipment.State != order.Packing {
		return part
	}
	part.AddressAction = path + "/address"
	for name, value := range map[string]string{"line1": o.Address.Line1, "landmark": o.Address.Landmark, "postcode": o.Address.Postcode,
		"city": o.Address.City, "region": o.Address.Region} {
		if form.Value("form") != "address" {
			form.Set(name, value)
		}
	}
	for _, name := range []string{"line1", "landmark", "postcode", "city", "region"} {
		part.Fields = append(part.Fields, form.Field("checkout", name, "off"))
	}
	return part
}

// createNote serves POST /admin/orders/:number/note.
func (h *Handlers) createNote(c *gin.Context, a identity.Account) error {
	return h.write(c, a, "note", func(form *web.Form) error {
		return postgres.InTx(c.Request.Context(), h.Pool, func(tx pgx.Tx) error {
			o, err := order.ByNumber(c.Request.Context(), tx, orderNumber(c))
			if err != nil {
				return err
			}
			return order.Remark(c.Request.Context(), tx, o, form.Value("words"), a.ID)
		})
	})
}

// createMessage serves POST /admin/orders/:number/message.
func (h *Handlers) createMessage(c *gin.Context, a identity.Account) error {
	return h.write(c, a, "message", func(form *web.Form) error {
		return h.Desk.Write(c.Request.Context(), orderNumber(c), form.Value("about"), form.Value("words"), a.ID)
	})
}

// updateAddress serves POST /admin/orders/:number/address.
func (h *Handlers) updateAddress(c *gin.Context, a identity.Account) error {
	return h.write(c, a, "address", func(form *web.Form) error {
		return postgres.InTx(c.Request.Context(), h.Pool, func(tx pgx.Tx) error {
			o, err := order.ByNumberForUpdate(c.Request.Context(), tx, orderNumber(c))
			if err != nil {
				return err
			}
			return order.Readdress(c.Request.Context(), tx, o, order.Address{Line1: form.Value("line1"), Landmark: form.Value("landmark"),
				City: form.Value("city"), Region: form.Value("region"), Postcode: form.Value("postcode")}, a.ID)
		})
	})
}

// write reads a form of the order's page, does what it asks for, and shows the
// page again with what is wrong beside its field.
func (h *Handlers) write(c *gin.Context, a identity.Account, name string, act func(*web.Form) error) error {
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	form.Set("form", name)
	err = act(form)
	if form.TakeAt("words", err) {
		return h.renderOrder(c, a, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/orders/"+orderNumber(c))
	return nil
}
