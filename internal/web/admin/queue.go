package admin

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// QueuePage is admin/queue: what waits for a committee, oldest first, new pieces
// and changes of live ones apart.
type QueuePage struct {
	web.Page
	Parts      []QueuePart
	Committees []web.Link     // whose criteria the reader may keep
	More       int            // so many more wait than are shown
	Marks      []web.Link     // what waits besides
	Reported   []ReportedPart // what visitors reported, and appeals
}

// QueuePart is new pieces, or changes.
type QueuePart struct {
	Name string
	Rows []WaitingRow
}

// WaitingRow is a revision that waits.
type WaitingRow struct {
	Path  string
	Title lang.Text
	Maker string
	Trade lang.Text
	Since time.Time
	Waits string // how many working days, where the promise is kept
	Late  string // how many, where it is not
	By    string // who is looking at it just now
	Photo web.Picture
	Price money.Amount
	Alike bool // one of its photos looks like another workshop's
}

// ReportedPart is pieces that were reported, or appeals of their makers.
type ReportedPart struct {
	Name string
	Rows []ReportedRow
}

// ReportedRow is a piece that buyers see, or saw, on which a ruling waits.
type ReportedRow struct {
	WaitingRow
	Said    string // how many reported it
	Reasons string // why, each reason once
}

const mostWaiting = 100

// queue is what waits for a judge, and what is known of it.
type queue struct {
	judge    moderation.Judge
	list     []catalog.Submitted
	rules    map[union.CommitteeID]moderation.Rules
	claims   map[catalog.RevisionID]moderation.Claim
	location *time.Location
}

func (h *Handlers) readQueue(c *gin.Context, a identity.Account) (q queue, err error) {
	ctx := c.Request.Context()
	if q.judge, err = moderation.JudgeOf(ctx, h.Pool, a); err != nil {
		return q, err
	}
	if q.list, q.claims, err = moderation.Queue(ctx, h.Pool, q.judge, mostWaiting+1, h.Site.Now()); err != nil {
		return q, err
	}
	if q.rules, err = moderation.RulesOf(ctx, h.Pool); err != nil {
		return q, err
	}
	profile, err := h.Site.Profile(ctx)
	q.location = profile.Location
	return q, err
}

// listQueue serves GET /admin/queue.
func (h *Handlers) listQueue(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	q, err := h.readQueue(c, a)
	if err != nil {
		return err
	}
	page := &QueuePage{Page: h.page(c, a, l.T("admin.queue"))}
	page.Section = "queue"
	if len(q.list) > mostWaiting {
		q.list, page.More = q.list[:mostWaiting], 1
	}
	reported, appealed, err := moderation.ReportedTo(ctx, h.Pool, q.judge, mostWaiting+1)
	if err != nil {
		return err
	}
	var pictureIDs []media.PictureID
	var makerIDs []union.ArtisanID
	for _, r := range slices.Concat(reported, appealed) {
		pictureIDs, makerIDs = append(pictureIDs, r.Picture), append(makerIDs, r.Artisan)
	}
	for _, s := range q.list {
		if len(s.Pictures) > 0 {
			pictureIDs = append(pictureIDs, s.Pictures[0])
		}
		makerIDs = append(makerIDs, s.Artisan)
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, pictureIDs...)
	if err != nil {
		return err
	}
	makers, err := union.ArtisansByID(ctx, h.Pool, makerIDs)
	if err != nil {
		return err
	}
	copies, err := moderation.Copies(ctx, h.Pool, q.list)
	if err != nil {
		return err
	}
	parts := map[bool]*QueuePart{false: {Name: l.T("admin.queue.new")}, true: {Name: l.T("admin.queue.changes")}}
	for _, s := range q.list {
		name, _ := makers[s.Artisan].NameIn(l)
		row := WaitingRow{Path: decisionPath(s), Title: s.Title.In(l, s.WrittenIn), Maker: name.Words,
			Trade: s.TradeName.In(l, "fr"), Since: s.SubmittedAt, Price: s.Price, Alike: len(copies[s.Revision]) > 0}
		if len(s.Pictures) > 0 {
			row.Photo = pictures.Make(s.Pictures[0], "shown__small", "", "4rem", false)
		}
		row.waits(l, s.SubmittedAt.In(q.location), h.Site.Now(), q.rules[s.Committee])
		if claim, ok := q.claims[s.Revision]; ok && claim.By != a.ID {
			row.By = claim.Name
		}
		parts[s.Change].Rows = append(parts[s.Change].Rows, row)
	}
	for _, change := range []bool{false, true} {
		if len(parts[change].Rows) > 0 {
			page.Parts = append(page.Parts, *parts[change])
		}
	}
	h.addReported(l, q, page, reported, "admin.queue.reports", pictures, makers)
	h.addReported(l, q, page, appealed, "admin.queue.appeals", pictures, makers)
	if page.Marks, err = h.waitingMarks(c, newMarkJudge(c, a, q.judge)); err != nil {
		return err
	}
	committees, err := h.keptCommittees(c, a)
	if err != nil {
		return err
	}
	for _, k := range committees {
		page.Committees = append(page.Committees, web.Link{Name: k.Name.In(l, "fr").Words, Path: "/admin/committees/" + k.Slug})
	}
	return h.Site.Render(c, http.StatusOK, "admin/queue", page)
}

// waits fills in how long it has waited, against the committee's promise.
func (row *WaitingRow) waits(l *lang.Language, since, now time.Time, r moderation.Rules) {
	days := moderation.WorkingDays(since, now)
	said := l.T("admin.queue.waits", days)
	if days == 0 {
		said = l.T("admin.queue.today")
	}
	if days > r.PromiseDays {
		row.Late = said
	} else {
		row.Waits = said
	}
}

// addReported fills in what was reported, or what makers say against a piece being
// taken down.
func (h *Handlers) addReported(l *lang.Language, q queue, page *QueuePage, list []moderation.Reported, name string, pictures web.Pictures, makers map[union.ArtisanID]union.Artisan) {
	if len(list) == 0 {
		return
	}
	if len(list) > mostWaiting {
		list, page.More = list[:mostWaiting], 1
	}
	shown := ReportedPart{Name: l.T(name)}
	for _, r := range list {
		maker, _ := makers[r.Artisan].NameIn(l)
		row := ReportedRow{WaitingRow: WaitingRow{Path: piecePath(r.Slug), Title: r.Title.In(l, r.WrittenIn), Maker: maker.Words,
			Trade: r.TradeName.In(l, "fr"), Since: r.Since, Price: r.Price}}
		if r.Picture != 0 {
			row.Photo = pictures.Make(r.Picture, "shown__small", "", "4rem", false)
		}
		row.waits(l, r.Since.In(q.location), h.Site.Now().In(q.location), q.rules[r.Committee])
		if r.Count > 0 {
			row.Said = l.T("admin.queue.reported", r.Count)
		}
		var reasons []string
		for _, reason := range r.Reasons {
			reasons = append(reasons, l.T("report.reason."+string(reason)))
		}
		row.Reasons = l.List(reasons)
		shown.Rows = append(shown.Rows, row)
	}
	page.Reported = append(page.Reported, shown)
}

func decisionPath(s catalog.Submitted) string {
	return "/admin/queue/" + s.Slug + "/" + strconv.Itoa(s.Number)
}
