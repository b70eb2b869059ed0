package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kissaria.ma/internal/order"
)

// table asks for a file of the office and returns its rows, the heads first.
func (v *visitor) table(path string) [][]string {
	v.t.Helper()
	got := v.get(path)
	rest, ok := strings.CutPrefix(got.body, "\ufeff")
	if got.status != http.StatusOK || !ok || !strings.HasPrefix(got.header.Get("Content-Type"), "text/csv") {
		v.t.Fatalf("%s = %d, %s", path, got.status, got.header.Get("Content-Type"))
	}
	r := csv.NewReader(strings.NewReader(rest))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil {
		v.t.Fatal(err)
	}
	return rows
}

// needs returns what the first page says waits, by its key.
func needs(page answer) map[string]string {
	list := map[string]string{}
	for _, part := range strings.Split(page.body, `data-need="`)[1:] {
		key, rest, _ := strings.Cut(part, `"`)
		_, rest, _ = strings.Cut(rest, `class="number">`)
		list[key], _, _ = strings.Cut(rest, `<`)
	}
	return list
}

// today is the day at the union.
func (m *market) today(t *testing.T) time.Time {
	t.Helper()
	return one[time.Time](t, m, `SELECT (now() AT TIME ZONE timezone)::date FROM union_profile`)
}

func TestNumbersAreThoseOfTheOrders(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	staff.post("/en/language", nil)
	if page := staff.get("/admin"); page.status != http.StatusOK || !strings.Contains(page.body, "Nothing in these weeks.") || strings.Contains(page.body, "NaN") {
		t.Fatalf("the first page of a market without orders = %d", page.status)
	}
	// Two pieces of two trades go abroad, one is collected, one is given back whole,
	// and one is never paid.
	spain := m.buy(t, "en", "KIS-0011", "KIS-0024-RED")
	back := m.buy(t, "en", "KIS-0004-8YRS")
	collected := m.buyToCollect(t, "en", "KIS-0024-RED")
	unpaid := m.visitor(t)
	unpaid.fill("en", "KIS-0024-RED")
	unpaid.place("en")
	form := staff.refundForm("/admin/orders/"+back.number, map[string]string{"count-KIS-0004-8YRS": "1", "reason": "not_made", "confirmed": "1"})
	if got := staff.post("/admin/orders/"+back.number+"/refund", form); got.status != http.StatusSeeOther {
		t.Fatalf("giving back = %d", got.status)
	}
	if back.state() != "cancelled" {
		t.Fatalf("given back whole, the order is %s", back.state())
	}
	price := func(sku string) int64 {
		return one[int64](t, m, `SELECT max(unit_minor) FROM order_lines WHERE sku = $1`, sku)
	}
	rug, red, gone := price("KIS-0011"), price("KIS-0024-RED"), price("KIS-0004-8YRS")
	amount := func(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }

	weeks := staff.table("/admin/numbers/weeks.csv?weeks=4")
	if len(weeks) != 5 {
		t.Fatalf("four weeks have %d rows", len(weeks))
	}
	today := m.today(t)
	if got, want := weeks[4][0], order.SpanOf(today, 4).Week(3).Format(time.DateOnly); got != want {
		t.Errorf("the last week begins on %s, want %s", got, want)
	}
	if got, want := strings.Join(weeks[4][1:6], " "), strings.Join([]string{amount(rug + 2*red), "0.00", "3", "4", amount(gone)}, " "); got != want {
		t.Errorf("this week is %s, want %s", got, want)
	}
	// The same with decimal commas, for spreadsheets in French.
	if got, want := staff.table("/admin/numbers/weeks.csv?weeks=4&decimal=comma")[4][1], strings.Replace(amount(rug+2*red), ".", ",", 1); got != want {
		t.Errorf("with a decimal comma it is %s, want %s", got, want)
	}

	names := map[string]string{}
	for _, sku := range []string{"KIS-0011", "KIS-0024-RED"} {
		names[sku] = one[string](t, m, `SELECT t.name->>'en' FROM variants v JOIN products p ON p.id = v.product_id JOIN trades t ON t.id = p.trade_id WHERE v.sku = $1`, sku)
	}
	if names["KIS-0011"] == names["KIS-0024-RED"] {
		t.Fatal("the pieces are of one trade")
	}
	of := func(rows [][]string, name string) string {
		for _, r := range rows[1:] {
			if r[0] == name {
				return r[1] + " " + r[3]
			}
		}
		return "nothing"
	}
	trades, countries := staff.table("/admin/numbers/trades.csv"), staff.table("/admin/numbers/countries.csv")
	sums := map[string]int64{}
	pieces := map[string]int{}
	for sku, n := range map[string]int{"KIS-0011": 1, "KIS-0024-RED": 2, "KIS-0004-8YRS": 1} {
		name := one[string](t, m, `SELECT t.name->>'en' FROM variants v JOIN products p ON p.id = v.product_id JOIN trades t ON t.id = p.trade_id WHERE v.sku = $1`, sku)
		pieces[name] += n
		if sku != "KIS-0004-8YRS" {
			sums[name] += price(sku) * int64(n)
		}
	}
	for name, n := range pieces {
		if got, want := of(trades, name), fmt.Sprintf("%s %d", amount(sums[name]), n); got != want {
			t.Errorf("%s sold %s, want %s", name, got, want)
		}
	}
	country := one[string](t, m, `SELECT country FROM orders WHERE number = $1`, spain.number)
	if got, want := of(countries, map[string]string{"ES": "Spain", "FR": "France"}[country]), fmt.Sprintf("%s %d", amount(rug+red), 3); got != want {
		t.Errorf("%s: %s, want %s", country, got, want)
	}
	if got, want := of(countries, "Collected at the shop"), fmt.Sprintf("%s 1", amount(red)); got != want {
		t.Errorf("collected: %s, want %s\n%v\n%s", got, want, countries, collected.number)
	}

	page := staff.get("/admin?weeks=4")
	for _, want := range []string{`class="chart__weeks"`, "nothing before", "/admin/numbers/weeks.csv?weeks=4", `aria-current="true">4 weeks`, "decimal=comma", `href="/admin/numbers/sold-out?weeks=4"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the first page lacks %q", want)
		}
	}
	if strings.Contains(page.body, "style=") {
		t.Error("a chart has a style of its own, which the policy forbids")
	}

	// Moved four weeks back, the same is what four weeks are compared with, and lies
	// within the last twelve.
	if _, err := m.pool.Exec(t.Context(), `UPDATE daily_sales SET day = day - 28`); err != nil {
		t.Fatal(err)
	}
	weeks = staff.table("/admin/numbers/weeks.csv?weeks=4")
	if got, want := weeks[4][1]+" "+weeks[4][2], "0.00 "+amount(rug+2*red); got != want {
		t.Errorf("four weeks later it is %s, want %s", got, want)
	}
	if got := staff.get("/admin?weeks=4"); !strings.Contains(got.body, "100 % less than") {
		t.Error("the first page does not say that there is less")
	}
	if got, want := staff.table("/admin/numbers/weeks.csv")[8][1], amount(rug+2*red); got != want {
		t.Errorf("in the eighth of twelve weeks it is %s, want %s", got, want)
	}
	for _, odd := range []string{"weeks=0", "weeks=-4", "weeks=99999999999999", "weeks=%27", "weeks=4&weeks=x", "weeks=٤"} {
		if got := staff.get("/admin?" + odd); got.status != http.StatusOK {
			t.Errorf("/admin?%s = %d", odd, got.status)
		}
	}

	// From right to left, bars grow from the right and time still goes to the right.
	staff.post("/ar/language", nil)
	page = staff.get("/admin")
	for _, want := range []string{`dir="rtl"`, `class="chart__axis" dir="ltr"`, "المبيعات حسب الأسبوع"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the first page in Arabic lacks %q", want)
		}
	}
}

// Everyone sees what waits for them, each number leads to what it counts, and
// nobody sees what is for others.
func TestFirstPageSaysWhatWaits(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	staff.post("/en/language", nil)
	if got := m.visitor(t).get("/admin"); got.status != http.StatusSeeOther {
		t.Errorf("someone who is not signed in = %d", got.status)
	}
	if got := m.comeIn(t, "jaouad-benallal").get("/admin"); got.status != http.StatusForbidden {
		t.Errorf("an artisan without a committee = %d, want 403", got.status)
	}
	before := needs(staff.get("/admin"))
	p := m.buy(t, "en", "KIS-0011")
	m.sendCopies(t, m.comeIn(t, "jaouad-benallal"), "kilim-blue-steps", 2)
	got := needs(staff.get("/admin"))
	if got["artisans"] != "1" || got["pieces"] == before["pieces"] || got["late"] != "" {
		t.Errorf("the administrator is told %v, and was %v", got, before)
	}
	n := one[int](t, m, `SELECT count(*) FROM revisions WHERE state = 'submitted'`)
	if got["pieces"] != fmt.Sprint(n) {
		t.Errorf("%s pieces wait, want %d", got["pieces"], n)
	}

	// A member of one committee, and of no other.
	member := m.visitor(t)
	member.signIn("+212600000103", "demo-committee-2026")
	page := member.get("/admin")
	theirs := needs(page)
	queue := member.get("/admin/queue")
	if shown := strings.Count(queue.body, `href="/admin/queue/`); page.status != http.StatusOK || theirs["pieces"] != fmt.Sprint(shown) && shown > 0 {
		t.Errorf("the member is told of %q pieces, and the queue has %d", theirs["pieces"], shown)
	}
	if strings.Contains(page.body, "data-numbers") || strings.Contains(page.body, "/admin/orders") || theirs["artisans"] != "" {
		t.Errorf("the member sees what is not theirs: %v", theirs)
	}
	for _, path := range []string{"/admin/numbers/weeks.csv", "/admin/numbers/pages", "/admin/numbers/waiting", "/admin/refunds"} {
		if got := member.get(path); got.status != http.StatusForbidden {
			t.Errorf("the member at %s = %d, want 403", path, got.status)
		}
	}

	// What a committee has promised and not kept is said.
	if _, err := m.pool.Exec(t.Context(), `UPDATE revisions SET submitted_at = now() - interval '20 days' WHERE state = 'submitted'`); err != nil {
		t.Fatal(err)
	}
	if page := staff.get("/admin"); !strings.Contains(page.body, fmt.Sprintf("%d past the promised days", n)) {
		t.Error("the administrator is not told what is past the promise")
	}
	rows := staff.table("/admin/numbers/waiting.csv")
	late := 0
	for _, r := range rows[1:] {
		var k int
		if _, err := fmt.Sscan(r[2], &k); err != nil {
			t.Fatal(err)
		}
		late += k
	}
	if late != n {
		t.Errorf("%d pieces are past the promise by committee, want %d", late, n)
	}

	// The treasurer is told of money that is on its way back, and of no parcels.
	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	treasurer.post("/en/language", nil)
	if page := treasurer.get("/admin/refunds"); page.status != http.StatusOK || !strings.Contains(page.body, "empty__more") {
		t.Errorf("the refunds, of which there are none = %d", page.status)
	}
	if _, err := m.pool.Exec(t.Context(), `
		INSERT INTO refunds (payment_id, key, amount_minor, reason, state) SELECT id, 'test', 12300, 'late', 'failed' FROM payments WHERE state = 'paid' LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	if got := needs(treasurer.get("/admin")); got["refunds"] != "1" || got["artisans"] != "" || got["packing"] != "" {
		t.Errorf("the treasurer is told %v", got)
	}
	if page := treasurer.get("/admin/refunds"); !strings.Contains(page.body, p.number) || !strings.Contains(page.body, "badge--wrong") || !strings.Contains(page.body, "123") {
		t.Error("the refund that failed is not listed")
	}
	m.site.Now = func() time.Time { return time.Now().AddDate(0, 3, 0) }
	if got := needs(staff.get("/admin")); got["late"] != "1" {
		t.Errorf("three months on, %q orders are late", got["late"])
	}
	// Every need leads to a page.
	for _, part := range strings.Split(staff.get("/admin").body, `class="needs__link" href="`)[1:] {
		path, _, _ := strings.Cut(part, `"`)
		if got := staff.get(strings.ReplaceAll(path, "&amp;", "&")); got.status != http.StatusOK {
			t.Errorf("%s = %d", path, got.status)
		}
	}
}

// Visits are counted where people look, also at what is kept, and nowhere else.
func TestVisitsAreCountedAndNobodyIs(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	m.awaitListener(t, 1)
	person := m.visitor(t)
	person.agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	const path = "/en/products/kilim-blue-steps"
	with := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	counted := func(when string, views, arrivals int) {
		t.Helper()
		var got [2]int
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if err := m.site.Visits.Flush(t.Context(), m.pool); err != nil {
				t.Fatal(err)
			}
			got = [2]int{one[int](t, m, `SELECT coalesce(sum(views), 0)::int FROM visits`), one[int](t, m, `SELECT coalesce(sum(arrivals), 0)::int FROM visits`)}
			if got == [2]int{views, arrivals} {
				return // The market writes them down by itself, too, perhaps just now.
			}
		}
		t.Errorf("%s, views and visits are %v, want %d and %d", when, got, views, arrivals)
	}
	if _, err := m.pool.Exec(t.Context(), `DELETE FROM visits; DELETE FROM page_views`); err != nil {
		t.Fatal(err)
	}
	first := person.get(path)
	counted("after the first", 1, 1)
	person.get(path)
	counted("from the store", 2, 2)
	if got := person.send(http.MethodGet, path, nil, with("If-None-Match", first.header.Get("Etag"))); got.status != http.StatusNotModified {
		t.Fatalf("the page that the browser has = %d", got.status)
	}
	counted("that the browser has", 3, 3)
	person.send(http.MethodGet, path, nil, with("Sec-Fetch-Site", "same-origin"))
	person.send(http.MethodGet, path, nil, with("Referer", m.url+"/en/products"))
	counted("from a page of ours", 5, 3)
	person.send(http.MethodGet, path, nil, with("Sec-Fetch-Site", "cross-site"))
	person.send(http.MethodGet, path, nil, with("Referer", "https://blog.example/rugs"))
	counted("from elsewhere", 7, 5)
	person.get("/fr/products/kilim-blue-steps")
	person.get("/en/products?q=kilim")
	counted("in another language, and a search, which is not kept", 9, 7)

	person.send(http.MethodHead, path, nil)
	person.send(http.MethodGet, path, nil, with("Sec-Purpose", "prefetch"))
	person.send(http.MethodGet, path, nil, with("Sec-Purpose", "prefetch;prerender"))
	person.send(http.MethodGet, path, nil, with("Purpose", "prefetch"))
	person.get("/en/products/no-such-piece")
	person.get("/en/cart")
	person.get("/en/sign-in")
	person.get("/robots.txt")
	for _, agent := range []string{"", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "curl/8.5.0", "facebookexternalhit/1.1",
		"Mozilla/5.0 (compatible; AhrefsBot/7.0)", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0"} {
		person.send(http.MethodGet, path, nil, with("User-Agent", agent))
	}
	counted("of robots, heads, what is fetched ahead, and what is no page", 9, 7)

	if got := one[int](t, m, `SELECT views FROM page_views WHERE kind = 'product' AND subject = 'kilim-blue-steps'`); got != 8 {
		t.Errorf("the piece has %d views, want 8", got)
	}
	staff := m.staff(t)
	staff.post("/en/language", nil)
	page := staff.get("/admin/numbers/pages")
	if page.status != http.StatusOK || !strings.Contains(page.body, path) {
		t.Errorf("the pages that were looked at = %d", page.status)
	}
	rows := staff.table("/admin/numbers/pages.csv")
	if len(rows) != 2 || rows[1][0] != "kilim-blue-steps" || rows[1][2] != "8" {
		t.Errorf("the file says %v", rows)
	}
	kinds := staff.table("/admin/numbers/page-kinds.csv")
	if len(kinds) != 3 || kinds[1][1] != "8" || kinds[2][1] != "1" {
		t.Errorf("by kind the file says %v", kinds)
	}
	visits := staff.table("/admin/numbers/visits.csv?weeks=4")
	if got := strings.Join(visits[4][1:4], " "); got != "7 0 9" {
		t.Errorf("the week has %s visits, those before and views, want 7 0 9", got)
	}

	// Orders paid, for every hundred visits.
	if _, err := m.pool.Exec(t.Context(), `
		INSERT INTO daily_sales (day, trade_id, country, orders, pieces, sum_minor) SELECT day, (SELECT min(id) FROM trades), '', 1, 1, 100 FROM visits LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	if got := staff.table("/admin/numbers/conversion.csv?weeks=4")[4]; got[1] != "14.3" || got[2] != "" {
		t.Errorf("one order of seven visits is %s, and of none %q", got[1], got[2])
	}

	// While the database is away nobody waits, and what was not written is let go.
	m.site.Visits.Count(time.Now(), "home", "", true)
	away, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.site.Visits.Flush(away, m.pool); err == nil {
		t.Error("a flush to nowhere succeeds")
	}
	counted("after a flush to nowhere", 9, 7)
}

func TestSoldOutIsListed(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	staff.post("/en/language", nil)
	if page := staff.get("/admin/numbers/sold-out"); page.status != http.StatusOK || !strings.Contains(page.body, "empty__more") {
		t.Fatalf("nothing is sold out = %d", page.status)
	}
	if _, err := m.pool.Exec(t.Context(), `UPDATE variants SET on_hand = 1 WHERE sku = 'KIS-0011'`); err != nil {
		t.Fatal(err)
	}
	p := m.buy(t, "en", "KIS-0011")
	if page := staff.get("/admin/numbers/sold-out"); !strings.Contains(page.body, "/products/kilim-blue-steps") || !strings.Contains(page.body, "/admin/artisans/jaouad-benallal") {
		t.Error("what was sold out is not listed")
	}
	if page := staff.get("/admin"); !strings.Contains(page.body, "1 variant sold out") {
		t.Error("the first page does not count it")
	}
	if rows := staff.table("/admin/numbers/sold-out.csv"); len(rows) != 2 || rows[1][1] != "KIS-0011" || rows[1][3] != m.today(t).Format(time.DateOnly) {
		t.Errorf("the file says %v", rows)
	}
	form := staff.refundForm("/admin/orders/"+p.number, map[string]string{"count-KIS-0011": "1", "reason": "not_made", "restock": "1", "confirmed": "1"})
	staff.post("/admin/orders/"+p.number+"/refund", form)
	if page := staff.get("/admin/numbers/sold-out"); strings.Contains(page.body, "/products/kilim-blue-steps") {
		t.Error("what is there again is listed as sold out")
	}
}
