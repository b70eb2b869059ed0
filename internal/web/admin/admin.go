// Package admin is the union's office.
package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// Handlers are the administration's pages.
type Handlers struct {
	Site *web.Site
	Pool *pgxpool.Pool
	Desk *checkout.Desk

	Media *media.Library
}

// AddRoutes registers the administration's pages.
func (h *Handlers) AddRoutes(r *gin.Engine) {
	h.addNumberRoutes(r)
	r.GET("/admin/orders", h.for_(identity.SeeOrders, h.listOrders))
	r.GET(waitingPath, h.for_(identity.SeeOrders, h.listWaiting))
	for _, w := range order.Works {
		r.GET(workPath(w), h.for_(identity.SeeOrders, h.listWork(w)))
	}
	r.GET("/admin/orders/:number", h.for_(identity.SeeOrders, h.showOrder))
	r.POST("/admin/orders/:number/fulfilments/:artisan/verdict", h.for_(identity.TakePiecesIn, h.createVerdict))
	r.GET("/admin/orders/:number/packing", h.for_(identity.SeeOrders, h.showPacking))
	r.POST("/admin/orders/:number/packing", h.for_(identity.SendPieces, h.createPacking))
	r.GET("/admin/orders/:number/label", h.for_(identity.SeeOrders, h.showLabel))
	r.POST("/admin/orders/:number/shipment", h.for_(identity.SendPieces, h.createShipment))
	r.POST("/admin/orders/:number/delivery", h.for_(identity.SendPieces, h.createDelivery))
	r.POST("/admin/orders/:number/note", h.for_(identity.SendPieces, h.createNote))
	r.POST("/admin/orders/:number/message", h.for_(identity.SendPieces, h.createMessage))
	r.POST("/admin/orders/:number/address", h.for_(identity.SendPieces, h.updateAddress))
	r.GET("/admin/orders/:number/refund", h.for_(identity.GiveMoneyBack, h.newRefund))
	r.POST("/admin/orders/:number/refund", h.for_(identity.GiveMoneyBack, h.createRefund))
	r.POST("/admin/orders/:number/cash", h.for_(identity.SendPieces, h.createCash))
	r.POST("/admin/orders/:number/return", h.for_(identity.SendPieces, h.createReturn))
	r.GET("/admin/search", h.for_(identity.SeeOrders, h.showSearch))
	r.GET("/admin/audit", h.for_(identity.SeeAudit, h.listAudit))
	r.GET("/admin/audit.csv", h.for_(identity.SeeAudit, h.sendAudit))
	r.GET(staffPath, h.for_(identity.ManageStaff, h.listStaff))
	r.POST(staffPath, h.for_(identity.ManageStaff, h.createStaff))
	r.GET(staffPath+"/new", h.for_(identity.ManageStaff, h.newStaff))
	r.GET(staffPath+"/:ref", h.for_(identity.ManageStaff, h.showColleague))
	for path, fn := range map[string]func(*gin.Context, identity.Account, identity.Colleague) error{
		"/roles": h.saveRoles, "/state": h.saveState, "/link": h.createLink, "/second-step/end": h.endSecondStep,
		"/sessions/end": h.endStaffSessions, "/sessions/:name/end": h.endStaffSession} {
		r.POST(staffPath+"/:ref"+path, h.for_(identity.ManageStaff, h.colleague(fn)))
	}
	r.GET("/admin/queue", h.for_(identity.JudgePieces, h.listQueue))
	r.GET("/admin/queue/:slug/:number", h.for_(identity.JudgePieces, h.showDecision))
	r.POST("/admin/queue/:slug/:number/decision", h.for_(identity.JudgePieces, h.createDecision))
	r.GET("/admin/pieces/:slug", h.for_(identity.JudgePieces, h.showPiece))
	r.POST("/admin/pieces/:slug/ruling", h.for_(identity.JudgePieces, h.createRuling))
	r.POST("/admin/pieces/:slug/appeal", h.for_(identity.JudgePieces, h.createAppealRuling))
	r.GET(reviewsPath, h.for_(identity.JudgePieces, h.listReviews))
	r.POST(reviewsPath+"/:ref", h.for_(identity.JudgePieces, h.decideReview))
	r.GET("/admin/committees/:slug", h.for_(identity.JudgePieces, h.showCommittee))
	r.POST("/admin/committees/:slug", h.for_(identity.JudgePieces, h.saveCommittee))
	r.GET(settingsPath, h.for_(identity.KeepSettings, h.listSettings))
	r.GET(settingsPath+"/:kind", h.for_(identity.KeepSettings, h.listRecords))
	r.POST(settingsPath+"/:kind", h.for_(identity.KeepSettings, h.createSetting))
	r.GET(settingsPath+"/:kind/new", h.for_(identity.KeepSettings, h.newSetting))
	r.GET(settingsPath+"/:kind/:ref", h.for_(identity.KeepSettings, h.showSetting))
	r.POST(settingsPath+"/:kind/:ref", h.for_(identity.KeepSettings, h.saveSetting))
	r.POST(settingsPath+"/:kind/:ref/restoration", h.for_(identity.KeepSettings, h.restoreSetting))
	r.POST(settingsPath+"/:kind/:ref/removal", h.for_(identity.KeepSettings, h.removeSetting))
	r.POST(logoPath, h.for_(identity.KeepSettings, h.saveLogo))
	r.GET(translationsPath, h.for_(identity.WriteWords, h.listTranslations))
	r.POST(translationsPath, h.for_(identity.WriteWords, h.saveTranslations))
	h.addMarkRoutes(r)
	r.GET("/admin/voices", h.for_(identity.WriteWords, h.listVoices))
	r.GET("/admin/voices/:slug", h.for_(identity.WriteWords, h.showVoice))
	r.POST("/admin/voices/:slug", h.for_(identity.WriteWords, h.saveVoice))
	r.GET(trainingsPath, h.for_(identity.SeeArtisans, h.listTrainings))
	r.POST(trainingsPath, h.for_(identity.KeepTrainings, h.createCourse))
	r.GET(trainingsPath+"/:slug", h.for_(identity.SeeArtisans, h.showCourse))
	r.POST(trainingsPath+"/:slug", h.for_(identity.KeepTrainings, h.updateCourse))
	r.POST(trainingsPath+"/:slug/completions", h.for_(identity.KeepTrainings, h.createCompletions))
	r.POST(trainingsPath+"/:slug/completions/:artisan/undo", h.for_(identity.KeepTrainings, h.destroyCompletion))
	r.GET(applicationsPath, h.for_(identity.JudgePieces, h.listApplications))
	r.GET(applicationsPath+"/:ref", h.for_(identity.JudgePieces, h.showApplication))
	r.POST(applicationsPath+"/:ref", h.for_(identity.JudgePieces, h.createVote))
	r.GET("/admin/artisans", h.for_(identity.SeeArtisans, h.listArtisans))
	r.GET("/admin/artisans.csv", h.for_(identity.SeeArtisans, h.sendRegister))
	r.POST("/admin/artisans/invitations", h.for_(identity.InviteArtisans, h.createInvitations))
	r.GET("/admin/artisans/import", h.for_(identity.InviteArtisans, h.newImport))
	r.POST("/admin/artisans/import", h.for_(identity.InviteArtisans, h.createImport))
	r.GET("/admin/artisans/import.csv", h.for_(identity.InviteArtisans, h.sendPattern))
	r.GET("/admin/artisans/imports/:token", h.for_(identity.InviteArtisans, h.showImport))
	r.POST("/admin/artisans/imports/:token", h.for_(identity.InviteArtisans, h.confirmImport))
	r.GET("/admin/artisans/:slug", h.for_(identity.SeeArtisans, h.showArtisan))
	r.POST("/admin/artisans/:slug/invitation", h.for_(identity.InviteArtisans, h.createInvitation))
	r.POST("/admin/artisans/:slug/helper", h.for_(identity.GiveHelpers, h.createHelperOffer))
	r.POST("/admin/artisans/:slug/files", h.for_(identity.InviteArtisans, h.createFile))
	r.GET("/admin/artisans/:slug/files/:ref", h.for_(identity.SeeArtisans, h.showFile))
	r.POST("/admin/artisans/:slug/files/:ref/removal", h.for_(identity.InviteArtisans, h.destroyFile))
	r.GET("/admin/artisans/:slug/merge", h.for_(identity.SuspendArtisans, h.showMerge))
	r.POST("/admin/artisans/:slug/merge", h.for_(identity.SuspendArtisans, h.createMerge))
	r.POST("/admin/artisans/:slug/departure", h.for_(identity.SuspendArtisans, h.createDeparture))
	r.POST("/admin/artisans/:slug/return", h.for_(identity.SuspendArtisans, h.createReturnOfMember))
	r.POST("/admin/artisans/:slug/suspension", h.for_(identity.SuspendArtisans, h.createSuspension))
	r.POST("/admin/artisans/:slug/reinstatement", h.for_(identity.SuspendArtisans, h.createReinstatement))
}

// for_ lets in who may do act.
func (h *Handlers) for_(act identity.Act, fn func(*gin.Context, identity.Account) error) gin.HandlerFunc {
	return h.Site.For(act, fn)
}

func (h *Handlers) page(c *gin.Context, a identity.Account, title string) web.Page {
	l := web.Language(c)
	p := h.Site.Page(c, title)
	p.NoIndex = true
	p.User = &web.User{Name: a.Name, Search: a.May(identity.SeeOrders), Studio: a.May(identity.EnterStudio), Office: true, Nav: nav(l, a)}
	var roles []string
	for _, r := range a.Roles {
		roles = append(roles, l.T("role."+string(r)))
	}
	p.User.Roles = l.List(roles)
	return p
}

// sections are the office's pages as its bar leads to them, in groups.
var sections = [][]struct {
	name, path, key string
	may             identity.Act
}{
	{{"overview", overviewPath, "overview.title", identity.EnterAdmin}},
	{{"orders", ordersPath, "admin.orders", identity.SeeOrders}},
	{{"artisans", "/admin/artisans", "admin.artisans", identity.SeeArtisans}, {"applications", applicationsPath, "applications.title", identity.JudgePieces}, {"trainings", trainingsPath, "admin.trainings", identity.SeeArtisans}},
	{{"queue", "/admin/queue", "admin.queue", identity.JudgePieces}, {"reviews", reviewsPath, "admin.reviews", identity.JudgePieces},
		{"marks", marksPath, "admin.marks", identity.JudgePieces}, {"voices", "/admin/voices", "admin.voices", identity.WriteWords}},
	{{"settings", settingsPath, "settings.title", identity.KeepSettings}, {"translations", translationsPath, "translations.title", identity.WriteWords},
		{"staff", staffPath, "staff.title", identity.ManageStaff}, {"audit", "/admin/audit", "admin.audit", identity.SeeAudit}},
}

// nav is what of the office an account may enter.
func nav(l *lang.Language, a identity.Account) (list []web.NavGroup) {
	for _, of := range sections {
		var g web.NavGroup
		for _, s := range of {
			if a.May(s.may) {
				g.Links = append(g.Links, web.NavLink{Name: l.T(s.key), Path: s.path, Section: s.name})
			}
		}
		if len(g.Links) > 0 {
			list = append(list, g)
		}
	}
	return list
}

// OrdersPage is admin/orders.
type OrdersPage struct {
	web.Page
	Orders []OrderRow
	Work   Tabs
	States Tabs
	Search string
	State  string
	Next   string
	Found  bool
}

// OrderRow is an order in the list.
type OrderRow struct {
	Path, Number string
	State        string
	StateKind    string
	StateKey     string
	Name         string
	To           string
	Pieces       int
	Makers       int
	Total        money.Amount
	At           time.Time
}

// StateTab leads to the orders of one state.
type StateTab struct {
	Path, Name string
	Count      int
	Current    bool
}

const perPage = 50

var states = []order.State{order.Paid, order.Pending, order.Completed, order.Expired, order.Cancelled}

// listOrders serves GET /admin/orders.
func (h *Handlers) listOrders(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	f := order.Filter{Limit: perPage, Query: shorten(c.Query("q"))}
	for _, s := range states {
		if c.Query("state") == string(s) {
			f.State = s
		}
	}
	if after := c.Query("after"); len(after) <= 10 {
		f.After = after
	}
	list, more, err := order.List(ctx, h.Pool, f)
	if err != nil {
		return err
	}
	counts, err := order.CountByState(ctx, h.Pool)
	if err != nil {
		return err
	}
	page := &OrdersPage{Page: h.page(c, a, l.T("admin.orders")), Search: f.Query, State: string(f.State), Found: len(list) > 0}
	page.Section = "orders"
	today, err := h.today(c)
	if err != nil {
		return err
	}
	all := sum(counts)
	if page.Work, err = h.workTabs(c, today, ordersPath, all); err != nil {
		return err
	}
	page.States.Label = l.T("admin.states")
	page.States.Tabs = append(page.States.Tabs, StateTab{ordersPath, l.T("admin.all"), all, f.State == ""})
	for _, s := range states {
		page.States.Tabs = append(page.States.Tabs, StateTab{ordersPath + "?state=" + string(s), l.T("order.short." + string(s)), counts[s], f.State == s})
	}
	for _, o := range list {
		page.Orders = append(page.Orders, newOrderRow(l, o))
	}
	if more {
		q := c.Request.URL.Query()
		q.Set("after", list[len(list)-1].Number)
		page.Next = "/admin/orders?" + q.Encode()
	}
	return h.Site.Render(c, http.StatusOK, "admin/orders", page)
}

func newOrderRow(l *lang.Language, o order.Summary) OrderRow {
	r := OrderRow{Path: "/admin/orders/" + o.Number, Number: o.Number, State: l.T("order.short." + string(o.State)),
		StateKey: string(o.State), StateKind: stateKind(o.State), Name: o.Name, Pieces: o.Pieces, Makers: o.Makers, Total: o.Total, At: o.PlacedAt}
	r.To = l.T("admin.collects")
	if o.Delivery == order.Post {
		r.To = l.Country(o.Country)
	}
	return r
}

func stateKind(s order.State) string {
	switch s {
	case order.Paid, order.Completed:
		return "right"
	case order.Pending, order.Confirmed:
		return "waiting"
	}
	return "plain"
}

// OrderPage is admin/order.
type OrderPage struct {
	web.Page
	Number      string
	State       string
	StateKind   string
	StateKey    string
	At          time.Time
	Name        string
	Email       string
	Phone       string
	Address     []string
	Collect     bool
	ArrivesBy   time.Time
	Weight      int
	Carrier     string
	Fulfilments []FulfilmentPart
	PiecesSum   money.Amount
	Postage     money.Amount
	Total       money.Amount
	Refunded    money.Amount
	HasRefund   bool
	Payments    []PaymentRow
	Ledger      []LedgerRow
	History     []HistoryRow
	ShopPath    string
	Shipment    *ShipmentPart // nil before all pieces are handed in
	Desk        *DeskPart     // nil for those who only look
	RefundPath  string        // where money is given back, empty where there is none to give
	CashAction  string        // where cash is taken for it, empty where none is to be
	CashLabel   string
	CashUntil   time.Time
}

// FulfilmentPart is what one artisan prepares.
type FulfilmentPart struct {
	Maker     string
	Path      string
	State     string
	StateKind string
	StateKey  string
	PrepareBy time.Time
	Lines     []LineRow
	Shown     *ShownPiece
}

// ShownPiece is the photo of what an artisan hands in, to be compared.
type ShownPiece struct {
	At     time.Time
	Photo  web.Picture
	State  string
	Key    string
	Kind   string
	Words  string
	Action string // empty where there is nothing to decide
	Of     string // slug of the artisan
}

// LineRow is a line of an order, with whose the money is.
type LineRow struct {
	SKU, Title, Options, Text string
	Quantity, Returned        int
	Total                     money.Amount
	Commission                money.Amount
	ToArtisan                 money.Amount
	Photo                     web.Picture
}

// PaymentRow is a try to pay.
type PaymentRow struct {
	Provider, State, Ref string
	StateKind            string
	Amount, Fee          money.Amount
	HasFee               bool
	At                   time.Time
}

// LedgerRow is a posting.
type LedgerRow struct {
	Kind, Account, Note string
	Debit, Credit       money.Amount
	IsDebit             bool
}

// HistoryRow is something that happened.
type HistoryRow struct {
	At    time.Time
	Said  string
	By    string
	Words string // of a note or a message
}

// showOrder serves GET /admin/orders/:number.
func (h *Handlers) showOrder(c *gin.Context, a identity.Account) error {
	return h.renderOrder(c, a, http.StatusOK, nil)
}

// renderOrder shows an order; form is that of its parcel where something in it
// was wrong, and nil otherwise.
func (h *Handlers) renderOrder(c *gin.Context, a identity.Account, status int, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	o, err := order.ByNumber(ctx, h.Pool, orderNumber(c))
	if err != nil {
		return err
	}
	payments, err := payment.OfOrder(ctx, h.Pool, o.ID)
	if err != nil {
		return err
	}
	entries, err := ledger.ByReference(ctx, h.Pool, o.Number)
	if err != nil {
		return err
	}
	history, err := order.History(ctx, h.Pool, o.ID)
	if err != nil {
		return err
	}
	page := &OrderPage{
		Page: h.page(c, a, l.T("order.title", o.Number)), Number: o.Number, State: l.T("order.short." + string(o.State)),
		StateKey: string(o.State), StateKind: stateKind(o.State), At: o.PlacedAt, Name: o.Contact.Name, Email: o.Contact.Email,
		Phone: o.Contact.Phone, Collect: o.Delivery == order.Collect, ArrivesBy: o.ArrivesBy, Weight: o.Weight, Carrier: o.Carrier,
		PiecesSum: o.Pieces, Postage: o.Postage, Total: o.Total, Refunded: o.Refunded, HasRefund: !o.Refunded.IsZero(),
		ShopPath: "/" + l.Code + "/orders/" + o.Token,
	}
	page.Section = "orders"
	if !page.Collect {
		page.Address = append(streetLines(o.Address), l.Country(o.Address.Country))
	}
	if (o.State == order.Paid || o.State == order.Completed) && o.Refunded.Compare(o.Total) < 0 && a.May(identity.GiveMoneyBack) {
		page.RefundPath = "/admin/orders/" + o.Number + "/refund"
	}
	if o.State == order.Confirmed && a.May(identity.SendPieces) {
		page.CashAction, page.CashUntil = "/admin/orders/"+o.Number+"/cash", o.PayBy
		page.CashLabel = l.T("admin.cash.take", o.Total)
		if o.Shipment != nil && o.Shipment.State == order.Packed {
			page.CashLabel = l.T("admin.cash.hand_over", o.Total)
		}
	}
	page.Desk = h.deskPart(c, a, o, form)
	if form != nil && form.Value("form") != "" {
		form = nil // It was not the parcel's.
	}
	if page.Shipment, err = h.shipment(c, a, o, form); err != nil {
		return err
	}
	if err := h.parts(c, a, page, o); err != nil {
		return err
	}
	for _, p := range payments {
		r := PaymentRow{Provider: p.Provider, State: l.T("payment." + string(p.State)), Ref: p.Ref, Amount: p.Amount, Fee: p.Fee,
			HasFee: !p.Fee.IsZero(), At: p.CreatedAt, StateKind: map[payment.State]string{payment.Paid: "right", payment.Open: "waiting"}[p.State]}
		page.Payments = append(page.Payments, r)
	}
	for _, e := range entries {
		r := LedgerRow{Kind: l.T("ledger." + string(e.Kind)), Account: accountName(l, e.Account), Note: e.Note, IsDebit: e.Amount.Minor > 0}
		if r.IsDebit {
			r.Debit = e.Amount
		} else {
			r.Credit = e.Amount.Negated()
		}
		page.Ledger = append(page.Ledger, r)
	}
	for _, e := range history {
		words, _ := e.Details["words"].(string)
		page.History = append(page.History, HistoryRow{At: e.At, Said: l.T("history." + e.Kind), By: e.By, Words: words})
	}
	return h.Site.Render(c, status, "admin/order", page)
}

func (h *Handlers) parts(c *gin.Context, a identity.Account, page *OrderPage, o order.Order) error {
	ctx, l := c.Request.Context(), web.Language(c)
	shown, err := order.LatestHandings(ctx, h.Pool, o.ID)
	if err != nil {
		return err
	}
	var ids []media.PictureID
	for _, s := range shown {
		ids = append(ids, s.Picture)
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, ids...)
	if err != nil {
		return err
	}
	for _, f := range o.Fulfilment {
		name, _ := union.Artisan{Name: f.Maker, NameArabic: f.MakerArabic}.NameIn(l)
		part := FulfilmentPart{Maker: name.Words, Path: "/" + l.Code + "/artisans/" + f.MakerSlug, StateKey: string(f.State),
			State: l.T("fulfilment.short." + string(f.State)), PrepareBy: f.PrepareBy,
			StateKind: map[order.FulfilmentState]string{order.HandedIn: "right", order.ToPrepare: "waiting"}[f.State]}
		for _, line := range o.Lines {
			if line.Artisan != f.Artisan {
				continue
			}
			r := LineRow{SKU: line.SKU, Title: line.Title.In(l, "fr").Words, Text: line.BuyerText, Quantity: line.Quantity,
				Returned: line.Returned, Total: line.Total, Commission: line.Commission, ToArtisan: line.ToArtisan, Photo: web.ByKey(line.PictureKey, "shown__small", "")}
			r.Options = catalog.OptionNames(l, line.Options)
			part.Lines = append(part.Lines, r)
		}
		if s, ok := shown[f.Artisan]; ok {
			part.Shown = &ShownPiece{Of: f.MakerSlug, At: s.ShownAt, Key: string(s.Verdict), State: l.T("verdict." + string(s.Verdict)), Words: s.Words,
				Photo: pictures.Make(s.Picture, "shown__photo", l.T("admin.shown"), "(min-width: 48rem) 20rem, 45vw", false),
				Kind:  map[order.Verdict]string{order.WaitingVerdict: "waiting", order.AsShown: "right", order.Differs: "wrong"}[s.Verdict]}
			if s.Verdict == order.WaitingVerdict && a.May(identity.TakePiecesIn) {
				part.Shown.Action = "/admin/orders/" + o.Number + "/fulfilments/" + f.MakerSlug + "/verdict"
			}
		}
		page.Fulfilments = append(page.Fulfilments, part)
	}
	return nil
}

// createVerdict serves POST /admin/orders/:number/fulfilments/:artisan/verdict:
// what the union's agent sees beside what the buyer was shown.
func (h *Handlers) createVerdict(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	verdict := order.Verdict(form.Value("verdict"))
	if verdict != order.AsShown && verdict != order.Differs {
		return web.ErrMalformed
	}
	number := orderNumber(c)
	m, err := union.Member(ctx, h.Pool, c.Param("artisan"))
	if err != nil {
		return err
	}
	words := form.Value("words")
	if r := []rune(words); len(r) > 500 {
		words = string(r[:500])
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		if err := order.Judge(ctx, tx, number, m.ID, verdict, words, a.ID, h.Site.Now()); err != nil {
			return err
		}
		return union.Tell(ctx, tx, m.ID, "piece_"+string(verdict), number, nil)
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/orders/"+number)
	return nil
}

// accountName is a ledger account in words; an artisan's keeps the slug.
func accountName(l *lang.Language, a ledger.Account) string {
	if slug, ok := strings.CutPrefix(string(a), "artisan:"); ok {
		return l.T("account.artisan", slug)
	}
	return l.T("account." + string(a))
}
