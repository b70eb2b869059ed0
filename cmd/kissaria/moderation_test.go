package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sendCopies has an artisan send so many pieces like one of theirs to the
// committee, and returns their slugs, oldest first.
func (m *market) sendCopies(t *testing.T, artisan *visitor, slug string, n int) []string {
	t.Helper()
	for range n {
		draft := artisan.post("/studio/pieces/"+slug+"/copy", nil).location
		if got := artisan.post(strings.TrimSuffix(draft, "photos")+"look", nil); got.location != "/studio/pieces?sent=1" {
			t.Fatalf("sending a piece = %d %s", got.status, got.location)
		}
	}
	return m.slugs(t, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted' ORDER BY r.submitted_at, r.id`)
}

// speaks sets the language that an artisan reads.
func (m *market) speaks(t *testing.T, slug, language string) {
	t.Helper()
	if _, err := m.pool.Exec(t.Context(), `UPDATE accounts SET language = $2 WHERE id = (SELECT account_id FROM artisans WHERE slug = $1)`, slug, language); err != nil {
		t.Fatal(err)
	}
}

// texts returns the ids of what the weaving committee looks at, or says.
func (m *market) texts(t *testing.T, kind string) []string {
	t.Helper()
	return one[[]string](t, m, `
		SELECT array_agg(x.id::text ORDER BY x.sort) FROM committee_texts x JOIN committees c ON c.id = x.committee_id
		WHERE c.slug = 'weaving' AND x.kind = $1 AND x.retired_at IS NULL`, kind)
}

// A piece needs as many members as the committee's rules say; each says once what
// they think, and what they looked at is kept.
func TestCommitteeDecidesByItsRules(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, chair, vice := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari"), m.comeIn(t, "zoubida-ajaraai")
	m.speaks(t, "zoubida-ajaraai", "en")
	office := m.visitor(t)
	office.signIn("admin@kissaria.example", "demo-admin-2026")
	rules := func(v *visitor, approvals, wary, promise string) answer {
		return v.post("/admin/committees/weaving", url.Values{"rules": {"1"}, "approvals": {approvals}, "wary_from": {wary}, "promise_days": {promise}})
	}
	if got := rules(chair, "2", "3", "2"); got.status != http.StatusForbidden {
		t.Errorf("a member sets the rules: %d, want 403", got.status)
	}
	for _, bad := range [][3]string{{"0", "3", "2"}, {"10", "3", "2"}, {"two", "3", "2"}, {"2", "-1", "2"}, {"2", "3", ""}} {
		if got := rules(office, bad[0], bad[1], bad[2]); got.status != 422 || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("the rules %v = %d, want 422", bad, got.status)
		}
	}
	if got := rules(office, "٢", "3", "2"); got.status != http.StatusSeeOther {
		t.Fatalf("two must approve = %d", got.status)
	}
	slug := m.sendCopies(t, artisan, "kilim-blue-steps", 1)[0]
	decide := func(v *visitor, form url.Values) answer { return v.post("/admin/queue/"+slug+"/1/decision", form) }
	onSale := func() bool {
		return one[bool](t, m, `SELECT state = 'on_sale' FROM products WHERE slug = $1`, slug)
	}
	criteria := m.texts(t, "criterion")
	if got := decide(chair, url.Values{"verdict": {"approved"}, "criterion" + criteria[0]: {"1"}}); got.status != http.StatusSeeOther || onSale() {
		t.Fatalf("one of two approves = %d, on sale: %v", got.status, onSale())
	}
	if got := decide(chair, url.Values{"verdict": {"approved"}}); got.status != http.StatusConflict || onSale() {
		t.Errorf("voting twice = %d, want 409", got.status)
	}
	if got := chair.get("/admin/queue"); strings.Contains(got.body, slug) {
		t.Error("a piece one has voted on is still in one's queue")
	}
	if got := vice.get("/admin/queue/" + slug + "/1"); !strings.Contains(got.body, "1 of 2 members") {
		t.Errorf("the other member is not told how it stands\n%s", tail(got.body, 2000))
	}
	if got := decide(vice, url.Values{"verdict": {"approved"}}); got.status != http.StatusSeeOther || !onSale() {
		t.Errorf("both approve = %d, on sale: %v", got.status, onSale())
	}
	if got := one[string](t, m, `SELECT seen -> 0 ->> 'en' FROM decisions ORDER BY id LIMIT 1`); !strings.Contains(got, "technique") {
		t.Errorf("what was looked at is kept as %q", got)
	}

	// Pieces that differed make the committee look once more.
	rules(office, "1", "1", "2")
	p := m.buy(t, "en", one[string](t, m, `
		SELECT v.sku FROM variants v JOIN products p ON p.id = v.product_id WHERE p.slug = $1`, slug))
	artisan.upload("/studio/orders/"+p.number+"/photo", "piece.jpg", photo(t, 700, 700))
	office.post("/admin/orders/"+p.number+"/fulfilments/jaouad-benallal/verdict", url.Values{"verdict": {"differs"}, "words": {"another colour"}})
	if n := one[int](t, m, `SELECT count(*) FROM handings WHERE verdict = 'differs'`); n != 1 {
		t.Fatalf("%d pieces differed, want 1", n)
	}
	slug = m.sendCopies(t, artisan, "kilim-blue-steps", 1)[0]
	if got := decide(chair, url.Values{"verdict": {"approved"}}); got.status != http.StatusSeeOther || onSale() {
		t.Errorf("after a piece differed one approves = %d, on sale: %v; want one more", got.status, onSale())
	}
	decide(vice, url.Values{"verdict": {"approved"}})
	if !onSale() {
		t.Error("two approve, and it is not on sale")
	}
}

// A committee's phrases are read by each artisan in their own language; the
// committee keeps them itself.
func TestCommitteeKeepsItsTexts(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, chair := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari")
	path := "/admin/committees/weaving"
	if got := chair.post(path, url.Values{"kind": {"phrase"}}); got.status != 422 || !strings.Contains(got.body, "Write it in one language at least.") {
		t.Errorf("an empty phrase = %d, want 422", got.status)
	}
	long := url.Values{"kind": {"phrase"}, "words_es": {strings.Repeat("ñ", 121)}, "words_en": {"kept"}}
	if got := chair.post(path, long); got.status != 422 || !strings.Contains(got.body, `value="kept"`) {
		t.Errorf("a long phrase = %d, want 422 with the others kept", got.status)
	}
	if got := chair.post(path, url.Values{"kind": {"phrase"}, "words_en": {"Comb the fringe"}, "words_ar": {"مشّط الأهداب"}}); got.status != http.StatusSeeOther {
		t.Fatalf("a phrase = %d", got.status)
	}
	for _, other := range []string{"/admin/committees/clay", "/admin/committees/pottery", "/admin/committees/wood", "/admin/committees/nothing"} {
		if got := chair.get(other); got.status != http.StatusNotFound {
			t.Errorf("%s of another committee = %d, want 404", other, got.status)
		}
	}
	phrases := m.texts(t, "phrase")
	last := phrases[len(phrases)-1]
	slug := m.sendCopies(t, artisan, "kilim-blue-steps", 1)[0]
	piece := "/admin/queue/" + slug + "/1"
	if got := chair.get(piece); !strings.Contains(got.body, "Comb the fringe") {
		t.Error("the committee does not see its phrase")
	}
	// A colleague is told who is at it.
	vice := m.comeIn(t, "zoubida-ajaraai")
	m.speaks(t, "zoubida-ajaraai", "en")
	if got := vice.get(piece); !strings.Contains(got.body, "Saadia Ghomari is looking at it") {
		t.Error("a colleague is not told who is at it")
	}
	m.site.Now = func() time.Time { return time.Now().Add(11 * time.Minute) }
	if got := vice.get(piece); strings.Contains(got.body, "is looking at it") {
		t.Error("a claim does not lapse")
	}
	m.site.Now = time.Now
	if got := chair.post(piece+"/decision", url.Values{"verdict": {"changes_requested"}, "phrase" + last: {"1"}}); got.status != http.StatusSeeOther {
		t.Fatalf("asking with a phrase alone = %d", got.status)
	}
	m.speaks(t, "jaouad-benallal", "ar")
	if got := artisan.get("/studio/pieces"); !strings.Contains(got.body, "مشّط الأهداب") {
		t.Error("the artisan does not read the phrase in Arabic")
	}
	for range 2 {
		if got := chair.post(path, url.Values{"retire": {last}}); got.status != http.StatusSeeOther {
			t.Errorf("taking a phrase out = %d", got.status)
		}
	}
	if got := artisan.get("/studio/pieces"); !strings.Contains(got.body, "مشّط الأهداب") {
		t.Error("what was said is lost with the phrase")
	}
	if got := chair.get(path); strings.Contains(got.body, "Comb the fringe") {
		t.Error("the phrase is still offered")
	}
	foreign := one[string](t, m, `SELECT x.id::text FROM committee_texts x JOIN committees c ON c.id = x.committee_id WHERE c.slug <> 'weaving' LIMIT 1`)
	for _, id := range []string{foreign, "0", "x", "99999999999999999999"} {
		if got := chair.post(path, url.Values{"retire": {id}}); got.status != http.StatusNotFound {
			t.Errorf("taking out %s of another committee = %d, want 404", id, got.status)
		}
	}
}

// The committee sees what a change changes, with the words that came and went.
func TestCommitteeSeesWhatChanged(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, chair := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari")
	slug := "kilim-blue-steps"
	base := strings.TrimSuffix(artisan.post("/studio/pieces/"+slug+"/edit", nil).location, "photos")
	words := artisan.get(base + "words").body
	text := one[string](t, m, `SELECT r.description ->> 'en' FROM revisions r JOIN products p ON p.live_id = r.id WHERE p.slug = $1`, slug)
	first, rest, _ := strings.Cut(text, " ")
	artisan.post(base+"words", url.Values{"version": {version(t, words)}, "title": {"Blue Steps kilim"}, "words": {first + " splendid " + rest}})
	artisan.sendPhotos(base+"photos", nil, photo(t, 640, 800))
	artisan.post(base+"look", nil)
	queue := chair.get("/admin/queue").body
	if !strings.Contains(queue, "Changes of pieces on sale") || strings.Contains(queue, "New pieces") {
		t.Error("a change does not stand apart in the queue")
	}
	number := regexp.MustCompile(slug + `/(\d+)`).FindStringSubmatch(queue)
	if number == nil {
		t.Fatal("the change is not in the queue")
	}
	page := chair.get("/admin/queue/" + slug + "/" + number[1]).body
	for _, want := range []string{"<ins>splendid</ins>", "decision__mark", "Also by this maker"} {
		if !strings.Contains(page, want) {
			t.Errorf("the decision page lacks %q", want)
		}
	}
	if n := strings.Count(page, "decision__mark"); n != 1 {
		t.Errorf("%d photos are marked as new, want 1", n)
	}
}

// Waiting is told in working days, and what waits longer than promised stands out.
func TestQueueTellsWhatIsLate(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, chair := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari")
	m.sendCopies(t, artisan, "kilim-blue-steps", 1)
	for days, late := range map[int]bool{0: false, 9: true} {
		m.site.Now = func() time.Time { return time.Now().AddDate(0, 0, days) }
		if got := strings.Contains(chair.get("/admin/queue").body, "badge--wrong"); got != late {
			t.Errorf("after %s days it is late: %v, want %v", strconv.Itoa(days), got, late)
		}
	}
}

// savedAnew is a photo of the demo, made smaller and saved at a lower quality, as
// one finds it on someone else's page.
func savedAnew(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../assets/demo/pictures/" + name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	size := m.Bounds().Size().Div(2)
	small := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			small.Set(x, y, m.At(2*x, 2*y))
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, small, &jpeg.Options{Quality: 60}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// The committee is warned of a photo that another workshop shows already, and
// not of a workshop's own.
func TestCommitteeIsWarnedOfCopies(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	m.paint(t, "forged-door-knocker", "kilim-blue-steps")
	artisan, chair := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari")
	send := func(name string) string {
		base := artisan.list("cushion")
		artisan.sendPhotos(base+"photos", nil, savedAnew(t, name))
		if got := artisan.post(base+"look", nil); got.status != http.StatusSeeOther {
			t.Fatalf("sending a piece = %d", got.status)
		}
		eventually(t, "the photos are made and compared", func() bool {
			return one[int](t, m, `SELECT count(*) FROM pictures WHERE owner = 'jaouad-benallal' AND NOT compared AND created_at > now() - interval '1 minute' AND id IN (SELECT picture_id FROM revision_pictures rp JOIN revisions r ON r.id = rp.revision_id WHERE r.state = 'submitted')`) == 0
		})
		return one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted' ORDER BY r.id DESC LIMIT 1`)
	}
	const sign = "A photo looks like another workshop’s"
	own := send("kilim-blue-steps-hero.jpg")
	if got := chair.get("/admin/queue/" + own + "/1"); got.status != http.StatusOK || strings.Contains(got.body, "copies__pair") {
		t.Errorf("the page of a piece with a photo of the workshop's own = %d, with a warning", got.status)
	}
	if got := chair.get("/admin/queue"); !strings.Contains(got.body, own) || strings.Contains(got.body, sign) {
		t.Error("the queue warns of a workshop's own photo")
	}
	copied := send("forged-door-knocker-hero.jpg")
	got := chair.get("/admin/queue/" + copied + "/1")
	for _, want := range []string{"A photo looks like one of another workshop", "/en/products/forged-door-knocker", "/en/artisans/" +
		one[string](t, m, `SELECT a.slug FROM artisans a JOIN products p ON p.artisan_id = a.id WHERE p.slug = 'forged-door-knocker'`)} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page of a piece with another workshop's photo lacks %q", want)
		}
	}
	if n := strings.Count(got.body, `class="copies__pair"`); n != 1 {
		t.Errorf("%d pairs are shown, want 1", n)
	}
	if got := chair.get("/admin/queue"); strings.Count(got.body, sign) != 1 {
		t.Error("the queue has no sign beside the copy alone")
	}
}
