package catalog

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold brings words to the form that search compares: small letters without
// accents, Arabic without vowel signs and with one form of each letter that
// people write in several ways.
func Fold(s string) string {
	var b strings.Builder
	blank := true
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r), r == 'ـ': // accents, vowel signs, tatweel
			continue
		case r == 'أ', r == 'إ', r == 'آ', r == 'ٱ':
			r = 'ا'
		case r == 'ى':
			r = 'ي'
		case r == 'ة':
			r = 'ه'
		case r == 'œ', r == 'Œ':
			b.WriteString("oe")
			blank = false
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
			continue
		}
		b.WriteRune(unicode.ToLower(r))
		blank = false
	}
	return strings.TrimSpace(b.String())
}

// maxWords and maxQuery bound what a search can cost.
const (
	maxWords = 6
	maxQuery = 100 // characters
)

// patterns turns what a visitor typed into LIKE patterns, one a word, all of
// which must match.
func patterns(q string) []string {
	if runes := []rune(q); len(runes) > maxQuery {
		q = string(runes[:maxQuery])
	}
	words := strings.Fields(Fold(q))
	if len(words) > maxWords {
		words = words[:maxWords]
	}
	for i, w := range words {
		words[i] = "%" + w + "%" // letters and digits alone: nothing to escape
	}
	return words
}
