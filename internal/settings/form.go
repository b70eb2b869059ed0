package settings

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
)

// Bounds of what is typed where a field sets none, in characters.
const (
	mostWord  = 200
	mostTexts = 200
	mostProse = 3000
)

var (
	slugs   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	colours = regexp.MustCompile(`^#[0-9a-f]{6}$`)
)

// Typed is a value as it stands in the field that it is typed into; texts and
// rows have a field for each of theirs.
func (f Field) Typed(v any) string {
	switch f.Input {
	case Number, Grams:
		n, ok := v.(int64)
		if !ok || n == 0 && !f.Required {
			return ""
		}
		return strconv.FormatInt(n, 10)
	case Money, Rate:
		n, ok := v.(int64)
		if !ok || n == 0 && !f.Required {
			return ""
		}
		return decimal(n, 2)
	case Worth:
		n, ok := v.(int64)
		if !ok {
			return ""
		}
		return decimal(n, 4)
	case Degree:
		d, ok := v.(float64)
		if !ok {
			return ""
		}
		return strconv.FormatFloat(d, 'f', -1, 64)
	case List:
		list, _ := v.([]string)
		return strings.Join(list, "\n")
	case Flag:
		if b, _ := v.(bool); b {
			return "yes"
		}
		return ""
	}
	s, _ := v.(string)
	return s
}

// decimal writes a number of so many decimals, without those at its end that
// say nothing.
func decimal(n int64, places int) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for len(s) <= places {
		s = "0" + s
	}
	whole, rest := s[:len(s)-places], strings.TrimRight(s[len(s)-places:], "0")
	if rest == "" {
		return sign + whole
	}
	return sign + whole + "." + rest
}

// fixed reads a number of at most so many decimals, in Western or Arabic digits,
// with a point or a comma.
func fixed(s string, places int) (int64, bool) {
	s = strings.NewReplacer(",", ".", "٫", ".", " ", "", "\u00a0", "", "\u202f", "").Replace(lang.WesternDigits(s))
	whole, rest, _ := strings.Cut(s, ".")
	if whole == "" || len(whole) > 9 || len(rest) > places {
		return 0, false
	}
	for _, r := range whole + rest {
		if r < '0' || r > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(whole+rest+strings.Repeat("0", places-len(rest)), 10, 64)
	return n, err == nil
}

// Parse reads a record from what was typed, by the names of its fields: key for
// most, key_en for one language of a text, key.option for each of many, and
// key.0.of for a field within a row. What is Fixed is read of a fresh record
// alone. It returns faults beside those names.
func (k Kind) Parse(typed func(name string) string, options func(f Field) []string, fresh bool) (Values, error) {
	var wrong fault.Form
	v := parse(slices.DeleteFunc(slices.Clone(k.Fields), func(f Field) bool { return f.Fixed && !fresh }), "", typed, options, &wrong)
	return v, wrong.Err()
}

func parse(fields []Field, prefix string, typed func(string) string, options func(Field) []string, wrong *fault.Form) Values {
	v := Values{}
	for _, f := range fields {
		name := prefix + f.Key
		if f.Input == Rows {
			v[f.Key] = parseRows(f, name, typed, options, wrong)
			continue
		}
		v[f.Key] = parseField(f, name, typed, options, wrong)
	}
	return v
}

func parseRows(f Field, name string, typed func(string) string, options func(Field) []string, wrong *fault.Form) []Values {
	rows := []Values{}
	for i := range int(f.Most) {
		prefix := name + "." + strconv.Itoa(i) + "."
		if !anything(f.Of, prefix, typed) {
			continue
		}
		rows = append(rows, parse(f.Of, prefix, typed, options, wrong))
	}
	if f.Required && len(rows) == 0 && len(f.Of) > 0 {
		first := name + ".0." + f.Of[0].Key
		if f.Of[0].Input == Texts || f.Of[0].Input == Prose {
			first += "_" + lang.All[0].Code
		}
		wrong.Wrong(first, "settings.missing")
	}
	return rows
}

// anything reports whether something is typed into a row.
func anything(fields []Field, prefix string, typed func(string) string) bool {
	for _, f := range fields {
		if typed(prefix+f.Key) != "" && f.Input != Choice {
			return true
		}
		for _, l := range lang.All {
			if typed(prefix+f.Key+"_"+l.Code) != "" {
				return true
			}
		}
	}
	return false
}

func parseField(f Field, name string, typed func(string) string, options func(Field) []string, wrong *fault.Form) any {
	s := typed(name)
	missing := func() bool {
		if s == "" && f.Required {
			wrong.Wrong(name, "settings.missing")
		}
		return s == ""
	}
	switch f.Input {
	case Texts, Prose:
		return parseTexts(f, name, typed, wrong)
	case Flag:
		return s != ""
	case Many:
		var list []string
		for _, o := range options(f) {
			if typed(name+"."+o) != "" {
				list = append(list, o)
			}
		}
		if len(list) == 0 && f.Required {
			wrong.Wrong(name, "settings.missing")
		}
		return list
	case List:
		return parseList(f, name, s, wrong)
	case Number, Grams:
		return parseNumber(f, name, s, 0, missing, wrong)
	case Rate:
		return parseNumber(f, name, s, 2, missing, wrong)
	case Worth:
		return parseNumber(f, name, s, 4, missing, wrong)
	case Money:
		if missing() {
			return int64(0)
		}
		a, err := money.Parse(s)
		if err != nil {
			wrong.Wrong(name, "settings.not_money")
		}
		return a.Minor
	case Degree:
		if missing() {
			return 0.0
		}
		d, err := strconv.ParseFloat(strings.ReplaceAll(lang.WesternDigits(s), ",", "."), 64)
		if err != nil || math.IsNaN(d) || d < float64(f.Least) || d > float64(f.Most) {
			wrong.Wrong(name, "settings.not_between", int(f.Least), int(f.Most))
			return 0.0
		}
		return d
	case Day:
		if missing() {
			return ""
		}
		s = lang.WesternDigits(s)
		if _, err := time.Parse(time.DateOnly, s); err != nil || s < "0800" {
			wrong.Wrong(name, "settings.not_day")
		}
		return s
	case Colour:
		s = strings.ToLower(s)
		if !missing() && !colours.MatchString(s) {
			wrong.Wrong(name, "settings.not_colour")
		}
		return s
	case Choice:
		if !missing() && !slices.Contains(options(f), s) {
			wrong.Wrong(name, "settings.not_choice")
		}
		return s
	}
	if missing() {
		return ""
	}
	if f.Fixed && (!slugs.MatchString(s) || s == "new") { // the address of the form for a new one
		wrong.Wrong(name, "settings.not_slug")
	}
	tooLong(f, name, s, mostWord, wrong)
	return s
}

func parseNumber(f Field, name, s string, places int, missing func() bool, wrong *fault.Form) int64 {
	if missing() {
		return 0
	}
	n, ok := fixed(s, places)
	if !ok || n < f.Least || n > f.Most {
		if places == 0 {
			wrong.Wrong(name, "settings.not_between", int(f.Least), int(f.Most))
		} else {
			wrong.Wrong(name, "settings.not_within", decimal(f.Least, places), decimal(f.Most, places))
		}
		return 0
	}
	return n
}

func parseTexts(f Field, name string, typed func(string) string, wrong *fault.Form) lang.Texts {
	words := lang.Texts{}
	most := mostTexts
	if f.Input == Prose {
		most = mostProse
	}
	for _, l := range lang.All {
		w := strings.TrimSpace(strings.ReplaceAll(typed(name+"_"+l.Code), "\r\n", "\n"))
		if w == "" {
			continue
		}
		tooLong(f, name+"_"+l.Code, w, most, wrong)
		words[l.Code] = w
	}
	if f.Required && len(words) == 0 {
		wrong.Wrong(name+"_"+lang.All[0].Code, "settings.missing_words")
	}
	return words
}

func parseList(f Field, name, s string, wrong *fault.Form) []string {
	var list []string
	seen := map[string]bool{}
	for line := range strings.Lines(s) {
		if line = strings.ToLower(strings.TrimSpace(line)); line == "" || seen[line] {
			continue
		}
		seen[line] = true
		list = append(list, line)
	}
	if int64(len(list)) > f.Most {
		wrong.Wrong(name, "settings.too_many", int(f.Most))
		list = list[:f.Most]
	}
	if len(list) == 0 && f.Required {
		wrong.Wrong(name, "settings.missing")
	}
	return list
}

func tooLong(f Field, name, s string, most int, wrong *fault.Form) {
	if f.Most > 0 {
		most = int(f.Most)
	}
	if utf8.RuneCountInString(s) > most {
		wrong.Wrong(name, "settings.too_long", most)
	}
}

// path names a text of a record: its field, or its row's and which one.
func path(key string, row int, of string) string { return fmt.Sprintf("%s.%d.%s", key, row, of) }
