package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A workshop rests: its pieces stay with an honest later date, or leave the
// market and come back by themselves, as its artisan likes.
func TestHolidaysAreHonest(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	// The card provider has a clock of its own: orders are placed today.
	here, err := location("Africa/Casablanca")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	m.site.Now, m.desk.Now = func() time.Time { return now }, func() time.Time { return now }
	y, mo, d := now.In(here).Date()
	in := func(days int) time.Time { return time.Date(y, mo, d+days, 0, 0, 0, 0, time.UTC) }
	iso := func(days int) string { return in(days).Format(time.DateOnly) }
	said := func(days int) string { return in(days).Format("2 January") }
	artisan := m.comeIn(t, "jaouad-benallal")
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN variants v ON v.product_id = p.id WHERE v.sku = 'KIS-0011'`)
	path := "/en/products/" + slug
	rest := func(from, until, pieces string) {
		t.Helper()
		if got := artisan.post("/studio/workshop/closed", url.Values{"from": {from}, "until": {until}, "pieces": {pieces}}); got.location != "/studio/workshop?kept=1" {
			t.Fatalf("resting = %d\n%s", got.status, tail(got.body, 600))
		}
	}
	says := func(v *visitor, path, words string, want bool) {
		t.Helper()
		eventually(t, path+" shows or hides "+words, func() bool { return strings.Contains(v.get(path).body, words) == want })
	}
	guest := m.visitor(t)
	guest.fill("en", "KIS-0011")
	days := func() (prepare, arrives time.Time) {
		t.Helper()
		v := m.visitor(t)
		v.fill("en", "KIS-0011")
		p := v.place("en")
		arrives = one[time.Time](t, m, `SELECT arrives_by FROM orders WHERE number = $1`, p.number)
		return one[time.Time](t, m, `SELECT f.prepare_by FROM fulfilments f JOIN orders o ON o.id = f.order_id WHERE o.number = $1`, p.number), arrives
	}
	prepare, arrives := days()
	if !prepare.Equal(in(2)) {
		t.Fatalf("without holidays it is prepared by %v, want %v", prepare, in(2))
	}

	// Far away, they change nothing.
	rest(iso(30), iso(36), "stay")
	if later, _ := days(); !later.Equal(prepare) {
		t.Errorf("holidays in a month make it %v", later)
	}
	says(guest, path, "data-rests", false)
	if _, err := m.pool.Exec(t.Context(), `UPDATE variants SET held = 0, on_hand = 5 WHERE sku = 'KIS-0011'`); err != nil {
		t.Fatal(err)
	}

	// From tomorrow, and two days of work begin on the day after the last.
	rest(iso(1), iso(17), "stay")
	says(guest, path, "The workshop rests from "+said(1)+" to "+said(17)+".", true)
	later, arrivesLater := days()
	if !later.Equal(in(20)) {
		t.Errorf("before the holidays it is prepared by %v, want %v", later, in(20))
	}
	if d := arrivesLater.Sub(arrives); d < 17*24*time.Hour || d > 19*24*time.Hour {
		t.Errorf("it arrives %v later, want about 18 days", d)
	}
	now = now.AddDate(0, 0, 1)
	rest(iso(1), iso(17), "stay") // Pages that are kept know of the new day.
	says(guest, path, "The workshop rests until "+said(17)+".", true)
	before := guest.get("/en/checkout?country=ES")
	if !strings.Contains(before.body, arrivesLater.Format("2 January")) {
		t.Errorf("the checkout does not say %s", arrivesLater.Format("2 January"))
	}
	says(guest, path, "basket-adder", true)

	// The pieces leave: they are in no list, no basket goes on, nothing is held.
	rest(iso(1), iso(17), "leave")
	says(guest, path, "It can be bought again from "+in(18).Format("Monday 2 January")+".", true)
	says(guest, path, `form="add"`, false)
	says(guest, "/en/artisans/jaouad-benallal", path, false)
	says(guest, "/en/trades/weaving", path, false)
	says(guest, "/en/products?q=KIS-0011", path, false)
	says(guest, "/en/cart", "Its workshop rests until "+in(17).Format("2 January 2006"), true)
	if got := guest.post("/en/cart/lines", url.Values{"variant": {"KIS-0011"}, "quantity": {"1"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("putting a resting piece in the basket = %d, want 422", got.status)
	}
	form := buyer()
	form.Set("agreed", agreed(t, before.body))
	if got := guest.post("/en/checkout", form); strings.HasPrefix(got.location, "/sandbox/pay/") {
		t.Error("a resting piece was bought")
	}
	if got := artisan.get("/studio/pieces"); !strings.Contains(got.body, `data-state="away"`) {
		t.Error("the artisan does not see that the pieces are away")
	}

	// On the day after they come back by themselves.
	now = in(17).Add(20 * time.Hour)
	turn := func() {
		t.Helper()
		if err := m.desk.TurnSigns(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	turn()
	says(guest, "/en/products?q=KIS-0011", path, false)
	now = in(18).Add(6 * time.Hour)
	turn()
	says(guest, "/en/products?q=KIS-0011", path, true)
	says(guest, path, "data-rests", false)
	if got := guest.get("/en/cart"); strings.Contains(got.body, "Its workshop rests") {
		t.Error("the basket does not know that it is back")
	}
	// Written down for later, they leave when the day comes.
	rest(iso(25), iso(26), "leave")
	says(guest, "/en/products?q=KIS-0011", path, true)
	now = in(25).Add(6 * time.Hour)
	turn()
	says(guest, "/en/products?q=KIS-0011", path, false)
	if got := artisan.post("/studio/workshop/closed", url.Values{"open": {"1"}}); got.status != http.StatusSeeOther {
		t.Fatalf("opening again = %d", got.status)
	}
	says(guest, "/en/products?q=KIS-0011", path, true)
	if n := one[int](t, m, `SELECT count(*) FROM artisans WHERE away OR closed_leaves`); n != 0 {
		t.Errorf("%d workshops are away", n)
	}
}
