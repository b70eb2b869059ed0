package shipping

import (
	"errors"
	"testing"
	"time"

	"kissaria.ma/internal/money"
)

func TestPostage(t *testing.T) {
	zone := Zone{
		FreeOver: money.Dirhams(2500),
		Bands:    []Band{{500, money.Dirhams(150)}, {1000, money.Dirhams(190)}, {30_000, money.Dirhams(1650)}},
	}
	tests := []struct {
		name   string
		grams  int
		pieces money.Amount
		want   money.Amount
		err    error
	}{
		{"a light parcel", 120, money.Dirhams(60), money.Dirhams(150), nil},
		{"up to and with the band's end", 500, money.Dirhams(60), money.Dirhams(150), nil},
		{"a gram more", 501, money.Dirhams(60), money.Dirhams(190), nil},
		{"free from the sum on", 501, money.Dirhams(2500), money.Centimes(0), nil},
		{"a centime short of free", 501, money.Centimes(249_999), money.Dirhams(190), nil},
		{"beyond the last band", 30_001, money.Dirhams(9000), money.Amount{}, ErrTooHeavy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := zone.Postage(tt.grams, tt.pieces)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("Postage(%d g, %v) = %v, %v; want %v, %v", tt.grams, tt.pieces, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestArrivalIsNeverASunday(t *testing.T) {
	z := Zone{MaxDays: 4}
	monday := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	if got := z.Arrival(monday, 2); got.Weekday() != time.Monday || got.Day() != 30 {
		t.Errorf("Arrival = %v, want Monday 30 November", got)
	}
}
