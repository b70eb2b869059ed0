package money

import (
	"testing"

	"pgregory.net/rapid"
)

func TestShare(t *testing.T) {
	tests := []struct {
		name        string
		amount      Amount
		basisPoints int
		share, rest int64
	}{
		{"even split", Dirhams(200), 1_000, 20_00, 180_00},
		{"odd centime goes to the artisan", Amount{99, MAD}, 1_000, 9, 90},
		{"union waives its share", Dirhams(50), 0, 0, 50_00},
		{"refund mirrors the sale", Amount{-99, MAD}, 1_000, -9, -90},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			share, rest := tt.amount.Share(tt.basisPoints)
			if share.Minor != tt.share || rest.Minor != tt.rest {
				t.Errorf("%v.Share(%d) = %d, %d; want %d, %d",
					tt.amount, tt.basisPoints, share.Minor, rest.Minor, tt.share, tt.rest)
			}
			if got := share.Plus(rest); got.Minor != tt.amount.Minor {
				t.Errorf("share and rest come to %v, want %v", got, tt.amount)
			}
		})
	}
}

func TestSplitGivesTheRemainderByLargestFraction(t *testing.T) {
	tests := []struct {
		name    string
		minor   int64
		weights []int64
		want    []int64
	}{
		{"three ways", 100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{"the larger fraction first", 100, []int64{1, 2}, []int64{33, 67}},
		{"nothing for no weight", 7, []int64{0, 3}, []int64{0, 7}},
		{"a refund", -100, []int64{1, 1, 1}, []int64{-34, -33, -33}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parts, err := Centimes(tt.minor).Split(tt.weights)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range parts {
				if p.Minor != tt.want[i] {
					t.Errorf("Split(%v) of %d: part %d is %d, want %d", tt.weights, tt.minor, i, p.Minor, tt.want[i])
				}
			}
		})
	}
}

func TestSplitLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Centimes(rapid.Int64Range(-1e13, 1e13).Draw(t, "minor"))
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1e12), 1, 20).Draw(t, "weights")
		parts, err := a.Split(weights)
		if err != nil {
			for _, w := range weights {
				if w != 0 {
					t.Fatalf("Split(%v): %v", weights, err)
				}
			}
			return
		}
		var sum Amount
		for i, p := range parts {
			sum = sum.Plus(p)
			if weights[i] == 0 && p.Minor != 0 {
				t.Errorf("part %d has no weight and got %v", i, p)
			}
		}
		if sum.Minor != a.Minor {
			t.Errorf("the parts of %v come to %v", a, sum)
		}
	})
}

func TestApproximateRoundsHalfToEven(t *testing.T) {
	euro := Rate{EUR, 107_000}
	tests := []struct {
		minor, want int64
	}{
		{220_000, 20_561}, // 2 200 MAD at 10.70 is 205.607… EUR
		{107, 10},
		{-107, -10},
		{0, 0},
	}
	for _, tt := range tests {
		if got := euro.Approximate(Centimes(tt.minor)); got.Minor != tt.want || got.Currency != EUR {
			t.Errorf("Approximate(%d) = %v, want %d EUR", tt.minor, got, tt.want)
		}
	}
	half := Rate{EUR, 20_000}
	for minor, want := range map[int64]int64{1: 0, 3: 2, 5: 2, -1: 0, -3: -2} {
		if got := half.Approximate(Centimes(minor)).Minor; got != want {
			t.Errorf("half of %d is %d, want %d", minor, got, want)
		}
	}
}

func TestSumAcrossCurrenciesPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("MAD plus EUR did not panic")
		}
	}()
	Dirhams(1).Plus(Amount{1, EUR})
}
