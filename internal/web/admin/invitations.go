package admin

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// InvitationsPage is admin/invitations: several members who are to be invited at
// once, and then their ways in, to be printed or sent.
type InvitationsPage struct {
	web.Page
	Members []InvitedMember
	Count   int
	Action  string // where they are invited, empty once they are
	Until   time.Time
}

// InvitedMember is one of them.
type InvitedMember struct {
	Path, Name, Other string
	Tick              string
	Way               *Invitation // nil before
}

// tickOf is the name of the tick that chooses a member.
func tickOf(slug string) string { return "member." + slug }

// mayBeInvited reports whether a member has never come in and can.
func mayBeInvited(m union.Artisan) bool {
	return m.Account == 0 && m.State != union.Left && m.State != union.Suspended && (m.Email != "" || identity.Phone(m.Phone) != "")
}

// createInvitations serves POST /admin/artisans/invitations: first it says whom
// it would invite, and invites them all, or nobody, once that is said to be right.
func (h *Handlers) createInvitations(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	var slugs []string
	for _, name := range form.Names() {
		if slug, ok := strings.CutPrefix(name, tickOf("")); ok && len(slugs) < perPage {
			slugs = append(slugs, slug)
		}
	}
	members, err := union.Members(ctx, h.Pool, slugs)
	if err != nil {
		return err
	}
	page := &InvitationsPage{Page: h.page(c, a, l.T("admin.invitations"))}
	page.Section = "artisans"
	sure := form.Value("sure") != ""
	if !sure {
		page.Action = "/admin/artisans/invitations"
	}
	now := h.Site.Now()
	page.Until = now.Add(union.InvitationLife)
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		page.Members = nil
		for _, m := range members {
			if !mayBeInvited(m) {
				continue
			}
			name, other := m.NameIn(l)
			v := InvitedMember{Path: "/admin/artisans/" + m.Slug, Name: name.Words, Other: other.Words, Tick: tickOf(m.Slug)}
			if sure {
				token, err := union.Invite(ctx, tx, m.ID, a.ID, now)
				if err != nil {
					return err
				}
				if v.Way, err = h.newInvitation(l, m, token, now); err != nil {
					return err
				}
			}
			page.Members = append(page.Members, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	page.Count = len(page.Members)
	return h.Site.Render(c, http.StatusOK, "admin/invitations", page)
}
