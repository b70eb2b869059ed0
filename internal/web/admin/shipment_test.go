package admin

import (
	"testing"

	"kissaria.ma/internal/money"
)

func TestCustomsFormFollowsWeightAndValue(t *testing.T) {
	for _, tt := range []struct {
		grams int
		minor int64
		want  string
	}{{2_000, 4_000_00, "CN22"}, {2_001, 100, "CN23"}, {1, 4_000_01, "CN23"}, {0, 0, "CN22"}} {
		if got := customsForm(tt.grams, money.Centimes(tt.minor)); got != tt.want {
			t.Errorf("%d g worth %d centimes want %s, and get %s", tt.grams, tt.minor, tt.want, got)
		}
	}
}
