package admin

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// MarkPart is partial/artisan_marks: a workshop's marks, and its family in the
// committee.
type MarkPart struct {
	Rows    []MarkRow
	New     string // where one is proposed
	Action  string // where family is written down; empty for who may not
	Kin     []Choice
	Members []Choice // of its committee
	Wrong   string
}

const mostMarksOf = 20

// newMarkPart returns nil for who has nothing to do with marks.
func (h *Handlers) newMarkPart(c *gin.Context, a identity.Account, m union.Artisan) (*MarkPart, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	if !a.May(identity.JudgePieces) {
		return nil, nil
	}
	now, err := h.now(c)
	if err != nil {
		return nil, err
	}
	list, err := mark.Of(ctx, h.Pool, m.ID, mostMarksOf)
	if err != nil {
		return nil, err
	}
	part := &MarkPart{}
	if m.State == union.Active {
		part.New = marksPath + "/new?artisan=" + m.Slug
	}
	for _, v := range list {
		part.Rows = append(part.Rows, newMarkRow(l, v, now))
	}
	if !a.May(identity.JudgeEverything) {
		return part, nil
	}
	part.Action = "/admin/artisans/" + m.Slug + "/kin"
	kin, err := mark.KinOf(ctx, h.Pool, m.ID)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{m.Slug: true}
	for _, k := range kin {
		name, _ := k.NameIn(l)
		part.Kin, known[k.Slug] = append(part.Kin, Choice{k.Slug, name.Words, false}), true
	}
	members, err := mark.Members(ctx, h.Pool, m.Trade)
	if err != nil {
		return nil, err
	}
	for _, k := range members {
		if name, _ := k.NameIn(l); !known[k.Slug] {
			part.Members = append(part.Members, Choice{k.Slug, name.Words, false})
		}
	}
	return part, nil
}

// saveKin serves POST /admin/artisans/:slug/kin: the administrator writes down who
// is family of whom, or takes it back.
func (h *Handlers) saveKin(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	m, err := union.Member(ctx, h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	judge, err := h.markJudge(c, a)
	if err != nil {
		return err
	}
	now, err := h.now(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		slug := form.Value("kin") + form.Value("remove")
		if slug == "" {
			return wrongField("kin", "mark.kin.self")
		}
		other, err := union.Member(ctx, tx, slug)
		if err != nil {
			return err
		}
		if form.Value("remove") != "" {
			return mark.RemoveKin(ctx, tx, judge, m, other)
		}
		return mark.DeclareKin(ctx, tx, judge, m, other, now)
	})
	if form.Take(err) {
		page, err := h.newArtisanPage(c, a, m)
		if err != nil {
			return err
		}
		page.Marks.Wrong = form.Wrong("kin")
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/artisan", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/artisans/"+m.Slug)
	return nil
}
