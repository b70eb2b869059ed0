package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// deliver takes a paid order of one workshop's piece all the way to its buyer.
func (m *market) deliver(t *testing.T, p placed, sku, maker string) {
	t.Helper()
	staff, path := m.staff(t), "/admin/orders/"+p.number
	m.handIn(t, staff, p.number, maker)
	staff.post(path+"/packing", url.Values{"piece-" + sku: {"yes"}, "weight": {"2400"}})
	staff.post(path+"/shipment", url.Values{"carrier": {"Amana International"}, "tracking": {"RR123456785MA"}})
	if got := staff.post(path+"/delivery", nil); got.status != http.StatusSeeOther || p.state() != "completed" {
		t.Fatalf("delivering = %d, the order is %s", got.status, p.state())
	}
}

// seen is the wording of a review that a judge has before them.
func (m *market) seen(t *testing.T, ref string) string {
	t.Helper()
	return strconv.FormatInt(one[int64](t, m, `SELECT (extract(epoch FROM at) * 1000000)::bigint FROM reviews WHERE ref = $1`, ref), 10)
}

const kilim = "/en/products/kilim-blue-steps"

// What a buyer writes waits for the committee, is shown once it allows it, and is
// answered by the maker.
func TestBuyerSaysWhatTheyThink(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011")
	page := "/en/orders/" + p.token
	path := page + "/reviews/1"
	said := func(words string) url.Values {
		return url.Values{"rating": {"4"}, "words": {words}, "author": {"Marta G."}, "language": {"es"}}
	}
	if got := p.get(page); strings.Contains(got.body, "review-form") {
		t.Error("what has not arrived can be reviewed")
	}
	if got := p.post(path, said("Preciosa.")); got.status != http.StatusConflict {
		t.Errorf("a review before the piece is there = %d, want 409", got.status)
	}
	m.deliver(t, p, "KIS-0011", "jaouad-benallal")
	if got := p.get(page); !strings.Contains(got.body, `action="`+path+`"`) || !strings.Contains(got.body, `value="Marta G."`) {
		t.Fatalf("the buyer is not asked what they think\n%s", tail(got.body, 3000))
	}

	// What is wrong stands beside its field, and what was typed is kept.
	for name, change := range map[string][2]string{
		"no stars": {"rating", ""}, "no star": {"rating", "0"}, "six stars": {"rating", "6"}, "a word for stars": {"rating", "many"},
		"no words": {"words", "  "}, "a long story": {"words", strings.Repeat("ب", 1001)}, "no name": {"author", ""},
		"a long name": {"author", strings.Repeat("M", 61)}, "no language": {"language", ""}, "a strange language": {"language", "tlh"},
	} {
		form := said("Typed <once>.")
		form.Set(change[0], change[1])
		got := p.post(path, form)
		if got.status != http.StatusUnprocessableEntity || change[0] != "language" && !strings.Contains(got.body, "field__wrong") {
			t.Errorf("%s = %d, want 422 and why", name, got.status)
		}
		if change[0] != "words" && !strings.Contains(got.body, "Typed &lt;once&gt;.") {
			t.Errorf("%s: what was typed is gone", name)
		}
	}
	stranger := m.visitor(t)
	for _, bad := range []string{page + "/reviews/2", page + "/reviews/0", page + "/reviews/x", page + "/reviews/99999999999999999999",
		"/en/orders/" + strings.Repeat("a", 26) + "/reviews/1", "/en/orders/nothing/reviews/1"} {
		if got := stranger.post(bad, said("Preciosa.")); got.status != http.StatusNotFound {
			t.Errorf("%s = %d, want 404", bad, got.status)
		}
	}
	count := func(where string) int { return one[int](t, m, `SELECT count(*) FROM reviews WHERE `+where) }
	if n := count(`order_line_id IS NOT NULL`); n != 0 {
		t.Fatalf("%d reviews were kept of what was wrong", n)
	}

	// Written twice, it is one review.
	for _, words := range []string{"Bonita.", `Preciosa <script>alert("x")</script>`} {
		if got := p.post(path, said(words)); got.status != http.StatusSeeOther {
			t.Fatalf("writing = %d\n%s", got.status, tail(got.body, 600))
		}
	}
	if n := count(`order_line_id IS NOT NULL AND state = 'waiting' AND words LIKE 'Preciosa%' AND country = 'ES'`); n != 1 {
		t.Errorf("%d reviews are there after writing twice, want 1", n)
	}
	if got := p.get(page); !strings.Contains(got.body, `data-review="waiting"`) || !strings.Contains(got.body, "Preciosa &lt;script&gt;") {
		t.Error("the buyer cannot change what they wrote")
	}
	shopper := m.visitor(t)
	if got := shopper.get(kilim); strings.Contains(got.body, "Preciosa") {
		t.Fatal("what nobody has read is shown")
	}

	// The committee of the trade reads it, and nobody else; not the maker either.
	ref := one[string](t, m, `SELECT ref FROM reviews WHERE state = 'waiting'`)
	desk := "/admin/reviews/" + ref
	chair, maker := m.comeIn(t, "saadia-ghomari"), m.comeIn(t, "jaouad-benallal")
	other := m.comeIn(t, one[string](t, m, `
		SELECT a.slug FROM committee_members cm JOIN artisans a ON a.id = cm.artisan_id JOIN committees c ON c.id = cm.committee_id
		WHERE c.slug <> 'weaving' AND a.id NOT IN (SELECT artisan_id FROM committee_members WHERE committee_id = (SELECT id FROM committees WHERE slug = 'weaving'))
		ORDER BY a.id LIMIT 1`))
	shown := url.Values{"verdict": {"shown"}, "seen": {m.seen(t, ref)}}
	if got := other.post(desk, shown); got.status != http.StatusForbidden {
		t.Errorf("another committee decides: %d, want 403", got.status)
	}
	if got := other.get("/admin/reviews"); strings.Contains(got.body, ref) {
		t.Error("another committee's queue has the review")
	}
	if got := maker.post(desk, shown); got.status != http.StatusForbidden {
		t.Errorf("the maker decides: %d, want 403", got.status)
	}
	if got := stranger.post(desk, shown); got.status != http.StatusUnauthorized || count(`state = 'waiting'`) != 1 {
		t.Errorf("a stranger decides: %d", got.status)
	}
	m.speaks(t, "saadia-ghomari", "en")
	if got := chair.get("/admin/reviews"); !strings.Contains(got.body, desk) || !strings.Contains(got.body, `lang="es"`) || strings.Contains(got.body, "<script>alert") {
		t.Errorf("the committee does not see what waits, or sees it run\n%s", tail(got.body, 2000))
	}
	if got := chair.post(desk, url.Values{"verdict": {"refused"}, "seen": shown["seen"]}); got.status != 422 || !strings.Contains(got.body, "field__wrong") {
		t.Errorf("refusing without a why = %d, want 422", got.status)
	}
	for name, bad := range map[string]url.Values{"nothing": {"seen": shown["seen"]}, "a made-up verdict": {"verdict": {"waiting"}, "seen": shown["seen"]}} {
		if got := chair.post(desk, bad); got.status != 422 {
			t.Errorf("%s = %d, want 422", name, got.status)
		}
	}
	if got := chair.post(desk, url.Values{"verdict": {"shown"}, "seen": {"x"}}); got.status != http.StatusBadRequest {
		t.Errorf("a made-up wording = %d, want 400", got.status)
	}
	if got := chair.post("/admin/reviews/nothing", shown); got.status != http.StatusNotFound {
		t.Errorf("deciding on nothing = %d, want 404", got.status)
	}
	p.post(path, said("Preciosa & cálida <b>"))
	if got := chair.post(desk, shown); got.status != http.StatusConflict {
		t.Errorf("deciding on what the buyer changed = %d, want 409", got.status)
	}
	shown.Set("seen", m.seen(t, ref))
	if got := chair.post(desk, shown); got.location != "/admin/reviews?done=shown" {
		t.Fatalf("showing it = %d %s\n%s", got.status, got.location, tail(got.body, 600))
	}
	if got := chair.post(desk, shown); got.status != http.StatusConflict {
		t.Errorf("deciding twice = %d, want 409", got.status)
	}
	eventually(t, "the page that was kept is made anew", func() bool {
		return strings.Contains(shopper.get(kilim).body, `<p class="buyer-review__words" lang="es" dir="ltr">Preciosa &amp; cálida &lt;b&gt;</p>`)
	})
	want := one[string](t, m, `SELECT round(avg(rating), 1)::text FROM reviews v JOIN products p ON p.id = v.product_id WHERE p.slug = 'kilim-blue-steps' AND v.state = 'shown'`)
	if got := shopper.get(kilim); !strings.Contains(got.body, strings.TrimSuffix(want, ".0")+" of 5, from ") || !strings.Contains(got.body, `aria-label="4 stars of 5"`) {
		t.Errorf("the piece's page does not say %s of 5", want)
	}
	if got := p.post(path, said("Fea.")); got.status != http.StatusConflict || count(`words = 'Fea.'`) != 0 {
		t.Errorf("changing what was decided = %d, want 409", got.status)
	}
	if got := p.get(page); !strings.Contains(got.body, `data-review="shown"`) || strings.Contains(got.body, path) {
		t.Error("the buyer is asked to change what is shown")
	}

	// The maker answers, once.
	m.speaks(t, "jaouad-benallal", "en")
	answer := "/studio/reviews/" + ref
	if got := maker.get("/studio/reviews"); !strings.Contains(got.body, answer) {
		t.Fatal("the maker is not asked to answer")
	}
	for name, words := range map[string]string{"nothing": " ", "too much": strings.Repeat("a", 601)} {
		if got := maker.post(answer, url.Values{"answer": {words}}); got.status != 422 || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("answering %s = %d, want 422", name, got.status)
		}
	}
	if got := chair.post(answer, url.Values{"answer": {"Not mine"}}); got.status != http.StatusNotFound {
		t.Errorf("answering for another workshop = %d, want 404", got.status)
	}
	for i, status := range []int{http.StatusSeeOther, http.StatusConflict} {
		if got := maker.post(answer, url.Values{"answer": {"Thank you, <Marta>" + strconv.Itoa(i)}}); got.status != status {
			t.Errorf("answer %d = %d, want %d", i+1, got.status, status)
		}
	}
	eventually(t, "the answer stands beneath", func() bool {
		return strings.Contains(shopper.get(kilim).body, "Thank you, &lt;Marta&gt;0")
	})
	for _, act := range []string{"shown", "answered"} {
		if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'review.' || $1 AND subject = $2`, act, "review:"+ref); n != 1 {
			t.Errorf("the audit has %d acts of a review %s, want 1", n, act)
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM notices WHERE kind = 'review_shown'`); n != 1 {
		t.Errorf("the maker is told %d times, want once", n)
	}
}

// What the committee refuses is never shown, and its buyer reads why.
func TestReviewIsRefused(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "fr", "KIS-0011")
	m.deliver(t, p, "KIS-0011", "jaouad-benallal")
	page := "/fr/orders/" + p.token
	p.post(page+"/reviews/1", url.Values{"rating": {"1"}, "words": {"Le voisin est un voleur"}, "author": {"M."}, "language": {"fr"}})
	ref := one[string](t, m, `SELECT ref FROM reviews WHERE state = 'waiting'`)
	office := m.visitor(t)
	office.signIn("admin@kissaria.example", "demo-admin-2026")
	got := office.post("/admin/reviews/"+ref, url.Values{"verdict": {"refused"}, "reason": {"Sur la pièce <seulement>"}, "seen": {m.seen(t, ref)}})
	if got.location != "/admin/reviews?done=refused" {
		t.Fatalf("refusing = %d %s", got.status, got.location)
	}
	if got := p.get(page); !strings.Contains(got.body, `data-review="refused"`) || !strings.Contains(got.body, "Sur la pièce &lt;seulement&gt;") {
		t.Error("the buyer does not read why")
	}
	if got := p.post(page+"/reviews/1", url.Values{"rating": {"5"}, "words": {"Bien"}, "author": {"M."}, "language": {"fr"}}); got.status != http.StatusConflict {
		t.Errorf("writing anew = %d, want 409", got.status)
	}
	if got := m.visitor(t).get("/fr/products/kilim-blue-steps"); strings.Contains(got.body, "voleur") {
		t.Error("what was refused is shown")
	}
	if got := m.comeIn(t, "jaouad-benallal").post("/studio/reviews/"+ref, url.Values{"answer": {"Non"}}); got.status != http.StatusNotFound {
		t.Errorf("answering what is not shown = %d, want 404", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'review.refused' AND after::text LIKE '%seulement%'`); n != 1 {
		t.Errorf("the audit has %d refusals, want 1", n)
	}
}

// The demo's buyers are as invented as its pieces; at most ten speak on a page.
func TestDemoHasReviews(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	if n := one[int](t, m, `SELECT count(*) FROM reviews WHERE state = 'shown'`); n != 60 {
		t.Errorf("%d reviews are shown, want the demo's 60", n)
	}
	got := m.visitor(t).get("/en/products/grey-winter-djellaba")
	if n := strings.Count(got.body, `class="buyer-review"`); n == 0 || n > 10 || !strings.Contains(got.body, "Marta G.") {
		t.Errorf("%d reviews are on a piece's page", n)
	}
	_, err := m.pool.Exec(t.Context(), `
		INSERT INTO reviews (ref, product_id, rating, words, language, author, country, state, decided_at, at)
		SELECT 'more-' || n, p.id, 3, 'word ' || n, 'en', 'A', 'FR', 'shown', now(), now() + n * interval '1 hour'
		FROM products p, generate_series(1, 30) n WHERE p.slug = 'kilim-blue-steps'`)
	if err != nil {
		t.Fatal(err)
	}
	got = m.visitor(t).get(kilim)
	if n := strings.Count(got.body, `class="buyer-review"`); n != 10 || !strings.Contains(got.body, ">word 30<") || strings.Contains(got.body, ">word 20<") ||
		!strings.Contains(got.body, "3.1 of 5, from 32 buyers") {
		t.Errorf("%d of 32 reviews are on a piece's page, want the ten newest", n)
	}
}
