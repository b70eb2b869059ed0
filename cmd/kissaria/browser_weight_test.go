package main

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// What a phone may fetch to show a page before anyone scrolls.
const (
	mostBytes    = 100_000
	mostRequests = 12
	mostShift    = 0.01
)

// fonts are those that a language needs, and how many bytes they may come to,
// without headers.
var fonts = map[string]struct {
	names []string
	bytes int
}{
	"en": {[]string{"display-latin", "text-latin"}, 23_500},
	"ar": {[]string{"display-arabic", "display-digits", "text-arabic", "text-latin"}, 45_000},
}

// A fetched file is one that the browser asked for.
type fetched struct {
	url   string
	kind  network.ResourceType
	bytes int // over the wire, headers included
	body  int // without them, where it is told
	ended bool
}

// A traffic counts what a tab fetches.
type traffic struct {
	mu    sync.Mutex
	files map[network.RequestID]*fetched
}

func (f *traffic) hear(event any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			f.files[e.RequestID] = &fetched{url: e.Request.URL, kind: e.Type}
		}
	case *network.EventLoadingFinished:
		if file := f.files[e.RequestID]; file != nil {
			file.bytes, file.ended = int(e.EncodedDataLength), true
		}
	case *network.EventResponseReceived:
		if file := f.files[e.RequestID]; file != nil {
			file.body, _ = strconv.Atoi(fmt.Sprint(e.Response.Headers["Content-Length"]))
		}
	case *network.EventLoadingFailed:
		if file := f.files[e.RequestID]; file != nil {
			file.ended = true
		}
	}
}

// quiet reports whether all that was asked for has come.
func (f *traffic) quiet() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range f.files {
		if !file.ended {
			return false
		}
	}
	return len(f.files) > 0
}

// all returns what was fetched, the heaviest first.
func (f *traffic) all() []fetched {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []fetched
	for _, file := range f.files {
		list = append(list, *file)
	}
	slices.SortFunc(list, func(a, b fetched) int { return b.bytes - a.bytes })
	return list
}

// The first view of a page that people come to from elsewhere: light, at rest,
// and all from here.
func TestBrowserFirstViewsAreLight(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	m.paint(t, append(m.slugs(t, `SELECT p.slug FROM products p JOIN cards c ON c.product_id = p.id ORDER BY c.published_at DESC, c.slug LIMIT 4`), "kilim-blue-steps")...)
	b := openBrowser(t)
	for _, code := range []string{"en", "ar"} {
		for _, where := range []string{"/", "/products", "/products/kilim-blue-steps", "/artisans/jaouad-benallal"} {
			t.Run(code+where, func(t *testing.T) {
				v := b.open(t, m)
				f := &traffic{files: map[network.RequestID]*fetched{}}
				if err := chromedp.Listen(v.ctx, f.hear); err != nil {
					t.Fatal(err)
				}
				command(v, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
					window.shift = 0
					new PerformanceObserver((list) => { for (const e of list.getEntries()) shift += e.value }).observe({ type: "layout-shift", buffered: true })`})
				v.open("/" + code + where)
				evaluate[chromedp.Void](v, `document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))))`)
				v.until("all has come that was asked for", f.quiet)
				weigh(t, v, code, f.all())
				if shift := evaluate[float64](v, `shift`); shift > mostShift {
					t.Errorf("the layout shifts by %.4f, want %.2f at most", shift, mostShift)
				} else {
					t.Logf("the layout shifts by %.4f", shift)
				}
			})
		}
	}
}

// weigh holds what a first view needs to its budget. Pictures below the fold
// that the browser fetches ahead of a scroll are not needed for it.
func weigh(t *testing.T, v *tab, code string, files []fetched) {
	t.Helper()
	ahead := evaluate[[]string](v, `[...document.images].filter((i) => {
		const r = i.getBoundingClientRect()
		return i.loading === "lazy" && (r.top >= innerHeight || r.bottom <= 0 || r.left >= innerWidth || r.right <= 0)
	}).map((i) => i.currentSrc)`)
	// The icon is the tab's, and comes when the browser has nothing else to do.
	files = slices.DeleteFunc(files, func(f fetched) bool {
		return slices.Contains(ahead, f.url) || path.Base(path.Dir(f.url)) == "assets" && strings.HasPrefix(path.Base(f.url), "icon.")
	})
	bytes, fontBytes := 0, 0
	var fontNames, lines []string
	for _, f := range files {
		bytes += f.bytes
		lines = append(lines, fmt.Sprintf("%7d %s %s", f.bytes, f.kind, strings.TrimPrefix(f.url, v.market.url)))
		if f.kind == network.ResourceTypeFont || strings.HasSuffix(f.url, ".woff2") {
			fontBytes += f.body
			name, _, _ := strings.Cut(strings.TrimPrefix(path.Base(f.url), "fonts-"), ".")
			fontNames = append(fontNames, name)
		}
	}
	t.Logf("%d bytes in %d requests, %d of them fonts", bytes, len(files), fontBytes)
	if bytes > mostBytes || len(files) > mostRequests {
		t.Errorf("it takes %d bytes in %d requests, want %d in %d at most:\n%s", bytes, len(files), mostBytes, mostRequests, strings.Join(lines, "\n"))
	}
	slices.Sort(fontNames)
	want := fonts[code]
	if code == "en" && strings.Contains(v.path(), "/artisans/") { // The artisan's name as they write it.
		want.names, want.bytes = append(want.names, "display-arabic"), want.bytes+13_500
	}
	if fontBytes > want.bytes || slices.ContainsFunc(fontNames, func(name string) bool { return !slices.Contains(want.names, name) }) {
		t.Errorf("it fetches the fonts %v, %d bytes; want at most %v, %d", fontNames, fontBytes, want.names, want.bytes)
	}
	t.Logf("fonts: %v\n%s", fontNames, strings.Join(lines, "\n"))
}
