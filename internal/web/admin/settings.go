package admin

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	text "kissaria.ma/internal/page"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/settings"
	"kissaria.ma/internal/web"
)

const settingsPath = "/admin/settings"

// SettingsPage is admin/settings: all that the union keeps of its own market.
type SettingsPage struct {
	web.Page
	Groups []SettingGroup
	Todo   []TodoLink
}

// SettingGroup is kinds that belong together.
type SettingGroup struct {
	Name  string
	Kinds []SettingKind
}

// SettingKind leads to the records of a kind.
type SettingKind struct {
	Path, Name string
	Count      int
	Counted    bool
}

// TodoLink leads to what is to be translated into a language.
type TodoLink struct {
	Path, Name string
	Count      int
	Current    bool
}

// listSettings serves GET /admin/settings.
func (h *Handlers) listSettings(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	page := &SettingsPage{Page: h.page(c, a, l.T("settings.title"))}
	page.Section = "settings"
	counts, err := settings.Counts(ctx, h.Pool)
	if err != nil {
		return err
	}
	for _, name := range settings.Groups {
		g := SettingGroup{Name: l.T("settings.group." + name)}
		for _, k := range settings.Kinds {
			if k.Group != name {
				continue
			}
			v := SettingKind{Path: settingsPath + "/" + k.Name, Name: l.T("settings.kind." + k.Name), Counted: !k.Single}
			v.Count = counts[k.Name]
			g.Kinds = append(g.Kinds, v)
		}
		page.Groups = append(page.Groups, g)
	}
	todo, err := settings.TodoCounts(ctx, h.Pool)
	if err != nil {
		return err
	}
	page.Todo = todoLinks(todo, "")
	return h.Site.Render(c, http.StatusOK, "admin/settings", page)
}

// SettingListPage is admin/setting_list: the records of one kind.
type SettingListPage struct {
	web.Page
	Name    string
	Lead    string
	New     string // empty where none is added
	Said    string
	Records []SettingRow
	Stated  bool          // that any of them says more than its name
	Postage *PostageTable // of the zones
}

// SettingRow is a record in its list.
type SettingRow struct {
	Path, Ref string
	Name      lang.Text
	Short     string // what it says in short, may be empty
	Hex       string // of a colour
	Missing   []string
}

// listRecords serves GET /admin/settings/:kind.
func (h *Handlers) listRecords(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	k, err := settings.ByName(c.Param("kind"))
	if err != nil {
		return err
	}
	list, err := k.Records(ctx, h.Pool)
	if err != nil {
		return err
	}
	if k.Single && len(list) == 1 {
		web.Redirect(c, settingPath(k, list[0].Ref))
		return nil
	}
	page := &SettingListPage{Page: h.page(c, a, l.T("settings.kind."+k.Name)), Name: l.T("settings.kind." + k.Name), Lead: l.T("settings.kind." + k.Name + ".lead")}
	page.Section = "settings"
	if !k.Single {
		page.New = settingsPath + "/" + k.Name + "/new"
	}
	if c.Query("removed") != "" {
		page.Said = l.T("settings.removed")
	}
	for _, r := range list {
		row := newSettingRow(l, k, r)
		page.Stated = page.Stated || row.Short != "" || len(row.Missing) > 0
		page.Records = append(page.Records, row)
	}
	if k.Name == "zone" {
		if page.Postage, err = h.postageTable(c); err != nil {
			return err
		}
	}
	return h.Site.Render(c, http.StatusOK, "admin/setting_list", page)
}

func newSettingRow(l *lang.Language, k settings.Kind, r settings.Record) SettingRow {
	row := SettingRow{Path: settingPath(k, r.Ref), Ref: r.Ref, Name: recordName(l, k, r)}
	for _, f := range k.Fields {
		switch v := r.Values[f.Key]; {
		case f.Input == settings.Colour:
			row.Hex = r.Values.Word(f.Key)
		case f.Input == settings.Texts && f.Required && len(r.Values.Texts(f.Key)) > 0:
			for _, other := range lang.All {
				if r.Values.Texts(f.Key)[other.Code] == "" && !slices.Contains(row.Missing, other.Name) {
					row.Missing = append(row.Missing, other.Name)
				}
			}
		case k.Name == "commission" || k.Name == "rate" && f.Key != "slug":
			row.Short = strings.TrimPrefix(row.Short+", "+strings.ReplaceAll(f.Says(l, v), "\n", ", "), ", ")
		}
	}
	return row
}

// recordName is what a record is called; one without a name of its own is called
// by its kind.
func recordName(l *lang.Language, k settings.Kind, r settings.Record) lang.Text {
	if len(r.Name) == 0 {
		return lang.Text{Words: l.T("settings.record." + r.Ref), Lang: l.Code, Dir: l.Dir}
	}
	return r.Name.In(l, "fr")
}

func settingPath(k settings.Kind, ref string) string { return settingsPath + "/" + k.Name + "/" + ref }

// SettingPage is admin/setting: one record, with what it was before.
type SettingPage struct {
	web.Page
	Kind     string
	ListPath string // empty where it is the only one
	Name     lang.Text
	Lead     string
	Said     string
	Problem  string
	Action   string
	Fresh    bool
	Seen     int
	Fields   []SettingField
	Changes  []Change // that someone else made meanwhile
	Uses     []SettingUse
	Remove   string // where it is taken away; empty where it cannot be
	Versions []SettingVersion
	Previews []SettingPreview
	Logo     *LogoPart // of the union's identity alone
	Preview  bool      // that texts can be looked at as they will be read
}

// SettingUse tells what needs a record.
type SettingUse struct{ Path, Said string }

// SettingVersion is a record as it was.
type SettingVersion struct {
	Number  int
	At      time.Time
	By      string
	First   bool // what stood there before anyone changed it
	Removed bool
	Current bool
	Changes []Change
	Restore string // where it is put back
}

// showSetting serves GET /admin/settings/:kind/:ref.
func (h *Handlers) showSetting(c *gin.Context, a identity.Account) error {
	k, err := settings.ByName(c.Param("kind"))
	if err != nil {
		return err
	}
	page, err := h.newSettingPage(c, a, k, c.Param("ref"), nil)
	if err != nil {
		return err
	}
	if said := c.Query("done"); said == "kept" || said == "restored" || said == "added" {
		page.Said = web.Language(c).T("settings." + said)
	}
	return h.Site.Render(c, http.StatusOK, "admin/setting", page)
}

// newSetting serves GET /admin/settings/:kind/new.
func (h *Handlers) newSetting(c *gin.Context, a identity.Account) error {
	k, err := settings.ByName(c.Param("kind"))
	if err != nil {
		return err
	}
	if k.Single {
		return web.ErrNoPage
	}
	page, err := h.newSettingPage(c, a, k, "", nil)
	if err != nil {
		return err
	}
	return h.Site.Render(c, http.StatusOK, "admin/setting", page)
}

// newSettingPage shows a record, or with an empty ref a form for a new one. form
// is what was typed where it could not be kept, and nil otherwise.
func (h *Handlers) newSettingPage(c *gin.Context, a identity.Account, k settings.Kind, ref string, form *web.Form) (*SettingPage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	page := &SettingPage{Kind: l.T("settings.kind." + k.Name), ListPath: settingsPath + "/" + k.Name, Lead: l.T("settings.kind." + k.Name + ".lead"),
		Fresh: ref == "", Action: settingsPath + "/" + k.Name}
	var record settings.Record
	var err error
	title := l.T("settings.new", l.T("settings.kind."+k.Name))
	page.Name = lang.Text{Words: title, Lang: l.Code, Dir: l.Dir}
	if ref != "" {
		page.Action = settingPath(k, ref)
		versions, err := k.Versions(ctx, h.Pool, ref)
		if err != nil {
			return nil, err
		}
		record, err = k.Record(ctx, h.Pool, ref)
		gone := errors.Is(err, settings.ErrNoRecord) && len(versions) > 0
		if err != nil && !gone {
			return nil, err
		}
		if gone {
			record = settings.Record{Ref: ref}
			for _, v := range versions {
				if v.Values != nil {
					record.Values = v.Values
					break
				}
			}
			page.Problem = l.T("settings.is_removed")
			page.Name.Words = ref
		} else {
			page.Name = recordName(l, k, record)
		}
		if len(versions) > 0 {
			page.Seen = versions[0].Number
		}
		page.Versions = newSettingVersions(l, k, ref, versions)
		if k.Removable() && !gone {
			uses, err := k.Uses(ctx, h.Pool, ref)
			if err != nil {
				return nil, err
			}
			for _, u := range uses {
				path := u.Path
				if strings.HasPrefix(path, "/products") {
					path = "/" + l.Code + path
				}
				page.Uses = append(page.Uses, SettingUse{path, l.T("settings.use."+u.What, u.Count)})
			}
			if len(uses) == 0 {
				page.Remove = page.Action + "/removal"
			}
		}
	}
	page.Page = h.page(c, a, page.Name.Words)
	page.Section = "settings"
	if k.Single && len(page.Versions) == 0 || k.Single {
		if list, err := k.Records(ctx, h.Pool); err == nil && len(list) == 1 {
			page.ListPath = ""
			page.Name = lang.Text{Words: page.Kind, Lang: l.Code, Dir: l.Dir}
		}
	}
	page.Preview = k.Name == "letter" || slices.ContainsFunc(k.Fields, func(f settings.Field) bool { return f.Markdown })
	if page.Logo, err = h.logoPart(c, k, ""); err != nil {
		return nil, err
	}
	page.Fields, err = h.settingFields(c, k, record.Values, form, page.Fresh)
	return page, err
}

// newSettingVersions tells of each version what it changed in the one before.
func newSettingVersions(l *lang.Language, k settings.Kind, ref string, versions []settings.Version) (list []SettingVersion) {
	for i, v := range versions {
		s := SettingVersion{Number: v.Number, At: v.At, By: v.By, First: v.Number == 1 && v.By == "", Removed: v.Values == nil, Current: i == 0,
			Restore: settingPath(k, ref) + "/restoration"}
		if i+1 < len(versions) && v.Values != nil {
			s.Changes = settingChanges(l, k, versions[i+1].Values, v.Values)
		}
		if i == 0 || v.Values == nil {
			s.Restore = ""
		}
		list = append(list, s)
	}
	return list
}

// settingChanges compares two records field by field.
func settingChanges(l *lang.Language, k settings.Kind, before, now settings.Values) (list []Change) {
	for _, f := range k.Fields {
		if slices.Contains(k.Changed(before, now), f.Key) {
			list = append(list, compare(l.T("settings.field."+f.Key), f.Says(l, before[f.Key]), f.Says(l, now[f.Key]), "auto"))
		}
	}
	return list
}

// createSetting serves POST /admin/settings/:kind.
func (h *Handlers) createSetting(c *gin.Context, a identity.Account) error {
	return h.keepSetting(c, a, "")
}

// saveSetting serves POST /admin/settings/:kind/:ref.
func (h *Handlers) saveSetting(c *gin.Context, a identity.Account) error {
	return h.keepSetting(c, a, c.Param("ref"))
}

func (h *Handlers) keepSetting(c *gin.Context, a identity.Account, ref string) error {
	ctx, l := c.Request.Context(), web.Language(c)
	k, err := settings.ByName(c.Param("kind"))
	if err != nil {
		return err
	}
	if ref == "" && k.Single {
		return web.ErrNoPage
	}
	form, err := web.ReadLongForm(c)
	if err != nil {
		return err
	}
	seen, err := strconv.Atoi(form.Value("seen"))
	if err != nil {
		return web.ErrMalformed
	}
	choices, err := h.choices(c, k)
	if err != nil {
		return err
	}
	values, err := k.Parse(form.Value, func(f settings.Field) []string { return choices.values(f) }, ref == "")
	if err == nil && form.Value("preview") != "" {
		page, err := h.newSettingPage(c, a, k, ref, form)
		if err != nil {
			return err
		}
		page.Seen = seen
		if page.Previews, err = h.previews(c, k, ref, values); err != nil {
			return err
		}
		return h.Site.Render(c, http.StatusOK, "admin/setting", page)
	}
	if err == nil {
		err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
			_, err = k.Save(ctx, tx, settings.Change{Ref: ref, Values: values, Seen: seen, By: a.ID, At: h.Site.Now()})
			return err
		})
	}
	changed := errors.Is(err, settings.ErrChanged)
	if changed || form.Take(err) {
		status := http.StatusUnprocessableEntity
		page, err := h.newSettingPage(c, a, k, ref, form)
		if err != nil {
			return err
		}
		if changed {
			status, page.Problem = http.StatusConflict, l.T("settings.changed")
			page.Changes, err = h.meanwhile(c, k, ref, seen)
			if err != nil {
				return err
			}
		} else {
			page.Seen = seen
		}
		return h.Site.Render(c, status, "admin/setting", page)
	}
	if err != nil {
		return err
	}
	done := "?done=kept"
	if ref == "" {
		ref, done = values.Word("slug"), "?done=added"
	}
	web.Redirect(c, settingPath(k, ref)+done)
	return nil
}

// meanwhile is what others changed in a record since a version of it was seen.
func (h *Handlers) meanwhile(c *gin.Context, k settings.Kind, ref string, seen int) ([]Change, error) {
	versions, err := k.Versions(c.Request.Context(), h.Pool, ref)
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	for _, v := range versions {
		if v.Number == max(seen, 1) {
			return settingChanges(web.Language(c), k, v.Values, versions[0].Values), nil
		}
	}
	return nil, nil
}

// restoreSetting serves POST /admin/settings/:kind/:ref/restoration.
func (h *Handlers) restoreSetting(c *gin.Context, a identity.Account) error {
	return h.actOnSetting(c, a, func(tx pgx.Tx, k settings.Kind, ref string, form *web.Form, seen int) (string, error) {
		number, err := strconv.Atoi(form.Value("version"))
		if err != nil {
			return "", web.ErrMalformed
		}
		return settingPath(k, ref) + "?done=restored", k.Restore(c.Request.Context(), tx, ref, number, seen, a.ID, h.Site.Now())
	})
}

// removeSetting serves POST /admin/settings/:kind/:ref/removal.
func (h *Handlers) removeSetting(c *gin.Context, a identity.Account) error {
	return h.actOnSetting(c, a, func(tx pgx.Tx, k settings.Kind, ref string, _ *web.Form, seen int) (string, error) {
		_, err := k.Save(c.Request.Context(), tx, settings.Change{Ref: ref, Seen: seen, By: a.ID, At: h.Site.Now()})
		return settingsPath + "/" + k.Name + "?removed=1", err
	})
}

// actOnSetting does something to a record as it was seen. Where that cannot be,
// the record is shown with why.
func (h *Handlers) actOnSetting(c *gin.Context, a identity.Account, act func(tx pgx.Tx, k settings.Kind, ref string, form *web.Form, seen int) (string, error)) error {
	ctx := c.Request.Context()
	k, err := settings.ByName(c.Param("kind"))
	if err != nil {
		return err
	}
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	seen, err := strconv.Atoi(form.Value("seen"))
	if err != nil {
		return web.ErrMalformed
	}
	ref, next := c.Param("ref"), ""
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		next, err = act(tx, k, ref, form, seen)
		return err
	})
	f := (*fault.Fault)(nil)
	if errors.As(err, &f) && (f.Kind == fault.Conflict || f.Kind == fault.Invalid) {
		page, err := h.newSettingPage(c, a, k, ref, nil)
		if err != nil {
			return err
		}
		page.Problem = problem(web.Language(c), f)
		return h.Site.Render(c, http.StatusConflict, "admin/setting", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, next)
	return nil
}

// problem is a fault in one sentence, with what is wrong in its fields.
func problem(l *lang.Language, f *fault.Fault) string {
	if len(f.Fields) == 0 {
		return l.T(f.Key, f.Args...)
	}
	var said []string
	for name, m := range f.Fields {
		base, _, _ := strings.Cut(name, ".")
		said = append(said, l.T("settings.field."+base)+": "+l.T(m.Key, m.Args...))
	}
	slices.Sort(said)
	return strings.Join(said, " ")
}

// SettingPreview is a text as it will be read.
type SettingPreview struct {
	Name   string // of its language
	Of     lang.Text
	Body   template.HTML
	Letter string // as text, for a letter
}

// previews shows letters and texts in Markdown as they will be read.
func (h *Handlers) previews(c *gin.Context, k settings.Kind, ref string, v settings.Values) (list []SettingPreview, err error) {
	if k.Name == "letter" {
		return h.letterPreviews(c, ref, v)
	}
	for _, f := range k.Fields {
		if !f.Markdown {
			continue
		}
		for _, l := range lang.All {
			words := v.Texts(f.Key)[l.Code]
			if words == "" {
				continue
			}
			p := SettingPreview{Name: l.Name, Of: lang.Text{Lang: l.Code, Dir: l.Dir}}
			if p.Body, err = text.HTML(words); err != nil {
				return nil, err
			}
			list = append(list, p)
		}
	}
	return list, nil
}
