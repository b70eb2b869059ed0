package money

import "testing"

func TestParse(t *testing.T) {
	tests := []struct {
		typed string
		want  int64 // centimes, -1 for no amount
	}{
		{"125", 125_00}, {"12,50", 12_50}, {"12.5", 12_50}, {"1 250", 1250_00}, {"1.250", 1250_00}, {"1,250", 1250_00},
		{"1.250,50", 1250_50}, {"١٢٥", 125_00}, {"۱۲۵", 125_00}, {"١٢٫٥", 12_50}, {"0", 0}, {"007", 7_00},
		{"-5", -1}, {"1e9", -1}, {"abc", -1}, {"", -1}, {" ", -1}, {"12,5,0", -1}, {"1 25", -1}, {"99999999999", -1}, {"12.", 12_00},
		{"10000000", 10_000_000_00}, {"10000001", -1}, {"1250 000", -1},
	}
	for _, tt := range tests {
		got, err := Parse(tt.typed)
		switch {
		case tt.want < 0 && err == nil:
			t.Errorf("Parse(%q) = %v, want it refused", tt.typed, got)
		case tt.want >= 0 && (err != nil || got.Minor != tt.want):
			t.Errorf("Parse(%q) = %v, %v; want %d centimes", tt.typed, got, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1.250,50")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := Parse(s); err == nil && (a.Minor < 0 || a.Currency != MAD) {
			t.Errorf("Parse(%q) = %v", s, a)
		}
	})
}
