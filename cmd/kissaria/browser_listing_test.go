package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
)

// A maker is an artisan with an old phone, who reads Arabic. What they do with
// a thumb is counted.
type maker struct {
	*tab
	l                    *lang.Language
	taps, typed, screens int
}

// tap taps an element and waits for the page that it leads to, which must fit
// the phone and the thumb.
func (k *maker) tap(role, key string) {
	k.t.Helper()
	k.follow(k.touch(role, k.l.T(key)).click)
	k.screens++
	k.fits(k.t, k.path(), 360)
	k.hits(k.t, k.path())
}

// touch finds an element and counts the tap on it.
func (k *maker) touch(role, name string) element {
	k.t.Helper()
	k.taps++
	return k.find(role, name)
}

// writes fills in the field of a name, with however many keys. Where the page
// waits for just that, no tap comes before.
func (k *maker) writes(key, words string) {
	k.t.Helper()
	if evaluate[string](k.tab, `document.activeElement?.labels?.[0]?.innerText.trim() ?? ""`) == k.l.T(key) {
		command(k.tab, input.InsertText, input.InsertTextParams{Text: words})
	} else {
		k.touch("textbox", k.l.T(key)).write(words)
	}
	k.typed += len([]rune(words))
}

// taps a button that is named by data, and goes where it leads.
func (k *maker) take(name string) {
	k.t.Helper()
	k.follow(k.touch("button", name).click)
	k.screens++
}

// shoots chooses photos, at one tap that opens the camera and one for each.
func (k *maker) shoots(files ...string) {
	k.t.Helper()
	field := k.object(`document.querySelector("input[type=file]")`)
	if field.ObjectID == "" {
		k.t.Fatalf("%s takes no photo; it shows:\n%s", k.path(), tail(k.words(), 1500))
	}
	command(k.tab, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: files, ObjectID: field.ObjectID})
	k.taps += 1 + len(files)
}

// photoFiles writes photos as a phone's gallery has them; each is another one.
func photoFiles(t *testing.T, n int) (names []string) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		name := filepath.Join(dir, "IMG_"+strconv.Itoa(i)+".jpg")
		if err := os.WriteFile(name, photo(t, 800, 900+50*i), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// An artisan is invited, lists a piece, mends what the committee asks for,
// sells it, hands it in and sees what is owed, all on a phone of 360 × 740, over
// a connection that is cut while the photos are on their way.
func TestBrowserListingOnAnOldPhone(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	l := lang.Or("ar")
	link, chair := m.invite(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari")
	w := wired(t, m)
	k := &maker{tab: openBrowser(t).open(t, m), l: l}
	k.resize(screen{360, 740, 2, true})
	command(k.tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "ar-MA"}})
	photos := photoFiles(t, 5)

	k.open(link)
	k.taps++ // The link in the message.
	if got := evaluate[string](k.tab, `document.documentElement.dir`); got != "rtl" {
		t.Fatalf("the invitation reads %s, want rtl", got)
	}
	k.field("new-password").write("three blue doors")
	k.taps++
	k.typed += len("three blue doors")
	k.tap("button", "studio.come_in")
	cameIn := *k

	k.tap("button", "studio.list")
	k.slow(20_000)
	k.shoots(photos[:3]...)
	k.until("a photo is on its way", func() bool {
		part := evaluate[float64](k.tab, `document.querySelector("progress").value`)
		return part > 0.05 && part < 0.9
	})
	w.set(true) // The connection is cut in the middle, and comes back.
	k.shows(l.T("studio.photo_waits"))
	k.slow(-1)
	w.set(false)
	k.tap("button", "studio.on")
	k.noise.forgive("/studio/uploads/", "/photos")
	k.take(one[string](t, m, `SELECT name ->> 'ar' FROM kinds WHERE slug = 'cushion'`))
	k.writes("studio.price", "١٢٥٠")
	k.tap("button", "studio.on")
	k.tap("button", "studio.on") // One of a kind, as most are.
	k.writes("studio.weight", "900")
	k.tap("button", "studio.on")
	k.touch("checkbox", one[string](t, m, `SELECT name ->> 'ar' FROM terms WHERE slug = 'wool'`)).click()
	k.tap("button", "studio.on")
	k.tap("button", "studio.on") // Words are for who likes.
	k.shows(l.Money(money.Centimes(1_150_00)))
	k.tap("button", "studio.send")
	k.shows(l.T("studio.sent"))
	taps := k.taps - cameIn.taps
	if taps > 14 {
		t.Errorf("listing a piece takes %d taps, want 14 at most", taps)
	}
	t.Logf("a piece with three photos takes %d taps and %d typed characters on %d screens, after %d taps to come in",
		taps, k.typed-cameIn.typed, k.screens-cameIn.screens, cameIn.taps)

	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted'`)
	if n := one[int](t, m, `SELECT count(*) FROM revision_pictures rp JOIN revisions r ON r.id = rp.revision_id WHERE r.state = 'submitted'`); n != 3 {
		t.Errorf("the piece was sent with %d photos, want 3", n)
	}
	decide := func(revision string, form url.Values) {
		t.Helper()
		if got := chair.post("/admin/queue/"+slug+"/"+revision+"/decision", form); got.status != http.StatusSeeOther {
			t.Fatalf("deciding on revision %s = %d", revision, got.status)
		}
	}
	decide("1", url.Values{"verdict": {"changes_requested"}, "words": {"صورة أقرب من فضلك"}})

	before := k.taps
	k.tap("link", "studio.nav.pieces")
	k.shows("صورة أقرب من فضلك")
	if got := k.state(); got != "changes_requested" {
		t.Errorf("the piece that came back is %q", got)
	}
	k.follow(k.touch("link", l.T("studio.draft.back")).click)
	k.shoots(photos[3])
	k.tap("button", "studio.on")
	k.tap("link", "studio.bar.look")
	k.tap("button", "studio.send")
	t.Logf("mending a photo takes %d taps", k.taps-before)
	decide("2", url.Values{"verdict": {"approved"}})

	p := m.buy(t, "ar", one[string](t, m, `SELECT v.sku FROM variants v JOIN products p ON p.id = v.product_id WHERE p.slug = $1`, slug))
	before = k.taps
	k.tap("link", "studio.nav.orders")
	k.shows(p.number)
	k.shoots(photos[4])
	k.tap("button", "studio.hand_in")
	k.shows(l.T("studio.shown.waiting"))
	staff := m.visitor(t)
	staff.signIn("admin@kissaria.example", "demo-admin-2026")
	if got := staff.post("/admin/orders/"+p.number+"/fulfilments/jaouad-benallal/verdict", url.Values{"verdict": {"as_shown"}}); got.status != http.StatusSeeOther {
		t.Fatalf("as shown = %d", got.status)
	}
	k.tap("link", "studio.nav.orders")
	k.shows(l.T("studio.no_orders"))
	k.tap("link", "studio.nav.money")
	k.shows(l.Money(money.Centimes(1_150_00)))
	k.shows(p.number)
	t.Logf("handing in and looking at the money takes %d taps", k.taps-before)
	if owed := one[int64](t, m, `SELECT -sum(amount_minor)::bigint FROM ledger_postings WHERE account = 'artisan:jaouad-benallal'`); owed != 1_150_00 {
		t.Errorf("the ledger owes %d centimes, want 115000", owed)
	}
	t.Logf("from the invitation to the money: %d taps, %d typed characters, %d screens", k.taps, k.typed, k.screens)
}
