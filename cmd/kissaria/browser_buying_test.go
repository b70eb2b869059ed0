package main

import (
	"os"
	"strings"
	"testing"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/money"
)

// A shopper is someone at a browser who wants the blue kilim, of which there
// are two at 2 200 dirhams each.
type shopper struct {
	*tab
	l     *lang.Language
	kilim string // as it is called in their language
}

func newShopper(t *testing.T, m *market, b *browser, code string) shopper {
	t.Helper()
	l, err := lang.ByCode(code)
	if err != nil {
		t.Fatal(err)
	}
	kilim := one[string](t, m, `SELECT r.title->>$1 FROM products p JOIN revisions r ON r.id = p.live_id WHERE p.slug = 'kilim-blue-steps'`, code)
	return shopper{b.open(t, m), l, kilim}
}

// finds goes from the front page to the kilim by way of the list and a search.
func (s shopper) finds(words string) {
	s.t.Helper()
	s.open("/" + s.l.Code + "/")
	s.follow(s.find("link", s.l.T("nav.products")).click)
	s.find("searchbox", s.l.T("nav.search")).write(words)
	buttons := s.all("button")
	for _, button := range buttons {
		// The header's opens the list; this one stands beside the field.
		if button.name == s.l.T("nav.search") && button.id != buttons[0].id {
			s.follow(button.click)
			break
		}
	}
	s.shows(s.l.T("list.searched", words))
	s.follow(s.find("link", s.kilim).click)
	if got := s.find("heading", s.kilim).name; got != s.kilim {
		s.t.Errorf("the product's page is headed %q, want %q", got, s.kilim)
	}
	if got := s.state(); got != "on_sale" {
		s.t.Errorf("the kilim is %q, want on_sale", got)
	}
}

// fills gives name and address.
func (s shopper) fills(email string) {
	s.t.Helper()
	for _, f := range [][2]string{{"name", "Marta García"}, {"email", email}, {"tel", "+34 600 000 000"}, {"address-line1", "Calle Elvira 41"},
		{"address-line2", "la puerta azul"}, {"postal-code", "18010"}, {"address-level2", "Granada"}} {
		s.field(f[0]).write(f[1])
	}
}

// orders presses the button that places the order, and lands where it leads.
func (s shopper) orders() {
	s.t.Helper()
	s.follow(s.find("button", s.l.T("checkout.order")).click)
}

// pays fills in a test card.
func (s shopper) pays(number string) {
	s.t.Helper()
	if !strings.HasPrefix(s.path(), "/sandbox/pay/") {
		s.t.Fatalf("the order leads to %s, want the payment page; it shows:\n%s", s.path(), tail(s.words(), 1500))
	}
	for _, f := range [][2]string{{"cc-number", number}, {"cc-exp", "12/39"}, {"cc-csc", "123"}, {"cc-name", "Marta García"}} {
		s.field(f[0]).write(f[1])
	}
	s.follow(s.find("button", strings.TrimSpace(s.l.T("sandbox.pay", ""))).click)
}

// hasBought holds that the kilim is paid: on the page, which looks again by
// itself, in the database, in the letters and in the ledger.
func (s shopper) hasBought() {
	s.t.Helper()
	if !strings.HasPrefix(s.path(), "/"+s.l.Code+"/orders/") {
		s.t.Fatalf("paying leads to %s, want the order's page; it shows:\n%s", s.path(), tail(s.words(), 1500))
	}
	token := strings.TrimPrefix(s.path(), "/"+s.l.Code+"/orders/")
	s.until("the order's page says that it is paid", func() bool { return s.state() == "paid" })
	s.shows(s.l.T("order.state.paid"))

	t, m := s.t, s.market
	if got := one[string](t, m, `SELECT state FROM orders WHERE token = $1`, token); got != "paid" {
		t.Errorf("the order is %s, want paid", got)
	}
	if got := one[int](t, m, `SELECT on_hand * 100 + held FROM variants WHERE sku = 'KIS-0011'`); got != 100 {
		t.Errorf("of two kilims, %d are on hand and %d held; want 1 and 0", got/100, got%100)
	}
	if got := one[string](t, m, `SELECT string_agg(state, ' ') FROM fulfilments`); got != "to_prepare" {
		t.Errorf("the workshops' parts are %q, want one to_prepare", got)
	}
	eventually(t, "two letters are sent, to the buyer and to the office", func() bool { return len(mailsIn(t, m.dir)) == 2 })
	for _, name := range mailsIn(t, m.dir) {
		if info, err := os.Stat(name); err != nil || info.Size() < 500 {
			t.Errorf("the letter %s is hardly one: %v", name, err)
		}
	}
	if got := one[string](t, m, `SELECT language FROM mails WHERE recipient = 'marta@example.com'`); got != s.l.Code {
		t.Errorf("the buyer's letter is in %s, want %s", got, s.l.Code)
	}
	for account, want := range map[ledger.Account]money.Amount{
		ledger.Artisan("jaouad-benallal"): money.Centimes(-2_024_00), ledger.Commission: money.Centimes(-176_00),
	} {
		if got, err := ledger.Balance(t.Context(), m.pool, account); err != nil || got != want {
			t.Errorf("the ledger has %v for %s, %v; want %v", got, account, err, want)
		}
	}
	if sum := one[int64](t, m, `SELECT sum(amount_minor)::bigint FROM ledger_postings`); sum != 0 {
		t.Errorf("the ledger is off by %d centimes", sum)
	}
}

// Someone with a phone looks for a kilim, mistypes the address and pays.
func TestBrowserBuyingOnAPhone(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	s := newShopper(t, m, openBrowser(t), "en")
	s.finds("kilim blue")

	evaluate[bool](s.tab, `window.untouched = true`)
	if voices := s.all("status"); len(voices) != 1 {
		t.Errorf("%d elements wait to speak, want one: what comes with its words is not spoken", len(voices))
	}
	s.find("button", s.l.T("product.add")).click()
	s.until("a voice says that it is in the basket", func() bool {
		return strings.Contains(evaluate[string](s.tab, `document.querySelector("main [role=status]").innerText`), s.l.T("cart.added", s.kilim))
	})
	if basket := s.find("link", s.l.T("nav.basket")).name; !strings.HasSuffix(basket, s.l.T("nav.basket_count")+" 1") {
		t.Errorf("the header's basket is called %q, want it to end with the count, 1", basket)
	}
	if !evaluate[bool](s.tab, `window.untouched === true`) {
		t.Error("the page was loaded anew")
	}

	s.follow(s.find("link", s.l.T("nav.basket")).click)
	s.shows(s.kilim)
	s.follow(s.find("link", s.l.T("cart.checkout")).click)
	s.follow(func() { s.field("country").choose(s.l.Country("ES")) }) // The postage comes by itself.
	s.shows(s.l.T("checkout.postage_to", s.l.Country("ES")))

	s.fills("marta@")
	s.orders()
	if got := s.field("email"); !strings.Contains(got.description, s.l.T("checkout.wrong.email")) || got.value != "marta@" {
		t.Errorf("the broken address is %q, described as %q; want it kept, and %q", got.value, got.description, s.l.T("checkout.wrong.email"))
	}
	for token, want := range map[string]string{"name": "Marta García", "tel": "+34 600 000 000", "country": s.l.Country("ES"), "address-line1": "Calle Elvira 41",
		"address-line2": "la puerta azul", "postal-code": "18010", "address-level2": "Granada"} {
		if got := s.field(token).value; got != want {
			t.Errorf("after the fault, the field for %s holds %q, want %q", token, got, want)
		}
	}
	s.field("email").write("marta@example.com")
	s.orders()
	s.pays("4242 4242 4242 4242")
	s.hasBought()
	if basket := s.find("link", s.l.T("nav.basket")).name; basket != s.l.T("nav.basket") {
		t.Errorf("after it is paid, the basket is called %q, want it without a count", basket)
	}
}

// The same in Arabic, where no script arrives, with a bank that asks back.
func TestBrowserBuyingInArabicWithoutScript(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	s := newShopper(t, m, openBrowser(t), "ar")
	s.withoutScript()
	s.finds("حنبل")
	if got := evaluate[string](s.tab, `getComputedStyle(document.body).direction + " " + document.documentElement.lang`); got != "rtl ar" {
		t.Errorf("the page reads %s, want rtl ar", got)
	}
	s.follow(s.find("button", s.l.T("product.add")).click)
	if want := "/ar/cart"; s.path() != want {
		t.Fatalf("putting it in the basket leads to %s, want %s", s.path(), want)
	}
	s.shows(s.l.T("cart.added", s.kilim))
	s.follow(s.find("link", s.l.T("cart.checkout")).click)

	s.fills("marta@")
	s.field("country").choose(s.l.Country("ES"))
	s.follow(s.find("button", s.l.T("checkout.reckon")).click)
	s.shows(s.l.T("checkout.postage_to", s.l.Country("ES")))
	if got := s.field("address-line1").value; got != "Calle Elvira 41" {
		t.Errorf("after reckoning, the street is %q", got)
	}
	s.orders()
	if got := s.field("email"); !strings.Contains(got.description, s.l.T("checkout.wrong.email")) {
		t.Errorf("the broken address is described as %q, want %q", got.description, s.l.T("checkout.wrong.email"))
	}
	s.field("email").write("marta@example.com")
	s.orders()
	s.pays("4000 0025 0000 3155")
	if got := s.state(); got != "asking" {
		t.Fatalf("the payment page is %q, want asking", got)
	}
	s.follow(s.find("button", s.l.T("sandbox.confirm")).click)
	s.hasBought()
}

// In every language a piece goes as far as the checkout, in that language.
func TestBrowserBuyingInEveryLanguage(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	b := openBrowser(t)
	for _, code := range []string{"fr", "es"} {
		t.Run(code, func(t *testing.T) {
			s := newShopper(t, m, b, code)
			s.open("/" + code + "/products/kilim-blue-steps")
			pages := []string{s.words()}
			s.find("button", s.l.T("product.add")).click()
			s.shows(s.l.T("cart.added", s.kilim))
			s.follow(s.find("link", s.l.T("nav.basket")).click)
			pages = append(pages, s.words())
			s.follow(s.find("link", s.l.T("cart.checkout")).click)
			pages = append(pages, s.words())
			if got, want := s.find("heading", s.l.T("checkout.title")).name, s.l.T("checkout.title"); got != want {
				t.Errorf("the checkout is headed %q, want %q", got, want)
			}
			if got, want := s.field("country").value, s.l.Country("US"); got != want { // As the browser says.
				t.Errorf("the checkout supposes %q, want %q", got, want)
			}
			if got := evaluate[string](s.tab, `document.documentElement.lang`); got != code {
				t.Errorf("the checkout is marked as %s, want %s", got, code)
			}
			for _, words := range pages {
				if i := strings.Index(words, "⟦"); i >= 0 {
					t.Errorf("a key shows instead of its message: %.60s", words[i:])
				}
			}
		})
	}
}
