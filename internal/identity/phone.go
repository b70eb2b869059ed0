package identity

import (
	"regexp"
	"strings"

	"kissaria.ma/internal/lang"
)

var e164 = regexp.MustCompile(`^\+[0-9]{6,15}$`)

// Phone brings a number as people write it to E.164, and returns an empty text
// for what is no number. One without a country's code is Moroccan: 06 00 00 00
// 00 is +212600000000.
func Phone(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case '0' <= r && r <= '9', r == '+':
			return r
		case r == ' ', r == '-', r == '.', r == '(', r == ')', r == '\u00a0', r == '\u202f':
			return -1
		}
		return 'x' // Anything else, and it is no number.
	}, lang.WesternDigits(s))
	switch {
	case strings.HasPrefix(s, "00"):
		s = "+" + s[2:]
	case strings.HasPrefix(s, "0"):
		s = "+212" + s[1:]
	}
	if !e164.MatchString(s) {
		return ""
	}
	return s
}
