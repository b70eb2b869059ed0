package studio

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// parts are what an artisan says of the workshop, one a screen.
var parts = []string{"story", "picture", "work", "place", "visits", "hours", "languages", "phone", "closed"}

// partIcons give each of them its picture.
var partIcons = map[string]string{"story": "words", "picture": "camera", "work": "hand", "place": "pin", "visits": "door", "hours": "clock", "languages": "globe",
	"phone": "phone", "closed": "calendar"}

// WorkshopPage is studio/workshop: the workshop as buyers know it, line by
// line.
type WorkshopPage struct {
	web.Page
	Name     lang.Text
	Rows     []WorkshopRow
	ShopPath string
	Helpers  string // empty for a helper
	Said     string
}

// WorkshopRow is one thing about the workshop, as it stands.
type WorkshopRow struct {
	Icon, Name, Path string
	Now              lang.Text
}

// PartPage is studio/part: one question about the workshop. What is typed is
// in the fields of its part alone.
type PartPage struct {
	web.Page
	Part, Icon, Asks, More, Action string
	Said                           string
	Wrong                          string // what is wrong, beside the one field or the choice

	Story     lang.Text
	Most      int // characters
	Photo     web.Picture
	Work      []PhotoSlot // of the work at hand
	Room      int         // for so many more
	Visits    string      // no, appointment, open
	Week      []web.DayHours
	Days      []Chip
	Spans     [][2]web.Field
	Languages []Chip
	Number    string // the phone's, empty where there is none
	Shows     bool
	From      web.Field
	Until     web.Field
	Place     *PlacePart
	Rests     bool // holidays are written down
	Leaves    bool // the pieces leave the market for them
}

// showWorkshop serves GET /studio/workshop.
func (h *Handlers) showWorkshop(c *gin.Context, _ identity.Account, a union.Artisan) error {
	l := web.Language(c)
	today, err := h.today(c)
	if err != nil {
		return err
	}
	name, _ := a.NameIn(l)
	page := &WorkshopPage{Page: h.page(c, "workshop", l.T("studio.workshop")), Name: name, ShopPath: "/" + l.Code + "/artisans/" + a.Slug}
	if page.For == nil {
		page.Helpers = "/studio/helpers"
	}
	if c.Query("kept") != "" {
		page.Said = l.T("studio.changed")
	}
	plain := func(key string, args ...any) lang.Text {
		return lang.Text{Words: l.T(key, args...), Lang: l.Code, Dir: l.Dir}
	}
	now := map[string]lang.Text{"story": a.Bio.In(a.StoryLanguage(l), a.WrittenIn), "picture": plain("studio.picture.none"), "visits": plain("studio.visits." + visits(a)),
		"place": a.QuarterName.In(l, "fr"),
		"hours": plain("hours.closed"), "phone": plain("studio.phone.hidden"), "closed": plain("studio.closed.none")}
	if now["story"].Words == "" {
		now["story"] = plain("studio.story.none")
	}
	if a.Picture != 0 {
		now["picture"] = plain("studio.picture.there")
	}
	work, err := union.WorkPictures(c.Request.Context(), h.Pool, a.ID)
	if err != nil {
		return err
	}
	now["work"] = plain("studio.work.count", len(work))
	var open, speaks []string
	for _, d := range lang.Weekdays {
		if len(a.VisitHours[d]) > 0 {
			open = append(open, l.T("weekday."+d))
		}
	}
	for _, code := range a.Speaks {
		speaks = append(speaks, l.LanguageName(code))
	}
	if len(open) > 0 {
		now["hours"] = lang.Text{Words: l.List(open), Lang: l.Code, Dir: l.Dir}
	}
	now["languages"] = lang.Text{Words: l.List(speaks), Lang: l.Code, Dir: l.Dir}
	if a.ShowsPhone {
		now["phone"] = plain("studio.phone.shown")
	}
	if !a.Closed.Over(today) {
		key := "studio.closed.days"
		if a.Closed.Leaves {
			key = "studio.closed.days_away"
		}
		now["closed"] = plain(key, l.Weekday(a.Closed.From), l.Weekday(a.Closed.Until))
	}
	for _, p := range parts {
		page.Rows = append(page.Rows, WorkshopRow{partIcons[p], l.T("studio.part." + p), "/studio/workshop/" + p, now[p]})
	}
	return h.Site.Render(c, http.StatusOK, "studio/workshop", page)
}

// visits says in one word who may come.
func visits(a union.Artisan) string {
	switch {
	case !a.AcceptsVisits:
		return "no"
	case a.ByAppointment:
		return "appointment"
	}
	return "open"
}

// today is now, where the union is.
func (h *Handlers) today(c *gin.Context) (time.Time, error) {
	profile, err := h.Site.Profile(c.Request.Context())
	return h.Site.Now().In(profile.Location), err
}

// showPart serves GET /studio/workshop/:part.
func (h *Handlers) showPart(c *gin.Context, _ identity.Account, a union.Artisan) error {
	if !slices.Contains(parts, c.Param("part")) {
		return web.ErrNoPage
	}
	page, err := h.newPartPage(c, a, web.EmptyForm(c))
	if err != nil {
		return err
	}
	if c.Query("kept") != "" {
		page.Said = web.Language(c).T("studio.changed")
	}
	return h.Site.Render(c, http.StatusOK, "studio/part", page)
}

func (h *Handlers) newPartPage(c *gin.Context, a union.Artisan, form *web.Form) (*PartPage, error) {
	l, part := web.Language(c), c.Param("part")
	page := &PartPage{Page: h.page(c, "workshop", l.T("studio.part."+part)), Part: part, Icon: partIcons[part], Asks: l.T("studio.ask." + part),
		More: l.T("studio.ask." + part + ".more"), Action: "/studio/workshop/" + part}
	switch part {
	case "story":
		own := a.StoryLanguage(l)
		page.Story, page.Most = lang.Text{Words: a.Bio[own.Code], Lang: own.Code, Dir: own.Dir}, union.MostStory
		if form.Sent {
			page.Story.Words = form.Value("story")
		}
		page.Wrong = form.Wrong("story")
	case "picture":
		pictures, err := web.ReadPictures(c.Request.Context(), h.Pool, a.Picture)
		if err != nil {
			return nil, err
		}
		if a.Picture != 0 {
			page.Photo = pictures.Make(a.Picture, "studio-workshop", l.T("studio.part.picture"), "24rem", false)
		}
	case "work":
		if err := h.fillWork(c, a, page); err != nil {
			return nil, err
		}
	case "place":
		var err error
		if page.Place, err = h.newPlacePart(c, a, form); err != nil {
			return nil, err
		}
	case "visits":
		page.Visits, page.Wrong = visits(a), form.Wrong("visits")
	case "hours":
		today, err := h.today(c)
		if err != nil {
			return nil, err
		}
		page.Week, page.Wrong = web.NewWeek(l, a.VisitHours, today), form.Wrong("day")
		chosen := c.Request.PostForm["day"]
		for _, d := range lang.Weekdays {
			page.Days = append(page.Days, Chip{d, lang.Text{Words: l.T("weekday." + d), Lang: l.Code, Dir: l.Dir}, slices.Contains(chosen, d)})
		}
		if !form.Sent {
			fillHours(form, a.VisitHours)
		}
		clock := func(f *web.Field) { f.Type, f.Dir, f.MaxLength = "time", "ltr", 8 }
		page.Spans = [][2]web.Field{
			{form.Field("studio", "from1", "off", clock), form.Field("studio", "to1", "off", clock)},
			{form.Field("studio", "from2", "off", clock), form.Field("studio", "to2", "off", clock)}}
	case "languages":
		codes := slices.Clone(union.Spoken)
		for _, code := range a.Speaks { // The union may have written down others.
			if !slices.Contains(codes, code) {
				codes = append(codes, code)
			}
		}
		for _, code := range codes {
			page.Languages = append(page.Languages, Chip{code, lang.Text{Words: l.LanguageName(code), Lang: l.Code, Dir: l.Dir}, slices.Contains(a.Speaks, code)})
		}
	case "phone":
		if identity.Phone(a.Phone) != "" {
			page.Number = a.Phone
		}
		page.Shows = a.ShowsPhone
	case "closed":
		page.Rests, page.Leaves = !a.Closed.From.IsZero(), a.Closed.Leaves
		if form.Sent {
			page.Leaves = form.Value("pieces") == "leave"
		}
		if !form.Sent && page.Rests {
			form.Set("from", a.Closed.From.Format(time.DateOnly))
			form.Set("until", a.Closed.Until.Format(time.DateOnly))
		}
		day := func(f *web.Field) { f.Type, f.Dir, f.MaxLength, f.Required = "date", "ltr", 10, true }
		page.From, page.Until = form.Field("studio", "from", "off", day), form.Field("studio", "until", "off", day)
	}
	return page, nil
}

// fillHours writes the hours of the first open day into a form that nobody has
// typed into: most days are like it.
func fillHours(form *web.Form, h union.Hours) {
	for _, d := range lang.Weekdays {
		spans := h[d]
		if len(spans) == 0 {
			continue
		}
		form.Set("from1", spans[0][0])
		form.Set("to1", spans[0][1])
		if len(spans) > 1 {
			form.Set("from2", spans[1][0])
			form.Set("to2", spans[1][1])
		}
		return
	}
}

// savePart serves POST /studio/workshop/:part. What was typed is kept, with
// what is wrong beside it.
func (h *Handlers) savePart(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx, l, part := c.Request.Context(), web.Language(c), c.Param("part")
	if !slices.Contains(parts, part) {
		return web.ErrNoPage
	}
	if part == "picture" {
		return h.savePicture(c, account, a)
	}
	if part == "work" {
		return h.saveWork(c, account, a)
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	today, err := h.today(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		switch part {
		case "story":
			return union.SetStory(ctx, tx, a, a.StoryLanguage(l), form.Value("story"), account.ID)
		case "visits":
			who := form.Value("visits")
			if !slices.Contains([]string{"no", "appointment", "open"}, who) {
				var f fault.Form
				f.Wrong("visits", "studio.choose")
				return f.Err()
			}
			return union.SetVisits(ctx, tx, a, who != "no", who == "appointment", account.ID)
		case "hours":
			return union.SetHours(ctx, tx, a, c.Request.PostForm["day"], readSpans(form), account.ID)
		case "languages":
			return union.SetSpeaks(ctx, tx, a, c.Request.PostForm["language"], account.ID)
		case "phone":
			return union.ShowPhone(ctx, tx, a, form.Value("phone") == "show", account.ID)
		default: // closed
			days, err := readHolidays(form)
			if err != nil {
				return err
			}
			return union.Close(ctx, tx, a, days, today, account.ID)
		}
	})
	if form.Take(err) {
		page, err := h.newPartPage(c, a, form)
		if err != nil {
			return err
		}
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/part", page)
	}
	if err != nil {
		return err
	}
	next := "/studio/workshop?kept=1"
	if part == "hours" {
		next = "/studio/workshop/hours?kept=1" // Other days may have other hours.
	}
	web.Redirect(c, next)
	return nil
}

func (h *Handlers) savePicture(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if err := h.Site.Limits.Allow(c, uploadLimit, a.Slug); err != nil {
		return err
	}
	files, err := web.ReadUploads(c, "photo", 1)
	if err != nil {
		return err
	}
	err = error(media.ErrEmpty)
	if len(files) > 0 {
		err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
			id, err := h.takePhoto(c, tx, h.takeFile(c, a, files[0]))
			if err != nil {
				return err
			}
			return union.SetPicture(ctx, tx, a, id, account.ID)
		})
	}
	if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
		page, err := h.newPartPage(c, a, web.EmptyForm(c))
		if err != nil {
			return err
		}
		page.Wrong = l.T(f.Key, f.Args...)
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/part", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, "/studio/workshop?kept=1")
	return nil
}

// readSpans reads the hours of the chosen days; none where they are closed. What
// cannot be read stays as it was typed, to be refused beside its field.
func readSpans(form *web.Form) (spans [][2]string) {
	if form.Value("shut") != "" {
		return nil
	}
	for _, n := range []string{"1", "2"} {
		from, to := form.Value("from"+n), form.Value("to"+n)
		if n == "2" && from == "" && to == "" {
			continue // One span is enough.
		}
		spans = append(spans, [2]string{readClock(from), readClock(to)})
	}
	return spans
}

// readClock brings a time of day, as a browser's field or as people write it
// (9h, 9h30, 9.30, in Arabic digits too), to 09:30.
func readClock(typed string) string {
	s := strings.TrimSuffix(strings.NewReplacer("h", ":", ".", ":").Replace(lang.WesternDigits(typed)), ":")
	if !strings.Contains(s, ":") {
		s += ":00"
	}
	at, err := time.Parse("15:04", s)
	if err != nil {
		return typed
	}
	return at.Format("15:04")
}

// readHolidays reads the first and the last day; none where the workshop opens
// again. It returns faults beside the fields.
func readHolidays(form *web.Form) (days union.Holidays, err error) {
	if form.Value("open") != "" {
		return union.Holidays{}, nil
	}
	days.Leaves = form.Value("pieces") == "leave"
	var f fault.Form
	for name, day := range map[string]*time.Time{"from": &days.From, "until": &days.Until} {
		read := false
		if *day, read = web.ReadDay(form.Value(name)); !read {
			f.Wrong(name, "studio.closed.unread")
		}
	}
	return days, f.Err()
}
