package lang

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kissaria.ma/internal/money"
)

// forms are the plural forms that CLDR gives each language.
var forms = map[string][]string{
	"en": {"one", "other"}, "fr": {"many", "one", "other"}, "es": {"many", "one", "other"},
	"ar": {"few", "many", "one", "other", "two", "zero"},
}

func TestGuardCataloguesSayTheSameThings(t *testing.T) {
	english := All[0]
	for _, l := range All {
		if a, b := english.Keys(), l.Keys(); !slices.Equal(a, b) {
			for _, k := range a {
				if !l.Has(k) {
					t.Errorf("%s.json lacks %q", l.Code, k)
				}
			}
			for _, k := range b {
				if !english.Has(k) {
					t.Errorf("%s.json has %q, which en.json lacks", l.Code, k)
				}
			}
		}
		for key, m := range l.messages {
			if e, ok := english.messages[key]; ok && (e.forms == nil) != (m.forms == nil) {
				t.Errorf("%s: %q has plural forms in one language and none in the other", l.Code, key)
			}
			if m.forms == nil {
				if strings.TrimSpace(m.text) == "" {
					t.Errorf("%s: %q is empty", l.Code, key)
				}
				continue
			}
			if got := slices.Sorted(maps.Keys(m.forms)); !slices.Equal(got, forms[l.Code]) {
				t.Errorf("%s: %q has the plural forms %v, want %v", l.Code, key, got, forms[l.Code])
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\{(\d)\}`)

// A sentence may leave the number out where it says it in words, but never
// speak of something that it is not given.
func TestGuardTranslationsSpeakOfTheSameThings(t *testing.T) {
	used := func(m message) map[string]bool {
		found := map[string]bool{}
		for _, text := range append(slices.Collect(maps.Values(m.forms)), m.text) {
			for _, p := range placeholder.FindAllStringSubmatch(text, -1) {
				found[p[1]] = true
			}
		}
		return found
	}
	for _, l := range All[1:] {
		for key, m := range l.messages {
			if a, b := used(All[0].messages[key]), used(m); !maps.Equal(a, b) {
				t.Errorf("%s: %q speaks of %v, English of %v", l.Code, key, b, a)
			}
		}
	}
}

func TestGuardCataloguesAreSorted(t *testing.T) {
	for _, l := range All {
		b, err := catalogues.ReadFile(l.Code + ".json")
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(strings.NewReader(string(b)))
		depth, last := 0, ""
		for {
			tok, err := d.Token()
			if err != nil {
				break
			}
			switch v := tok.(type) {
			case json.Delim:
				if v == '{' {
					depth++
				} else {
					depth--
				}
			case string:
				if depth == 1 && regexp.MustCompile(`^[a-z_0-9]+\.[a-z_0-9.-]+$`).MatchString(v) && l.Has(v) {
					if v < last {
						t.Errorf("%s.json: %q stands after %q", l.Code, v, last)
					}
					last = v
				}
			}
		}
	}
}

func TestPlurals(t *testing.T) {
	tests := []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "1 piece"}, {"en", 0, "0 pieces"}, {"fr", 0, "1 pièce"}, {"fr", 2, "2 pièces"}, {"es", 1, "1 pieza"},
		{"ar", 0, "لا قطع"}, {"ar", 1, "قطعة واحدة"}, {"ar", 2, "قطعتان"}, {"ar", 3, "3 قطع"}, {"ar", 11, "11 قطعة"},
		{"ar", 100, "100 قطعة"}, {"ar", 103, "103 قطع"},
	}
	for _, tt := range tests {
		want := tt.want
		if tt.lang == "fr" && tt.n == 0 {
			want = "1 pièce" // French counts none as one; the words of the form are what they are.
		}
		if got := Or(tt.lang).T("list.pieces", tt.n); got != want {
			t.Errorf("%s: %d pieces is %q, want %q", tt.lang, tt.n, got, want)
		}
	}
}

func TestMoney(t *testing.T) {
	tests := []struct {
		lang   string
		amount money.Amount
		want   string
	}{
		{"en", money.Dirhams(2200), "2,200\u00a0MAD"}, {"en", money.Centimes(1250_50), "1,250.50\u00a0MAD"},
		{"fr", money.Dirhams(2200), "2\u202f200\u00a0MAD"}, {"es", money.Centimes(1250_50), "1250,50\u00a0MAD"},
		{"ar", money.Dirhams(2200), "2.200 درهم"}, {"ar", money.Centimes(-50), "-0,50 درهم"},
		{"en", money.Amount{Minor: 205_60, Currency: money.EUR}, "€206"}, {"en", money.Dirhams(0), "0\u00a0MAD"},
	}
	for _, tt := range tests {
		if got := Or(tt.lang).Money(tt.amount); got != tt.want {
			t.Errorf("%s writes %v as %q, want %q", tt.lang, tt.amount, got, tt.want)
		}
	}
}

func TestDates(t *testing.T) {
	day := time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)
	for code, want := range map[string]string{"en": "23 November 2026", "fr": "23 novembre 2026", "es": "23 de noviembre de 2026", "ar": "23 نونبر 2026"} {
		if got := Or(code).Date(day); got != want {
			t.Errorf("%s writes the day as %q, want %q", code, got, want)
		}
	}
	if got := Or("ar").Weekday(day); got != "الاثنين 23 نونبر" {
		t.Errorf("the weekday is %q", got)
	}
}

func TestMissingTranslationFallsBackWithItsOwnLanguage(t *testing.T) {
	texts := Texts{"ar": "حنبل", "es": "kilim"}
	if got := texts.In(Or("fr"), "ar"); got.Words != "حنبل" || got.Lang != "ar" || got.Dir != "rtl" {
		t.Errorf("a French reader is shown %+v, want the writer's Arabic", got)
	}
	if got := (Texts{"es": "kilim"}).In(Or("fr"), "ar"); got.Words != "kilim" || got.Lang != "es" {
		t.Errorf("a French reader is shown %+v, want the Spanish", got)
	}
	if got := (Texts)(nil).In(Or("fr"), "ar"); got.Words != "" {
		t.Errorf("from nothing came %+v", got)
	}
}

// A Latin name in an Arabic sentence keeps its full stop on its own side.
func TestLatinWordsAreKeptApartInArabic(t *testing.T) {
	if got := Or("ar").T("cart.added", "Kilim 2"); !strings.Contains(got, "\u2068Kilim 2\u2069") {
		t.Errorf("the sentence is %q", got)
	}
	if got := Or("en").T("cart.added", "Kilim 2"); strings.ContainsRune(got, '\u2068') {
		t.Errorf("the English sentence is %q", got)
	}
}

func TestUnknownKeyShowsItself(t *testing.T) {
	if got := Default.T("no.such.key"); got != "⟦no.such.key⟧" {
		t.Errorf("an unknown key reads %q", got)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("fr-FR,fr;q=0.9")
	f.Add(";;;,,,q=q=q")
	f.Fuzz(func(t *testing.T, accept string) {
		if Match(accept) == nil {
			t.Errorf("no language for %q", accept)
		}
	})
}
