package main

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/money"
)

// placed is an order as its buyer has it.
type placed struct {
	*visitor
	lang, token, number, payPath string
}

func buyer() url.Values {
	return url.Values{"name": {"Marta García"}, "email": {"marta@example.com"}, "phone": {"+34 600 000 000"}, "country": {"ES"},
		"line1": {"Calle Elvira 41"}, "postcode": {"18010"}, "city": {"Granada"}, "delivery": {"post"}, "method": {"card"}}
}

// agreed reads the total that a checkout page asks its visitor to agree to.
func agreed(t testing.TB, body string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `name="agreed" value="`)
	if !ok {
		t.Fatal("the checkout page shows no total to agree to")
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// fill puts variants in the visitor's basket.
func (v *visitor) fill(lang string, skus ...string) {
	v.t.Helper()
	for _, sku := range skus {
		if got := v.post("/"+lang+"/cart/lines", url.Values{"variant": {sku}, "quantity": {"1"}}); got.status != http.StatusSeeOther {
			v.t.Fatalf("putting %s in the basket = %d, want 303\n%s", sku, got.status, tail(got.body, 500))
		}
	}
}

// place fills in the checkout and places the basket.
func (v *visitor) place(lang string) placed {
	v.t.Helper()
	form := buyer()
	form.Set("agreed", agreed(v.t, v.get("/"+lang+"/checkout?country=ES").body))
	got := v.post("/"+lang+"/checkout", form)
	if got.status != http.StatusSeeOther || !strings.HasPrefix(got.location, "/sandbox/pay/") {
		v.t.Fatalf("placing the order = %d to %q, want 303 to the payment page", got.status, got.location)
	}
	p := placed{visitor: v, lang: lang, payPath: got.location}
	m := v.market
	p.token = one[string](v.t, m, `SELECT o.token FROM orders o JOIN payments p ON p.order_id = o.id WHERE p.pay_url LIKE '%' || $1`, got.location)
	p.number = one[string](v.t, m, `SELECT number FROM orders WHERE token = $1`, p.token)
	return p
}

var card = url.Values{"number": {"4242 4242 4242 4242"}, "expiry": {"12/39"}, "cvc": {"123"}, "name": {"M G"}}

// pay pays at the sandbox and returns to the order.
func (p placed) pay() answer {
	p.t.Helper()
	got := p.post(p.payPath, card)
	if got.status != http.StatusSeeOther {
		p.t.Fatalf("paying = %d, want 303\n%s", got.status, tail(got.body, 500))
	}
	return p.get(got.location)
}

func (p placed) state() string {
	p.t.Helper()
	return one[string](p.t, p.market, `SELECT state FROM orders WHERE token = $1`, p.token)
}

// buy goes the whole way to a paid order.
func (m *market) buy(t *testing.T, lang string, skus ...string) placed {
	t.Helper()
	v := m.visitor(t)
	v.fill(lang, skus...)
	p := v.place(lang)
	p.pay()
	eventually(t, "the order is paid", func() bool { return p.state() == "paid" })
	return p
}

func TestBuyingAPiece(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	v := m.visitor(t)
	v.fill("en", "KIS-0011", "KIS-0024-RED") // Two workshops.
	p := v.place("en")
	if held := one[int](t, m, `SELECT held FROM variants WHERE sku = 'KIS-0011'`); held != 1 {
		t.Errorf("%d kilims are held while it is being paid, want 1", held)
	}
	back := p.pay()
	if !strings.Contains(back.body, `data-state="checking"`) && !strings.Contains(back.body, `data-state="paid"`) {
		t.Error("the order page claims something else than that it is asking, or paid")
	}
	eventually(t, "the order is paid", func() bool { return p.state() == "paid" })

	page := p.get("/en/orders/" + p.token)
	if !strings.Contains(page.body, `data-state="paid"`) || !strings.Contains(page.body, p.number) {
		t.Error("the order page does not say that it is paid")
	}
	if onHand := one[int](t, m, `SELECT on_hand * 100 + held FROM variants WHERE sku = 'KIS-0011'`); onHand != 100 {
		t.Errorf("of two kilims, on_hand and held are %d, want 1 and 0", onHand)
	}
	if n := one[int](t, m, `SELECT count(*) FROM fulfilments WHERE state = 'to_prepare'`); n != 2 {
		t.Errorf("%d workshops have something to prepare, want 2", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM notices WHERE kind = 'order_paid' AND subject = $1`, p.number); n != 2 {
		t.Errorf("%d artisans were told, want 2", n)
	}
	eventually(t, "both letters are sent", func() bool { return len(mailsIn(t, m.dir)) == 2 })
	for _, name := range mailsIn(t, m.dir) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, []byte("text/html")) || !bytes.Contains(b, []byte("text/plain")) {
			t.Errorf("%s lacks its HTML or its text", name)
		}
	}
	if body := one[string](t, m, `SELECT body_text FROM mails WHERE recipient = 'marta@example.com'`); !strings.Contains(body, "Blue Steps kilim") ||
		!strings.Contains(body, m.url+"/en/orders/"+p.token) || strings.Contains(body, "<") {
		t.Errorf("the buyer's letter reads:\n%s", body)
	}

	// 2 200 + 170 MAD of pieces, of which the union keeps 8 %.
	for account, want := range map[ledger.Account]money.Amount{
		ledger.Artisan("jaouad-benallal"): money.Centimes(-2_024_00), ledger.Artisan("saadia-ghomari"): money.Centimes(-156_40),
		ledger.Commission: money.Centimes(-189_60),
	} {
		got, err := ledger.Balance(t.Context(), m.pool, account)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("the ledger has %v for %s, want %v", got, account, want)
		}
	}
	if sum := one[int64](t, m, `SELECT sum(amount_minor)::bigint FROM ledger_postings`); sum != 0 {
		t.Errorf("the ledger is off by %d centimes", sum)
	}
	eventually(t, "the basket is empty", func() bool { return strings.Contains(v.get("/en/cart").body, "Your basket is empty") })
}

// A second click, or a second tab, finds the first order.
func TestPlacedTwiceIsOneOrder(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	v.fill("en", "KIS-0011")
	form := buyer()
	form.Set("agreed", agreed(t, v.get("/en/checkout?country=ES").body))
	var wg sync.WaitGroup
	locations := make([]string, 4)
	for i := range locations {
		wg.Go(func() { locations[i] = v.post("/en/checkout", form).location })
	}
	wg.Wait()
	for _, l := range locations[1:] {
		if l != locations[0] {
			t.Errorf("two clicks lead to %q and %q", locations[0], l)
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM orders`); n != 1 {
		t.Errorf("four clicks placed %d orders, want 1", n)
	}
}

// A basket that was changed before it was paid replaces its own order.
func TestChangedBasketReplacesItsOrder(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	v.fill("en", "KIS-0011")
	first := v.place("en")
	v.fill("en", "KIS-0024-RED")
	second := v.place("en")
	if first.number == second.number {
		t.Fatal("the changed basket is the old order")
	}
	if first.state() != "cancelled" || second.state() != "pending" {
		t.Errorf("the orders are %s and %s, want cancelled and pending", first.state(), second.state())
	}
	if held := one[int](t, m, `SELECT held FROM variants WHERE sku = 'KIS-0011'`); held != 1 {
		t.Errorf("%d kilims are held, want 1: the old order's came back", held)
	}
	if got := first.post(first.payPath, card); !strings.Contains(got.location, "/orders/"+first.token) {
		t.Errorf("the old order's payment page leads to %q", got.location)
	}
	if n := one[int](t, m, `SELECT count(*) FROM payments WHERE state = 'open'`); n != 1 {
		t.Errorf("%d payments are open, want 1", n)
	}
}

// Two buyers reach for the last piece. One gets it, the other is told.
func TestLastPieceIsSoldOnce(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	sku := one[string](t, m, `SELECT sku FROM variants WHERE stocked AND on_hand = 1 AND held = 0 ORDER BY id LIMIT 1`)
	buyers := []*visitor{m.visitor(t), m.visitor(t), m.visitor(t)}
	forms := make([]url.Values, len(buyers))
	for i, v := range buyers {
		v.fill("en", sku)
		forms[i] = buyer()
		forms[i].Set("agreed", agreed(t, v.get("/en/checkout?country=ES").body))
	}
	var wg sync.WaitGroup
	got := make([]answer, len(buyers))
	for i, v := range buyers {
		wg.Go(func() { got[i] = v.post("/en/checkout", forms[i]) })
	}
	wg.Wait()
	served := 0
	for _, a := range got {
		switch a.status {
		case http.StatusSeeOther:
			served++
		case http.StatusConflict:
		default:
			t.Errorf("a buyer was answered with %d", a.status)
		}
	}
	if served != 1 {
		t.Errorf("%d buyers were served, want one", served)
	}
}

func TestWhatTheBuyerTypedIsKept(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	v.fill("en", "KIS-0011")
	tests := []struct{ field, value, said string }{
		{"email", "marta@", "Something is missing"},
		{"email", "", "Where may we write"},
		{"name", "", "Whose name"},
		{"phone", "call me", "Digits, with"},
		{"country", "XX", "Choose a country"}, {"country", "US", "Which state or province"},
		{"postcode", "1801", "not what postcodes look like"},
		{"line1", "", "The street"},
		{"delivery", "pigeon", "Choose how"},
		{"city", strings.Repeat("x", 300), "too long"},
	}
	for _, tt := range tests {
		t.Run(tt.field+" "+tt.value[:min(8, len(tt.value))], func(t *testing.T) {
			form := buyer()
			form.Set(tt.field, tt.value)
			form.Set("landmark", "behind the blue fountain")
			got := v.post("/en/checkout", form)
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, tt.said) {
				t.Errorf("%s=%q was answered with %d and not with %q", tt.field, tt.value, got.status, tt.said)
			}
			if !strings.Contains(got.body, "behind the blue fountain") {
				t.Error("what was typed is lost")
			}
		})
	}
	if n := one[int](t, m, `SELECT count(*) FROM orders`); n != 0 {
		t.Errorf("%d orders were placed by broken forms", n)
	}
}

func TestQuantitiesAreUnderstoodOrExplained(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	tests := []struct {
		typed  string
		status int
		said   string
	}{
		{"0", 422, "A whole number"}, {"-1", 422, "A whole number"}, {"1000000000", 422, "A whole number"},
		{"abc", 422, "A whole number"}, {"1.5", 422, "A whole number"}, {"9", 422, "Only 2"}, {"٢", 303, ""},
		{"1", 422, "All 2 of them"},
	}
	for _, tt := range tests {
		got := v.post("/en/cart/lines", url.Values{"variant": {"KIS-0011"}, "quantity": {tt.typed}})
		if got.status != tt.status || !strings.Contains(got.body, tt.said) {
			t.Errorf("adding %q kilims = %d, says %q: %t; want %d", tt.typed, got.status, tt.said, strings.Contains(got.body, tt.said), tt.status)
		}
	}
	if got := v.post("/en/cart/lines/KIS-0011", url.Values{"quantity": {"abc"}}); got.status != 422 || !strings.Contains(got.body, `value="abc"`) {
		t.Errorf("changing to abc = %d, and abc is kept: %t", got.status, strings.Contains(got.body, `value="abc"`))
	}
	if got := v.post("/en/cart/lines/KIS-0011", url.Values{"quantity": {"0"}}); got.status != 303 || !strings.Contains(v.get("/en/cart").body, "empty") {
		t.Errorf("changing to 0 = %d; want it taken out", got.status)
	}
	if got := v.post("/en/cart/lines", url.Values{"variant": {"NO-SUCH"}}); got.status != http.StatusNotFound {
		t.Errorf("adding what never was = %d, want 404", got.status)
	}
}

func TestForgedBasketIsEmpty(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	for _, forged := range []string{strings.Repeat("a", 26), "../../etc/passwd", strings.Repeat("x", 3000), "%00"} {
		v := m.visitor(t)
		got := v.send(http.MethodGet, "/en/cart", nil, func(r *http.Request) { r.Header.Set("Cookie", "cart="+forged) })
		if got.status != http.StatusOK || !strings.Contains(got.body, "Your basket is empty") {
			t.Errorf("the forged basket %.20q = %d", forged, got.status)
		}
		got = v.send(http.MethodPost, "/en/cart/lines", strings.NewReader("variant=KIS-0011&quantity=1"), func(r *http.Request) {
			r.Header.Set("Cookie", "cart="+forged)
		})
		for _, c := range got.header.Values("Set-Cookie") {
			if strings.HasPrefix(c, "cart="+forged) {
				t.Errorf("a basket was begun under the visitor's own id %.20q", forged)
			}
		}
	}
}

func TestPriceComesFromTheDatabase(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	v.fill("en", "KIS-0011")
	form := buyer()
	form.Set("agreed", "100") // One dirham, says the visitor.
	got := v.post("/en/checkout", form)
	if got.status != http.StatusConflict || !strings.Contains(got.body, "The total is") {
		t.Errorf("agreeing to one dirham = %d; want 409 and the true total", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM orders`); n != 0 {
		t.Errorf("%d orders were placed at the visitor's price", n)
	}
}

func TestPiecesThatCannotBePosted(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	freight := one[string](t, m, `SELECT v.sku FROM variants v JOIN products p ON p.id = v.product_id JOIN revisions r ON r.id = p.live_id WHERE r.ship_mode = 'freight' AND r.buyer_text IS NULL ORDER BY v.id LIMIT 1`)
	soap := one[string](t, m, `SELECT v.sku FROM variants v JOIN products p ON p.id = v.product_id JOIN revisions r ON r.id = p.live_id WHERE 'cosmetic' = ANY (r.compliance) AND v.on_hand > 0 ORDER BY v.id LIMIT 1`)
	for sku, said := range map[string]string{freight: "too large for the post", soap: "not posted to the European Union"} {
		v := m.visitor(t)
		v.fill("en", sku)
		if got := v.get("/en/checkout?country=ES"); !strings.Contains(got.body, said) {
			t.Errorf("the checkout of %s does not say %q", sku, said)
		}
		if got := v.post("/en/checkout", buyer()); got.status != http.StatusUnprocessableEntity && got.status != http.StatusConflict {
			t.Errorf("posting %s = %d, want it refused", sku, got.status)
		}
		form := buyer()
		form.Set("delivery", "collect")
		form.Set("agreed", agreed(t, v.get("/en/checkout?country=ES").body))
		if got := v.post("/en/checkout", form); got.status != http.StatusSeeOther {
			t.Errorf("collecting %s = %d, want 303", sku, got.status)
		}
	}
}

// A card that is refused costs nothing, and another one may do.
func TestDeclinedCardThenAnother(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	v := m.visitor(t)
	v.fill("fr", "KIS-0011")
	p := v.place("fr")
	bad := url.Values{"number": {"4000000000000002"}, "expiry": {"12/39"}, "cvc": {"123"}}
	if got := v.post(p.payPath, bad); got.status != 422 || !strings.Contains(got.body, "a refusé la carte") {
		t.Errorf("the refused card was answered with %d", got.status)
	}
	wrong := url.Values{"number": {"4242424242424241"}, "expiry": {"12/20"}, "cvc": {"1"}}
	if got := v.post(p.payPath, wrong); got.status != 422 || strings.Count(got.body, "field__wrong\"") != 3 {
		t.Errorf("three wrong fields show %d faults", strings.Count(got.body, "field__wrong\""))
	}
	p.pay()
	eventually(t, "the order is paid", func() bool { return p.state() == "paid" })
}

func TestWebhookIsVerifiedAndAppliedOnce(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011")
	events := m.sandbox.Events()
	if len(events) == 0 {
		t.Fatal("the sandbox sent nothing")
	}
	last := events[len(events)-1]
	hook := func(body []byte, signature string) answer {
		return p.send(http.MethodPost, "/webhooks/stripe", bytes.NewReader(body), func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Stripe-Signature", signature)
		})
	}
	before := one[int](t, m, `SELECT count(*) FROM provider_events`)
	tests := []struct {
		name      string
		body      []byte
		signature string
		want      int
	}{
		{"no signature", last.Payload, "", 400},
		{"wrong signature", last.Payload, "t=" + "1700000000" + ",v1=00", 400},
		{"signature of another body", []byte(`{}`), m.sandbox.Sign(last.Payload), 400},
		{"10 MB", bytes.Repeat([]byte("x"), 10<<20), "t=1,v1=00", 400},
		{"the same again", last.Payload, m.sandbox.Sign(last.Payload), 200},
		{"a type we do not know", []byte(`{"id":"evt_unknown","object":"event","type":"planet.aligned","created":1,"data":{"object":{}}}`), "", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == 200 && tt.signature == "" {
				tt.signature = m.sandbox.Sign(tt.body)
			}
			if got := hook(tt.body, tt.signature); got.status != tt.want {
				t.Errorf("the webhook answered %d, want %d", got.status, tt.want)
			}
		})
	}
	if after := one[int](t, m, `SELECT count(*) FROM provider_events`); after != before+1 {
		t.Errorf("%d events are stored, want %d: the unknown one is the only new one", after, before+1)
	}
	if n := one[int](t, m, `SELECT count(*) FROM ledger_transactions WHERE kind = 'payment'`); n != 1 {
		t.Errorf("the sale is booked %d times", n)
	}
}

// Nobody pays: the pieces come back. Then the buyer pays after all.
func TestUnpaidOrderExpiresAndCanBePaidAfterAll(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	v := m.visitor(t)
	v.fill("en", "KIS-0011")
	p := v.place("en")
	if _, err := m.pool.Exec(t.Context(), `UPDATE orders SET pay_by = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	id := one[int64](t, m, `SELECT id FROM orders WHERE token = $1`, p.token)
	if err := m.desk.Expire(t.Context(), orderID(id)); err != nil {
		t.Fatal(err)
	}
	if p.state() != "expired" || one[int](t, m, `SELECT held FROM variants WHERE sku = 'KIS-0011'`) != 0 {
		t.Fatalf("the order is %s", p.state())
	}
	if got := v.get("/en/orders/" + p.token); !strings.Contains(got.body, `data-state="expired"`) {
		t.Error("the page does not say that it expired")
	}
	got := v.post("/en/orders/"+p.token+"/payment", nil)
	if !strings.HasPrefix(got.location, "/sandbox/pay/") {
		t.Fatalf("paying after all leads to %q", got.location)
	}
	p.payPath = got.location
	p.pay()
	eventually(t, "the order is paid", func() bool { return p.state() == "paid" })
}

// The money comes when the piece is gone: it goes back, and both are told.
func TestPaidTooLateIsGivenBack(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	v := m.visitor(t)
	v.fill("en", "KIS-0011")
	p := v.place("en")
	for _, sql := range []string{
		`UPDATE reservations SET state = 'released'`, `UPDATE variants SET held = 0, on_hand = 0 WHERE sku = 'KIS-0011'`,
		`UPDATE orders SET state = 'expired'`, `UPDATE fulfilments SET state = 'cancelled'`,
	} {
		if _, err := m.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	p.pay()
	eventually(t, "the money is given back", func() bool {
		return one[int](t, m, `SELECT count(*) FROM refunds WHERE state = 'done'`) == 1
	})
	if p.state() != "cancelled" {
		t.Errorf("the order is %s, want cancelled", p.state())
	}
	if got := v.get("/en/orders/" + p.token); !strings.Contains(got.body, "on its way back") {
		t.Error("the page does not say that the money goes back")
	}
	if owed, err := ledger.Balance(t.Context(), m.pool, ledger.Buyers); err != nil || !owed.IsZero() {
		t.Errorf("buyers are owed %v, %v; want nothing", owed, err)
	}
	if n := one[int](t, m, `SELECT count(*) FROM mails WHERE key LIKE '%regret%'`); n != 2 {
		t.Errorf("%d letters of regret were written, want 2", n)
	}
}

// The provider is away when the order is placed: the order waits and is paid
// later by its link.
func TestOrderWaitsForTheProvider(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true}, func(c *Config) {
		c.StripeKey, c.StripeWebhook = "sk_test_nobody", "whsec_nobody"
	})
	if err := pointStripeAtNothing(m); err != nil {
		t.Fatal(err)
	}
	v := m.visitor(t)
	v.fill("en", "KIS-0011")
	form := buyer()
	form.Set("agreed", agreed(t, v.get("/en/checkout?country=ES").body))
	got := v.post("/en/checkout", form)
	if got.status != http.StatusSeeOther || !strings.Contains(got.location, "/orders/") {
		t.Fatalf("placing without a provider = %d to %q, want the order's page", got.status, got.location)
	}
	if page := v.get(got.location); !strings.Contains(page.body, "Your order is safe") || !strings.Contains(page.body, "Pay now") {
		t.Error("the page does not say that the order is safe")
	}
}

func TestStaffSeeTheOrder(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011")
	v := m.visitor(t)
	got := v.get("/admin/orders/" + p.number)
	if got.status != http.StatusSeeOther || !strings.Contains(got.location, "/sign-in?next=") {
		t.Fatalf("a stranger at the office = %d to %q, want the sign-in", got.status, got.location)
	}
	next, err := url.QueryUnescape(strings.SplitN(got.location, "next=", 2)[1])
	if err != nil {
		t.Fatal(err)
	}
	if got := v.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"wrong password"}}); got.status != 422 {
		t.Errorf("a wrong password = %d, want 422", got.status)
	}
	got = v.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"demo-admin-2026"}, "next": {next}})
	if got.location != "/admin/orders/"+p.number {
		t.Fatalf("signing in leads to %q, want back to the order", got.location)
	}
	page := v.get(got.location)
	for _, want := range []string{p.number, "Marta García", "marta@example.com", "KIS-0011", "jaouad-benallal", "payée"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the office's page of the order lacks %q", want)
		}
	}
	list := v.get("/admin/orders?q=" + p.number[:3])
	if !strings.Contains(list.body, "/admin/orders/"+p.number) {
		t.Error("the order is not in the list")
	}
	for _, path := range []string{"/admin/orders?state=nonsense&after=zzz", "/admin/orders?q=%25", "/admin/orders/ZZ-ZZZZ"} {
		if got := v.get(path); got.status >= 500 {
			t.Errorf("GET %s = %d", path, got.status)
		}
	}
	v.post("/en/sign-out", nil)
	if got := v.get("/admin/orders"); got.status != http.StatusSeeOther {
		t.Errorf("after signing out the office answers %d", got.status)
	}
}

// Guessing at a password is stopped, whoever guesses.
func TestGuessingIsStopped(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	last := 0
	for range 12 {
		last = v.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"not this one"}}).status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the twelfth guess was answered with %d, want 429", last)
	}
}

func TestOpenRedirectIsRefused(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	for _, next := range []string{"https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "javascript:alert(1)"} {
		v := m.visitor(t)
		got := v.post("/en/sign-in", url.Values{"email": {"admin@kissaria.example"}, "password": {"demo-admin-2026"}, "next": {next}})
		if got.location != "/admin/orders" {
			t.Errorf("next=%q leads to %q", next, got.location)
		}
	}
}
