package identity

import "testing"

func TestPhone(t *testing.T) {
	tests := []struct{ name, typed, want string }{
		{"as Moroccans write it", "06 00 00 01 00", "+212600000100"},
		{"with the country's code", "+212 600 000 100", "+212600000100"},
		{"with two noughts", "00212600000100", "+212600000100"},
		{"from abroad", "+34 600-000-000", "+34600000000"},
		{"in Arabic digits", "٠٦٠٠٠٠٠١٠٠", "+212600000100"},
		{"an e-mail address", "amina@union.example", ""},
		{"nothing", "", ""},
		{"too long", "+123456789012345678", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Phone(tt.typed); got != tt.want {
				t.Errorf("Phone(%q) = %q, want %q", tt.typed, got, tt.want)
			}
		})
	}
}

func FuzzPhone(f *testing.F) {
	f.Add("06 00 00 01 00")
	f.Fuzz(func(t *testing.T, s string) {
		if got := Phone(s); got != "" && Phone(got) != got {
			t.Errorf("Phone(%q) = %q, which reads as %q", s, got, Phone(got))
		}
	})
}
