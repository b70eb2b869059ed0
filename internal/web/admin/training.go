package admin

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/training"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

const trainingsPath = "/admin/trainings"

// TrainingsPage is admin/trainings: what the union teaches.
type TrainingsPage struct {
	web.Page
	Courses []CourseRow
	New     *CourseForm // nil for who may not
}

// CourseRow is a course in the list.
type CourseRow struct {
	Path     string
	Title    lang.Text
	About    lang.Text
	Finished int
}

// CourseForm is partial/course_form: what a course is called, and what one leaves
// with.
type CourseForm struct {
	Action string
	Titles []web.Field // by language
	Abouts []TextArea  // by language
	Sort   web.Field
	Does   string
}

// TextArea is a field for more than a line.
type TextArea struct {
	Name, Label, Dir, Value, Wrong string
	MaxLength                      int
}

// CoursePage is admin/training: a course, who finished it, and whom to add.
type CoursePage struct {
	web.Page
	Said         string
	Name         lang.Text
	Path         string
	Form         *CourseForm // nil for who may not
	Count        int
	Finishers    []FinisherRow
	Next         string
	Search       string
	Found        []FoundMember
	FoundMore    bool
	Finish       string // where it is written down, empty for who may not
	On           web.Field
	ArtisanWrong string
}

// FinisherRow is someone who finished a course.
type FinisherRow struct {
	Path, Name string
	On         time.Time
	By         string
	Undo       string // where it is taken back, empty for who may not
}

// FoundMember is someone who may have finished a course.
type FoundMember struct {
	Slug, Name, Trade string
	Checked           bool
	Done              bool // that is written down already
}

// mostMembers is how many a search for members shows.
const mostMembers = 20

// listTrainings serves GET /admin/trainings.
func (h *Handlers) listTrainings(c *gin.Context, a identity.Account) error {
	return h.renderTrainings(c, http.StatusOK, a, web.EmptyForm(c))
}

func (h *Handlers) renderTrainings(c *gin.Context, status int, a identity.Account, form *web.Form) error {
	l := web.Language(c)
	list, err := training.Courses(c.Request.Context(), h.Pool)
	if err != nil {
		return err
	}
	page := &TrainingsPage{Page: h.page(c, a, l.T("admin.trainings"))}
	page.Section = "trainings"
	for _, k := range list {
		page.Courses = append(page.Courses, CourseRow{trainingsPath + "/" + k.Slug, k.Title.In(l, "fr"), k.About.In(l, "fr"), k.Finished})
	}
	if a.May(identity.KeepTrainings) {
		if !form.Sent {
			form.Set("sort", strconv.Itoa(len(list)))
		}
		page.New = newCourseForm(form, trainingsPath, l.T("admin.trainings.add"))
	}
	return h.Site.Render(c, status, "admin/trainings", page)
}

func newCourseForm(form *web.Form, action, does string) *CourseForm {
	f := &CourseForm{Action: action, Does: does}
	for _, other := range lang.All {
		f.Titles = append(f.Titles, form.FieldOf("admin.trainings.title", "title_"+other.Code, "off", func(v *web.Field) {
			v.Label, v.MaxLength, v.Dir = other.Name, training.MostTitle, other.Dir
		}))
		name := "about_" + other.Code
		f.Abouts = append(f.Abouts, TextArea{name, other.Name, other.Dir, form.Value(name), form.Wrong(name), training.MostAbout})
	}
	f.Sort = form.Field("admin.trainings", "sort", "off", func(v *web.Field) { v.InputMode, v.Dir, v.MaxLength = "numeric", "ltr", 3 })
	return f
}

// readCourse reads a course as it was typed.
func readCourse(form *web.Form) training.Course {
	k := training.Course{Title: lang.Texts{}, About: lang.Texts{}}
	for _, l := range lang.All {
		k.Title[l.Code], k.About[l.Code] = form.Value("title_"+l.Code), form.Value("about_"+l.Code)
	}
	var err error
	if k.Sort, err = strconv.Atoi(lang.WesternDigits(form.Value("sort"))); err != nil {
		k.Sort = -1 // Out of every bound, and refused with them.
	}
	return k
}

// createCourse serves POST /admin/trainings.
func (h *Handlers) createCourse(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	var slug string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		slug, err = training.AddCourse(ctx, tx, readCourse(form), a.ID)
		return err
	})
	if form.Take(err) {
		return h.renderTrainings(c, http.StatusUnprocessableEntity, a, form)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, trainingsPath+"/"+slug+"?done=kept")
	return nil
}

// course reads the course of an address.
func (h *Handlers) course(c *gin.Context) (training.Course, error) {
	if !catalog.IsSlug(c.Param("slug")) {
		return training.Course{}, web.ErrNoPage
	}
	return training.CourseBySlug(c.Request.Context(), h.Pool, c.Param("slug"))
}

// showCourse serves GET /admin/trainings/:slug.
func (h *Handlers) showCourse(c *gin.Context, a identity.Account) error {
	k, err := h.course(c)
	if err != nil {
		return err
	}
	return h.renderCourse(c, http.StatusOK, a, k, web.EmptyForm(c), shorten(c.Query("q")))
}

func (h *Handlers) renderCourse(c *gin.Context, status int, a identity.Account, k training.Course, form *web.Form, search string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	name := k.Title.In(l, "fr")
	page := &CoursePage{Page: h.page(c, a, name.Words), Name: name, Path: trainingsPath + "/" + k.Slug, Count: k.Finished, Search: search,
		ArtisanWrong: form.Wrong("artisan")}
	page.Section = "trainings"
	switch c.Query("done") {
	case "kept":
		page.Said = l.T("admin.kept")
	case "finished":
		n, err := strconv.Atoi(c.Query("n"))
		if err == nil && n >= 0 && n <= mostMembers*10 {
			page.Said = l.T("admin.trainings.written", n)
		}
	case "undone":
		page.Said = l.T("admin.trainings.undone")
	}
	skip, err := strconv.Atoi(c.Query("skip"))
	if err != nil || skip < 0 || skip > 100_000 {
		skip = 0
	}
	list, more, err := training.Finishers(ctx, h.Pool, k.ID, skip, perPage)
	if err != nil {
		return err
	}
	if more {
		page.Next = page.Path + "?skip=" + strconv.Itoa(skip+perPage)
	}
	ids := make([]union.ArtisanID, len(list))
	for i, d := range list {
		ids[i] = d.Artisan
	}
	members, err := union.ArtisansByID(ctx, h.Pool, ids)
	if err != nil {
		return err
	}
	keeps := a.May(identity.KeepTrainings)
	for _, d := range list {
		name, _ := members[d.Artisan].NameIn(l)
		row := FinisherRow{Path: "/admin/artisans/" + members[d.Artisan].Slug, Name: name.Words, On: d.On, By: d.By}
		if keeps {
			row.Undo = page.Path + "/completions/" + members[d.Artisan].Slug + "/undo"
		}
		page.Finishers = append(page.Finishers, row)
	}
	if !keeps {
		return h.Site.Render(c, status, "admin/training", page)
	}
	typed := form
	if form.Value("course") == "" {
		typed = web.EmptyForm(c)
		for _, other := range lang.All {
			typed.Set("title_"+other.Code, k.Title[other.Code])
			typed.Set("about_"+other.Code, k.About[other.Code])
		}
		typed.Set("sort", strconv.Itoa(k.Sort))
	}
	page.Form, page.Finish = newCourseForm(typed, page.Path, l.T("studio.keep")), page.Path+"/completions"
	if err := h.findMembers(c, page, k); err != nil {
		return err
	}
	today, err := h.today(c)
	if err != nil {
		return err
	}
	if form.Value("finished_on") == "" && form.Wrong("finished_on") == "" {
		form.Set("finished_on", today.Format(time.DateOnly))
	}
	page.On = form.Field("admin.trainings", "finished_on", "off", func(v *web.Field) { v.Type, v.Dir, v.Required, v.MaxLength = "date", "ltr", true, 10 })
	return h.Site.Render(c, status, "admin/training", page)
}

// findMembers fills in who may have finished a course: those who are searched
// for, and those who were ticked.
func (h *Handlers) findMembers(c *gin.Context, page *CoursePage, k training.Course) error {
	ctx, l := c.Request.Context(), web.Language(c)
	list, more, err := union.Register(ctx, h.Pool, union.RegisterFilter{Query: page.Search, Limit: mostMembers})
	if err != nil {
		return err
	}
	page.FoundMore = more
	ids := make([]union.ArtisanID, len(list))
	for i, m := range list {
		ids[i] = m.ID
	}
	have, err := training.HaveFinished(ctx, h.Pool, k.Slug, ids)
	if err != nil {
		return err
	}
	ticked := c.Request.PostForm["artisan"]
	for _, m := range list {
		name, _ := m.NameIn(l)
		page.Found = append(page.Found, FoundMember{m.Slug, name.Words, m.TradeName.In(l, "fr").Words, slices.Contains(ticked, m.Slug), have[m.ID]})
	}
	return nil
}

// updateCourse serves POST /admin/trainings/:slug.
func (h *Handlers) updateCourse(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	k, err := h.course(c)
	if err != nil {
		return err
	}
	changed := readCourse(form)
	changed.Slug = k.Slug
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return training.ChangeCourse(ctx, tx, changed, a.ID) })
	if form.Take(err) {
		form.Set("course", k.Slug)
		return h.renderCourse(c, http.StatusUnprocessableEntity, a, k, form, "")
	}
	if err != nil {
		return err
	}
	web.Redirect(c, trainingsPath+"/"+k.Slug+"?done=kept")
	return nil
}

// createCompletions serves POST /admin/trainings/:slug/completions: several
// members at once.
func (h *Handlers) createCompletions(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	k, err := h.course(c)
	if err != nil {
		return err
	}
	today, err := h.today(c)
	if err != nil {
		return err
	}
	on, err := time.ParseInLocation(time.DateOnly, lang.WesternDigits(form.Value("finished_on")), today.Location())
	if err != nil {
		on = time.Time{} // Before every course, and refused as such.
	}
	artisans := slices.DeleteFunc(slices.Clone(c.Request.PostForm["artisan"]), func(s string) bool { return !catalog.IsSlug(s) })
	var n int
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		n, err = training.Finish(ctx, tx, k, artisans, on, today, h.Site.Now(), a.ID)
		return err
	})
	if form.Take(err) {
		return h.renderCourse(c, http.StatusUnprocessableEntity, a, k, form, shorten(form.Value("q")))
	}
	if err != nil {
		return err
	}
	web.Redirect(c, trainingsPath+"/"+k.Slug+"?done=finished&n="+strconv.Itoa(n))
	return nil
}

// destroyCompletion serves POST /admin/trainings/:slug/completions/:artisan/undo.
func (h *Handlers) destroyCompletion(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	k, err := h.course(c)
	if err != nil {
		return err
	}
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error { return training.Undo(ctx, tx, k, c.Param("artisan"), a.ID) })
	if err != nil {
		return err
	}
	web.Redirect(c, trainingsPath+"/"+k.Slug+"?done=undone")
	return nil
}
