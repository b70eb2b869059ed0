package admin

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// QueuePage is admin/queue: what waits for a committee, oldest first.
type QueuePage struct {
	web.Page
	Waiting []WaitingRow
}

// WaitingRow is a revision that waits.
type WaitingRow struct {
	Path  string
	Title lang.Text
	Maker string
	Trade lang.Text
	Since time.Time
	Photo web.Picture
	Price money.Amount
}

const mostWaiting = 100

// listQueue serves GET /admin/queue.
func (h *Handlers) listQueue(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	judge, err := moderation.JudgeOf(ctx, h.Pool, a)
	if err != nil {
		return err
	}
	list, err := moderation.Queue(ctx, h.Pool, judge, mostWaiting)
	if err != nil {
		return err
	}
	var pictureIDs []media.PictureID
	var makerIDs []union.ArtisanID
	for _, s := range list {
		pictureIDs, makerIDs = append(pictureIDs, s.Pictures...), append(makerIDs, s.Artisan)
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, pictureIDs...)
	if err != nil {
		return err
	}
	makers, err := union.ArtisansByID(ctx, h.Pool, makerIDs)
	if err != nil {
		return err
	}
	page := &QueuePage{Page: h.page(c, a, l.T("admin.queue"))}
	page.Section = "queue"
	for _, s := range list {
		name, _ := makers[s.Artisan].NameIn(l)
		row := WaitingRow{Path: "/admin/queue/" + s.Slug + "/" + strconv.Itoa(s.Number), Title: s.Title.In(l, s.WrittenIn), Maker: name.Words,
			Trade: s.TradeName.In(l, "fr"), Since: s.SubmittedAt, Price: s.Price}
		if len(s.Pictures) > 0 {
			row.Photo = pictures.Make(s.Pictures[0], "shown__small", "", "4rem", false)
		}
		page.Waiting = append(page.Waiting, row)
	}
	return h.Site.Render(c, http.StatusOK, "admin/queue", page)
}

// DecisionPage is admin/decision: a piece as it was sent, and what to say of it.
type DecisionPage struct {
	web.Page
	State       string
	StateSaid   string
	Title       lang.Text
	Number      int
	Maker       lang.Text
	MakerPath   string
	Reads       string // the artisan's language
	Since       time.Time
	Photos      []web.Picture
	Facts       []Fact
	Description lang.Text
	Price       money.Amount
	Action      string // empty where there is nothing to decide
	Words       string
	WordsWrong  string
}

// Fact is a line of a description list.
type Fact struct{ Label, Words, Code string }

// submitted reads the revision of an address.
func (h *Handlers) submitted(c *gin.Context) (catalog.Submitted, error) {
	number, err := strconv.Atoi(c.Param("number"))
	if err != nil || !catalog.IsSlug(c.Param("slug")) {
		return catalog.Submitted{}, web.ErrNoPage
	}
	return catalog.SubmittedBy(c.Request.Context(), h.Pool, c.Param("slug"), number)
}

// showDecision serves GET /admin/queue/:slug/:number.
func (h *Handlers) showDecision(c *gin.Context, a identity.Account) error {
	s, err := h.submitted(c)
	if err != nil {
		return err
	}
	page, err := h.newDecisionPage(c, a, s)
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "admin/decision", page)
}

func (h *Handlers) newDecisionPage(c *gin.Context, a identity.Account, s catalog.Submitted) (*DecisionPage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	makers, err := union.ArtisansByID(ctx, h.Pool, []union.ArtisanID{s.Artisan})
	if err != nil {
		return nil, err
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, s.Pictures...)
	if err != nil {
		return nil, err
	}
	title := s.Title.In(l, s.WrittenIn)
	page := &DecisionPage{Page: h.page(c, a, title.Words), State: s.State, StateSaid: l.T("revision." + s.State), Title: title, Number: s.Number,
		MakerPath: "/admin/artisans/" + makers[s.Artisan].Slug, Reads: l.LanguageName(makers[s.Artisan].WrittenIn), Since: s.SubmittedAt,
		Description: s.Description.In(l, s.WrittenIn), Price: s.Price}
	page.Section = "queue"
	page.Maker, _ = makers[s.Artisan].NameIn(l)
	for i, id := range s.Pictures {
		page.Photos = append(page.Photos, pictures.Make(id, "shown__photo", l.T("studio.photo_number", i+1), "(min-width: 48rem) 20rem, 90vw", i == 0))
	}
	add := func(label, words, code string) {
		if words+code != "" {
			page.Facts = append(page.Facts, Fact{l.T(label), words, code})
		}
	}
	add("facet.trade", s.TradeName.In(l, "fr").Words, "")
	if s.Second {
		page.Facts = append(page.Facts, Fact{l.T("studio.second"), l.T("product.second.more"), ""})
	}
	add("facet.kind", s.KindName.In(l, "fr").Words, "")
	size := ""
	for _, mm := range s.Size {
		if mm > 0 && size != "" {
			size += " × "
		}
		if mm > 0 {
			size += l.Centimetres(mm)
		}
	}
	if size != "" {
		size += " cm"
	}
	add("product.size", "", size)
	add("product.weight", l.Kilograms(s.Weight), "")
	var terms []string
	for _, t := range s.Terms {
		terms = append(terms, t.In(l, "fr").Words)
	}
	add("product.materials", l.List(terms), "")
	count := func(stocked bool, onHand, leadDays int) string {
		if !stocked {
			return l.T("card.made", leadDays)
		}
		return l.T("list.pieces", onHand)
	}
	if len(s.Variants) > 1 {
		for _, v := range s.Variants {
			page.Facts = append(page.Facts, Fact{catalog.OptionNames(l, v.Options), l.List([]string{l.Money(v.Price), count(v.Stocked, v.OnHand, v.LeadDays)}), ""})
		}
	} else {
		add("studio.count", count(s.Stocked, s.OnHand, s.LeadDays), "")
	}
	if s.State == "submitted" {
		page.Action = "/admin/queue/" + s.Slug + "/" + strconv.Itoa(s.Number) + "/decision"
	}
	return page, nil
}

// createDecision serves POST /admin/queue/:slug/:number/decision.
func (h *Handlers) createDecision(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	verdict := moderation.Verdict(form.Value("verdict"))
	if verdict != moderation.Approved && verdict != moderation.ChangesRequested && verdict != moderation.Rejected {
		return web.ErrMalformed
	}
	s, err := h.submitted(c)
	if err != nil {
		return err
	}
	judge, err := moderation.JudgeOf(ctx, h.Pool, a)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return moderation.Decide(ctx, tx, judge, s, verdict, form.Value("words"), l.Code, h.Site.Now())
	})
	if errors.Is(err, moderation.ErrNoWords) {
		page, err := h.newDecisionPage(c, a, s)
		if err != nil {
			return err
		}
		page.WordsWrong = l.T(moderation.ErrNoWords.Key)
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/decision", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/queue")
	return nil
}
