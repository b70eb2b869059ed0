package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/web"
)

const staffPath = "/admin/staff"

// StaffPage is admin/staff: who works here, and which role may do what.
type StaffPage struct {
	web.Page
	Search string
	Staff  []ColleagueRow
	Next   string
	Roles  []string // heads of the table
	Acts   []ActRow
}

// ColleagueRow is someone in the list.
type ColleagueRow struct {
	Path, Name, Roles string
	Way               string // e-mail or phone
	State, StateKind  string
	Secured           string // how they sign in
}

// ActRow is what not everyone may do, and for each role whether it may.
type ActRow struct {
	Name string
	May  []bool
}

// listStaff serves GET /admin/staff.
func (h *Handlers) listStaff(c *gin.Context, a identity.Account) error {
	l := web.Language(c)
	f := identity.ColleagueFilter{Query: shorten(c.Query("q")), After: shorten(c.Query("after")), Limit: perPage}
	list, more, err := identity.Colleagues(c.Request.Context(), h.Pool, f, h.Site.Now())
	if err != nil {
		return err
	}
	page := &StaffPage{Page: h.page(c, a, l.T("staff.title")), Search: f.Query}
	page.Section = "staff"
	for _, k := range list {
		page.Staff = append(page.Staff, newColleagueRow(l, k))
	}
	if more {
		q := c.Request.URL.Query()
		q.Set("after", list[len(list)-1].Ref)
		page.Next = staffPath + "?" + q.Encode()
	}
	for _, r := range identity.Roles {
		if r != identity.Buyer { // A buyer may do what everyone may.
			page.Roles = append(page.Roles, l.T("role."+string(r)))
		}
	}
	for _, act := range identity.Acts() {
		row := ActRow{Name: l.T("act." + string(act))}
		for _, r := range identity.Roles {
			if r != identity.Buyer {
				row.May = append(row.May, identity.Allowed(act, r))
			}
		}
		page.Acts = append(page.Acts, row)
	}
	return h.Site.Render(c, http.StatusOK, "admin/staff", page)
}

func newColleagueRow(l *lang.Language, k identity.Colleague) ColleagueRow {
	r := ColleagueRow{Path: staffPath + "/" + k.Ref, Name: k.Name, Way: k.Email, StateKind: "right", State: l.T("staff.state.active")}
	if r.Way == "" {
		r.Way = k.Phone
	}
	var roles []string
	for _, role := range k.Roles {
		roles = append(roles, l.T("role."+string(role)))
	}
	r.Roles = l.List(roles)
	switch {
	case k.State == identity.Suspended:
		r.State, r.StateKind = l.T("staff.state.suspended"), "wrong"
	case !k.HasWayIn:
		r.State, r.StateKind = l.T("staff.state.invited"), "waiting"
	}
	switch {
	case k.Passkeys > 0 && k.Factor:
		r.Secured = l.T("staff.by.both")
	case k.Passkeys > 0:
		r.Secured = l.T("staff.by.passkey")
	case k.Factor:
		r.Secured = l.T("staff.by.code")
	case k.HasWayIn:
		r.Secured = l.T("staff.by.password")
	}
	return r
}

// NewStaffPage is admin/staff_new: someone is invited.
type NewStaffPage struct {
	web.Page
	Name, Email, Phone web.Field
	Languages          []Choice
	Roles              []Choice
	RolesWrong         string
}

// Choice is one that can be chosen.
type Choice struct {
	Value, Name string
	Chosen      bool
}

// newStaff serves GET /admin/staff/new.
func (h *Handlers) newStaff(c *gin.Context, a identity.Account) error {
	form := web.EmptyForm(c)
	form.Set("language", a.Language)
	return h.renderNewStaff(c, http.StatusOK, a, form)
}

func (h *Handlers) renderNewStaff(c *gin.Context, status int, a identity.Account, form *web.Form) error {
	l := web.Language(c)
	page := &NewStaffPage{Page: h.page(c, a, l.T("staff.invite")), RolesWrong: form.Wrong("role")}
	page.Section = "staff"
	page.Name = form.Field("staff", "name", "off", func(f *web.Field) { f.Required, f.MaxLength = true, 100 })
	page.Email = form.Field("staff", "email", "off", func(f *web.Field) { f.Type, f.Dir = "email", "ltr" })
	page.Phone = form.Field("staff", "phone", "off", func(f *web.Field) { f.Type, f.Dir, f.MaxLength = "tel", "ltr", 30 })
	for _, other := range lang.All {
		page.Languages = append(page.Languages, Choice{other.Code, other.Name, other.Code == form.Value("language")})
	}
	page.Roles = roleChoices(l, roles(c.Request.PostForm["role"]))
	return h.Site.Render(c, status, "admin/staff_new", page)
}

func roleChoices(l *lang.Language, chosen []identity.Role) (list []Choice) {
	for _, r := range identity.StaffRoles {
		list = append(list, Choice{string(r), l.T("role." + string(r)), slices.Contains(chosen, r)})
	}
	return list
}

// roles reads those of the union's own; others are none of a form's business.
func roles(values []string) (list []identity.Role) {
	for _, r := range identity.StaffRoles {
		if slices.Contains(values, string(r)) {
			list = append(list, r)
		}
	}
	return list
}

// createStaff serves POST /admin/staff.
func (h *Handlers) createStaff(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	n := identity.New{Name: form.Value("name"), Email: strings.ToLower(form.Value("email")), Phone: identity.Phone(form.Value("phone")),
		Language: lang.Or(form.Value("language")).Code, Roles: roles(c.Request.PostForm["role"])}
	var f fault.Form
	if n.Name == "" || len([]rune(n.Name)) > 100 {
		f.Wrong("name", "staff.name.missing")
	}
	if n.Email != "" {
		if address, err := netmail.ParseAddress(n.Email); err != nil || address.Address != n.Email || len(n.Email) > 200 {
			f.Wrong("email", "staff.email.unread")
		}
	}
	if form.Value("phone") != "" && n.Phone == "" {
		f.Wrong("phone", "helping.phone.missing")
	}
	if n.Email == "" && form.Value("phone") == "" {
		f.Wrong("email", "staff.email.missing")
	}
	if len(n.Roles) == 0 {
		f.Wrong("role", "staff.role.missing")
	}
	if form.Take(f.Err()) {
		return h.renderNewStaff(c, http.StatusUnprocessableEntity, a, form)
	}
	var ref, token string
	var until time.Time
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		id, err := identity.Create(ctx, tx, n, a.ID)
		if err != nil {
			return err
		}
		if ref, err = identity.RefOf(ctx, tx, id); err != nil {
			return err
		}
		if token, until, err = identity.MakeLink(ctx, tx, id, identity.InvitationLink, a.ID, h.Site.Now()); err != nil {
			return err
		}
		return h.writeLink(ctx, tx, n.Name, n.Email, n.Language, identity.InvitationLink, token, until)
	})
	switch {
	case errors.Is(err, identity.ErrEmailTaken):
		f.Wrong("email", "staff.taken")
	case errors.Is(err, identity.ErrPhoneTaken):
		f.Wrong("phone", "staff.taken")
	}
	if form.Take(f.Err()) {
		return h.renderNewStaff(c, http.StatusUnprocessableEntity, a, form)
	}
	if err != nil {
		return err
	}
	return h.renderColleague(c, http.StatusOK, a, ref, token)
}

// An AccountLetter is what mail/account_link is written from.
type AccountLetter struct{ Heading, Intro, URL, Button, Foot string }

func (h *Handlers) linkURL(token string) string {
	return h.Site.PublicURL + "/account/welcome/" + token
}

// writeLink sends a link to someone who has an address.
func (h *Handlers) writeLink(ctx context.Context, tx pgx.Tx, name, email, language string, kind identity.LinkKind, token string, until time.Time) error {
	if email == "" {
		return nil
	}
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	l, err := mail.Words(ctx, tx, language)
	if err != nil {
		return err
	}
	key := "mail.account." + string(kind)
	m := AccountLetter{Heading: l.T(key+".heading", name), Intro: l.T(key+".intro", profile.Name.In(l, "fr")), URL: h.linkURL(token),
		Button: l.T("mail.account.button"), Foot: l.T("mail.account.foot", until.In(profile.Location))}
	return h.Desk.Post.Write(ctx, tx, mail.Draft{Key: "account/" + token[:6] + "/" + until.UTC().Format(time.RFC3339), To: email, Language: l.Code, Template: "account_link",
		Subject: l.T(key+".subject", profile.Market.In(l, "fr")), Model: m}, mail.Frame{Market: profile.Market.In(l, "fr").Words, Notice: profile.Notice.In(l, "fr").Words})
}

// ColleaguePage is admin/colleague: an account, and what can be done with it.
type ColleaguePage struct {
	web.Page
	ColleagueRow
	Email, Phone string
	Roles        []Choice
	Was          string // the roles that the form began with
	Others       string // what they are besides, by themselves
	Self         bool
	Suspended    bool
	HasWayIn     bool
	Secures      bool // a second step or a passkey can be taken away
	Devices      []StaffDevice
	Link         *Invitation // just made; shown once
	Mailed       bool
	OpenKind     string
	OpenUntil    time.Time
	Said         string
}

// StaffDevice is where a colleague is signed in.
type StaffDevice struct {
	Device string
	Seen   time.Time
	Dated  bool
	End    string
}

// showColleague serves GET /admin/staff/:ref.
func (h *Handlers) showColleague(c *gin.Context, a identity.Account) error {
	return h.renderColleague(c, http.StatusOK, a, c.Param("ref"), "")
}

func (h *Handlers) renderColleague(c *gin.Context, status int, a identity.Account, ref, token string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	k, err := identity.ColleagueByRef(ctx, h.Pool, ref, h.Site.Now())
	if err != nil {
		return err
	}
	page := &ColleaguePage{Page: h.page(c, a, k.Name), ColleagueRow: newColleagueRow(l, k), Email: k.Email, Phone: k.Phone, Self: k.ID == a.ID,
		Suspended: k.State == identity.Suspended, HasWayIn: k.HasWayIn, Secures: k.Factor || k.Passkeys > 0, OpenKind: k.Link, OpenUntil: k.Until}
	page.Section = "staff"
	var others []string
	var was []string
	for _, r := range k.Account.Roles {
		if slices.Contains(identity.StaffRoles, r) {
			was = append(was, string(r))
		} else {
			others = append(others, l.T("role."+string(r)))
		}
	}
	page.Was, page.Others, page.Roles = strings.Join(was, " "), l.List(others), roleChoices(l, k.Account.Roles)
	devices, err := h.Site.Sessions.Devices(ctx, k.ID, "")
	if err != nil {
		return err
	}
	for _, d := range devices {
		page.Devices = append(page.Devices, StaffDevice{web.DeviceName(l, d), d.Seen, !d.Seen.IsZero(), page.Path + "/sessions/" + d.Name + "/end"})
	}
	if said := c.Query("said"); slices.Contains([]string{"roles", "state", "signed_out", "second_step"}, said) {
		page.Said = l.T("staff.said." + said)
	}
	if token != "" {
		page.Link = &Invitation{URL: h.linkURL(token), Until: k.Until}
		if page.Link.QR, err = web.NewQR(page.Link.URL, l.T("admin.invitation.code", k.Name)); err != nil {
			return err
		}
		theirs := lang.Or(k.Language)
		page.Link.WhatsApp = whatsApp(k.Phone, theirs.T("staff.link_message", k.Name, page.Link.URL))
		page.Mailed = k.Email != ""
	}
	return h.Site.Render(c, status, "admin/colleague", page)
}

// colleague wraps what is done to one account.
func (h *Handlers) colleague(fn func(*gin.Context, identity.Account, identity.Colleague) error) func(*gin.Context, identity.Account) error {
	return func(c *gin.Context, a identity.Account) error {
		k, err := identity.ColleagueByRef(c.Request.Context(), h.Pool, c.Param("ref"), h.Site.Now())
		if err != nil {
			return err
		}
		return fn(c, a, k)
	}
}

// saveRoles serves POST /admin/staff/:ref/roles. Someone who begins to work in
// the office, or stops, signs in anew.
func (h *Handlers) saveRoles(c *gin.Context, a identity.Account, k identity.Colleague) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return identity.SetRoles(ctx, tx, k.ID, roles(strings.Fields(form.Value("was"))), roles(c.Request.PostForm["role"]), a.ID)
	})
	if err != nil {
		return err
	}
	now, err := identity.ByID(ctx, h.Pool, k.ID)
	if err != nil {
		return err
	}
	if now.Staff() != k.Staff() {
		if err := h.Site.Sessions.Revoke(ctx, k.ID); err != nil {
			return err
		}
	}
	web.Redirect(c, staffPath+"/"+k.Ref+"?said=roles")
	return nil
}

// saveState serves POST /admin/staff/:ref/state.
func (h *Handlers) saveState(c *gin.Context, a identity.Account, k identity.Colleague) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	state := identity.State(form.Value("state"))
	if state != identity.Active && state != identity.Suspended {
		return web.ErrMalformed
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return identity.SetState(ctx, tx, k.ID, state, a.ID) })
	if err != nil {
		return err
	}
	if state == identity.Suspended {
		if err := h.Site.Sessions.Revoke(ctx, k.ID); err != nil {
			return err
		}
	}
	web.Redirect(c, staffPath+"/"+k.Ref+"?said=state")
	return nil
}

var linkLimit = web.Limit{Name: "staff-link", Times: 60, In: time.Hour}

// createLink serves POST /admin/staff/:ref/link: an invitation for someone who
// has never come in, and otherwise a way to another password.
func (h *Handlers) createLink(c *gin.Context, a identity.Account, k identity.Colleague) error {
	ctx := c.Request.Context()
	if err := h.Site.Limits.Allow(c, linkLimit, fmt.Sprint(a.ID)); err != nil {
		return err
	}
	kind := identity.InvitationLink
	if k.HasWayIn {
		kind = identity.ResetLink
	}
	var token string
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		var until time.Time
		var err error
		if token, until, err = identity.MakeLink(ctx, tx, k.ID, kind, a.ID, h.Site.Now()); err != nil {
			return err
		}
		return h.writeLink(ctx, tx, k.Name, k.Email, k.Language, kind, token, until)
	})
	if err != nil {
		return err
	}
	return h.renderColleague(c, http.StatusOK, a, k.Ref, token)
}

// endSecondStep serves POST /admin/staff/:ref/second-step/end, for someone whose
// phone is lost, and the passkeys with it. Nobody does it to themselves: that
// would be a way around the code.
func (h *Handlers) endSecondStep(c *gin.Context, a identity.Account, k identity.Colleague) error {
	ctx := c.Request.Context()
	if k.ID == a.ID {
		return identity.ErrForbidden
	}
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return errors.Join(identity.RemoveFactor(ctx, tx, k.ID, a.ID), identity.RemovePasskeys(ctx, tx, k.ID, a.ID))
	})
	if err != nil {
		return err
	}
	if err := h.Site.Sessions.Revoke(ctx, k.ID); err != nil {
		return err
	}
	web.Redirect(c, staffPath+"/"+k.Ref+"?said=second_step")
	return nil
}

// endStaffSessions serves POST /admin/staff/:ref/sessions/end.
func (h *Handlers) endStaffSessions(c *gin.Context, a identity.Account, k identity.Colleague) error {
	return h.signOut(c, a, k, func(ctx context.Context) error { return h.Site.Sessions.Revoke(ctx, k.ID) })
}

// endStaffSession serves POST /admin/staff/:ref/sessions/:name/end.
func (h *Handlers) endStaffSession(c *gin.Context, a identity.Account, k identity.Colleague) error {
	return h.signOut(c, a, k, func(ctx context.Context) error { return h.Site.Sessions.RevokeOne(ctx, k.ID, c.Param("name")) })
}

func (h *Handlers) signOut(c *gin.Context, a identity.Account, k identity.Colleague, do func(context.Context) error) error {
	ctx := c.Request.Context()
	if err := do(ctx); err != nil {
		return err
	}
	err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return identity.RecordSignedOut(ctx, tx, k.ID, a.ID) })
	if err != nil {
		return err
	}
	web.Redirect(c, staffPath+"/"+k.Ref+"?said=signed_out")
	return nil
}
