package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// show has an artisan show a piece of an order to the union.
func (m *market) show(t *testing.T, number, slug string) {
	t.Helper()
	if got := m.comeIn(t, slug).upload("/studio/orders/"+number+"/photo", "piece.jpg", photo(t, 600, 800)); got.status != http.StatusSeeOther {
		t.Fatalf("%s shows a piece of %s = %d", slug, number, got.status)
	}
}

// The administrator's day at a desk: twenty members come from a spreadsheet and
// one of them is invited; an order of three artisans is taken in, packed with its
// customs form and given to the carrier; another one is paid in cash and handed
// over. A second administrator reads all of it in the audit.
func TestBrowserOfficeDay(t *testing.T) {
	t.Parallel() // It mostly waits.
	m := openMarket(t, roles{web: true, work: true})
	parcel := m.buy(t, "en", "KIS-0011", "KIS-0024-RED", "KIS-0040")
	cash := m.orderForCash(t, "KIS-0017")
	makers := []string{"jaouad-benallal", "saadia-ghomari", "driss-el-mrabet"}
	for _, slug := range makers {
		m.show(t, parcel.number, slug)
	}
	m.show(t, cash.number, "zoubida-ajaraai")

	english := func(email string) {
		t.Helper()
		if _, err := m.pool.Exec(t.Context(), `UPDATE accounts SET language = 'en' WHERE email = $1`, email); err != nil {
			t.Fatal(err)
		}
	}
	english("admin@kissaria.example")
	v := openBrowser(t).open(t, m)
	v.resize(desk)
	v.be(m.staff(t))
	press := func(role, name string) {
		t.Helper()
		v.follow(v.find(role, name).click)
		v.fits(t, v.path(), desk.width)
	}

	// Members.
	v.open("/admin/artisans")
	press("link", "Members from a spreadsheet")
	file := filepath.Join(t.TempDir(), "members.csv")
	if err := os.WriteFile(file, twenty(), 0o600); err != nil {
		t.Fatal(err)
	}
	v.pick(file)
	press("button", "See what would happen")
	v.shows("20 members would be added.")
	press("button", "Add these 20 members")
	v.shows("They are in the register.")
	search := func(field, words string) {
		t.Helper()
		v.find("searchbox", field).write(words)
		v.follow(func() { evaluate[chromedp.Void](v, `document.activeElement.form.requestSubmit()`) }) // As Enter does.
	}
	search("Name or phone", "Nümber 7")
	press("link", "Éxample Nümber 7")
	press("button", "Make an invitation")
	v.shows("It works once")

	// An order of three workshops.
	v.open("/admin/orders/" + parcel.number)
	for range makers {
		press("button", "As shown")
	}
	press("link", "Pack it")
	boxes := v.all("checkbox")
	if len(boxes) != 3 {
		t.Fatalf("%d pieces are to be ticked, want 3", len(boxes))
	}
	for _, b := range boxes {
		b.click()
	}
	v.find("textbox", "Weight").write("6350")
	press("button", "Everything is packed")
	press("link", "Address label")
	v.shows("Customs form CN23")
	for _, want := range []string{"5702.10", "Sale of goods", parcel.number, "Marta García", "ESPAGNE", "6,350 g"} {
		if !strings.Contains(v.words(), want) {
			t.Errorf("the customs form lacks %q:\n%s", want, v.words())
		}
	}
	v.open("/admin/orders/" + parcel.number)
	v.find("combobox", "Carrier").choose("Amana International")
	v.find("textbox", "Parcel’s number").write("RR 123 456 785 MA")
	press("button", "The carrier has it")
	v.shows("RR123456785MA")

	// An order that someone comes for, found by its number from anywhere.
	search("Order, buyer", cash.number)
	press("link", cash.number)
	press("button", "As shown")
	press("link", "Pack it")
	v.find("checkbox", "").click()
	v.find("textbox", "Weight").write("3000")
	press("button", "Everything is packed")
	v.open("/admin/orders/" + cash.number)
	press("button", "Take ")
	if got := cash.state(); got != "completed" {
		t.Errorf("paid and handed over, the order is %s", got)
	}

	// A second administrator.
	if err := createAccount(t.Context(), m.base, "Salma Idrissi", "salma@union.example", "admin", strings.NewReader("a-second-look-2026\n"), io.Discard); err != nil {
		t.Fatal(err)
	}
	english("salma@union.example")
	second := m.visitor(t)
	second.signIn("salma@union.example", "a-second-look-2026")
	v.be(second)
	v.open("/admin")
	press("link", "Settings")
	press("link", "Record")
	acts := func() string {
		return evaluate[string](v, `document.querySelector(".data-table--audit").innerText`)
	}
	for _, want := range []string{"Members imported", "maker invited", "piece taken in, as shown", "order packed", "parcel given to the carrier", "Cash taken"} {
		if !strings.Contains(acts(), want) {
			t.Errorf("the audit does not tell the second administrator of %q", want)
		}
	}
	v.find("combobox", "Who").choose("Amina Raissouni")
	v.find("textbox", "On what").write(parcel.number)
	press("button", "Show")
	if words := acts(); !strings.Contains(words, "parcel given to the carrier") || strings.Contains(words, "Cash taken") {
		t.Errorf("the audit of one order shows\n%s", words)
	}
	if n := one[int](t, m, `SELECT count(DISTINCT action) FROM audit WHERE at > $1 AND account_id IS NOT NULL`, time.Now().Add(-10*time.Minute)); n < 6 {
		t.Errorf("%d kinds of acts are in the audit", n)
	}
}

// At a desk the office is worked by its keys, and letters stay letters in a field.
func TestBrowserOfficeIsWorkedByKeys(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := openBrowser(t).open(t, m)
	v.resize(desk)
	staff := m.staff(t)
	sent := staff.sendFile("/admin/artisans/import", "file", "m.csv", twenty())
	staff.post(sent.location, nil)
	v.be(staff)
	v.open("/admin/artisans?q=N%C3%BCmber")
	key := func(k string) {
		t.Helper()
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			e := input.DispatchKeyEventParams{Type: kind, Key: k}
			if kind == input.DispatchKeyEventTypeKeyDown {
				e.Text = k
			}
			command(v, input.DispatchKeyEvent, e)
		}
	}
	ticked := func() int { return evaluate[int](v, `document.querySelectorAll(".tick input:checked").length`) }
	key("t")
	if n := ticked(); n != 20 {
		t.Errorf("%d of 20 are ticked", n)
	}
	key("t")
	if n := ticked(); n != 0 {
		t.Errorf("%d are still ticked", n)
	}
	key("/")
	key("n")
	key("/")
	if got := evaluate[string](v, `document.activeElement.id + " " + document.activeElement.value`); got != "search n/" {
		t.Errorf("after / and two letters more, the field is %q", got)
	}
	if _, err := m.pool.Exec(t.Context(), `INSERT INTO audit (action, subject) SELECT 'artisan.invited', 'artisan:nobody' FROM generate_series(1, 120)`); err != nil {
		t.Fatal(err)
	}
	v.open("/admin/audit")
	v.follow(func() { key("n") })
	if !evaluate[bool](v, `location.search !== ""`) {
		t.Error("n does not lead to the next page")
	}
}
