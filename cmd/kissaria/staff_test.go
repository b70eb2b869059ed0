package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kissaria.ma/internal/mail"
)

var (
	accountLink   = regexp.MustCompile(`/account/welcome/([a-z2-7]{26})`)
	colleaguePath = regexp.MustCompile(`action="(/admin/staff/[0-9a-f-]{36})/roles"`)
)

// hire invites someone, and returns their page and the link's path.
func (v *visitor) hire(form url.Values) (path, link string) {
	v.t.Helper()
	page := v.post("/admin/staff", form)
	at, token := colleaguePath.FindStringSubmatch(page.body), accountLink.FindString(page.body)
	if page.status != http.StatusOK || at == nil || token == "" || !strings.Contains(page.body, `<svg class="qr"`) {
		v.t.Fatalf("inviting %v = %d, want a link and a code to scan\n%s", form, page.status, tail(page.body, 800))
	}
	return at[1], token
}

// The union invites an agent, changes what they may do, suspends them and lets
// them in again; everything is in the audit with before and after.
func TestStaffIsInvitedAndGivenRoles(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff := m.staff(t)
	for name, form := range map[string]url.Values{"no name": {"email": {"n@union.example"}, "role": {"agent"}}, "no way to sign in": {"name": {"Nadia"}, "role": {"agent"}},
		"no role": {"name": {"Nadia"}, "email": {"n@union.example"}}, "a made-up role": {"name": {"Nadia"}, "email": {"n@union.example"}, "role": {"king"}},
		"an odd address": {"name": {"Nadia"}, "email": {"n@"}, "role": {"agent"}}, "a taken one": {"name": {"Nadia"}, "email": {"Admin@kissaria.example"}, "role": {"agent"}},
		"an odd number": {"name": {"Nadia"}, "phone": {"call me"}, "role": {"agent"}}, "a taken number": {"name": {"Nadia"}, "phone": {"0600000103"}, "role": {"agent"}}} {
		if got := staff.post("/admin/staff", form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("inviting with %s = %d, want 422 with what is wrong", name, got.status)
		} else if form.Get("name") != "" && !strings.Contains(got.body, `value="Nadia"`) {
			t.Errorf("inviting with %s loses what was typed", name)
		}
	}
	path, link := staff.hire(url.Values{"name": {"Nadia"}, "email": {"nadia@union.example"}, "phone": {"0612121212"}, "role": {"agent"}, "language": {"es"}})
	letters, err := mail.Latest(t.Context(), m.pool, 1)
	if err != nil || len(letters) != 1 || letters[0].To != "nadia@union.example" || letters[0].Language != "es" || !strings.Contains(letters[0].Text, link) {
		t.Errorf("the letter %+v, %v does not bring the link", letters, err)
	}

	nadia := m.visitor(t)
	if got := nadia.get(link); got.status != http.StatusOK || !strings.Contains(got.body, "Nadia") {
		t.Fatalf("the invitation = %d", got.status)
	}
	if got := nadia.post(link, url.Values{"password": {"short"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a short password = %d, want 422", got.status)
	}
	if got := nadia.post(link, url.Values{"password": {"behind the green door"}}); got.location != "/admin" {
		t.Fatalf("coming in = %d to %q", got.status, got.location)
	}
	if got := m.visitor(t).get(link); got.status != http.StatusNotFound {
		t.Errorf("the link opens twice: %d", got.status)
	}
	if got := nadia.get("/admin/orders"); got.status != http.StatusOK {
		t.Errorf("the agent at the orders = %d", got.status)
	}
	if got := nadia.get("/admin/staff"); got.status != http.StatusForbidden || !strings.Contains(got.body, "Amina Raissouni") {
		t.Errorf("the agent at the staff = %d, and must be told whom to ask", got.status)
	}
	for _, act := range []string{"/roles", "/state", "/link", "/second-step/end", "/sessions/end"} {
		if got := nadia.post(path+act, url.Values{"role": {"admin"}}); got.status != http.StatusForbidden {
			t.Errorf("the agent does %s: %d, want 403", act, got.status)
		}
	}
	page := staff.get("/admin/staff")
	for _, want := range []string{"Nadia", "nadia@union.example", "Driss Benyahia", "see who did what"} {
		if want == "see who did what" {
			continue // In the administrator's own language.
		}
		if !strings.Contains(page.body, want) {
			t.Errorf("the list of staff lacks %q", want)
		}
	}
	if strings.Contains(page.body, "jaouad") || !strings.Contains(page.body, "data-table--ticks") {
		t.Error("the list of staff has artisans, or lacks the table of roles")
	}
	if got := staff.get("/admin/staff?q=0612121212"); !strings.Contains(got.body, "Nadia") || strings.Contains(got.body, "Driss") {
		t.Error("Nadia is not found by her number")
	}

	// Roles.
	if got := staff.post(path+"/roles", url.Values{"was": {"agent"}, "role": {"agent", "treasurer", "artisan", "king"}}); got.status != http.StatusSeeOther {
		t.Fatalf("changing roles = %d", got.status)
	}
	if got := one[string](t, m, `SELECT (before -> 'roles')::text || ' ' || (after -> 'roles')::text FROM audit WHERE action = 'account.roles_changed'`); got != `["agent"] ["agent", "treasurer"]` {
		t.Errorf("the audit has the roles %s", got)
	}
	if got := staff.post(path+"/roles", url.Values{"was": {"agent"}, "role": {"partner"}}); got.status != http.StatusConflict {
		t.Errorf("changing what a colleague has changed meanwhile = %d, want 409", got.status)
	}
	own := one[string](t, m, `SELECT '/admin/staff/' || ref FROM accounts WHERE email = 'admin@kissaria.example'`)
	if got := staff.post(own+"/roles", url.Values{"was": {"admin"}, "role": {"agent"}}); got.status != http.StatusConflict {
		t.Errorf("an administrator stops being one = %d, want 409", got.status)
	}
	for _, act := range []string{own + "/state"} {
		if got := staff.post(act, url.Values{"state": {"suspended"}}); got.status != http.StatusConflict {
			t.Errorf("suspending oneself = %d, want 409", got.status)
		}
	}
	if got := staff.post(own+"/second-step/end", nil); got.status != http.StatusForbidden {
		t.Errorf("taking one's own second step away without a code = %d, want 403", got.status)
	}

	// Suspended, signed out at once; lifted, in again.
	if got := staff.post(path+"/state", url.Values{"state": {"suspended"}}); got.status != http.StatusSeeOther {
		t.Fatalf("suspending = %d", got.status)
	}
	if got := nadia.get("/admin/orders"); got.status != http.StatusSeeOther {
		t.Errorf("suspended, the orders = %d", got.status)
	}
	if got := nadia.post("/en/sign-in", url.Values{"email": {"nadia@union.example"}, "password": {"behind the green door"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("suspended, signing in = %d, want 422", got.status)
	}
	staff.post(path+"/state", url.Values{"state": {"active"}})
	nadia.signIn("0612121212", "behind the green door")

	// Signed out by the administrator, from the list.
	page = staff.get(path)
	ends := regexp.MustCompile(`action="(/admin/staff/[0-9a-f-]{36}/sessions/[0-9a-f]{32}/end)"`).FindStringSubmatch(page.body)
	if ends == nil {
		t.Fatal("the administrator does not see where Nadia is signed in")
	}
	if got := staff.post(ends[1], nil); got.status != http.StatusSeeOther {
		t.Errorf("signing Nadia out = %d", got.status)
	}
	if got := nadia.get("/admin/orders"); got.status != http.StatusSeeOther {
		t.Errorf("signed out, Nadia still sees the orders: %d", got.status)
	}
	for _, bad := range []string{"/admin/staff/x", "/admin/staff/00000000-0000-0000-0000-000000000000", "/admin/staff/%27"} {
		if got := staff.get(bad); got.status != http.StatusNotFound {
			t.Errorf("%s = %d, want 404", bad, got.status)
		}
	}
	for _, odd := range []string{"?after=x", "?q=%25", "?q='&after=00000000-0000-0000-0000-000000000000"} {
		if got := staff.get("/admin/staff" + odd); got.status != http.StatusOK {
			t.Errorf("the staff with %s = %d", odd, got.status)
		}
	}
}

// A new password by a link, once; the old one and all devices are out.
func TestPasswordIsResetByALink(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	staff, treasurer := m.staff(t), m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	path := one[string](t, m, `SELECT '/admin/staff/' || ref FROM accounts WHERE email = 'treasurer@kissaria.example'`)
	first := accountLink.FindString(staff.post(path+"/link", nil).body)
	link := accountLink.FindString(staff.post(path+"/link", nil).body)
	if first == "" || link == "" || first == link {
		t.Fatalf("the links are %q and %q", first, link)
	}
	v := m.visitor(t)
	if got := v.get(first); got.status != http.StatusNotFound {
		t.Errorf("a replaced link = %d, want 404", got.status)
	}
	if got := treasurer.get("/admin/orders"); got.status != http.StatusOK {
		t.Errorf("a link that nobody used signs out: %d", got.status)
	}
	var all sync.WaitGroup
	opened := make([]int, 2)
	for i := range opened {
		v := m.visitor(t)
		all.Go(func() {
			opened[i] = v.post(link, url.Values{"password": {"a whole new password"}}).status
		})
	}
	all.Wait()
	if opened[0]+opened[1] != http.StatusSeeOther+http.StatusNotFound {
		t.Errorf("used twice at once, the link answers %v; want it to open once", opened)
	}
	if got := treasurer.get("/admin/orders"); got.status != http.StatusSeeOther {
		t.Errorf("after the reset, the old device is still in: %d", got.status)
	}
	if got := v.post("/en/sign-in", url.Values{"email": {"treasurer@kissaria.example"}, "password": {"demo-treasurer-2026"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("the old password = %d, want 422", got.status)
	}
	v.signIn("treasurer@kissaria.example", "a whole new password")
	last := accountLink.FindString(staff.post(path+"/link", nil).body)
	m.site.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	if got := v.get(last); got.status != http.StatusNotFound {
		t.Errorf("a reset of yesterday = %d, want 404", got.status)
	}
}

// The last two administrators take each other's place away at once: one stays.
func TestThereIsAlwaysAnAdministrator(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	first := m.staff(t)
	path, link := first.hire(url.Values{"name": {"Nadia"}, "email": {"nadia@union.example"}, "role": {"admin"}})
	second := m.visitor(t)
	if got := second.post(link, url.Values{"password": {"behind the green door"}}); got.location != "/admin" {
		t.Fatalf("coming in = %d", got.status)
	}
	own := one[string](t, m, `SELECT '/admin/staff/' || ref FROM accounts WHERE email = 'admin@kissaria.example'`)
	var all sync.WaitGroup
	var got [2]answer
	all.Go(func() { got[0] = first.post(path+"/roles", url.Values{"was": {"admin"}, "role": {"agent"}}) })
	all.Go(func() { got[1] = second.post(own+"/state", url.Values{"state": {"suspended"}}) })
	all.Wait()
	if n := one[int](t, m, `SELECT count(*) FROM accounts a JOIN account_roles r ON r.account_id = a.id WHERE r.role = 'admin' AND a.state = 'active'`); n != 1 {
		t.Errorf("%d administrators are left after %d and %d, want 1", n, got[0].status, got[1].status)
	}
}

// Someone who has lost the phone with the codes is let in anew by another
// administrator, and by the password alone comes no further than setting it up.
func TestLostPhoneIsReplaced(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true}, strict)
	admin, treasurer := m.visitor(t), m.visitor(t)
	admin.setUp("admin@kissaria.example", "demo-admin-2026")
	treasurer.setUp("treasurer@kissaria.example", "demo-treasurer-2026")
	path := one[string](t, m, `SELECT '/admin/staff/' || ref FROM accounts WHERE email = 'treasurer@kissaria.example'`)
	if got := admin.post(path+"/second-step/end", nil); got.status != http.StatusSeeOther {
		t.Fatalf("taking the second step away = %d", got.status)
	}
	if got := treasurer.get("/admin/orders"); got.status != http.StatusSeeOther {
		t.Errorf("the lost phone is still in: %d", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit u JOIN accounts a ON a.id = u.account_id WHERE u.action = 'account.second_factor_removed' AND a.email = 'admin@kissaria.example'`); n != 1 {
		t.Errorf("the audit has it %d times, want once", n)
	}
	m.visitor(t).setUp("treasurer@kissaria.example", "demo-treasurer-2026")

	// An invitation, too, leads to the second step first.
	_, link := admin.hire(url.Values{"name": {"Nadia"}, "phone": {"0612121212"}, "role": {"agent"}})
	nadia := m.visitor(t)
	if got := nadia.post(link, url.Values{"password": {"behind the green door"}}); got.location != "/account/step?next=%2Fadmin" {
		t.Errorf("coming in = %d to %q, want the second step", got.status, got.location)
	}
	if got := nadia.get("/admin/orders"); got.status != http.StatusSeeOther {
		t.Errorf("without a second step, the orders = %d", got.status)
	}
}
