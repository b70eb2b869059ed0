package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/review"
	"kissaria.ma/internal/settings"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/visit"
	"kissaria.ma/internal/web"
)

const (
	overviewPath = "/admin"
	numbersPath  = "/admin/numbers"
	refundsPath  = "/admin/refunds"
)

// addNumberRoutes registers the office's first page and what it leads to.
func (h *Handlers) addNumberRoutes(r *gin.Engine) {
	r.GET(overviewPath, h.for_(identity.EnterAdmin, h.showOverview))
	r.GET(refundsPath, h.for_(identity.GiveMoneyBack, h.listRefunds))
	for name, read := range map[string]func(*gin.Context, order.Span) (table, error){
		"weeks": h.weekSales, "trades": h.tradeSales, "countries": h.countrySales, "visits": h.weekVisits, "conversion": h.weekConversion,
		"pages": h.pageViews, "page-kinds": h.kindViews, "sold-out": h.soldOut, "waiting": h.waitingPieces,
	} {
		r.GET(numbersPath+"/"+name+".csv", h.for_(identity.SeeOrders, func(c *gin.Context, _ identity.Account) error {
			span, err := h.span(c)
			if err != nil {
				return err
			}
			t, err := read(c, span)
			if err != nil {
				return err
			}
			t.name = name
			return h.send(c, t)
		}))
	}
	r.GET(numbersPath+"/pages", h.for_(identity.SeeOrders, h.showFigures("pages", true, h.kindViews, h.pageViews)))
	r.GET(numbersPath+"/sold-out", h.for_(identity.SeeOrders, h.showFigures("sold-out", true, h.soldOut)))
	r.GET(numbersPath+"/waiting", h.for_(identity.SeeOrders, h.showFigures("waiting", false, h.waitingPieces)))
}

// spans are how many weeks can be looked at.
var spans = []int{4, 12, 26, 52}

const usualSpan = 12

// span is the span of weeks that the address asks for.
func (h *Handlers) span(c *gin.Context) (order.Span, error) {
	today, err := h.today(c)
	if err != nil {
		return order.Span{}, err
	}
	weeks, err := strconv.Atoi(c.Query("weeks"))
	if err != nil || !slices.Contains(spans, weeks) {
		weeks = usualSpan
	}
	return order.SpanOf(today, weeks), nil
}

// query keeps a span in an address.
func query(s order.Span) url.Values {
	if s.Weeks == usualSpan {
		return nil
	}
	return url.Values{"weeks": {strconv.Itoa(s.Weeks)}}
}

func withQuery(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Period is a span that can be chosen.
type Period struct {
	Path, Name string
	Current    bool
}

func periods(l *lang.Language, path string, current order.Span) (list []Period) {
	for _, n := range spans {
		list = append(list, Period{withQuery(path, query(order.Span{Weeks: n})), l.T("numbers.weeks", n), n == current.Weeks})
	}
	return list
}

// OverviewPage is admin/overview: what needs the reader now, and how the market
// fares.
type OverviewPage struct {
	web.Page
	Needs   []Need
	Numbers *NumbersPart // nil for who may not see orders
}

// Need is something that waits for the reader.
type Need struct {
	Key   string
	Path  string
	Name  string
	Count int
	More  string // how many of these are late, or what they come to
	Kind  string // wrong where something is late or failed
}

// NumbersPart is how the market fares in a span of weeks.
type NumbersPart struct {
	Periods   []Period
	From, To  time.Time
	Then      time.Time // the span before
	ThenLast  time.Time
	Heads     []HeadFigure
	Charts    []WeekChart
	Shares    []ShareChart
	SoldOut   string // words that lead to what was sold out
	SoldPath  string
	PagesPath string
	WaitPath  string
}

// HeadFigure is one figure of a span, compared.
type HeadFigure struct{ Name, Words, Diff string }

// showOverview serves GET /admin.
func (h *Handlers) showOverview(c *gin.Context, a identity.Account) error {
	l := web.Language(c)
	page := &OverviewPage{Page: h.page(c, a, l.T("overview.title"))}
	page.Section = "overview"
	span, err := h.span(c)
	if err != nil {
		return err
	}
	spoken, soldOut := 0, 0
	if a.May(identity.SeeOrders) || a.May(identity.WriteWords) {
		since, err := h.begins(c, span)
		if err != nil {
			return err
		}
		if spoken, soldOut, err = catalog.CountForOffice(c.Request.Context(), h.Pool, since); err != nil {
			return err
		}
	}
	if page.Needs, err = h.needs(c, a, span.Today, spoken); err != nil {
		return err
	}
	if a.May(identity.SeeOrders) {
		if page.Numbers, err = h.numbers(c, span, soldOut); err != nil {
			return err
		}
	}
	return h.Site.Render(c, http.StatusOK, "admin/overview", page)
}

// begins is the moment when a span began at the union.
func (h *Handlers) begins(c *gin.Context, s order.Span) (time.Time, error) {
	profile, err := h.Site.Profile(c.Request.Context())
	if err != nil {
		return time.Time{}, err
	}
	return time.Date(s.First.Year(), s.First.Month(), s.First.Day(), 0, 0, 0, 0, profile.Location), nil
}

// needs is what waits for an account, and nothing that waits for someone else.
func (h *Handlers) needs(c *gin.Context, a identity.Account, today time.Time, spoken int) (list []Need, err error) {
	ctx, l := c.Request.Context(), web.Language(c)
	add := func(n Need) {
		if n.Count > 0 {
			n.Name = l.T("overview." + n.Key)
			list = append(list, n)
		}
	}
	if a.May(identity.SeeOrders) {
		counts, waiting, err := order.CountWork(ctx, h.Pool, today)
		if err != nil {
			return nil, err
		}
		add(Need{Key: "late", Path: workPath(order.Late), Count: counts[order.Late], Kind: "wrong"})
		if a.May(identity.SendPieces) {
			add(Need{Key: "artisans", Path: waitingPath, Count: waiting})
			for _, w := range []order.Work{order.ToPack, order.ToPost, order.AtCounter} {
				add(Need{Key: string(w), Path: workPath(w), Count: counts[w]})
			}
		}
	}
	if a.May(identity.GiveMoneyBack) {
		all, failed, sum, err := payment.CountWaitingRefunds(ctx, h.Pool)
		if err != nil {
			return nil, err
		}
		n := Need{Key: "refunds", Path: refundsPath, Count: all, More: l.Money(sum)}
		if failed > 0 {
			n.Kind, n.More = "wrong", l.T("overview.failed", failed)
		}
		add(n)
	}
	judge := moderation.Judge{Account: a.ID, All: true}
	if a.May(identity.JudgePieces) {
		if judge, err = moderation.JudgeOf(ctx, h.Pool, a); err != nil {
			return nil, err
		}
	}
	now, err := h.now(c)
	if err != nil {
		return nil, err
	}
	var backlogs []moderation.Backlog
	if a.May(identity.JudgePieces) || a.May(identity.SendPieces) {
		if backlogs, err = moderation.Backlogs(ctx, h.Pool, judge, now); err != nil {
			return nil, err
		}
	}
	pieces, late, reports := 0, 0, 0
	for _, b := range backlogs {
		pieces, late, reports = pieces+b.Pieces, late+b.Late, reports+b.Reports
	}
	n := Need{Key: "pieces", Path: "/admin/queue", Count: pieces}
	if late > 0 {
		n.Kind, n.More = "wrong", l.T("overview.past", late)
	}
	switch {
	case a.May(identity.JudgePieces):
		add(n)
		add(Need{Key: "reports", Path: "/admin/queue", Count: reports})
	case late > 0 && a.May(identity.SendPieces):
		// They can do nothing but remind the committees of what is late.
		add(Need{Key: "pieces_late", Path: numbersPath + "/waiting", Count: late, Kind: "wrong"})
	}
	if a.May(identity.JudgePieces) {
		reviews, err := review.Count(ctx, h.Pool, review.Judge{Account: a.ID, All: judge.All, Trades: judge.Trades,
			Not: slices.Concat([]union.ArtisanID{judge.Own}, judge.Helped)})
		if err != nil {
			return nil, err
		}
		add(Need{Key: "reviews", Path: reviewsPath, Count: reviews})
		marks, err := mark.Count(ctx, h.Pool, newMarkJudge(c, a, judge), now)
		if err != nil {
			return nil, err
		}
		add(Need{Key: "marks", Path: marksPath + "?state=" + string(mark.Opens), Count: marks[mark.Opens]})
		add(Need{Key: "mark_appeals", Path: marksPath + "?state=" + string(mark.Appeals), Count: marks[mark.Appeals]})
	}
	if a.May(identity.WriteWords) {
		add(Need{Key: "voices", Path: "/admin/voices", Count: spoken})
		stale, err := settings.CountStale(ctx, h.Pool)
		if err != nil {
			return nil, err
		}
		add(Need{Key: "translations", Path: translationsPath, Count: stale})
	}
	return list, nil
}

// numbers reads how the market fares.
func (h *Handlers) numbers(c *gin.Context, s order.Span, soldOut int) (*NumbersPart, error) {
	l := web.Language(c)
	r, seen, err := h.readSpan(c, s)
	if err != nil {
		return nil, err
	}
	q := query(s)
	p := &NumbersPart{Periods: periods(l, overviewPath, s), From: s.First, To: s.Today, PagesPath: withQuery(numbersPath+"/pages", q),
		SoldPath: withQuery(numbersPath+"/sold-out", q), WaitPath: numbersPath + "/waiting", SoldOut: l.T("numbers.sold_out.link", soldOut)}
	p.Then, p.ThenLast = s.Before()
	all, visits := r.All, seen.all
	for _, f := range []struct {
		key         string
		now, before figure
	}{
		{"net", sumOf(all.Now.Net()), sumOf(all.Before.Net())},
		{"orders", countOf(all.Now.Orders), countOf(all.Before.Orders)},
		{"pieces", countOf(all.Now.Pieces), countOf(all.Before.Pieces)},
		{"back", sumOf(all.Now.GivenBack), sumOf(all.Before.GivenBack)},
		{"visits", countOf(visits[0].Visits), countOf(visits[1].Visits)},
		{"conversion", shareOf(share(all.Now.Orders, visits[0].Visits)), shareOf(share(all.Before.Orders, visits[1].Visits))},
	} {
		p.Heads = append(p.Heads, HeadFigure{l.T("numbers." + f.key), f.now.said(l), difference(l, f.now, f.before)})
	}
	chart := func(id string, t table, value func(i int) (now, before figure)) {
		k := WeekChart{ID: id, Title: t.title, Hint: l.T("numbers." + id + ".hint"), First: s.First, Last: s.Week(s.Weeks - 1),
			NowSays: l.T("numbers.now", s.Weeks), ThenSays: l.T("numbers.then", s.Weeks), Figures: t.figures(l, q)}
		now, before := make([]int64, s.Weeks), make([]int64, s.Weeks)
		best := 0
		for i := range s.Weeks {
			n, b := value(i)
			now[i], before[i] = n.n, b.n
			if now[i] > now[best] {
				best = i
			}
		}
		k.Summary = l.T("numbers.nothing")
		if now[best] > 0 {
			most, _ := value(best)
			k.Summary = l.T("numbers.most", l.Date(s.Week(best)), plain(most.said(l)))
		}
		k.draw(now, before)
		p.Charts = append(p.Charts, k)
	}
	chart("weeks", weekTable(l, s, r), func(i int) (figure, figure) {
		return sumOf(r.Weeks[i].Now.Net()), sumOf(r.Weeks[i].Before.Net())
	})
	chart("visits", visitTable(l, s, seen), func(i int) (figure, figure) {
		return countOf(seen.weeks[i][0].Visits), countOf(seen.weeks[i][1].Visits)
	})
	chart("conversion", conversionTable(l, s, r, seen), func(i int) (figure, figure) { return conversion(r, seen, i) })
	shares := func(title string, list []order.Sold, name func(order.Sold) string, t table) {
		k := ShareChart{Title: title, Figures: t.figures(l, q)}
		most := int64(0)
		for _, v := range list {
			most = max(most, v.Now.Net().Minor, v.Before.Net().Minor)
		}
		for _, v := range list[:min(mostShares, len(list))] {
			now, before := sumOf(v.Now.Net()), sumOf(v.Before.Net())
			k.Rows = append(k.Rows, ShareRow{Name: name(v), Words: now.said(l), Bar: drawShare(l, now.n, most), Before: drawShare(l, before.n, most),
				Diff: difference(l, now, before)})
		}
		p.Shares = append(p.Shares, k)
	}
	shares(l.T("numbers.trades"), r.Trades, tradeName(l), soldTable(l, "trades", r.Trades, tradeName(l)))
	shares(l.T("numbers.countries"), r.Countries, countryName(l), soldTable(l, "countries", r.Countries, countryName(l)))
	return p, nil
}

// mostShares bounds the bars of a chart; its table has them all.
const mostShares = 12

// seenSpan is how often pages were looked at in a span and in the one before: [0]
// is now, [1] before.
type seenSpan struct {
	all   [2]visit.Seen
	weeks [][2]visit.Seen
}

func (h *Handlers) readVisits(c *gin.Context, s order.Span) (seen seenSpan, err error) {
	first, last := s.Before()
	weeks, err := visit.Read(c.Request.Context(), h.Pool, s.First, s.Today, first, last)
	if err != nil {
		return seen, err
	}
	seen.weeks = make([][2]visit.Seen, s.Weeks)
	for monday, v := range weeks {
		i, before := s.Index(monday)
		k := 0
		if before {
			k = 1
		}
		seen.weeks[i][k] = v
		seen.all[k].Views += v.Views
		seen.all[k].Visits += v.Visits
	}
	return seen, nil
}

func (h *Handlers) readSpan(c *gin.Context, s order.Span) (r order.SalesReport, seen seenSpan, err error) {
	if r, err = order.ReadSales(c.Request.Context(), h.Pool, s); err != nil {
		return r, seen, err
	}
	seen, err = h.readVisits(c, s)
	return r, seen, err
}

// conversion is how many orders were paid for every hundred visits of a week. A
// visit is a view by someone who came from elsewhere: nobody is followed from it
// to the order, so that someone who comes back the next day and buys is two visits
// and one order.
func conversion(r order.SalesReport, seen seenSpan, i int) (now, before figure) {
	return shareOf(share(r.Weeks[i].Now.Orders, seen.weeks[i][0].Visits)), shareOf(share(r.Weeks[i].Before.Orders, seen.weeks[i][1].Visits))
}

func tradeName(l *lang.Language) func(order.Sold) string {
	return func(s order.Sold) string { return s.Trade.In(l, "fr").Words }
}

func countryName(l *lang.Language) func(order.Sold) string {
	return func(s order.Sold) string {
		if s.Country == "" {
			return l.T("numbers.collected")
		}
		return l.Country(s.Country)
	}
}

func heads(l *lang.Language, keys ...string) (list []string) {
	for _, k := range keys {
		list = append(list, l.T("numbers."+k))
	}
	return list
}

func weekTable(l *lang.Language, s order.Span, r order.SalesReport) table {
	t := table{name: "weeks", title: l.T("numbers.by_week"), heads: heads(l, "week", "net", "net_before", "orders", "pieces", "back", "difference")}
	for i, w := range r.Weeks {
		now, before := sumOf(w.Now.Net()), sumOf(w.Before.Net())
		t.rows = append(t.rows, []figure{dayOf(s.Week(i), ""), now, before, countOf(w.Now.Orders), countOf(w.Now.Pieces), sumOf(w.Now.GivenBack), words(difference(l, now, before))})
	}
	return t
}

func visitTable(l *lang.Language, s order.Span, seen seenSpan) table {
	t := table{name: "visits", title: l.T("numbers.visits"), heads: heads(l, "week", "visits", "visits_before", "views", "difference")}
	for i, w := range seen.weeks {
		now, before := countOf(w[0].Visits), countOf(w[1].Visits)
		t.rows = append(t.rows, []figure{dayOf(s.Week(i), ""), now, before, countOf(w[0].Views), words(difference(l, now, before))})
	}
	return t
}

func conversionTable(l *lang.Language, s order.Span, r order.SalesReport, seen seenSpan) table {
	t := table{name: "conversion", title: l.T("numbers.conversion"), heads: heads(l, "week", "conversion", "conversion_before", "orders", "visits")}
	for i := range seen.weeks {
		now, before := conversion(r, seen, i)
		t.rows = append(t.rows, []figure{dayOf(s.Week(i), ""), now, before, countOf(r.Weeks[i].Now.Orders), countOf(seen.weeks[i][0].Visits)})
	}
	return t
}

func soldTable(l *lang.Language, key string, list []order.Sold, name func(order.Sold) string) table {
	t := table{name: key, title: l.T("numbers." + key), heads: heads(l, key+".one", "net", "net_before", "pieces", "back", "difference")}
	for _, v := range list {
		now, before := sumOf(v.Now.Net()), sumOf(v.Before.Net())
		t.rows = append(t.rows, []figure{words(name(v)), now, before, countOf(v.Now.Pieces), sumOf(v.Now.GivenBack), words(difference(l, now, before))})
	}
	return t
}

func (h *Handlers) weekSales(c *gin.Context, s order.Span) (table, error) {
	r, err := order.ReadSales(c.Request.Context(), h.Pool, s)
	return weekTable(web.Language(c), s, r), err
}

func (h *Handlers) tradeSales(c *gin.Context, s order.Span) (table, error) {
	r, err := order.ReadSales(c.Request.Context(), h.Pool, s)
	l := web.Language(c)
	return soldTable(l, "trades", r.Trades, tradeName(l)), err
}

func (h *Handlers) countrySales(c *gin.Context, s order.Span) (table, error) {
	r, err := order.ReadSales(c.Request.Context(), h.Pool, s)
	l := web.Language(c)
	return soldTable(l, "countries", r.Countries, countryName(l)), err
}

func (h *Handlers) weekVisits(c *gin.Context, s order.Span) (table, error) {
	seen, err := h.readVisits(c, s)
	return visitTable(web.Language(c), s, seen), err
}

func (h *Handlers) weekConversion(c *gin.Context, s order.Span) (table, error) {
	r, seen, err := h.readSpan(c, s)
	if err != nil {
		return table{}, err
	}
	return conversionTable(web.Language(c), s, r, seen), nil
}

// mostListed bounds the lists of single pages and pieces.
const mostListed = 100

func (h *Handlers) kindViews(c *gin.Context, s order.Span) (table, error) {
	l := web.Language(c)
	list, err := visit.Kinds(c.Request.Context(), h.Pool, s.First, s.Today)
	t := table{name: "page-kinds", title: l.T("numbers.page_kinds"), heads: heads(l, "page_kind", "views")}
	for _, v := range list {
		t.rows = append(t.rows, []figure{words(kindName(l, v.Kind)), countOf(v.Views)})
	}
	return t, err
}

// kindName names a kind of page; one that is counted no longer keeps its own name.
func kindName(l *lang.Language, kind string) string {
	if key := "visit.kind." + kind; l.Has(key) {
		return l.T(key)
	}
	return kind
}

// pagesOf are where the pages of a kind lie, of those that lead somewhere.
var pagesOf = map[string]string{"product": "/products/", "artisan": "/artisans/", "trade": "/trades/", "collection": "/collections/"}

func (h *Handlers) pageViews(c *gin.Context, s order.Span) (table, error) {
	l := web.Language(c)
	list, err := visit.Top(c.Request.Context(), h.Pool, s.First, s.Week(s.Weeks-1), mostListed)
	t := table{name: "pages", title: l.T("numbers.pages"), heads: heads(l, "page", "page_kind", "views")}
	for _, v := range list {
		path := ""
		if of := pagesOf[v.Kind]; of != "" {
			path = "/" + l.Code + of + v.Subject
		}
		t.rows = append(t.rows, []figure{nameOf(v.Subject, path), words(kindName(l, v.Kind)), countOf(v.Views)})
	}
	return t, err
}

func (h *Handlers) soldOut(c *gin.Context, s order.Span) (table, error) {
	l := web.Language(c)
	t := table{name: "sold-out", title: l.T("numbers.sold_out"), heads: heads(l, "sold_out.piece", "sold_out.sku", "sold_out.maker", "sold_out.since")}
	since, err := h.begins(c, s)
	if err != nil {
		return t, err
	}
	list, err := catalog.SoldOutSince(c.Request.Context(), h.Pool, since, mostListed)
	for _, v := range list {
		maker, _ := union.Artisan{Name: v.Maker, NameArabic: v.MakerArabic}.NameIn(l)
		t.rows = append(t.rows, []figure{nameOf(v.Title.In(l, v.WrittenIn).Words, "/"+l.Code+"/products/"+v.Slug), nameOf(v.SKU, ""),
			nameOf(maker.Words, "/admin/artisans/"+v.MakerSlug), dayOf(v.Since.In(since.Location()), "")})
	}
	return t, err
}

func (h *Handlers) waitingPieces(c *gin.Context, _ order.Span) (table, error) {
	l := web.Language(c)
	t := table{name: "waiting", title: l.T("numbers.waiting"), heads: heads(l, "committee", "waiting.pieces", "waiting.late", "waiting.reports", "waiting.oldest")}
	now, err := h.now(c)
	if err != nil {
		return t, err
	}
	list, err := moderation.Backlogs(c.Request.Context(), h.Pool, moderation.Judge{All: true}, now)
	for _, b := range list {
		oldest := words("")
		if !b.Oldest.IsZero() {
			oldest = dayOf(b.Oldest.In(now.Location()), "")
		}
		t.rows = append(t.rows, []figure{words(b.Name.In(l, "fr").Words), countOf(b.Pieces), countOf(b.Late), countOf(b.Reports), oldest})
	}
	return t, err
}

// FiguresPage is admin/figures: tables that the numbers lead to.
type FiguresPage struct {
	web.Page
	Lead      string
	Periods   []Period // none where it is of now
	Tables    []Figures
	Empty     string
	EmptyMore string
	Back      string
}

// showFigures serves a page of tables of one span.
func (h *Handlers) showFigures(name string, spanned bool, reads ...func(*gin.Context, order.Span) (table, error)) func(*gin.Context, identity.Account) error {
	return func(c *gin.Context, a identity.Account) error {
		l, key := web.Language(c), "numbers.list."+name
		span, err := h.span(c)
		if err != nil {
			return err
		}
		page := &FiguresPage{Page: h.page(c, a, l.T(key)), Lead: l.T(key + ".lead"), Empty: l.T(key + ".empty"), EmptyMore: l.T(key + ".empty.more"), Back: overviewPath}
		page.Section = "overview"
		var q url.Values
		if spanned {
			q = query(span)
			page.Periods, page.Back = periods(l, numbersPath+"/"+name, span), withQuery(overviewPath, q)
		}
		for _, read := range reads {
			t, err := read(c, span)
			if err != nil {
				return err
			}
			if len(t.rows) > 0 {
				page.Tables = append(page.Tables, t.figures(l, q))
			}
		}
		return h.Site.Render(c, http.StatusOK, "admin/figures", page)
	}
}

// RefundsPage is admin/refunds: money that buyers wait for.
type RefundsPage struct {
	web.Page
	Rows []RefundRow
	More bool
}

// RefundRow is a refund that is not done.
type RefundRow struct {
	Number, Path string
	Amount       string
	Reason       string
	State        string
	StateKind    string
	Since        time.Time
}

// listRefunds serves GET /admin/refunds.
func (h *Handlers) listRefunds(c *gin.Context, a identity.Account) error {
	l := web.Language(c)
	list, err := payment.WaitingRefunds(c.Request.Context(), h.Pool, mostListed+1)
	if err != nil {
		return err
	}
	page := &RefundsPage{Page: h.page(c, a, l.T("refunds.title"))}
	page.Section = "overview"
	if len(list) > mostListed {
		list, page.More = list[:mostListed], true
	}
	for _, r := range list {
		row := RefundRow{Number: r.Order, Path: ordersPath + "/" + r.Order, Amount: l.Money(r.Amount), State: l.T("refunds.pending"), StateKind: "waiting", Since: r.Since}
		if r.Failed {
			row.State, row.StateKind = l.T("refunds.failed"), "wrong"
		}
		if key := "refund.reason." + r.Reason; l.Has(key) {
			row.Reason = l.T(key)
		} else {
			row.Reason = l.T("history.given_back")
		}
		page.Rows = append(page.Rows, row)
	}
	return h.Site.Render(c, http.StatusOK, "admin/refunds", page)
}
