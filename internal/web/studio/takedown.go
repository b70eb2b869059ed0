package studio

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// TakedownPage is studio/takedown: why the union took a piece down, and what its
// artisan says against it.
type TakedownPage struct {
	web.Page
	Title     lang.Text
	Photo     web.Picture
	Rulings   []RulingView // the newest first
	Appeal    *lang.Text   // nil where there is none
	At        time.Time    // of the appeal
	Waits     bool
	Action    string // empty where it was said already
	Words     string
	Wrong     string
	MostWords int
}

// RulingView is what was ruled of one's piece, and why.
type RulingView struct {
	What string
	At   time.Time
	Said []lang.Text
}

// mostRulings bounds how far back the page goes.
const mostRulings = 5

// showTakedown serves GET /studio/pieces/:slug/takedown. A piece that is back on
// the market has nothing to show here.
func (h *Handlers) showTakedown(c *gin.Context, _ identity.Account, a union.Artisan) error {
	return h.renderTakedown(c, http.StatusOK, a, web.EmptyForm(c))
}

func (h *Handlers) renderTakedown(c *gin.Context, status int, a union.Artisan, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	o, err := catalog.OwnProduct(ctx, h.Pool, a.ID, c.Param("slug"))
	if err != nil {
		return err
	}
	down, err := moderation.TakedownOf(ctx, h.Pool, o.ID)
	if errors.Is(err, moderation.ErrNotDown) {
		web.Redirect(c, "/studio/pieces")
		return nil
	}
	if err != nil {
		return err
	}
	past, err := moderation.RulingsOn(ctx, h.Pool, o.ID, mostRulings)
	if err != nil {
		return err
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, o.Picture)
	if err != nil {
		return err
	}
	page := &TakedownPage{Page: h.page(c, "pieces", l.T("studio.takedown")), Title: o.Title.In(l, o.WrittenIn), At: down.AppealedAt, Waits: down.Waits(),
		Photo: pictures.Make(o.Picture, "studio-piece__photo", "", "6rem", false), Words: form.Value("words"), Wrong: form.Wrong("words"), MostWords: moderation.MostWords}
	for _, d := range past {
		if d.Verdict == moderation.TakenDown || d.Verdict == moderation.Upheld {
			page.Rulings = append(page.Rulings, RulingView{l.T("ruling." + string(d.Verdict)), d.At, d.Said(l)})
		}
		if d.Verdict == moderation.TakenDown {
			break // What was before is another story.
		}
	}
	if down.Appeal == "" {
		page.Action = "/studio/pieces/" + o.Slug + "/takedown"
	} else {
		said := down.Appealed()
		page.Appeal = &said
	}
	return h.Site.Render(c, status, "studio/takedown", page)
}

// createTakedownAppeal serves POST /studio/pieces/:slug/takedown.
func (h *Handlers) createTakedownAppeal(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	slug := c.Param("slug")
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return moderation.Appeal(ctx, tx, a.ID, slug, form.Value("words"), web.Language(c).Code, account.ID, h.Site.Now())
	})
	if form.Take(err) {
		return h.renderTakedown(c, http.StatusUnprocessableEntity, a, form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/pieces/"+slug+"/takedown")
	return nil
}
