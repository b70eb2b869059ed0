package admin

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/membership"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// MergePage is admin/merge: two entries of the register side by side, of which one
// is to become the other.
type MergePage struct {
	web.Page
	From, Into MergedEntry
	Action     string // empty before another entry is chosen
	Problem    string
	Both       bool // can sign in
	Choices    []web.Link
	Search     string
	SearchPath string
}

// MergedEntry is one of them.
type MergedEntry struct {
	Path, Name, Slug string
	Facts            []Fact
	Pieces, Orders   int
	Trainings        int
	Owed             money.Amount
}

// showMerge serves GET /admin/artisans/:slug/merge.
func (h *Handlers) showMerge(c *gin.Context, a identity.Account) error {
	return h.renderMerge(c, a, http.StatusOK, c.Query("other"), "")
}

func (h *Handlers) renderMerge(c *gin.Context, a identity.Account, status int, other, problem string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	from, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	path := "/admin/artisans/" + from.Slug + "/merge"
	page := &MergePage{Page: h.page(c, a, l.T("admin.merge")), SearchPath: path, Search: shorten(c.Query("q")), Problem: problem}
	page.Section = "artisans"
	if page.From, err = h.mergedEntry(c, l, from); err != nil {
		return err
	}
	if catalog.IsSlug(other) {
		into, err := union.Member(ctx, h.Pool, other)
		if err != nil {
			return err
		}
		if page.Into, err = h.mergedEntry(c, l, into); err != nil {
			return err
		}
		page.Action, page.Both = path, from.Account != 0 && into.Account != 0
		return h.Site.Render(c, status, "admin/merge", page)
	}
	found, err := union.Doubles(ctx, h.Pool, from)
	if err != nil {
		return err
	}
	if page.Search != "" {
		if found, _, err = union.Register(ctx, h.Pool, union.RegisterFilter{Query: page.Search, Limit: 20}); err != nil {
			return err
		}
	}
	for _, m := range found {
		if m.ID != from.ID {
			name, _ := m.NameIn(l)
			page.Choices = append(page.Choices, web.Link{Name: l.List([]string{name.Words, m.TradeName.In(l, "fr").Words, m.QuarterName.In(l, "fr").Words}), Path: path + "?other=" + m.Slug})
		}
	}
	return h.Site.Render(c, status, "admin/merge", page)
}

func (h *Handlers) mergedEntry(c *gin.Context, l *lang.Language, m union.Artisan) (MergedEntry, error) {
	row := newArtisanRow(l, m)
	e := MergedEntry{Path: row.Path, Name: row.Name, Slug: m.Slug}
	b, err := membership.BelongingsOf(c.Request.Context(), h.Pool, m)
	if err != nil {
		return e, err
	}
	e.Pieces, e.Orders, e.Trainings, e.Owed = b.Pieces, b.Orders, b.Trainings, b.Owed
	for _, f := range []Fact{{l.T("admin.other_name"), row.Other, ""}, {l.T("facet.trade"), row.Trade, ""}, {l.T("facet.quarter"), row.Quarter, ""},
		{l.T("admin.state"), row.State, ""}, {l.T("admin.phone"), "", m.Phone}, {l.T("checkout.email"), "", m.Email}, {l.T("admin.register"), "", m.RegisterNumber},
		{l.T("admin.joined"), l.Date(m.Joined), ""}} {
		if f.Words+f.Code != "" {
			e.Facts = append(e.Facts, f)
		}
	}
	return e, nil
}

// createMerge serves POST /admin/artisans/:slug/merge.
func (h *Handlers) createMerge(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	into := form.Value("into")
	if !catalog.IsSlug(into) {
		return web.ErrMalformed
	}
	var out identity.AccountID
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		out, err = membership.Merge(ctx, tx, c.Param("slug"), into, a.ID, h.Site.Now())
		return err
	})
	f := (*fault.Fault)(nil)
	if errors.As(err, &f) && f.Kind == fault.Conflict {
		return h.renderMerge(c, a, http.StatusConflict, into, l.T(f.Key, f.Args...))
	}
	if err != nil {
		return err
	}
	if out != 0 {
		if err := h.Site.Sessions.Revoke(ctx, out); err != nil {
			return err
		}
	}
	web.Redirect(c, "/admin/artisans/"+into)
	return nil
}

// LeaveForm is for a member who leaves, or has left.
type LeaveForm struct {
	Action  string // where it is noted that they leave; empty where they cannot
	Return  string // where they are taken in again
	Merge   string // where two entries of theirs become one
	Why     string
	Wrong   string
	Problem string
	Merged  string // the page of the entry that this one was merged into
}

func (h *Handlers) newLeaveForm(c *gin.Context, a identity.Account, m union.Artisan) (f LeaveForm, err error) {
	if !a.May(identity.SuspendArtisans) {
		return f, nil
	}
	path := "/admin/artisans/" + m.Slug
	if m.State == union.Left {
		to, err := union.MergedInto(c.Request.Context(), h.Pool, m.Slug)
		if err != nil {
			return f, err
		}
		if f.Return = path + "/return"; to != "" {
			f.Return, f.Merged = "", "/admin/artisans/"+to
		}
		return f, nil
	}
	if f.Merge = path + "/merge"; m.State != union.Suspended {
		f.Action = path + "/departure"
	}
	return f, nil
}

// createDeparture serves POST /admin/artisans/:slug/departure. Who leaves is signed
// out everywhere. What they have sold is prepared first.
func (h *Handlers) createDeparture(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	n, err := order.ToPrepareOf(ctx, h.Pool, m.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return union.Leave(ctx, tx, m, form.Value("why"), a.ID) })
	}
	if n > 0 || form.Take(err) {
		page, err := h.newArtisanPage(c, a, m)
		if err != nil {
			return err
		}
		status := http.StatusUnprocessableEntity
		page.Leave.Why, page.Leave.Wrong = form.Value("why"), form.Wrong("why")
		if n > 0 {
			status, page.Leave.Problem = http.StatusConflict, l.T("admin.leave.sold", n)
		}
		return h.Site.Render(c, status, "admin/artisan", page)
	}
	if err != nil {
		return err
	}
	if m.Account != 0 {
		if err := h.Site.Sessions.Revoke(ctx, m.Account); err != nil {
			return err
		}
	}
	web.Redirect(c, "/admin/artisans/"+m.Slug)
	return nil
}

// createReturnOfMember serves POST /admin/artisans/:slug/return.
func (h *Handlers) createReturnOfMember(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	if err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return union.ComeBack(ctx, tx, m, a.ID) }); err != nil {
		return err
	}
	web.Redirect(c, "/admin/artisans/"+m.Slug)
	return nil
}
