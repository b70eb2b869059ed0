package moderation_test

import (
	"testing"
	"time"

	"kissaria.ma/internal/moderation"
)

func TestWorkingDays(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"2026-11-23 09:00", "2026-11-23 18:00", 0}, // a Monday
		{"2026-11-23 23:59", "2026-11-24 00:01", 1},
		{"2026-11-23 09:00", "2026-11-25 09:00", 2},
		{"2026-11-27 17:00", "2026-11-29 12:00", 0}, // over the weekend
		{"2026-11-27 17:00", "2026-11-30 08:00", 1},
		{"2026-11-28 17:00", "2026-11-30 08:00", 1},
		{"2026-11-24 09:00", "2026-11-23 09:00", 0},
	} {
		at := func(s string) time.Time {
			v, err := time.Parse("2006-01-02 15:04", s)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if got := moderation.WorkingDays(at(tt.from), at(tt.to)); got != tt.want {
			t.Errorf("from %s to %s are %d working days, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}
