package union

import "testing"

func TestSealOpensForItsOwnArtisanAlone(t *testing.T) {
	s, err := NewSeal("a key")
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.Close("011519000001205000534921", "amina")
	if got, err := s.Open(sealed, "amina"); err != nil || got != "011519000001205000534921" {
		t.Errorf("Open = %q, %v", got, err)
	}
	if got, err := s.Open(sealed, "rqia"); err == nil {
		t.Errorf("Amina's number opened for Rqia: %q", got)
	}
	other, err := NewSeal("another key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed, "amina"); err == nil {
		t.Error("the number opened with another key")
	}
}

func TestValidRIB(t *testing.T) {
	tests := []struct {
		name, rib string
		want      bool
	}{
		{"the account of the IBAN registry's sample", "011519000001205000534921", true},
		{"a demo account", "999640000000000000100059", true},
		{"two digits swapped", "011519000001205000534912", false},
		{"too short", "01151900000120500053492", false},
		{"letters", "01151900000120500053492O", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ValidRIB(tt.rib); got != tt.want {
				t.Errorf("ValidRIB(%q) = %t, want %t", tt.rib, got, tt.want)
			}
		})
	}
}
