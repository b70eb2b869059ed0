package web

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/visit"
)

// A Query brings the query of a public page into order: what the page
// understands stays, sorted, and all else is left out, so that a made-up query
// makes no other page. It returns false for one that should not be kept, such
// as a search.
type Query func(q url.Values) (known url.Values, keep bool)

// maxKeptQuery is how long the query of a page that is kept may be, in bytes.
const maxKeptQuery = 500

// Public is Handle for a page that is the same for every visitor of a language.
// It answers from the page cache, and fills it. fn never sees the visitor: it
// is given a request that has the page's address and nothing else, so that
// nothing of anyone can come to be on a page for all.
//
// While the database does not answer, a page that is stored is sent, however
// old, and says that it is old. query may be nil for a page that takes none.
func (s *Site) Public(fn func(*gin.Context) error, query Query) gin.HandlerFunc {
	return s.Handle(func(c *gin.Context) error {
		err := s.public(c, fn, query)
		if err == nil {
			s.countVisit(c)
		}
		return err
	})
}

// countVisit counts a public page that was sent, from wherever it came, or that
// the visitor's browser had already.
func (s *Site) countVisit(c *gin.Context) {
	status := c.Writer.Status()
	if s.Visits == nil || status != http.StatusOK && status != http.StatusNotModified {
		return
	}
	if counts, arrival := visit.Counts(c.Request); counts {
		kind, subject := pageKind(c)
		s.Visits.Count(s.Now(), kind, subject, arrival)
	}
}

// pageKinds name the public pages by their routes, without the language. All
// others are texts of the union's.
var pageKinds = map[string]string{
	"/": "home", "/products": "list", "/products/:slug": "product", "/trades": "trades", "/trades/:slug": "trade", "/artisans": "artisans",
	"/artisans/:slug": "artisan", "/collections/:slug": "collection", "/union": "union", "/union/committees": "union",
}

// PageKinds are the kinds of public pages, as visits are counted by them.
func PageKinds() []string {
	kinds := append(slices.Collect(maps.Values(pageKinds)), "text")
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func pageKind(c *gin.Context) (kind, subject string) {
	route := strings.TrimPrefix(c.FullPath(), "/"+Language(c).Code)
	kind, ok := pageKinds[route]
	if !ok {
		kind = "text"
	}
	return kind, c.Param("slug")
}

func (s *Site) public(c *gin.Context, fn func(*gin.Context) error, query Query) error {
	at, keep := addressOf(c.Request.URL, query)
	if !keep {
		return fn(c)
	}
	p, stale, err := s.Pages.get(c.Request.Context(), at, s.Now, func(others bool) (*page, error) {
		return s.make(c, fn, at, others)
	})
	if stale {
		if err != nil {
			s.Log.WarnContext(c.Request.Context(), "the database is away; a stored page is sent", "route", c.FullPath(), "error", err)
		}
		return s.answer(c, p, true)
	}
	if err != nil {
		return err
	}
	return s.answer(c, p, false)
}

func addressOf(u *url.URL, query Query) (at address, keep bool) {
	at.path = u.Path
	if u.RawQuery == "" || query == nil {
		return at, true
	}
	known, keep := query(u.Query())
	at.query = known.Encode()
	return at, keep && len(at.query) <= maxKeptQuery
}

// make runs the handler of a public page and returns what it answered. One that
// others wait for is made to its end, even if the visitor who was first has
// gone.
func (s *Site) make(c *gin.Context, fn func(*gin.Context) error, at address, others bool) (*page, error) {
	ctx := c.Request.Context()
	if others {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), requestTime)
		defer cancel()
	}
	sources := &sources{}
	ctx = context.WithValue(ctx, sourcesKey{}, sources)
	begin := s.Now()

	request, writer := c.Request, c.Writer
	defer func() { c.Request, c.Writer = request, writer }()
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: at.path, RawQuery: at.query}, Header: http.Header{}, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	w := &pageWriter{header: http.Header{}, status: http.StatusOK}
	c.Request, c.Writer = r.WithContext(ctx), w
	if err := fn(c); err != nil {
		return nil, err
	}
	p := &page{status: w.status, header: w.header, body: w.body.Bytes(), forAll: sources.steady}
	if !p.forAll {
		return p, nil
	}
	if w.header.Get("Set-Cookie") != "" {
		return nil, fmt.Errorf("web: %s is for everyone and sets a cookie", c.FullPath())
	}
	profile, err := s.Profile(ctx)
	if err != nil {
		return nil, err
	}
	p.tags = slices.Compact(slices.Sorted(slices.Values(append(sources.tags, union.Everywhere))))
	p.expires = expiry(begin, profile.Location)
	p.lasting = !sources.passing
	p.header.Set("Vary", "Accept-Encoding")
	return p, nil
}

// expiry is when a page that was begun at a time is too old. Pages name days,
// so none outlives the one on which it was made.
func expiry(begin time.Time, zone *time.Location) time.Time {
	y, m, d := begin.In(zone).Date()
	midnight := time.Date(y, m, d+1, 0, 0, 0, 0, zone)
	if later := begin.Add(keepFor); later.Before(midnight) {
		return later
	}
	return midnight
}

// answer sends a page in the encoding that the visitor's browser takes, or says
// that the browser has it already.
func (s *Site) answer(c *gin.Context, p *page, stale bool) error {
	h := c.Writer.Header()
	maps.Copy(h, p.header)
	if !p.forAll {
		h.Del("Vary") // send says it.
		s.send(c, p.status, p.header.Get("Content-Type"), bytes.NewBuffer(p.body))
		return nil
	}
	encoding := negotiate(c.GetHeader("Accept-Encoding"))
	form, err := p.in(encoding)
	if err != nil {
		return err
	}
	h["Etag"] = []string{form.etag}
	if stale {
		h.Set("Cache-Control", "private, no-store")
		h.Set("Warning", `110 - "Response is Stale"`)
	} else if isNamed(c.GetHeader("If-None-Match"), form.etag) {
		h.Del("Content-Type")
		h.Del("Content-Language")
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return nil
	}
	if form.body == nil {
		if form.body, err = p.unpack(); err != nil {
			return err
		}
	}
	if encoding != "" {
		h["Content-Encoding"] = []string{encoding}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(form.body))}
	s.write(c, p.status, form.body)
	return nil
}

// isNamed reports whether an If-None-Match names the etag.
func isNamed(header, etag string) bool {
	if header == "" {
		return false
	}
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == etag {
			return true
		}
	}
	return false
}

// sources are what a page is made of, noted while it is made.
type sources struct {
	mu      sync.Mutex
	tags    []string
	steady  bool
	passing bool
}

type sourcesKey struct{}

func sourcesOf(ctx context.Context) *sources {
	if s, ok := ctx.Value(sourcesKey{}).(*sources); ok {
		return s
	}
	return &sources{} // Nobody asks.
}

// MadeOf notes the tags of what a page shows. When one of them is named by
// postgres.Notify, the page is made anew.
func MadeOf(ctx context.Context, tags ...string) {
	s := sourcesOf(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tags = append(s.tags, tags...)
}

// madeInPassing notes that a page shows something that will not stay: it is not
// kept.
func madeInPassing(ctx context.Context) {
	s := sourcesOf(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passing = true
}

// madeForAll notes that a page came out well and holds nothing of anyone's own.
func madeForAll(ctx context.Context) {
	s := sourcesOf(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steady = true
}

// Listen keeps the page cache true to what changes on any node, until ctx ends,
// and returns why it did.
func (s *Site) Listen(ctx context.Context) error {
	l := postgres.Listener{
		Pool: s.Pool, Log: s.Log.With(slog.String("part", "page cache")),
		Connected: func() {
			s.profile.forget()
			s.Pages.begin()
		},
		Lost: s.Pages.suspend,
		Heard: func(tags []string) {
			// First, so that no page begun after the drop can show the old one.
			if slices.Contains(tags, union.Everywhere) {
				s.profile.forget()
			}
			s.Pages.drop(tags)
		},
	}
	return l.Run(ctx)
}

// A pageWriter takes down what a handler of a public page answers. Those write
// pages; whatever else a gin.ResponseWriter can do is not theirs to ask for, and
// panics.
type pageWriter struct {
	gin.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *pageWriter) Header() http.Header               { return w.header }
func (w *pageWriter) WriteHeader(status int)            { w.status = status }
func (w *pageWriter) WriteHeaderNow()                   {}
func (w *pageWriter) Write(b []byte) (int, error)       { return w.body.Write(b) }
func (w *pageWriter) WriteString(s string) (int, error) { return w.body.WriteString(s) }
func (w *pageWriter) Status() int                       { return w.status }
func (w *pageWriter) Size() int                         { return w.body.Len() }
func (w *pageWriter) Written() bool                     { return w.body.Len() > 0 }
