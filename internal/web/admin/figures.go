package admin

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/web"
)

// Figures is partial/figures: a table that can be had as a file.
type Figures struct {
	Title string
	Heads []FigureHead
	Rows  [][]FigureCell
	CSV   string // its address, and that of the file with decimal commas
	Comma string
}

// FigureHead names a column.
type FigureHead struct {
	Name   string
	Number bool // what stands under it is at the inline end
}

// FigureCell is one cell; that of the first column names its row.
type FigureCell struct {
	Words    string
	Isolated bool // a name or an address, which keeps its own direction
	Path     string
	Number   bool
}

// A figure is a value of a table, which a page and a file write differently.
type figure struct {
	kind  figureKind
	n     int64
	words string
	path  string
	day   time.Time
}

type figureKind int

const (
	inWords figureKind = iota
	named              // words that keep their own direction
	counted
	inMoney
	inShare // tenths of a hundredth; below 0 where there is none
	onDay
)

func words(s string) figure              { return figure{kind: inWords, words: s} }
func nameOf(s, path string) figure       { return figure{kind: named, words: s, path: path} }
func countOf(n int) figure               { return figure{kind: counted, n: int64(n)} }
func sumOf(a money.Amount) figure        { return figure{kind: inMoney, n: a.Minor} }
func shareOf(tenths int) figure          { return figure{kind: inShare, n: int64(tenths)} }
func dayOf(t time.Time, l string) figure { return figure{kind: onDay, day: t, path: l} }

// said is a figure in the reader's language.
func (f figure) said(l *lang.Language) string {
	switch f.kind {
	case counted:
		return l.Number(f.n)
	case inMoney:
		return l.Money(money.Amount{Minor: f.n, Currency: money.MAD})
	case inShare:
		if f.n < 0 {
			return l.T("numbers.no_share")
		}
		return l.T("numbers.percent", plain(l.Tenths(int(f.n))))
	case onDay:
		return l.Date(f.day)
	}
	return f.words
}

// written is a figure in a file.
func (f figure) written(c *gin.Context) string {
	switch f.kind {
	case counted:
		return web.Decimal(c, f.n, 0)
	case inMoney:
		return web.Decimal(c, f.n, 2)
	case inShare:
		if f.n < 0 {
			return ""
		}
		return web.Decimal(c, f.n, 1)
	case onDay:
		return f.day.Format(time.DateOnly)
	}
	return f.words
}

func (f figure) isNumber() bool { return f.kind == counted || f.kind == inMoney || f.kind == inShare }

// plain is an argument of a message that is written as it stands.
type plain string

func (p plain) String() string { return string(p) }

// A table is figures under heads, whose file is called name.
type table struct {
	name  string
	title string
	heads []string
	rows  [][]figure
}

// figures makes a table's part of a page; q is the query of its file.
func (t table) figures(l *lang.Language, q url.Values) Figures {
	f := Figures{Title: t.title, CSV: numbersPath + "/" + t.name + ".csv"}
	comma := url.Values{"decimal": {"comma"}}
	for k, v := range q {
		comma[k] = v
	}
	f.Comma = f.CSV + "?" + comma.Encode()
	if len(q) > 0 {
		f.CSV += "?" + q.Encode()
	}
	for i, name := range t.heads {
		f.Heads = append(f.Heads, FigureHead{name, len(t.rows) > 0 && t.rows[0][i].isNumber()})
	}
	for _, row := range t.rows {
		cells := make([]FigureCell, len(row))
		for i, v := range row {
			cells[i] = FigureCell{Words: v.said(l), Path: v.path, Number: v.isNumber(), Isolated: v.kind == named}
		}
		f.Rows = append(f.Rows, cells)
	}
	return f
}

// send sends a table as a file.
func (h *Handlers) send(c *gin.Context, t table) error {
	rows := make([][]string, len(t.rows))
	for i, row := range t.rows {
		for _, v := range row {
			rows[i] = append(rows[i], v.written(c))
		}
	}
	return h.Site.SendCSV(c, t.name+".csv", t.heads, rows)
}

// WeekChart is partial/week_chart: two bars for every week of a span, this one's
// beside that of the week that it is compared with.
type WeekChart struct {
	ID       string
	Title    string
	Hint     string
	Summary  string // what there is to see, in words
	Width    int    // of the drawing; it is 100 high
	Now      []Bar
	Before   []Bar
	First    time.Time // the first week and the last
	Last     time.Time
	NowSays  string
	ThenSays string
	Figures  Figures
}

// Bar is a bar of a chart.
type Bar struct{ X, Y, Width, Height string }

const (
	weekWide = 20 // units of one week's place in the drawing
	barWide  = 7
)

// draw puts the bars of weeks into a chart. Below nothing there is no bar.
func (k *WeekChart) draw(now, before []int64) {
	most := max(1, slices.Max(now), slices.Max(before))
	bar := func(x int, n int64) Bar {
		height := float64(max(0, n)) * 98 / float64(most)
		return Bar{fmt.Sprint(x), fmt.Sprintf("%.1f", 100-height), fmt.Sprint(barWide), fmt.Sprintf("%.1f", height)}
	}
	k.Width = weekWide * len(now)
	for i := range now {
		k.Before = append(k.Before, bar(i*weekWide+2, before[i]))
		k.Now = append(k.Now, bar(i*weekWide+2+barWide+1, now[i]))
	}
}

// ShareChart is partial/share_chart: bars that grow from where a line of the
// reader's language begins.
type ShareChart struct {
	Title   string
	Rows    []ShareRow
	Figures Figures
}

// ShareRow is a bar with what it is of and how much that is.
type ShareRow struct {
	Name   string
	Words  string
	Bar    Bar
	Before Bar
	Diff   string
}

// drawShare draws a bar of a hundred units for the most.
func drawShare(l *lang.Language, n, most int64) Bar {
	width := float64(max(0, n)) * 100 / float64(max(1, most))
	x := 0.0
	if l.Dir == "rtl" {
		x = 100 - width
	}
	return Bar{X: fmt.Sprintf("%.1f", x), Width: fmt.Sprintf("%.1f", width)}
}

// difference says how a figure compares with the one before, in words and figures.
func difference(l *lang.Language, now, before figure) string {
	if now.n < 0 || before.n < 0 {
		return l.T("numbers.diff.unknown")
	}
	was := plain(before.said(l))
	switch {
	case now.n == 0 && before.n == 0:
		return l.T("numbers.diff.none")
	case before.n == 0:
		return l.T("numbers.diff.new")
	case now.n == before.n:
		return l.T("numbers.diff.same", was)
	}
	percent := (abs(now.n-before.n)*100 + before.n/2) / before.n
	if percent == 0 {
		return l.T("numbers.diff.nearly", was)
	}
	if now.n > before.n {
		return l.T("numbers.diff.more", plain(l.Number(percent)), was)
	}
	return l.T("numbers.diff.less", plain(l.Number(percent)), was)
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// share returns tenths of a percent, -1 of nothing.
func share(part, whole int) int {
	if whole == 0 {
		return -1
	}
	return (part*2000/whole + 1) / 2
}
