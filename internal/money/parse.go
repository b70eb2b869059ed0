package money

import (
	"errors"
	"strings"
)

// ErrNotAnAmount is returned for what cannot be read as a sum.
var ErrNotAnAmount = errors.New("money: not an amount")

// Parse reads dirhams as people type them: with a point or a comma before the
// centimes, with blanks, points or commas between the thousands, in Arabic
// digits too. It returns ErrNotAnAmount for anything else, and for more than
// ten million.
func Parse(s string) (Amount, error) {
	var b strings.Builder
	for _, r := range strings.TrimSpace(s) {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case '٠' <= r && r <= '٩':
			b.WriteRune('0' + r - '٠')
		case '۰' <= r && r <= '۹':
			b.WriteRune('0' + r - '۰')
		case r == '.', r == ',', r == '٫':
			b.WriteByte('.')
		case r == '٬':
			b.WriteByte(' ')
		case r == ' ', r == '\u00a0', r == '\u202f', r == '\'':
			b.WriteByte(' ')
		default:
			return Amount{}, ErrNotAnAmount
		}
	}
	text := b.String()
	whole, cents := text, ""
	if i := strings.LastIndexByte(text, '.'); i >= 0 {
		// 12.5 and 12,50 have centimes; 1.250 and 1,250,000 have thousands.
		if after := text[i+1:]; len(after) < 3 {
			whole, cents = text[:i], after
		}
	}
	groups := strings.FieldsFunc(whole, func(r rune) bool { return r == '.' || r == ' ' })
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && len(g) > 3 && len(groups) > 1 {
			return Amount{}, ErrNotAnAmount
		}
	}
	digits := strings.Join(groups, "")
	if digits == "" || len(digits) > 8 || strings.ContainsAny(cents, " .") {
		return Amount{}, ErrNotAnAmount
	}
	var minor int64
	for _, d := range digits {
		minor = minor*10 + int64(d-'0')
	}
	minor *= 100
	for i, d := range cents {
		minor += int64(d-'0') * []int64{10, 1}[i]
	}
	if minor > 10_000_000_00 {
		return Amount{}, ErrNotAnAmount
	}
	return Centimes(minor), nil
}
