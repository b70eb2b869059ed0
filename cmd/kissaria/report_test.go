package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

const kilimReport = "/en/products/kilim-blue-steps/report"

// hidden reads a hidden field of a page.
func hidden(t testing.TB, body, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("the page has no field %s\n%s", name, tail(body, 1500))
	}
	return m[1]
}

// ruled posts a ruling on what a page of a piece shows.
func (v *visitor) ruled(page answer, action, verdict string, more url.Values) answer {
	v.t.Helper()
	form := url.Values{"verdict": {verdict}, "seen": {hidden(v.t, page.body, "seen")}}
	if strings.HasSuffix(action, "/ruling") {
		form.Set("last", hidden(v.t, page.body, "last"))
	}
	for k, w := range more {
		form[k] = w
	}
	return v.post(action, form)
}

// Anyone may say what is wrong with a piece; what they type is kept and shown as
// they typed it, and said twice it counts once.
func TestPieceIsReported(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	chair, shopper := m.comeIn(t, "saadia-ghomari"), m.visitor(t)
	if got := shopper.get(kilim); !strings.Contains(got.body, kilimReport) {
		t.Error("the piece's page does not lead to a report")
	}
	if got := shopper.get(kilimReport); got.status != http.StatusOK || strings.Count(got.body, `name="reason"`) != 6 || !strings.Contains(got.body, `name="robots" content="noindex"`) {
		t.Errorf("the report's page = %d", got.status)
	}
	if got := shopper.get("/en/products/no-such-piece/report"); got.status != http.StatusNotFound {
		t.Errorf("reporting nothing = %d, want 404", got.status)
	}
	words := `<script>alert(1)</script> "copied" from my aunt`
	for name, form := range map[string]url.Values{
		"no reason":          {"words": {words}},
		"a made-up reason":   {"reason": {"ugly"}, "words": {words}},
		"a mail that is not": {"reason": {"copied"}, "words": {words}, "contact": {"aunt@"}},
		"a name with a mail": {"reason": {"copied"}, "words": {words}, "contact": {"Aunt <aunt@example.org>"}},
		"a word as contact":  {"reason": {"copied"}, "words": {words}, "contact": {"my aunt"}},
		"too few digits":     {"reason": {"copied"}, "words": {words}, "contact": {"12345"}},
	} {
		got := shopper.post(kilimReport, form)
		if got.status != 422 || !strings.Contains(got.body, "field__wrong") || !strings.Contains(got.body, "&lt;script&gt;alert(1)") {
			t.Errorf("%s = %d, want 422 with the words kept", name, got.status)
		}
	}
	m.freshLimits(t)
	for name, form := range map[string]url.Values{
		"other without a word": {"reason": {"other"}, "words": {" \n "}},
		"too many words":       {"reason": {"copied"}, "words": {strings.Repeat("é", 1001)}},
	} {
		if got := shopper.post(kilimReport, form); got.status != 422 || !strings.Contains(got.body, `id="words-wrong"`) {
			t.Errorf("%s = %d, want 422", name, got.status)
		}
	}
	for range 2 {
		got := shopper.post(kilimReport, url.Values{"reason": {"copied"}, "words": {words}, "contact": {"٠٦١٢٣٤٥٦٧٨"}})
		if got.location != kilimReport+"?sent=1" {
			t.Fatalf("reporting = %d %s", got.status, got.location)
		}
	}
	if got := shopper.get(kilimReport + "?sent=1"); !strings.Contains(got.body, "Thank you.") {
		t.Error("the visitor is not thanked")
	}
	shopper.post(kilimReport, url.Values{"reason": {"offensive"}})
	if n := one[int](t, m, `SELECT count(*) FROM reports`); n != 2 {
		t.Fatalf("%d reports are kept, want 2", n)
	}
	queue := chair.get("/admin/queue").body
	for _, want := range []string{"Reported by visitors", "/admin/pieces/kilim-blue-steps", "2 reports", "It is copied", "Offensive"} {
		if !strings.Contains(queue, want) {
			t.Errorf("the queue lacks %q", want)
		}
	}
	page := chair.get("/admin/pieces/kilim-blue-steps")
	if !strings.Contains(page.body, "&lt;script&gt;alert(1)&lt;/script&gt;") || strings.Contains(page.body, "<script>alert") || !strings.Contains(page.body, "0612345678") {
		t.Error("the words of a report are not shown as they were typed, with where to reach who wrote them")
	}

	// Nobody rules on their own pieces, on those they help with, or outside their trade.
	maker := m.comeIn(t, "jaouad-benallal")
	if got := maker.get("/admin/pieces/kilim-blue-steps"); got.status != http.StatusForbidden {
		t.Errorf("an artisan without a committee = %d, want 403", got.status)
	}
	link, _ := maker.offer("/studio/helpers")
	helper := m.comeIn(t, "zoubida-ajaraai")
	helper.post(link, nil)
	potter := m.comeIn(t, one[string](t, m, `
		SELECT a.slug FROM artisans a JOIN committee_members c ON c.artisan_id = a.id JOIN trades t ON t.committee_id = c.committee_id
		WHERE t.slug = 'pottery' LIMIT 1`))
	for name, v := range map[string]*visitor{"who helps its maker": helper, "of another trade": potter} {
		if got := v.get("/admin/queue"); strings.Contains(got.body, "kilim-blue-steps") {
			t.Errorf("the report is in the queue of a judge %s", name)
		}
		form := url.Values{"verdict": {"taken_down"}, "words": {"no"}, "seen": {hidden(t, page.body, "seen")}, "last": {hidden(t, page.body, "last")}}
		if got := v.post("/admin/pieces/kilim-blue-steps/ruling", form); got.status != http.StatusForbidden {
			t.Errorf("a judge %s rules: %d, want 403", name, got.status)
		}
	}

	// Nothing is wrong with it: the reports are closed, with words, once.
	ruling := "/admin/pieces/kilim-blue-steps/ruling"
	if got := chair.ruled(page, ruling, "dismissed", nil); got.status != 422 || !strings.Contains(got.body, `id="words-wrong"`) {
		t.Errorf("dismissing without a word = %d, want 422", got.status)
	}
	if got := chair.ruled(page, ruling, "burnt", nil); got.status != http.StatusBadRequest {
		t.Errorf("a made-up ruling = %d, want 400", got.status)
	}
	shopper.post(kilimReport, url.Values{"reason": {"misleading"}, "words": {"later"}}) // while the page is read
	if got := chair.ruled(page, ruling, "dismissed", url.Values{"words": {"Her own <pattern>"}}); got.location != "/admin/pieces/kilim-blue-steps?done=dismissed" {
		t.Fatalf("dismissing = %d %s", got.status, got.location)
	}
	got := m.staff(t).ruled(page, ruling, "taken_down", url.Values{"words": {"Too late & kept"}})
	if got.status != http.StatusConflict || !strings.Contains(got.body, `role="alert"`) || !strings.Contains(got.body, "Too late &amp; kept") {
		t.Errorf("ruling twice = %d, want 409 with the words kept", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM reports WHERE ruling_id IS NULL`); n != 1 {
		t.Errorf("%d reports wait, want the one that nobody had read", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM reports WHERE ruling_id IS NOT NULL AND fingerprint IS NOT NULL`); n != 0 {
		t.Errorf("of %d reports it is still known who sent them", n)
	}
	if got := shopper.get(kilim); got.status != http.StatusOK {
		t.Errorf("the piece = %d after the reports were dismissed", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM notices WHERE kind LIKE 'piece_%'`); n != 0 {
		t.Errorf("the maker is told %d times of reports that were dismissed", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'report.dismissed' AND subject = 'product:kilim-blue-steps' AND after ->> 'words' = 'Her own <pattern>'`); n != 1 {
		t.Errorf("the audit has %d dismissals, want 1", n)
	}

	// Changes are asked for: it stays on sale, and the maker reads why until they
	// send something.
	page = chair.get("/admin/pieces/kilim-blue-steps")
	if got := chair.ruled(page, ruling, "changes_requested", url.Values{"phrase" + m.texts(t, "phrase")[0]: {"1"}, "words": {"Say <what> it is"}}); got.status != http.StatusSeeOther {
		t.Fatalf("asking for changes = %d", got.status)
	}
	pieces := maker.get("/studio/pieces").body
	if !strings.Contains(pieces, `data-state="reported"`) || !strings.Contains(pieces, "Say &lt;what&gt; it is") {
		t.Error("the maker does not read what is to be changed")
	}
	if got := shopper.get(kilim); got.status != http.StatusOK {
		t.Errorf("the piece = %d while changes are asked for", got.status)
	}
}

// freshLimits forgets what was counted so far.
func (m *market) freshLimits(t *testing.T) {
	t.Helper()
	m.site.Limits.Prefix += "again:"
}

// A flood from one address is stopped, and what was typed is not lost.
func TestReportsAreLimited(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	for n := range 11 {
		got := v.post(kilimReport, url.Values{"reason": {"copied"}, "words": {"word " + string(rune('a'+n))}})
		if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusTooManyRequests}[n < 10]; got.status != want {
			t.Fatalf("report %d = %d, want %d", n+1, got.status, want)
		} else if n == 10 && !strings.Contains(got.body, "word k") {
			t.Error("what was typed is lost")
		}
	}
}

// A piece is taken down at once: lists, its page and baskets lose it, what is paid
// for is not touched; its maker appeals once, and someone else rules on that.
func TestPieceIsTakenDownAndAppealed(t *testing.T) {
	m := openCachingMarket(t, roles{web: true, work: true})
	maker, chair, vice, shopper := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari"), m.comeIn(t, "zoubida-ajaraai"), m.visitor(t)
	m.speaks(t, "zoubida-ajaraai", "en")
	m.speaks(t, "jaouad-benallal", "en")
	paid := m.buy(t, "en", "KIS-0011")
	if _, err := m.pool.Exec(t.Context(), `UPDATE variants SET on_hand = on_hand + 2 WHERE sku = 'KIS-0011'`); err != nil {
		t.Fatal(err)
	}
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN variants v ON v.product_id = p.id WHERE v.sku = 'KIS-0011'`)
	path, office := "/en/products/"+slug, "/admin/pieces/"+slug
	if owner := one[string](t, m, `SELECT a.slug FROM artisans a JOIN products p ON p.artisan_id = a.id WHERE p.slug = $1`, slug); owner != "jaouad-benallal" {
		t.Fatalf("KIS-0011 is %s's", owner)
	}
	shopper.fill("en", "KIS-0011")
	if got := shopper.get(path); got.status != http.StatusOK {
		t.Fatalf("the piece = %d", got.status)
	}
	number := one[string](t, m, `SELECT r.number::text FROM revisions r JOIN products p ON p.live_id = r.id WHERE p.slug = $1`, slug)
	if got := chair.get("/admin/queue/" + slug + "/" + number); !strings.Contains(got.body, office) {
		t.Error("the decision page does not lead to where the piece is taken down")
	}
	if got := m.staff(t).get("/admin/search?q=KIS-0011"); !strings.Contains(got.body, office) {
		t.Error("the office does not find where the piece is taken down")
	}
	shopper.post(path+"/report", url.Values{"reason": {"unsafe"}, "words": {"lead in the dye"}})
	page := chair.get(office)
	if got := chair.ruled(page, office+"/ruling", "taken_down", url.Values{"words": {"Lead was <found> in the dye"}}); got.status != http.StatusSeeOther {
		t.Fatalf("taking down = %d\n%s", got.status, tail(got.body, 900))
	}
	eventually(t, "its page is gone", func() bool { return shopper.get(path).status == http.StatusNotFound })
	if n := one[int](t, m, `SELECT count(*) FROM cards WHERE slug = $1`, slug); n != 0 {
		t.Error("lists still show it")
	}
	if got := shopper.get("/en/cart"); !strings.Contains(got.body, "basket-line--gone") {
		t.Errorf("the basket still sells it\n%s", tail(got.body, 900))
	}
	if got := paid.get("/en/orders/" + paid.token); got.status != http.StatusOK || !strings.Contains(got.body, `data-state="paid"`) {
		t.Errorf("the paid order = %d, no longer paid", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM reports WHERE ruling_id IS NULL`); n != 0 {
		t.Errorf("%d reports still wait", n)
	}
	if got := vice.ruled(page, office+"/ruling", "taken_down", url.Values{"words": {"me too"}}); got.status != http.StatusConflict || !strings.Contains(got.body, "me too") {
		t.Errorf("taking down twice = %d, want 409 with the words kept", got.status)
	}
	if got := maker.post("/studio/pieces/"+slug+"/return", nil); got.status != http.StatusNotFound {
		t.Errorf("its maker puts it back = %d, want 404", got.status)
	}
	if got := maker.post("/studio/pieces/"+slug+"/edit", nil); got.status != http.StatusNotFound {
		t.Errorf("its maker changes it = %d, want 404", got.status)
	}

	// The maker reads why, and appeals once.
	if got := maker.get("/studio"); !strings.Contains(got.body, "The union took your piece "+slug+" down") || !strings.Contains(got.body, "Lead was &lt;found&gt; in the dye") {
		t.Error("the maker is not told, with the reason")
	}
	why := "/studio/pieces/" + slug + "/takedown"
	if got := maker.get("/studio/pieces"); !strings.Contains(got.body, why) {
		t.Error("the maker's pieces do not lead to why it is down")
	}
	if got := maker.get(why); !strings.Contains(got.body, "Lead was &lt;found&gt; in the dye") || !strings.Contains(got.body, `name="words"`) {
		t.Error("the maker does not read why it is down, with room for an answer")
	}
	if got := chair.post(why, url.Values{"words": {"not mine"}}); got.status != http.StatusNotFound {
		t.Errorf("appealing for another workshop = %d, want 404", got.status)
	}
	for _, words := range []string{" ", strings.Repeat("é", 1001)} {
		if got := maker.post(why, url.Values{"words": {words}}); got.status != 422 || !strings.Contains(got.body, `id="words-wrong"`) {
			t.Errorf("appealing with %.10q = %d, want 422", words, got.status)
		}
	}
	for i, want := range []int{http.StatusSeeOther, http.StatusConflict} {
		if got := maker.post(why, url.Values{"words": {"It is <henna>, not lead"}}); got.status != want {
			t.Errorf("appeal %d = %d, want %d", i+1, got.status, want)
		}
	}
	if got := maker.get(why); !strings.Contains(got.body, "It is &lt;henna&gt;, not lead") || strings.Contains(got.body, `name="words"`) {
		t.Error("the maker does not see the appeal, or may appeal once more")
	}

	// Who took it down does not rule on it.
	if got := chair.get("/admin/queue"); strings.Contains(got.body, "Makers who appeal") {
		t.Error("the appeal waits for who took the piece down")
	}
	if got := chair.post(office+"/appeal", url.Values{"verdict": {"upheld"}, "words": {"no"}, "seen": {number}}); got.status != http.StatusForbidden {
		t.Errorf("who took it down rules on the appeal: %d, want 403", got.status)
	}
	if got := vice.get("/admin/queue"); !strings.Contains(got.body, "Makers who appeal") || !strings.Contains(got.body, office) {
		t.Error("the appeal does not wait for a colleague")
	}
	page = vice.get(office)
	if !strings.Contains(page.body, "It is &lt;henna&gt;, not lead") {
		t.Error("the colleague does not read the appeal")
	}
	if got := vice.ruled(page, office+"/appeal", "restored", nil); got.status != 422 {
		t.Errorf("ruling without a word = %d, want 422", got.status)
	}
	if got := vice.ruled(page, office+"/appeal", "restored", url.Values{"words": {"Henna it is"}}); got.location != office+"?done=restored" {
		t.Fatalf("putting it back = %d %s", got.status, got.location)
	}
	got := m.staff(t).ruled(page, office+"/appeal", "upheld", url.Values{"words": {"No & no"}})
	if got.status != http.StatusConflict || !strings.Contains(got.body, "No &amp; no") {
		t.Errorf("ruling on the appeal twice = %d, want 409 with the words kept", got.status)
	}
	eventually(t, "its page is back", func() bool { return shopper.get(path).status == http.StatusOK })
	if got := maker.get("/studio"); !strings.Contains(got.body, "is back") || !strings.Contains(got.body, "Henna it is") {
		t.Error("the maker is not told that it is back")
	}

	// Down once more, without a report; this time it stays, as the maker had put it
	// aside.
	maker.post("/studio/pieces/"+slug+"/withdrawal", nil)
	page = chair.get(office)
	if got := chair.ruled(page, office+"/ruling", "dismissed", url.Values{"words": {"nothing to dismiss"}}); got.status != http.StatusConflict {
		t.Errorf("dismissing nothing = %d, want 409", got.status)
	}
	if got := chair.ruled(page, office+"/ruling", "taken_down", url.Values{"words": {"again"}}); got.status != http.StatusSeeOther {
		t.Fatalf("taking down once more = %d", got.status)
	}
	if got := maker.post(why, url.Values{"words": {"please"}}); got.status != http.StatusSeeOther {
		t.Fatalf("appealing against the second = %d", got.status)
	}
	m.site.Now = func() time.Time { return time.Now().AddDate(0, 0, 9) }
	if got := vice.get("/admin/queue"); !strings.Contains(got.body, "badge--wrong") {
		t.Error("an appeal of nine days ago is not late")
	}
	m.site.Now = time.Now
	if got := vice.ruled(vice.get(office), office+"/appeal", "upheld", url.Values{"words": {"It stays"}}); got.status != http.StatusSeeOther {
		t.Fatalf("letting it stand = %d", got.status)
	}
	if got := maker.get(why); !strings.Contains(got.body, "It stays") || strings.Contains(got.body, `name="words"`) {
		t.Error("the maker does not read why it stays down")
	}
	if got := one[string](t, m, `SELECT state || ' ' || (SELECT string_agg(was, ' ' ORDER BY ruling_id) FROM takedowns) FROM products WHERE slug = $1`, slug); got != "taken_down on_sale withdrawn" {
		t.Errorf("the piece and what it was = %q", got)
	}
	want := "product.taken_down product.appealed product.restored product.withdrawn product.taken_down product.appealed product.upheld"
	if got := one[string](t, m, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit WHERE subject = 'product:' || $1`, slug); got != want {
		t.Errorf("the audit has %q, want %q", got, want)
	}
	if n := one[int](t, m, `SELECT count(*) FROM piece_rulings WHERE revision_id = (SELECT live_id FROM products WHERE slug = $1)`, slug); n != 4 {
		t.Errorf("%d rulings are kept with what was looked at, want 4", n)
	}
}

// What waits for its committee while the piece is down does not bring it back, and
// a ruling on what was changed meanwhile is not done.
func TestTakenDownPieceStaysDownWhenAChangeIsApproved(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	maker, chair := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari")
	slug, office := "kilim-blue-steps", "/admin/pieces/kilim-blue-steps"
	send := func() {
		base := strings.TrimSuffix(maker.post("/studio/pieces/"+slug+"/edit", nil).location, "photos")
		maker.post(base+"words", url.Values{"version": {version(t, maker.get(base+"words").body)}, "title": {"Blue"}, "words": {"Steps"}})
		maker.post(base+"look", nil)
	}
	approve := func() answer {
		return chair.post("/admin/queue/"+slug+"/"+one[string](t, m, `SELECT number::text FROM revisions WHERE state = 'submitted'`)+"/decision", url.Values{"verdict": {"approved"}})
	}
	page := chair.get(office)
	send()
	if got := approve(); got.status != http.StatusSeeOther {
		t.Fatalf("approving a change = %d", got.status)
	}
	if got := chair.ruled(page, office+"/ruling", "taken_down", url.Values{"words": {"as it was <before>"}}); got.status != http.StatusConflict || !strings.Contains(got.body, "as it was &lt;before&gt;") {
		t.Errorf("ruling on what was changed = %d, want 409 with the words kept", got.status)
	}
	send()
	if got := chair.ruled(chair.get(office), office+"/ruling", "taken_down", url.Values{"words": {"now"}}); got.status != http.StatusSeeOther {
		t.Fatalf("taking down = %d", got.status)
	}
	if got := approve(); got.status != http.StatusSeeOther {
		t.Fatalf("approving a change of what is down = %d", got.status)
	}
	if got := one[string](t, m, `SELECT state FROM products WHERE slug = $1`, slug); got != "taken_down" {
		t.Errorf("the piece is %s after a change was approved", got)
	}
	if got := m.visitor(t).get(kilim); got.status != http.StatusNotFound {
		t.Errorf("buyers see what is down: %d", got.status)
	}
}
