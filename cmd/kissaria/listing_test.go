package main

import (
	"bytes"
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

func version(t *testing.T, body string) string {
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
