package main

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
)

// The demonstration's marks stand on the pages of the shop, with who signed, when
// and until when, and say that they are invented.
func TestShopShowsTheDemosMarks(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	for path, want := range map[string][]string{
		"/en/artisans/jaouad-benallal": {`data-mark="`, "two stars, class", "Saadia Ghomari and Zoubida", "It stands until", "The workshop was visited on", "marks of this demonstration are invented"},
		"/ar/artisans/jaouad-benallal": {"نجمتان", "سعدية", "تسري إلى غاية", "من نسج الخيال"},
		kilim:                          {"committee’s mark for the workshop: two stars", "Signed by"},
	} {
		got := v.get(path)
		for _, w := range want {
			if !strings.Contains(got.body, w) {
				t.Errorf("%s = %d, without %q", path, got.status, w)
			}
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM marks WHERE NOT invented OR ends_at <= now() OR begins_at > now()`); n != 0 {
		t.Errorf("%d of the demo's marks do not stand, or do not say that they are invented", n)
	}
	// Nobody signed their own, nor their family's, and each has two signatures.
	if n := one[int](t, m, `
		SELECT count(*) FROM mark_votes v JOIN marks k ON k.id = v.mark_id
		WHERE v.artisan_id = k.artisan_id OR EXISTS (
			SELECT FROM kin f WHERE (f.artisan_id, f.other_id) IN ((v.artisan_id, k.artisan_id), (k.artisan_id, v.artisan_id)))`); n != 0 {
		t.Errorf("%d of the demo's votes are of who has no say", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM marks k WHERE (SELECT count(*) FROM mark_votes v WHERE v.mark_id = k.id) <> 2`); n != 0 {
		t.Errorf("%d of the demo's marks have not two signatures", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM marks WHERE product_id IS NOT NULL`); n == 0 {
		t.Error("no piece of the demo has a mark")
	}
}

// jury are who act in the tests of marks: the two of the weaving committee, one of
// another, the administrator, and the maker.
type jury struct {
	*market
	chair, vice, other, office, maker *visitor
}

func openJury(t *testing.T, r roles) jury {
	t.Helper()
	j := jury{market: openCachingMarket(t, r)}
	j.chair, j.vice, j.other = j.comeIn(t, "saadia-ghomari"), j.comeIn(t, "zoubida-ajaraai"), j.comeIn(t, "driss-el-mrabet")
	j.maker, j.office = j.comeIn(t, "jaouad-benallal"), j.staff(t)
	for _, slug := range []string{"saadia-ghomari", "zoubida-ajaraai", "driss-el-mrabet", "jaouad-benallal"} {
		j.speaks(t, slug, "en")
	}
	return j
}

const piece = "kilim-blue-steps"

// propose proposes a mark and returns its path.
func (v *visitor) propose(artisan, product string) string {
	v.t.Helper()
	got := v.post("/admin/marks", url.Values{"artisan": {artisan}, "product": {product}, "level": {"2"}, "class": {"A"}, "words": {"Look at its edge."}})
	if got.status != http.StatusSeeOther {
		v.t.Fatalf("proposing = %d\n%s", got.status, tail(got.body, 1500))
	}
	path, _, _ := strings.Cut(got.location, "?")
	return path
}

func (v *visitor) vote(path, verdict, words string) answer {
	v.t.Helper()
	return v.post(path+"/vote", url.Values{"verdict": {verdict}, "words": {words}})
}

func (v *visitor) visit(path, day string) answer {
	v.t.Helper()
	return v.post(path+"/visit", url.Values{"day": {day}, "visitor": {"Saadia Ghomari"}, "note": {"The loom was at work."}})
}

func daysAgo(n int) string { return time.Now().AddDate(0, 0, -n).Format(time.DateOnly) }

func stateOf(t *testing.T, m *market, path string) string {
	t.Helper()
	return one[string](t, m, `SELECT state FROM marks WHERE ref = $1`, strings.TrimPrefix(path, "/admin/marks/"))
}

// A piece is proposed, its workshop visited, and signed by as many as must; then
// everyone reads who did, when, and until when.
func TestCommitteeSignsAPiece(t *testing.T) {
	m := openJury(t, roles{web: true, work: true})
	// The demo's visits were too long ago.
	for _, sql := range []string{`ALTER TABLE workshop_visits DISABLE TRIGGER workshop_visits_only_grow`, `UPDATE workshop_visits SET day = day - 400`,
		`ALTER TABLE workshop_visits ENABLE TRIGGER workshop_visits_only_grow`} {
		if _, err := m.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	shopper := m.visitor(t)
	if got := shopper.isKept(kilim); strings.Contains(got.body, "mark for this piece") {
		t.Fatal("a mark is shown that nobody signed")
	}

	// What is wrong stands beside its field, and what was typed is kept.
	good := url.Values{"artisan": {"jaouad-benallal"}, "product": {piece}, "level": {"2"}, "class": {"B"}, "words": {"Typed <once>."}}
	for name, change := range map[string][2]string{"no level": {"level", ""}, "level nought": {"level", "0"}, "too high": {"level", "4"}, "a word": {"level", "high"},
		"no class": {"class", ""}, "no such class": {"class", "C"}, "another's piece": {"product", "market-basket-leather"}, "no piece": {"product", "%00"}} {
		form := maps.Clone(good)
		form.Set(change[0], change[1])
		if got := m.chair.post("/admin/marks", form); got.status != 422 || !strings.Contains(got.body, "field__wrong") || !strings.Contains(got.body, "Typed &lt;once&gt;.") {
			t.Errorf("%s = %d, want 422, why, and what was typed", name, got.status)
		}
	}
	form := maps.Clone(good)
	form.Set("words", strings.Repeat("ب", 1001))
	if got := m.chair.post("/admin/marks", form); got.status != 422 {
		t.Errorf("a long story = %d, want 422", got.status)
	}
	form.Set("artisan", "nobody")
	if got := m.chair.post("/admin/marks", form); got.status != http.StatusNotFound {
		t.Errorf("nobody's mark = %d, want 404", got.status)
	}
	if got := m.other.post("/admin/marks", good); got.status != http.StatusForbidden {
		t.Errorf("another committee proposes: %d, want 403", got.status)
	}
	if got := m.maker.post("/admin/marks", good); got.status != http.StatusForbidden {
		t.Errorf("the maker proposes: %d, want 403", got.status)
	}

	path := m.chair.propose("jaouad-benallal", piece)
	if got := m.vice.post("/admin/marks", good); got.status != http.StatusConflict || !strings.Contains(got.body, "Typed &lt;once&gt;.") || !strings.Contains(got.body, "proposed the same") {
		t.Errorf("proposing the same = %d, want 409 with what was typed", got.status)
	}
	if got := m.chair.get("/admin/queue"); !strings.Contains(got.body, `href="/admin/marks?state=open"`) {
		t.Error("the queue does not lead to what is to be signed")
	}
	if got := m.chair.get("/admin/marks?state=open&q=Jaouad"); !strings.Contains(got.body, path) {
		t.Error("the list does not have it")
	}
	if got := m.other.get("/admin/marks?state=open"); strings.Contains(got.body, path) {
		t.Error("another committee's list has it")
	}
	for _, bad := range []string{path, "/admin/marks/nothing"} {
		if got := m.other.get(bad); got.status != http.StatusForbidden && got.status != http.StatusNotFound {
			t.Errorf("another committee looks at %s: %d", bad, got.status)
		}
	}
	if got := m.other.vote(path, "signed", ""); got.status != http.StatusForbidden {
		t.Errorf("another committee signs: %d, want 403", got.status)
	}

	// Signing: once each, a no with words.
	if got := m.chair.vote(path, "refused", " "); got.status != 422 || !strings.Contains(got.body, "words-wrong") {
		t.Errorf("a no without a why = %d, want 422", got.status)
	}
	if got := m.chair.vote(path, "perhaps", ""); got.status != 422 {
		t.Errorf("a made-up verdict = %d, want 422", got.status)
	}
	if got := m.chair.vote(path, "signed", "Well combed."); got.location != path+"?said=voted" {
		t.Fatalf("signing = %d %s\n%s", got.status, got.location, tail(got.body, 800))
	}
	got := m.chair.vote(path, "refused", "I think <again>.")
	if got.status != http.StatusConflict || !strings.Contains(got.body, "You have said already") || !strings.Contains(got.body, "I think &lt;again&gt;.") {
		t.Errorf("voting twice = %d, want 409, why, and what was typed", got.status)
	}
	if got := m.vice.get(path); !strings.Contains(got.body, "1 of 2 have signed") || !strings.Contains(got.body, "Well combed.") {
		t.Error("a colleague does not see how it stands")
	}
	if got := m.vice.vote(path, "signed", ""); got.location != path+"?said=voted" || stateOf(t, m.market, path) != "proposed" {
		t.Errorf("it stands without a visit: %d %s", got.status, got.location)
	}
	if got := m.chair.get(path); !strings.Contains(got.body, "waits for a visit") {
		t.Error("nobody is told that the visit is missing")
	}

	// The visit.
	for name, day := range map[string]string{"none": "", "no day": "yesterday", "tomorrow": daysAgo(-1), "too long ago": daysAgo(370), "far": "99999-01-01", "no month": "2026-13-01"} {
		if got := m.vice.visit(path, day); got.status != 422 || !strings.Contains(got.body, "day-wrong") || !strings.Contains(got.body, "The loom was at work.") {
			t.Errorf("a visit on %s = %d, want 422 and what was typed", name, got.status)
		}
	}
	if got := m.vice.post(path+"/visit", url.Values{"day": {daysAgo(1)}, "visitor": {" "}}); got.status != 422 {
		t.Errorf("a visit of nobody = %d, want 422", got.status)
	}
	if got := m.vice.visit(path, daysAgo(3)); got.status != http.StatusSeeOther || stateOf(t, m.market, path) != "granted" {
		t.Fatalf("the visit = %d, the mark is %s", got.status, stateOf(t, m.market, path))
	}

	// Everyone reads it.
	until := one[time.Time](t, m.market, `SELECT ends_at FROM marks WHERE ref = $1`, strings.TrimPrefix(path, "/admin/marks/"))
	if d := time.Until(until); d < 363*24*time.Hour || d > 366*24*time.Hour {
		t.Errorf("it stands for %v, want a year", d)
	}
	place, err := time.LoadLocation("Africa/Casablanca")
	if err != nil {
		t.Fatal(err)
	}
	en, ar := lang.Or("en"), lang.Or("ar")
	soon(t, "the kept page shows the mark", func() bool {
		return strings.Contains(shopper.get(kilim).body, "mark for this piece: two stars, class A: traditional")
	})
	body := shopper.get(kilim).body
	for _, want := range []string{"Signed by Saadia Ghomari and Zoubida", en.Date(time.Now().In(place)), "It stands until " + en.Date(until.Add(-time.Second).In(place)),
		en.Date(time.Now().AddDate(0, 0, -3))} {
		if !strings.Contains(body, want) {
			t.Errorf("the piece's page lacks %q", want)
		}
	}
	body = shopper.get("/ar" + strings.TrimPrefix(kilim, "/en")).body
	arabic := one[string](t, m.market, `SELECT name_ar FROM artisans WHERE slug = 'saadia-ghomari'`)
	for _, want := range []string{"علامة اللجنة لهذه القطعة: نجمتان", arabic, ar.Date(until.Add(-time.Second).In(place))} {
		if !strings.Contains(body, want) {
			t.Errorf("the piece's page in Arabic lacks %q", want)
		}
	}
	if strings.Count(shopper.get("/en/artisans/jaouad-benallal").body, "data-mark=") != 1 {
		t.Error("the workshop's page has another mark than its own")
	}
	m.maker.get("/en/")
	if got := m.maker.get("/studio"); !strings.Contains(got.body, "given you its mark") {
		t.Error("the maker is not told")
	}
	if got := m.maker.get("/studio/marks"); !strings.Contains(got.body, "Signed by Saadia Ghomari and Zoubida") || !strings.Contains(got.body, `data-mark="standing"`) {
		t.Error("the maker does not see the mark")
	}
	if got := m.vice.vote(path, "signed", ""); got.status != http.StatusConflict || !strings.Contains(got.body, "Meanwhile the mark was granted") {
		t.Errorf("voting afterwards = %d, want 409 and what changed", got.status)
	}
	if got := m.vice.post("/admin/marks", good); got.status != http.StatusConflict || !strings.Contains(got.body, "can be proposed from") {
		t.Errorf("proposing it again at once = %d, want 409 and from when", got.status)
	}
	var acts []string
	for _, act := range m.acts(t, path) {
		if !slices.Contains(acts, act) {
			acts = append(acts, act)
		}
	}
	if want := []string{"mark.proposed", "mark.signed", "mark.visited", "mark.granted"}; !slices.Equal(acts, want) {
		t.Errorf("the audit has %v, want %v", acts, want)
	}
}

// acts are what the audit has of a mark, in order.
func (m *market) acts(t *testing.T, path string) []string {
	t.Helper()
	return one[[]string](t, m, `SELECT array_agg(action ORDER BY id) FROM audit WHERE subject = 'mark:' || $1`, strings.TrimPrefix(path, "/admin/marks/"))
}

// Nobody has a say in the mark of their own workshop, of their family's, or of one
// that they help; the administrator stands in.
func TestNobodySignsForTheirOwn(t *testing.T) {
	m := openJury(t, roles{web: true})
	if _, err := m.pool.Exec(t.Context(), `UPDATE marks SET state = 'withdrawn', withdrawn_at = now(), reason = 'for the test' WHERE product_id IS NULL`); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"artisan": {"saadia-ghomari"}, "level": {"1"}, "class": {"A"}}
	if got := m.chair.post("/admin/marks", form); got.status != http.StatusForbidden || !strings.Contains(got.body, "own workshop") {
		t.Errorf("proposing one's own = %d, want 403", got.status)
	}
	if got := m.chair.get("/admin/marks/new?artisan=saadia-ghomari"); !strings.Contains(got.body, `data-state="may-not"`) || strings.Contains(got.body, `name="level"`) {
		t.Error("the form for one's own workshop is offered")
	}
	// The demo's zoubida and rahma are family.
	form.Set("artisan", "rahma-el-khoumsi")
	if got := m.vice.post("/admin/marks", form); got.status != http.StatusForbidden || !strings.Contains(got.body, "family") {
		t.Errorf("proposing one's family = %d, want 403", got.status)
	}

	// The chair's own: her colleague and the administrator are all there are.
	own := m.vice.propose("saadia-ghomari", "")
	for name, got := range map[string]answer{"signs": m.chair.vote(own, "signed", ""), "refuses": m.chair.vote(own, "refused", "Modest."), "visits": m.chair.visit(own, daysAgo(1))} {
		if got.status != http.StatusForbidden {
			t.Errorf("whose it is %s: %d, want 403", name, got.status)
		}
	}
	if got := m.chair.get(own); !strings.Contains(got.body, `data-state="may-not"`) || strings.Contains(got.body, `value="signed"`) {
		t.Error("whose it is may sign by the page")
	}
	m.vice.visit(own, daysAgo(1))
	m.vice.vote(own, "signed", "")
	if got := m.office.vote(own, "signed", ""); got.location != own+"?said=granted" {
		t.Errorf("the administrator stands in: %d %s", got.status, got.location)
	}
	if got := m.visitor(t).get("/en/artisans/saadia-ghomari"); !strings.Contains(got.body, "Zoubida") || !strings.Contains(got.body, "Amina Raissouni") {
		t.Error("the page does not name both")
	}

	// A member says of a workshop that it is their family's, after signing.
	path := m.chair.propose("jaouad-benallal", "")
	m.chair.vote(path, "signed", "")
	if got := m.chair.post(path+"/kin", nil); got.location != path+"?said=kin" {
		t.Fatalf("declaring kin = %d %s", got.status, got.location)
	}
	if got := m.vice.get(path); !strings.Contains(got.body, "0 of 2 have signed") || !strings.Contains(got.body, "family, does not count") {
		t.Error("the vote of kin counts")
	}
	if got := m.chair.visit(path, daysAgo(1)); got.status != http.StatusForbidden {
		t.Errorf("kin visits: %d, want 403", got.status)
	}
	// A helper of the workshop.
	if _, err := m.pool.Exec(t.Context(), `
		INSERT INTO helpings (artisan_id, account_id, asked_at, confirmed_at, confirmed_how)
		SELECT a.id, b.account_id, now(), now(), 'office' FROM artisans a, artisans b WHERE a.slug = 'jaouad-benallal' AND b.slug = 'zoubida-ajaraai'`); err != nil {
		t.Fatal(err)
	}
	if got := m.vice.vote(path, "signed", ""); got.status != http.StatusForbidden {
		t.Errorf("a helper signs: %d, want 403", got.status)
	}
	// Nobody is left but the administrator, whose word is enough then.
	if got := m.office.visit(path, daysAgo(1)); got.status != http.StatusSeeOther {
		t.Fatalf("the administrator visits: %d", got.status)
	}
	if got := m.office.vote(path, "signed", ""); got.location != path+"?said=granted" {
		t.Errorf("the committee that has nobody left: %d %s", got.status, got.location)
	}
	if got := m.visitor(t).get("/en/artisans/jaouad-benallal"); strings.Contains(got.body, "Signed by Saadia") {
		t.Error("kin is named as a signer")
	}

	// The administrator keeps the record of kin; members do not.
	desk := "/admin/artisans/jaouad-benallal"
	kin := func() int { return one[int](t, m.market, `SELECT count(*) FROM kin`) }
	if got := m.office.get(desk); !strings.Contains(got.body, `name="remove" value="saadia-ghomari"`) {
		t.Error("the register does not show kin")
	}
	if got := m.chair.post(desk+"/kin", url.Values{"remove": {"saadia-ghomari"}}); got.status != http.StatusForbidden || kin() != 2 {
		t.Errorf("a member takes kin back: %d, want 403", got.status)
	}
	for range 2 {
		if got := m.office.post(desk+"/kin", url.Values{"remove": {"saadia-ghomari"}}); got.status != http.StatusSeeOther || kin() != 1 {
			t.Errorf("taking kin back = %d, %d are left", got.status, kin())
		}
		if got := m.office.post("/admin/artisans/saadia-ghomari/kin", url.Values{"kin": {"zoubida-ajaraai"}}); got.status != http.StatusSeeOther {
			t.Errorf("declaring kin = %d", got.status)
		}
		if got := m.office.post("/admin/artisans/zoubida-ajaraai/kin", url.Values{"kin": {"saadia-ghomari"}, "remove": {""}}); got.status != http.StatusSeeOther || kin() != 2 {
			t.Errorf("declaring it the other way round = %d, %d are there; want 2", got.status, kin())
		}
		if got := m.office.post("/admin/artisans/zoubida-ajaraai/kin", url.Values{"remove": {"saadia-ghomari"}}); got.status != http.StatusSeeOther || kin() != 1 {
			t.Errorf("taking it back = %d", got.status)
		}
	}
	for value, want := range map[string]int{"": 422, "zoubida-ajaraai": 422, "nobody": 404} {
		if got := m.office.post("/admin/artisans/zoubida-ajaraai/kin", url.Values{"kin": {value}}); got.status != want {
			t.Errorf("kin %q = %d, want %d", value, got.status, want)
		}
	}
}

// What was refused can be appealed once; someone who had no part in it decides, and
// allowed it is asked anew of everyone.
func TestMakerAppealsARefusal(t *testing.T) {
	m := openJury(t, roles{web: true})
	path := m.chair.propose("jaouad-benallal", piece)
	appeal := "/studio/marks/" + strings.TrimPrefix(path, "/admin/marks/") + "/appeal"
	words := func(s string) url.Values { return url.Values{"words": {s}} }
	if got := m.maker.post(appeal, words("Why?")); got.status != http.StatusConflict {
		t.Errorf("appealing before anything is decided = %d, want 409", got.status)
	}
	m.chair.vote(path, "refused", "The fringe <loosens>.")
	if stateOf(t, m.market, path) != "proposed" {
		t.Fatal("one no of two refuses it")
	}
	if got := m.vice.vote(path, "refused", "The dye runs."); got.location != path+"?said=refused" {
		t.Fatalf("two say no = %d %s", got.status, got.location)
	}
	if got := m.maker.get("/studio"); !strings.Contains(got.body, "refused its mark") && !strings.Contains(got.body, "رفضت لجنتك") {
		t.Error("the maker is not told")
	}
	if got := m.maker.get("/studio/marks"); !strings.Contains(got.body, "The fringe &lt;loosens&gt;.") || !strings.Contains(got.body, `action="`+appeal+`"`) {
		t.Errorf("the maker does not read why, or cannot appeal\n%s", tail(got.body, 2500))
	}
	for name, w := range map[string]string{"empty": " ", "long": strings.Repeat("x", 1001)} {
		if got := m.maker.post(appeal, words(w)); got.status != 422 || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("an appeal that is %s = %d, want 422", name, got.status)
		}
	}
	if got := m.other.post(appeal, words("Not mine.")); got.status != http.StatusNotFound {
		t.Errorf("another maker appeals: %d, want 404", got.status)
	}
	if got := m.maker.post(appeal, words("I have <mended> it.")); got.location != "/studio/marks?sent=1" {
		t.Fatalf("appealing = %d %s", got.status, got.location)
	}
	if got := m.maker.post(appeal, words("Once more.")); got.status != http.StatusConflict {
		t.Errorf("appealing twice = %d, want 409", got.status)
	}
	for _, v := range []*visitor{m.chair, m.office} {
		if got := v.get("/admin/queue"); !strings.Contains(got.body, `href="/admin/marks?state=appeals"`) {
			t.Error("the queue does not lead to the appeal")
		}
	}
	decide := func(v *visitor, outcome, words string) answer {
		return v.post(path+"/appeal", url.Values{"outcome": {outcome}, "answer": {words}})
	}
	if got := decide(m.chair, "dismissed", "No."); got.status != http.StatusForbidden {
		t.Errorf("whoever refused it decides: %d, want 403", got.status)
	}
	if got := m.chair.get(path); strings.Contains(got.body, `name="outcome"`) || !strings.Contains(got.body, "I have &lt;mended&gt; it.") {
		t.Error("whoever refused it is asked to decide, or does not read the appeal")
	}
	if got := decide(m.office, "allowed", " "); got.status != 422 || !strings.Contains(got.body, "answer-wrong") {
		t.Errorf("without an answer = %d, want 422", got.status)
	}
	if got := decide(m.office, "perhaps", "Well."); got.status != 422 {
		t.Errorf("a made-up outcome = %d, want 422", got.status)
	}
	if got := decide(m.office, "allowed", "Look again, please."); got.location != path+"?said=decided" {
		t.Fatalf("allowing = %d %s\n%s", got.status, got.location, tail(got.body, 800))
	}
	if got := decide(m.office, "dismissed", "Or not."); got.status != http.StatusConflict || !strings.Contains(got.body, "Or not.") {
		t.Errorf("deciding twice = %d, want 409 and what was typed", got.status)
	}
	again := "/admin/marks/" + one[string](t, m.market, `SELECT ref FROM marks WHERE state = 'proposed'`)
	if got := m.office.get(path); !strings.Contains(got.body, again) {
		t.Error("the refused one does not lead to what is asked anew")
	}
	if got := m.maker.get("/studio/marks"); !strings.Contains(got.body, "Look again, please.") {
		t.Error("the maker does not read the answer")
	}
	m.chair.visit(again, daysAgo(0))
	m.chair.vote(again, "signed", "")
	if got := m.vice.vote(again, "signed", ""); got.location != again+"?said=granted" {
		t.Errorf("asked anew, two sign = %d %s", got.status, got.location)
	}
}

// A mark that is withdrawn is gone at once; an appeal can bring it back.
func TestMarkIsWithdrawnAtOnce(t *testing.T) {
	m := openJury(t, roles{web: true, work: true})
	page, shopper := "/en/artisans/jaouad-benallal", m.visitor(t)
	if got := shopper.isKept(page); !strings.Contains(got.body, "data-mark=") {
		t.Fatal("the workshop has no mark to begin with")
	}
	ref := one[string](t, m.market, `SELECT k.ref FROM marks k JOIN artisans a ON a.id = k.artisan_id WHERE a.slug = 'jaouad-benallal' AND k.product_id IS NULL`)
	path := "/admin/marks/" + ref
	reason := func(v *visitor, words string) answer {
		return v.post(path+"/withdrawal", url.Values{"reason": {words}})
	}
	if got := reason(m.other, "Mine."); got.status != http.StatusForbidden {
		t.Errorf("another committee withdraws: %d, want 403", got.status)
	}
	if got := reason(m.chair, ""); got.status != 422 || !strings.Contains(got.body, "reason-wrong") {
		t.Errorf("without a why = %d, want 422", got.status)
	}
	if got := reason(m.chair, "Synthetic <wool>."); got.location != path+"?said=withdrawn" {
		t.Fatalf("withdrawing = %d %s", got.status, got.location)
	}
	soon(t, "the mark is off the kept page", func() bool { return !strings.Contains(shopper.get(page).body, "data-mark=") })
	if got := reason(m.office, "I too."); got.status != http.StatusConflict || !strings.Contains(got.body, "I too.") {
		t.Errorf("withdrawing twice = %d, want 409 and what was typed", got.status)
	}
	if got := m.maker.get("/studio/marks"); !strings.Contains(got.body, "Synthetic &lt;wool&gt;.") {
		t.Error("the maker does not read why")
	}
	m.maker.post("/studio/marks/"+ref+"/appeal", url.Values{"words": {"It was for a lining."}})
	if got := m.chair.post(path+"/appeal", url.Values{"outcome": {"dismissed"}, "answer": {"No."}}); got.status != http.StatusForbidden {
		t.Errorf("whoever withdrew it decides: %d, want 403", got.status)
	}
	if got := m.vice.post(path+"/appeal", url.Values{"outcome": {"allowed"}, "answer": {"So it was."}}); got.location != path+"?said=decided" {
		t.Fatalf("a colleague allows it = %d %s", got.status, got.location)
	}
	soon(t, "the mark is on the page again", func() bool { return strings.Contains(shopper.get(page).body, "data-mark=") })
}

// A mark that ran out is off every page, the kept ones too, and told of once.
func TestMarkThatRanOutIsGone(t *testing.T) {
	m := openJury(t, roles{web: true})
	page, shopper := "/en/artisans/jaouad-benallal", m.visitor(t)
	if got := shopper.isKept(page); !strings.Contains(got.body, "data-mark=") {
		t.Fatal("the workshop has no mark to begin with")
	}
	shopper.isKept(kilim)
	if _, err := m.pool.Exec(t.Context(), `
		UPDATE marks SET begins_at = now() - interval '1 year', ends_at = now() - interval '1 second'
		WHERE product_id IS NULL AND artisan_id = (SELECT id FROM artisans WHERE slug = 'jaouad-benallal')`); err != nil {
		t.Fatal(err)
	}
	for _, kept := range []string{page, kilim} {
		if got := shopper.get(kept); !strings.Contains(got.body, "data-mark=") {
			t.Errorf("%s is not kept: this test tells nothing", kept)
		}
	}
	for i, want := range []int{1, 0, 0} {
		n, err := mark.TellLapsed(t.Context(), m.pool, time.Now())
		if err != nil || n != want {
			t.Errorf("telling for the %d. time told of %d (%v), want %d", i+1, n, err, want)
		}
	}
	for _, kept := range []string{page, kilim} {
		soon(t, "the mark is off "+kept, func() bool { return !strings.Contains(shopper.get(kept).body, "data-mark=") })
	}
	if n := one[int](t, m.market, `SELECT count(*) FROM audit WHERE action = 'mark.lapsed' AND account_id IS NULL`); n != 1 {
		t.Errorf("the audit has it %d times", n)
	}
	if got := m.maker.get("/studio/marks"); !strings.Contains(got.body, `data-mark="lapsed"`) {
		t.Error("the maker does not see that it ran out")
	}
	if got := m.chair.get("/admin/marks?state=lapsed"); !strings.Contains(got.body, `data-mark="lapsed"`) {
		t.Error("the committee does not see that it ran out")
	}
	// What has run out can be proposed anew, and nothing stands in its way.
	path := m.chair.propose("jaouad-benallal", "")
	m.chair.visit(path, daysAgo(2))
	m.chair.vote(path, "signed", "")
	if got := m.vice.vote(path, "signed", ""); got.location != path+"?said=granted" {
		t.Errorf("renewing = %d %s", got.status, got.location)
	}
}

// The job is at work in the program.
func TestProgramTellsOfMarksThatRanOut(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	if _, err := m.pool.Exec(t.Context(), `UPDATE marks SET begins_at = now() - interval '1 year', ends_at = now() - interval '1 second' WHERE product_id IS NULL`); err != nil {
		t.Fatal(err)
	}
	if _, err := m.jobs.Insert(t.Context(), mark.LapseArgs{}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are told of", func() bool {
		return one[int](t, m, `SELECT count(*) FROM marks WHERE ends_at < now() AND lapsed_told_at IS NULL`) == 0
	})
	if mark.LapseEvery > 30*time.Second {
		t.Errorf("the pages hear of it every %v only", mark.LapseEvery)
	}
}

// In its last days a mark is followed by the next one, which begins where it ends;
// the one that stands stays until then.
func TestMarkIsRenewed(t *testing.T) {
	m := openJury(t, roles{web: true})
	if _, err := m.pool.Exec(t.Context(), `
		UPDATE marks SET ends_at = date_trunc('day', now()) + interval '40 days'
		WHERE product_id IS NULL AND artisan_id = (SELECT id FROM artisans WHERE slug = 'jaouad-benallal')`); err != nil {
		t.Fatal(err)
	}
	if got := m.maker.get("/studio/marks"); !strings.Contains(got.body, `data-mark="ending"`) {
		t.Error("the maker is not told to renew")
	}
	if got := m.chair.get("/admin/marks?state=ending"); !strings.Contains(got.body, "Jaouad") {
		t.Error("the committee does not see what runs out")
	}
	path := m.chair.propose("jaouad-benallal", "")
	m.chair.visit(path, daysAgo(2))
	m.chair.vote(path, "signed", "")
	m.vice.vote(path, "signed", "")
	var first, second, end time.Time
	err := m.pool.QueryRow(t.Context(), `
		SELECT min(ends_at), max(begins_at), max(ends_at) FROM marks
		WHERE state = 'granted' AND product_id IS NULL AND artisan_id = (SELECT id FROM artisans WHERE slug = 'jaouad-benallal')`).Scan(&first, &second, &end)
	if err != nil || !first.Equal(second) || end.Sub(second) < 363*24*time.Hour {
		t.Errorf("the one ends %v, the next begins %v and ends %v (%v)", first, second, end, err)
	}
	if got := m.visitor(t).get("/en/artisans/jaouad-benallal"); strings.Count(got.body, "data-mark=") != 1 {
		t.Error("not exactly one stands")
	}
	// Withdrawn, the one that follows goes with it.
	ref := one[string](t, m.market, `SELECT ref FROM marks WHERE ends_at = $1 AND state = 'granted' AND begins_at < now() AND artisan_id = (SELECT id FROM artisans WHERE slug = 'jaouad-benallal')`, first)
	m.chair.post("/admin/marks/"+ref+"/withdrawal", url.Values{"reason": {"Both."}})
	if s := stateOf(t, m.market, path); s != "withdrawn" {
		t.Errorf("the one that was to follow is %s", s)
	}
}

// However many sign at once, the mark is granted once, by as many as must.
func TestMarkIsGrantedOnce(t *testing.T) {
	m := openJury(t, roles{web: true})
	if _, err := m.pool.Exec(t.Context(), `
		INSERT INTO committee_members (committee_id, artisan_id)
		SELECT c.id, a.id FROM committees c, artisans a WHERE c.slug = 'weaving' AND a.slug IN ('larbi-hassoun', 'naima-lahrech', 'otman-tazi-jebli')`); err != nil {
		t.Fatal(err)
	}
	signers := []*visitor{m.chair, m.vice, m.office}
	for _, slug := range []string{"larbi-hassoun", "naima-lahrech", "otman-tazi-jebli"} {
		signers = append(signers, m.comeIn(t, slug))
	}
	for round := range 3 {
		product := one[string](t, m.market, `
			SELECT p.slug FROM products p JOIN artisans a ON a.id = p.artisan_id
			WHERE a.slug = 'jaouad-benallal' AND p.state = 'on_sale' AND NOT EXISTS (SELECT FROM marks k WHERE k.product_id = p.id) ORDER BY p.slug LIMIT 1`)
		path := m.chair.propose("jaouad-benallal", product)
		m.chair.visit(path, daysAgo(1))
		var wg sync.WaitGroup
		answers := make([]answer, len(signers)*2)
		for i := range answers {
			wg.Go(func() { answers[i] = signers[i/2].vote(path, "signed", "") })
		}
		wg.Wait()
		granted := 0
		for _, got := range answers {
			switch {
			case got.location == path+"?said=granted":
				granted++
			case got.location != path+"?said=voted" && got.status != http.StatusConflict:
				t.Errorf("round %d: signing = %d %s", round, got.status, got.location)
			}
		}
		ref := strings.TrimPrefix(path, "/admin/marks/")
		votes := one[int](t, m.market, `SELECT count(*) FROM mark_votes v JOIN marks k ON k.id = v.mark_id WHERE k.ref = $1`, ref)
		acts := 0
		for _, act := range m.acts(t, path) {
			if act == "mark.granted" {
				acts++
			}
		}
		if granted != 1 || votes != 2 || acts != 1 || stateOf(t, m.market, path) != "granted" {
			t.Errorf("round %d: granted %d times by %d votes, %d times in the audit, and is %s; want 1, 2, 1, granted", round, granted, votes, acts, stateOf(t, m.market, path))
		}
	}
	// The database holds it by itself.
	_, err := m.pool.Exec(t.Context(), `
		INSERT INTO marks (ref, artisan_id, product_id, committee_id, level, class, specification, state, proposed_at, visit_id, decided_at, begins_at, ends_at)
		SELECT 'twice', artisan_id, product_id, committee_id, level, class, specification, state, proposed_at, visit_id, decided_at, begins_at + interval '1 day', ends_at
		FROM marks WHERE NOT invented AND state = 'granted' LIMIT 1`)
	if err == nil || !strings.Contains(err.Error(), "marks_one_standing") {
		t.Errorf("the database lets two stand: %v", err)
	}
	for _, sql := range []string{`UPDATE mark_votes SET verdict = 'signed'`, `DELETE FROM mark_votes`, `UPDATE workshop_visits SET day = now()`} {
		if _, err := m.pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "only takes new rows") {
			t.Errorf("%s is not refused: %v", sql, err)
		}
	}
}

// A committee keeps what its mark asks for; its chair and the administrator keep
// the numbers; the administrator names levels and classes.
func TestCommitteeKeepsTheRulesOfItsMark(t *testing.T) {
	m := openJury(t, roles{web: true, work: true})
	page := "/admin/committees/weaving"
	if got := m.vice.post(page, url.Values{"specification": {"1"}, "specification_en": {"Only <wool>."}, "specification_ar": {"صوف فقط."}}); got.status != http.StatusSeeOther {
		t.Fatalf("a member writes the specification = %d\n%s", got.status, tail(got.body, 800))
	}
	if got := m.vice.get(page); !strings.Contains(got.body, "Only &lt;wool&gt;.") || strings.Contains(got.body, `name="mark_rules"`) {
		t.Error("the specification is not kept, or a member is offered the numbers")
	}
	for name, form := range map[string]url.Values{"nothing": {}, "too much": {"specification_fr": {strings.Repeat("x", 1501)}, "specification_en": {"kept & typed"}}} {
		form.Set("specification", "1")
		if got := m.vice.post(page, form); got.status != 422 || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("%s = %d, want 422", name, got.status)
		}
	}
	rules := func(v *visitor, signatures, months, days string) answer {
		return v.post(page, url.Values{"mark_rules": {"1"}, "signatures": {signatures}, "months": {months}, "renew_days": {days}})
	}
	if got := rules(m.vice, "1", "12", "60"); got.status != http.StatusForbidden {
		t.Errorf("a member sets the numbers: %d, want 403", got.status)
	}
	for _, bad := range [][3]string{{"0", "12", "60"}, {"10", "12", "60"}, {"2", "0", "60"}, {"2", "61", "60"}, {"2", "12", "-1"}, {"two", "12", "60"}, {"2", "12", "366"}} {
		if got := rules(m.chair, bad[0], bad[1], bad[2]); got.status != 422 || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("the numbers %v = %d, want 422", bad, got.status)
		}
	}
	path := m.chair.propose("jaouad-benallal", piece)
	m.chair.visit(path, daysAgo(1))
	m.chair.vote(path, "signed", "")
	if got := rules(m.chair, "١", "6", "30"); got.status != http.StatusSeeOther || stateOf(t, m.market, path) != "granted" {
		t.Errorf("one signature is enough = %d, the mark is %s", got.status, stateOf(t, m.market, path))
	}
	if n := one[int](t, m.market, `SELECT (ends_at::date - begins_at::date) FROM marks WHERE state = 'granted' AND NOT invented`); n < 175 || n > 186 {
		t.Errorf("it stands for %d days, want half a year", n)
	}
	if got := m.visitor(t).get(kilim); !strings.Contains(got.body, "Only &lt;wool&gt;.") {
		t.Error("buyers do not read what the mark asks for")
	}

	// Names.
	names := url.Values{}
	for _, name := range []string{"level_1", "level_2", "level_3", "class_A", "class_B"} {
		for _, l := range lang.All {
			names.Set(name+"_"+l.Code, name+" in "+l.Code)
		}
	}
	if got := m.chair.post("/admin/marks/names", names); got.status != http.StatusForbidden {
		t.Errorf("a member names the levels: %d, want 403", got.status)
	}
	if got := m.office.post("/admin/marks/names", names); got.status != http.StatusSeeOther {
		t.Fatalf("naming = %d\n%s", got.status, tail(got.body, 800))
	}
	shopper := m.visitor(t)
	soon(t, "the new name is on the page", func() bool { return strings.Contains(shopper.get(kilim).body, "level_2 in en, class A: class_A in en") })
	names.Set("class_A_es", strings.Repeat("x", 61))
	if got := m.office.post("/admin/marks/names", names); got.status != 422 || !strings.Contains(got.body, "class_A_es-wrong") {
		t.Errorf("a long name = %d, want 422", got.status)
	}
}

// Whatever is asked for, the pages answer.
func TestMarkPagesBearAnything(t *testing.T) {
	m := openJury(t, roles{web: true})
	for _, path := range []string{"/admin/marks", "/admin/marks?state=nonsense", "/admin/marks?after=nothing", "/admin/marks?q=%25_%27&state=ending",
		"/admin/marks/new", "/admin/marks/new?q=zzzz", "/admin/marks/new?artisan=--", "/admin/marks/new?product=" + piece, "/admin/marks/names"} {
		if got := m.office.get(path); got.status != http.StatusOK {
			t.Errorf("%s = %d, want 200", path, got.status)
		}
	}
	first := m.office.get("/admin/marks")
	for _, tab := range mark.Tabs {
		if tab != mark.AllMarks && !strings.Contains(first.body, `href="/admin/marks?state=`+string(tab)+`"`) {
			t.Errorf("there is no tab %s", tab)
		}
	}
	for path, want := range map[string]int{"/admin/marks/nothing": 404, "/admin/marks/new?artisan=nobody": 404, "/admin/marks/new?product=nothing": 404} {
		if got := m.office.get(path); got.status != want {
			t.Errorf("%s = %d, want %d", path, got.status, want)
		}
	}
	for _, act := range []string{"vote", "visit", "withdrawal", "appeal", "kin"} {
		if got := m.office.post("/admin/marks/nothing/"+act, nil); got.status != http.StatusNotFound {
			t.Errorf("%s of nothing = %d, want 404", act, got.status)
		}
		if got := m.visitor(t).post("/admin/marks/nothing/"+act, nil); got.status != http.StatusUnauthorized {
			t.Errorf("%s by a stranger = %d, want 401", act, got.status)
		}
	}
	standing := "/admin/marks/" + one[string](t, m.market, `SELECT ref FROM marks ORDER BY id LIMIT 1`)
	for _, got := range []answer{m.office.vote(standing, "signed", ""), m.office.visit(standing, daysAgo(1)),
		m.office.post(standing+"/appeal", url.Values{"outcome": {"allowed"}, "answer": {"x"}})} {
		if got.status != http.StatusConflict {
			t.Errorf("what cannot be done to a mark that stands = %d, want 409", got.status)
		}
	}
	if got := m.office.post(standing+"/kin", nil); got.status != http.StatusForbidden {
		t.Errorf("kin of someone without a workshop = %d, want 403", got.status)
	}
	if got := m.chair.get("/admin/marks/names"); got.status != http.StatusForbidden {
		t.Errorf("a member sees the names' form: %d, want 403", got.status)
	}
}
