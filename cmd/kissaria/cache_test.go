package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/postgres/pgtest"
	"kissaria.ma/internal/shipping"
)

// openCachingMarket is openMarket with no picture in the pipeline, for a page
// that shows one is not kept, and with the cache at work.
func openCachingMarket(t testing.TB, r roles, change ...func(*Config)) *market {
	t.Helper()
	m := openMarket(t, r, change...)
	if _, err := m.pool.Exec(t.Context(), `UPDATE pictures SET state = 'failed' WHERE state = 'waiting'`); err != nil {
		t.Fatal(err)
	}
	m.awaitListener(t, 1)
	return m
}

func (m *market) awaitListener(t testing.TB, want float64) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); m.measured(t, "listening") != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("kissaria_page_cache_listening did not become %v", want)
		}
	}
}

// measured returns one of the page cache's metrics, such as "answers_total" of
// "store".
func (m *market) measured(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	for _, c := range m.site.Pages.Metrics() {
		if err := r.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "kissaria_page_cache_"+name {
			continue
		}
		for _, metric := range f.GetMetric() {
			if len(labels) == 0 {
				return metric.GetGauge().GetValue()
			}
			if metric.GetLabel()[0].GetValue() == labels[0] {
				return metric.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no metric %s %v", name, labels)
	return 0
}

// isKept fails the test unless a second visit is answered from the store.
func (v *visitor) isKept(path string) answer {
	v.t.Helper()
	v.get(path)
	before := v.market.measured(v.t, "answers_total", "store")
	got := v.get(path)
	if got.status != http.StatusOK {
		v.t.Errorf("GET %s = %d, want 200", path, got.status)
	}
	if v.market.measured(v.t, "answers_total", "store") != before+1 {
		v.t.Errorf("a second GET %s was not answered from the store", path)
	}
	return got
}

// soon fails the test unless something comes to be almost at once: that takes
// milliseconds, of which a busy machine makes many.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("two seconds later it was not so that %s", what)
		}
	}
}

// A piece that is taken is not offered for a second longer, by any program.
func TestCacheDropsWhatASaleChanges(t *testing.T) {
	m := openCachingMarket(t, roles{web: true, work: true})
	other := startMarket(t, m.pool, roles{web: true})
	other.awaitListener(t, 1)
	var slug, sku string
	err := m.pool.QueryRow(t.Context(), `
		SELECT p.slug, min(v.sku)
		FROM products p
		JOIN variants v ON v.product_id = p.id
		JOIN revisions r ON r.id = p.live_id
		WHERE r.buyer_text IS NULL AND r.ship_mode = 'parcel' AND r.compliance = '{}'
		GROUP BY p.id
		HAVING count(*) = 1 AND bool_and(v.stocked) AND sum(v.on_hand) = 1
		ORDER BY p.slug
		LIMIT 1`).Scan(&slug, &sku)
	if err != nil {
		t.Fatal(err)
	}
	trade := one[string](t, m, `SELECT t.slug FROM products p JOIN trades t ON t.id = p.trade_id WHERE p.slug = $1`, slug)
	product, list := "/en/products/"+slug, "/en/products?ready=1&trade="+trade
	visitors := []*visitor{m.visitor(t), other.visitor(t)}
	for _, v := range visitors {
		if !strings.Contains(v.isKept(product).body, `data-state="on_sale"`) || !strings.Contains(v.isKept(list).body, product) {
			t.Fatalf("%s is not offered to begin with", slug)
		}
	}

	buyer := m.visitor(t)
	buyer.fill("en", sku)
	p := buyer.place("en")
	for _, v := range visitors {
		soon(t, "the piece is held", func() bool { return strings.Contains(v.get(product).body, `data-state="held"`) })
		soon(t, "the list is without it", func() bool { return !strings.Contains(v.get(list).body, product) })
		v.isKept(product)
	}
	p.pay()
	eventually(t, "the order is paid", func() bool { return p.state() == "paid" })
	for _, v := range visitors {
		soon(t, "the piece is sold", func() bool { return strings.Contains(v.get(product).body, `data-state="sold_out"`) })
		v.isKept(product)
	}
}

func TestCacheDropsWhatIsWritten(t *testing.T) {
	m := openCachingMarket(t, roles{web: true})
	v := m.visitor(t)
	const kilim = "kilim-blue-steps"
	id := catalog.ProductID(one[int64](t, m, `SELECT id FROM products WHERE slug = $1`, kilim))
	words := lang.Texts{"fr": "Bleu", "en": "Blue", "ar": "أزرق", "es": "Azul"}
	sibling := one[string](t, m, `
		SELECT s.slug FROM products s JOIN products p ON p.artisan_id = s.artisan_id
		WHERE p.slug = $1 AND s.slug <> p.slug AND s.state = 'on_sale' ORDER BY s.published_at DESC LIMIT 1`, kilim)
	for name, tt := range map[string]struct {
		write func(tx pgx.Tx) error
		drops []string
		keeps []string
	}{
		"a rate": {
			func(tx pgx.Tx) error {
				return shipping.SetRate(t.Context(), tx, shipping.Rate{Rate: money.Rate{Currency: money.EUR, PerUnit: 11}, Date: time.Now()})
			},
			[]string{"/en/products/" + kilim}, []string{"/en/", "/en/products", "/en/artisans"},
		},
		"stock": {
			func(tx pgx.Tx) error { return catalog.RefreshStock(t.Context(), tx, []catalog.ProductID{id}) },
			[]string{"/en/products/" + kilim, "/en/products", "/en/", "/en/trades", "/en/products/" + sibling, "/en/collections/blue-stairs"},
			[]string{"/en/union", "/en/products/house-number-tile", "/en/help/customs"},
		},
		"a card": {
			func(tx pgx.Tx) error { return catalog.Refresh(t.Context(), tx, []catalog.ProductID{id}) },
			[]string{"/en/products/" + kilim, "/en/products/" + sibling, "/en/artisans/jaouad-benallal", "/en/products"},
			[]string{"/en/union"},
		},
		"a collection": {
			func(tx pgx.Tx) error {
				return catalog.AddCollection(t.Context(), tx, catalog.Collection{Slug: "blue", Title: words, Description: words}, -1, []string{kilim})
			},
			[]string{"/en/union", "/en/products/" + kilim, "/en/"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			v.t = t
			for _, path := range append(tt.drops, tt.keeps...) {
				v.isKept(path)
			}
			if err := postgres.InTx(t.Context(), m.pool, tt.write); err != nil {
				t.Fatal(err)
			}
			for _, path := range tt.drops {
				soon(t, path+" is made anew", func() bool {
					before := m.measured(t, "answers_total", "made")
					v.get(path)
					return m.measured(t, "answers_total", "made") > before
				})
			}
			for _, path := range tt.keeps {
				before := m.measured(t, "answers_total", "made")
				if v.get(path); m.measured(t, "answers_total", "made") > before {
					t.Errorf("%s was dropped for nothing", path)
				}
			}
			if name == "a collection" && !strings.Contains(v.get("/en/union").body, "/en/collections/blue\"") {
				t.Error("the footer does not show the new collection")
			}
		})
	}
}

// A page with a picture that is being made is not kept; one with a picture
// that could not be made is, until it is made after all.
func TestCacheShowsAPictureOnceItIsReady(t *testing.T) {
	m := openCachingMarket(t, roles{web: true})
	v := m.visitor(t)
	const path = "/en/products/kilim-blue-steps"
	id := one[int64](t, m, `
		SELECT rp.picture_id FROM products p JOIN revision_pictures rp ON rp.revision_id = p.live_id
		WHERE p.slug = 'kilim-blue-steps' ORDER BY rp.position LIMIT 1`)
	if strings.Contains(v.isKept(path).body, "/media/") {
		t.Fatal("the page shows a picture to begin with")
	}
	if _, err := m.pool.Exec(t.Context(), `UPDATE pictures SET state = 'waiting' WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		before := m.measured(t, "answers_total", "made")
		v.get("/fr/products/kilim-blue-steps")
		if m.measured(t, "answers_total", "made") != before+1 {
			t.Error("a page with a picture in the pipeline was kept")
		}
	}
	if err := m.library.Render(t.Context(), media.PictureID(id)); err != nil {
		t.Fatal(err)
	}
	soon(t, "the picture shows", func() bool { return strings.Contains(v.get(path).body, "/media/") })
	v.isKept("/fr/products/kilim-blue-steps")
}

// administer runs statements from another database, with the name of the
// market's for %s.
func (m *market) administer(t *testing.T, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, fmt.Sprintf(s, m.pool.Config().ConnConfig.Database)); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

const (
	refuseNew    = `ALTER DATABASE %s ALLOW_CONNECTIONS false`
	acceptNew    = `ALTER DATABASE %s ALLOW_CONNECTIONS true`
	cutAll       = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'`
	cutListeners = cutAll + ` AND application_name = '` + postgres.ListenerName + `'`
)

// Who does not hear of changes must not keep a page, or serve one that was kept.
func TestCacheIsOffWhileChangesAreNotHeard(t *testing.T) {
	m := openCachingMarket(t, roles{web: true})
	v := m.visitor(t)
	v.isKept("/en/products")
	m.administer(t, refuseNew, cutListeners)
	m.awaitListener(t, 0)
	stored, made := m.measured(t, "answers_total", "store"), m.measured(t, "answers_total", "made")
	for range 3 {
		if got := v.get("/en/products"); got.status != http.StatusOK || got.header.Get("Warning") != "" || got.header.Get("ETag") == "" {
			t.Errorf("GET /en/products = %d, Warning %q, ETag %q", got.status, got.header.Get("Warning"), got.header.Get("ETag"))
		}
	}
	if s, n := m.measured(t, "answers_total", "store"), m.measured(t, "answers_total", "made"); s != stored || n != made+3 {
		t.Errorf("of three pages %v came from the store and %v were made, want 0 and 3", s-stored, n-made)
	}
	m.administer(t, acceptNew)
	m.awaitListener(t, 1)
	if n := m.measured(t, "dropped_total", "missed"); n == 0 {
		t.Error("what was kept before was kept on")
	}
	v.isKept("/en/products")
}

func TestCacheIsAllThereIsWhileTheDatabaseIsAway(t *testing.T) {
	m := openCachingMarket(t, roles{web: true})
	v := m.visitor(t)
	whole := v.isKept("/en/products")
	m.administer(t, refuseNew, cutAll)
	defer m.administer(t, acceptNew) // Also when this fails: the market is to stop well.
	m.awaitListener(t, 0)
	for range 3 {
		got := v.get("/en/products")
		if got.status != http.StatusOK || got.body != whole.body || got.header.Get("Warning") == "" || got.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("the stored page came as %d with %d bytes and %v, want the %d bytes of before with a warning",
				got.status, len(got.body), got.header, len(whole.body))
		}
	}
	got := v.get("/en/products/kilim-blue-steps")
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("a page that is not stored came as %d, want 503 with Retry-After", got.status)
	}
	m.administer(t, acceptNew)
	m.awaitListener(t, 1)
	eventually(t, "the page is fresh again", func() bool {
		got := v.get("/en/products")
		return got.status == http.StatusOK && got.header.Get("Warning") == ""
	})
	v.isKept("/en/products/kilim-blue-steps")
}

// A public page is the same whoever asks, and whether it is kept or not.
func TestCachedPagesAreTheSameForEveryVisitor(t *testing.T) {
	m := openCachingMarket(t, roles{web: true})
	bare := startMarket(t, m.pool, roles{web: true}, func(c *Config) { c.PageCacheMB, c.PublicURL = 0, m.url })
	someone, nobody := m.visitor(t), bare.visitor(t)
	someone.fill("fr", "KIS-0011")
	for _, l := range lang.All {
		for _, path := range []string{"/", "/products", "/products?sort=price&trade=leather&ready=1&min=", "/products/kilim-blue-steps", "/trades",
			"/trades/pottery", "/artisans", "/artisans?trade=pottery", "/artisans/jaouad-benallal", "/collections/blue-stairs", "/union",
			"/union/committees", "/help/customs"} {
			path = "/" + l.Code + path
			kept := someone.isKept(path)
			if made := nobody.get(path); made.body != kept.body || made.header.Get("ETag") != kept.header.Get("ETag") {
				t.Errorf("GET %s is another page for someone with a basket", path)
			}
			if kept.header.Get("Set-Cookie") != "" || !strings.HasPrefix(kept.header.Get("Cache-Control"), "public") {
				t.Errorf("GET %s sets %q, and may be kept as %q", path, kept.header.Get("Set-Cookie"), kept.header.Get("Cache-Control"))
			}
			again := someone.send(http.MethodGet, path, nil, func(r *http.Request) { r.Header.Set("If-None-Match", kept.header.Get("ETag")) })
			if again.status != http.StatusNotModified || again.body != "" {
				t.Errorf("GET %s with its ETag = %d, want 304", path, again.status)
			}
		}
	}
	for _, path := range []string{"/fr/cart", "/fr/checkout", "/fr/products?q=kilim"} {
		before := m.measured(t, "answers_total", "store") + m.measured(t, "answers_total", "made")
		if got := someone.get(path); got.header.Get("ETag") != "" || got.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("GET %s may be kept: %v", path, got.header)
		}
		if m.measured(t, "answers_total", "store")+m.measured(t, "answers_total", "made") != before {
			t.Errorf("GET %s went through the page cache", path)
		}
	}
	if m.measured(t, "bytes") <= 0 || m.measured(t, "pages") <= 0 || bare.measured(t, "pages") != 0 {
		t.Errorf("the cache holds %v bytes of %v pages, and that of no size %v", m.measured(t, "bytes"), m.measured(t, "pages"), bare.measured(t, "pages"))
	}
}

// BenchmarkPublicPage asks for pages through the whole router, without a
// network.
func BenchmarkPublicPage(b *testing.B) {
	for _, kept := range []bool{true, false} {
		b.Run(map[bool]string{true: "kept", false: "made"}[kept], func(b *testing.B) {
			m := openMarket(b, roles{web: true}, func(c *Config) {
				c.LogLevel = "error"
				if !kept {
					c.PageCacheMB = 0
				}
			})
			if _, err := m.pool.Exec(b.Context(), `UPDATE pictures SET state = 'failed' WHERE state = 'waiting'`); err != nil {
				b.Fatal(err)
			}
			if kept {
				m.awaitListener(b, 1)
			}
			for _, path := range []string{"/en/", "/en/products", "/en/products/kilim-blue-steps"} {
				b.Run(path, func(b *testing.B) {
					r := httptest.NewRequest(http.MethodGet, path, nil)
					r.Header.Set("Accept-Encoding", "br")
					b.ReportAllocs()
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							w := httptest.NewRecorder()
							m.router.ServeHTTP(w, r)
							if w.Code != http.StatusOK {
								b.Errorf("GET %s = %d", path, w.Code)
							}
						}
					})
				})
			}
		})
	}
}
