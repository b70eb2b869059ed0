package lang

import (
	"slices"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Country returns the name of a country by its ISO 3166-1 code; an unknown code
// is its own name.
func (l *Language) Country(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := display.Regions(l.tag).Name(region); name != "" {
		return name
	}
	return code
}

// Countries returns the ISO 3166-1 codes of all countries and territories.
func Countries() (codes []string) {
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			region, err := language.ParseRegion(code)
			if err == nil && region.IsCountry() && region.Canonicalize() == region && region.String() == code &&
				Default.Country(code) != code {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// LanguageName returns the name of a language by its BCP 47 code.
func (l *Language) LanguageName(code string) string {
	tag, err := language.Parse(code)
	if err != nil {
		return code
	}
	if name := display.Languages(l.tag).Name(tag); name != "" {
		return name
	}
	return code
}

// Sorted sorts things by their names as readers of l expect. A collator is not
// safe for concurrent use, so it is made anew.
func Sorted[T any](l *Language, list []T, name func(T) string) []T {
	c := collate.New(l.tag, collate.IgnoreCase)
	slices.SortStableFunc(list, func(a, b T) int { return c.CompareString(name(a), name(b)) })
	return list
}
