package web

import (
	"time"

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

// MarkGrade says a mark's level and class.
func MarkGrade(l *lang.Language, m mark.Mark) string {
	return l.T("mark.grade", m.LevelName.In(l, "fr"), m.Class, m.ClassName.In(l, "fr"))
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
