package lang

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bojanz/currency"

	"kissaria.ma/internal/money"
)

// formats writes numbers of one locale. The library's formatter is not safe
// for concurrent use with changed fields, so each is set up once.
type formats struct {
	whole, cents, foreign *currency.Formatter
}

func newFormats(locale string) formats {
	number := func(digits uint8) *currency.Formatter {
		f := currency.NewFormatter(currency.NewLocale(locale))
		f.MinDigits, f.MaxDigits = digits, digits
		f.CurrencyDisplay = currency.DisplayNone
		return f
	}
	foreign := currency.NewFormatter(currency.NewLocale(locale))
	foreign.MinDigits, foreign.MaxDigits = 0, 0
	foreign.CurrencyDisplay = currency.DisplaySymbol
	return formats{number(0), number(2), foreign}
}

// Say writes an argument as this language does: whole numbers, money, dates
// and texts. In a sentence from right to left, a word in Latin letters is kept
// apart, so that the marks beside it stay on their side.
func (l *Language) Say(a any) string {
	switch v := a.(type) {
	case string:
		return l.apart(v)
	case int:
		return l.Number(int64(v))
	case int64:
		return l.Number(v)
	case money.Amount:
		return l.Money(v)
	case time.Time:
		return l.Date(v)
	case Text:
		return l.apart(v.Words)
	case fmt.Stringer:
		return l.apart(v.String())
	}
	return l.apart(fmt.Sprint(a))
}

func (l *Language) apart(s string) string {
	if l.Dir != "rtl" || !strings.ContainsFunc(s, func(r rune) bool { return r < 0x250 && unicode.IsLetter(r) }) {
		return s
	}
	return "\u2068" + s + "\u2069"
}

// Number writes a whole number with this language's grouping.
func (l *Language) Number(n int64) string {
	return l.digits(l.money.whole, strconv.FormatInt(n, 10))
}

// digits runs a decimal number through a formatter of the market's currency.
func (l *Language) digits(f *currency.Formatter, decimal string) string {
	a, err := currency.NewAmount(decimal, "MAD")
	if err != nil {
		return decimal
	}
	// CLDR puts direction marks around Arabic numbers; ours stand in isolation.
	return strings.Map(func(r rune) rune {
		if r == '\u200e' || r == '\u200f' {
			return -1
		}
		return r
	}, strings.TrimSpace(f.Format(a)))
}

// Money writes a sum. Whole dirhams have no decimals, since nobody says them;
// other currencies are approximations and are written to the unit.
func (l *Language) Money(a money.Amount) string {
	decimal := fmt.Sprintf("%d.%02d", a.Minor/100, abs(a.Minor%100))
	if a.Minor < 0 && a.Minor > -100 {
		decimal = "-" + decimal
	}
	if a.Currency == money.MAD || a.Currency == "" {
		f := l.money.cents
		if a.Minor%100 == 0 {
			f = l.money.whole
		}
		return l.T("money.mad", money0(l.digits(f, decimal)))
	}
	b, err := currency.NewAmount(decimal, string(a.Currency))
	if err != nil {
		return a.String()
	}
	s := strings.Trim(l.money.foreign.Format(b), "\u200e\u200f")
	return s
}

// money0 is an argument that is written as it stands.
type money0 string

func (m money0) String() string { return string(m) }

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// Kilograms writes a weight in grams, in kilograms from one kilogram on.
func (l *Language) Kilograms(grams int) string {
	if grams < 1000 {
		return l.T("measure.g", grams)
	}
	tenths := (grams + 50) / 100
	if tenths%10 == 0 {
		return l.T("measure.kg", l.Number(int64(tenths/10)))
	}
	return l.T("measure.kg", l.Number(int64(tenths/10))+l.T("number.point")+strconv.Itoa(tenths%10))
}

// Centimetres writes a length in millimetres, without its unit.
func (l *Language) Centimetres(mm int) string {
	if mm%10 == 0 {
		return l.Number(int64(mm / 10))
	}
	return l.Number(int64(mm/10)) + l.T("number.point") + strconv.Itoa(mm%10)
}

// Tenths writes a number of tenths: 4.6.
func (l *Language) Tenths(n int) string { return l.Centimetres(n) }

// Date writes a day with its year: 8 December 2026.
func (l *Language) Date(t time.Time) string {
	return l.T("date.full", strconv.Itoa(t.Day()), l.month(t), strconv.Itoa(t.Year()))
}

// Day writes a day without its year: 8 December.
func (l *Language) Day(t time.Time) string {
	return l.T("date.day", strconv.Itoa(t.Day()), l.month(t))
}

// Weekday writes the day of the week and the date: Thursday 26 November.
func (l *Language) Weekday(t time.Time) string {
	return l.T("date.weekday", l.T("weekday."+Weekdays[(int(t.Weekday())+6)%7]), l.Day(t))
}

// Moment writes a day and the time: 8 December 2026, 14:30.
func (l *Language) Moment(t time.Time) string {
	return l.T("date.moment", l.Date(t), t.Format("15:04"))
}

func (l *Language) month(t time.Time) string { return l.T("month." + strconv.Itoa(int(t.Month()))) }

// Weekdays are the keys of the days as data has them, the week from Monday.
var Weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// Texts are words that people wrote, by language.
type Texts map[string]string

// A Text is one of Texts, and the language it is in.
type Text struct {
	Words string
	Lang  string
	Dir   string
}

// In returns the text in l. One that is missing is given in the writer's own
// language, then in any other, never as nothing while there is something.
func (t Texts) In(l *Language, writtenIn string) Text {
	for _, code := range []string{l.Code, writtenIn} {
		if words := t[code]; words != "" {
			return Text{words, code, Or(code).Dir}
		}
	}
	for _, other := range All {
		if words := t[other.Code]; words != "" {
			return Text{words, other.Code, other.Dir}
		}
	}
	return Text{"", l.Code, l.Dir}
}

// WesternDigits writes the digits of Arabic and of Persian keyboards as 0 to 9,
// and leaves the rest as it is.
func WesternDigits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case '٠' <= r && r <= '٩':
			return '0' + r - '٠'
		case '۰' <= r && r <= '۹':
			return '0' + r - '۰'
		}
		return r
	}, s)
}

// FirstSign returns the first character that a spreadsheet reads of a cell, by
// which it tells a formula, and empty for none. Full-width signs are taken for
// the plain ones.
func FirstSign(cell string) string {
	r, size := utf8.DecodeRuneInString(strings.TrimLeft(cell, " \u00a0"))
	if size == 0 {
		return ""
	}
	if r >= '\uff01' && r <= '\uff5e' {
		r -= 0xfee0
	}
	return string(r)
}
