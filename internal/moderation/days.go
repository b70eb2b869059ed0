package moderation

import "time"

// WorkingDays counts the working days that have passed between two moments, in
// the place of the first: from Monday to Friday, the day on which it began not
// counted.
func WorkingDays(from, to time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.In(from.Location()).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	n, end := 0, day(to)
	for d := day(from).AddDate(0, 0, 1); !d.After(end) && n < 1000; d = d.AddDate(0, 0, 1) {
		if w := d.Weekday(); w != time.Saturday && w != time.Sunday {
			n++
		}
	}
	return n
}
