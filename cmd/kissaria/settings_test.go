package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kissaria.ma/internal/mail"
	marketdata "kissaria.ma/internal/settings"
)

var (
	inputValue = regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]*>`)
	valueOf    = regexp.MustCompile(` value="([^"]*)"`)
	areaValue  = regexp.MustCompile(`(?s)<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>`)
	selects    = regexp.MustCompile(`(?s)<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>`)
	chosen     = regexp.MustCompile(`<option value="([^"]*)" selected`)
)

// formOf reads a form of a page as a browser would send it back untouched.
func formOf(body, action string) url.Values {
	from := strings.Index(body, `method="post" action="`+action+`"`)
	if from < 0 {
		return nil
	}
	body = body[from:]
	body = body[:strings.Index(body, "</form>")]
	unescape := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&")
	form := url.Values{}
	for _, m := range inputValue.FindAllStringSubmatch(body, -1) {
		if strings.Contains(m[0], `type="checkbox"`) && !strings.Contains(m[0], " checked") {
			continue
		}
		if v := valueOf.FindStringSubmatch(m[0]); v != nil {
			form.Set(m[1], unescape.Replace(v[1]))
		}
	}
	for _, m := range areaValue.FindAllStringSubmatch(body, -1) {
		form.Set(m[1], unescape.Replace(m[2]))
	}
	for _, m := range selects.FindAllStringSubmatch(body, -1) {
		if v := chosen.FindStringSubmatch(m[2]); v != nil {
			form.Set(m[1], v[1])
		}
	}
	return form
}

// Every record of every kind can be opened, sent back as it stands, and is then
// what it was: a form that loses something would show as a change.
func TestEveryRecordSurvivesItsForm(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	if got := staff.get("/admin/settings"); got.status != http.StatusOK || strings.Count(got.body, "setting-groups__link") < len(marketdata.Kinds) {
		t.Fatalf("the settings = %d", got.status)
	}
	worded, err := marketdata.Worded(t.Context(), m.pool)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := marketdata.Counts(t.Context(), m.pool)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range marketdata.Kinds {
		records, err := k.Records(t.Context(), m.pool)
		if err != nil {
			t.Fatal(err)
		}
		if !k.Single && counts[k.Name] != len(records) {
			t.Errorf("%d %s are counted, of %d", counts[k.Name], k.Name, len(records))
		}
		// What translators see is what the records say.
		for i, r := range records {
			says := k.Places(r.Values)
			if len(says) == 0 {
				break
			}
			if len(worded[k.Name]) != len(records) || worded[k.Name][i].Ref != r.Ref {
				t.Errorf("translators see %d %s of %d, or in another order", len(worded[k.Name]), k.Name, len(records))
				break
			}
			if diff := cmp.Diff(says, k.Places(worded[k.Name][i].Values), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("translators see %s %s otherwise:\n%s", k.Name, r.Ref, diff)
			}
		}
		if !k.Single && k.Name != "page" && len(records) == 0 {
			t.Errorf("the demo has no %s", k.Name)
		}
		if len(records) != 1 {
			if got := staff.get("/admin/settings/" + k.Name); got.status != http.StatusOK {
				t.Errorf("the list of %s = %d", k.Name, got.status)
			}
		}
		for i, r := range records {
			if i > 2 {
				break
			}
			path := "/admin/settings/" + k.Name + "/" + r.Ref
			page := staff.get(path)
			form := formOf(page.body, path)
			if page.status != http.StatusOK || form == nil {
				t.Fatalf("%s = %d", path, page.status)
			}
			if got := staff.post(path, form); got.status != http.StatusSeeOther {
				t.Errorf("sending %s back as it stands = %d\n%v\n%s", path, got.status, form, wrongs(got.body))
			}
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM setting_versions`); n != 0 {
		t.Errorf("%d versions were made of what nobody changed: %s", n, one[string](t, m, `SELECT string_agg(kind || ' ' || content::text, E'\n') FROM setting_versions`))
	}
}

// wrongs are what a page says is wrong.
func wrongs(body string) string {
	return strings.Join(regexp.MustCompile(`(?s)field__wrong[^>]*>.*?</span>|notice--wrong.*?</p>`).FindAllString(body, -1), "\n")
}

func TestQuarterIsChangedRestoredAndGuarded(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	path := "/admin/settings/quarter/souika"
	before := staff.get(path)
	form := formOf(before.body, path)
	form.Set("name_en", "Suika & <b>co</b>")
	form.Set("latitude", "٣٥٫١٧")
	if got := staff.post(path, form); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an Arabic comma in a coordinate = %d", got.status)
	}
	form.Set("latitude", "135.17")
	if got := staff.post(path, form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `value="135.17"`) || !strings.Contains(got.body, "Suika &amp; &lt;b&gt;co") {
		t.Errorf("a place beyond the pole = %d, want 422 with what was typed", got.status)
	}
	form.Set("latitude", "35.17")
	if got := staff.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("changing a quarter = %d\n%s", got.status, wrongs(got.body))
	}
	page := staff.get(path + "?done=kept")
	if !strings.Contains(page.body, "Suika &amp; &lt;b&gt;co") || strings.Contains(page.body, "<b>co</b>") || !strings.Contains(page.body, "<del>") {
		t.Error("the history does not tell what changed")
	}
	eventually(t, "the shop shows the new name", func() bool { return strings.Contains(m.visitor(t).get("/en/artisans").body, "Suika &amp;") })
	if n := one[int](t, m, `SELECT count(*) FROM card_refreshes`); n == 0 {
		t.Error("no card waits to learn the quarter's new name")
	}
	if err := marketdata.Refresh(t.Context(), m.pool); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the search knows the quarter's new name", func() bool {
		return strings.Contains(m.visitor(t).get("/en/products?q=suika+%26").body, "product-card")
	})
	if n := one[int](t, m, `SELECT count(*) FROM card_refreshes`); n != 0 {
		t.Errorf("%d cards still wait", n)
	}
	// A colleague who had opened it before is told, and loses nothing.
	late := formOf(before.body, path)
	late.Set("name_fr", "Souika d’en haut")
	got := m.staff(t).post(path, late)
	if got.status != http.StatusConflict || !strings.Contains(got.body, "Souika d’en haut") || !strings.Contains(got.body, "<ins>Suika") {
		t.Errorf("two at once = %d, want 409 with what was typed and what changed", got.status)
	}
	again := formOf(got.body, path)
	if again.Set("name_en", "Suika"); again.Get("seen") != "2" {
		t.Errorf("the second is at version %s, want 2", again.Get("seen"))
	}
	if got := staff.post(path, again); got.status != http.StatusSeeOther {
		t.Errorf("keeping again after having compared = %d", got.status)
	}
	if got := staff.post(path+"/restoration", url.Values{"seen": {"3"}, "version": {"1"}}); got.status != http.StatusSeeOther {
		t.Fatalf("restoring = %d\n%s", got.status, wrongs(got.body))
	}
	if name := one[string](t, m, `SELECT name ->> 'en' FROM quarters WHERE slug = 'souika'`); name != "Souika" {
		t.Errorf("restored, it is called %q", name)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'setting.changed' AND subject = 'quarter:souika' AND before IS NOT NULL`); n != 3 {
		t.Errorf("%d of 3 changes are in the audit", n)
	}
	// What is in use stays.
	if got := staff.post(path+"/removal", url.Values{"seen": {"4"}}); got.status != http.StatusConflict || !strings.Contains(got.body, "/admin/artisans?quarter=souika") {
		t.Errorf("taking away a quarter with workshops = %d, want 409 with what uses it", got.status)
	}
	for name, form := range map[string]url.Values{"no number": {}, "words": {"seen": {"x"}}, "huge": {"seen": {"99999999999999999999"}}} {
		if got := staff.post(path, form); got.status != http.StatusBadRequest {
			t.Errorf("a form with %s = %d, want 400", name, got.status)
		}
	}
	for _, path := range []string{"/admin/settings/quarter/nowhere", "/admin/settings/nothing", "/admin/settings/nothing/x", "/admin/settings/identity/new"} {
		if got := staff.get(path); got.status != http.StatusNotFound {
			t.Errorf("%s = %d, want 404", path, got.status)
		}
	}
	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	if got := treasurer.post(path, form); got.status != http.StatusForbidden {
		t.Errorf("the treasurer changes a quarter: %d, want 403", got.status)
	}
}

func TestRecordIsAddedAndTakenAwayAndPutBack(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	form := url.Values{"seen": {"0"}, "slug": {"Felt!"}, "name_en": {"Felt"}, "sort": {"900"}}
	if got := staff.post("/admin/settings/material", form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `value="Felt!"`) {
		t.Errorf("a name that is no address = %d, want 422", got.status)
	}
	form.Set("slug", "wool")
	if got := staff.post("/admin/settings/material", form); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a name that is taken = %d, want 422", got.status)
	}
	form.Set("slug", "felt")
	if got := staff.post("/admin/settings/material", form); got.status != http.StatusSeeOther {
		t.Fatalf("adding = %d\n%s", got.status, wrongs(got.body))
	}
	path := "/admin/settings/material/felt"
	if got := staff.get(path); got.status != http.StatusOK || !strings.Contains(got.body, path+"/removal") {
		t.Fatalf("the new one = %d, and can be taken away", got.status)
	}
	if got := staff.post(path+"/removal", url.Values{"seen": {"0"}}); got.status != http.StatusConflict {
		t.Errorf("taking away what was seen before it was there = %d, want 409", got.status)
	}
	if got := staff.post(path+"/removal", url.Values{"seen": {"1"}}); got.status != http.StatusSeeOther {
		t.Fatalf("taking away = %d", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM terms WHERE slug = 'felt'`); n != 0 {
		t.Error("it is still there")
	}
	if got := staff.get(path); got.status != http.StatusOK || !strings.Contains(got.body, path+"/restoration") {
		t.Errorf("what was taken away = %d, and can be put back", got.status)
	}
	if got := staff.post(path+"/restoration", url.Values{"seen": {"2"}, "version": {"1"}}); got.status != http.StatusSeeOther {
		t.Errorf("putting back = %d\n%s", got.status, wrongs(got.body))
	}
	if n := one[int](t, m, `SELECT count(*) FROM terms WHERE slug = 'felt'`); n != 1 {
		t.Error("it did not come back")
	}
}

func TestCommissionHoldsFromItsDay(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	path := "/admin/settings/commission/pottery"
	form := formOf(staff.get(path).body, path)
	form.Set("rates.0.from", "2016-03-04")
	form.Set("rates.0.rate", "7,5")
	form.Set("rates.1.from", "2016-03-04")
	form.Set("rates.1.rate", "9")
	if got := staff.post(path, form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="rates.1.from-wrong"`) {
		t.Errorf("two rates of one day = %d, want 422 beside the second", got.status)
	}
	form.Set("rates.1.from", "2999-01-01")
	if got := staff.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("setting a rate = %d\n%s", got.status, wrongs(got.body))
	}
	sku := one[string](t, m, `
		SELECT v.sku FROM variants v JOIN products p ON p.id = v.product_id JOIN trades t ON t.id = p.trade_id
		JOIN revisions r ON r.id = p.live_id
		WHERE t.slug = 'pottery' AND p.state = 'on_sale' AND v.stocked AND v.on_hand > 0 AND r.ship_mode = 'parcel' ORDER BY v.sku LIMIT 1`)
	p := m.buy(t, "en", sku, "KIS-0011")
	if bp := one[int](t, m, `SELECT commission_bp FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE o.number = $1 AND l.sku = $2`, p.number, sku); bp != 750 {
		t.Errorf("the potter's sale is booked at %d basis points, want 750", bp)
	}
	base := one[int](t, m, `SELECT commission_bp FROM union_profile`)
	if bp := one[int](t, m, `SELECT commission_bp FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE o.number = $1 AND l.sku = 'KIS-0011'`, p.number); bp != base {
		t.Errorf("the weaver's sale is booked at %d basis points, want %d", bp, base)
	}
	doctor := m.staff(t).get("/admin/orders/" + p.number)
	if doctor.status != http.StatusOK {
		t.Errorf("the order = %d", doctor.status)
	}
}

func TestZonesShowTheirGaps(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	list := staff.get("/admin/settings/zone")
	if !strings.Contains(list.body, "data-table--postage") || strings.Contains(list.body, "less than a lighter") {
		t.Fatalf("the price table = %d", list.status)
	}
	path := "/admin/settings/zone/ma"
	form := formOf(staff.get(path).body, path)
	for name, change := range map[string][2]string{"an unknown country": {"countries", "ma\nzz"}, "a country of another zone": {"countries", "ma\nes"},
		"no country": {"countries", ""}, "a member that is not in it": {"eu", "fr"}, "a weight twice": {"bands.1.up_to", form.Get("bands.0.up_to")},
		"a price in words": {"bands.0.price", "cheap"}, "half a gram": {"bands.0.up_to", "0.5"}, "a page without a number": {"tracking", "https://example.org"},
		"days backwards": {"max_days", "0"}} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		bad.Set(change[0], change[1])
		if got := staff.post(path, bad); got.status != http.StatusUnprocessableEntity || wrongs(got.body) == "" {
			t.Errorf("a zone with %s = %d, want 422", name, got.status)
		}
	}
	form.Set("bands.1.price", "1")
	if got := staff.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("changing a zone = %d\n%s", got.status, wrongs(got.body))
	}
	if list = staff.get("/admin/settings/zone"); !strings.Contains(list.body, "badge--wrong") {
		t.Error("the table does not show that a heavier parcel is cheaper")
	}
}

func TestPageIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	form := url.Values{"seen": {"0"}, "slug": {"how-we-pack"}, "title_en": {"How we pack"}, "body_en": {"## Straw\n\nWe use *straw*.<script>alert(1)</script>"},
		"footer": {"yes"}, "sort": {"50"}, "preview": {"1"}}
	if got := staff.post("/admin/settings/page", form); got.status != http.StatusOK || !strings.Contains(got.body, "<em>straw</em>") || strings.Contains(got.body, "<script>alert") {
		t.Errorf("the preview = %d", got.status)
	}
	form.Del("preview")
	if got := staff.post("/admin/settings/page", form); got.status != http.StatusSeeOther {
		t.Fatalf("a new page = %d\n%s", got.status, wrongs(got.body))
	}
	if got := m.visitor(t).get("/es/pages/how-we-pack"); got.status != http.StatusOK || !strings.Contains(got.body, `lang="en" dir="ltr"><h2>Straw</h2>`) {
		t.Errorf("the page = %d", got.status)
	}
	eventually(t, "every page names it at its foot", func() bool {
		return strings.Contains(m.visitor(t).get("/es/union").body, `href="/es/pages/how-we-pack"`)
	})
	if got := m.visitor(t).get("/es/terms"); got.status != http.StatusOK {
		t.Errorf("the terms = %d", got.status)
	}
	if got := m.visitor(t).get("/es/pages/terms"); got.status != http.StatusNotFound {
		t.Errorf("the terms at a second address = %d, want 404", got.status)
	}
}

// A translator sees what is missing and what is older than its source, with the
// source beside it, and keeps many at once.
func TestTranslationsAreWorkedThrough(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	path := "/admin/settings/trade/pottery"
	form := formOf(staff.get(path).body, path)
	form.Set("name_fr", "Poterie des femmes")
	form.Set("name_es", "")
	if got := staff.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("changing the source = %d\n%s", got.status, wrongs(got.body))
	}
	todo := func(v *visitor, to string) (url.Values, string) {
		t.Helper()
		page := v.get("/admin/translations?to=" + to)
		if page.status != http.StatusOK {
			t.Fatalf("translations = %d", page.status)
		}
		return formOf(page.body, "/admin/translations"), page.body
	}
	index := func(form url.Values, kind, ref, path string) string {
		for i := range 20 {
			n := strconv.Itoa(i)
			if form.Get("kind"+n) == kind && form.Get("ref"+n) == ref && form.Get("path"+n) == path {
				return n
			}
		}
		return ""
	}
	es, _ := todo(staff, "es")
	n := index(es, "trade", "pottery", "name")
	if n == "" || es.Get("w"+n) != "" {
		t.Fatalf("the missing Spanish name is not on the list: %v", es)
	}
	ar, body := todo(staff, "ar")
	k := index(ar, "trade", "pottery", "name")
	if k == "" || ar.Get("w"+k) == "" || !strings.Contains(body, "Poterie des femmes") {
		t.Fatalf("the Arabic name that is older than its source is not on the list: %v", ar)
	}
	es.Set("w"+n, "Alfarería de mujeres")
	if got := staff.post("/admin/translations", es); got.status != http.StatusSeeOther || !strings.Contains(got.header.Get("Location"), "kept=1") {
		t.Fatalf("keeping = %d %s", got.status, got.header.Get("Location"))
	}
	if got := one[string](t, m, `SELECT name ->> 'es' FROM trades WHERE slug = 'pottery'`); got != "Alfarería de mujeres" {
		t.Errorf("the Spanish name is %q", got)
	}
	// The Arabic list was read before that: someone changed the record meanwhile.
	ar.Set("right"+k, "yes")
	if got := staff.post("/admin/translations", ar); got.status != http.StatusConflict {
		t.Errorf("an old list = %d, want 409", got.status)
	}
	ar, _ = todo(staff, "ar")
	k = index(ar, "trade", "pottery", "name")
	ar.Set("right"+k, "yes")
	if got := staff.post("/admin/translations", ar); got.status != http.StatusSeeOther {
		t.Errorf("it is still right = %d", got.status)
	}
	ar, _ = todo(staff, "ar")
	if ar != nil && index(ar, "trade", "pottery", "name") != "" {
		t.Error("what was looked at is still on the list")
	}
	es, _ = todo(staff, "es")
	if es != nil && index(es, "trade", "pottery", "name") != "" {
		t.Error("what was translated is still on the list")
	}
	long := url.Values{"to": {"es"}, "kind0": {"trade"}, "ref0": {"pottery"}, "path0": {"name"}, "seen0": {"3"}, "w0": {strings.Repeat("ñ", 90)}}
	if got := staff.post("/admin/translations", long); got.status != http.StatusConflict && got.status != http.StatusUnprocessableEntity {
		t.Errorf("too long a name = %d", got.status)
	}
	for name, bad := range map[string]url.Values{"no such path": {"to": {"es"}, "kind0": {"trade"}, "ref0": {"pottery"}, "path0": {"process.99.text"}, "seen0": {"3"}, "w0": {"x"}},
		"no such kind": {"to": {"es"}, "kind0": {"x"}, "ref0": {"pottery"}, "path0": {"name"}, "seen0": {"3"}, "w0": {"x"}}} {
		if got := staff.post("/admin/translations", bad); got.status >= 500 || got.status == http.StatusSeeOther {
			t.Errorf("%s = %d", name, got.status)
		}
	}
	if got := staff.post("/admin/translations", url.Values{"to": {"xx"}}); got.status != http.StatusBadRequest {
		t.Errorf("a language nobody speaks here = %d, want 400", got.status)
	}
}

func TestFrontPageShowsWhatWasChosen(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	path := "/admin/settings/front/union"
	form := formOf(staff.get(path).body, path)
	form.Set("front_products", "red-door-lantern-of-nowhere")
	if got := staff.post(path, form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "red-door-lantern-of-nowhere</textarea>") {
		t.Errorf("a piece that is not there = %d, want 422 with what was typed", got.status)
	}
	rows := one[string](t, m, `
		SELECT string_agg(slug, E'\n' ORDER BY published_at) FROM (
			SELECT slug, published_at FROM cards WHERE on_hand > held ORDER BY published_at LIMIT 2) AS oldest`)
	form.Set("front_products", rows)
	if got := staff.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("choosing = %d\n%s", got.status, wrongs(got.body))
	}
	first, second, _ := strings.Cut(rows, "\n")
	eventually(t, "the shelf begins with "+rows, func() bool {
		body := m.visitor(t).get("/en/").body
		i, j := strings.Index(body, "/products/"+first), strings.Index(body, "/products/"+second)
		return i >= 0 && j > i
	})
}

// The union says a letter in its own words in one language; the others keep the
// program's.
func TestLetterSaysWhatTheUnionWrote(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	path := "/admin/settings/letter/paid"
	form := formOf(staff.get(path).body, path)
	form.Set("intro_en", "Order {0} is paid, {7}!")
	if got := staff.post(path, form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Order {0} is paid, {7}!") {
		t.Errorf("a place that nothing fills = %d, want 422", got.status)
	}
	form.Set("intro_en", "Shukran <3. Order {0} is paid.")
	form.Set("preview", "1")
	if got := staff.post(path, form); got.status != http.StatusOK || !strings.Contains(got.body, "Shukran &lt;3. Order 7K-2QXM is paid.") {
		t.Errorf("the preview = %d", got.status)
	}
	form.Del("preview")
	if got := staff.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("changing a letter = %d\n%s", got.status, wrongs(got.body))
	}
	for code, want := range map[string][2]string{"en": {"Shukran <3. Order ", "KIS-0040"}, "es": {"está pagado", "KIS-0011"}} {
		p := m.buy(t, code, want[1])
		letter, err := mail.ByKey(t.Context(), m.pool, "order/"+p.number+"/paid/buyer")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(letter.Text, want[0]) || code != "en" && strings.Contains(letter.Text, "Shukran") {
			t.Errorf("the letter in %s says\n%s", code, letter.Text)
		}
	}
	// Emptied, it is the program's again.
	form = formOf(staff.get(path).body, path)
	form.Set("intro_en", "")
	if got := staff.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("emptying = %d", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM mail_texts`); n != 0 {
		t.Errorf("%d messages are still the union's own", n)
	}
}

// What makers wrote in their own language comes to the translators too, and what
// they wrote themselves is never touched.
func TestWhatMakersWroteIsTranslated(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	if _, err := m.pool.Exec(t.Context(), `
		UPDATE revisions SET title = title - 'es', description = description - 'es', written_in = 'ar' WHERE id = (SELECT live_id FROM products WHERE slug = 'kilim-blue-steps')`); err != nil {
		t.Fatal(err)
	}
	if _, err := m.pool.Exec(t.Context(), `UPDATE artisans SET bio = bio - 'es', written_in = 'ar' WHERE slug = 'jaouad-benallal'`); err != nil {
		t.Fatal(err)
	}
	list := func() url.Values {
		return formOf(staff.get("/admin/translations?to=es").body, "/admin/translations")
	}
	form := list()
	said := map[string]string{"title": "Kilim de escalones", "description": "Tejido <en> primavera.", "bio": "Teje desde los doce años."}
	for i := range 20 {
		n := strconv.Itoa(i)
		if words := said[form.Get("path"+n)]; words != "" && (form.Get("ref"+n) == "kilim-blue-steps" || form.Get("ref"+n) == "jaouad-benallal") {
			form.Set("w"+n, words)
		}
	}
	old := url.Values{}
	for k, v := range form {
		old[k] = v
	}
	got := staff.post("/admin/translations", form)
	if got.status != http.StatusSeeOther || !strings.Contains(got.location, "kept=3") {
		t.Fatalf("translating three texts = %d to %s\n%s", got.status, got.location, wrongs(got.body))
	}
	if page := m.visitor(t).get("/es/products/kilim-blue-steps"); !strings.Contains(page.body, "Kilim de escalones") || !strings.Contains(page.body, "Tejido &lt;en&gt; primavera.") {
		t.Error("the piece is not told in Spanish")
	}
	if title := one[string](t, m, `SELECT title ->> 'es' FROM cards WHERE slug = 'kilim-blue-steps'`); title != "Kilim de escalones" {
		t.Errorf("its card says %q", title)
	}
	if page := m.visitor(t).get("/es/artisans/jaouad-benallal"); !strings.Contains(page.body, "Teje desde los doce") {
		t.Error("the story is not told in Spanish")
	}
	// The same list sent again is of a story that is another by now.
	if got := staff.post("/admin/translations", old); got.status != http.StatusConflict {
		t.Errorf("an old list = %d, want 409", got.status)
	}
	own := url.Values{"to": {"ar"}, "kind0": {"piece"}, "ref0": {"kilim-blue-steps"}, "path0": {"title"}, "seen0": {"1"}, "w0": {"x"}}
	if got := staff.post("/admin/translations", own); got.status != http.StatusConflict {
		t.Errorf("overwriting what the maker wrote = %d, want 409", got.status)
	}
	if title := one[string](t, m, `SELECT r.title ->> 'ar' FROM revisions r JOIN products p ON p.live_id = r.id WHERE p.slug = 'kilim-blue-steps'`); title == "x" {
		t.Error("what the maker wrote is gone")
	}
}

func TestUnionHasASign(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	if got := staff.sendFile("/admin/logo", "logo", "notes.txt", []byte("this is no picture")); got.status != http.StatusUnprocessableEntity || wrongs(got.body) == "" {
		t.Errorf("a text for a sign = %d, want 422", got.status)
	}
	if got := staff.sendFile("/admin/logo", "logo", "sign.jpg", photo(t, 640, 640)); got.status != http.StatusSeeOther {
		t.Fatalf("a sign = %d\n%s", got.status, wrongs(got.body))
	}
	eventually(t, "the sign is made", func() bool {
		return one[string](t, m, `SELECT state FROM pictures WHERE id = (SELECT logo FROM union_profile)`) == "ready"
	})
	p := m.buy(t, "en", "KIS-0011")
	if got := staff.get("/admin/orders/" + p.number + "/label"); !strings.Contains(got.body, "label__logo") {
		t.Errorf("the label = %d, without the sign", got.status)
	}
	if got := staff.post("/admin/logo", url.Values{"none": {"1"}}); got.status >= 500 {
		t.Errorf("no sign = %d", got.status)
	}
}

// Who sits in a committee judges from that moment, and who leaves it no longer.
func TestSeatsOfACommittee(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	path := "/admin/settings/committee/weaving"
	judge := m.comeIn(t, "zoubida-ajaraai")
	other := m.comeIn(t, "driss-el-mrabet")
	queue := func(v *visitor) bool { return v.get("/admin/queue").status == http.StatusOK }
	if !queue(judge) {
		t.Fatal("a weaver of the committee cannot judge")
	}
	form := formOf(staff.get(path).body, path)
	form.Set("members", form.Get("members")+"\nnobody-at-all")
	if got := staff.post(path, form); got.status != http.StatusUnprocessableEntity || !strings.Contains(wrongs(got.body), "nobody-at-all") {
		t.Errorf("someone who is nobody = %d, want 422", got.status)
	}
	form = formOf(staff.get(path).body, path)
	form.Set("vice_chair", "")
	form.Set("members", "driss-el-mrabet")
	form.Set("chair", "saadia-ghomari")
	if got := staff.post(path, form); got.status != http.StatusSeeOther {
		t.Fatalf("other members = %d\n%s", got.status, wrongs(got.body))
	}
	if !queue(other) || queue(judge) {
		t.Errorf("the new member judges: %v; the former one still: %v", queue(other), queue(judge))
	}
	if got := staff.post(path+"/restoration", url.Values{"seen": {"2"}, "version": {"1"}}); got.status != http.StatusSeeOther {
		t.Fatalf("restoring = %d\n%s", got.status, wrongs(got.body))
	}
	if !queue(judge) {
		t.Error("restored, the weaver cannot judge")
	}
}
