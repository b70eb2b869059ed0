package main

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sendFile sends a file as a form does.
func (v *visitor) sendFile(path, field, name string, content []byte) answer {
	v.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile(field, name)
	if err != nil {
		v.t.Fatal(err)
	}
	if _, err := part.Write(content); err != nil {
		v.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		v.t.Fatal(err)
	}
	return v.send(http.MethodPost, path, &body, func(r *http.Request) { r.Header.Set("Content-Type", w.FormDataContentType()) })
}

// twenty is a spreadsheet of twenty members.
func twenty() []byte {
	var b bytes.Buffer
	b.WriteString("\ufeffNom;Métier;Quartier;Téléphone;Langues;Années;Adhésion;الاسم بالعربية\r\n")
	for i := range 20 {
		fmt.Fprintf(&b, "Éxample Nümber %d;pottery;souika;06 11 22 33 %02d;ar, fr;%d;31/01/2026;مثال\r\n", i, i, i)
	}
	return b.Bytes()
}

func TestMembersAreImported(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	office := m.visitor(t)
	office.signIn("admin@kissaria.example", "demo-admin-2026")
	office.post("/en/language", nil)
	count := func() int { return one[int](t, m, `SELECT count(*) FROM artisans`) }
	before := count()

	pattern := office.get("/admin/artisans/import.csv")
	if pattern.status != http.StatusOK || !strings.Contains(pattern.body, "name;name_ar;trade;quarter;phone") {
		t.Fatalf("the pattern = %d\n%s", pattern.status, pattern.body)
	}
	sent := office.sendFile("/admin/artisans/import", "file", `C:\Users\union\membres.csv`, twenty())
	if sent.status != http.StatusSeeOther || count() != before {
		t.Fatalf("sending twenty = %d, and %d members more\n%s", sent.status, count()-before, tail(sent.body, 600))
	}
	dry := office.get(sent.location)
	if !strings.Contains(dry.body, "20 members would be added.") || !strings.Contains(dry.body, "<bdi>membres.csv</bdi>") {
		t.Errorf("the dry run does not say what would happen\n%s", tail(dry.body, 1500))
	}
	// Nobody else's import can be seen, or begun.
	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	if got := treasurer.get(sent.location); got.status != http.StatusForbidden && got.status != http.StatusNotFound {
		t.Errorf("someone else sees the import: %d", got.status)
	}
	for range 2 { // Twice is once.
		if got := office.post(sent.location, nil); got.status != http.StatusSeeOther {
			t.Fatalf("importing = %d\n%s", got.status, tail(got.body, 400))
		}
	}
	if n := count() - before; n != 20 {
		t.Errorf("%d members were added, want 20", n)
	}
	got := one[string](t, m, `
		SELECT concat_ws(' ', a.slug, a.state, t.slug, a.phone, a.years_of_craft, a.joined, a.speaks) FROM artisans a JOIN trades t ON t.id = a.trade_id WHERE a.phone LIKE '%2233%' ORDER BY a.id LIMIT 1`)
	if want := "example-number-0 invited pottery +212611223300 0 2026-01-31 {ar,fr}"; got != want {
		t.Errorf("the first is %q, want %q", got, want)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'artisan.imported'`); n != 20 {
		t.Errorf("the audit has %d of them", n)
	}
	if list := office.get("/admin/artisans?state=invited&quarter=souika"); strings.Count(list.body, "/admin/artisans/example-number-") != 20 {
		t.Error("the register does not show them as narrowed")
	}
	if shop := m.visitor(t).get("/en/artisans/example-number-0"); shop.status != http.StatusNotFound {
		t.Errorf("buyers see who has not come in yet: %d", shop.status)
	}
	// Once more, all are there already.
	again := office.get(office.sendFile("/admin/artisans/import", "file", "again.csv", twenty()).location)
	if strings.Count(again.body, "is in the register already") != 20 || strings.Contains(again.body, "Add these") {
		t.Error("the same file once more would add someone")
	}
	// And one of them comes in.
	link := m.invite(t, "example-number-3")
	if got := m.visitor(t).get(link); got.status != http.StatusOK || !strings.Contains(got.body, "Éxample Nümber 3") {
		t.Errorf("the invitation of an imported member = %d", got.status)
	}
	if csv := office.get("/admin/artisans.csv?state=invited"); csv.status != http.StatusOK || strings.Count(csv.body, "\r\n") != 21 || !strings.Contains(csv.body, "'+212611223300") {
		t.Errorf("the register as a table = %d, %d lines", csv.status, strings.Count(csv.body, "\r\n"))
	}
}

// Whatever is wrong with a spreadsheet is said, by line where it can be, and
// nothing is imported.
func TestFaultySpreadsheetsAreRefused(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	office := m.visitor(t)
	office.signIn("admin@kissaria.example", "demo-admin-2026")
	office.post("/en/language", nil)
	before := one[int](t, m, `SELECT count(*) FROM artisans`)
	const head = "name,trade,quarter,phone,email,years\n"
	for name, tt := range map[string]struct{ content, want string }{
		"nothing":              {"", "Choose a file"},
		"only a head":          {head, "Choose a file"},
		"another encoding":     {"name,trade,quarter,phone\nJos\xe9,pottery,souika,0600000000\n", "not UTF-8"},
		"two bytes a letter":   {"n\x00a\x00m\x00e\x00", "not UTF-8"},
		"a megabyte in a cell": {head + strings.Repeat("x", 1<<20) + ",pottery,souika,0600000000,,\n", "too large"},
		"a missing column":     {"name,trade,phone\nA,pottery,0600000000\n", "missing: quarter"},
		"an open quote":        {head + "\"A,pottery,souika,0600000000,,\nB,pottery,souika,0600000001,,\n", "does not close"},
	} {
		if got := office.sendFile("/admin/artisans/import", "file", "m.csv", []byte(tt.content)); got.status != 422 || !strings.Contains(got.body, tt.want) {
			t.Errorf("%s = %d, want 422 with %q\n%s", name, got.status, tt.want, tail(got.body, 700))
		}
	}
	if got := office.sendFile("/admin/artisans/import", "file", "m.csv", make([]byte, 5<<20)); got.status != 422 {
		t.Errorf("five megabytes = %d, want 422", got.status)
	}
	for name, tt := range map[string]struct{ line, want string }{
		"a formula":          {"=1+1,pottery,souika,0600000009,,", "begins like a formula"},
		"a full-width one":   {"＝cmd,pottery,souika,0600000009,,", "begins like a formula"},
		"no name":            {",pottery,souika,0600000009,,", "The name is missing."},
		"no such trade":      {"A,juggling,souika,0600000009,,", "no trade “juggling”"},
		"no such quarter":    {"A,pottery,Atlantis,0600000009,,", "no quarter “Atlantis”"},
		"no phone":           {"A,pottery,souika,call me,,", "“call me” is no phone number"},
		"no way in":          {"A,pottery,souika,,,", "needed to come in"},
		"no address":         {"A,pottery,souika,,nobody,", "no e-mail address"},
		"too many years":     {"A,pottery,souika,0600000009,,900", "no number of years"},
		"a name of an essay": {strings.Repeat("a", 301) + ",pottery,souika,0600000009,,", "300 characters at most"},
		"twice the same":     {"A,pottery,souika,0600000001,,", "stands in line 2 already"},
	} {
		sent := office.sendFile("/admin/artisans/import", "file", "m.csv", []byte(head+"Right One,pottery,souika,0600000001,,\n"+tt.line+"\n"))
		dry := office.get(sent.location)
		if sent.status != http.StatusSeeOther || !strings.Contains(dry.body, tt.want) || strings.Contains(dry.body, "Add this") {
			t.Errorf("%s = %d, want %q beside its line\n%s", name, sent.status, tt.want, tail(dry.body, 900))
		}
		if got := office.post(sent.location, nil); got.location != sent.location {
			t.Errorf("%s is imported all the same: %d %s", name, got.status, got.location)
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM artisans`); n != before {
		t.Errorf("%d members were added", n-before)
	}
}

// Several members are invited at once: first it is said who, and each way in
// works.
func TestSeveralMembersAreInvited(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	sent := staff.sendFile("/admin/artisans/import", "file", "m.csv", twenty())
	staff.post(sent.location, nil)
	slugs := m.slugs(t, `SELECT slug FROM artisans WHERE name LIKE 'Éxample%' ORDER BY slug`)
	if len(slugs) != 20 {
		t.Fatalf("%d members were imported", len(slugs))
	}
	if page := staff.get("/admin/artisans?q=N%C3%BCmber"); strings.Count(page.body, `name="member.`) != 20 {
		t.Errorf("%d of 20 can be ticked", strings.Count(page.body, `name="member.`))
	}
	form := url.Values{"member.jaouad-benallal": {"yes"}, "member.nobody": {"yes"}, "member.'; DROP": {"yes"}}
	for _, s := range slugs[:3] {
		form.Set("member."+s, "yes")
	}
	m.comeIn(t, "jaouad-benallal")
	before := one[int](t, m, `SELECT count(*) FROM invitations`)
	ask := staff.post("/admin/artisans/invitations", form)
	if ask.status != http.StatusOK || strings.Count(ask.body, `type="hidden" name="member.`) != 3 || one[int](t, m, `SELECT count(*) FROM invitations`) != before {
		t.Fatalf("asking = %d, and nothing is done before it is sure", ask.status)
	}
	form.Set("sure", "1")
	done := staff.post("/admin/artisans/invitations", form)
	links := regexp.MustCompile(`/studio/welcome/[a-z0-9]+`).FindAllString(done.body, -1)
	slices.Sort(links)
	links = slices.Compact(links)
	if done.status != http.StatusOK || len(links) != 3 || strings.Count(done.body, "wa.me") != 3 {
		t.Fatalf("inviting three = %d with %v", done.status, links)
	}
	for _, link := range links {
		if got := m.visitor(t).get(link); got.status != http.StatusOK {
			t.Errorf("%s = %d", link, got.status)
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'artisan.invited' AND subject LIKE 'artisan:example-%'`); n != 3 {
		t.Errorf("%d invitations are in the audit", n)
	}
	if got := staff.post("/admin/artisans/invitations", nil); got.status != http.StatusOK || strings.Contains(got.body, "welcome") {
		t.Errorf("nobody ticked = %d", got.status)
	}
}
