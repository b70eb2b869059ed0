package order

import (
	"testing"
	"time"
)

// Weeks begin on Monday, and what is compared has as many days, to the same day of
// the week, over the turn of a year and of the clock.
func TestSpanOfWeeks(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tt := range []struct {
		today               string
		weeks               int
		first, before, last string
	}{
		{"2026-11-25", 4, "2026-11-02", "2026-10-05", "2026-10-28"},  // a Wednesday
		{"2026-11-23", 1, "2026-11-23", "2026-11-16", "2026-11-16"},  // a Monday
		{"2026-11-29", 1, "2026-11-23", "2026-11-16", "2026-11-22"},  // a Sunday
		{"2027-01-01", 2, "2026-12-21", "2026-12-07", "2026-12-18"},  // the year turns
		{"2026-04-01", 52, "2025-04-07", "2024-04-08", "2025-04-02"}, // and the clock did
	} {
		s := SpanOf(day(tt.today), tt.weeks)
		before, last := s.Before()
		for what, got := range map[string][2]time.Time{"begins": {s.First, day(tt.first)}, "is compared from": {before, day(tt.before)}, "is compared to": {last, day(tt.last)}} {
			if !got[0].Equal(got[1]) {
				t.Errorf("%d weeks to %s: %s %s, want %s", tt.weeks, tt.today, what, got[0].Format(time.DateOnly), got[1].Format(time.DateOnly))
			}
		}
		for i := range 2 * tt.weeks {
			at, old := s.Index(before.AddDate(0, 0, 7*i))
			if at != i%tt.weeks || old != (i < tt.weeks) {
				t.Errorf("%d weeks to %s: week %d from the first is %d, before: %v", tt.weeks, tt.today, i, at, old)
			}
		}
	}
}
