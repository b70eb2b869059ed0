// Package web is what every page shares: the router, rendering, forms, faults,
// sign-in, limits and assets. The rooms above it, shop and admin, add their
// pages.
package web

import (
	"bytes"
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	text "kissaria.ma/internal/page"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/view"
	"kissaria.ma/internal/visit"
)

// A Site is what all handlers share. It holds nothing of any visitor.
type Site struct {
	Pool       *pgxpool.Pool
	Views      view.Sets
	Assets     *Assets
	Sessions   *Sessions
	Limits     *Limiter
	Pages      *PageCache     // of the public pages
	Visits     *visit.Counter // of the public pages; nil where nobody counts
	Passkeys   *identity.Passkeys
	Factors    *identity.Factors
	PublicURL  string   // without a slash at its end; absolute links only
	Demo       bool     // payments go to the sandbox, and mails to a page
	FormHosts  []string // where a form may lead besides here: the card provider's page
	Proxies    []string // networks whose forwarded address is believed
	Ready      func(ctx context.Context) error
	Now        func() time.Time
	Log        *slog.Logger
	Production bool // https

	// FactorRequired has the union's staff set up a second step before they see
	// anything else. Otherwise it is offered.
	FactorRequired bool

	profile   profileMemo
	durations durations
}

// profileMemo keeps the union's profile for a few seconds, and the collections
// with it: every page shows a little of them and they hardly ever change.
type profileMemo struct {
	sync.Mutex
	read        union.Profile
	collections []catalog.Collection
	pages       []text.Page // at the foot of every page
	expires     time.Time
	changes     int64 // how many there had been when it was read
	old         bool  // it could not be read again

	changed atomic.Int64
}

// forget makes the next page read the profile again. It does not wait for one
// that is being read, and which may be the old one.
func (m *profileMemo) forget() { m.changed.Add(1) }

// profileFor is how long a change of the profile may take to show.
const profileFor = 10 * time.Second

// Profile returns the union's profile, at most ten seconds old. While the
// database is away the last one known serves on.
func (s *Site) Profile(ctx context.Context) (union.Profile, error) {
	p, _, _, err := s.frame(ctx)
	return p, err
}

// frame returns what stands around every page.
func (s *Site) frame(ctx context.Context) (union.Profile, []catalog.Collection, []text.Page, error) {
	m := &s.profile
	m.Lock()
	defer m.Unlock()
	now, changes := time.Now(), m.changed.Load()
	if now.Before(m.expires) && changes == m.changes {
		if m.old {
			madeInPassing(ctx)
		}
		return m.read, m.collections, m.pages, nil
	}
	ctx = postgres.Uncounted(ctx)
	p, err := union.Read(ctx, s.Pool)
	var collections []catalog.Collection
	if err == nil {
		collections, err = catalog.Collections(ctx, s.Pool)
	}
	var pages []text.Page
	if err == nil {
		pages, err = text.InFooter(ctx, s.Pool)
	}
	if err != nil {
		if m.read.Name == nil {
			return union.Profile{}, nil, nil, err
		}
		s.Log.WarnContext(ctx, "the union's profile could not be read again; an older one serves", "error", err)
		m.expires, m.changes, m.old = now.Add(time.Second), changes, true
		madeInPassing(ctx)
		return m.read, m.collections, m.pages, nil
	}
	m.read, m.collections, m.pages, m.expires, m.changes, m.old = p, collections, pages, now.Add(profileFor), changes, false
	return p, collections, pages, nil
}

// A Page is what every layout shows. Each page's own type embeds it.
type Page struct {
	Lang        string
	Dir         string
	Title       string // empty on the front page
	Description string // for search engines and previews, may be empty
	Market      string
	Union       string
	Tagline     string
	Address     []string
	Phone       string
	Notice      string // that this is a demonstration, or empty
	Section     string // of the navigation
	Home        string // path of the front page in this language
	Here        string // this page's own address, to come back to in another language
	Languages   []LanguageLink
	Canonical   string
	Image       string // absolute address for previews, may be empty
	Query       string // in the search field
	NoIndex     bool
	Steady      bool   // nothing on it is anyone's own: it may be kept by caches
	Shelves     []Link // collections, in the footer
	Help        []Link // questions about postage and returns, in the footer
	Texts       []Link // the union's own pages, in the footer
	Content     template.HTML
	User        *User
	For         *For // where a helper is at work
}

// For says in the studio for whom a helper works, and who does.
type For struct{ Artisan, Helper string }

// Link is a name that leads somewhere.
type Link struct{ Name, Path string }

// LanguageLink leads to the same page in another language.
type LanguageLink struct {
	Code, Name, Path string
	Current          bool
	Absolute         string
}

// User is who is signed in, for the administration's bar.
type User struct {
	Name   string
	Roles  string
	Search bool // may look for anything in the office
	Studio bool // has a workshop
	Office bool // may enter the administration
	Nav    []NavGroup
}

// A NavGroup is pages of the office that belong together. It leads to the first
// of them, and is named for it.
type NavGroup struct{ Links []NavLink }

// NavLink leads to a section of the office.
type NavLink struct{ Name, Path, Section string }

// First is what the group leads to.
func (g NavGroup) First() NavLink { return g.Links[0] }

// Has reports whether a section is in the group.
func (g NavGroup) Has(section string) bool {
	return slices.ContainsFunc(g.Links, func(l NavLink) bool { return l.Section == section })
}

// Several reports whether there is a choice within the group.
func (g NavGroup) Several() bool { return len(g.Links) > 1 }

const languageKey = "language"

// Language returns the language of a request's address, and otherwise that
// which the visitor's browser asks for.
func Language(c *gin.Context) *lang.Language {
	if l, ok := c.Get(languageKey); ok {
		return l.(*lang.Language)
	}
	// A page that is not there has no route, but its address has a language.
	first, _, _ := strings.Cut(strings.TrimPrefix(c.Request.URL.Path, "/"), "/")
	if l, err := lang.ByCode(first); err == nil {
		return l
	}
	if code, err := c.Cookie(LanguageCookie); err == nil {
		if l, err := lang.ByCode(code); err == nil {
			return l
		}
	}
	return lang.Match(c.GetHeader("Accept-Language"))
}

// SetLanguage fixes the language of a request.
func SetLanguage(l *lang.Language) gin.HandlerFunc {
	return func(c *gin.Context) { c.Set(languageKey, l) }
}

// LanguageCookie remembers the language a visitor chose.
const LanguageCookie = "language"

// Path returns an address of ours in the request's language.
func Path(c *gin.Context, path string) string { return "/" + Language(c).Code + path }

// Page returns what the layout needs for a page of that title.
func (s *Site) Page(c *gin.Context, title string) Page {
	l := Language(c)
	p := Page{
		Lang: l.Code, Dir: l.Dir, Title: title, Market: "Kissaria", Home: "/" + l.Code + "/",
	}
	profile, collections, pages, err := s.frame(c.Request.Context())
	if err != nil {
		// The apology itself needs a page: without the union's name rather than
		// not at all.
		s.Log.WarnContext(c.Request.Context(), "a page goes without the union's profile", "error", err)
	} else {
		p.Market = profile.Market.In(l, "fr").Words
		p.Union = profile.Name.In(l, "fr").Words
		p.Tagline = profile.Tagline.In(l, "fr").Words
		p.Notice = profile.Notice.In(l, "fr").Words
		p.Phone = profile.Phone
		for _, v := range collections[:min(2, len(collections))] {
			p.Shelves = append(p.Shelves, Link{v.Title.In(l, "fr").Words, p.Home + "collections/" + v.Slug})
		}
		for _, q := range profile.FAQ {
			if (q.Topic == "shipping" || q.Topic == "returns") && len(p.Help) < 3 {
				p.Help = append(p.Help, Link{q.Question.In(l, "fr").Words, p.Home + "help/" + q.Slug})
			}
		}
		for _, v := range pages {
			p.Texts = append(p.Texts, Link{v.Title.In(l, "fr").Words, p.Home + v.Path()})
		}
		a := profile.Address
		p.Address = []string{a.Line1, strings.TrimSpace(a.Line2 + ", " + a.Postcode + " " + a.City)}
	}
	p.Here = c.Request.URL.RequestURI()
	rest, localized := strings.CutPrefix(c.Request.URL.Path, "/"+l.Code+"/")
	query := ""
	if q := c.Request.URL.RawQuery; q != "" && len(q) < 500 {
		query = "?" + c.Request.URL.Query().Encode()
	}
	for _, other := range lang.All {
		link := LanguageLink{Code: other.Code, Name: other.Name, Path: "/" + other.Code + "/", Current: other == l}
		if localized && c.Request.Method == http.MethodGet {
			link.Path += rest + query
		}
		link.Absolute = s.PublicURL + "/" + other.Code + "/" + rest
		p.Languages = append(p.Languages, link)
	}
	if localized {
		p.Canonical = s.PublicURL + c.Request.URL.Path
	}
	return p
}

// laid is what a layout is given: the page's own fields are not its business.
type laid interface{ page() *Page }

func (p *Page) page() *Page { return p }

// Render sends a page: first itself, then laid into the layout named for its
// folder. data is a pointer to a struct that embeds Page. All of it is made
// before the first byte goes out.
func (s *Site) Render(c *gin.Context, status int, name string, data laid) error {
	set := s.Views.In(Language(c))
	body, err := set.Render(name, data)
	if err != nil {
		return err
	}
	folder, _, _ := strings.Cut(name, "/")
	page := *data.page()
	page.Content = template.HTML(body.String())
	whole, err := set.Render("layout/"+folder, &page)
	if err != nil {
		return err
	}
	h := c.Writer.Header()
	h.Set("Content-Language", Language(c).Code)
	if page.Steady && status == http.StatusOK {
		h.Set("Cache-Control", "public, max-age=0, s-maxage=60, stale-while-revalidate=300")
		madeForAll(c.Request.Context())
	} else {
		h.Set("Cache-Control", "private, no-store")
	}
	s.send(c, status, "text/html; charset=utf-8", whole)
	return nil
}

// send writes a body compressed as the visitor's browser can take it.
func (s *Site) send(c *gin.Context, status int, contentType string, body *bytes.Buffer) {
	h := c.Writer.Header()
	h.Set("Content-Type", contentType)
	h.Add("Vary", "Accept-Encoding")
	out := body.Bytes()
	if encoding := negotiate(c.GetHeader("Accept-Encoding")); encoding != "" && len(out) > 500 {
		compressed, err := compress(out, encoding, dynamicLevel)
		if err != nil {
			s.Log.WarnContext(c.Request.Context(), "compressing failed; sent plain", "error", err)
		} else {
			h.Set("Content-Encoding", encoding)
			out = compressed
		}
	}
	s.write(c, status, out)
}

// write sends a body, of which a HEAD request gets the head alone.
func (s *Site) write(c *gin.Context, status int, body []byte) {
	c.Writer.WriteHeader(status)
	if c.Request.Method == http.MethodHead {
		c.Writer.WriteHeaderNow()
		return
	}
	if _, err := c.Writer.Write(body); err != nil {
		s.Log.DebugContext(c.Request.Context(), "the visitor went away", "error", err)
	}
}

// Redirect answers a successful POST, and sends on what has moved.
func Redirect(c *gin.Context, path string) { c.Redirect(http.StatusSeeOther, path) }

// Local turns an absolute address of ours into a path, so that a visitor stays
// on the name by which they came; any other address is left as it is.
func (s *Site) Local(address string) string {
	if rest, ok := strings.CutPrefix(address, s.PublicURL+"/"); ok {
		return "/" + rest
	}
	return address
}

// LocalPath keeps a way back, which came with a request, within this site: it is
// empty for any other.
func LocalPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n") || len(s) > 500 {
		return ""
	}
	return s
}
