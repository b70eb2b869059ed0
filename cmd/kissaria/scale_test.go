package main

import (
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/demo/scale"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/ledger"
	"kissaria.ma/internal/order"
)

// A market that was made large is as sound as a small one.
func TestLargeMarketIsSound(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	size := scale.Full.Times(0.002)
	if err := scale.Fill(t.Context(), m.pool, size, time.Now(), func(string) {}); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]int{
		`SELECT count(*) FROM artisans WHERE slug LIKE 'workshop-%'`:            size.Artisans,
		`SELECT count(*) FROM products WHERE slug LIKE 'piece-%'`:               size.Products,
		`SELECT count(*) FROM orders`:                                           size.Orders,
		`SELECT count(DISTINCT order_id) FROM order_lines`:                      size.Orders,
		`SELECT count(*) FROM audit WHERE subject LIKE 'order:%'`:               size.Audit,
		`SELECT count(*) FROM revisions WHERE state = 'submitted' AND id > 200`: size.Products / 50,
	} {
		if n := one[int](t, m, what); n != want {
			t.Errorf("%s = %d, want %d", what, n, want)
		}
	}
	if sum, unbalanced, err := ledger.Check(t.Context(), m.pool); err != nil || sum != 0 || len(unbalanced) > 0 {
		t.Errorf("the ledger is off by %d, %v, %v", sum, unbalanced, err)
	}
	if c, err := identity.CheckAudit(t.Context(), m.pool, ""); err != nil || !c.Whole() {
		t.Errorf("the audit is %+v, %v", c, err)
	}
	if wrong, slugs, err := catalog.CheckCards(t.Context(), m.pool); err != nil || wrong > 0 {
		t.Errorf("%d cards are wrong: %v, %v", wrong, slugs, err)
	}
	if wrong, days, err := order.CheckSales(t.Context(), m.pool); err != nil || wrong > 0 {
		t.Errorf("%d sums of sales are wrong: %v, %v", wrong, days, err)
	}
	if err := scale.Fill(t.Context(), m.pool, size, time.Now(), func(string) {}); !errors.Is(err, scale.ErrLarge) {
		t.Errorf("making it large twice: %v", err)
	}
	staff := m.staff(t)
	for _, path := range officePages(t, m) {
		if got := staff.get(path); got.status != http.StatusOK && got.status != http.StatusSeeOther {
			t.Errorf("%s = %d", path, got.status)
		}
	}
	if got := m.visitor(t).get("/en/products?q=kilim"); got.status != http.StatusOK {
		t.Errorf("searching a large market = %d", got.status)
	}
}

var large = flag.Float64("scale", 0.01, "how large the market of BenchmarkOffice is: 1 has 100 000 products, 10 000 artisans, 300 000 orders and 3 000 000 rows of audit")

// BenchmarkOffice asks for every page of the office of a large market, through
// the whole router and without a network. A page is held to 150 ms and twelve
// queries; see docs/benchmarks.md.
func BenchmarkOffice(b *testing.B) {
	m := openMarket(b, roles{web: true})
	begin := time.Now()
	if err := scale.Fill(b.Context(), m.pool, scale.Full.Times(*large), begin, func(string) {}); err != nil {
		b.Fatal(err)
	}
	b.Logf("a market of %+v was made in %v", scale.Full.Times(*large), time.Since(begin).Round(time.Second))
	staff := m.staff(b)
	at, err := url.Parse(m.url)
	if err != nil {
		b.Fatal(err)
	}
	number := one[string](b, m, `SELECT number FROM orders WHERE state = 'paid' ORDER BY placed_at DESC LIMIT 1`)
	waiting := one[string](b, m, `SELECT '/admin/queue/' || p.slug || '/1' FROM revisions r JOIN products p ON p.id = r.product_id WHERE r.state = 'submitted' ORDER BY r.id LIMIT 1`)
	pages := append(officePages(b, m), "/admin/orders/"+number, "/admin/artisans/workshop-1", waiting, "/admin/orders?q="+number, "/admin/orders?q=buyer77", "/admin/search?q=blanket",
		"/admin/audit?subject=order:77", "/admin/artisans?state=active&after=workshop-5")
	for _, path := range pages {
		b.Run(path, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			for _, c := range staff.client.Jar.Cookies(at) {
				r.AddCookie(c)
			}
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				m.router.ServeHTTP(w, r)
				if w.Code >= http.StatusBadRequest {
					b.Fatalf("GET %s = %d", path, w.Code)
				}
			}
			said := asked.FindAllStringSubmatch(m.logs.String(), -1)
			n, err := strconv.ParseFloat(said[len(said)-1][4], 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(n, "queries")
		})
	}
}
