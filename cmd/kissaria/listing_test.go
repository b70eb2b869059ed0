package main

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// send posts photos and buttons of the photo step.
func (v *visitor) sendPhotos(path string, fields map[string]string, photos ...[]byte) answer {
	v.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			v.t.Fatal(err)
		}
	}
	for _, p := range photos {
		part, err := w.CreateFormFile("photo", "صورة.jpg")
		if err != nil {
			v.t.Fatal(err)
		}
		if _, err := part.Write(p); err != nil {
			v.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		v.t.Fatal(err)
	}
	return v.send(http.MethodPost, path, &body, func(r *http.Request) { r.Header.Set("Content-Type", w.FormDataContentType()) })
}

// list takes an artisan through all steps and returns the draft's address.
func (v *visitor) list(kind string) string {
	v.t.Helper()
	begun := v.post("/studio/drafts", nil)
	base := strings.TrimSuffix(begun.location, "photos")
	if got := v.sendPhotos(base+"photos", nil, photo(v.t, 800, 1000), photo(v.t, 600, 600)); got.status != http.StatusSeeOther {
		v.t.Fatalf("two photos = %d\n%s", got.status, tail(got.body, 400))
	}
	for _, step := range []struct {
		name string
		form url.Values
	}{
		{"what", url.Values{"kind": {kind}}},
		{"price", url.Values{"price": {"١٢٥٠"}}},
		{"count", url.Values{"supply": {"stock"}, "count": {"2"}}},
		{"size", url.Values{"length": {"40,5"}, "width": {"30"}, "weight": {"900"}}},
		{"made", url.Values{"material": {"wool", "no-such"}, "technique": {"handloom"}}},
		{"words", url.Values{"title": {"حنبل صغير"}, "words": {"نسجته أمي"}}},
	} {
		form := step.form
		form.Set("version", version(v.t, v.get(base+step.name).body))
		got := v.post(base+step.name, form)
		if got.status != http.StatusSeeOther {
			v.t.Fatalf("the step %s = %d\n%s", step.name, got.status, tail(got.body, 600))
		}
	}
	return base
}

func version(t testing.TB, body string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `name="version" value="`)
	if !ok {
		t.Fatalf("the step has no version\n%s", tail(body, 400))
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// A piece is listed, comes back with a word, is mended, goes on sale and is
// bought.
func TestPieceIsListedJudgedAndSold(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan := m.comeIn(t, "jaouad-benallal")
	base := artisan.list("cushion")
	look := artisan.get(base + "look")
	if !strings.Contains(look.body, "حنبل صغير") || !strings.Contains(look.body, "1,150") {
		t.Errorf("the last step does not show the name, and 1 150 MAD for the artisan\n%s", tail(look.body, 900))
	}
	for range 2 { // Sent twice, it is sent once.
		artisan.post(base+"look", nil)
	}
	if n := one[int](t, m, `SELECT count(*) FROM revisions WHERE state = 'submitted'`); n != 1 {
		t.Fatalf("%d revisions wait, want 1", n)
	}
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted'`)
	if got := m.visitor(t).get("/en/products/" + slug); got.status != http.StatusNotFound {
		t.Errorf("buyers see what nobody has approved: %d", got.status)
	}

	// The chair of the weaving committee judges it; a potter may not, and
	// nobody judges their own.
	chair, potter := m.comeIn(t, "saadia-ghomari"), m.comeIn(t, one[string](t, m, `
		SELECT a.slug FROM artisans a JOIN committee_members c ON c.artisan_id = a.id JOIN trades t ON t.committee_id = c.committee_id
		WHERE t.slug = 'pottery' LIMIT 1`))
	path := "/admin/queue/" + slug + "/1"
	if queue := chair.get("/admin/queue"); !strings.Contains(queue.body, path) {
		t.Error("the piece is not in its committee's queue")
	}
	office := m.visitor(t)
	office.signIn("admin@kissaria.example", "demo-admin-2026")
	if queue := office.get("/admin/queue"); !strings.Contains(queue.body, path) {
		t.Error("the administrator does not see what waits for the committees")
	}
	if queue := potter.get("/admin/queue"); strings.Contains(queue.body, path) {
		t.Error("the piece is in another committee's queue")
	}
	if got := potter.post(path+"/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusForbidden {
		t.Errorf("a potter judges weaving: %d, want 403", got.status)
	}
	if got := artisan.get(path); got.status != http.StatusForbidden {
		t.Errorf("an artisan without a committee opens the queue: %d, want 403", got.status)
	}
	if got := chair.post(path+"/decision", url.Values{"verdict": {"changes_requested"}}); got.status != 422 || !strings.Contains(got.body, "field__wrong") {
		t.Errorf("asking for changes without a word = %d, want 422", got.status)
	}
	if got := chair.post(path+"/decision", url.Values{"verdict": {"changes_requested"}, "words": {"صورة أقرب من فضلك"}}); got.status != http.StatusSeeOther {
		t.Fatalf("asking for changes = %d", got.status)
	}
	if got := chair.post(path+"/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusConflict {
		t.Errorf("deciding twice = %d, want 409", got.status)
	}

	pieces := artisan.get("/studio/pieces")
	if !strings.Contains(pieces.body, "صورة أقرب من فضلك") || !strings.Contains(pieces.body, `data-state="changes_requested"`) {
		t.Error("the artisan does not read what the committee said")
	}
	artisan.sendPhotos(base+"photos", nil, photo(t, 900, 900))
	if got := artisan.post(base+"look", nil); got.status != http.StatusSeeOther {
		t.Fatalf("sending again = %d", got.status)
	}
	if got := chair.post("/admin/queue/"+slug+"/2/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusSeeOther {
		t.Fatalf("approving = %d", got.status)
	}
	page := m.visitor(t).get("/ar/products/" + slug)
	if page.status != http.StatusOK || !strings.Contains(page.body, "حنبل صغير") || strings.Count(page.body, "<picture>")+strings.Count(page.body, "picture-sheet") < 3 {
		t.Errorf("the approved piece = %d, with its name and three photos", page.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action LIKE 'revision.%'`); n != 2 {
		t.Errorf("the audit has %d decisions, want 2", n)
	}
	m.buy(t, "ar", one[string](t, m, `SELECT v.sku FROM variants v JOIN products p ON p.id = v.product_id WHERE p.slug = $1`, slug))
}

func TestNobodyJudgesTheirOwn(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	chair := m.comeIn(t, "saadia-ghomari")
	base := chair.list("mendil")
	chair.post(base+"look", nil)
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted'`)
	if queue := chair.get("/admin/queue"); strings.Contains(queue.body, slug) {
		t.Error("the chair's own piece waits for the chair")
	}
	if got := chair.post("/admin/queue/"+slug+"/1/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusForbidden {
		t.Errorf("the chair approves the chair's own piece: %d, want 403", got.status)
	}
}

func TestBadListingsAreUnderstoodOrExplained(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.comeIn(t, "jaouad-benallal")
	base := strings.TrimSuffix(v.post("/studio/drafts", nil).location, "photos")

	if got := v.sendPhotos(base+"photos", nil, []byte("GIF89a not really"), photo(t, 600, 800)); got.status != 422 || !strings.Contains(got.body, "Photo 1:") {
		t.Errorf("one bad photo among two = %d; want it named\n%s", got.status, tail(got.body, 900))
	}
	if n := one[int](t, m, `SELECT jsonb_array_length(body -> 'photos') FROM drafts`); n != 1 {
		t.Errorf("%d photos stayed, want the good one", n)
	}
	v.sendPhotos(base+"photos", nil, photo(t, 600, 800)) // The same again is one.
	if n := one[int](t, m, `SELECT jsonb_array_length(body -> 'photos') FROM drafts`); n != 1 {
		t.Errorf("the same photo twice is %d photos", n)
	}
	seen := version(t, v.get(base+"price").body)
	tests := []struct {
		step string
		form url.Values
	}{
		{"price", url.Values{"price": {"0"}}}, {"price", url.Values{"price": {"-5"}}}, {"price", url.Values{"price": {"1e9"}}},
		{"price", url.Values{"price": {""}}}, {"what", url.Values{}}, {"what", url.Values{"kind": {"../x"}}}, {"count", url.Values{}},
		{"count", url.Values{"supply": {"stock"}, "count": {"0"}}}, {"count", url.Values{"supply": {"order"}, "lead_days": {"4000"}}},
		{"size", url.Values{"weight": {""}}}, {"size", url.Values{"weight": {"heavy"}}}, {"size", url.Values{"weight": {"900"}, "length": {"99999"}}},
		{"words", url.Values{"title": {strings.Repeat("x", 200)}}},
	}
	for _, tt := range tests {
		tt.form.Set("version", seen)
		if got := v.post(base+tt.step, tt.form); got.status != 422 {
			t.Errorf("%s with %v = %d, want 422", tt.step, tt.form, got.status)
		}
	}
	if got := v.post(base+"look", nil); got.location != base+"look" {
		t.Errorf("sending half a piece leads to %q", got.location)
	}
	// Two phones: the later one is told, and nothing is overwritten.
	v.post(base+"price", url.Values{"price": {"500"}, "version": {seen}})
	if got := v.post(base+"price", url.Values{"price": {"900"}, "version": {seen}}); got.status != http.StatusConflict {
		t.Errorf("the later phone's save = %d, want 409", got.status)
	}
	if price := one[int](t, m, `SELECT (body ->> 'price')::int FROM drafts`); price != 500_00 {
		t.Errorf("the price is %d centimes, want the first phone's", price)
	}
	// Anyone else's draft is as absent as what never was.
	other := m.comeIn(t, "rqia-el-hmidi")
	for _, path := range []string{base + "price", "/studio/drafts/aaaaaaaaaaaaaaaaaaaaaaaaaa/price", base + "nonsense"} {
		if got := other.get(path); got.status != http.StatusNotFound {
			t.Errorf("another artisan opens %s: %d, want 404", path, got.status)
		}
	}
}

// A piece that is on sale is changed: buyers go on seeing what was approved, the
// artisan sees both, and once approved the new words and photos are there, with
// what the change did not speak of.
func TestPieceOnSaleIsChanged(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, buyer, chair := m.comeIn(t, "jaouad-benallal"), m.visitor(t), m.comeIn(t, "saadia-ghomari")
	slug := one[string](t, m, `
		SELECT p.slug FROM products p JOIN artisans a ON a.id = p.artisan_id JOIN revisions r ON r.id = p.live_id
		WHERE a.slug = 'jaouad-benallal' AND p.state = 'on_sale' AND r.title ? 'en' AND r.title ? 'fr' LIMIT 1`)
	title := one[string](t, m, `SELECT r.title ->> 'en' FROM revisions r JOIN products p ON p.live_id = r.id WHERE p.slug = $1`, slug)
	begin := func() string {
		t.Helper()
		got := artisan.post("/studio/pieces/"+slug+"/edit", nil)
		if got.status != http.StatusSeeOther {
			t.Fatalf("beginning to change = %d\n%s", got.status, tail(got.body, 600))
		}
		return strings.TrimSuffix(got.location, "photos")
	}
	base := begin()
	if again := begin(); again != base {
		t.Errorf("a second phone is led to %s, want %s", again, base)
	}
	for _, step := range []string{"what", "price", "count", "variants"} {
		if got := artisan.get(base + step); got.status != http.StatusNotFound {
			t.Errorf("the step %s of a piece on sale = %d, want 404", step, got.status)
		}
	}
	if got := m.comeIn(t, "rahma-el-khoumsi").post("/studio/pieces/"+slug+"/edit", nil); got.status != http.StatusNotFound {
		t.Errorf("changing another's piece = %d, want 404", got.status)
	}
	words := artisan.get(base + "words")
	if !strings.Contains(words.body, html.EscapeString(title)) {
		t.Errorf("the change does not begin with %q", title)
	}
	artisan.post(base+"words", url.Values{"version": {version(t, words.body)}, "title": {"Three doors"}, "words": {"Woven in the spring."}})
	if got := artisan.post(base+"look", nil); got.location != "/studio/pieces?sent=1" {
		t.Fatalf("sending the change = %d %s", got.status, got.location)
	}

	sees := func(want string) {
		t.Helper()
		if got := buyer.get("/en/products/" + slug); got.status != http.StatusOK || !strings.Contains(got.body, html.EscapeString(want)) {
			t.Errorf("buyers see %d without %q", got.status, want)
		}
	}
	sees(title)
	if pieces := artisan.get("/studio/pieces"); !strings.Contains(pieces.body, "Your change is with the committee.") || !strings.Contains(pieces.body, "/en/products/"+slug) {
		t.Error("the artisan does not see both")
	}
	if n := one[int](t, m, `SELECT count(*) FROM revisions r JOIN products p ON p.id = r.product_id WHERE p.slug = $1 AND r.state = 'submitted'`, slug); n != 1 {
		t.Fatalf("%d changes wait, want 1", n)
	}

	// Gone on with while it waits, it takes the place of the one that waited.
	base = begin()
	words = artisan.get(base + "words")
	if !strings.Contains(words.body, "Three doors") {
		t.Error("the change is begun anew")
	}
	artisan.post(base+"words", url.Values{"version": {version(t, words.body)}, "title": {"Four doors"}, "words": {"Woven in the spring."}})
	artisan.post(base+"look", nil)
	number := one[string](t, m, `SELECT max(r.number)::text FROM revisions r JOIN products p ON p.id = r.product_id WHERE p.slug = $1`, slug)
	if n := one[int](t, m, `SELECT count(*) FROM revisions WHERE state = 'submitted'`); n != 1 {
		t.Errorf("%d changes wait, want the last alone", n)
	}
	// Taken off the market meanwhile, it is not put back by the approval.
	artisan.post("/studio/pieces/"+slug+"/withdrawal", nil)
	if got := chair.post("/admin/queue/"+slug+"/"+number+"/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusSeeOther {
		t.Fatalf("approving = %d", got.status)
	}
	if got := buyer.get("/en/products/" + slug); got.status != http.StatusNotFound {
		t.Errorf("the approval put it back on the market: %d", got.status)
	}
	artisan.post("/studio/pieces/"+slug+"/return", nil)
	sees("Four doors")
	sees("Woven in the spring.")
	kept := one[bool](t, m, `
		SELECT r.title ->> 'fr' = l.title ->> 'fr' AND r.hs_code = l.hs_code AND r.compliance = l.compliance AND r.making_minutes IS NOT DISTINCT FROM l.making_minutes
		   AND (SELECT count(*) FROM revision_terms WHERE revision_id = r.id) = (SELECT count(*) FROM revision_terms WHERE revision_id = l.id)
		FROM products p JOIN revisions r ON r.id = p.live_id JOIN revisions l ON l.product_id = p.id AND l.number = 1
		WHERE p.slug = $1`, slug)
	if !kept {
		t.Error("the change lost what it did not speak of")
	}

	// Given up, nothing changes.
	base = begin()
	if got := artisan.post(base+"leave", nil); got.location != "/studio/pieces?left=1" {
		t.Errorf("giving up = %d %s", got.status, got.location)
	}
	sees("Four doors")
	if got := artisan.post(base+"leave", nil); got.status != http.StatusNotFound {
		t.Errorf("giving up twice = %d, want 404", got.status)
	}
}

// A piece in two sizes and a colour is listed, each with its own price and
// number; what makes no sense is said beside its field, and nothing is lost.
func TestPieceInSeveralSizesAndColours(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, chair := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari")
	base := artisan.list("cushion")
	if got := artisan.get(base + "variants"); got.status != http.StatusNotFound {
		t.Errorf("sizes of one of a kind = %d, want 404", got.status)
	}
	send := func(step string, form url.Values) answer {
		t.Helper()
		form.Set("version", version(t, artisan.get(base+step).body))
		return artisan.post(base+step, form)
	}
	if got := send("count", url.Values{"supply": {"several"}, "second": {"1"}}); got.location != base+"variants" {
		t.Fatalf("several leads to %d %s", got.status, got.location)
	}
	if got := artisan.post(base+"look", nil); got.location != base+"look" {
		t.Errorf("several without any is sent: %d %s", got.status, got.location)
	}
	for name, form := range map[string]url.Values{
		"none at all":            {},
		"without a name":         {"price1": {"100"}, "count1": {"2"}},
		"twice the same":         {"size1": {"40 × 40"}, "price1": {"100"}, "count1": {"2"}, "size2": {"40 × 40"}, "price2": {"120"}, "count2": {"1"}},
		"without a price":        {"size1": {"40 × 40"}, "price1": {""}, "count1": {"2"}},
		"neither there nor made": {"size1": {"40 × 40"}, "price1": {"100"}},
		"a price of nothing":     {"size1": {"40 × 40"}, "price1": {"-5"}, "count1": {"2"}},
	} {
		got := send("variants", form)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "field__wrong") && !strings.Contains(got.body, "notice--wrong") {
			t.Errorf("%s = %d, want 422 with what is wrong", name, got.status)
		}
		if size := form.Get("size1"); !strings.Contains(got.body, `value="`+size+`"`) {
			t.Errorf("%s: what was typed is lost", name)
		}
	}
	form := url.Values{"size1": {"40 × 40"}, "price1": {"١٠٠"}, "count1": {"2"}, "size2": {"60 × 60"}, "colour2": {"white"}, "price2": {"180,50"}, "lead_days": {"9"}}
	form.Set("more", "1")
	if got := send("variants", form); got.status != http.StatusOK || !strings.Contains(got.body, `name="size3"`) || !strings.Contains(got.body, `value="60 × 60"`) {
		t.Errorf("one more row = %d", got.status)
	}
	form.Del("more")
	if got := send("variants", form); got.location != base+"size" {
		t.Fatalf("two sizes = %d %s\n%s", got.status, got.location, tail(got.body, 900))
	}
	artisan.post(base+"look", nil)
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted'`)
	if got := chair.get("/admin/queue/" + slug + "/1"); !strings.Contains(got.body, "60 × 60") || !strings.Contains(got.body, "180.50") {
		t.Error("the committee does not see the sizes with their prices")
	}
	chair.post("/admin/queue/"+slug+"/1/decision", url.Values{"verdict": {"approved"}})
	page := m.visitor(t).get("/en/products/" + slug)
	for _, want := range []string{"40 × 40", "60 × 60", "White", "It has a small flaw"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("buyers do not see %s", want)
		}
	}
	got := one[string](t, m, `
		SELECT string_agg(v.price_minor || ' ' || v.stocked || ' ' || v.on_hand || ' ' || coalesce(v.lead_days, 0), ', ' ORDER BY v.sort)
		FROM variants v JOIN products p ON p.id = v.product_id WHERE p.slug = $1`, slug)
	if want := "10000 true 2 0, 18050 false 0 9"; got != want {
		t.Errorf("the variants are %s, want %s", got, want)
	}
	copied := artisan.post("/studio/pieces/"+slug+"/copy", nil)
	if rows := artisan.get(strings.TrimSuffix(copied.location, "photos") + "variants"); !strings.Contains(rows.body, `value="40 × 40"`) ||
		!strings.Contains(rows.body, `value="60 × 60"`) || !strings.Contains(rows.body, `value="180,50"`) {
		t.Error("another like it has not all its sizes")
	}
}
