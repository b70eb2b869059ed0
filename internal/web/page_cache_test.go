package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/union"
)

// A stall is a site with one public page, at /en/stall, and a clock of its own.
type stall struct {
	*Site
	router *gin.Engine
	clock  time.Time
	drawn  atomic.Int64 // times that the page was made
	draw   func(c *gin.Context) error
}

func openStall(t testing.TB, most int) *stall {
	t.Helper()
	zone, err := time.LoadLocation("Africa/Casablanca")
	if err != nil {
		t.Fatal(err)
	}
	s := &stall{clock: time.Date(2026, 12, 8, 10, 0, 0, 0, zone)}
	s.Site = &Site{Pages: NewPageCache(most), Now: func() time.Time { return s.clock }, Log: slog.New(slog.DiscardHandler)}
	s.profile.read = union.Profile{Location: zone}
	s.profile.expires = time.Now().Add(time.Hour)
	s.draw = func(c *gin.Context) error {
		MadeOf(c.Request.Context(), union.Lists)
		s.page(c, fmt.Sprintf("<p>%s?%s</p>", c.Request.URL.Path, c.Request.URL.RawQuery)+strings.Repeat("<li>A kilim in blue steps</li>", 300))
		return nil
	}
	if s.router, err = s.Router(); err != nil {
		t.Fatal(err)
	}
	query := func(q url.Values) (url.Values, bool) {
		known := url.Values{}
		for _, name := range []string{"a", "b"} {
			if v := q.Get(name); v != "" {
				known.Set(name, v)
			}
		}
		return known, q.Get("q") == ""
	}
	handle := s.Public(func(c *gin.Context) error {
		s.drawn.Add(1)
		return s.draw(c)
	}, query)
	l := lang.Or("en")
	for _, path := range []string{"/en/stall", "/en/stall/:slug"} {
		s.router.GET(path, SetLanguage(l), handle)
		s.router.HEAD(path, SetLanguage(l), handle)
	}
	s.Pages.begin()
	return s
}

// page sends what Render would.
func (s *stall) page(c *gin.Context, body string) {
	madeForAll(c.Request.Context())
	c.Header("Cache-Control", "public, max-age=0, s-maxage=60")
	c.Header("Content-Language", "en")
	s.send(c, http.StatusOK, "text/html; charset=utf-8", bytes.NewBufferString(body))
}

func (s *stall) ask(method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	return w
}

// wantDrawn fails the test unless the page has been made so many times.
func (s *stall) wantDrawn(t *testing.T, want int64, after string) {
	t.Helper()
	if got := s.drawn.Load(); got != want {
		t.Errorf("after %s the page has been made %d times, want %d", after, got, want)
	}
}

func TestPageCacheKeepsAPageUntilWhatItShowsChanges(t *testing.T) {
	s := openStall(t, 1<<20)
	first := s.ask("GET", "/en/stall")
	second := s.ask("GET", "/en/stall", "Cookie", "cart=x; language=fr", "Accept-Language", "fr")
	s.wantDrawn(t, 1, "two visits")
	if first.Code != 200 || !bytes.Equal(first.Body.Bytes(), second.Body.Bytes()) || first.Body.Len() < 1000 {
		t.Errorf("the visitors got %d with %d bytes and %d bytes, want the same page", first.Code, first.Body.Len(), second.Body.Len())
	}
	s.Pages.drop([]string{"product:1"})
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 1, "a change elsewhere")
	s.Pages.drop([]string{"product:1", union.Lists})
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 2, "a change of what it shows")
	s.Pages.drop([]string{union.Everywhere})
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 3, "a change of what stands around it")
}

func TestPageCacheKeepsNothingWhileItHearsNothing(t *testing.T) {
	s := openStall(t, 1<<20)
	s.ask("GET", "/en/stall")
	s.Pages.suspend()
	s.ask("GET", "/en/stall")
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 3, "two visits while nothing is heard")
	s.Pages.begin()
	s.ask("GET", "/en/stall")
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 4, "two visits when it hears again")
}

func TestPageCacheForgetsByTime(t *testing.T) {
	s := openStall(t, 1<<20)
	s.ask("GET", "/en/stall")
	s.clock = s.clock.Add(keepFor - time.Second)
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 1, "almost five minutes")
	s.clock = s.clock.Add(2 * time.Second)
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 2, "five minutes")

	zone := s.clock.Location()
	s.clock = time.Date(2026, 12, 8, 23, 59, 0, 0, zone)
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 3, "half a day")
	s.clock = time.Date(2026, 12, 8, 23, 59, 59, 0, zone)
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 3, "the day's last second")
	s.clock = time.Date(2026, 12, 9, 0, 0, 0, 0, zone)
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 4, "midnight")
}

func TestPageCacheSendsWhatTheBrowserTakes(t *testing.T) {
	s := openStall(t, 1<<20)
	etags := map[string]string{}
	plain := s.ask("GET", "/en/stall").Body.Bytes()
	for accept, encoding := range map[string]string{"": "", "gzip": "gzip", "gzip, br": "br", "br;q=0, gzip": "gzip", "zstd": ""} {
		got := s.ask("GET", "/en/stall", "Accept-Encoding", accept)
		body := io.Reader(bytes.NewReader(got.Body.Bytes()))
		switch encoding {
		case "br":
			body = brotli.NewReader(body)
		case "gzip":
			var err error
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		b, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(b, plain) {
			t.Errorf("for %q the body is another one (%v)", accept, err)
		}
		h := got.Header()
		if h.Get("Content-Encoding") != encoding || h.Get("Content-Length") != fmt.Sprint(got.Body.Len()) ||
			h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("for %q the header is %v", accept, h)
		}
		etags[encoding] = h.Get("ETag")

		head := s.ask("HEAD", "/en/stall", "Accept-Encoding", accept)
		if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("ETag") != h.Get("ETag") || head.Header().Get("Content-Length") != h.Get("Content-Length") {
			t.Errorf("HEAD for %q = %d, %d bytes, %v", accept, head.Code, head.Body.Len(), head.Header())
		}
	}
	s.wantDrawn(t, 1, "all of them")
	if len(etags) != 3 || etags["br"] == etags["gzip"] || etags["gzip"] == etags[""] {
		t.Errorf("the encodings are named %v, want three names", etags)
	}
	for named, want := range map[string]int{
		etags["br"]: 304, "W/" + etags["br"]: 304, `"x", ` + etags["br"]: 304, "*": 304, etags["gzip"]: 200, `"x"`: 200,
	} {
		got := s.ask("GET", "/en/stall", "Accept-Encoding", "br", "If-None-Match", named)
		if got.Code != want || want == 304 && (got.Body.Len() > 0 || got.Header().Get("ETag") != etags["br"] || got.Header().Get("Cache-Control") == "") {
			t.Errorf("If-None-Match: %s = %d with %d bytes and %v, want %d", named, got.Code, got.Body.Len(), got.Header(), want)
		}
	}
}

func TestPageCacheOfNothing(t *testing.T) {
	s := openStall(t, 0)
	for i := range int64(3) {
		got := s.ask("GET", "/en/stall", "Accept-Encoding", "br")
		if got.Code != 200 || got.Header().Get("ETag") == "" {
			t.Errorf("without room a page is %d, named %q", got.Code, got.Header().Get("ETag"))
		}
		s.wantDrawn(t, i+1, "a visit")
	}
}

// However many addresses are made up, memory is bounded, and the pages that
// people come for stay.
func TestPageCacheStandsAFlood(t *testing.T) {
	const most = 200_000
	s := openStall(t, most)
	s.ask("GET", "/en/stall")
	for i := range 100 {
		s.ask("GET", fmt.Sprintf("/en/stall?made_up=%d", i))
		s.ask("GET", fmt.Sprintf("/en/stall?utm_source=%d&b=&a=", i))
	}
	s.wantDrawn(t, 1, "two hundred made-up parameters")
	s.ask("GET", "/en/stall?b=2&a=1")
	s.ask("GET", "/en/stall?x=3&a=1&b=2&a=7")
	s.wantDrawn(t, 2, "one choice asked for in two ways")
	if body := s.ask("GET", "/en/stall?evil=%22&b=2&a=1").Body.String(); !strings.HasPrefix(body, "<p>/en/stall?a=1&b=2</p>") {
		t.Errorf("the page was made for another address: %.60s", body)
	}
	for i := range 1000 {
		s.ask("GET", fmt.Sprintf("/en/stall?a=%d", i))
	}
	s.wantDrawn(t, 1002, "a thousand made-up values")
	s.ask("GET", "/en/stall?q=kilim")
	s.ask("GET", "/en/stall?q=kilim")
	s.ask("GET", "/en/stall?a="+strings.Repeat("x", 600))
	s.ask("GET", "/en/stall?a="+strings.Repeat("x", 600))
	s.wantDrawn(t, 1006, "what is not kept")
	s.ask("GET", "/en/stall")
	s.wantDrawn(t, 1006, "the page that people come for")
	checkBooks(t, s.Pages, most)
}

func TestPageCacheLetsGoWhatWasNotAskedForLongest(t *testing.T) {
	s := openStall(t, 20_000)
	for i := range 5 {
		s.ask("GET", fmt.Sprintf("/en/stall/%d", i))
		s.ask("GET", "/en/stall/0")
	}
	s.wantDrawn(t, 5, "five pages")
	for i := range 20 {
		s.ask("GET", fmt.Sprintf("/en/stall/%d", 10+i))
		s.ask("GET", "/en/stall/0")
	}
	s.wantDrawn(t, 25, "twenty more, with the first asked for again and again")
	s.ask("GET", "/en/stall/1")
	s.wantDrawn(t, 26, "the one that nobody asked for since")
	checkBooks(t, s.Pages, 20_000)
}

// checkBooks compares what the cache thinks that it holds with what it holds.
func checkBooks(t *testing.T, p *PageCache, most int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	bytes, tags := 0, 0
	for _, kept := range p.pages {
		bytes += kept.size()
		tags += len(kept.tags)
	}
	for _, tagged := range p.tagged {
		tags -= len(tagged)
	}
	if bytes != p.plain.bytes+p.queried.bytes || bytes > most || tags != 0 || len(p.pages) != p.plain.Len()+p.queried.Len() {
		t.Errorf("%d pages of %d bytes with %d tags too many; the shelves hold %d and %d pages of %d and %d bytes, of %d at most",
			len(p.pages), bytes, tags, p.plain.Len(), p.queried.Len(), p.plain.bytes, p.queried.bytes, most)
	}
	if len(p.flights) != 0 || len(p.making) != 0 {
		t.Errorf("%d and %d pages are still being made", len(p.flights), len(p.making))
	}
}

func TestPageCacheMakesAPageOnceForACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStall(t, 1<<20)
		plain := s.draw
		s.draw = func(c *gin.Context) error {
			time.Sleep(time.Second)
			return plain(c)
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := s.ask("GET", "/en/stall"); got.Code != 200 || got.Body.Len() < 1000 {
					t.Errorf("one of the crowd got %d with %d bytes", got.Code, got.Body.Len())
				}
			})
		}
		wg.Wait()
		s.wantDrawn(t, 1, "a crowd")
		checkBooks(t, s.Pages, 1<<20)
	})
}

// The first visitor's going away must not be the others' loss.
func TestPageCacheOutlastsTheFirstVisitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStall(t, 1<<20)
		plain := s.draw
		s.draw = func(c *gin.Context) error {
			time.Sleep(time.Second)
			if err := c.Request.Context().Err(); err != nil {
				return err
			}
			return plain(c)
		}
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			s.router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/en/stall", nil))
		})
		synctest.Wait()
		wg.Go(func() {
			if got := s.ask("GET", "/en/stall"); got.Code != 200 {
				t.Errorf("the second visitor got %d", got.Code)
			}
		})
		synctest.Wait()
		leave()
		wg.Wait()
		s.wantDrawn(t, 1, "two visitors, of whom one left")
		s.ask("GET", "/en/stall")
		s.wantDrawn(t, 1, "a third")
	})
}

// A first visitor for whom it goes wrong, or takes for ever, costs the others
// nothing but a little time.
func TestPageCacheFailsForNobodyElse(t *testing.T) {
	for name, misfortune := range map[string]func(c *gin.Context) error{
		"an error": func(*gin.Context) error { time.Sleep(time.Second); return errors.New("broken") },
		"a panic":  func(*gin.Context) error { time.Sleep(time.Second); panic("broken") },
		"slowness": func(c *gin.Context) error { <-c.Request.Context().Done(); return c.Request.Context().Err() },
		"a page of its own": func(c *gin.Context) error {
			time.Sleep(time.Second)
			c.Redirect(http.StatusFound, "/en/elsewhere")
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStall(t, 1<<20)
				plain := s.draw
				var turn atomic.Int64
				s.draw = func(c *gin.Context) error {
					if turn.Add(1) == 1 {
						return misfortune(c)
					}
					return plain(c)
				}
				var wg sync.WaitGroup
				// The apology as JSON, for this site has no templates.
				wg.Go(func() { s.ask("GET", "/en/stall", "Accept", "application/json") })
				synctest.Wait()
				for range 5 {
					wg.Go(func() {
						if got := s.ask("GET", "/en/stall"); got.Code != 200 {
							t.Errorf("another visitor got %d", got.Code)
						}
					})
				}
				wg.Wait()
				if s.ask("GET", "/en/stall"); s.ask("GET", "/en/stall").Code != 200 {
					t.Error("the page does not come back")
				}
				checkBooks(t, s.Pages, 1<<20)
			})
		})
	}
}

// A page that was begun before a change is not kept after it, and whoever comes
// after the change does not get it.
func TestPageCacheDoesNotKeepWhatChangedMeanwhile(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile     func(p *PageCache)
		second, third string // what visitors after the change get
		drawn         int64  // in all
	}{
		"nothing":               {func(*PageCache) {}, "old", "old", 1},
		"a change of it":        {func(p *PageCache) { p.drop([]string{"x", union.Lists}) }, "new", "new", 2},
		"a change elsewhere":    {func(p *PageCache) { p.drop([]string{"product:9"}) }, "old", "old", 2}, // Nobody knows yet that it is elsewhere.
		"a loss and a return":   {func(p *PageCache) { p.suspend(); p.begin() }, "new", "new", 2},
		"a loss without return": {func(p *PageCache) { p.suspend() }, "old", "new", 2}, // The second joins the first.
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openStall(t, 1<<20)
				plain := s.draw
				price := "old"
				s.draw = func(c *gin.Context) error {
					read := price
					time.Sleep(time.Second)
					c.Header("X-Price", read)
					return plain(c)
				}
				var wg sync.WaitGroup
				wg.Go(func() { s.ask("GET", "/en/stall") })
				synctest.Wait()
				price = tt.third
				tt.meanwhile(s.Pages)
				wg.Go(func() {
					if got := s.ask("GET", "/en/stall").Header().Get("X-Price"); got != tt.second {
						t.Errorf("the second visitor got the %s page, want the %s one", got, tt.second)
					}
				})
				wg.Wait()
				if got := s.ask("GET", "/en/stall").Header().Get("X-Price"); got != tt.third {
					t.Errorf("the third visitor got the %s page, want the %s one", got, tt.third)
				}
				s.wantDrawn(t, tt.drawn, name)
				checkBooks(t, s.Pages, 1<<20)
			})
		})
	}
}

func TestPageCacheSendsTheOldPageWhenTheDatabaseIsAway(t *testing.T) {
	s := openStall(t, 1<<20)
	s.ask("GET", "/en/stall")
	plain := s.draw
	s.draw = func(*gin.Context) error { return fmt.Errorf("list: %w", context.DeadlineExceeded) }
	s.Pages.suspend()
	for range 3 {
		got := s.ask("GET", "/en/stall", "If-None-Match", "*")
		h := got.Header()
		if got.Code != 200 || got.Body.Len() < 1000 || h.Get("Warning") == "" || h.Get("Cache-Control") != "private, no-store" {
			t.Errorf("the stored page came as %d with %d bytes and %v", got.Code, got.Body.Len(), h)
		}
	}
	s.wantDrawn(t, 2, "three visits, of which the first asked the database")
	if got := s.ask("GET", "/en/stall/other", "Accept", "application/json"); got.Code != http.StatusServiceUnavailable {
		t.Errorf("a page that is not stored came as %d, want 503", got.Code)
	}
	s.draw = plain
	s.clock = s.clock.Add(2 * silence)
	if got := s.ask("GET", "/en/stall"); got.Header().Get("Warning") != "" {
		t.Error("the page is still old")
	}
	s.wantDrawn(t, 4, "the database's return")
}

// What is not the same for all, or will not stay, is not kept.
func TestPageCacheKeepsOnlyWhatIsForAll(t *testing.T) {
	for name, draw := range map[string]func(s *stall, c *gin.Context) error{
		"a redirect": func(_ *stall, c *gin.Context) error {
			c.Redirect(http.StatusMovedPermanently, "/en/stall/now")
			return nil
		},
		"an error": func(*stall, *gin.Context) error { return ErrNoPage },
		"a page that is somebody's": func(s *stall, c *gin.Context) error {
			s.send(c, http.StatusOK, "text/html", bytes.NewBufferString("yours"))
			return nil
		},
		"a page with a picture that waits": func(s *stall, c *gin.Context) error {
			madeInPassing(c.Request.Context())
			s.page(c, "linen")
			return nil
		},
		"a page that sets a cookie": func(s *stall, c *gin.Context) error {
			http.SetCookie(c.Writer, &http.Cookie{Name: "cart", Value: "x"})
			s.page(c, "oops")
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStall(t, 1<<20)
			s.draw = func(c *gin.Context) error { return draw(s, c) }
			first := s.ask("GET", "/en/stall", "Accept", "application/json", "Accept-Encoding", "br")
			second := s.ask("GET", "/en/stall", "Accept", "application/json", "Accept-Encoding", "br")
			s.wantDrawn(t, 2, "two visits")
			if first.Code != second.Code || first.Header().Get("Location") != second.Header().Get("Location") || first.Header().Get("Set-Cookie") != "" {
				t.Errorf("the visits were answered with %d and %d, %v", first.Code, second.Code, first.Header())
			}
			checkBooks(t, s.Pages, 0)
		})
	}
}

// The handler of a public page does not see who asks.
func TestPageCacheShowsHandlersNoVisitor(t *testing.T) {
	s := openStall(t, 1<<20)
	s.draw = func(c *gin.Context) error {
		if len(c.Request.Header) > 0 || c.Request.RemoteAddr != "" || len(c.Request.Cookies()) > 0 || c.Request.Method != "GET" {
			t.Errorf("the handler sees %v", c.Request)
		}
		s.page(c, "for all")
		return nil
	}
	s.ask("HEAD", "/en/stall", "Cookie", "cart=x", "Authorization", "x", "Accept-Language", "ar")
	s.wantDrawn(t, 1, "a visit")
}

// BenchmarkCachedPage asks for one page through the whole router.
func BenchmarkCachedPage(b *testing.B) {
	for _, bb := range []struct {
		name   string
		most   int
		header []string
	}{
		{"br", 1 << 20, []string{"Accept-Encoding", "br"}},
		{"plain", 1 << 20, nil},
		{"not modified", 1 << 20, []string{"If-None-Match", "*"}},
		{"not kept", 0, []string{"Accept-Encoding", "br"}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := openStall(b, bb.most)
			r := httptest.NewRequest("GET", "/en/stall", nil)
			for i := 0; i < len(bb.header); i += 2 {
				r.Header.Set(bb.header[i], bb.header[i+1])
			}
			b.ReportAllocs()
			for b.Loop() {
				s.router.ServeHTTP(&nowhere{header: http.Header{}}, r)
			}
		})
	}
}

// nowhere is a response that nobody reads.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w *nowhere) WriteHeader(int)             {}
