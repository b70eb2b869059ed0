package web

import (
	"bytes"
	"compress/gzip"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kissaria.ma/internal/postgres"
)

const (
	// keepFor is how long a page is kept at most. Whatever changes is told with
	// postgres.Notify; this is for what is not, such as a row mended by hand.
	keepFor = 5 * time.Minute
	// patience is how long one visitor waits for a page that another's request
	// is making, before making it too.
	patience = 3 * time.Second
	// silence is how long the database is not asked for a page that is there,
	// once it did not answer: all would wait for the same nothing.
	silence = time.Second
)

// A PageCache keeps public pages, whole and compressed, until what they show
// changes. Its memory is bounded: the page that was not asked for longest goes
// first.
//
// It never keeps a page that may be out of date. Only while it hears of changes
// does it keep and serve anything; a page during whose making one of its tags
// was dropped is not kept; and after a time of hearing nothing it starts empty.
// Stored pages serve through such a time only where the alternative is none at
// all: see Site.Public.
type PageCache struct {
	mu        sync.Mutex
	pages     map[address]*page
	tagged    map[string]map[*page]struct{}
	plain     shelf // pages without a query: there are as many as the market has
	queried   shelf // pages with one: their number has no end, so they have room of their own
	flights   map[address]*flight
	making    map[*flight]struct{} // those in flights, and those that nobody may join any more
	listening bool
	silent    time.Time // until when the database is not asked for what is there

	answers, dropped               *prometheus.CounterVec
	stored, made, shared, stale    prometheus.Counter // of answers: where the page came from
	changed, crowded, missed, aged prometheus.Counter // of dropped: why
}

// NewPageCache makes a cache of at most so many bytes. One of none keeps
// nothing.
func NewPageCache(most int) *PageCache {
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kissaria", Subsystem: "page_cache", Name: "answers_total", Help: "Public pages sent, by where they came from.",
	}, []string{"from"})
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kissaria", Subsystem: "page_cache", Name: "dropped_total", Help: "Pages that were kept no longer, by why.",
	}, []string{"why"})
	return &PageCache{
		pages: map[address]*page{}, tagged: map[string]map[*page]struct{}{}, flights: map[address]*flight{}, making: map[*flight]struct{}{},
		plain: shelf{list.New(), 0, most / 4 * 3}, queried: shelf{list.New(), 0, most / 4},
		stored: answers.WithLabelValues("store"), made: answers.WithLabelValues("made"),
		shared: answers.WithLabelValues("shared"), stale: answers.WithLabelValues("stale"),
		changed: dropped.WithLabelValues("changed"), crowded: dropped.WithLabelValues("crowded"),
		missed: dropped.WithLabelValues("missed"), aged: dropped.WithLabelValues("aged"),
		answers: answers, dropped: dropped,
	}
}

// An address is that of a page: its path, which holds the language, and its
// query as Site.Public has brought it into order.
type address struct{ path, query string }

// A shelf is pages that share their room, the last used first.
type shelf struct {
	*list.List // of *page
	bytes      int
	most       int
}

// A flight is a page being made, for whoever asks for it meanwhile.
type flight struct {
	done    chan struct{}
	page    *page    // for all; nil where it is nobody else's or could not be made
	dropped []string // tags dropped since it began
	void    bool     // all tags were
}

// A page is an answer, ready to be sent many times.
type page struct {
	address address
	status  int
	header  http.Header
	body    []byte // as it was made; nil once it is packed
	packed  map[string]packed
	tags    []string
	forAll  bool // the same for every visitor
	lasting bool // nothing on it is about to change
	expires time.Time

	shelf *shelf
	place *list.Element // nil while it is not kept
}

// packed is a page's body in one encoding, and its name.
type packed struct {
	body []byte // nil for the plain one, which is asked for by few
	etag string
}

func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

// pack compresses the body for keeping.
func (p *page) pack() error {
	forms := map[string]packed{"": {nil, etagOf(p.body)}}
	for _, encoding := range []string{"br", "gzip"} {
		b, err := compress(p.body, encoding, dynamicLevel)
		if err != nil {
			return err
		}
		forms[encoding] = packed{b, etagOf(b)}
	}
	p.packed, p.body = forms, nil
	return nil
}

// in returns the body in an encoding that negotiate named. The plain one of a
// packed page is missing: see unpack.
func (p *page) in(encoding string) (packed, error) {
	if p.packed != nil {
		return p.packed[encoding], nil
	}
	b := p.body
	if encoding != "" {
		var err error
		if b, err = compress(p.body, encoding, dynamicLevel); err != nil {
			return packed{}, err
		}
	}
	return packed{b, etagOf(b)}, nil
}

// unpack returns the plain body of a packed page.
func (p *page) unpack() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(p.packed["gzip"].body))
	if err != nil {
		return nil, fmt.Errorf("web: unpack a page: %w", err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("web: unpack a page: %w", err)
	}
	return b, nil
}

// size is about what a packed page takes, with its places in the maps.
func (p *page) size() int {
	n := 1500 + len(p.address.path) + len(p.address.query)
	for _, form := range p.packed {
		n += len(form.body)
	}
	for _, tag := range p.tags {
		n += 100 + len(tag)
	}
	return n
}

// get returns the page at an address: the stored one, the one that another
// visitor's request is making, or one that compose makes, whose argument says
// that others may be waiting for it too. isStale tells that the page is an old
// one, for the database does not answer; err then says how.
//
// Only a page is shared. What went wrong, and what is meant for one visitor
// alone, everyone finds out on their own.
func (p *PageCache) get(ctx context.Context, at address, now func() time.Time, compose func(others bool) (*page, error)) (found *page, isStale bool, err error) {
	p.mu.Lock()
	if kept := p.pages[at]; kept != nil {
		instant := now()
		if p.listening && instant.Before(kept.expires) {
			kept.shelf.MoveToFront(kept.place)
			p.mu.Unlock()
			p.stored.Inc()
			return kept, false, nil
		}
		if instant.Before(p.silent) {
			p.mu.Unlock()
			p.stale.Inc()
			return kept, true, nil
		}
	}
	f, underWay := p.flights[at]
	if !underWay {
		f = &flight{done: make(chan struct{})}
		p.flights[at] = f
		p.making[f] = struct{}{}
	}
	p.mu.Unlock()

	if underWay {
		found, err = p.join(ctx, f)
		if found == nil && err == nil {
			found, err = compose(false)
			p.made.Inc()
		}
	} else {
		found, err = p.fill(f, at, compose)
		p.made.Inc()
	}
	if postgres.IsAway(err) {
		if kept := p.outlast(at, now()); kept != nil {
			return kept, true, err
		}
	}
	return found, false, err
}

// join waits for a page that another's request is making. It returns none where
// there is none to share, or none soon.
func (p *PageCache) join(ctx context.Context, f *flight) (*page, error) {
	enough := time.NewTimer(patience)
	defer enough.Stop()
	select {
	case <-f.done:
	case <-enough.C:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.page != nil {
		p.shared.Inc()
	}
	return f.page, nil
}

// fill makes a page, keeps it if that is right, and gives it to whoever waits.
func (p *PageCache) fill(f *flight, at address, compose func(bool) (*page, error)) (made *page, err error) {
	// Also when compose panics: those who wait must not wait for ever.
	defer func() { p.land(f, at, made) }()
	if made, err = compose(true); err != nil {
		return nil, err
	}
	made.address = at
	if made.forAll && made.lasting && p.keeps(f, made) {
		if err := made.pack(); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// keeps reports whether a page that was made in a flight can be kept as of now.
func (p *PageCache) keeps(f *flight, made *page) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mayKeep(f, made)
}

func (p *PageCache) mayKeep(f *flight, made *page) bool {
	return p.listening && !f.void && p.shelfOf(made).most > 0 &&
		!slices.ContainsFunc(f.dropped, func(tag string) bool { return slices.Contains(made.tags, tag) })
}

func (p *PageCache) shelfOf(made *page) *shelf {
	if made.address.query == "" {
		return &p.plain
	}
	return &p.queried
}

// land ends a flight. What was dropped since made was looked at by keeps is
// seen here, under the lock.
func (p *PageCache) land(f *flight, at address, made *page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.making, f)
	if p.flights[at] == f {
		delete(p.flights, at)
	}
	if made != nil && made.forAll {
		f.page = made
		if made.packed != nil && p.mayKeep(f, made) {
			p.put(made)
		}
	}
	close(f.done)
}

// put keeps a page, and makes room for it.
func (p *PageCache) put(made *page) {
	made.shelf = p.shelfOf(made)
	if made.size() > made.shelf.most {
		return
	}
	if old := p.pages[made.address]; old != nil {
		p.remove(old)
		p.aged.Inc()
	}
	p.pages[made.address] = made
	for _, tag := range made.tags {
		if p.tagged[tag] == nil {
			p.tagged[tag] = map[*page]struct{}{}
		}
		p.tagged[tag][made] = struct{}{}
	}
	made.place = made.shelf.PushFront(made)
	made.shelf.bytes += made.size()
	for made.shelf.bytes > made.shelf.most {
		p.remove(made.shelf.Back().Value.(*page))
		p.crowded.Inc()
	}
}

func (p *PageCache) remove(kept *page) {
	delete(p.pages, kept.address)
	for _, tag := range kept.tags {
		delete(p.tagged[tag], kept)
		if len(p.tagged[tag]) == 0 {
			delete(p.tagged, tag)
		}
	}
	kept.shelf.Remove(kept.place)
	kept.shelf.bytes -= kept.size()
	kept.place = nil
}

// outlast returns the stored page at an address, if there is one, when the
// database has just not answered.
func (p *PageCache) outlast(at address, now time.Time) *page {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = now.Add(silence)
	kept := p.pages[at]
	if kept != nil {
		p.stale.Inc()
	}
	return kept
}

// drop forgets the pages with any of these tags. Whoever asks from now on gets
// one that was begun after this.
func (p *PageCache) drop(tags []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, tag := range tags {
		for kept := range p.tagged[tag] {
			p.remove(kept)
			p.changed.Inc()
		}
	}
	for f := range p.making {
		f.dropped = append(f.dropped, tags...)
	}
	// What a page under way is made of is known when it is done.
	clear(p.flights)
}

// begin starts afresh: from now on every change is heard of, but what came
// before was missed.
func (p *PageCache) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range p.pages {
		p.remove(kept)
		p.missed.Inc()
	}
	for f := range p.making {
		f.void = true
	}
	clear(p.flights)
	p.listening = true
}

// suspend keeps and serves nothing more, until begin.
func (p *PageCache) suspend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listening = false
}
