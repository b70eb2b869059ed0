package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// refundForm opens the refund page and returns its form with these fields.
func (v *visitor) refundForm(path string, fields map[string]string) url.Values {
	v.t.Helper()
	page := v.get(path + "/refund")
	_, rest, ok := strings.Cut(page.body, `name="key" value="`)
	if page.status != http.StatusOK || !ok {
		v.t.Fatalf("the refund page = %d", page.status)
	}
	key, _, _ := strings.Cut(rest, `"`)
	form := url.Values{"key": {key}}
	for k, value := range fields {
		form.Set(k, value)
	}
	return form
}

func TestMoneyIsGivenBack(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	if _, err := m.pool.Exec(t.Context(), `UPDATE variants SET on_hand = 3 WHERE sku = 'KIS-0011'`); err != nil {
		t.Fatal(err)
	}
	p := m.buy(t, "en", "KIS-0011", "KIS-0024-RED")
	path := "/admin/orders/" + p.number
	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	treasurer.post("/en/language", nil)
	owed := func(slug string) int64 {
		t.Helper()
		return one[int64](t, m, `SELECT coalesce(-sum(amount_minor), 0)::bigint FROM ledger_postings WHERE account = 'artisan:' || $1`, slug)
	}
	sums := func(when string) {
		t.Helper()
		if sum := one[int64](t, m, `SELECT sum(amount_minor)::bigint FROM ledger_postings`); sum != 0 {
			t.Errorf("%s the ledger sums to %d", when, sum)
		}
	}
	other := one[string](t, m, `SELECT a.slug FROM fulfilments f JOIN artisans a ON a.id = f.artisan_id WHERE a.slug <> 'jaouad-benallal'`)
	before, beforeOther := owed("jaouad-benallal"), owed(other)

	for name, change := range map[string]map[string]string{
		"no reason":      {"count-KIS-0011": "1"},
		"nothing":        {"count-KIS-0011": "0", "reason": "other"},
		"more than sold": {"count-KIS-0011": "2", "reason": "other"},
		"a word":         {"count-KIS-0011": "all", "reason": "other"},
		"less than none": {"count-KIS-0011": "-1", "reason": "other"},
		"a made-up why":  {"count-KIS-0011": "1", "reason": "bribe"},
	} {
		form := treasurer.refundForm(path, change)
		form.Set("confirmed", "1")
		if got := treasurer.post(path+"/refund", form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "notice--wrong") {
			t.Errorf("%s = %d, want 422", name, got.status)
		}
	}
	form := treasurer.refundForm(path, map[string]string{"count-KIS-0011": "١", "reason": "not_made", "restock": "1"})
	if got := treasurer.post(path+"/refund", form); got.status != http.StatusOK || !strings.Contains(got.body, `data-state="reckoned"`) || !strings.Contains(got.body, "2,200") {
		t.Fatalf("reckoning = %d\n%s", got.status, tail(got.body, 900))
	}
	if owed("jaouad-benallal") != before {
		t.Error("reckoning books something")
	}
	form.Set("confirmed", "1")
	for range 2 { // Sent twice, it is given back once.
		if got := treasurer.post(path+"/refund", form); got.status != http.StatusSeeOther {
			t.Fatalf("giving back = %d\n%s", got.status, tail(got.body, 600))
		}
	}
	sums("after one piece")
	if got := owed("jaouad-benallal"); got != 0 {
		t.Errorf("the artisan is owed %d of %d centimes for what was given back", got, before)
	}
	if got := owed(other); got != beforeOther {
		t.Errorf("the other artisan's share went from %d to %d", beforeOther, got)
	}
	if got := one[int](t, m, `SELECT on_hand FROM variants WHERE sku = 'KIS-0011'`); got != 3 {
		t.Errorf("%d pieces are there, want 3 again", got)
	}
	eventually(t, "the provider has given it back", func() bool {
		return one[int](t, m, `SELECT count(*) FROM refunds WHERE state = 'done' AND amount_minor = 220000`) == 1
	})
	if n := one[int](t, m, `SELECT count(*) FROM refunds`); n != 1 {
		t.Errorf("%d refunds were begun, want 1", n)
	}
	sums("after the provider gave it back")
	if got := p.state(); got != "paid" {
		t.Errorf("the order is %s, want paid as half of it is still to come", got)
	}
	if got := one[string](t, m, `SELECT f.state FROM fulfilments f JOIN artisans a ON a.id = f.artisan_id WHERE a.slug = 'jaouad-benallal'`); got != "cancelled" {
		t.Errorf("the artisan's part is %s, want cancelled", got)
	}
	if got := m.comeIn(t, "jaouad-benallal").get("/studio/money"); !strings.Contains(got.body, "the money went back") {
		t.Error("the artisan is not told why the money went")
	}
	// What is left is packed without it.
	staff := m.staff(t)
	m.handIn(t, staff, p.number, other)
	if got := staff.get(path + "/packing"); strings.Contains(got.body, "KIS-0011") || !strings.Contains(got.body, "KIS-0024-RED") {
		t.Error("the packing list still has what was given back")
	}

	// The rest, with the postage: nothing is left of the order.
	form = treasurer.refundForm(path, map[string]string{"count-KIS-0024-RED": "1", "postage": "1", "reason": "changed_mind", "confirmed": "1"})
	if got := treasurer.post(path+"/refund", form); got.status != http.StatusSeeOther {
		t.Fatalf("giving the rest back = %d\n%s", got.status, tail(got.body, 600))
	}
	sums("after the rest")
	if p.state() != "cancelled" {
		t.Errorf("with nothing left the order is %s", p.state())
	}
	if n := one[int64](t, m, `SELECT total_minor - refunded_minor FROM orders WHERE number = $1`, p.number); n != 0 {
		t.Errorf("%d centimes of the order are not given back", n)
	}
	if n := owed(other); n != 0 {
		t.Errorf("the other artisan is owed %d", n)
	}
	eventually(t, "all of it went back", func() bool {
		return one[bool](t, m, `SELECT bool_and(refunded_minor = amount_minor) FROM payments WHERE state = 'paid'`)
	})
	if got := treasurer.post(path+"/refund", form); got.status != http.StatusSeeOther {
		t.Errorf("the same once more = %d", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'order.refunded'`); n != 2 {
		t.Errorf("the audit has %d refunds, want 2", n)
	}
	if got := m.comeIn(t, "jaouad-benallal").get(path + "/refund"); got.status != http.StatusForbidden {
		t.Errorf("an artisan opens the refund page: %d, want 403", got.status)
	}
}
