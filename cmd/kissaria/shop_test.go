package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kissaria.ma/internal/lang"
)

func TestPublicPagesAnswerInEveryLanguage(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	paths := []string{"/", "/products", "/products?trade=leather&ready=1&sort=price", "/products/kilim-blue-steps",
		"/products/grey-winter-djellaba", "/products/house-number-tile", "/trades", "/trades/pottery", "/artisans",
		"/artisans/jaouad-benallal", "/collections/blue-stairs", "/union", "/union/committees", "/help/customs", "/cart", "/sign-in"}
	for _, l := range lang.All {
		v := m.visitor(t)
		for _, path := range paths {
			got := v.get("/" + l.Code + path)
			if got.status != http.StatusOK {
				t.Errorf("GET /%s%s = %d, want 200", l.Code, path, got.status)
			}
			if !strings.Contains(got.body, `<html lang="`+l.Code+`" dir="`+l.Dir+`">`) {
				t.Errorf("GET /%s%s is not marked as %s", l.Code, path, l.Code)
			}
			if i := strings.Index(got.body, "⟦"); i >= 0 {
				t.Errorf("GET /%s%s shows a key without a message: %.60s", l.Code, path, got.body[i:])
			}
		}
	}
}

func TestFrontDoorAnswersInTheVisitorsLanguage(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	for accept, want := range map[string]string{
		"fr-FR,fr;q=0.9,en;q=0.5": "/fr/", "ar-MA": "/ar/", "es-419": "/es/", "de": "/en/", "": "/en/",
		strings.Repeat("fr,", 1000): "/en/",
	} {
		v := m.visitor(t)
		got := v.send(http.MethodGet, "/", nil, func(r *http.Request) { r.Header.Set("Accept-Language", accept) })
		if got.location != want {
			t.Errorf("Accept-Language %.30q leads to %q, want %q", accept, got.location, want)
		}
	}
}

func TestFacetsNarrowTheList(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	tests := []struct{ name, query, has, hasNot string }{
		{"by trade", "trade=leather", "Kharrazine", "kilim-blue-steps"},
		{"by words in another language", "q=حنبل", "kilim-blue-steps", "yellow-babouche"},
		{"by words without their accents", "q=zellige+etoile", "products/", "kilim-blue-steps"},
		{"by maker", "q=benallal", "kilim-blue-steps", "grey-winter-djellaba"},
		{"by price", "min=2000&max=2300", "kilim-blue-steps", "mendil-everyday-narrow"},
		{"what is not ready", "q=djellaba&ready=1", "child-djellaba-hood", "grey-winter-djellaba"},
		{"nothing at all", "q=helicopter", "Nothing fits", "product-card"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := v.get("/en/products?" + tt.query)
			if !strings.Contains(got.body, tt.has) {
				t.Errorf("?%s does not show %q", tt.query, tt.has)
			}
			if strings.Contains(got.body, tt.hasNot) {
				t.Errorf("?%s shows %q", tt.query, tt.hasNot)
			}
		})
	}
}

// Going from page to page shows every piece once.
func TestPagingShowsEveryPieceOnce(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	for _, sort := range []string{"newest", "price", "price_desc"} {
		seen := map[string]int{}
		path := "/en/products?sort=" + sort
		for range 20 {
			body := v.get(path).body
			for part := range strings.SplitSeq(body, `product-card__title"><a href="/en/products/`) {
				if slug, _, ok := strings.Cut(part, `">`); ok && !strings.Contains(slug, "<") {
					seen[slug]++
				}
			}
			_, rest, more := strings.Cut(body, `btn--wide" href="`)
			if !more {
				break
			}
			path, _, _ = strings.Cut(rest, `"`)
			path = strings.ReplaceAll(path, "&amp;", "&")
		}
		if len(seen) != 160 {
			t.Errorf("sorted by %s, %d pieces were shown, want 160", sort, len(seen))
		}
		for slug, n := range seen {
			if n > 1 {
				t.Errorf("sorted by %s, %s was shown %d times", sort, slug, n)
			}
		}
	}
}

func TestBadInputIsAnsweredKindly(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	tests := []struct {
		name, path string
		status     int
		has        string
	}{
		{"unknown slug", "/fr/products/no-such-piece", 404, `role="search"`},
		{"unknown page", "/ar/nowhere", 404, `<html lang="ar" dir="rtl">`},
		{"unknown page without a language", "/nowhere", 404, "Kissaria"},
		{"unknown artisan", "/es/artisans/nobody", 404, `role="search"`},
		{"made-up facet", "/en/products?trade=astrology", 200, "Nothing fits"},
		{"facet of another kind", "/en/products?trade=../../etc", 200, "product-card"},
		{"negative price", "/en/products?min=-5&max=-1", 200, "product-card"},
		{"price that is no number", "/en/products?min=abc&max=1e999", 200, "product-card"},
		{"rubbish to go on from", "/en/products?after=%00%FF", 400, "Kissaria"},
		{"forged cursor", "/en/products?after=bmV3ZXN0Lng", 200, "product-card"},
		{"made-up sort", "/en/products?sort=;drop", 200, "product-card"},
		{"10 kB of query", "/en/products?q=" + strings.Repeat("x", 10_000), 400, "Kissaria"},
		{"wildcards in a search", "/en/products?q=%25%25__", 200, "product-card"},
		{"a long search", "/en/products?q=" + strings.Repeat("kilim+", 300), 200, ""},
		{"broken UTF-8", "/en/products?q=%C3%28", 200, ""},
		{"a path out of the assets", "/assets/..%2f..%2fgo.mod", 404, ""},
		{"a path out of the pictures", "/media/..%2f..%2fsecret/320.webp", 404, ""},
		{"a picture of no size", "/media/aaaaaaaaaaaaaaaaaaaaaaaaaa/0.webp", 404, ""},
		{"an order that is not", "/en/orders/aaaaaaaaaaaaaaaaaaaaaaaaaa", 404, ""},
		{"an order by rubbish", "/en/orders/%27%20or%201=1", 404, ""},
		{"a payment that is not", "/sandbox/pay/cs_test_nothing", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := v.get(tt.path)
			if got.status != tt.status || !strings.Contains(got.body, tt.has) {
				t.Errorf("GET %.80s = %d with %q: %t; want %d and true", tt.path, got.status, tt.has, strings.Contains(got.body, tt.has), tt.status)
			}
		})
	}
}

func TestTrustFromTheFirstPage(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	got := v.get("/en/products/kilim-blue-steps")
	csp := got.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("the policy %q allows something unsafe", csp)
	}
	if strings.Contains(got.body, " style=") || strings.Contains(got.body, "<script>") {
		t.Error("the page has style or script of its own, which the policy refuses")
	}
	for _, site := range []string{"cross-site", "same-site"} {
		got := v.send(http.MethodPost, "/en/cart/lines", strings.NewReader("variant=KIS-0011"), func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", site)
		})
		if got.status != http.StatusForbidden {
			t.Errorf("a %s form was answered with %d, want 403", site, got.status)
		}
	}
	got = v.post("/en/cart/lines", url.Values{"variant": {"KIS-0011"}, "quantity": {"1"}})
	for _, c := range got.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, "cart=") && (!strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax")) {
			t.Errorf("the basket's cookie is %q", c)
		}
	}
	if big := v.post("/en/checkout", url.Values{"name": {strings.Repeat("x", 1<<20)}}); big.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of a megabyte was answered with %d, want 413", big.status)
	}
}

func TestLogHoldsNothingPersonal(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	o := m.buy(t, "en", "KIS-0011")
	for _, secret := range []string{"marta@example.com", "Marta", "Elvira", o.token, "4242424242424242"} {
		if strings.Contains(m.logs.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestReadyTellsTheTruth(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	if got := v.get("/readyz"); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "pictures") {
		t.Errorf("before the front page has its pictures, /readyz = %d %q; want 503", got.status, got.body)
	}
	if _, err := m.pool.Exec(t.Context(), `UPDATE pictures SET state = 'failed'`); err != nil {
		t.Fatal(err)
	}
	if got := v.get("/readyz"); got.status != http.StatusOK {
		t.Errorf("with nothing waiting, /readyz = %d %q; want 200", got.status, got.body)
	}
	m.draining.Store(true)
	if got := v.get("/readyz"); got.status != http.StatusServiceUnavailable {
		t.Errorf("while stopping, /readyz = %d; want 503", got.status)
	}
	m.draining.Store(false)
	if got := v.get("/livez"); got.status != http.StatusOK {
		t.Errorf("/livez = %d, want 200", got.status)
	}
}

// Without Redis people can look around, and the basket says so kindly.
func TestBrowsingWorksWithoutRedis(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true}, func(c *Config) { c.RedisURL = "redis://127.0.0.1:1" })
	v := m.visitor(t)
	for path, want := range map[string]int{"/en/": 200, "/en/products?q=kilim": 200, "/en/products/kilim-blue-steps": 200, "/en/cart": 200} {
		if got := v.get(path); got.status != want {
			t.Errorf("GET %s without Redis = %d, want %d", path, got.status, want)
		}
	}
	got := v.post("/en/cart/lines", url.Values{"variant": {"KIS-0011"}})
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("putting a piece in the basket without Redis = %d, want 503 with Retry-After", got.status)
	}
}
