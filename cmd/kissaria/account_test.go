package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// on sets the browser that a visitor comes with.
func (v *visitor) on(agent string) *visitor {
	v.agent = agent
	return v
}

const (
	android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
	windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
)

var endsSession = regexp.MustCompile(`action="(/account/sessions/[0-9a-f]{32}/end)"`)

// Someone sees where they are signed in, in plain words, and signs out there.
func TestSessionsAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	var devices []*visitor
	for _, agent := range []string{android, windows, "curl/8"} {
		v := m.visitor(t).on(agent)
		v.signIn("admin@kissaria.example", "demo-admin-2026")
		devices = append(devices, v)
	}
	phone := devices[0]
	page := phone.get("/account/sessions")
	for _, want := range []string{"Chrome", "Android", "Firefox", "Windows"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the list of devices lacks %q", want)
		}
	}
	ends := endsSession.FindAllStringSubmatch(page.body, -1)
	if page.status != http.StatusOK || len(ends) != 2 || strings.Contains(page.body, "127.0.0.1:") && strings.Contains(page.body, "::1") {
		t.Fatalf("the list of devices = %d with %d others, want 2", page.status, len(ends))
	}
	if got := phone.get("/account"); got.location != "/account/sessions" {
		t.Errorf("/account leads to %q", got.location)
	}
	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	if got := treasurer.post(ends[0][1], nil); got.status != http.StatusNotFound {
		t.Errorf("ending someone else's session = %d, want 404", got.status)
	}
	if got := phone.post(ends[0][1], nil); got.status != http.StatusSeeOther {
		t.Fatalf("ending one session = %d", got.status)
	}
	in := func() (n int) {
		for _, v := range devices {
			if v.get("/admin/orders").status == http.StatusOK {
				n++
			}
		}
		return n
	}
	if n := in(); n != 2 {
		t.Errorf("%d devices are signed in, want 2", n)
	}
	phone.post("/account/sessions/end", nil)
	if n := in(); n != 1 || phone.get("/admin/orders").status != http.StatusOK {
		t.Errorf("%d devices are signed in, want the one that asked", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'account.signed_out' AND request_id <> ''`); n != 2 {
		t.Errorf("the audit has %d of two sign-outs", n)
	}
	if got := m.visitor(t).get("/account/sessions"); got.location != "/en/sign-in?next=%2Faccount%2Fsessions" {
		t.Errorf("signed out, the list leads to %q", got.location)
	}
}

// A session that the program before this one began is still good.
func TestSessionOfAnOlderProgramGoesOn(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.staff(t)
	keys, err := m.redis.SMembers(t.Context(), m.config.RedisPrefix+"sessions:"+one[string](t, m, `SELECT id::text FROM accounts WHERE email = 'admin@kissaria.example'`)).Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d sessions, %v", len(keys), err)
	}
	for _, key := range keys {
		if err := m.redis.SetXX(t.Context(), key, one[string](t, m, `SELECT id || ' 43200' FROM accounts WHERE email = 'admin@kissaria.example'`), time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if got := v.get("/admin/orders"); got.status != http.StatusOK {
		t.Errorf("an older session = %d", got.status)
	}
	if got := v.get("/account/sessions"); got.status != http.StatusOK {
		t.Errorf("the list with an older session = %d", got.status)
	}
}

var (
	shownSecret = regexp.MustCompile(`<b class="studio-secret"><bdi[^>]*>((?:[A-Z2-7]{4} ?)+)</bdi></b>`)
	shownCode   = regexp.MustCompile(`<li><bdi[^>]*>([a-z2-7]{5}-[a-z2-7]{5})</bdi></li>`)
)

// strict is a market that does not let its staff in by the password alone.
func strict(c *Config) { c.SecondFactor = "required" }

// codeAt is what the app on the phone shows.
func codeAt(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// setUp signs someone in who has no second step yet, sets one up, and returns
// the secret and the codes for paper.
func (v *visitor) setUp(name, password string) (secret string, codes []string) {
	v.t.Helper()
	got := v.post("/en/sign-in", url.Values{"email": {name}, "password": {password}, "next": {"/admin/artisans"}})
	for range 2 {
		if !strings.HasPrefix(got.location, "/account/") {
			v.t.Fatalf("signing in without a second step = %d to %q, want the way to set it up", got.status, got.location)
		}
		if got.location != "/account/step?next=%2Fadmin%2Fartisans" {
			break
		}
		got = v.get(got.location)
	}
	page := v.get(got.location)
	found := shownSecret.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || found == nil || !strings.Contains(page.body, `<svg class="qr"`) {
		v.t.Fatalf("setting up = %d, want a code to scan and the secret in letters\n%s", page.status, tail(page.body, 900))
	}
	secret = strings.ReplaceAll(found[1], " ", "")
	if wrong := v.post("/account/second-factor/new", url.Values{"code": {"12"}}); wrong.status != http.StatusUnprocessableEntity {
		v.t.Errorf("a wrong first code = %d, want 422", wrong.status)
	}
	done := v.post("/account/second-factor/new", url.Values{"code": {codeAt(v.t, secret, v.market.site.Now())}, "next": {"/admin/artisans"}})
	for _, c := range shownCode.FindAllStringSubmatch(done.body, -1) {
		codes = append(codes, c[1])
	}
	if done.status != http.StatusOK || len(codes) != 10 || !strings.Contains(done.body, `href="/admin/artisans"`) {
		v.t.Fatalf("setting up = %d with %d recovery codes, want 10\n%s", done.status, len(codes), tail(done.body, 600))
	}
	return secret, codes
}

// Staff set up a second step before they see anything else, and need it from
// then on; each code opens once.
func TestStaffSignInWithASecondStep(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true}, strict)
	v := m.visitor(t)
	v.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"demo-admin-2026"}})
	for _, path := range []string{"/admin", "/admin/orders", "/account/sessions", "/studio", "/studio/for"} {
		if got := v.get(path); !strings.HasPrefix(got.location, "/en/sign-in") {
			t.Errorf("half signed in, %s = %d to %q", path, got.status, got.location)
		}
	}
	begin := time.Now()
	m.site.Now = func() time.Time { return begin }
	secret, codes := v.setUp("admin@kissaria.example", "demo-admin-2026")
	if got := v.get("/admin/orders"); got.status != http.StatusOK {
		t.Fatalf("after setting up, the office = %d", got.status)
	}
	for _, want := range []string{secret, codes[0]} {
		if n := one[int](t, m, `SELECT count(*) FROM second_factors f, recovery_codes r WHERE strpos(encode(f.secret, 'escape') || encode(r.code_hash, 'escape'), $1) > 0`, want); n != 0 {
			t.Errorf("the database holds %q as it is", want)
		}
	}

	// Anew: the password leads to the code, and nowhere else.
	enter := func(code string) (answer, *visitor) {
		t.Helper()
		v := m.visitor(t)
		got := v.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"demo-admin-2026"}, "next": {"/admin/artisans"}})
		if got.location != "/account/step?next=%2Fadmin%2Fartisans" {
			t.Fatalf("signing in = %d to %q, want the second step", got.status, got.location)
		}
		if page := v.get(got.location); page.status != http.StatusOK || !strings.Contains(page.body, "one-time-code") {
			t.Fatalf("the second step = %d", page.status)
		}
		if page := v.get("/account/second-factor/new"); page.status != http.StatusConflict {
			t.Errorf("half signed in, one can set the second step up anew: %d", page.status)
		}
		return v.post("/account/step", url.Values{"code": {code}, "next": {"/admin/artisans"}}), v
	}
	tests := []struct {
		name string
		code string
		at   time.Duration
		ok   bool
	}{
		{"the code that set it up", codeAt(t, secret, begin), 0, false},
		{"the next one, early", codeAt(t, secret, begin.Add(30*time.Second)), 0, true},
		{"the same again", codeAt(t, secret, begin.Add(30*time.Second)), 0, false},
		{"one of a minute later", codeAt(t, secret, begin.Add(10*time.Minute+60*time.Second)), 10 * time.Minute, false},
		{"one that has just gone", codeAt(t, secret, begin.Add(20*time.Minute-30*time.Second)), 20 * time.Minute, true},
		{"a recovery code", strings.ToUpper(codes[3]), 20 * time.Minute, true},
		{"the same recovery code", codes[3], 20 * time.Minute, false},
		{"nothing", "", 20 * time.Minute, false},
	}
	for _, tt := range tests {
		m.site.Now = func() time.Time { return begin.Add(tt.at) }
		if err := m.redis.Del(t.Context(), one2(m.redis.Keys(t.Context(), "*limit:*").Result())...).Err(); err != nil {
			t.Fatal(err)
		}
		got, v := enter(tt.code)
		office := v.get("/admin/orders")
		switch {
		case tt.ok && (got.location != "/admin/artisans" || office.status != http.StatusOK):
			t.Errorf("%s = %d to %q, and the office %d", tt.name, got.status, got.location, office.status)
		case !tt.ok && (got.status != http.StatusUnprocessableEntity || office.status != http.StatusSeeOther):
			t.Errorf("%s = %d, and the office %d; want 422 and the sign-in", tt.name, got.status, office.status)
		}
	}

	// Tries are counted.
	_, v = enter("000000")
	refused := false
	for range 10 {
		refused = refused || v.post("/account/step", url.Values{"code": {"000001"}}).status == http.StatusTooManyRequests
	}
	if !refused {
		t.Error("codes can be tried without end")
	}
	for _, action := range []string{"account.second_factor_set", "account.recovery_code_used"} {
		if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = $1`, action); n != 1 {
			t.Errorf("the audit has %s %d times, want once", action, n)
		}
	}
}

func one2(keys []string, _ error) []string { return append(keys, "nothing") }

// An artisan, and a committee member with a phone of their own, need no second
// step; and where it is offered, nobody is made to.
func TestSecondStepIsForTheOffice(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true}, strict)
	for name, password := range map[string]string{"+212600000103": "demo-committee-2026", "+212600000101": "demo-artisan-2026"} {
		v := m.visitor(t)
		v.post("/en/sign-in", url.Values{"email": {name}, "password": {password}})
		if got := v.get("/studio"); got.status != http.StatusOK {
			t.Errorf("%s in the studio = %d", name, got.status)
		}
	}
	offered := openMarket(t, roles{web: true})
	v := offered.staff(t)
	if page := offered.visitor(t).get("/en/sign-in"); !strings.Contains(page.body, "asks them for a second step") {
		t.Error("the demonstration does not say what it leaves out")
	}
	if got := v.get("/account/second-factor"); got.status != http.StatusOK || !strings.Contains(got.body, `data-state="off"`) {
		t.Errorf("the second step's page = %d", got.status)
	}
	now := time.Now()
	offered.site.Now = func() time.Time { return now }
	page := v.get("/account/second-factor/new")
	secret := strings.ReplaceAll(shownSecret.FindStringSubmatch(page.body)[1], " ", "")
	if again := v.get("/account/second-factor/new"); !strings.Contains(again.body, shownSecret.FindStringSubmatch(page.body)[1]) {
		t.Error("looking again makes another secret, and the app's is of no use")
	}
	v.post("/account/second-factor/new", url.Values{"code": {codeAt(t, secret, now)}})
	if got := v.get("/account/second-factor"); !strings.Contains(got.body, `data-state="on"`) {
		t.Error("the second step is not on")
	}
	now = now.Add(time.Minute)
	if got := v.post("/account/second-factor/codes", url.Values{"code": {codeAt(t, secret, now)}}); len(shownCode.FindAllString(got.body, -1)) != 10 {
		t.Errorf("new recovery codes = %d", got.status)
	}
	now = now.Add(time.Minute)
	if got := v.post("/account/second-factor/end", url.Values{"code": {"1"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("turning it off without a code = %d, want 422", got.status)
	}
	if got := v.post("/account/second-factor/end", url.Values{"code": {codeAt(t, secret, now)}}); got.status != http.StatusSeeOther {
		t.Errorf("turning it off = %d", got.status)
	}
	offered.staff(t) // Signs in with the password alone.
}

// Someone without the right is told whom to ask; someone signed out comes back
// to the same place.
func TestShutDoorsSayWhoOpensThem(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	if got := treasurer.get("/admin/audit"); got.status != http.StatusForbidden || !strings.Contains(got.body, "Amina Raissouni") {
		t.Errorf("the treasurer at the audit = %d, and must be told to ask Amina Raissouni", got.status)
	}
	if got := m.comeIn(t, "jaouad-benallal").get("/admin/orders"); got.status != http.StatusForbidden || !strings.Contains(got.body, "Amina Raissouni") {
		t.Errorf("an artisan at the office = %d, and must be told whom to ask", got.status)
	}
	v := m.visitor(t)
	got := v.get("/admin/orders?state=paid&q=x")
	next, ok := strings.CutPrefix(got.location, "/en/sign-in?next=")
	if !ok {
		t.Fatalf("signed out, the office leads to %q", got.location)
	}
	way, err := url.QueryUnescape(next)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"demo-admin-2026"}, "next": {way}}); got.location != "/admin/orders?state=paid&q=x" {
		t.Errorf("signing in leads to %q, want back to the same place", got.location)
	}
	if got := v.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"demo-admin-2026"}, "next": {"https://evil.example/"}}); strings.Contains(got.location, "evil") {
		t.Errorf("signing in leads away to %q", got.location)
	}
}
