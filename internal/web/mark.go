package web

import (
	"errors"
	"time"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/mark"
)

// Stars are partial/stars: the level of a mark, drawn.
type Stars struct {
	Width int
	List  []Star
}

// A Star is one of them, full or blank.
type Star struct {
	At    int
	Blank bool
}

// NewStars draws a level among so many.
func NewStars(level, levels int) Stars {
	s := Stars{Width: 30*max(levels, level) - 6}
	for i := range max(levels, level) {
		s.List = append(s.List, Star{30 * i, i >= level})
	}
	return s
}

// MarkGrade says a mark's level and class, in a sentence of that key.
func MarkGrade(l *lang.Language, m mark.Mark, key string) string {
	return l.T(key, m.LevelName.In(l, "fr"), m.Class, m.ClassName.In(l, "fr"))
}

// MarkSigned says who signed a mark, and when it was granted.
func MarkSigned(l *lang.Language, m mark.Mark, place *time.Location) string {
	var names []string
	for _, s := range m.Signers {
		name, _ := s.NameIn(l)
		names = append(names, l.Say(name))
	}
	return l.T("mark.signed_by", l.List(names), m.Decided.In(place))
}

// MarkState is where a mark stands at a moment, in one word of mark.state.
func MarkState(m mark.Mark, now time.Time) string {
	switch {
	case m.State != mark.Granted:
		return string(m.State)
	case m.Lapsed(now):
		return "lapsed"
	case now.Before(m.Begins):
		return "coming"
	case !now.Before(m.RenewFrom()):
		return "ending"
	}
	return "standing"
}

// MarkStateKind is the badge of such a state.
func MarkStateKind(state string) string {
	switch state {
	case "standing", "coming":
		return "right"
	case "proposed", "ending":
		return "waiting"
	case "refused", "withdrawn":
		return "wrong"
	}
	return "plain"
}

// ReadDay reads a day as a browser's field sends it, or as people write it:
// 24/12/2026, in Arabic digits too.
func ReadDay(typed string) (day time.Time, ok bool) {
	typed = lang.WesternDigits(typed)
	for _, layout := range []string{time.DateOnly, "2/1/2006"} {
		if at, err := time.Parse(layout, typed); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// Told says a fault in a language, where err is one.
func Told(l *lang.Language, err error) (string, bool) {
	f := (*fault.Fault)(nil)
	if !errors.As(err, &f) {
		return "", false
	}
	return l.T(f.Key, f.Args...), true
}

// Conflict is Told for what changed meanwhile.
func Conflict(l *lang.Language, err error) (string, bool) {
	if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Conflict {
		return Told(l, err)
	}
	return "", false
}
