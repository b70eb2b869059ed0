// Package visit counts how often pages are looked at: how many, and never who. It
// keeps no address, no browser's name, no cookie and nothing of where someone came
// from.
package visit

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/postgres"
)

// Most is how many pages a Counter knows apart between two flushes. What comes on
// top is counted for its kind alone.
const Most = 20_000

// A Counter counts in memory, which no visitor waits for, until Flush writes it
// down. Its zero value, with a zone, is ready.
type Counter struct {
	Zone *time.Location // in which days begin

	mu    sync.Mutex
	kinds map[kindOfDay]*tally
	pages map[pageOfWeek]int64
}

type kindOfDay struct {
	day  time.Time
	kind string
}

type pageOfWeek struct {
	week          time.Time
	kind, subject string
}

type tally struct{ views, arrivals int64 }

// Count counts one view of a page of a kind. subject is the slug of what it shows,
// empty for a page of which there is one. arrival says that it begins a visit.
func (c *Counter) Count(at time.Time, kind, subject string, arrival bool) {
	y, m, d := at.In(c.Zone).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds, c.pages = map[kindOfDay]*tally{}, map[pageOfWeek]int64{}
	}
	k := kindOfDay{day, kind}
	t := c.kinds[k]
	if t == nil {
		t = &tally{}
		c.kinds[k] = t
	}
	t.views++
	if arrival {
		t.arrivals++
	}
	if subject == "" {
		return
	}
	p := pageOfWeek{day.AddDate(0, 0, -(int(day.Weekday())+6)%7), kind, subject}
	if _, there := c.pages[p]; there || len(c.pages) < Most {
		c.pages[p]++
	}
}

// Flush writes down what was counted since the last time, in one statement. What
// cannot be written is lost, and returned as an error: counting is not worth
// memory without end.
func (c *Counter) Flush(ctx context.Context, db postgres.DB) error {
	c.mu.Lock()
	kinds, pages := c.kinds, c.pages
	c.kinds, c.pages = nil, nil
	c.mu.Unlock()
	if len(kinds) == 0 {
		return nil
	}
	var days, weeks []time.Time
	var names, ofKind, subjects []string
	var views, arrivals, pageViews []int64
	for k, t := range kinds {
		days, names, views, arrivals = append(days, k.day), append(names, k.kind), append(views, t.views), append(arrivals, t.arrivals)
	}
	for p, n := range pages {
		weeks, ofKind, subjects, pageViews = append(weeks, p.week), append(ofKind, p.kind), append(subjects, p.subject), append(pageViews, n)
	}
	// In one order, so that two programs that flush at once do not lock each other
	// out.
	_, err := db.Exec(ctx, `
		WITH by_day AS (
			INSERT INTO visits AS v (day, kind, views, arrivals)
			SELECT * FROM unnest($1::date[], $2::text[], $3::bigint[], $4::bigint[]) AS n (day, kind, views, arrivals) ORDER BY day, kind
			ON CONFLICT (day, kind) DO UPDATE SET views = v.views + EXCLUDED.views, arrivals = v.arrivals + EXCLUDED.arrivals)
		INSERT INTO page_views AS p (week, kind, subject, views)
		SELECT * FROM unnest($5::date[], $6::text[], $7::text[], $8::bigint[]) AS n (week, kind, subject, views) ORDER BY week, kind, subject
		ON CONFLICT (week, kind, subject) DO UPDATE SET views = p.views + EXCLUDED.views`,
		days, names, views, arrivals, weeks, ofKind, subjects, pageViews)
	if err != nil {
		return fmt.Errorf("visit: flush: %w", err)
	}
	return nil
}

const (
	flushEvery = 5 * time.Second
	// flushTime is how long a flush may take, also the last one of a program that
	// stops.
	flushTime = 3 * time.Second
)

// Run flushes every few seconds until ctx ends, and once more then.
func (c *Counter) Run(ctx context.Context, db postgres.DB, log *slog.Logger) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			ended = true
		}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		if err := c.Flush(limited, db); err != nil {
			log.WarnContext(limited, "some visits were not counted", "error", err)
		}
		cancel()
	}
}

// robots are what those call themselves who are not people: searchers, previews of
// links, watchers, and programs that give the name of their library. A browser's
// name begins with Mozilla. This is all that is told from it.
var robots = []string{"bot", "crawl", "spider", "slurp", "preview", "monitor", "facebookexternalhit", "headless", "lighthouse", "scan"}

// Counts reports whether a request is one of a person's browser that shows a page,
// and whether it begins a visit: it comes from elsewhere, as the browser says
// itself, or as its referrer does where it is an old one. Neither is kept.
func Counts(r *http.Request) (counts, arrival bool) {
	h := r.Header
	if r.Method != http.MethodGet || strings.Contains(h.Get("Sec-Purpose")+h.Get("Purpose")+h.Get("X-Moz"), "prefetch") {
		return false, false
	}
	agent := strings.ToLower(h.Get("User-Agent"))
	if !strings.HasPrefix(agent, "mozilla/") || slices.ContainsFunc(robots, func(name string) bool { return strings.Contains(agent, name) }) {
		return false, false
	}
	if site := h.Get("Sec-Fetch-Site"); site != "" {
		return true, site != "same-origin"
	}
	from, err := url.Parse(h.Get("Referer"))
	return true, err != nil || from.Host != r.Host
}

// Seen is how often pages were looked at.
type Seen struct{ Views, Visits int }

// Read returns the views of the days from first to last, and of those from
// otherFirst to otherLast, by week.
func Read(ctx context.Context, db postgres.DB, first, last, otherFirst, otherLast time.Time) (map[time.Time]Seen, error) {
	rows, err := db.Query(ctx, `
		SELECT day - (extract(isodow FROM day)::int - 1) AS week, sum(views)::bigint, sum(arrivals)::bigint
		FROM visits
		WHERE day BETWEEN $1 AND $2 OR day BETWEEN $3 AND $4
		GROUP BY 1`, first, last, otherFirst, otherLast)
	if err != nil {
		return nil, fmt.Errorf("visit: read: %w", err)
	}
	weeks := map[time.Time]Seen{}
	var week time.Time
	var s Seen
	if _, err := pgx.ForEachRow(rows, []any{&week, &s.Views, &s.Visits}, func() error { weeks[week] = s; return nil }); err != nil {
		return nil, fmt.Errorf("visit: read: %w", err)
	}
	return weeks, nil
}

// A PageViews is how often pages of a kind, or one of them, were looked at.
type PageViews struct {
	Kind    string
	Subject string // slug of what it shows; empty for all of a kind
	Views   int
}

// Kinds returns the views of each kind of page from one day to another, the most
// looked at first.
func Kinds(ctx context.Context, db postgres.DB, first, last time.Time) ([]PageViews, error) {
	return list(ctx, db, `
		SELECT kind, '', sum(views)::bigint
		FROM visits
		WHERE day BETWEEN $1 AND $2
		GROUP BY kind
		ORDER BY 3 DESC, kind`, first, last)
}

// mostOfWeek bounds what is read of one week.
const mostOfWeek = 300

// Top returns the pages that were looked at most in the weeks from one Monday to
// another, of which each week tells the first 300: a page that was never among
// them is not among the first of all either, or nearly so.
func Top(ctx context.Context, db postgres.DB, first, last time.Time, limit int) ([]PageViews, error) {
	return list(ctx, db, `
		SELECT p.kind, p.subject, sum(p.views)::bigint
		FROM generate_series($1::date, $2::date, '7 days') AS w (week)
		CROSS JOIN LATERAL (
			SELECT v.kind, v.subject, v.views FROM page_views v WHERE v.week = w.week::date ORDER BY v.views DESC LIMIT $3) AS p
		GROUP BY p.kind, p.subject
		ORDER BY 3 DESC, p.kind, p.subject
		LIMIT $4`, first, last, mostOfWeek, limit)
}

func list(ctx context.Context, db postgres.DB, sql string, args ...any) ([]PageViews, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("visit: pages: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PageViews])
	if err != nil {
		return nil, fmt.Errorf("visit: pages: %w", err)
	}
	return list, nil
}

// A Seed is views that a demonstration invents.
type Seed struct {
	Day      time.Time
	Kind     string
	Views    int
	Arrivals int
}

// Plant writes down invented views, of days on which nothing was counted.
func Plant(ctx context.Context, tx pgx.Tx, list []Seed) error {
	slices.SortFunc(list, func(a, b Seed) int { return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Kind, b.Kind)) })
	b := &pgx.Batch{}
	for _, s := range list {
		b.Queue(`INSERT INTO visits (day, kind, views, arrivals) VALUES ($1, $2, $3, $4)`, s.Day, s.Kind, s.Views, s.Arrivals)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("visit: plant: %w", err)
	}
	return nil
}
