// Package lang holds the words of the market in every language it speaks, and
// says numbers, money, dates and plurals the way each of them does.
package lang

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed *.json
var catalogues embed.FS

// A Language is one the market speaks. It is made at start and never changes.
type Language struct {
	Code string // BCP 47
	Name string // in the language itself
	Dir  string // ltr or rtl

	tag      language.Tag
	money    formats
	messages map[string]message
}

// A message is either one text or one for each plural form.
type message struct {
	text  string
	forms map[string]string
}

func (m *message) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, &m.forms)
	}
	return json.Unmarshal(b, &m.text)
}

// All lists the languages in the order they are offered.
var All = []*Language{
	mustLoad("en", "English", "ltr", "en"),
	mustLoad("fr", "Français", "ltr", "fr"),
	mustLoad("es", "Español", "ltr", "es"),
	mustLoad("ar", "العربية", "rtl", "ar-MA"),
}

// Default is spoken where nothing else is known.
var Default = All[0]

func mustLoad(code, name, dir, locale string) *Language {
	l, err := load(code, name, dir, locale)
	if err != nil {
		panic(err) // The catalogues are part of the program.
	}
	return l
}

func load(code, name, dir, locale string) (*Language, error) {
	b, err := catalogues.ReadFile(code + ".json")
	if err != nil {
		return nil, fmt.Errorf("lang: %w", err)
	}
	l := &Language{Code: code, Name: name, Dir: dir, tag: language.Make(code), money: newFormats(locale)}
	if err := json.Unmarshal(b, &l.messages); err != nil {
		return nil, fmt.Errorf("lang: %s.json: %w", code, err)
	}
	return l, nil
}

// ErrUnknown is returned for a language the market does not speak.
var ErrUnknown = errors.New("lang: unknown language")

// ByCode returns the language of that BCP 47 code, or ErrUnknown.
func ByCode(code string) (*Language, error) {
	for _, l := range All {
		if l.Code == code {
			return l, nil
		}
	}
	return nil, ErrUnknown
}

// Or returns the language of that code, and the default for an unknown one.
func Or(code string) *Language {
	if l, err := ByCode(code); err == nil {
		return l
	}
	return Default
}

var matcher = func() language.Matcher {
	tags := make([]language.Tag, len(All))
	for i, l := range All {
		tags[i] = l.tag
	}
	return language.NewMatcher(tags)
}()

// Match returns the language that suits an Accept-Language header best. A
// header that cannot be read suits the default.
func Match(accept string) *Language {
	// Reading stops at a length no browser sends.
	if len(accept) > 500 {
		return Default
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return Default
	}
	_, i, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return Default
	}
	return All[i]
}

// Has reports whether there is a message under key.
func (l *Language) Has(key string) bool {
	_, ok := l.messages[key]
	return ok
}

// With returns the language with other words for some of its messages. Those have
// no plural forms of their own.
func (l *Language) With(words map[string]string) *Language {
	if len(words) == 0 {
		return l
	}
	c := *l
	c.messages = maps.Clone(l.messages)
	for key, text := range words {
		c.messages[key] = message{text: text}
	}
	return &c
}

// Text returns a message as it stands in the catalogue, its places {0}, {1} … not
// filled in; of one with plural forms, that for most numbers.
func (l *Language) Text(key string) string {
	m := l.messages[key]
	if m.forms != nil {
		return m.forms["other"]
	}
	return m.text
}

// Keys returns the keys of all messages, sorted.
func (l *Language) Keys() []string { return slices.Sorted(maps.Keys(l.messages)) }

// T returns the message under key, with {0}, {1} … replaced by args as this
// language writes them. Where the message has plural forms, the first argument
// that is a whole number chooses.
func (l *Language) T(key string, args ...any) string {
	return l.FormatArgs(key, func(s string) string { return s }, l.Say, args...)
}

// FormatArgs is T with a say in how it is put together: text writes a piece of
// the message, say writes an argument.
func (l *Language) FormatArgs(key string, text func(string) string, say func(any) string, args ...any) string {
	m, ok := l.messages[key]
	if !ok {
		return text("⟦" + key + "⟧")
	}
	left := m.text
	if m.forms != nil {
		left = m.forms[l.form(args)]
		if left == "" {
			left = m.forms["other"]
		}
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(left, "{")
		b.WriteString(text(before))
		if !found {
			return b.String()
		}
		digit, after, closed := strings.Cut(rest, "}")
		if !closed || len(digit) != 1 || digit[0] < '0' || int(digit[0]-'0') >= len(args) {
			b.WriteString(text("{"))
			left = rest
			continue
		}
		b.WriteString(say(args[digit[0]-'0']))
		left = after
	}
}

// form names the plural form that the first whole number among args asks for.
func (l *Language) form(args []any) string {
	for _, a := range args {
		n, ok := 0, true
		switch v := a.(type) {
		case int:
			n = v
		case int64:
			n = int(v)
		default:
			ok = false
		}
		if ok {
			if n < 0 {
				n = -n
			}
			return formNames[plural.Cardinal.MatchPlural(l.tag, n, 0, 0, 0, 0)]
		}
	}
	return "other"
}

var formNames = map[plural.Form]string{
	plural.Other: "other", plural.Zero: "zero", plural.One: "one",
	plural.Two: "two", plural.Few: "few", plural.Many: "many",
}

// List joins words as an enumeration.
func (l *Language) List(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	head := strings.Join(words[:len(words)-1], l.T("list.separator"))
	return l.T("list.last", head, words[len(words)-1])
}
