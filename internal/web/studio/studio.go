// Package studio is the artisan's workshop in the market: coming in, what is to
// be prepared, what was sold and is owed, and price and stock of one's pieces.
//
// Its people read little and own an old phone: one thing on a screen, a picture
// beside each word, large targets.
package studio

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// Handlers are the studio's pages.
type Handlers struct {
	Site  *web.Site
	Pool  *pgxpool.Pool
	Media *media.Library
}

// AddRoutes registers the studio's pages.
func (h *Handlers) AddRoutes(r *gin.Engine) error {
	r.GET("/studio/welcome/:token", h.Site.Handle(h.newMember))
	r.POST("/studio/welcome/:token", h.Site.Handle(h.createMember))
	r.POST("/studio/welcome/:token/passkey", h.Site.Handle(h.offerMember))
	r.POST("/studio/welcome/:token/passkey/answer", h.Site.Handle(h.createMemberByPasskey))
	r.POST("/studio/passkey", h.Site.For(identity.EnterStudio, h.offerPasskey))
	r.POST("/studio/passkey/answer", h.Site.For(identity.EnterStudio, h.createPasskey))
	r.GET("/studio/helpers", h.mine(h.listHelpers))
	r.POST("/studio/helpers", h.mine(h.createOffer))
	r.POST("/studio/helpers/:ref/confirmation", h.mine(h.createConfirmation))
	r.POST("/studio/helpers/:ref/end", h.mine(h.endHelper))
	r.GET("/studio/help/:token", h.Site.Handle(h.newHelper))
	r.POST("/studio/help/:token", h.Site.Handle(h.createHelper))
	r.GET("/studio/for", h.Site.Anyone(h.listHelped))
	r.POST("/studio/for", h.Site.Anyone(h.createHelping))
	r.POST("/studio/for/ask", h.Site.Anyone(h.askToHelp))
	r.POST("/studio/for/choose", h.Site.Anyone(h.chooseHelped))
	r.POST("/studio/for/:ref/end", h.Site.Anyone(h.endHelping))
	r.GET("/studio", h.own(h.showHome))
	r.GET("/studio/orders", h.preparing(h.listOrders))
	r.POST("/studio/orders/:number/photo", h.preparing(h.createHanding))
	r.GET("/studio/money", h.own(h.listMoney))
	r.GET("/studio/money/:year", h.own(h.showStatement))
	r.GET("/studio/pieces", h.own(h.listPieces))
	r.GET("/studio/pieces/:slug/withdrawal", h.own(h.newWithdrawal))
	r.POST("/studio/pieces/:slug/withdrawal", h.own(h.createWithdrawal))
	r.GET("/studio/pieces/:slug/return", h.own(h.newReturn))
	r.POST("/studio/pieces/:slug/return", h.own(h.createReturn))
	r.GET("/studio/pieces/:slug/takedown", h.own(h.showTakedown))
	r.POST("/studio/pieces/:slug/takedown", h.own(h.createTakedownAppeal))
	r.POST("/studio/pieces/:slug/copy", h.own(h.createCopy))
	r.POST("/studio/pieces/:slug/edit", h.own(h.createEdit))
	r.POST("/studio/variants/:sku", h.own(h.updateVariant))
	r.GET("/studio/workshop", h.own(h.showWorkshop))
	r.GET("/studio/workshop/place", h.own(atPlace(h.showPart)))
	r.POST("/studio/workshop/place", h.own(atPlace(h.savePlace)))
	r.GET("/studio/workshop/:part", h.own(h.showPart))
	r.POST("/studio/workshop/:part", h.own(h.savePart))
	r.GET("/studio/reviews", h.own(h.listReviews))
	r.POST("/studio/reviews/:ref", h.own(h.answerReview))
	r.GET("/studio/marks", h.own(h.listMarks))
	r.POST("/studio/marks/:ref/appeal", h.own(h.createAppeal))
	r.GET("/studio/cards", h.own(h.listCards))
	r.POST("/studio/drafts", h.own(h.createDraft))
	r.POST("/studio/drafts/:token/leave", h.own(h.deleteEdit))
	r.POST("/studio/drafts/:token/voice", h.own(h.saveVoice))
	r.GET("/studio/drafts/:token/:step", h.own(h.showStep))
	r.POST("/studio/drafts/:token/:step", h.own(h.saveStep))
	return h.addUploadRoutes(r)
}

func (h *Handlers) page(c *gin.Context, section, title string) web.Page {
	p := h.Site.Page(c, title)
	p.NoIndex, p.Section = true, section
	if v, ok := c.Get(helpingKey); ok {
		p.For = v.(*web.For)
	}
	return p
}

// WelcomePage is studio/welcome.
type WelcomePage struct {
	web.Page
	Name     lang.Text
	Password web.Field
	Passkey  *web.Passkey
	Action   string
	Least    int
}

var welcomeLimit = web.Limit{Name: "welcome", Times: 30, In: 10 * time.Minute}

// newMember serves GET /studio/welcome/:token. Looking does not use the link
// up.
func (h *Handlers) newMember(c *gin.Context) error {
	if err := h.Site.Limits.Allow(c, welcomeLimit, c.ClientIP()); err != nil {
		return err
	}
	a, err := union.InvitedBy(c.Request.Context(), h.Pool, c.Param("token"), h.Site.Now())
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "studio/welcome", h.newWelcomePage(c, a, web.EmptyForm(c)))
}

func (h *Handlers) newWelcomePage(c *gin.Context, a union.Artisan, form *web.Form) *WelcomePage {
	l := web.Language(c)
	name, _ := a.NameIn(l)
	page := &WelcomePage{Page: h.page(c, "", l.T("studio.welcome", name)), Name: name, Action: "/studio/welcome/" + c.Param("token"), Least: identity.MinPassword}
	if h.Site.Passkeys.Possible() {
		page.Passkey = &web.Passkey{Way: "create", Options: page.Action + "/passkey", Answer: page.Action + "/passkey/answer",
			Label: l.T("studio.by_finger"), More: l.T("studio.by_finger.more")}
	}
	page.Password = form.Field("studio", "password", "new-password", func(f *web.Field) {
		f.Type, f.Dir, f.Required, f.Value = "password", "ltr", true, ""
	})
	return page
}

// createMember serves POST /studio/welcome/:token.
func (h *Handlers) createMember(c *gin.Context) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if err := h.Site.Limits.Allow(c, welcomeLimit, c.ClientIP()); err != nil {
		return err
	}
	a, err := union.InvitedBy(ctx, h.Pool, c.Param("token"), h.Site.Now())
	if err != nil {
		return err
	}
	var id identity.AccountID
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		id, err = union.ComeIn(ctx, tx, c.Param("token"), form.Value("password"), l.Code, h.Site.Now())
		return err
	})
	if errors.Is(err, identity.ErrWeakPassword) {
		var f fault.Form
		f.Wrong("password", "sign_in.weak", identity.MinPassword)
		form.Take(f.Err())
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/welcome", h.newWelcomePage(c, a, form))
	}
	if err != nil {
		return err
	}
	account, err := identity.ByID(ctx, h.Pool, id)
	if err != nil {
		return err
	}
	return h.Site.Passed(c, account, "/studio")
}

// HomePage is studio/home.
type HomePage struct {
	web.Page
	Name      lang.Text
	Passkey   *web.Passkey // offered where there is none yet
	ToPrepare int
	NextBy    time.Time
	Owed      money.Amount
	Notices   []NoticeLine
	ShopPath  string
}

// NoticeLine is something the artisan is told.
type NoticeLine struct {
	Said  string
	Words string // what someone of the union wrote, or empty
	At    time.Time
	New   bool
}

// showHome serves GET /studio.
func (h *Handlers) showHome(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	has, err := identity.HasPasskey(ctx, h.Pool, account.ID)
	if err != nil {
		return err
	}
	counts, err := order.CountParts(ctx, h.Pool, a.ID)
	if err != nil {
		return err
	}
	next, err := order.Parts(ctx, h.Pool, a.ID, order.ToPrepare, 1)
	if err != nil {
		return err
	}
	balance, err := ledger.Balance(ctx, h.Pool, ledger.Artisan(a.Slug))
	if err != nil {
		return err
	}
	notices, err := union.Notices(ctx, h.Pool, a.ID, 10)
	if err != nil {
		return err
	}
	name, _ := a.NameIn(l)
	page := &HomePage{Page: h.page(c, "home", l.T("studio.home", name)), Name: name, ToPrepare: counts[order.ToPrepare],
		Owed: balance.Negated(), ShopPath: "/" + l.Code + "/artisans/" + a.Slug}
	if len(next) > 0 {
		page.NextBy = next[0].PrepareBy
	}
	if !has && page.For == nil && h.Site.Passkeys.Possible() {
		page.Passkey = &web.Passkey{Way: "create", Options: "/studio/passkey", Answer: "/studio/passkey/answer", Label: l.T("studio.finger_next")}
	}
	for _, n := range notices {
		about, _, _ := strings.Cut(n.Subject, "/") // The rest makes it one of many.
		page.Notices = append(page.Notices, NoticeLine{Said: l.T("notice."+n.Kind, about), Words: n.Details["words"], At: n.At, New: !n.Read})
	}
	if page.For == nil { // What a helper reads is still new to the artisan.
		if err := union.ReadNotices(ctx, h.Pool, a.ID, h.Site.Now()); err != nil {
			return err
		}
	}
	return h.Site.Render(c, http.StatusOK, "studio/home", page)
}

// OrdersPage is studio/orders: what is to be prepared, due first.
type OrdersPage struct {
	web.Page
	Pause    *Pause // nil where the workshop is open
	Parts    []PartView
	Verdicts string // how many photos were as shown, empty where none was compared
}

// PartView is what is to be prepared for one order.
type PartView struct {
	Number string
	By     time.Time
	Late   bool
	Lines  []LineView
	Action string
	State  string // waiting, differs, or empty before the first photo
	Said   string // what the union said of it
	Shown  web.Picture
	Wrong  string // what is wrong with the photo that was sent
}

// LineView is a piece to be prepared.
type LineView struct {
	Title    lang.Text
	Options  string
	Text     string
	Quantity int
	Photo    web.Picture
	Share    money.Amount
}

// mostParts bounds the list of what is to be prepared; nobody prepares more at
// a time.
const mostParts = 100

// listOrders serves GET /studio/orders.
func (h *Handlers) listOrders(c *gin.Context, _ identity.Account, a union.Artisan) error {
	page, err := h.newOrdersPage(c, a)
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "studio/orders", page)
}

func (h *Handlers) newOrdersPage(c *gin.Context, a union.Artisan) (*OrdersPage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	parts, err := order.Parts(ctx, h.Pool, a.ID, order.ToPrepare, mostParts)
	if err != nil {
		return nil, err
	}
	page := &OrdersPage{Page: h.page(c, "orders", l.T("studio.orders"))}
	asShown, differed, err := order.CountVerdicts(ctx, h.Pool, a.ID)
	if err != nil {
		return nil, err
	}
	if asShown+differed > 0 {
		page.Verdicts = l.T("studio.verdicts.own", asShown+differed, asShown, differed, order.DifferedShare(asShown, differed))
	}
	if err := h.pause(c, a, page); err != nil {
		return nil, err
	}
	var ids []media.PictureID
	for _, p := range parts {
		if p.Handing != nil {
			ids = append(ids, p.Handing.Picture)
		}
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, ids...)
	if err != nil {
		return nil, err
	}
	today := h.Site.Now().Truncate(24 * time.Hour)
	for _, p := range parts {
		v := PartView{Number: p.Number, By: p.PrepareBy, Late: p.PrepareBy.Before(today), Action: "/studio/orders/" + p.Number + "/photo"}
		if shown := p.Handing; shown != nil {
			v.State, v.Said = string(shown.Verdict), shown.Words
			v.Shown = pictures.Make(shown.Picture, "studio-piece__photo", l.T("studio.your_photo"), "6rem", false)
		}
		for _, line := range p.Lines {
			if line.Left() == 0 {
				continue // Its money was given back.
			}
			v.Lines = append(v.Lines, newLineView(l, line))
		}
		page.Parts = append(page.Parts, v)
	}
	return page, nil
}

var uploadLimit = web.Limit{Name: "upload", Times: 60, In: 10 * time.Minute}

// createHanding serves POST /studio/orders/:number/photo: the very piece, as it
// is brought to the union.
func (h *Handlers) createHanding(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if err := h.Site.Limits.Allow(c, uploadLimit, strconv.FormatInt(int64(account.ID), 10)); err != nil {
		return err
	}
	file, err := web.ReadUpload(c, "photo")
	if err != nil {
		return err
	}
	number := c.Param("number")
	err = error(media.ErrEmpty)
	if file != nil {
		defer func() {
			if err := file.Close(); err != nil {
				h.Site.Log.WarnContext(ctx, "an upload was not closed", "error", err)
			}
		}()
		err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
			picture, err := h.Media.Take(ctx, tx, a.Slug, file)
			if err != nil {
				return err
			}
			if err := order.Show(ctx, tx, number, a.ID, picture, account.ID, h.Site.Now()); err != nil {
				return err
			}
			return h.Media.Queue(ctx, tx, picture, 1)
		})
	}
	if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
		page, err := h.newOrdersPage(c, a)
		if err != nil {
			return err
		}
		for i := range page.Parts {
			if page.Parts[i].Number == number {
				page.Parts[i].Wrong = l.T(f.Key, f.Args...)
			}
		}
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/orders", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/orders")
	return nil
}

func newLineView(l *lang.Language, line order.Line) LineView {
	v := LineView{Title: line.Title.In(l, "fr"), Text: line.BuyerText, Quantity: line.Left(), Share: line.ToArtisan.Minus(line.ArtisanBack),
		Photo: web.ByKey(line.PictureKey, "studio-piece__photo", "")}
	v.Options = catalog.OptionNames(l, line.Options)
	return v
}

// MoneyPage is studio/money: what was sold and is owed, line by line, as the
// ledger has it.
type MoneyPage struct {
	web.Page
	Owed       money.Amount
	Due        money.Amount // of that, what the union pays out next
	Held       money.Amount // of that, what buyers may still give back
	Statement  web.Link     // of this year
	Sales      []SaleView
	Next       string
	Withdrawal int
}

// SaleView is a line that was sold, explained to the centime.
type SaleView struct {
	LineView
	Number     string
	At         time.Time
	Price      money.Amount
	Commission money.Amount
	Percent    int
	Said       string // until when it is held and why, that it is due, or that it went back
	Due        bool
}

const perPage = 30

// listMoney serves GET /studio/money.
func (h *Handlers) listMoney(c *gin.Context, _ identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	after := c.Query("after")
	if len(after) > 10 {
		after = ""
	}
	sales, more, err := order.Sales(ctx, h.Pool, a.ID, after, perPage)
	if err != nil {
		return err
	}
	balance, err := ledger.Balance(ctx, h.Pool, ledger.Artisan(a.Slug))
	if err != nil {
		return err
	}
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	now := h.Site.Now()
	held, err := order.Held(ctx, h.Pool, a.ID, now.AddDate(0, 0, -profile.WithdrawalDays))
	if err != nil {
		return err
	}
	owed := balance.Negated()
	if held.Minor > owed.Minor {
		held = owed // The books decide.
	}
	page := &MoneyPage{Page: h.page(c, "money", l.T("studio.money")), Owed: owed, Held: held,
		Due: money.Centimes(owed.Minor - held.Minor), Withdrawal: profile.WithdrawalDays}
	year := strconv.Itoa(h.Site.Now().In(profile.Location).Year())
	page.Statement = web.Link{Name: l.T("studio.statement", year), Path: "/studio/money/" + year}
	for _, s := range sales {
		v := SaleView{LineView: newLineView(l, s.Line), Number: s.Number, At: s.PaidAt, Price: s.Line.Total.Minus(s.Line.GivenBack),
			Commission: s.Line.Commission.Minus(s.Line.GivenBack.Minus(s.Line.ArtisanBack)), Percent: s.Line.CommBP / 100}
		switch {
		case s.Line.Left() == 0:
			v.Said = l.T("studio.money.given_back")
		case s.State == order.Cancelled:
			v.Said = l.T("studio.money.cancelled")
		default:
			v.Said = l.T("studio.money.held", profile.WithdrawalDays)
			if s.Delivered == nil {
				break
			}
			due := s.Delivered.In(profile.Location).AddDate(0, 0, profile.WithdrawalDays)
			if v.Said = l.T("studio.money.held_until", due); !due.After(now) {
				v.Said, v.Due = l.T("studio.money.due_since", due), true
			}
		}
		page.Sales = append(page.Sales, v)
	}
	if more {
		page.Next = "/studio/money?after=" + sales[len(sales)-1].Number
	}
	return h.Site.Render(c, http.StatusOK, "studio/money", page)
}

// PiecesPage is studio/pieces: one's own pieces, with price and stock to be
// changed on the spot.
type PiecesPage struct {
	web.Page
	Drafts []DraftView
	Pieces []PieceView
	Rests  string // that they are off the market for the holidays
	Next   string
	Said   string
}

// DraftView is a piece that is not sent yet, or came back.
type DraftView struct {
	Path  string
	At    time.Time
	Photo web.Picture
	Back  bool // the committee asked for changes
	Edit  bool // of a piece that buyers see as it was
	Words []lang.Text
}

// PieceView is a piece of one's own.
type PieceView struct {
	Title    lang.Text
	Path     string // in the shop, empty where nobody sees it
	State    string
	Kind     string // right, waiting
	Photo    web.Picture
	Words    []lang.Text // what the committee said last, where it is not on sale
	Variants []VariantView
	Withdraw string // where it is taken off the market, empty where that cannot be
	Return   string // where it is put back, empty where that cannot be
	Copy     string
	Edit     string // where it is changed, empty where that is being done or cannot be
	Pending  string // what became of the last change
	Asked    bool   // after a report, to change what Words say
	Takedown string // where one reads why it is down, and answers
}

// VariantView is a size or colour with its price and stock.
type VariantView struct {
	SKU        string
	Name       string
	Price      string // as typed, where that made no sense
	PriceWrong string
	Stocked    bool
	OnHand     string
	CountWrong string
	Held       int
	Action     string
}

// listPieces serves GET /studio/pieces.
func (h *Handlers) listPieces(c *gin.Context, _ identity.Account, a union.Artisan) error {
	page, err := h.newPiecesPage(c, a)
	if err != nil {
		return err
	}
	for _, done := range []string{"changed", "sent", "withdrawn", "put_back", "left"} {
		if c.Query(done) != "" {
			page.Said = web.Language(c).T("studio." + done)
		}
	}
	return h.Site.Render(c, http.StatusOK, "studio/pieces", page)
}

func (h *Handlers) newPiecesPage(c *gin.Context, a union.Artisan) (*PiecesPage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	after := c.Query("after")
	if !catalog.IsSlug(after) {
		after = ""
	}
	list, more, err := catalog.OwnProducts(ctx, h.Pool, a.ID, after, perPage)
	if err != nil {
		return nil, err
	}
	drafts, err := catalog.Drafts(ctx, h.Pool, a.ID, perPage)
	if err != nil {
		return nil, err
	}
	decisions, err := moderation.Latest(ctx, h.Pool, a.ID)
	if err != nil {
		return nil, err
	}
	asked, err := moderation.AskedOf(ctx, h.Pool, a.ID)
	if err != nil {
		return nil, err
	}
	var ids []media.PictureID
	slugs := map[catalog.ProductID]string{}
	for _, o := range list {
		ids = append(ids, o.Picture)
		slugs[o.ID] = o.Slug
	}
	for _, d := range drafts {
		ids = append(ids, d.Body.Photos...)
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, ids...)
	if err != nil {
		return nil, err
	}
	page := &PiecesPage{Page: h.page(c, "pieces", l.T("studio.pieces"))}
	if a.Away {
		page.Rests = l.T("studio.pieces.away", l.Weekday(a.Closed.Reopens()))
	}
	back, editing := map[catalog.ProductID]bool{}, map[catalog.ProductID]bool{}
	for _, d := range drafts {
		v := DraftView{Path: "/studio/drafts/" + d.Token + "/photos", At: d.UpdatedAt, Edit: d.Live,
			Back: d.Product != 0 && decisions[slugs[d.Product]].Verdict == moderation.ChangesRequested}
		if len(d.Body.Photos) > 0 {
			v.Photo = pictures.Make(d.Body.Photos[0], "studio-piece__photo", "", "6rem", false)
		}
		if v.Back {
			v.Words = decisions[slugs[d.Product]].Said(l)
		}
		back[d.Product] = !d.Live
		editing[d.Product] = true
		page.Drafts = append(page.Drafts, v)
	}
	for _, o := range list {
		if back[o.ID] {
			continue // It stands above, to be changed.
		}
		v := PieceView{Title: o.Title.In(l, o.WrittenIn), State: l.T("product.state." + string(o.State)),
			Photo: pictures.Make(o.Picture, "studio-piece__photo", "", "6rem", false), Copy: "/studio/pieces/" + o.Slug + "/copy"}
		switch {
		case o.State == catalog.OnSale:
			v.Path, v.Kind = "/"+l.Code+"/products/"+o.Slug, "right"
			if o.Left() {
				v.Withdraw = "/studio/pieces/" + o.Slug + "/withdrawal"
			}
		case o.State == catalog.Withdrawn:
			v.Kind, v.Return = "waiting", "/studio/pieces/"+o.Slug+"/return"
		case o.State == catalog.TakenDown:
			v.Kind, v.Takedown = "wrong", "/studio/pieces/"+o.Slug+"/takedown"
		case decisions[o.Slug].Verdict == moderation.Rejected:
			v.State, v.Kind, v.Words = l.T("product.state.rejected"), "wrong", decisions[o.Slug].Said(l)
		case o.State == catalog.Drafted:
			v.State, v.Kind = l.T("product.state.submitted"), "waiting"
		}
		if o.State == catalog.OnSale || o.State == catalog.Withdrawn {
			if v.Edit = "/studio/pieces/" + o.Slug + "/edit"; editing[o.ID] {
				v.Edit = "" // It stands above, to be gone on with.
			}
			switch o.Pending {
			case "submitted":
				v.Pending = l.T("studio.edit.waits")
			case "rejected":
				v.Pending, v.Words = l.T("studio.edit.refused"), decisions[o.Slug].Said(l)
			}
			if d, ok := asked[o.Slug]; ok {
				v.Asked, v.Words = true, append(v.Words, d.Said(l)...)
			}
		}
		for _, w := range o.Variants {
			v.Variants = append(v.Variants, newVariantView(l, w))
		}
		page.Pieces = append(page.Pieces, v)
	}
	if more {
		page.Next = "/studio/pieces?after=" + list[len(list)-1].Slug
	}
	return page, nil
}

func newVariantView(l *lang.Language, w catalog.Variant) VariantView {
	v := VariantView{SKU: w.SKU, Stocked: w.Stocked, OnHand: strconv.Itoa(w.OnHand), Held: w.Held, Action: "/studio/variants/" + w.SKU,
		Price: typedPrice(w.Price.Minor)}
	v.Name = catalog.OptionNames(l, w.Options)
	return v
}

// updateVariant serves POST /studio/variants/:sku.
func (h *Handlers) updateVariant(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	sku := c.Param("sku")
	var priceWrong, countWrong string
	price, err := money.Parse(form.Value("price"))
	if err != nil {
		priceWrong = l.T("studio.price_unread")
	}
	onHand := 0
	if form.Value("on_hand") != "" {
		count, err := money.Parse(form.Value("on_hand")) // Digits are digits, of any script.
		if err != nil || count.Minor%100 != 0 {
			countWrong = l.T("studio.count_unread")
		}
		onHand = int(count.Minor / 100)
	}
	if priceWrong == "" && countWrong == "" {
		err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
			return catalog.Change(ctx, tx, a.ID, sku, price, onHand, account.ID)
		})
		f := (*fault.Fault)(nil)
		switch {
		case err == nil:
			web.Redirect(c, "/studio/pieces?changed=1")
			return nil
		case errors.Is(err, catalog.ErrPrice):
			errors.As(err, &f)
			priceWrong = l.T(f.Key, f.Args...)
		case errors.Is(err, catalog.ErrCount), errors.Is(err, catalog.ErrHeldBack):
			errors.As(err, &f)
			countWrong = l.T(f.Key, f.Args...)
		default:
			return err
		}
	}
	page, err := h.newPiecesPage(c, a)
	if err != nil {
		return err
	}
	for i := range page.Pieces {
		for j := range page.Pieces[i].Variants {
			if v := &page.Pieces[i].Variants[j]; v.SKU == sku {
				v.Price, v.PriceWrong, v.CountWrong = form.Value("price"), priceWrong, countWrong
				if v.Stocked {
					v.OnHand = form.Value("on_hand")
				}
			}
		}
	}
	return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/pieces", page)
}
