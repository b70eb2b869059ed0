package admin

import (
	"slices"
	"strings"
)

// A Span is words that stayed, came or went.
type Span struct {
	Words string
	Mark  string // ins, del, or empty for what stayed
}

// A Change is a fact of a piece as buyers see it and as it was sent.
type Change struct {
	Label       string
	Before, Now []Span
	Dir         string // of the words
	Changed     bool
}

// mostWords bounds what is compared word by word; longer texts are shown whole.
const mostWords = 400

// compare marks what changed between two texts, word by word: the longest run of
// words that both have, in order, stays unmarked.
func compare(label, before, now, dir string) Change {
	c := Change{Label: label, Dir: dir, Changed: before != now}
	a, b := strings.Fields(before), strings.Fields(now)
	if before == now || len(a) > mostWords || len(b) > mostWords {
		c.Before, c.Now = []Span{{before, ""}}, []Span{{now, ""}}
		if before != now {
			c.Before, c.Now = []Span{{before, "del"}}, []Span{{now, "ins"}}
		}
		return c
	}
	// longest[i][j] is how many words the rests from i and j have in common.
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i, w := range slices.Backward(a) {
		for j := len(b) - 1; j >= 0; j-- {
			if longest[i][j] = max(longest[i+1][j], longest[i][j+1]); w == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	add := func(to *[]Span, word, mark string) {
		if n := len(*to); n > 0 && (*to)[n-1].Mark == mark {
			(*to)[n-1].Words += " " + word
			return
		}
		*to = append(*to, Span{word, mark})
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			add(&c.Before, a[i], "")
			add(&c.Now, b[j], "")
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			add(&c.Before, a[i], "del")
			i++
		default:
			add(&c.Now, b[j], "ins")
			j++
		}
	}
	return c
}
