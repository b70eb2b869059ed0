package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/order"
)

// orderForCash places an order that is collected and paid at the counter.
func (m *market) orderForCash(t *testing.T, skus ...string) placed {
	t.Helper()
	v := m.visitor(t)
	v.fill("en", skus...)
	form := buyer()
	form.Set("method", "cash_at_shop")
	form.Set("delivery", "collect")
	form.Set("agreed", agreed(t, v.post("/en/checkout", form).body))
	got := v.post("/en/checkout", form)
	token, ok := strings.CutPrefix(got.location, "/en/orders/")
	if !ok {
		t.Fatalf("placing an order for cash = %d to %q\n%s", got.status, got.location, tail(got.body, 900))
	}
	p := placed{visitor: v, lang: "en", token: token}
	p.number = one[string](t, m, `SELECT number FROM orders WHERE token = $1`, token)
	return p
}

func TestCashIsTakenAtTheCounter(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)

	// A parcel by post is not paid at the counter.
	v := m.visitor(t)
	v.fill("en", "KIS-0011")
	form := buyer()
	form.Set("method", "cash_at_shop")
	form.Set("agreed", agreed(t, v.post("/en/checkout", form).body))
	if got := v.post("/en/checkout", form); got.status != 422 || !strings.Contains(got.body, "Choose to collect, or pay by card.") {
		t.Errorf("cash for a parcel = %d, want 422", got.status)
	}

	before := one[int](t, m, `SELECT on_hand FROM variants WHERE sku = 'KIS-0011'`)
	p := m.orderForCash(t, "KIS-0011")
	path := "/admin/orders/" + p.number
	if p.state() != "confirmed" {
		t.Fatalf("the order is %s, want confirmed", p.state())
	}
	page := p.get("/en/orders/" + p.token)
	if !strings.Contains(page.body, "in cash to the shop by") || !strings.Contains(page.body, "Code of order "+p.number) {
		t.Errorf("the buyer is not told what to bring, or has no code\n%s", tail(page.body, 1500))
	}
	if got := one[int](t, m, `SELECT on_hand * 100 + held FROM variants WHERE sku = 'KIS-0011'`); got != before*100+1 {
		t.Errorf("before it is paid on_hand and held are %d", got)
	}
	if n := one[int](t, m, `SELECT count(*) FROM ledger_postings`); n != 0 {
		t.Errorf("%d postings stand in the ledger before anything is paid", n)
	}
	if got := p.post("/en/orders/"+p.token+"/payment", nil); got.location != "/en/orders/"+p.token {
		t.Errorf("paying it by card = %d %s", got.status, got.location)
	}
	if got := m.comeIn(t, "jaouad-benallal").get("/studio/orders"); !strings.Contains(got.body, p.number) {
		t.Error("the artisan does not see what is to be prepared")
	}
	m.handIn(t, staff, p.number, "jaouad-benallal")
	if got := staff.post(path+"/packing", url.Values{"piece-KIS-0011": {"yes"}, "weight": {"900"}}); got.status != http.StatusSeeOther {
		t.Fatalf("packing = %d\n%s", got.status, tail(got.body, 600))
	}
	if got := staff.post(path+"/delivery", nil); got.status != http.StatusConflict {
		t.Errorf("handing over what is not paid = %d, want 409", got.status)
	}
	if got := staff.get("/admin/orders/counter"); !strings.Contains(got.body, p.number) {
		t.Error("the order is not at the counter")
	}
	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	if got := treasurer.post(path+"/cash", nil); got.status != http.StatusForbidden {
		t.Errorf("the treasurer takes cash at the counter: %d, want 403", got.status)
	}
	if got := staff.post(path+"/cash", nil); got.status != http.StatusSeeOther {
		t.Fatalf("taking cash = %d\n%s", got.status, tail(got.body, 600))
	}
	if got := staff.post(path+"/cash", nil); got.status != http.StatusConflict {
		t.Errorf("taking cash twice = %d, want 409", got.status)
	}
	if p.state() != "completed" {
		t.Errorf("paid and handed over, the order is %s", p.state())
	}
	if got := one[int](t, m, `SELECT on_hand * 100 + held FROM variants WHERE sku = 'KIS-0011'`); got != (before-1)*100 {
		t.Errorf("sold, on_hand and held are %d", got)
	}
	cash, total := one[int64](t, m, `SELECT sum(amount_minor)::bigint FROM ledger_postings WHERE account = 'cash'`), one[int64](t, m, `SELECT total_minor FROM orders WHERE number = $1`, p.number)
	if sum := one[int64](t, m, `SELECT sum(amount_minor)::bigint FROM ledger_postings`); cash != total || sum != 0 {
		t.Errorf("the drawer has %d of %d centimes, and the ledger sums to %d", cash, total, sum)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'payment.cash_taken' AND account_id IS NOT NULL`); n != 1 {
		t.Errorf("the audit has %d of it", n)
	}
}

// Who does not come in time loses the pieces to whoever comes next, and money is
// not taken for them.
func TestOrderForCashLapses(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	before := one[int](t, m, `SELECT on_hand * 100 + held FROM variants WHERE sku = 'KIS-0011'`)
	p := m.orderForCash(t, "KIS-0011")
	m.handIn(t, staff, p.number, "jaouad-benallal")
	id := order.ID(one[int64](t, m, `SELECT id FROM orders WHERE number = $1`, p.number))
	late := *m.app.desk
	late.Now = func() time.Time {
		return one[time.Time](t, m, `SELECT pay_by FROM orders WHERE number = $1`, p.number).Add(-time.Minute)
	}
	if err := late.Expire(t.Context(), id); err != nil || p.state() != "confirmed" {
		t.Fatalf("a minute before, the order is %s: %v", p.state(), err)
	}
	late.Now = func() time.Time {
		return one[time.Time](t, m, `SELECT pay_by FROM orders WHERE number = $1`, p.number).Add(time.Minute)
	}
	for range 2 {
		if err := late.Expire(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if p.state() != "cancelled" {
		t.Errorf("the order is %s, want cancelled", p.state())
	}
	if got := one[int](t, m, `SELECT on_hand * 100 + held FROM variants WHERE sku = 'KIS-0011'`); got != before {
		t.Errorf("on_hand and held are %d, want %d as before", got, before)
	}
	if got := staff.post("/admin/orders/"+p.number+"/cash", nil); got.status != http.StatusConflict {
		t.Errorf("taking cash for it = %d, want 409", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM notices WHERE kind = 'order_lapsed'`); n != 1 {
		t.Errorf("the artisan is told %d times", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM mails WHERE subject LIKE '%is over%'`); n != 1 {
		t.Errorf("the buyer is written to %d times", n)
	}
	if p := one[string](t, m, `SELECT provider || ' ' || state FROM payments WHERE order_id = $1`, id); p != checkout.ProviderCash+" expired" {
		t.Errorf("the payment is %s", p)
	}
}
