package shop

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// UnionPage is shop/union.
type UnionPage struct {
	web.Page
	Name       lang.Text
	About      lang.Text
	Principles []lang.Text
	Commission lang.Text
	Timeline   []TimelineEntry
	Hours      []web.DayHours
	Email      string
	Legal      []Fact
	Questions  []Crumb
	Committees string
}

// TimelineEntry is a date of the union's own history.
type TimelineEntry struct {
	Date string
	ISO  string
	Text lang.Text
}

// showUnion serves GET /{lang}/union.
func (h *Handlers) showUnion(c *gin.Context) error {
	l := web.Language(c)
	p, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return err
	}
	page := &UnionPage{Page: h.Site.Page(c, p.Name.In(l, "fr").Words), Name: p.Name.In(l, "fr"), About: p.About.In(l, "fr"),
		Commission: p.CommissionNote.In(l, "fr"), Email: p.Email, Committees: web.Path(c, "/union/committees")}
	page.Section, page.Steady, page.Description = "union", true, page.About.Words
	for _, v := range p.Principles {
		page.Principles = append(page.Principles, v.In(l, "fr"))
	}
	for _, e := range p.Timeline {
		day, err := time.Parse(time.DateOnly, e.Date)
		if err != nil {
			return fmt.Errorf("shop: timeline: %w", err)
		}
		page.Timeline = append(page.Timeline, TimelineEntry{l.Date(day), e.Date, e.Text.In(l, "fr")})
	}
	page.Hours = web.NewWeek(l, p.CounterHours, h.Site.Now().In(p.Location))
	for _, key := range []string{"ice", "if_number"} {
		if v := p.Legal[key]; v != "" {
			page.Legal = append(page.Legal, Fact{Label: l.T("union.legal." + key), Code: v})
		}
	}
	for _, q := range p.FAQ {
		page.Questions = append(page.Questions, Crumb{q.Question.In(l, "fr").Words, web.Path(c, "/help/"+q.Slug)})
	}
	return h.Site.Render(c, http.StatusOK, "shop/union", page)
}

// CommitteesPage is shop/committees.
type CommitteesPage struct {
	web.Page
	Committees []CommitteeEntry
}

// CommitteeEntry is a committee with its trades.
type CommitteeEntry struct {
	Name, Mission lang.Text
	Trades        string
	Chair         string
	ChairPath     string
	Meets         string
}

// listCommittees serves GET /{lang}/union/committees.
func (h *Handlers) listCommittees(c *gin.Context) error {
	l := web.Language(c)
	list, err := union.Committees(c.Request.Context(), h.Pool)
	if err != nil {
		return err
	}
	page := &CommitteesPage{Page: h.Site.Page(c, l.T("committees.title"))}
	page.Section, page.Steady = "union", true
	for _, k := range list {
		var trades []string
		for _, t := range k.Trades {
			trades = append(trades, t.In(l, "fr").Words)
		}
		e := CommitteeEntry{Name: k.Name.In(l, "fr"), Mission: k.Mission.In(l, "fr"), Trades: l.List(trades), Chair: k.Chair}
		if k.ChairSlug != "" {
			e.ChairPath = web.Path(c, "/artisans/"+k.ChairSlug)
		}
		if key := "committees.meets." + k.Meets; l.Has(key) {
			e.Meets = l.T(key)
		}
		page.Committees = append(page.Committees, e)
	}
	return h.Site.Render(c, http.StatusOK, "shop/committees", page)
}

// HelpPage is shop/help: one question with its answer, and the others.
type HelpPage struct {
	web.Page
	Question, Answer lang.Text
	Others           []Crumb
}

// showHelp serves GET /{lang}/help/:slug.
func (h *Handlers) showHelp(c *gin.Context) error {
	l := web.Language(c)
	p, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return err
	}
	page := &HelpPage{}
	for _, q := range p.FAQ {
		if q.Slug == c.Param("slug") {
			page.Question, page.Answer = q.Question.In(l, "fr"), q.Answer.In(l, "fr")
			continue
		}
		page.Others = append(page.Others, Crumb{q.Question.In(l, "fr").Words, web.Path(c, "/help/"+q.Slug)})
	}
	if page.Question.Words == "" {
		return web.ErrNoPage
	}
	page.Page = h.Site.Page(c, page.Question.Words)
	page.Section, page.Steady, page.Description = "union", true, page.Answer.Words
	return h.Site.Render(c, http.StatusOK, "shop/help", page)
}

// showRobots serves GET /robots.txt.
func (h *Handlers) showRobots(c *gin.Context) error {
	rules := "User-agent: *\n"
	if h.Site.Demo {
		rules += "Disallow: /\n" // Invented people and prices are no search result.
	} else {
		for _, l := range lang.All {
			for _, path := range []string{"cart", "checkout", "orders/", "sign-in"} {
				rules += "Disallow: /" + l.Code + "/" + path + "\n"
			}
		}
		rules += "Disallow: /admin\nDisallow: /studio\nSitemap: " + h.Site.PublicURL + "/sitemap.xml\n"
	}
	c.Header("Cache-Control", "public, max-age=3600")
	c.String(http.StatusOK, rules)
	return nil
}

type sitemapURL struct {
	Loc   string        `xml:"loc"`
	Links []sitemapLink `xml:"http://www.w3.org/1999/xhtml link"`
}

type sitemapLink struct {
	Rel  string `xml:"rel,attr"`
	Lang string `xml:"hreflang,attr"`
	Href string `xml:"href,attr"`
}

// maxSitemap is how many addresses one sitemap may hold, by its protocol.
const maxSitemap = 50_000

// showSitemap serves GET /sitemap.xml: every public page in every language.
func (h *Handlers) showSitemap(c *gin.Context) error {
	paths := []string{"", "products", "trades", "artisans", "union", "union/committees"}
	slugs, err := catalog.PublicSlugs(c.Request.Context(), h.Pool, maxSitemap/len(lang.All)-len(paths))
	if err != nil {
		return err
	}
	paths = append(paths, slugs...)
	doc := struct {
		XMLName xml.Name     `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
		URLs    []sitemapURL `xml:"url"`
	}{}
	for _, path := range paths {
		var links []sitemapLink
		for _, l := range lang.All {
			links = append(links, sitemapLink{"alternate", l.Code, h.Site.PublicURL + "/" + l.Code + "/" + path})
		}
		for _, link := range links {
			doc.URLs = append(doc.URLs, sitemapURL{link.Href, links})
		}
	}
	var b strings.Builder
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(doc); err != nil {
		return fmt.Errorf("shop: sitemap: %w", err)
	}
	c.Header("Cache-Control", "public, max-age=3600")
	c.Data(http.StatusOK, "application/xml; charset=utf-8", []byte(b.String()))
	return nil
}
