package admin

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// Tabs is partial/tabs.
type Tabs struct {
	Label string
	Tabs  []StateTab
}

// today is the day at the union.
func (h *Handlers) today(c *gin.Context) (time.Time, error) {
	profile, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return time.Time{}, err
	}
	t := h.Site.Now().In(profile.Location)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), nil
}

// daysLate returns how many days have gone by since a day, 0 for none.
func daysLate(day, today time.Time) int {
	return max(0, int(today.Sub(day.UTC()).Hours()/24))
}

const ordersPath = "/admin/orders"

// workTabs are the tabs over all lists of orders; current is the path of the
// one that is open, all how many orders there are.
func (h *Handlers) workTabs(c *gin.Context, today time.Time, current string, all int) (Tabs, error) {
	l := web.Language(c)
	counts, waiting, err := order.CountWork(c.Request.Context(), h.Pool, today)
	if err != nil {
		return Tabs{}, err
	}
	tabs := Tabs{Label: l.T("admin.work"), Tabs: []StateTab{{ordersPath, l.T("admin.work.all"), all, current == ordersPath},
		{waitingPath, l.T("admin.work.waiting"), waiting, current == waitingPath}}}
	for _, w := range order.Works {
		path := workPath(w)
		tabs.Tabs = append(tabs.Tabs, StateTab{path, l.T("admin.work." + string(w)), counts[w], current == path})
	}
	return tabs, nil
}

// workTabsOfAll is workTabs for a page that has not counted all orders itself.
func (h *Handlers) workTabsOfAll(c *gin.Context, today time.Time, current string) (Tabs, error) {
	states, err := order.CountByState(c.Request.Context(), h.Pool)
	if err != nil {
		return Tabs{}, err
	}
	return h.workTabs(c, today, current, sum(states))
}

func sum(counts map[order.State]int) (all int) {
	for _, n := range counts {
		all += n
	}
	return all
}

func workPath(w order.Work) string { return ordersPath + "/" + string(w) }

const waitingPath = ordersPath + "/waiting"

// WorkPage is admin/work: orders with which there is the same thing to do.
type WorkPage struct {
	web.Page
	Heap      string
	Path      string
	Work      Tabs
	Lead      string
	Search    string
	Tasks     []TaskRow
	Next      string
	Empty     string
	EmptyMore string
}

// TaskRow is an order to work on.
type TaskRow struct {
	Path, Number     string
	Name, To         string
	Pieces, Makers   int
	Missing          int
	Unpaid           bool // cash is to be taken for it
	ArrivesBy        time.Time
	State, StateKind string
	Since            time.Time
	Late             int // days
}

// listWork serves GET /admin/orders/{heap}.
func (h *Handlers) listWork(w order.Work) func(*gin.Context, identity.Account) error {
	return func(c *gin.Context, a identity.Account) error {
		l := web.Language(c)
		today, err := h.today(c)
		if err != nil {
			return err
		}
		f := order.WorkFilter{Today: today, Query: shorten(c.Query("q")), Limit: perPage}
		if after := c.Query("after"); len(after) <= 10 {
			f.After = after
		}
		list, more, err := order.Tasks(c.Request.Context(), h.Pool, w, f)
		if err != nil {
			return err
		}
		name := "admin.work." + string(w)
		page := &WorkPage{Page: h.page(c, a, l.T(name)), Heap: string(w), Path: workPath(w), Lead: l.T(name + ".lead"), Search: f.Query,
			Empty: l.T(name + ".empty"), EmptyMore: l.T(name + ".empty.more")}
		page.Section = "orders"
		if f.Query != "" {
			page.Empty, page.EmptyMore = l.T("admin.work.not_found", f.Query), l.T("admin.work.not_found.more")
		}
		if page.Work, err = h.workTabsOfAll(c, today, page.Path); err != nil {
			return err
		}
		for _, t := range list {
			page.Tasks = append(page.Tasks, newTaskRow(l, w, t, today))
		}
		if more {
			page.Next = page.Path + "?" + url.Values{"q": {f.Query}, "after": {list[len(list)-1].Number}}.Encode()
		}
		return h.Site.Render(c, http.StatusOK, "admin/work", page)
	}
}

func newTaskRow(l *lang.Language, w order.Work, t order.Task, today time.Time) TaskRow {
	r := TaskRow{Path: ordersPath + "/" + t.Number, Number: t.Number, Name: t.Name, To: l.T("admin.collects"), Pieces: t.Pieces, Makers: t.Makers,
		Missing: t.Missing, Unpaid: t.Unpaid, ArrivesBy: t.ArrivesBy, Since: t.Since, Late: daysLate(t.ArrivesBy, today)}
	if w == order.ToPack {
		r.Path += "/packing"
	}
	if t.Delivery == order.Post {
		r.To = l.Country(t.Country)
	}
	if t.State == "" {
		r.State, r.StateKind = l.T("admin.work.missing", t.Missing), "waiting"
		return r
	}
	key := string(t.State)
	if t.Delivery == order.Collect && t.State == order.Packed {
		key = "ready"
	}
	r.State, r.StateKind = l.T("shipment."+key), shipmentKinds[t.State]
	return r
}

// WaitingPage is admin/waiting: the workshops for which the union waits.
type WaitingPage struct {
	web.Page
	Work      Tabs
	LateOnly  bool
	AllPath   string
	LatePath  string
	Workshops []WorkshopRow
	Next      string
}

// WorkshopRow is a workshop, with how to reach it.
type WorkshopRow struct {
	Name, Path string
	Phone      string
	WhatsApp   string // empty without a number
	Pieces     []AwaitedRow
}

// AwaitedRow is a piece that is to be handed in.
type AwaitedRow struct {
	Number, Path string
	Title        lang.Text
	Quantity     int
	By           time.Time
	Late         int // days
	Shown        bool
}

// workshopsPerPage is less than of orders: each has its own list.
const workshopsPerPage = 20

// listWaiting serves GET /admin/orders/waiting.
func (h *Handlers) listWaiting(c *gin.Context, a identity.Account) error {
	l := web.Language(c)
	today, err := h.today(c)
	if err != nil {
		return err
	}
	f := order.WaitingFilter{Today: today, LateOnly: c.Query("late") != "", Limit: workshopsPerPage}
	// Where the last page ended: the day, then the slug.
	if day, slug, ok := strings.Cut(c.Query("after"), "."); ok && catalog.IsSlug(slug) {
		if f.AfterDay, err = time.Parse(time.DateOnly, day); err == nil {
			f.AfterSlug = slug
		}
	}
	list, more, err := order.Waiting(c.Request.Context(), h.Pool, f)
	if err != nil {
		return err
	}
	page := &WaitingPage{Page: h.page(c, a, l.T("admin.work.waiting")), LateOnly: f.LateOnly, AllPath: waitingPath, LatePath: waitingPath + "?late=1"}
	page.Section = "orders"
	if page.Work, err = h.workTabsOfAll(c, today, waitingPath); err != nil {
		return err
	}
	for _, w := range list {
		page.Workshops = append(page.Workshops, newWorkshopRow(l, w, today))
	}
	if more {
		last := list[len(list)-1]
		q := url.Values{"after": {last.First.Format(time.DateOnly) + "." + last.Slug}}
		if f.LateOnly {
			q.Set("late", "1")
		}
		page.Next = waitingPath + "?" + q.Encode()
	}
	return h.Site.Render(c, http.StatusOK, "admin/waiting", page)
}

func newWorkshopRow(l *lang.Language, w order.Workshop, today time.Time) WorkshopRow {
	m := union.Artisan{Name: w.Name, NameArabic: w.NameArabic}
	name, _ := m.NameIn(l)
	r := WorkshopRow{Name: name.Words, Path: "/admin/artisans/" + w.Slug, Phone: w.Phone}
	for _, p := range w.Pieces {
		r.Pieces = append(r.Pieces, AwaitedRow{Number: p.Number, Path: ordersPath + "/" + p.Number, Title: p.Title.In(l, "fr"), Quantity: p.Quantity,
			By: p.PrepareBy, Late: daysLate(p.PrepareBy, today), Shown: p.Shown})
	}
	if len(w.Pieces) > 0 {
		// The words go out in the artisan's language.
		theirs := lang.Or(w.WrittenIn)
		called, _ := m.NameIn(theirs)
		r.WhatsApp = whatsApp(w.Phone, theirs.T("studio.reminder", called, w.Pieces[0].Number, theirs.Weekday(w.Pieces[0].PrepareBy)))
	}
	return r
}

// whatsApp is a link that writes to a phone, empty for what is no number.
func whatsApp(phone, text string) string {
	number := strings.TrimPrefix(identity.Phone(phone), "+")
	if number == "" {
		return ""
	}
	return "https://wa.me/" + number + "?text=" + url.QueryEscape(text)
}
