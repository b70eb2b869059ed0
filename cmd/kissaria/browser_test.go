package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a browser may take over one thing.
const patience = 20 * time.Second

// chromiums are the names under which the browser may be installed.
var chromiums = []string{"chromium", "chromium-browser", "google-chrome"}

// A browser is a Chromium of a test's own.
type browser struct{ ctx context.Context }

// openBrowser starts a browser that closes with the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range chromiums {
		var err error
		if path, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if path == "" {
		t.Fatalf("none of %v is here: make test installs it", chromiums)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("lang", "en-US"))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeAll := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closeAll()
		stop()
	})
	// The browser lives as long as the context of its first run.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	return &browser{ctx}
}

// A tab is a window with cookies and a cache of its own, on one market. Whatever
// the page complains of, or asks of another host, fails its test.
type tab struct {
	t      *testing.T
	market *market
	ctx    context.Context
	noise  *noise
	waits  time.Duration // how long for one thing
}

// noise is what a tab's pages complained of.
type noise struct {
	mu    sync.Mutex
	heard []string
}

func (n *noise) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = append(n.heard, fmt.Sprintf(format, args...))
}

// open opens a new tab of the size of a phone.
func (b *browser) open(t *testing.T, m *market) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	v := &tab{t, m, ctx, &noise{}, patience}
	t.Cleanup(func() {
		closeTab()
		v.noise.mu.Lock()
		defer v.noise.mu.Unlock()
		for _, said := range v.noise.heard {
			t.Errorf("a page complained: %s", said)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("a tab does not open: %v", err)
	}
	if err := chromedp.Listen(ctx, v.hear); err != nil {
		t.Fatal(err)
	}
	command(v, network.Enable, network.EnableParams{})
	command(v, accessibility.Enable, cdp.Empty{})
	v.resize(phone)
	return v
}

// hear is told of everything that happens in the tab.
func (v *tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		v.noise.add("an exception: %s %s", e.ExceptionDetails.Text, thrown(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			v.noise.add("console.%s", e.Type)
		}
	case *log.EventEntryAdded:
		// A page that answers 404 or 422 is no fault of its own; see below for
		// what it is made of.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			v.noise.add("%s: %s", e.Entry.Source, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		// What a page made itself is no other host's.
		if u, err := url.Parse(strings.TrimPrefix(e.Request.URL, "blob:")); err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != v.market.url {
			v.noise.add("it asked another host: %s", e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 && e.Type != network.ResourceTypeDocument {
			v.noise.add("%s was answered with %d", e.Response.URL, e.Response.Status)
		}
	}
}

func thrown(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

// within bounds what a tab does. The tab outlives it.
func (v *tab) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(v.ctx, v.waits)
}

// command gives the browser a command about the tab.
func command[P, R any](v *tab, c cdp.Command[P, R], params P) R {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	r, err := chromedp.Call(ctx, c, params)
	if err != nil {
		v.t.Fatalf("%s: %v", c.Method, err)
	}
	return r
}

// evaluate computes something in the page. It works where the page's own
// scripts are switched off, too.
func evaluate[T any](v *tab, expression string) T {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	r, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatalf("evaluating %.200s: %v", expression, err)
	}
	return r
}

// A screen is a size of window.
type screen struct {
	width, height int64
	density       float64
	mobile        bool
}

var (
	phone = screen{390, 844, 2, true}
	desk  = screen{1280, 900, 1, false}
)

func (v *tab) resize(s screen) {
	v.t.Helper()
	command(v, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: s.width, Height: s.height, DeviceScaleFactor: s.density, Mobile: s.mobile})
}

// paintedAt sets the time of day that the page is looked at, light or dark.
// Nothing moves, so that a colour is what it will be.
func (v *tab) paintedAt(scheme string) {
	v.t.Helper()
	command(v, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// be takes on the cookies of a visitor, and with them the basket and the
// sign-in.
func (v *tab) be(who *visitor) {
	v.t.Helper()
	u, err := url.Parse(v.market.url)
	if err != nil {
		v.t.Fatal(err)
	}
	var cookies []*network.CookieParam
	for _, c := range who.client.Jar.Cookies(u) {
		cookies = append(cookies, &network.CookieParam{Name: c.Name, Value: c.Value, URL: v.market.url + "/"})
	}
	command(v, network.SetCookies, network.SetCookiesParams{Cookies: cookies})
}

// open goes to an address of the market.
func (v *tab) open(path string) {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(v.market.url+path)); err != nil {
		v.t.Fatalf("opening %s: %v", path, err)
	}
}

// follow waits for the page that act leads to.
func (v *tab) follow(act func()) {
	v.t.Helper()
	ctx, cancel := v.within()
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Func(func(context.Context, *chromedp.Target) error {
		act()
		return nil
	})))
	if err != nil {
		v.t.Fatalf("no page followed: %v; it shows:\n%s", err, tail(v.words(), 1500))
	}
}

func (v *tab) path() string {
	v.t.Helper()
	return evaluate[string](v, `location.pathname`)
}

// words are all that the page shows.
func (v *tab) words() string {
	v.t.Helper()
	return evaluate[string](v, `document.body.innerText`)
}

// shows waits until the page shows some words.
func (v *tab) shows(words string) {
	v.t.Helper()
	v.until(fmt.Sprintf("the page shows %q", words), func() bool { return strings.Contains(v.words(), words) })
}

// state is that of what the page is about.
func (v *tab) state() string {
	v.t.Helper()
	return evaluate[string](v, `document.querySelector("main [data-state]")?.dataset.state ?? ""`)
}

// until waits for something on the page.
func (v *tab) until(what string, ok func() bool) {
	v.t.Helper()
	for end := time.Now().Add(v.waits); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	v.t.Fatalf("at %s it never came to be that %s; it shows:\n%s", v.path(), what, tail(v.words(), 1500))
}

// An element is one of the page, as someone who cannot see it is told of it.
type element struct {
	v                              *tab
	id                             cdp.BackendNodeID
	role, name, value, description string
}

// find waits for the first element of a role, such as button, link or textbox,
// whose name is name or begins with it.
func (v *tab) find(role, name string) element {
	v.t.Helper()
	var found element
	v.until(fmt.Sprintf("there is a %s %q", role, name), func() bool {
		all := v.all(role)
		for _, e := range all {
			if e.name == name {
				found = e
				return true
			}
		}
		for _, e := range all {
			if strings.HasPrefix(e.name, name) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// all returns the elements of a role, in the order of the page.
func (v *tab) all(role string) []element {
	v.t.Helper()
	return v.query(accessibility.QueryAXTreeParams{Role: role})
}

func (v *tab) query(q accessibility.QueryAXTreeParams) []element {
	v.t.Helper()
	if q.BackendNodeID == 0 {
		q.ObjectID = v.object("document").ObjectID
	}
	var list []element
	for _, n := range command(v, accessibility.QueryAXTree, q).Nodes {
		if !n.Ignored {
			list = append(list, element{v, n.BackendDOMNodeID, text(n.Role), text(n.Name), text(n.Value), text(n.Description)})
		}
	}
	return list
}

func text(value *accessibility.Value) string {
	if value == nil {
		return ""
	}
	var s any
	if err := json.Unmarshal(value.Value, &s); err != nil || s == nil {
		return ""
	}
	return strings.Join(strings.Fields(fmt.Sprint(s)), " ")
}

// object is one of the page's own.
func (v *tab) object(expression string) *runtime.RemoteObject {
	v.t.Helper()
	return command(v, runtime.Evaluate, runtime.EvaluateParams{Expression: expression}).Result
}

// field is the one that a browser fills in by itself, by its autocomplete token.
func (v *tab) field(token string) element {
	v.t.Helper()
	found := v.object(`document.querySelector('[autocomplete="` + token + `"]')`)
	if found.ObjectID == "" {
		v.t.Fatalf("%s has no field for %s; it shows:\n%s", v.path(), token, tail(v.words(), 1500))
	}
	node := command(v, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: found.ObjectID})
	for _, e := range v.query(accessibility.QueryAXTreeParams{BackendNodeID: node.Node.BackendNodeID}) {
		if e.id == node.Node.BackendNodeID {
			return e
		}
	}
	v.t.Fatalf("the field for %s is hidden from those who cannot see", token)
	return element{}
}

// call calls a function with the element as this.
func (e element) call(function string, args ...string) {
	e.v.t.Helper()
	object := command(e.v, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: e.id}).Object
	params := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: object.ObjectID}
	for _, a := range args {
		b, err := json.Marshal(a)
		if err != nil {
			e.v.t.Fatal(err)
		}
		params.Arguments = append(params.Arguments, &runtime.CallArgument{Value: b})
	}
	if r := command(e.v, runtime.CallFunctionOn, params); r.ExceptionDetails != nil {
		e.v.t.Fatalf("%s %q: %s %s", e.role, e.name, r.ExceptionDetails.Text, thrown(r.ExceptionDetails.Exception))
	}
}

// click clicks in the middle of the element, where it can be hit.
func (e element) click() {
	e.v.t.Helper()
	e.call(`function () { this.scrollIntoView({ block: "center", behavior: "instant" }) }`)
	quads := command(e.v, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: e.id}).Quads
	if len(quads) == 0 {
		e.v.t.Fatalf("%s %q cannot be seen, so nobody could click it", e.role, e.name)
	}
	q := quads[0]
	x, y := (q[0]+q[2]+q[4]+q[6])/4, (q[1]+q[3]+q[5]+q[7])/4
	for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		command(e.v, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1})
	}
}

// write replaces what is in a field.
func (e element) write(words string) {
	e.v.t.Helper()
	command(e.v, dom.Focus, dom.FocusParams{BackendNodeID: e.id})
	e.call(`function () { this.select() }`)
	command(e.v, input.InsertText, input.InsertTextParams{Text: words})
}

// choose takes an option of a list by its words.
func (e element) choose(words string) {
	e.v.t.Helper()
	e.call(`function (words) {
		const option = [...this.options].find((o) => o.text === words)
		if (!option) throw new Error("no option " + words + " among " + [...this.options].map((o) => o.text))
		this.value = option.value
		this.dispatchEvent(new Event("change", { bubbles: true }))
	}`, words)
}

// withoutScript keeps the pages' scripts from running.
func (v *tab) withoutScript() {
	v.t.Helper()
	command(v, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}
