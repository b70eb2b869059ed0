package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// VoicesPage is admin/voices: voice notes that wait to be written down.
type VoicesPage struct {
	web.Page
	Said string
	Rows []VoiceRow
	More bool
}

// VoiceRow is a piece whose note waits.
type VoiceRow struct {
	Path  string
	Title lang.Text
	Maker lang.Text
	Photo web.Picture
	Heard string // the note's address
	Since time.Time
}

// listVoices serves GET /admin/voices.
func (h *Handlers) listVoices(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	list, err := catalog.SpokenWaiting(ctx, h.Pool, mostWaiting+1)
	if err != nil {
		return err
	}
	page := &VoicesPage{Page: h.page(c, a, l.T("admin.voices"))}
	page.Section = "voices"
	if c.Query("written") != "" {
		page.Said = l.T("admin.voices.written")
	}
	if len(list) > mostWaiting {
		list, page.More = list[:mostWaiting], true
	}
	var ids []media.PictureID
	var makerIDs []union.ArtisanID
	for _, s := range list {
		ids, makerIDs = append(ids, s.Picture), append(makerIDs, s.Artisan)
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, ids...)
	if err != nil {
		return err
	}
	makers, err := union.ArtisansByID(ctx, h.Pool, makerIDs)
	if err != nil {
		return err
	}
	for _, s := range list {
		row := VoiceRow{Path: "/admin/voices/" + s.Slug, Title: s.Title.In(l, s.WrittenIn), Heard: media.VoicePath(s.Voice.Key),
			Since: s.SubmittedAt, Photo: pictures.Make(s.Picture, "shown__small", "", "4rem", false)}
		row.Maker, _ = makers[s.Artisan].NameIn(l)
		page.Rows = append(page.Rows, row)
	}
	return h.Site.Render(c, http.StatusOK, "admin/voices", page)
}

// VoicePage is admin/voice: a note to be listened to, and written down.
type VoicePage struct {
	web.Page
	Title     lang.Text
	Maker     lang.Text
	MakerPath string
	Photo     web.Picture
	Heard     string
	Played    bool // buyers hear it
	Action    string
	Wrong     string
	Choices   []VoiceLanguage
	Texts     []VoiceText
}

// VoiceLanguage is one to choose.
type VoiceLanguage struct {
	Code, Name string
	Chosen     bool
}

// VoiceText is the title and the words in one language.
type VoiceText struct {
	Code, Dir, Name string
	Title           web.Field
	Words           string
	WordsWrong      string
}

// showVoice serves GET /admin/voices/:slug.
func (h *Handlers) showVoice(c *gin.Context, a identity.Account) error {
	s, err := catalog.SpokenBySlug(c.Request.Context(), h.Pool, c.Param("slug"))
	if err != nil {
		return err
	}
	form := web.EmptyForm(c)
	form.Set("language", s.WrittenIn)
	for _, l := range lang.All {
		if s.Title[l.Code] != s.KindName[l.Code] {
			form.Set("title_"+l.Code, s.Title[l.Code])
		}
		form.Set("words_"+l.Code, s.Description[l.Code])
	}
	page, err := h.newVoicePage(c, a, s, form)
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "admin/voice", page)
}

func (h *Handlers) newVoicePage(c *gin.Context, a identity.Account, s catalog.Spoken, form *web.Form) (*VoicePage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	makers, err := union.ArtisansByID(ctx, h.Pool, []union.ArtisanID{s.Artisan})
	if err != nil {
		return nil, err
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, s.Picture)
	if err != nil {
		return nil, err
	}
	title := s.Title.In(l, s.WrittenIn)
	page := &VoicePage{Page: h.page(c, a, title.Words), Title: title, Heard: media.VoicePath(s.Voice.Key), Played: s.Voice.Played,
		Action: "/admin/voices/" + s.Slug, MakerPath: "/admin/artisans/" + makers[s.Artisan].Slug,
		Photo: pictures.Make(s.Picture, "", "", "12rem", false), Wrong: form.Wrong("language")}
	page.Section = "voices"
	page.Maker, _ = makers[s.Artisan].NameIn(l)
	for _, other := range lang.All {
		page.Choices = append(page.Choices, VoiceLanguage{other.Code, other.Name, form.Value("language") == other.Code})
		page.Texts = append(page.Texts, VoiceText{Code: other.Code, Dir: other.Dir, Name: other.Name,
			Title: form.FieldOf("admin.voices.name", "title_"+other.Code, "off", func(f *web.Field) { f.Dir, f.MaxLength = other.Dir, mostTitle }),
			Words: form.Value("words_" + other.Code), WordsWrong: form.Wrong("words_" + other.Code)})
	}
	return page, nil
}

// How long what is written down may be, in characters, as in the studio.
const (
	mostTitle = 80
	mostSaid  = 1500
)

// saveVoice serves POST /admin/voices/:slug.
func (h *Handlers) saveVoice(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	s, err := catalog.SpokenBySlug(ctx, h.Pool, c.Param("slug"))
	if errors.Is(err, catalog.ErrNoProduct) {
		return catalog.ErrWrittenDown
	}
	if err != nil {
		return err
	}
	var f fault.Form
	title, words := lang.Texts{}, lang.Texts{}
	for _, l := range lang.All {
		title[l.Code], words[l.Code] = form.Value("title_"+l.Code), form.Value("words_"+l.Code)
		if len([]rune(title[l.Code])) > mostTitle {
			f.Wrong("title_"+l.Code, "checkout.too_long")
		}
		if len([]rune(words[l.Code])) > mostSaid {
			f.Wrong("words_"+l.Code, "checkout.too_long")
		}
	}
	spoken := form.Value("language")
	if _, err := lang.ByCode(spoken); err != nil {
		f.Wrong("language", "admin.voices.language.wrong")
	} else if words[spoken] == "" {
		f.Wrong("words_"+spoken, "admin.voices.words.wrong")
	}
	if form.Take(f.Err()) {
		page, err := h.newVoicePage(c, a, s, form)
		if err != nil {
			return err
		}
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/voice", page)
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		return catalog.WriteDown(ctx, tx, s, spoken, title, words, a.ID, h.Site.Now())
	})
	if err != nil {
		return err
	}
	web.Redirect(c, "/admin/voices?written=1")
	return nil
}
