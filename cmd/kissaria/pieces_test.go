package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A piece leaves the market and comes back, and buyers see it at once.
func TestPieceLeavesTheMarketAndComesBack(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v, buyer := m.comeIn(t, "jaouad-benallal"), m.visitor(t)
	withdrawal, back := "/studio/pieces/kilim-blue-steps/withdrawal", "/studio/pieces/kilim-blue-steps/return"
	seen := func(want int) {
		t.Helper()
		eventually(t, "buyers see how it stands", func() bool { return buyer.get("/en/products/kilim-blue-steps").status == want })
		listed := strings.Contains(buyer.get("/en/artisans/jaouad-benallal").body, "kilim-blue-steps")
		if listed != (want == http.StatusOK) {
			t.Errorf("with the piece at %d, the workshop's page shows it: %t", want, listed)
		}
	}
	if list := v.get("/studio/pieces"); !strings.Contains(list.body, `href="`+withdrawal+`"`) {
		t.Fatal("the list does not offer to take the piece off")
	}
	seen(http.StatusOK)
	if asks := v.get(withdrawal); asks.status != http.StatusOK || !strings.Contains(asks.body, `action="`+withdrawal+`"`) {
		t.Errorf("the question = %d", asks.status)
	}
	seen(http.StatusOK) // A question changes nothing.

	for range 2 { // Pressed twice, it is done once.
		if got := v.post(withdrawal, nil); got.location != "/studio/pieces?withdrawn=1" {
			t.Fatalf("taking it off = %d to %q", got.status, got.location)
		}
	}
	seen(http.StatusNotFound)
	list := v.get("/studio/pieces?withdrawn=1")
	if !strings.Contains(list.body, `href="`+back+`"`) || strings.Contains(list.body, `href="`+withdrawal+`"`) {
		t.Error("the list does not offer to put the piece back, and that alone")
	}
	if got := v.get(withdrawal); got.location != "/studio/pieces" {
		t.Errorf("asking again whether it should leave leads to %q", got.location)
	}
	if got := buyer.post("/en/cart/lines", url.Values{"variant": {"KIS-0011"}, "quantity": {"1"}}); got.status == http.StatusSeeOther {
		t.Error("what is off the market goes into a basket")
	}

	if asks := v.get(back); asks.status != http.StatusOK || !strings.Contains(asks.body, `action="`+back+`"`) {
		t.Errorf("the question whether it comes back = %d", asks.status)
	}
	for range 2 {
		if got := v.post(back, nil); got.location != "/studio/pieces?put_back=1" {
			t.Fatalf("putting it back = %d to %q", got.status, got.location)
		}
	}
	seen(http.StatusOK)
	if got := one[string](t, m, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit WHERE subject = 'product:kilim-blue-steps'`); got != "product.withdrawn product.put_back" {
		t.Errorf("the audit has %q", got)
	}
}

// Nobody moves or copies what is another's, or what the union took down.
func TestOnlyOnesOwnPiecesMove(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.comeIn(t, "jaouad-benallal")
	other := one[string](t, m, `SELECT p.slug FROM products p JOIN artisans a ON a.id = p.artisan_id WHERE a.slug <> 'jaouad-benallal' AND p.state = 'on_sale' LIMIT 1`)
	for _, slug := range []string{other, "no-such-piece"} {
		for _, act := range []string{"withdrawal", "return", "copy"} {
			path := "/studio/pieces/" + slug + "/" + act
			if got := v.post(path, nil); got.status != http.StatusNotFound {
				t.Errorf("POST %s = %d, want 404", path, got.status)
			}
			if got := v.get(path); act != "copy" && got.status != http.StatusNotFound {
				t.Errorf("GET %s = %d, want 404", path, got.status)
			}
		}
	}
	if _, err := m.pool.Exec(t.Context(), `UPDATE products SET state = 'taken_down' WHERE slug = 'kilim-blue-steps'`); err != nil {
		t.Fatal(err)
	}
	if got := v.post("/studio/pieces/kilim-blue-steps/return", nil); got.status != http.StatusNotFound {
		t.Errorf("putting back what the union took down = %d, want 404", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE subject LIKE 'product:%'`) + one[int](t, m, `SELECT count(*) FROM drafts`); n != 0 {
		t.Errorf("%d things were done", n)
	}
}

// A sold piece keeps its page, and so does one that someone is paying for.
func TestSoldPieceKeepsItsPage(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	v, buyer := m.comeIn(t, "jaouad-benallal"), m.visitor(t)
	withdrawal := "/studio/pieces/kilim-blue-steps/withdrawal"
	buyer.fill("en", "KIS-0011")
	buyer.place("en")
	if asks := v.get(withdrawal); asks.status != http.StatusOK || !strings.Contains(asks.body, "notice--waiting") {
		t.Errorf("that someone is paying for one of the two is not said: %d", asks.status)
	}
	m.buy(t, "en", "KIS-0011")
	if got := v.post(withdrawal, nil); got.status != http.StatusConflict {
		t.Errorf("taking off one that is sold and one that is being paid for = %d, want 409", got.status)
	}
	if list := v.get("/studio/pieces"); strings.Contains(list.body, `href="`+withdrawal+`"`) {
		t.Error("the list offers to take off what cannot be")
	}
	if page := m.visitor(t).get("/en/products/kilim-blue-steps"); page.status != http.StatusOK {
		t.Errorf("the sold piece's page = %d", page.status)
	}
}

// What was listed once need not be written down again.
func TestPieceIsCopied(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.comeIn(t, "jaouad-benallal")
	got := v.post("/studio/pieces/kilim-blue-steps/copy", nil)
	if !strings.HasPrefix(got.location, "/studio/drafts/") || !strings.HasSuffix(got.location, "/photos") {
		t.Fatalf("copying = %d to %q", got.status, got.location)
	}
	base := strings.TrimSuffix(got.location, "photos")
	photos := one[int](t, m, `SELECT count(*) FROM revision_pictures rp JOIN products p ON p.live_id = rp.revision_id WHERE p.slug = 'kilim-blue-steps'`)
	if page := v.get(base + "photos"); strings.Count(page.body, `class="photo-slot"`) != photos {
		t.Errorf("the copy does not show the %d photos", photos)
	}
	if page := v.get(base + "price"); !strings.Contains(page.body, `value="2200"`) {
		t.Error("the copy does not cost 2 200 dirhams")
	}
	if page := v.get(base + "count"); !strings.Contains(page.body, `value="stock" checked`) || !strings.Contains(page.body, `value="2"`) {
		t.Error("of the copy there are not two")
	}
	name := one[string](t, m, `SELECT r.title ->> 'en' FROM products p JOIN revisions r ON r.id = p.live_id WHERE p.slug = 'kilim-blue-steps'`)
	if page := v.get(base + "words"); !strings.Contains(page.body, name) {
		t.Errorf("the copy is not called %q", name)
	}
	if sent := v.post(base+"look", nil); sent.location != "/studio/pieces?sent=1" {
		t.Fatalf("sending the copy as it is = %d to %q", sent.status, sent.location)
	}
	if n := one[int](t, m, `SELECT count(DISTINCT slug) FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted'`); n != 1 {
		t.Errorf("%d new pieces wait for the committee, want 1", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'product.copied' AND subject = 'product:kilim-blue-steps'`); n != 1 {
		t.Errorf("the audit has %d copies, want 1", n)
	}
}
