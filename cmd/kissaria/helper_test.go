package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

var sixDigits = regexp.MustCompile(`class="studio-code"><bdi[^>]*>([0-9]{3}) ([0-9]{3})<`)

// offer has an artisan, or the union with its path, make a link and a code.
func (v *visitor) offer(path string) (link, code string) {
	v.t.Helper()
	page := v.post(path, nil)
	digits := sixDigits.FindStringSubmatch(page.body)
	_, rest, ok := strings.Cut(page.body, v.market.url+"/studio/help/")
	if page.status != http.StatusOK || digits == nil || !ok || !strings.Contains(page.body, `<svg class="qr"`) {
		v.t.Fatalf("asking for a helper = %d; want a link, a code to scan and six digits\n%s", page.status, tail(page.body, 800))
	}
	return "/studio/help/" + rest[:26], digits[1] + digits[2]
}

// newHelperOf comes in by a link, with an account of their own.
func (m *market) newHelperOf(t *testing.T, link, name, phone string) *visitor {
	t.Helper()
	v := m.visitor(t)
	if got := v.get(link); got.status != http.StatusOK {
		t.Fatalf("the link for a helper = %d", got.status)
	}
	if got := v.post(link, url.Values{"person": {name}, "phone": {phone}, "password": {"my own blue door"}}); got.location != "/studio" {
		t.Fatalf("becoming a helper = %d to %q\n%s", got.status, got.location, tail(got.body, 900))
	}
	return v
}

// A daughter helps from her own account: what she does is kept as done by her
// for her father, some doors stay shut, and either of them ends it.
func TestHelperActsForTheArtisan(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	father := m.comeIn(t, "jaouad-benallal")
	if page := father.get("/studio/workshop"); !strings.Contains(page.body, `href="/studio/helpers"`) {
		t.Error("the workshop's page does not lead to the helpers")
	}
	link, _ := father.offer("/studio/helpers")
	for name, form := range map[string]url.Values{"no name": {"phone": {"0611223344"}, "password": {"my own blue door"}},
		"no phone": {"person": {"Salma"}, "phone": {"call me"}, "password": {"my own blue door"}}, "a short password": {"person": {"Salma"}, "phone": {"0611223344"}, "password": {"short"}},
		"the father's number": {"person": {"Salma"}, "phone": {one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'jaouad-benallal'`)}, "password": {"my own blue door"}}} {
		if got := m.visitor(t).post(link, form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("a helper with %s = %d, want 422 with what is wrong", name, got.status)
		}
	}
	salma := m.newHelperOf(t, link, "Salma", "06 11 22 33 44")
	if got := m.visitor(t).get(link); got.status != http.StatusNotFound {
		t.Errorf("the link opens twice: %d", got.status)
	}
	if page := salma.get("/studio/pieces"); page.status != http.StatusOK || !strings.Contains(page.body, "studio-for") || !strings.Contains(page.body, "Salma") || !strings.Contains(page.body, "Jaouad") {
		t.Errorf("the helper's page = %d, and must say for whom and by whom", page.status)
	}
	if page := father.get("/studio/pieces"); strings.Contains(page.body, "studio-for") {
		t.Error("the artisan's own page speaks of a helper")
	}

	// Each act is on record with both names, and with the request's.
	const ofHelper = `
		SELECT count(*) FROM audit u JOIN accounts a ON a.id = u.account_id
		WHERE a.name = 'Salma' AND u.on_behalf = 'jaouad-benallal' AND u.request_id <> '' AND u.action = $1`
	acts := 0
	for path, form := range map[string]url.Values{"/studio/variants/KIS-0011": {"price": {"2300"}, "on_hand": {"3"}}, "/studio/workshop/phone": {"phone": {"show"}},
		"/studio/pieces/kilim-blue-steps/withdrawal": nil, "/studio/drafts": nil} {
		if got := salma.post(path, form); got.status != http.StatusSeeOther {
			t.Errorf("the helper at %s = %d\n%s", path, got.status, tail(got.body, 300))
		}
		acts++
		if n := one[int](t, m, ofHelper, "helping.acted"); n != acts {
			t.Errorf("after %s, %d acts are on record, want %d", path, n, acts)
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM variant_changes c JOIN accounts a ON a.id = c.account_id WHERE a.name = 'Salma'`); n != 1 {
		t.Errorf("%d changes of price are the helper's, want 1", n)
	}
	if got := salma.post("/studio/variants/KIS-0011", url.Values{"price": {"-4"}, "on_hand": {"3"}}); got.status != 422 {
		t.Errorf("a wrong price by a helper = %d, want 422", got.status)
	}
	if got := salma.post("/studio/variants/KIS-0024-RED", url.Values{"price": {"100"}, "on_hand": {"3"}}); got.status != http.StatusNotFound {
		t.Errorf("a helper changes another workshop's piece: %d, want 404", got.status)
	}
	if n := one[int](t, m, ofHelper, "helping.acted"); n != acts {
		t.Errorf("what was refused is on record as done: %d acts, want %d", n, acts)
	}
	if page := m.staff(t).get("/admin/audit?for=jaouad-benallal"); strings.Count(page.body, "Salma") < acts {
		t.Error("the office's audit does not show what the helper did for the artisan")
	}

	// Shut doors.
	for _, path := range []string{"/studio/helpers", "/admin/orders", "/admin/queue"} {
		if got := salma.get(path); got.status != http.StatusNotFound && got.status != http.StatusForbidden {
			t.Errorf("a helper opens %s: %d", path, got.status)
		}
	}
	if got := salma.post("/studio/helpers", nil); got.status != http.StatusNotFound {
		t.Errorf("a helper makes helpers: %d, want 404", got.status)
	}
	ref := one[string](t, m, `SELECT ref::text FROM helpings`)
	stranger := m.comeIn(t, "saadia-ghomari")
	for _, path := range []string{"/studio/helpers/" + ref + "/end", "/studio/for/" + ref + "/end", "/studio/helpers/" + ref + "/confirmation", "/studio/helpers/x'/end"} {
		if got := stranger.post(path, nil); got.status != http.StatusNotFound {
			t.Errorf("a stranger at %s = %d, want 404", path, got.status)
		}
	}
	if got := stranger.post("/studio/for/choose", url.Values{"slug": {"jaouad-benallal"}}); got.status != http.StatusNotFound {
		t.Errorf("a stranger works for the artisan: %d, want 404", got.status)
	}

	if got := father.post("/studio/helpers/"+ref+"/end", nil); got.status != http.StatusSeeOther {
		t.Fatalf("ending it = %d", got.status)
	}
	if got := salma.post("/studio/variants/KIS-0011", url.Values{"price": {"1"}, "on_hand": {"0"}}); got.location != "/studio/for" {
		t.Errorf("after the end the helper still acts: %d to %q", got.status, got.location)
	}
	if got := one[int64](t, m, `SELECT price_minor FROM variants WHERE sku = 'KIS-0011'`); got != 2300_00 {
		t.Errorf("the price is %d", got)
	}
	for _, action := range []string{"helping.offered", "helping.begun", "helping.ended"} {
		if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = $1 AND subject = 'artisan:jaouad-benallal'`, action); n != 1 {
			t.Errorf("the audit has %s %d times, want once", action, n)
		}
	}
}

// One helper, three makers: by a link, by the digits from the counter, and by
// asking. What is meant for one is never done for another.
func TestHelperSaysForWhom(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	jaouad := m.comeIn(t, "jaouad-benallal")
	link, _ := jaouad.offer("/studio/helpers")
	helper := m.newHelperOf(t, link, "Salma", "0611223344")

	// At the counter, for someone who never came in by phone.
	staff := m.staff(t)
	_, code := staff.offer("/admin/artisans/saadia-ghomari/helper")
	phone := one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'saadia-ghomari'`)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	for name, form := range map[string]url.Values{"other digits": {"artisan": {phone}, "digits": {wrong}}, "another number": {"artisan": {"0600000000"}, "digits": {code}}, "nothing": {}} {
		if got := helper.post("/studio/for", form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("a code with %s = %d, want 422", name, got.status)
		}
	}
	if got := helper.post("/studio/for", url.Values{"artisan": {phone}, "digits": {code}}); got.location != "/studio" {
		t.Fatalf("the counter's code = %d to %q", got.status, got.location)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit u JOIN accounts a ON a.id = u.account_id
		WHERE u.action = 'helping.offered' AND u.subject = 'artisan:saadia-ghomari' AND a.email = 'admin@kissaria.example'`); n != 1 {
		t.Errorf("the counter's code is in the audit %d times, want once", n)
	}
	if how := one[string](t, m, `SELECT confirmed_how FROM helpings h JOIN artisans a ON a.id = h.artisan_id WHERE a.slug = 'saadia-ghomari'`); how != "office" {
		t.Errorf("it was confirmed by %q, want office", how)
	}
	if page := staff.get("/admin/artisans/saadia-ghomari"); !strings.Contains(page.body, "Salma") {
		t.Error("the register does not say who helps")
	}

	// Asked, and answered on the artisan's phone.
	rqia := m.comeIn(t, "rqia-el-hmidi")
	if got := helper.post("/studio/for/ask", url.Values{"ask": {one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'rqia-el-hmidi'`)}}); got.location != "/studio/for?asked=1" {
		t.Fatalf("asking = %d to %q", got.status, got.location)
	}
	if got := helper.post("/studio/for/ask", url.Values{"ask": {"06 99 99 99 99"}}); got.location != "/studio/for?asked=1" {
		t.Errorf("asking a number that is nobody's tells so: %d to %q", got.status, got.location)
	}
	if got := helper.post("/studio/for/choose", url.Values{"slug": {"rqia-el-hmidi"}}); got.status != http.StatusNotFound {
		t.Errorf("working before the yes = %d, want 404", got.status)
	}
	if home := rqia.get("/studio"); !strings.Contains(home.body, "Salma") {
		t.Error("the artisan is not told that someone asks")
	}
	ref := one[string](t, m, `SELECT h.ref::text FROM helpings h JOIN artisans a ON a.id = h.artisan_id WHERE a.slug = 'rqia-el-hmidi'`)
	if page := rqia.get("/studio/helpers"); !strings.Contains(page.body, ref+"/confirmation") {
		t.Error("the artisan finds no yes to say")
	}
	if got := helper.post("/studio/helpers/"+ref+"/confirmation", nil); got.status != http.StatusNotFound {
		t.Errorf("the helper says yes in the artisan's place: %d, want 404", got.status)
	}
	if got := rqia.post("/studio/helpers/"+ref+"/confirmation", nil); got.status != http.StatusSeeOther {
		t.Fatalf("yes = %d", got.status)
	}

	for slug, sku := range map[string]string{"jaouad-benallal": "KIS-0011", "rqia-el-hmidi": ""} {
		if got := helper.post("/studio/for/choose", url.Values{"slug": {slug}}); got.location != "/studio" {
			t.Fatalf("working for %s = %d", slug, got.status)
		}
		want := http.StatusNotFound
		if sku != "" {
			want = http.StatusSeeOther
		}
		if got := helper.post("/studio/variants/KIS-0011", url.Values{"price": {"2000"}, "on_hand": {"1"}}); got.status != want {
			t.Errorf("changing KIS-0011 for %s = %d, want %d", slug, got.status, want)
		}
	}
	// On another phone nothing is chosen, and nothing is guessed.
	other := m.visitor(t)
	if got := other.post("/ar/sign-in", url.Values{"email": {"0611223344"}, "password": {"my own blue door"}}); got.location != "/studio" {
		t.Fatalf("the helper signs in = %d to %q", got.status, got.location)
	}
	if got := other.get("/studio"); got.location != "/studio/for" {
		t.Errorf("with three to help, the studio = %d to %q, want the question for whom", got.status, got.location)
	}
	if got := other.get("/studio/for"); got.status != http.StatusOK || strings.Count(got.body, `value="`) < 3 {
		t.Errorf("for whom = %d", got.status)
	}
	if got := helper.post("/studio/for/"+ref+"/end", nil); got.status != http.StatusSeeOther {
		t.Errorf("the helper ends it = %d", got.status)
	}
	if got := rqia.get("/studio/helpers"); strings.Contains(got.body, "Salma") {
		t.Error("who has stopped helping is still there")
	}
	m.site.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	link, _ = jaouad.offer("/studio/helpers")
	m.site.Now = func() time.Time { return time.Now().Add(4 * time.Hour) }
	if got := helper.get(link); got.status != http.StatusNotFound {
		t.Errorf("a link of two hours ago = %d, want 404", got.status)
	}
}

// Whoever helps a workshop does not judge its pieces.
func TestHelperDoesNotJudgeWhatTheyHelpWith(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	jaouad, chair := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari")
	base := jaouad.list("cushion")
	jaouad.post(base+"look", nil)
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted'`)
	if queue := chair.get("/admin/queue"); !strings.Contains(queue.body, slug) {
		t.Fatal("the piece does not wait for the chair")
	}
	link, _ := jaouad.offer("/studio/helpers")
	if got := chair.post(link, nil); got.location != "/studio" {
		t.Fatalf("the chair helps = %d to %q", got.status, got.location)
	}
	if queue := chair.get("/admin/queue"); strings.Contains(queue.body, slug) {
		t.Error("the piece still waits for the chair, who helps its maker")
	}
	if got := chair.post("/admin/queue/"+slug+"/1/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusForbidden {
		t.Errorf("the chair approves what the chair helps with: %d, want 403", got.status)
	}
}
