package admin

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/moderation"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// DecisionPage is admin/decision: a piece as it was sent, what buyers see of it
// now, and what to say of it.
type DecisionPage struct {
	web.Page
	State       string
	StateSaid   string
	Said        string // what became of the last decision
	Title       lang.Text
	Number      int
	Place       string // of how many in the queue
	Previous    string // in the queue, empty for the first
	Next        string
	Maker       lang.Text
	MakerPath   string
	Reads       string // the artisan's language
	Since       time.Time
	Other       string // a colleague who is looking at it just now
	Photos      []SentPhoto
	Gone        []web.Picture // of the live revision, which this one has not
	Copies      []CopyPair    // photos that look like some of other workshops
	Change      bool
	Changes     []Change
	Facts       []Fact
	Description lang.Text
	Voice       string // where the artisan's own words are heard, or empty
	Price       money.Amount
	Range       string
	Others      []OtherPiece
	Verdicts    string // how many of the workshop's pieces came as shown, empty where none was compared
	Past        []PastDecision
	Approvals   int
	Needed      int
	Because     []string // why so many
	Action      string   // empty where there is nothing to decide
	Office      string   // where what buyers see of it is taken down, empty where they see nothing
	Criteria    []TextChip
	Phrases     []TextChip
	Words       string
	WordsWrong  string
}

// SentPhoto is a photo as it was sent.
type SentPhoto struct {
	Photo web.Picture
	New   bool // buyers do not see it yet
}

// CopyPair is a photo as it was sent, beside one of another workshop that it
// looks like.
type CopyPair struct {
	Sent, Other web.Picture
	Maker       lang.Text
	MakerPath   string
	Piece       lang.Text
	PiecePath   string // empty where the workshop's page shows it
	At          time.Time
}

// Fact is a line of a description list.
type Fact struct{ Label, Words, Code string }

// OtherPiece is another of the artisan's pieces.
type OtherPiece struct {
	Path  string
	Title lang.Text
	Photo web.Picture
	Price money.Amount
}

// PastDecision is what was decided before.
type PastDecision struct {
	At    time.Time
	By    string
	What  string
	Path  string
	Piece string
	Said  []lang.Text
}

// TextChip is a criterion or a phrase to be ticked.
type TextChip struct {
	ID      moderation.TextID
	Words   lang.Text
	Checked bool
}

// How much is shown beside a piece.
const (
	mostOthers = 6
	mostPast   = 10
)

// submitted reads the revision of an address.
func (h *Handlers) submitted(c *gin.Context) (catalog.Submitted, error) {
	number, err := strconv.Atoi(c.Param("number"))
	if err != nil || !catalog.IsSlug(c.Param("slug")) {
		return catalog.Submitted{}, web.ErrNoPage
	}
	return catalog.SubmittedBy(c.Request.Context(), h.Pool, c.Param("slug"), number)
}

// showDecision serves GET /admin/queue/:slug/:number.
func (h *Handlers) showDecision(c *gin.Context, a identity.Account) error {
	s, err := h.submitted(c)
	if err != nil {
		return err
	}
	page, err := h.newDecisionPage(c, a, s, web.EmptyForm(c))
	if err != nil {
		return err
	}
	for _, done := range []string{"approved", "changes_requested", "rejected", "one_more"} {
		if c.Query("done") == done {
			page.Said = web.Language(c).T("admin.decision.done." + done)
		}
	}
	return h.Site.Render(c, http.StatusOK, "admin/decision", page)
}

func (h *Handlers) newDecisionPage(c *gin.Context, a identity.Account, s catalog.Submitted, form *web.Form) (*DecisionPage, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	title := s.Title.In(l, s.WrittenIn)
	page := &DecisionPage{Page: h.page(c, a, title.Words), State: s.State, StateSaid: l.T("revision." + s.State), Title: title, Number: s.Number,
		Since: s.SubmittedAt, Change: s.Change, Description: s.Description.In(l, s.WrittenIn), Price: s.Price, Words: form.Value("words"),
		Voice: media.VoicePath(s.Voice.Key)}
	page.Section = "queue"
	var around around
	err := postgres.Together(ctx, h.Pool, catalog.AskLive(s.Product, &around.live, &around.isLive),
		catalog.AskOthers(s.Artisan, s.Product, mostOthers, &around.others), catalog.AskPriceRange(s.Product, &around.prices),
		order.AskVerdicts(s.Artisan, &around.asShown, &around.differed), moderation.AskPast(s.Artisan, s.Product, mostPast, &around.past),
		moderation.AskStanding(s, h.Site.Now(), &around.standing), moderation.AskTexts(s.Committee, &around.texts))
	if err != nil {
		return nil, err
	}
	copies, err := moderation.Copies(ctx, h.Pool, []catalog.Submitted{s})
	if err != nil {
		return nil, err
	}
	around.copies = copies[s.Revision]
	makerIDs := []union.ArtisanID{s.Artisan}
	for _, k := range around.copies {
		makerIDs = append(makerIDs, k.Artisan)
	}
	if around.makers, err = union.ArtisansByID(ctx, h.Pool, makerIDs); err != nil {
		return nil, err
	}
	maker := around.makers[s.Artisan]
	page.Maker, _ = maker.NameIn(l)
	page.MakerPath, page.Reads = "/admin/artisans/"+maker.Slug, l.LanguageName(maker.WrittenIn)
	if around.isLive {
		page.Office = piecePath(s.Slug)
	}
	if err := h.showSent(c, page, s, around); err != nil {
		return nil, err
	}
	if r := around.prices; r.Enough {
		page.Range = l.T("admin.decision.range", r.From, r.To)
	}
	if asShown, differed := around.asShown, around.differed; asShown+differed > 0 {
		page.Verdicts = l.T("admin.verdicts", asShown+differed, asShown, differed, order.DifferedShare(asShown, differed))
	}
	for _, d := range around.past {
		page.Past = append(page.Past, PastDecision{At: d.At, By: d.By, What: l.T("revision." + string(d.Verdict)), Said: d.Said(l),
			Path: "/admin/queue/" + d.Product + "/" + strconv.Itoa(d.Revision), Piece: d.Product})
	}
	if s.State != "submitted" {
		return page, nil
	}
	page.Action = decisionPath(s) + "/decision"
	return page, h.showQuestion(c, a, page, s, around, form)
}

// around is what is known about a revision that is looked at.
type around struct {
	live              catalog.Submitted
	isLive            bool
	others            []catalog.Sight
	prices            catalog.PriceRange
	asShown, differed int
	past              []moderation.Decision
	standing          moderation.Outcome
	texts             []moderation.Text
	copies            []moderation.Copy
	makers            map[union.ArtisanID]union.Artisan
}

// showSent fills in what was sent, and what buyers see now where it changes that.
func (h *Handlers) showSent(c *gin.Context, page *DecisionPage, s catalog.Submitted, around around) error {
	ctx, l := c.Request.Context(), web.Language(c)
	live, changes, others := around.live, around.isLive && s.Change, around.others
	ids := slices.Concat(s.Pictures, live.Pictures)
	for _, k := range around.copies {
		ids = append(ids, k.Photo, k.Other)
	}
	for _, o := range others {
		ids = append(ids, o.Picture)
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, ids...)
	if err != nil {
		return err
	}
	h.showCopies(l, page, around, pictures)
	for i, id := range s.Pictures {
		page.Photos = append(page.Photos, SentPhoto{
			pictures.Make(id, "shown__photo", l.T("studio.photo_number", i+1), "(min-width: 48rem) 20rem, 90vw", i == 0),
			changes && !slices.Contains(live.Pictures, id)})
	}
	for _, o := range others {
		page.Others = append(page.Others, OtherPiece{"/" + l.Code + "/products/" + o.Slug, o.Title.In(l, o.WrittenIn),
			pictures.Make(o.Picture, "shown__small", "", "4rem", false), o.Price})
	}
	if !changes {
		page.Facts = h.factsOf(l, s)
		return nil
	}
	for i, id := range live.Pictures {
		if !slices.Contains(s.Pictures, id) {
			page.Gone = append(page.Gone, pictures.Make(id, "shown__photo", l.T("studio.photo_number", i+1), "10rem", false))
		}
	}
	before, now := live.Title.In(l, live.WrittenIn), s.Title.In(l, s.WrittenIn)
	page.Changes = append(page.Changes, compare(l.T("studio.title"), before.Words, now.Words, now.Dir))
	before, now = live.Description.In(l, live.WrittenIn), s.Description.In(l, s.WrittenIn)
	page.Changes = append(page.Changes, compare(l.T("studio.words"), before.Words, now.Words, now.Dir))
	old := h.factsOf(l, live)
	for _, f := range h.factsOf(l, s) {
		was := ""
		if i := slices.IndexFunc(old, func(o Fact) bool { return o.Label == f.Label }); i >= 0 {
			was = old[i].Words + old[i].Code
		}
		dir := l.Dir
		if f.Code != "" {
			dir = "ltr"
		}
		page.Changes = append(page.Changes, compare(f.Label, was, f.Words+f.Code, dir))
	}
	return nil
}

// showCopies fills in which photos look like some of other workshops.
func (h *Handlers) showCopies(l *lang.Language, page *DecisionPage, around around, pictures web.Pictures) {
	for _, k := range around.copies {
		pair := CopyPair{Sent: pictures.Make(k.Photo, "shown__photo", l.T("admin.decision.copy.sent"), "10rem", false),
			Other: pictures.Make(k.Other, "shown__photo", l.T("admin.decision.copy.other"), "10rem", false)}
		pair.Maker, _ = around.makers[k.Artisan].NameIn(l)
		pair.MakerPath = "/" + l.Code + "/artisans/" + around.makers[k.Artisan].Slug
		if k.Piece.Slug != "" {
			pair.Piece, pair.At = k.Piece.Title.In(l, k.Piece.WrittenIn), k.Piece.Sent
			pair.PiecePath = "/" + l.Code + "/products/" + k.Piece.Slug
			if !k.Piece.Live {
				pair.PiecePath = "/admin/queue/" + k.Piece.Slug + "/" + strconv.Itoa(k.Piece.Number)
			}
		}
		page.Copies = append(page.Copies, pair)
	}
}

// factsOf lists what a revision says in numbers and words of the vocabularies.
func (h *Handlers) factsOf(l *lang.Language, s catalog.Submitted) (facts []Fact) {
	add := func(label, words, code string) {
		if words+code != "" {
			facts = append(facts, Fact{l.T(label), words, code})
		}
	}
	add("facet.trade", s.TradeName.In(l, "fr").Words, "")
	add("facet.kind", s.KindName.In(l, "fr").Words, "")
	if s.Second {
		add("studio.second", l.T("product.second.more"), "")
	}
	var size []string
	for _, mm := range s.Size {
		if mm > 0 {
			size = append(size, l.Centimetres(mm))
		}
	}
	if len(size) > 0 {
		add("product.size", "", strings.Join(size, " × ")+" cm")
	}
	add("product.weight", l.Kilograms(s.Weight), "")
	var terms []string
	for _, t := range s.Terms {
		terms = append(terms, t.In(l, "fr").Words)
	}
	add("product.materials", l.List(terms), "")
	if s.Change { // Price and number are changed in the list, at once.
		return facts
	}
	count := func(stocked bool, onHand, leadDays int) string {
		if !stocked {
			return l.T("card.made", leadDays)
		}
		return l.T("list.pieces", onHand)
	}
	if len(s.Variants) < 2 {
		add("studio.count", count(s.Stocked, s.OnHand, s.LeadDays), "")
		return facts
	}
	for _, v := range s.Variants {
		facts = append(facts, Fact{catalog.OptionNames(l, v.Options), l.List([]string{l.Money(v.Price), count(v.Stocked, v.OnHand, v.LeadDays)}), ""})
	}
	return facts
}

// showQuestion fills in what the committee is asked, and where the piece stands
// in its queue.
func (h *Handlers) showQuestion(c *gin.Context, a identity.Account, page *DecisionPage, s catalog.Submitted, around around, form *web.Form) error {
	ctx, l := c.Request.Context(), web.Language(c)
	claim, err := moderation.ClaimFor(ctx, h.Pool, s.Revision, a.ID, h.Site.Now())
	if err != nil {
		return err
	}
	if claim.By != a.ID {
		page.Other = claim.Name
	}
	page.Approvals, page.Needed = around.standing.Approvals, around.standing.Needed
	page.Because = because(l, around.standing)
	for _, t := range around.texts {
		field := string(t.Kind) + strconv.FormatInt(int64(t.ID), 10)
		chip := TextChip{t.ID, t.Words.In(l, "fr"), form.Value(field) != ""}
		if t.Kind == moderation.Criterion {
			page.Criteria = append(page.Criteria, chip)
		} else {
			page.Phrases = append(page.Phrases, chip)
		}
	}
	judge, err := moderation.JudgeOf(ctx, h.Pool, a)
	if err != nil {
		return err
	}
	list, _, err := moderation.Queue(ctx, h.Pool, judge, mostWaiting+1, h.Site.Now())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(w catalog.Submitted) bool { return w.Revision == s.Revision })
	if at < 0 {
		return nil
	}
	page.Place = l.T("admin.queue.place", at+1, len(list))
	if at > 0 {
		page.Previous = decisionPath(list[at-1])
	}
	if at < len(list)-1 {
		page.Next = decisionPath(list[at+1])
	}
	return nil
}

// because says why so many members must approve, where that is not simply what
// the committee asks of everyone.
func because(l *lang.Language, o moderation.Outcome) (said []string) {
	if o.Earned == "" && o.Differed == 0 {
		return nil
	}
	said = append(said, l.T("admin.decision.asked", o.Asked))
	if o.Earned != "" {
		said = append(said, l.T("admin.decision.earned", o.EarnedBy.In(l, "fr")))
	}
	if o.Differed > 0 {
		said = append(said, l.T("admin.decision.wary", o.Differed))
	}
	return said
}

// createDecision serves POST /admin/queue/:slug/:number/decision, and leads on to
// what waits next.
func (h *Handlers) createDecision(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	form, err := web.ReadForm(c)
	if err != nil {
		return err
	}
	ruling := moderation.Ruling{Verdict: moderation.Verdict(form.Value("verdict")), Words: form.Value("words"), Language: l.Code}
	if ruling.Verdict != moderation.Approved && ruling.Verdict != moderation.ChangesRequested && ruling.Verdict != moderation.Rejected {
		return web.ErrMalformed
	}
	s, err := h.submitted(c)
	if err != nil {
		return err
	}
	q, err := h.readQueue(c, a)
	if err != nil {
		return err
	}
	texts, err := moderation.TextsOf(ctx, h.Pool, s.Committee)
	if err != nil {
		return err
	}
	for _, t := range texts {
		if form.Value(string(t.Kind)+strconv.FormatInt(int64(t.ID), 10)) == "" {
			continue
		}
		if t.Kind == moderation.Criterion {
			ruling.Seen = append(ruling.Seen, t.ID)
		} else if ruling.Verdict != moderation.Approved {
			ruling.Reasons = append(ruling.Reasons, t.ID)
		}
	}
	var out moderation.Outcome
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		out, err = moderation.Decide(ctx, tx, q.judge, s, ruling, h.Site.Now())
		return err
	})
	if errors.Is(err, moderation.ErrNoWords) {
		page, err := h.newDecisionPage(c, a, s, form)
		if err != nil {
			return err
		}
		page.WordsWrong = l.T(moderation.ErrNoWords.Key)
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/decision", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, h.nextInQueue(q, s, ruling, out, a))
	return nil
}

// nextInQueue is what a judge sees after a decision: the next piece that no
// colleague is at, or the queue.
func (h *Handlers) nextInQueue(q queue, decided catalog.Submitted, r moderation.Ruling, out moderation.Outcome, a identity.Account) string {
	done := "?done=" + string(r.Verdict)
	if !out.Decided {
		done = "?done=one_more"
	}
	at := slices.IndexFunc(q.list, func(w catalog.Submitted) bool { return w.Revision == decided.Revision })
	for _, s := range slices.Concat(q.list[at+1:], q.list[:max(at, 0)]) {
		if claim, ok := q.claims[s.Revision]; !ok || claim.By == a.ID {
			return decisionPath(s) + done
		}
	}
	return "/admin/queue"
}
