package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"kissaria.ma/internal/lang"
)

// cameraFiles writes photos as an old phone's camera takes them: 8 megapixels,
// with the grain of a weave.
func cameraFiles(t *testing.T, n int) (names []string) {
	t.Helper()
	dir := t.TempDir()
	m := image.NewYCbCr(image.Rect(0, 0, 3264, 2448), image.YCbCrSubsampleRatio420)
	for i := range n {
		for y := range 2448 {
			for x := range 3264 {
				m.Y[y*m.YStride+x] = uint8(96 + (x/7^y/(5+i))&63 + (x+y)%9)
			}
		}
		for j := range m.Cb {
			m.Cb[j], m.Cr[j] = uint8(120+j%2000/100), uint8(140-j/m.CStride/150)
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 88}); err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Join(dir, "IMG_"+strconv.Itoa(i)+".jpg"))
		if err := os.WriteFile(names[i], b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// What no text can be read of is found by its picture, and named for those who
// listen.
const hideWords = `
	addEventListener("DOMContentLoaded", () => {
		const sheet = new CSSStyleSheet()
		sheet.replaceSync("* { color: transparent !important; -webkit-text-fill-color: transparent !important } svg { color: black !important }")
		document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
	})`

// pictured holds that what people operate on a page shows what it is without a
// word: a picture in it, or in the label of a field.
func (k *maker) pictured() {
	k.t.Helper()
	for _, bare := range evaluate[[]string](k.tab, `[...document.querySelectorAll("main :is(button, a, input:not([type=hidden]), select, textarea)")]
		.filter((e) => e.checkVisibility() && ![e, ...(e.labels ?? [])].some((n) => n.querySelector("svg, img")))
		.map((e) => e.outerHTML.replace(/\s+/g, " ").slice(0, 140))`) {
		k.t.Errorf("%s: without words nobody knows what this is: %s", k.path(), bare)
	}
}

// An artisan who cannot read lists a piece with three photos, on an old phone
// over a slow connection, in less than two minutes.
func TestBrowserListingByPicturesOverASlowConnection(t *testing.T) {
	t.Parallel() // It mostly waits.
	m := openMarket(t, roles{web: true, work: true})
	l := lang.Or("ar")
	who := m.comeIn(t, "jaouad-benallal")
	m.speaks(t, "jaouad-benallal", "ar")
	photos := cameraFiles(t, 3)
	k := &maker{tab: openBrowser(t).open(t, m), l: l}
	k.waits = 2 * time.Minute
	k.resize(screen{360, 740, 2, true})
	k.be(who)
	command(k.tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: hideWords})
	command(k.tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4})
	command(k.tab, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{Latency: 400, UploadThroughput: 50_000, DownloadThroughput: 50_000}}}) // 400 kbit/s

	begin := time.Now()
	go_on := func(act func()) {
		t.Helper()
		act()
		k.pictured()
	}
	k.open("/studio")
	go_on(func() { k.tap("button", "studio.list") })
	k.shoots(photos...)
	go_on(func() { k.tap("button", "studio.on") })
	go_on(func() { k.take(one[string](t, m, `SELECT name ->> 'ar' FROM kinds WHERE slug = 'cushion'`)) })
	k.writes("studio.price", "950")
	go_on(func() { k.tap("button", "studio.on") })
	go_on(func() { k.tap("button", "studio.on") })
	k.writes("studio.weight", "700")
	k.tap("button", "studio.on") // Materials are words, and may wait for the union.
	go_on(func() { k.tap("button", "studio.on") })
	go_on(func() { k.tap("button", "studio.on") })
	k.tap("button", "studio.send")
	took := time.Since(begin)
	if took > 2*time.Minute || k.taps > 14 {
		t.Errorf("it takes %v and %d taps, want 2 minutes and 14 at most", took, k.taps)
	}
	t.Logf("it takes %v and %d taps", took.Round(time.Second), k.taps)
	if n := one[int](t, m, `SELECT count(*) FROM revision_pictures rp JOIN revisions r ON r.id = rp.revision_id WHERE r.state = 'submitted'`); n != 3 {
		t.Errorf("the piece was sent with %d photos, want 3", n)
	}
}

// Studio pages cost little, need no script to be used, and bear large letters.
func TestBrowserStudioPagesAreLight(t *testing.T) {
	t.Parallel()
	const most = 60_000 // bytes besides fonts and the artisan's own photos
	m := openMarket(t, roles{web: true, work: true})
	m.paint(t, m.slugs(t, `
		SELECT DISTINCT ON (c.kind_id) p.slug FROM cards c JOIN products p ON p.id = c.product_id JOIN kind_trades kt ON kt.kind_id = c.kind_id
		JOIN trades t ON t.id = kt.trade_id WHERE t.slug = 'wool-weaving' ORDER BY c.kind_id, c.published_at DESC`)...)
	who := m.comeIn(t, "jaouad-benallal")
	m.buy(t, "en", one[string](t, m, `
		SELECT v.sku FROM variants v JOIN products p ON p.id = v.product_id JOIN artisans a ON a.id = p.artisan_id JOIN revisions r ON r.id = p.live_id
		WHERE a.slug = 'jaouad-benallal' AND p.state = 'on_sale' AND v.stocked AND v.on_hand > 0 AND r.buyer_text IS NULL AND r.ship_mode = 'parcel' LIMIT 1`))
	base := strings.TrimSuffix(who.list("cushion"), "/")
	own := one[[]string](t, m, `SELECT coalesce(array_agg(key), '{}') FROM pictures WHERE owner = 'jaouad-benallal' AND key IS NOT NULL`)
	v := openBrowser(t).open(t, m)
	v.be(who)
	pages := []string{"/studio", "/studio/orders", "/studio/pieces", "/studio/money", "/studio/workshop", "/studio/workshop/story", "/studio/workshop/closed", "/studio/cards"}
	for _, step := range []string{"photos", "what", "price", "count", "size", "made", "words", "look"} {
		pages = append(pages, base+"/"+step)
	}
	command(v, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	for _, where := range pages {
		f := &traffic{files: map[network.RequestID]*fetched{}}
		var over atomic.Bool
		if err := chromedp.Listen(v.ctx, func(e any) {
			if !over.Load() {
				f.hear(e)
			}
		}); err != nil {
			t.Fatal(err)
		}
		v.resize(screen{360, 740, 2, true})
		v.open(where)
		evaluate[chromedp.Void](v, `document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))))`)
		v.until("all has come that was asked for", f.quiet)
		over.Store(true)
		total, lines := 0, []string{}
		for _, file := range f.all() {
			mine := false
			for _, key := range own {
				mine = mine || strings.Contains(file.url, key)
			}
			if strings.HasSuffix(file.url, ".woff2") || mine {
				continue
			}
			total += file.bytes
			lines = append(lines, strconv.Itoa(file.bytes)+" "+strings.TrimPrefix(file.url, m.url))
		}
		t.Logf("%s takes %d bytes", where, total)
		if total > most {
			t.Errorf("%s takes %d bytes, want %d at most:\n%s", where, total, most, strings.Join(lines, "\n"))
		}
		// Letters twice as large, as the phone's settings make them.
		evaluate[chromedp.Void](v, `(() => { document.documentElement.style.setProperty("font-size", "200%") })()`)
		v.fits(t, where+" with letters twice as large", 360)
		v.hits(t, where)
	}
}
