package mail

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// PlainText makes the text part of a letter from its HTML: one source, so that
// the two never say different things. Links are written out behind their words,
// rows of a table become lines.
func PlainText(source string) string {
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return source // Parse fails for no text; only a broken reader could.
	}
	var b strings.Builder
	writeText(&b, doc)
	var lines []string
	blank := true
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSpace(strings.ReplaceAll(line, "\u00a0", " "))
		if line == "" && blank {
			continue
		}
		blank = line == ""
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
}

func writeText(b *strings.Builder, n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		b.WriteString(strings.Join(strings.Fields(" "+n.Data+" "), " "))
		if n.Data != "" && strings.TrimRight(n.Data, " \n\t") != n.Data {
			b.WriteByte(' ')
		}
		return
	case n.Type == html.ElementNode:
		switch n.DataAtom {
		case atom.Head, atom.Style, atom.Script, atom.Img, atom.Svg:
			return
		case atom.Br:
			b.WriteByte('\n')
			return
		}
	}
	for c := range n.ChildNodes() {
		if c.Type == html.TextNode && c.Data != "" && strings.TrimLeft(c.Data, " \n\t") != c.Data && !strings.HasSuffix(b.String(), " ") {
			b.WriteByte(' ')
		}
		writeText(b, c)
	}
	if n.Type != html.ElementNode {
		return
	}
	switch n.DataAtom {
	case atom.A:
		for _, a := range n.Attr {
			if a.Key == "href" {
				b.WriteString(" (" + a.Val + ")")
			}
		}
	case atom.P, atom.H1, atom.H2, atom.H3, atom.Table, atom.Ul, atom.Dl:
		b.WriteString("\n\n")
	case atom.Tr, atom.Li, atom.Div, atom.Dd:
		b.WriteByte('\n')
	case atom.Td, atom.Th, atom.Dt:
		b.WriteString("  ")
	}
}
