package admin

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/web"
)

// AuditPage is admin/audit: who did what, when.
type AuditPage struct {
	web.Page
	Names    []AuditChoice
	Actions  []AuditChoice
	Subject  web.Field
	For      string // slug of the artisan for whom helpers acted, empty for all
	Request  string // of which everything is shown, empty for all
	All      string // without these two
	From, To web.Field
	Entries  []AuditRow
	Next     string
	CSV      string
	Wrong    bool // a day cannot be read, and nothing was looked for
}

// AuditChoice is a name or an action to narrow the audit by.
type AuditChoice struct {
	Value, Name string
	Selected    bool
}

// AuditRow is an entry.
type AuditRow struct {
	At               time.Time
	By               string // empty for the program itself
	For, ForPath     string // slug of the artisan for whom a helper did it
	Action           string
	Subject, Path    string // Path is empty where there is no page
	Whose            string // name, where the subject is an account
	Values           []AuditValue
	Request, Related string // Related leads to all of the same request
}

// AuditValue is one thing before and after an act, side by side.
type AuditValue struct {
	Name, Before, After string
	Changed             bool
}

// program stands for the program itself among those who did something. No
// account's name is a single dash.
const program = "-"

// mostCSV bounds the entries of one file. It is held in memory while it is sent.
const mostCSV = 20_000

// errAuditTooLong is for a file that would leave something out.
var errAuditTooLong = fault.New(fault.Invalid, "admin.audit.too_long")

// auditFields are what the audit can be narrowed by.
var auditFields = []string{"by", "for", "action", "subject", "request", "from", "to"}

// auditFilter reads the filter in a request's address. The form keeps what was
// typed, and what is wrong with it.
func (h *Handlers) auditFilter(c *gin.Context) (identity.AuditFilter, *web.Form, error) {
	profile, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return identity.AuditFilter{}, nil, err
	}
	form := web.EmptyForm(c)
	for _, name := range auditFields {
		form.Set(name, shorten(c.Query(name)))
	}
	f := identity.AuditFilter{Action: form.Value("action"), Subject: form.Value("subject"), For: form.Value("for"),
		Request: form.Value("request"), Limit: perPage}
	if f.By = form.Value("by"); f.By == program {
		f.By, f.Program = "", true
	}
	var wrong fault.Form
	day := func(name string) (t time.Time) {
		if v := form.Value(name); v != "" {
			if t, err = time.ParseInLocation(time.DateOnly, v, profile.Location); err != nil {
				wrong.Wrong(name, "admin.audit.no_day")
			}
		}
		return t
	}
	f.From, f.To = day("from"), day("to")
	if !f.To.IsZero() {
		if f.To = f.To.AddDate(0, 0, 1); !f.From.Before(f.To) {
			wrong.Wrong("to", "admin.audit.before_from")
		}
	}
	form.Take(wrong.Err())
	return f, form, nil
}

// listAudit serves GET /admin/audit.
func (h *Handlers) listAudit(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	f, form, err := h.auditFilter(c)
	if err != nil {
		return err
	}
	if after := c.Query("after"); after != "" {
		if f.Before, err = strconv.ParseInt(after, 10, 64); err != nil || f.Before < 1 {
			return web.ErrMalformed
		}
	}
	names, actions, err := identity.AuditChoices(ctx, h.Pool)
	if err != nil {
		return err
	}
	typeDate := func(f *web.Field) { f.Type, f.MaxLength, f.Dir = "date", 10, "ltr" }
	page := &AuditPage{Page: h.page(c, a, l.T("admin.audit")),
		Subject: form.Field("admin.audit", "subject", "off", func(f *web.Field) { f.Dir, f.MaxLength = "ltr", 100 }),
		From:    form.Field("admin.audit", "from", "off", typeDate), To: form.Field("admin.audit", "to", "off", typeDate)}
	page.Section = "audit"
	page.For, page.Request = form.Value("for"), form.Value("request")
	by, action := form.Value("by"), form.Value("action")
	page.Names = append(page.Names, AuditChoice{program, l.T("admin.audit.program"), by == program})
	for _, name := range names {
		page.Names = append(page.Names, AuditChoice{name, name, by == name})
	}
	for _, v := range actions {
		page.Actions = append(page.Actions, AuditChoice{v, actionName(l, v), action == v})
	}
	if page.Wrong = form.Failed(); page.Wrong {
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/audit", page)
	}
	list, more, err := identity.Audit(ctx, h.Pool, f)
	if err != nil {
		return err
	}
	for _, e := range list {
		page.Entries = append(page.Entries, newAuditRow(l, e))
	}
	q := url.Values{}
	for _, name := range auditFields {
		if v := form.Value(name); v != "" {
			q.Set(name, v)
		}
	}
	page.CSV = "/admin/audit.csv?" + q.Encode()
	if page.For != "" || page.Request != "" {
		all := url.Values{}
		for name, v := range q {
			if name != "for" && name != "request" {
				all[name] = v
			}
		}
		page.All = "/admin/audit?" + all.Encode()
	}
	if more {
		q.Set("after", strconv.FormatInt(list[len(list)-1].ID, 10))
		page.Next = "/admin/audit?" + q.Encode()
	}
	return h.Site.Render(c, http.StatusOK, "admin/audit", page)
}

// sendAudit serves GET /admin/audit.csv: all that the filter lets through.
func (h *Handlers) sendAudit(c *gin.Context, _ identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	f, form, err := h.auditFilter(c)
	if err != nil {
		return err
	}
	if form.Failed() {
		return web.ErrMalformed
	}
	profile, err := h.Site.Profile(ctx)
	if err != nil {
		return err
	}
	f.Limit = mostCSV
	list, more, err := identity.Audit(ctx, h.Pool, f)
	if err != nil {
		return err
	}
	if more {
		return errAuditTooLong.With(mostCSV)
	}
	var head []string
	for _, name := range []string{"when", "by", "for", "action", "subject", "before", "after", "request"} {
		head = append(head, l.T("admin.audit."+name))
	}
	rows := make([][]string, len(list))
	for i, e := range list {
		by := e.By
		if by == "" {
			by = l.T("admin.audit.program")
		}
		rows[i] = []string{e.At.In(profile.Location).Format("2006-01-02 15:04:05"), by, e.OnBehalf, e.Action, e.Subject, string(e.Before), string(e.After), e.RequestID}
	}
	return h.Site.SendCSV(c, "audit-"+h.Site.Now().In(profile.Location).Format(time.DateOnly)+".csv", head, rows)
}

func newAuditRow(l *lang.Language, e identity.Recorded) AuditRow {
	r := AuditRow{At: e.At, By: e.By, For: e.OnBehalf, Action: actionName(l, e.Action), Subject: e.Subject, Whose: e.Whose, Values: valuesOf(e.Before, e.After), Request: e.RequestID}
	if r.For != "" {
		r.ForPath = "/admin/artisans/" + r.For
	}
	if r.Request != "" {
		r.Related = "/admin/audit?request=" + url.QueryEscape(r.Request)
	}
	if number, ok := strings.CutPrefix(e.Subject, "order:"); ok {
		r.Path = ordersPath + "/" + number
	} else if slug, ok := strings.CutPrefix(e.Subject, "artisan:"); ok {
		r.Path = "/admin/artisans/" + slug
	} else if e.WhoseRef != "" {
		r.Path = staffPath + "/" + e.WhoseRef
	}
	return r
}

// actionName puts an action into words. One that has none yet is told as it
// stands: the audit hides nothing.
func actionName(l *lang.Language, action string) string {
	if l.Has("audit." + action) {
		return l.T("audit." + action)
	}
	return action
}

// valuesOf puts what stands in an entry before and after an act side by side, by
// name. What is no object has no name.
func valuesOf(before, after json.RawMessage) (list []AuditValue) {
	was, is := fieldsOf(before), fieldsOf(after)
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		v := AuditValue{Name: name, Before: was[name], After: is[name]}
		v.Changed = v.Before != v.After
		list = append(list, v)
	}
	return list
}

func fieldsOf(raw json.RawMessage) map[string]string {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return map[string]string{"": string(raw)} // No object: as it stands.
	}
	list := make(map[string]string, len(fields))
	for name, v := range fields {
		var words string
		var several []string
		switch {
		case json.Unmarshal(v, &words) == nil: // A null, too, which says nothing.
		case json.Unmarshal(v, &several) == nil:
			words = strings.Join(several, ", ")
		default:
			words = string(v)
		}
		list[name] = words
	}
	return list
}
