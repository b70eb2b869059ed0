package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"kissaria.ma/internal/lang"
)

var shots = flag.String("shots", "", "a folder for pictures of every page; the test of their looks takes minutes longer then")

// A sight is a page in one of its states.
type sight struct {
	name string
	show func(v *tab)
}

// sights are all that there is to see in a language: what everyone sees, then
// what someone with a basket does, then the administration and the studio.
func sights(t *testing.T, m *market, l *lang.Language) []sight {
	t.Helper()
	shopper, staff := m.visitor(t), m.visitor(t)
	shopper.fill(l.Code, "KIS-0024-RED")
	waiting := shopper.place(l.Code)
	paid := m.buy(t, l.Code, "KIS-0011", "KIS-0040")
	if got := staff.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"demo-admin-2026"}}); got.status != http.StatusSeeOther {
		t.Fatalf("signing in = %d, want 303", got.status)
	}
	arrived := m.buy(t, l.Code, "KIS-0024-BLACK")
	if _, err := m.pool.Exec(t.Context(), `UPDATE orders SET state = 'completed' WHERE number = $1`, arrived.number); err != nil {
		t.Fatal(err)
	}
	arrived.post("/"+l.Code+"/orders/"+arrived.token+"/reviews/1", url.Values{"rating": {"4"}, "author": {"Marta G."}, "language": {"es"},
		"words": {"Más bonita que en las fotos. Llegó bien envuelta, y los colores son los de la ficha."}})
	artisan := m.comeIn(t, "jaouad-benallal")
	link, _ := artisan.offer("/studio/helpers")
	helper := m.newHelperOf(t, link, "Salma Benallal", "0611223344")
	asking := m.comeIn(t, "rqia-el-hmidi")
	asking.post("/studio/for/ask", url.Values{"ask": {one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'jaouad-benallal'`)}})
	if got := helper.post("/studio/variants/KIS-0011", url.Values{"price": {"2300"}, "on_hand": {"3"}}); got.status != http.StatusSeeOther {
		t.Fatalf("the helper changes a price = %d", got.status)
	}
	applied := m.apply(t, "0611000009")
	setting := "/admin/settings/trade/pottery"
	words := formOf(staff.get(setting).body, setting)
	words.Set("name_fr", "Poterie des femmes du Rif")
	words.Set("name_es", "")
	if got := staff.post(setting, words); got.status != http.StatusSeeOther {
		t.Fatalf("changing a trade = %d, want 303", got.status)
	}
	colleague, welcome := staff.hire(url.Values{"name": {"Nadia El Alami"}, "email": {"nadia@union.example"}, "phone": {"0612121212"}, "role": {"agent"}})
	treasurer := m.visitor(t)
	treasurer.on(windows).signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	link, _ = artisan.offer("/studio/helpers")
	sent := m.sendCopies(t, artisan, "kilim-blue-steps", 1)[0]
	// One of its photos looks like another workshop's.
	_, err := m.pool.Exec(t.Context(), `
		INSERT INTO picture_alikes (picture_id, other_id, distance)
		SELECT mine.picture_id, theirs.picture_id, 3
		FROM products p JOIN revision_pictures mine ON mine.revision_id = p.live_id AND mine.position = 1,
		     products o JOIN revision_pictures theirs ON theirs.revision_id = o.live_id AND theirs.position = 1
		WHERE p.slug = 'kilim-blue-steps' AND o.slug = 'forged-door-knocker'`)
	if err != nil {
		t.Fatal(err)
	}
	down := one[string](t, m, `
		SELECT p.slug FROM products p JOIN artisans a ON a.id = p.artisan_id
		WHERE a.slug = 'jaouad-benallal' AND p.slug <> 'kilim-blue-steps' AND p.state = 'on_sale' ORDER BY p.slug LIMIT 1`)
	for _, piece := range []string{down, "kilim-blue-steps"} {
		shopper.post("/"+l.Code+"/products/"+piece+"/report", url.Values{"reason": {"copied"}, "contact": {"aunt@example.org"},
			"words": {"My aunt in Aïn Boukhissa weaves these steps, and this is her photo."}})
		shopper.post("/"+l.Code+"/products/"+piece+"/report", url.Values{"reason": {"misleading"}})
	}
	chair := m.comeIn(t, "saadia-ghomari")
	if got := chair.ruled(chair.get("/admin/pieces/"+down), "/admin/pieces/"+down+"/ruling", "taken_down", url.Values{"words": {"The photos are of another workshop."}}); got.status != http.StatusSeeOther {
		t.Fatalf("taking a piece down = %d", got.status)
	}
	edit := strings.TrimSuffix(artisan.post("/studio/pieces/kilim-blue-steps/edit", nil).location, "photos")
	artisan.post(edit+"words", url.Values{"version": {version(t, artisan.get(edit+"words").body)}, "title": {"Blue Steps kilim, long"}, "words": {"Woven in the spring, with a wider border of three blues."}})
	artisan.sendPhotos(edit+"photos", nil, photo(t, 640, 800))
	artisan.post(edit+"look", nil)
	number := one[string](t, m, `SELECT max(r.number)::text FROM revisions r JOIN products p ON p.id = r.product_id WHERE p.slug = 'kilim-blue-steps'`)
	several := strings.TrimSuffix(artisan.post("/studio/drafts", nil).location, "photos")
	artisan.sendPhotos(several+"photos", nil, photo(t, 600, 800), photo(t, 800, 800))
	artisan.post(several+"count", url.Values{"version": {version(t, artisan.get(several+"count").body)}, "supply": {"several"}})
	imported := staff.sendFile("/admin/artisans/import", "file", "membres.csv", append(twenty(), "=cmd;juggling;Atlantis;call me;;;;\n"...)).location
	cash := m.orderForCash(t, "KIS-0011")
	draft := artisan.list("cushion")
	artisan.sendVoice(draft, webmVoice, map[string]string{"played": "1"})
	artisan.post(draft+"look", nil)
	spoken := one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted' AND r.voice_played`)
	if got := staff.post("/admin/queue/"+spoken+"/1/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusSeeOther {
		t.Fatalf("approving = %d", got.status)
	}
	artisan.post("/studio/pieces/"+spoken+"/edit", nil)
	signatures := func(n string) {
		staff.post("/admin/committees/weaving", url.Values{"mark_rules": {"1"}, "signatures": {n}, "months": {"12"}, "renew_days": {"60"}})
	}
	unmarked := `
		SELECT p.slug FROM products p JOIN artisans a ON a.id = p.artisan_id
		WHERE a.slug = 'jaouad-benallal' AND p.state = 'on_sale' AND NOT EXISTS (SELECT FROM marks k WHERE k.product_id = p.id) ORDER BY p.slug LIMIT 1`
	signatures("1")
	withdrawn := staff.propose("jaouad-benallal", one[string](t, m, unmarked))
	staff.visit(withdrawn, daysAgo(2))
	staff.vote(withdrawn, "signed", "")
	staff.post(withdrawn+"/withdrawal", url.Values{"reason": {"La laine de cette pièce est mêlée de fibre synthétique."}})
	signatures("2")
	proposed := staff.propose("jaouad-benallal", one[string](t, m, unmarked))
	staff.vote(proposed, "signed", "Des lisières droites, une laine bien filée.")
	today := time.Now()
	artisan.post("/studio/workshop/closed", url.Values{"from": {today.Format(time.DateOnly)}, "until": {today.AddDate(0, 0, 9).Format(time.DateOnly)}, "pieces": {"stay"}})
	ring := one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'jaouad-benallal'`)
	if _, err := m.pool.Exec(t.Context(), `UPDATE accounts SET language = $1`, l.Code); err != nil {
		t.Fatal(err)
	}
	at := func(path string) func(*tab) {
		return func(v *tab) { v.open("/" + l.Code + path) }
	}
	outside := func(path string) func(*tab) {
		return func(v *tab) { v.open(path) }
	}
	card := func(v *tab, number string) {
		v.open(waiting.payPath)
		v.field("cc-number").write(number)
		v.field("cc-exp").write("12/39")
		v.field("cc-csc").write("123")
		v.follow(v.find("button", strings.TrimSpace(l.T("sandbox.pay", ""))).click)
	}
	return []sight{
		{"home", at("/")},
		{"home-languages", func(v *tab) {
			v.open("/" + l.Code + "/")
			v.find("DisclosureTriangle", l.T("nav.language")).click()
		}},
		{"list", at("/products")},
		{"list-narrowed", func(v *tab) {
			v.open("/" + l.Code + "/products?trade=leather&trade=pottery&ready=1&max=900")
			if fold := v.find("DisclosureTriangle", l.T("list.narrow")); evaluate[bool](v, `!document.querySelector("main details").open`) {
				fold.click()
			}
		}},
		{"list-searched", at("/products?q=kilim")},
		{"list-empty", at("/products?q=helicopter")},
		{"product", at("/products/kilim-blue-steps")},
		{"product-marked", at("/products/" + one[string](t, m, `SELECT p.slug FROM marks k JOIN products p ON p.id = k.product_id WHERE k.invented ORDER BY k.id LIMIT 1`))},
		{"product-variants", at("/products/grey-winter-djellaba")},
		{"product-text", at("/products/house-number-tile")},
		{"product-sold", at("/products/zouak-tray-blue-flower")},
		{"product-spoken", at("/products/" + spoken)},
		{"trades", at("/trades")},
		{"trade", at("/trades/pottery")},
		{"collection", at("/collections/blue-stairs")},
		{"artisans", at("/artisans")},
		{"artisan", at("/artisans/jaouad-benallal")},
		{"union", at("/union")},
		{"committees", at("/union/committees")},
		{"help", at("/help/customs")},
		{"absent", at("/products/no-such-piece")},
		{"cart-empty", at("/cart")},
		{"sign-in", at("/sign-in")},
		{"sign-in-wrong", func(v *tab) {
			v.open("/" + l.Code + "/sign-in")
			v.field("username").write("nobody@kissaria.example")
			v.field("current-password").write("not this one")
			v.follow(v.find("button", l.T("sign_in.enter")).click)
		}},
		{"cart", func(v *tab) {
			v.be(shopper)
			v.open("/" + l.Code + "/cart")
		}},
		{"cart-wrong", func(v *tab) {
			v.find("textbox", l.T("cart.how_many")).write("99")
			v.follow(v.find("button", l.T("cart.change")).click)
		}},
		{"checkout", at("/checkout")},
		{"checkout-wrong", func(v *tab) { v.follow(v.find("button", l.T("checkout.order")).click) }},
		{"pay", outside(waiting.payPath)},
		{"pay-declined", func(v *tab) { card(v, "4000 0000 0000 0002") }},
		{"pay-asking", func(v *tab) { card(v, "4000 0025 0000 3155") }},
		{"order-pending", at("/orders/" + waiting.token)},
		{"order-checking", func(v *tab) {
			v.open("/" + l.Code + "/orders/" + waiting.token + "?paid=1")
			evaluate[chromedp.Void](v, `window.stop()`) // It would look again by itself.
		}},
		{"order-paid", at("/orders/" + paid.token)},
		{"order-cash", at("/orders/" + cash.token)},
		{"order-arrived", func(v *tab) {
			v.open("/" + l.Code + "/orders/" + arrived.token)
			v.find("DisclosureTriangle", l.T("review.change")).click()
		}},
		{"report", at("/products/kilim-blue-steps/report")},
		{"report-wrong", func(v *tab) {
			v.open("/" + l.Code + "/products/kilim-blue-steps/report")
			v.follow(v.find("button", l.T("report.send")).click)
		}},
		{"report-sent", at("/products/kilim-blue-steps/report?sent=1")},
		{"letters", outside("/sandbox/mail")},
		{"admin-orders", func(v *tab) {
			v.be(staff)
			v.open("/admin/orders")
		}},
		{"admin-overview", outside("/admin")},
		{"admin-pages", outside("/admin/numbers/pages")},
		{"admin-sold-out", outside("/admin/numbers/sold-out")},
		{"admin-pieces-waiting", outside("/admin/numbers/waiting")},
		{"admin-refunds-waiting", outside("/admin/refunds")},
		{"admin-order", outside("/admin/orders/" + paid.number)},
		{"admin-order-cash", outside("/admin/orders/" + cash.number)},
		{"admin-refund", outside("/admin/orders/" + paid.number + "/refund")},
		{"admin-refund-reckoned", func(v *tab) {
			v.open("/admin/orders/" + paid.number + "/refund")
			v.find("combobox", l.T("refund.reason")).choose(l.T("refund.reason.damaged"))
			v.follow(v.find("button", l.T("refund.reckon")).click)
		}},
		{"admin-queue", outside("/admin/queue")},
		{"admin-decision", outside("/admin/queue/" + sent + "/1")},
		{"admin-decision-change", outside("/admin/queue/kilim-blue-steps/" + number)},
		{"admin-piece", outside("/admin/pieces/kilim-blue-steps")},
		{"admin-piece-wrong", func(v *tab) {
			v.open("/admin/pieces/kilim-blue-steps")
			v.follow(v.find("button", l.T("admin.ruling.take_down")).click)
		}},
		{"admin-piece-appeal", func(v *tab) {
			artisan.post("/studio/pieces/"+down+"/takedown", url.Values{"words": {"I took the photos myself, in my workshop by the door."}})
			v.open("/admin/pieces/" + down)
		}},
		{"admin-trainings", outside("/admin/trainings")},
		{"admin-training", outside("/admin/trainings/photo-by-the-window")},
		{"admin-training-wrong", func(v *tab) {
			v.open("/admin/trainings/selling-by-phone")
			v.follow(v.find("button", l.T("admin.trainings.write")).click)
		}},
		{"admin-committee", outside("/admin/committees/weaving")},
		{"admin-artisans", outside("/admin/artisans")},
		{"admin-import", outside("/admin/artisans/import")},
		{"admin-import-faulty", outside(imported)},
		{"admin-reviews", func(v *tab) {
			v.open("/admin/reviews")
			v.find("DisclosureTriangle", l.T("admin.reviews.refuse_it")).click()
		}},
		{"admin-marks", outside("/admin/marks")},
		{"admin-marks-empty", outside("/admin/marks?state=refused")},
		{"admin-mark", outside(proposed)},
		{"admin-mark-wrong", func(v *tab) {
			v.open(proposed)
			evaluate[chromedp.Void](v, `document.querySelector("[name=day]").value = "2020-01-01"`)
			v.follow(v.find("button", l.T("admin.mark.visit.keep")).click)
		}},
		{"admin-mark-withdrawn", outside(withdrawn)},
		{"admin-mark-standing", func(v *tab) {
			v.open("/admin/marks/" + one[string](t, m, `SELECT ref FROM marks WHERE state = 'granted' ORDER BY id LIMIT 1`))
			v.find("DisclosureTriangle", l.T("admin.mark.withdraw")).click()
		}},
		{"admin-mark-choose", outside("/admin/marks/new")},
		{"admin-mark-new", outside("/admin/marks/new?artisan=jaouad-benallal")},
		{"admin-mark-names", outside("/admin/marks/names")},
		{"admin-waiting", outside("/admin/orders/waiting")},
		{"admin-packing", outside("/admin/orders/packing")},
		{"admin-label", outside("/admin/orders/" + paid.number + "/label")},
		{"admin-audit", outside("/admin/audit")},
		{"admin-audit-wrong", outside("/admin/audit?from=yesterday")},
		{"admin-search", outside("/admin/search?q=kilim")},
		{"admin-applications", outside("/admin/applications")},
		{"admin-application", outside("/admin/applications/" + applied)},
		{"join", outside("/" + l.Code + "/join")},
		{"admin-settings", outside("/admin/settings")},
		{"admin-setting-list", outside("/admin/settings/zone")},
		{"admin-setting", outside("/admin/settings/trade/pottery")},
		{"admin-setting-zone", outside("/admin/settings/zone/near-europe")},
		{"admin-translations", outside("/admin/translations?to=es")},
		{"text", outside("/" + l.Code + "/glossary")},
		{"admin-voices", outside("/admin/voices")},
		{"admin-voice", outside("/admin/voices/" + spoken)},
		{"admin-artisan", func(v *tab) {
			v.open("/admin/artisans/jaouad-benallal")
			v.find("DisclosureTriangle", l.T("admin.suspend")).click()
		}},
		{"admin-staff", outside("/admin/staff")},
		{"admin-staff-new", outside("/admin/staff/new")},
		{"admin-colleague", outside(colleague)},
		{"admin-colleague-link", func(v *tab) {
			v.open(one[string](t, m, `SELECT '/admin/staff/' || ref FROM accounts WHERE email = 'treasurer@kissaria.example'`))
			v.follow(v.find("button", l.T("staff.make_link")).click)
		}},
		{"admin-artisan-helper", func(v *tab) {
			v.open("/admin/artisans/saadia-ghomari")
			v.follow(v.find("button", l.T("helping.office.make")).click)
		}},
		{"account-sessions", outside("/account/sessions")},
		{"account-second-factor", outside("/account/second-factor")},
		{"account-second-factor-new", outside("/account/second-factor/new")},
		{"account-codes", func(v *tab) {
			v.be(treasurer)
			v.open("/account/second-factor/new")
			secret := strings.ReplaceAll(evaluate[string](v, `document.querySelector("main b bdi").textContent`), " ", "")
			v.field("one-time-code").write(codeAt(t, secret, time.Now()))
			v.follow(v.find("button", l.T("factor.turn_on")).click)
		}},
		{"account-second-factor-on", outside("/account/second-factor")},
		{"forbidden", outside("/admin/staff")},
		{"account-step-wrong", func(v *tab) {
			v.be(m.visitor(t))
			v.open("/" + l.Code + "/sign-in")
			v.field("username").write("treasurer@kissaria.example")
			v.field("current-password").write("demo-treasurer-2026")
			v.follow(v.find("button", l.T("sign_in.enter")).click)
			v.field("one-time-code").write("12 34")
			v.follow(v.find("button", l.T("sign_in.enter")).click)
		}},
		{"account-welcome", outside(welcome)},
		{"studio-help", outside(link)},
		{"studio-helped", func(v *tab) {
			v.be(helper)
			v.open("/studio/pieces")
		}},
		{"studio-for", outside("/studio/for")},
		{"studio", func(v *tab) {
			v.be(artisan)
			v.open("/studio")
		}},
		{"studio-marks", func(v *tab) {
			v.open("/studio/marks")
			v.find("DisclosureTriangle", l.T("studio.marks.appeal")).click()
		}},
		{"studio-orders", outside("/studio/orders")},
		{"studio-pieces", outside("/studio/pieces")},
		{"studio-photos", outside(several + "photos")},
		{"studio-what", outside(several + "what")},
		{"studio-count", outside(several + "count")},
		{"studio-variants-wrong", func(v *tab) {
			v.open(several + "variants")
			v.follow(v.find("button", l.T("studio.on")).click)
		}},
		{"studio-size", outside(several + "size")},
		{"studio-words", outside(several + "words")},
		{"studio-look", outside(several + "look")},
		{"studio-takedown", outside("/studio/pieces/" + down + "/takedown")},
		{"studio-withdrawal", outside("/studio/pieces/kilim-blue-steps/withdrawal")},
		{"studio-money", outside("/studio/money")},
		{"studio-workshop", outside("/studio/workshop")},
		{"studio-hours-wrong", func(v *tab) {
			v.open("/studio/workshop/hours")
			v.follow(v.find("button", l.T("studio.hours.set")).click)
		}},
		{"studio-closed", outside("/studio/workshop/closed")},
		{"studio-place", outside("/studio/workshop/place")},
		{"studio-work", outside("/studio/workshop/work")},
		{"studio-words", outside(draft + "words")},
		{"studio-reviews", outside("/studio/reviews")},
		{"studio-cards", outside("/studio/cards")},
		{"studio-helpers", outside("/studio/helpers")},
		{"studio-helpers-offer", func(v *tab) {
			v.open("/studio/helpers")
			v.follow(v.find("button", l.T("helping.make")).click)
		}},
		{"studio-paused", func(v *tab) {
			staff.post("/admin/artisans/jaouad-benallal/suspension", url.Values{"why": {l.T("admin.suspend.why.hint")}})
			artisan.post("/en/sign-in", url.Values{"email": {ring}, "password": {"three blue doors"}})
			v.be(artisan)
			v.open("/studio/orders")
		}},
		{"admin-artisan-suspended", func(v *tab) {
			v.be(staff)
			v.open("/admin/artisans/jaouad-benallal")
		}},
	}
}

// Every page, in both directions of writing, by day and by night, on a phone
// and at a desk: axe-core finds nothing, nothing sticks out, and a thumb hits
// what it is meant to hit.
func TestBrowserEveryPageIsFitToBeUsed(t *testing.T) {
	axe, err := os.ReadFile("../../assets/vendor/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	b := openBrowser(t)
	for _, code := range []string{"en", "ar"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			l, err := lang.ByCode(code)
			if err != nil {
				t.Fatal(err)
			}
			m := openMarket(t, roles{web: true, work: true})
			_, err = m.pool.Exec(t.Context(), `UPDATE variants SET on_hand = 0 WHERE product_id = (SELECT id FROM products WHERE slug = 'zouak-tray-blue-flower')`)
			if err != nil {
				t.Fatal(err)
			}
			if *shots == "" {
				m.paint(t, "kilim-blue-steps") // A picture takes its place otherwise than the sheet before it.
			} else {
				m.paint(t, m.slugs(t, `SELECT slug FROM products`)...)
			}
			list := sights(t, m, l)
			v := b.open(t, m)
			for _, s := range list {
				v.resize(phone)
				v.paintedAt("light")
				s.show(v)
				if words := v.words(); strings.Contains(words, "⟦") {
					t.Errorf("%s shows a key instead of its message: %.60s", s.name, words[strings.Index(words, "⟦"):])
				}
				if !evaluate[bool](v, `"axe" in window`) {
					evaluate[chromedp.Void](v, string(axe))
				}
				v.looks(t, s.name, code)
			}
		})
	}
}

// looks holds what must be true of a page at every size and in every light.
func (v *tab) looks(t *testing.T, name, code string) {
	t.Helper()
	everything := `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}`
	colours := `{type: "rule", values: ["color-contrast", "link-in-text-block"]}` // All that night can change.
	for _, s := range []screen{phone, desk} {
		v.resize(s)
		v.fits(t, name, s.width)
		if s == phone {
			v.hits(t, name)
		}
		// Night changes colours, and the same ones in every language and at every
		// size; a desk's page is the phone's, laid out otherwise. Who wants pictures
		// gets all of them.
		lights := map[screen][]string{phone: {"light", "dark"}}
		if code == "ar" {
			lights = map[screen][]string{phone: {"light"}, desk: {"light"}}
		}
		if *shots != "" {
			lights = map[screen][]string{phone: {"light", "dark"}, desk: {"light", "dark"}}
		}
		for _, light := range lights[s] {
			v.paintedAt(light)
			rules := everything
			if light == "dark" {
				rules = colours
			}
			for _, found := range evaluate[[]string](v, `axe.run({runOnly: `+rules+`, resultTypes: ["violations"], preload: false}).then((r) =>
				r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " "))))`) {
				t.Errorf("axe on %s at %d px, %s: %s", name, s.width, light, found)
			}
			v.shoot(t, fmt.Sprintf("%s-%s-%d-%s.png", name, code, s.width, light))
		}
		v.paintedAt("light")
	}
	for _, s := range []screen{{320, 640, 2, true}, {768, 1024, 2, true}} {
		v.resize(s)
		v.fits(t, name, s.width)
	}
}

// fits holds that nothing sticks out of the page at either side. The page
// itself cuts it off, so that no scrollbar would tell.
func (v *tab) fits(t *testing.T, name string, width int64) {
	t.Helper()
	for _, out := range evaluate[[]string](v, `(() => {
		const wide = document.documentElement.clientWidth
		const cut = (e) => {
			for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
				const s = getComputedStyle(p)
				if (s.overflowX !== "visible" || s.clipPath !== "none") return true
			}
			return getComputedStyle(e).clipPath !== "none"
		}
		const out = [...document.body.querySelectorAll("*")].filter((e) => {
			const r = e.getBoundingClientRect()
			return r.width > 0 && r.height > 0 && (r.right > wide + 1 || r.left < -1) && e.checkVisibility() && !cut(e)
		})
		return out.filter((e) => !out.some((other) => other !== e && e.contains(other))).slice(0, 5).map((e) => {
			const r = e.getBoundingClientRect()
			return e.tagName.toLowerCase() + "." + (e.getAttribute("class") ?? "") + " from " + Math.round(r.left) + " to " + Math.round(r.right) + ": " + e.textContent.trim().replace(/\s+/g, " ").slice(0, 40)
		})
	})()`) {
		t.Errorf("%s at %d px: %s sticks out", name, width, out)
	}
}

// smallest is the least height of what a thumb must hit, in CSS pixels.
const smallest = 44

// hits holds that a thumb hits what people operate. Links within text are as
// high as their line; axe looks after these.
func (v *tab) hits(t *testing.T, name string) {
	t.Helper()
	for _, small := range evaluate[[]string](v, fmt.Sprintf(`[...document.querySelectorAll(
		"button, input:not([type=hidden]), select, textarea, main summary, header summary, header nav a, header a, .btn")].filter((e) => e.checkVisibility() && !e.matches(".visually-hidden")).map((e) => {
			const target = e.matches("[type=radio], [type=checkbox]") ? e.closest("label") ?? e : e
			return [e, target.getBoundingClientRect().height]
		}).filter(([, high]) => high > 0 && high < %d).map(([e, high]) => Math.round(high) + " px: " + e.outerHTML.replace(/\s+/g, " ").slice(0, 120))`, smallest)) {
		t.Errorf("%s: a thumb misses what is only %s; want %d", name, small, smallest)
	}
}

// shoot keeps a picture of the whole page, if someone wants to look.
func (v *tab) shoot(t *testing.T, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	evaluate[chromedp.Void](v, `Promise.all([...document.images].map((i) => { i.loading = "eager"; return i.decode().catch(() => {}) }))`)
	ctx, cancel := v.within()
	defer cancel()
	b, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatalf("a picture of %s: %v", name, err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// slugs reads a list of slugs from the market's database.
func (m *market) slugs(t *testing.T, sql string, args ...any) []string {
	t.Helper()
	return one[[]string](t, m, `SELECT coalesce(array_agg(slug), '{}') FROM (`+sql+`) AS s`, args...)
}

// On a desk all pictures are in view, and need no counting.
func TestBrowserPicturesAreCountedOnPhonesAlone(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := openBrowser(t).open(t, m)
	v.open("/en/products/kilim-blue-steps")
	shown := func() bool {
		return evaluate[bool](v, `document.querySelector(".gallery-frame__count").checkVisibility()`)
	}
	if !shown() {
		t.Error("a phone does not tell how many pictures there are")
	}
	v.resize(desk)
	if shown() {
		t.Error("a desk counts the pictures that are all in view")
	}
}
