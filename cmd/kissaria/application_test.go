package main

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kissaria.ma/internal/membership"
)

// applicant is what a weaver writes who asks to become a member.
func applicant(phone string) url.Values {
	return url.Values{"name": {"Hafida Ouazzani"}, "name_ar": {"حفيظة الوزاني"}, "trade": {"wool-weaving"}, "quarter": {"souika"}, "phone": {phone},
		"workshop": {"Derb Souika, blue door"}, "years": {"١٢"}, "vouchers": {"Zoubida"}, "about": {"Blankets & <b>shawls</b>"}, "consent": {"yes"}}
}

func TestApplicationGoesThroughItsCommittee(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	v := m.visitor(t)
	if got := v.get("/ar/join"); got.status != http.StatusOK || !strings.Contains(m.visitor(t).get("/en/union").body, `href="/en/join"`) {
		t.Fatalf("the form = %d, and is led to", got.status)
	}
	for name, change := range map[string][2]string{"no phone": {"phone", ""}, "a word for a phone": {"phone", "call me"}, "no consent": {"consent", ""}, "no trade": {"trade", "magic"},
		"no workshop": {"workshop", ""}, "an age": {"years", "900"}, "a letter for years": {"years", "x"}, "half an address": {"email", "me@"}, "a novel": {"about", strings.Repeat("a", 1001)}} {
		form := applicant("0611000000")
		form.Set(change[0], change[1])
		got := v.post("/en/join", form)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="`+change[0]+`-wrong"`) || !strings.Contains(got.body, `value="Hafida Ouazzani"`) {
			t.Errorf("%s = %d, want 422 beside the field, and all kept\n%s", name, got.status, wrongs(got.body))
		}
	}
	nameless := applicant("0611000000")
	nameless.Set("name", "")
	nameless.Set("name_ar", "")
	if got := m.visitor(t).post("/en/join", nameless); got.status != http.StatusUnprocessableEntity && got.status != http.StatusTooManyRequests {
		t.Errorf("nobody = %d", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM applications`); n != 0 {
		t.Fatalf("%d applications were kept of those", n)
	}
}

// apply sends an application, and returns its name in addresses.
func (m *market) apply(t *testing.T, phone string) string {
	t.Helper()
	if got := m.visitor(t).post("/fr/join", applicant(phone)); got.status != http.StatusSeeOther {
		t.Fatalf("applying = %d\n%s", got.status, wrongs(got.body))
	}
	return one[string](t, m, `SELECT ref::text FROM applications WHERE phone = '+212' || substr($1, 2) ORDER BY id DESC LIMIT 1`, phone)
}

func TestCommitteeAcceptsANewMember(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	ref := m.apply(t, "0611000001")
	// Again, and of someone who is a member: the answer is the same.
	m.apply(t, "0611000001")
	if got := m.visitor(t).post("/en/join", applicant(one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'jaouad-benallal'`))); got.status != http.StatusSeeOther {
		t.Errorf("a member applies = %d, want the same answer as everyone", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM applications`); n != 1 {
		t.Errorf("%d applications, want 1", n)
	}
	path := "/admin/applications/" + ref
	weaver, other := m.comeIn(t, "zoubida-ajaraai"), m.comeIn(t, "saadia-ghomari")
	page := weaver.get(path)
	if page.status != http.StatusOK || !strings.Contains(page.body, "Blankets &amp; &lt;b&gt;shawls&lt;/b&gt;") || !strings.Contains(weaver.get("/admin/applications").body, path) {
		t.Fatalf("the committee sees it = %d", page.status)
	}
	if got := weaver.post(path, url.Values{"vote": {"no"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a no without a why = %d, want 422", got.status)
	}
	if got := weaver.post(path, url.Values{"vote": {"perhaps"}}); got.status != http.StatusBadRequest {
		t.Errorf("perhaps = %d, want 400", got.status)
	}
	if got := weaver.post(path, url.Values{"vote": {"yes"}}); got.status != http.StatusSeeOther {
		t.Fatalf("a yes = %d", got.status)
	}
	if got := weaver.post(path, url.Values{"vote": {"yes"}}); got.status != http.StatusConflict {
		t.Errorf("a second yes of the same = %d, want 409", got.status)
	}
	if got := other.post(path, url.Values{"vote": {"yes"}}); got.status != http.StatusSeeOther {
		t.Fatalf("the second yes = %d", got.status)
	}
	slug := one[string](t, m, `SELECT a.slug FROM artisans a JOIN applications p ON p.artisan_id = a.id WHERE p.state = 'accepted'`)
	staff := m.staff(t)
	if got := staff.get(path); !strings.Contains(got.body, "/admin/artisans/"+slug) || !strings.Contains(got.body, "wa.me") {
		t.Error("the office is not led to the new member, or cannot tell them")
	}
	if got := staff.post("/admin/artisans/"+slug+"/invitation", nil); got.status != http.StatusOK || !strings.Contains(got.body, "/studio/welcome/") {
		t.Errorf("inviting the new member = %d", got.status)
	}
	if got := staff.post(path, url.Values{"vote": {"no"}, "words": {"late"}}); got.status != http.StatusConflict {
		t.Errorf("voting on what is decided = %d, want 409", got.status)
	}
	for action, want := range map[string]int{"application.sent": 1, "application.voted_yes": 2, "application.accepted": 1} {
		if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = $1`, action); n != want {
			t.Errorf("%d times %s in the audit, want %d", n, action, want)
		}
	}
	// Nobody else's committee.
	potter := m.comeIn(t, one[string](t, m, `
		SELECT a.slug FROM committee_members m JOIN artisans a ON a.id = m.artisan_id JOIN committees c ON c.id = m.committee_id
		WHERE c.slug NOT IN ('weaving') AND a.state = 'active' AND a.phone <> '' ORDER BY a.slug LIMIT 1`))
	if got := potter.get(path); got.status != http.StatusNotFound && got.status != http.StatusForbidden {
		t.Errorf("another committee = %d, want 404", got.status)
	}
}

// Many vote at once, and one member comes of it.
func TestApplicationIsDecidedOnce(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	ref := m.apply(t, "0611000002")
	voters := []*visitor{m.comeIn(t, "zoubida-ajaraai"), m.comeIn(t, "saadia-ghomari"), m.staff(t)}
	var wait sync.WaitGroup
	for _, v := range voters {
		for range 3 {
			wait.Go(func() { v.post("/admin/applications/"+ref, url.Values{"vote": {"yes"}}) })
		}
	}
	wait.Wait()
	if n := one[int](t, m, `SELECT count(*) FROM artisans WHERE name = 'Hafida Ouazzani'`); n != 1 {
		t.Errorf("%d members came of one application", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM application_votes`); n > 3 {
		t.Errorf("%d votes of three", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'application.accepted'`); n != 1 {
		t.Errorf("it was accepted %d times", n)
	}
}

// What a refused applicant wrote goes after half a year; that there was one stays.
func TestRefusedApplicationIsErased(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	ref := m.apply(t, "0611000003")
	for _, v := range []*visitor{m.comeIn(t, "zoubida-ajaraai"), m.comeIn(t, "saadia-ghomari")} {
		v.post("/admin/applications/"+ref, url.Values{"vote": {"no"}, "words": {"Come and show us a piece first."}})
	}
	if s := one[string](t, m, `SELECT state FROM applications`); s != "refused" {
		t.Fatalf("it is %s", s)
	}
	if n, err := membership.Erase(t.Context(), m.pool, time.Now()); n != 0 || err != nil {
		t.Errorf("%d erased at once, %v", n, err)
	}
	for want := range 2 {
		n, err := membership.Erase(t.Context(), m.pool, time.Now().Add(membership.KeepRefused+time.Hour))
		if n != 1-want || err != nil {
			t.Errorf("%d erased, %v; want %d", n, err, 1-want)
		}
	}
	page := m.staff(t).get("/admin/applications/" + ref)
	if page.status != http.StatusOK || strings.Contains(page.body, "Hafida") || strings.Contains(page.body, "611000003") {
		t.Errorf("the erased one = %d, and says nothing of the person", page.status)
	}
	if got := m.staff(t).get("/admin/applications?state=refused&q=hafida"); got.status != http.StatusOK {
		t.Errorf("the list = %d", got.status)
	}
}
