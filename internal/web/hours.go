package web

import (
	"time"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/union"
)

// DayHours is a row of partial/hours.
type DayHours struct {
	Day   string
	Hours [][2]string
	Today bool
}

// NewWeek lays opening hours out from Monday. today is told where the union is.
func NewWeek(l *lang.Language, h union.Hours, today time.Time) (week []DayHours) {
	now := lang.Weekdays[(int(today.Weekday())+6)%7]
	for _, day := range lang.Weekdays {
		week = append(week, DayHours{l.T("weekday." + day), h[day], day == now})
	}
	return week
}
