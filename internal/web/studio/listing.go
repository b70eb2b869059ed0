package studio

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// steps are the questions of listing a piece, one a screen.
var steps = []string{"photos", "what", "price", "count", "variants", "size", "made", "words", "look"}

// stepIcons give each question its picture.
var stepIcons = map[string]string{"photos": "camera", "what": "shop", "price": "coin", "count": "count", "variants": "copy",
	"size": "ruler", "made": "hand", "words": "words", "look": "send"}

// stepsOf returns the questions about a piece. Its sizes and colours are asked
// for where it has several; what it is, and its price and number, are not where
// it is on sale already: those are changed in the list, at once.
func stepsOf(d catalog.Draft) []string {
	return slices.DeleteFunc(slices.Clone(steps), func(s string) bool {
		switch s {
		case "what", "price", "count":
			return d.Live
		case "variants":
			return d.Live || d.Body.Supply != catalog.Several
		}
		return false
	})
}

// StepPage is studio/step: one question about a piece.
type StepPage struct {
	web.Page
	Step    string
	Steps   []StepMark
	Asks    string
	More    string
	Action  string
	Back    string // the step before, empty on the first
	Next    string // the step after
	Leave   string // where an edit is given up, empty for a new piece
	Version int
	Wrong   string // what is wrong, where no field is to blame

	Photos    []PhotoSlot
	Room      int // for so many more photos
	Kinds     []KindButton
	Price     web.Field
	Receives  string
	ShareBP   int
	Supply    string
	Count     web.Field
	LeadDays  web.Field
	Second    bool
	Variants  []VariantRow
	MoreRows  bool
	Length    web.Field
	Width     web.Field
	Height    web.Field
	Weight    web.Field
	Postage   string
	Materials ChipSet
	Technique ChipSet
	Title     web.Field
	Words     string
	WordsLang string
	Voice     VoiceNote
	Preview   Preview
	Missing   string
	MissingAt string
}

// StepMark is a step on the bar that shows how far one is.
type StepMark struct {
	Name, Icon, Path string
	Done, Current    bool
}

// PhotoSlot is a photo of the draft.
type PhotoSlot struct {
	Number int
	Photo  web.Picture
	Said   string // what is wrong with it, or that it is being made
	Failed bool
	First  bool
	Last   bool
}

// KindButton is something that the piece may be, with a picture of one.
type KindButton struct {
	Chip
	Photo web.Picture
}

// VariantRow is a size or colour, as far as it is known.
type VariantRow struct {
	Number             int
	Size, Price, Count web.Field
	Colour             string // the field's name
	Colours            []Chip
}

// Chip is something to choose.
type Chip struct {
	Value   string
	Name    lang.Text
	Checked bool
}

// ChipSet is a vocabulary, the usual words of the trade before the rest.
type ChipSet struct{ Usual, More []Chip }

// Preview is the piece as a buyer will see it.
type Preview struct {
	Photo web.Picture
	Title lang.Text
	Price money.Amount
	Count string
	Size  string
	Share money.Amount
}

// createDraft serves POST /studio/drafts.
func (h *Handlers) createDraft(c *gin.Context, _ identity.Account, a union.Artisan) error {
	var token string
	err := postgres.InTx(c.Request.Context(), h.Pool, func(tx pgx.Tx) (err error) {
		token, err = catalog.Begin(c.Request.Context(), tx, a.ID, web.Language(c).Code)
		return err
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/drafts/"+token+"/photos")
	return nil
}

// showStep serves GET /studio/drafts/:token/:step.
func (h *Handlers) showStep(c *gin.Context, _ identity.Account, a union.Artisan) error {
	d, err := h.draft(c, a)
	if err != nil {
		return err
	}
	page, err := h.newStepPage(c, a, d, web.EmptyForm(c))
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "studio/step", page)
}

// draft returns the draft of an address; one that was sent is no longer one.
func (h *Handlers) draft(c *gin.Context, a union.Artisan) (catalog.Draft, error) {
	d, err := catalog.DraftOf(c.Request.Context(), h.Pool, a.ID, c.Param("token"))
	if err == nil && d.Submitted {
		return catalog.Draft{}, catalog.ErrNoDraft
	}
	if err == nil && !slices.Contains(stepsOf(d), c.Param("step")) {
		return catalog.Draft{}, web.ErrNoPage
	}
	return d, err
}

func (h *Handlers) newStepPage(c *gin.Context, a union.Artisan, d catalog.Draft, form *web.Form) (*StepPage, error) {
	l, step := web.Language(c), c.Param("step")
	asked := stepsOf(d)
	at := slices.Index(asked, step)
	base := "/studio/drafts/" + d.Token + "/"
	page := &StepPage{Page: h.page(c, "pieces", l.T("studio.step."+step)), Step: step, Asks: l.T("studio.step." + step),
		More: l.T("studio.step." + step + ".more"), Action: base + step, Version: d.Version, Voice: newVoiceNote(d)}
	for i, s := range asked {
		page.Steps = append(page.Steps, StepMark{l.T("studio.bar." + s), stepIcons[s], base + s, i < at, i == at})
	}
	if at > 0 {
		page.Back = base + asked[at-1]
	}
	if at < len(asked)-1 {
		page.Next = base + asked[at+1]
	}
	if d.Live {
		page.Leave = "/studio/drafts/" + d.Token + "/leave"
	}
	if !form.Sent {
		fillStep(form, d.Body)
	}
	fill := map[string]func(*gin.Context, union.Artisan, catalog.Draft, *StepPage, *web.Form) error{
		"photos": h.fillPhotos, "what": h.fillKinds, "price": h.fillPrice, "count": h.fillCount, "variants": h.fillVariants, "size": h.fillSize,
		"made": h.fillMade, "words": h.fillWords, "look": h.fillLook}
	return page, fill[step](c, a, d, page, form)
}

// saveStep serves POST /studio/drafts/:token/:step. What was typed is kept
// whatever happens; a step that is right leads on to the next.
func (h *Handlers) saveStep(c *gin.Context, _ identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	d, err := h.draft(c, a)
	if err != nil {
		return err
	}
	step := c.Param("step")
	if step == "photos" {
		return h.savePhotos(c, a, d)
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	if step == "look" {
		err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
			return catalog.Submit(ctx, tx, a, d.Token, h.Site.Now())
		})
		if errors.Is(err, catalog.ErrIncomplete) {
			web.Redirect(c, "/studio/drafts/"+d.Token+"/look")
			return nil
		}
		if err != nil {
			return err
		}
		web.Redirect(c, "/studio/pieces?sent=1")
		return nil
	}
	if version, err := strconv.Atoi(form.Value("version")); err == nil {
		d.Version = version // That which this phone saw.
	}
	if form.Value("more") != "" { // One more row, and nothing lost of what is typed.
		page, err := h.newStepPage(c, a, d, form)
		if err != nil {
			return err
		}
		return h.Site.Render(c, http.StatusOK, "studio/step", page)
	}
	if form.Take(readStep(c, step, form, &d.Body)) {
		page, err := h.newStepPage(c, a, d, form)
		if err != nil {
			return err
		}
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/step", page)
	}
	if err := postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return catalog.Save(ctx, tx, d) }); err != nil {
		return err
	}
	asked := stepsOf(d)
	web.Redirect(c, "/studio/drafts/"+d.Token+"/"+asked[slices.Index(asked, step)+1])
	return nil
}
