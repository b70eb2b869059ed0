package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A workshop is suspended: signed out everywhere, off the market at once, and
// what was sold before is still brought.
func TestSuspendedArtisanPreparesWhatWasSold(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, password := m.comeIn(t, "jaouad-benallal"), "three blue doors"
	p := m.buy(t, "en", "KIS-0011")
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN variants v ON v.product_id = p.id WHERE v.sku = 'KIS-0011'`)
	guest, office, money := m.visitor(t), m.visitor(t), m.visitor(t)
	office.signIn("admin@kissaria.example", "demo-admin-2026")
	money.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	guest.fill("en", "KIS-0011")
	onMarket := func(want bool) {
		t.Helper()
		path := "/en/products/" + slug
		eventually(t, "its pieces are on the market, or not", func() bool {
			return (guest.get(path).status == http.StatusOK) == want &&
				strings.Contains(guest.get("/en/products?q=KIS-0011").body, path) == want
		})
		if got := guest.get("/en/cart"); strings.Contains(got.body, "Something in your basket has changed") == want {
			t.Errorf("the basket can be bought: %t, want %t", !want, want)
		}
		if got := guest.get("/sitemap.xml"); strings.Contains(got.body, path) != want {
			t.Errorf("the sitemap has it: %t, want %t", !want, want)
		}
	}
	onMarket(true)
	before := agreed(t, guest.get("/en/checkout?country=ES").body)

	path := "/admin/artisans/jaouad-benallal"
	if got := money.post(path+"/suspension", url.Values{"why": {"x"}}); got.status != http.StatusForbidden {
		t.Errorf("the treasurer suspends: %d, want 403", got.status)
	}
	if got := office.post(path+"/suspension", url.Values{"why": {"  "}}); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "why-wrong") {
		t.Errorf("without a reason = %d, want 422", got.status)
	}
	if got := office.post(path+"/suspension", url.Values{"why": {"Pieces came from a factory"}}); got.location != path {
		t.Fatalf("suspending = %d\n%s", got.status, tail(got.body, 600))
	}
	if got := office.post(path+"/suspension", url.Values{"why": {"Twice"}}); got.status != http.StatusConflict {
		t.Errorf("suspending twice = %d, want 409", got.status)
	}
	if got := office.get(path); !strings.Contains(got.body, `data-state="suspended"`) || !strings.Contains(got.body, "Pieces came from a factory") {
		t.Error("the office does not see the suspension")
	}
	onMarket(false)
	form := buyer()
	form.Set("agreed", before)
	if got := guest.post("/en/checkout", form); strings.HasPrefix(got.location, "/sandbox/pay/") {
		t.Error("a suspended artisan's piece was bought")
	}
	if got := artisan.get("/studio/orders"); !strings.Contains(got.location, "sign-in") {
		t.Errorf("the artisan is still signed in: %d", got.status)
	}
	if got := office.post(path+"/invitation", nil); got.status != http.StatusNotFound {
		t.Errorf("inviting a suspended artisan = %d, want 404", got.status)
	}

	// Coming in again there is a kind page with what was sold, and nothing else.
	number := one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'jaouad-benallal'`)
	if got := artisan.post("/en/sign-in", url.Values{"email": {number}, "password": {password}}); got.location != "/studio" {
		t.Fatalf("signing in = %d to %q", got.status, got.location)
	}
	if got := artisan.get("/studio"); got.location != "/studio/orders" {
		t.Errorf("the studio leads to %q", got.location)
	}
	page := artisan.get("/studio/orders")
	for _, want := range []string{`data-state="suspended"`, "Pieces came from a factory", "tel:", p.number, "/studio/orders/" + p.number + "/photo"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page.body, `href="/studio/pieces"`) {
		t.Error("the page leads on into the studio")
	}
	for _, other := range []string{"/studio/pieces", "/studio/money", "/studio/workshop", "/studio/cards"} {
		if got := artisan.get(other); got.location != "/studio/orders" {
			t.Errorf("%s = %d to %q, want the one page", other, got.status, got.location)
		}
	}
	for _, act := range []string{"/studio/drafts", "/studio/variants/KIS-0011", "/studio/workshop/closed", "/studio/pieces/" + slug + "/edit"} {
		if got := artisan.post(act, url.Values{"price": {"1"}}); got.status != http.StatusForbidden {
			t.Errorf("%s = %d, want 403", act, got.status)
		}
	}
	if got := artisan.upload("/studio/orders/"+p.number+"/photo", "x.jpg", []byte("no photo")); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `data-state="suspended"`) {
		t.Errorf("a bad photo = %d, want 422 on the same page", got.status)
	}
	if got := artisan.upload("/studio/orders/"+p.number+"/photo", "kilim.jpg", photo(t, 600, 800)); got.status != http.StatusSeeOther {
		t.Errorf("handing in = %d", got.status)
	}
	if got := office.post("/admin/orders/"+p.number+"/fulfilments/jaouad-benallal/verdict", url.Values{"verdict": {"as_shown"}}); got.status != http.StatusSeeOther {
		t.Errorf("taking it in = %d", got.status)
	}
	if got := office.get(path); !strings.Contains(got.body, `data-state="verdicts"`) || !strings.Contains(got.body, "Photos compar") {
		t.Errorf("the office does not see how often a piece differed\n%s", tail(got.body, 2500))
	}

	for range 2 { // Twice is once.
		if got := office.post(path+"/reinstatement", nil); got.location != path {
			t.Fatalf("lifting it = %d", got.status)
		}
	}
	onMarket(true)
	if got := artisan.get("/studio"); got.status != http.StatusOK {
		t.Errorf("the studio afterwards = %d", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action IN ('artisan.suspended', 'artisan.reinstated')`); n != 2 {
		t.Errorf("the audit has %d entries, want 2", n)
	}
}

// A judge whose workshop is suspended judges nothing.
func TestSuspendedJudgeDoesNotJudge(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	artisan, office := m.comeIn(t, "jaouad-benallal"), m.visitor(t)
	office.signIn("admin@kissaria.example", "demo-admin-2026")
	base := artisan.list("cushion")
	artisan.post(base+"look", nil)
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted'`)
	chair := m.comeIn(t, "saadia-ghomari")
	if got := office.post("/admin/artisans/saadia-ghomari/suspension", url.Values{"why": {"for now"}}); got.status != http.StatusSeeOther {
		t.Fatalf("suspending = %d", got.status)
	}
	number := one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'saadia-ghomari'`)
	chair.post("/en/sign-in", url.Values{"email": {number}, "password": {"three blue doors"}})
	if got := chair.post("/admin/queue/"+slug+"/1/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusForbidden {
		t.Errorf("a suspended judge decides: %d, want 403", got.status)
	}
}
