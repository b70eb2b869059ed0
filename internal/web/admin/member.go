package admin

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/membership"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// MemberPart is what a member's page says besides the profile.
type MemberPart struct {
	Bio       lang.Text
	Years     string
	Legal     string
	Pieces    []NumberLink
	Parts     []NumberLink
	Last      []MemberOrder
	Owed      money.Amount
	Held      money.Amount
	Due       money.Amount
	Decisions []MemberDecision
	Moves     []MarkEvent
	Audit     string // where all that was done is listed; empty for who may not
	Files     []MemberFile
	FileAct   string // where one is sent; empty for who may not
	FileWrong string
}

// NumberLink is a number that leads to what it counts, where there is a page.
type NumberLink struct {
	Name, Path string
	Count      int
}

// MemberOrder is an order that a member has a part in.
type MemberOrder struct {
	Path, Number, State, Kind string
	At                        time.Time
	Pieces                    int
	Total                     money.Amount
}

// MemberDecision is what a committee said of a piece.
type MemberDecision struct {
	Path, Name, Verdict, Kind, By string
	At                            time.Time
	Said                          []lang.Text
}

// MemberFile is a paper about a member.
type MemberFile struct {
	Path, Name, By string
	Kilobytes      string
	At             time.Time
	Remove         string // empty for who may not
}

const mostDecisionsOf = 10

// fillMember fills in what the rooms know of a member.
func (h *Handlers) fillMember(c *gin.Context, a identity.Account, page *ArtisanPage, m union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	o, err := membership.OverviewOf(ctx, h.Pool, m, h.Site.Now().AddDate(0, 0, -profile.WithdrawalDays))
	if err != nil {
		return err
	}
	page.Bio, page.Legal = m.Bio.In(l, m.WrittenIn), m.LegalStatus
	if m.YearsOfCraft > 0 {
		page.Years = l.Number(int64(m.YearsOfCraft))
	}
	for _, s := range []catalog.State{catalog.OnSale, catalog.Withdrawn, catalog.Drafted, catalog.TakenDown} {
		n := NumberLink{Name: l.T("product.state." + string(s)), Count: o.Pieces[s]}
		if s == catalog.OnSale && m.State == union.Active {
			n.Path = page.ShopPath
		}
		if n.Count > 0 || s == catalog.OnSale {
			page.Pieces = append(page.Pieces, n)
		}
	}
	if o.Waiting > 0 {
		n := NumberLink{Name: l.T("product.state.submitted"), Count: o.Waiting}
		if a.May(identity.JudgePieces) {
			n.Path = "/admin/queue"
		}
		page.Pieces = append(page.Pieces, n)
	}
	for _, s := range []order.FulfilmentState{order.ToPrepare, order.AwaitingPayment, order.HandedIn, order.Dropped} {
		if n := o.Parts[s]; n > 0 {
			v := NumberLink{Name: l.T("fulfilment.short." + string(s)), Count: n}
			if s == order.ToPrepare && a.May(identity.SeeOrders) {
				v.Path = waitingPath
			}
			page.Parts = append(page.Parts, v)
		}
	}
	for _, p := range o.Last {
		page.Last = append(page.Last, MemberOrder{"/admin/orders/" + p.Number, p.Number, l.T("fulfilment.short." + string(p.State)),
			map[order.FulfilmentState]string{order.HandedIn: "right", order.ToPrepare: "waiting", order.AwaitingPayment: "waiting"}[p.State], p.Placed, p.Pieces, p.Total})
	}
	page.Owed, page.Held, page.Due = o.Owed, o.Held, o.Owed.Minus(o.Held)
	for _, f := range o.Files {
		v := MemberFile{Path: "/admin/artisans/" + m.Slug + "/files/" + f.Ref, Name: f.Name, By: f.By, At: f.At, Kilobytes: l.Number(int64((f.Bytes + 1023) / 1024))}
		if a.May(identity.InviteArtisans) {
			v.Remove = v.Path + "/removal"
		}
		page.Files = append(page.Files, v)
	}
	if a.May(identity.InviteArtisans) {
		page.FileAct = "/admin/artisans/" + m.Slug + "/files"
	}
	var past []moderation.Decision
	if err := postgres.Together(ctx, h.Pool, moderation.AskPast(m.ID, 0, mostDecisionsOf, &past)); err != nil {
		return err
	}
	for _, d := range past {
		v := MemberDecision{Name: d.Product, Verdict: l.T("revision." + string(d.Verdict)), By: d.By, At: d.At, Said: d.Said(l),
			Kind: map[moderation.Verdict]string{moderation.Approved: "right", moderation.ChangesRequested: "waiting", moderation.Rejected: "wrong"}[d.Verdict]}
		if a.May(identity.JudgePieces) {
			v.Path = "/admin/queue/" + d.Product + "/" + strconv.Itoa(d.Revision)
		}
		page.Decisions = append(page.Decisions, v)
	}
	if a.May(identity.SeeAudit) {
		page.Audit = "/admin/audit?" + url.Values{"subject": {"artisan:" + m.Slug}}.Encode()
	}
	moves, err := identity.Moves(ctx, h.Pool, "artisan:"+m.Slug, union.MoveActions, mostDecisionsOf)
	if err != nil {
		return err
	}
	for _, v := range moves {
		page.Moves = append(page.Moves, MarkEvent{v.At, l.T("audit." + v.Action), v.By})
	}
	return nil
}

// createFile serves POST /admin/artisans/:slug/files.
func (h *Handlers) createFile(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	name, content, err := readFile(c, "file", membership.MostFileBytes)
	if err == nil {
		err = membership.KeepFile(ctx, h.Pool, h.Media.Store, m, name, content, a.ID, h.Site.Now())
	}
	form := web.EmptyForm(c)
	if form.TakeAt("file", err) {
		page, err := h.newArtisanPage(c, a, m)
		if err != nil {
			return err
		}
		page.FileWrong = form.Wrong("file")
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/artisan", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/artisans/"+m.Slug+"#files")
	return nil
}

// showFile serves GET /admin/artisans/:slug/files/:ref. It is only ever kept by
// the browser, and never shown by it as a page of ours.
func (h *Handlers) showFile(c *gin.Context, _ identity.Account) error {
	ctx := c.Request.Context()
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	f, content, err := membership.OpenFile(ctx, h.Pool, h.Media.Store, m, c.Param("ref"))
	if err != nil {
		return err
	}
	c.DataFromReader(http.StatusOK, content.Size, f.Kind, content, map[string]string{
		"Content-Disposition": mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}), "X-Content-Type-Options": "nosniff",
		"Cache-Control": "private, no-store"})
	return content.Close()
}

// destroyFile serves POST /admin/artisans/:slug/files/:ref/removal.
func (h *Handlers) destroyFile(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	if err := membership.RemoveFile(ctx, h.Pool, h.Media.Store, m, c.Param("ref"), a.ID); err != nil {
		return err
	}
	web.Redirect(c, "/admin/artisans/"+m.Slug+"#files")
	return nil
}
