package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// mostQueries is what no page of the office may ask more of the database than,
// however much there is in it.
const mostQueries = 12

// officePages are all pages of the office that show something, of a market that
// has at least one of each thing in it.
func officePages(t testing.TB, m *market) []string {
	t.Helper()
	pages := []string{"/admin", "/admin?weeks=52", "/admin/numbers/pages?weeks=52", "/admin/numbers/sold-out?weeks=52", "/admin/numbers/waiting", "/admin/numbers/weeks.csv?weeks=52",
		"/admin/refunds", "/admin/orders", "/admin/orders?state=paid", "/admin/orders?q=marta", "/admin/orders/waiting", "/admin/orders/packing", "/admin/orders/late",
		"/admin/search?q=kilim", "/admin/audit", "/admin/audit?action=revision.approved", "/admin/staff", "/admin/queue", "/admin/reviews", "/admin/voices",
		"/admin/marks", "/admin/trainings", "/admin/artisans", "/admin/artisans?q=benallal", "/admin/artisans/jaouad-benallal", "/admin/artisans/import", "/admin/committees/weaving",
		"/admin/settings", "/admin/settings/trade", "/admin/settings/trade/pottery", "/admin/settings/zone", "/admin/settings/commission", "/admin/settings/colour", "/admin/translations"}
	return pages
}

var asked = regexp.MustCompile(`route=(\S+) status=(\d+) bytes=\d+ ms=(\d+) queries=(\d+)`)

// A page that asks for each row of its list is slow as soon as the list is long.
func TestNoPageOfTheOfficeAsksMuch(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011", "KIS-0024-RED")
	sent := m.sendCopies(t, m.comeIn(t, "jaouad-benallal"), "kilim-blue-steps", 1)[0]
	m.comeIn(t, "jaouad-benallal").post("/studio/pieces/kilim-blue-steps/edit", nil)
	staff := m.staff(t)
	for _, path := range append(officePages(t, m), "/admin/orders/"+p.number, "/admin/orders/"+p.number+"/refund", "/admin/queue/"+sent+"/1", "/admin/pieces/kilim-blue-steps") {
		before := len(m.logs.String())
		got := staff.get(path)
		if got.status != http.StatusOK && got.status != http.StatusSeeOther {
			t.Errorf("%s = %d", path, got.status)
			continue
		}
		said := asked.FindStringSubmatch(m.logs.String()[before:])
		if said == nil {
			t.Fatalf("the log does not tell of %s: %s", path, strings.TrimSpace(m.logs.String()[before:]))
		}
		if n, err := strconv.Atoi(said[4]); err != nil || n > mostQueries {
			t.Errorf("%s asks the database %s times, want at most %d", path, said[4], mostQueries)
		}
	}
}

// An order is found by whatever its buyer says on the phone.
func TestOrderIsFoundByWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011")
	staff := m.staff(t)
	phone := one[string](t, m, `SELECT phone FROM orders WHERE number = $1`, p.number)
	bare := strings.ReplaceAll(phone, " ", "")
	national := "0" + bare[len(bare)-9:len(bare)-5] + " " + bare[len(bare)-5:]
	for _, q := range []string{p.number, strings.ToLower(strings.ReplaceAll(p.number, "-", "")), "arcía", "MARTA@exam", phone, national} {
		for _, path := range []string{"/admin/orders?q=", "/admin/search?q="} {
			if got := staff.get(path + url.QueryEscape(q)); !strings.Contains(got.body, "/admin/orders/"+p.number) {
				t.Errorf("%s%s does not find %s", path, q, p.number)
			}
		}
	}
	for _, q := range []string{"%", "_______", `\`, "Marta%"} {
		if got := staff.get("/admin/orders?q=" + url.QueryEscape(q)); got.status != http.StatusOK || strings.Contains(got.body, "/admin/orders/"+p.number) {
			t.Errorf("%q = %d, and finds what has no such letters", q, got.status)
		}
	}
}
