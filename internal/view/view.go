// Package view holds the templates, one set for each language, and the
// functions that they call. Pages and mails are both made here.
package view

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/money"
)

// A Set is all templates in one language. A template is named for its file:
// shop/product.html is shop/product. It is made at start and never changes.
type Set struct {
	Lang *lang.Language
	root *template.Template
}

// Sets are the sets of all languages, by code.
type Sets map[string]*Set

// In returns the set of a language.
func (s Sets) In(l *lang.Language) *Set { return s[l.Code] }

// Config is what the templates need besides their data.
type Config struct {
	Templates fs.FS
	Icons     fs.FS                    // {name}.svg, what stands inside the svg element
	Asset     func(name string) string // address of a style sheet, script or font
	Location  *time.Location           // in which times are told
}

// Load parses every template once for every language.
func Load(c Config) (Sets, error) {
	files, err := readTemplates(c.Templates)
	if err != nil {
		return nil, err
	}
	icons, err := readIcons(c.Icons)
	if err != nil {
		return nil, err
	}
	sets := Sets{}
	for _, l := range lang.All {
		root := template.New("").Funcs(funcs(l, c, icons)).Option("missingkey=error")
		for name, text := range files {
			if _, err := root.New(name).Parse(text); err != nil {
				return nil, fmt.Errorf("view: %w", err)
			}
		}
		sets[l.Code] = &Set{l, root}
	}
	return sets, nil
}

func readTemplates(files fs.FS) (map[string]string, error) {
	texts := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".html" && path.Ext(name) != ".txt" {
			return err
		}
		b, err := fs.ReadFile(files, name)
		// Blank lines and indentation are for us, not for the reader's phone.
		texts[strings.TrimSuffix(name, ".html")] = squeeze(string(b), path.Ext(name))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("view: read templates: %w", err)
	}
	return texts, nil
}

func squeeze(s, ext string) string {
	if ext != ".html" {
		return s
	}
	var b strings.Builder
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func readIcons(files fs.FS) (map[string]template.HTML, error) {
	icons := map[string]template.HTML{}
	names, err := fs.Glob(files, "*.svg")
	if err != nil {
		return nil, fmt.Errorf("view: icons: %w", err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("view: icons: %w", err)
		}
		icons[strings.TrimSuffix(name, ".svg")] = template.HTML(strings.TrimSpace(string(b)))
	}
	return icons, nil
}

// Template gives a test the template of that name, to check it against the
// type of its data.
func (s *Set) Template(name string) (*template.Template, error) {
	c, err := s.root.Clone()
	if err != nil {
		return nil, fmt.Errorf("view: clone: %w", err)
	}
	if t := c.Lookup(name); t != nil {
		return t, nil
	}
	return nil, ErrNoTemplate
}

// Names returns the names of all templates.
func (s *Set) Names() (names []string) {
	for _, t := range s.root.Templates() {
		if t.Name() != "" {
			names = append(names, t.Name())
		}
	}
	return names
}

// ErrNoTemplate is returned for a template that is not there.
var ErrNoTemplate = errors.New("view: no such template")

// Render executes one template into memory: nothing of a page is sent before
// all of it is known to work.
func (s *Set) Render(name string, data any) (*bytes.Buffer, error) {
	t := s.root.Lookup(name)
	if t == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoTemplate, name)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("view: %s: %w", name, err)
	}
	return &b, nil
}

// funcs are what templates can call. They speak the set's language, so that a
// template never names one.
func funcs(l *lang.Language, c Config, icons map[string]template.HTML) template.FuncMap {
	local := func(t time.Time) time.Time { return t.In(c.Location) }
	return template.FuncMap{
		"t":       l.T,
		"rich":    func(key string, args ...any) template.HTML { return sentence(l, key, args) },
		"money":   func(a money.Amount) template.HTML { return number(l.Money(a)) },
		"number":  func(n int) template.HTML { return number(l.Number(int64(n))) },
		"code":    code,
		"date":    func(t time.Time) string { return l.Date(t) },
		"day":     func(t time.Time) string { return l.Day(t) },
		"weekday": func(t time.Time) string { return l.Weekday(t) },
		"moment":  func(t time.Time) string { return l.Moment(local(t)) },
		"clock":   func(t time.Time) template.HTML { return code(local(t).Format("15:04")) },
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"weight":  func(grams int) template.HTML { return number(l.Kilograms(grams)) },
		"words":   func(t lang.Text) template.HTML { return words(l, t) },
		"asset":   c.Asset,
		"icon":    func(name string) (template.HTML, error) { return icon(icons, name, "") },
		"onward":  func(name string) (template.HTML, error) { return icon(icons, name, " icon--onward") },
		"raw":     func(name string) (template.HTML, error) { return rawIcon(icons, name) },
	}
}

// number keeps a figure together and apart from the text's direction.
func number(s string) template.HTML {
	return template.HTML(`<span class="number">` + template.HTMLEscapeString(s) + `</span>`)
}

// code is for what always reads from left to right: sizes, hours, phones, SKUs.
func code(s string) template.HTML {
	return template.HTML(`<bdi class="number" dir="ltr">` + template.HTMLEscapeString(s) + `</bdi>`)
}

// words writes a text that someone wrote, marked where it is in another
// language than the page.
func words(l *lang.Language, t lang.Text) template.HTML {
	s := template.HTMLEscapeString(t.Words)
	if t.Lang == l.Code || t.Words == "" {
		return template.HTML(s)
	}
	return template.HTML(`<span lang="` + template.HTMLEscapeString(t.Lang) + `" dir="` + t.Dir + `">` + s + `</span>`)
}

// sentence is t with arguments that may be HTML of ours: links, prices, texts.
func sentence(l *lang.Language, key string, args []any) template.HTML {
	plain := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case template.HTML:
			plain[i] = htmlArg(v)
		case lang.Text:
			plain[i] = htmlArg(words(l, v))
		case money.Amount:
			plain[i] = htmlArg(number(l.Money(v)))
		default:
			plain[i] = a
		}
	}
	return template.HTML(l.FormatArgs(key, func(s string) string { return template.HTMLEscapeString(s) }, func(a any) string {
		if h, ok := a.(htmlArg); ok {
			return string(h)
		}
		return template.HTMLEscapeString(l.Say(a))
	}, plain...))
}

type htmlArg string

func icon(icons map[string]template.HTML, name, class string) (template.HTML, error) {
	inner, ok := icons[name]
	if !ok {
		return "", fmt.Errorf("view: no icon %q", name)
	}
	return template.HTML(`<svg class="icon` + class + `" viewBox="0 0 24 24" aria-hidden="true">` + string(inner) + `</svg>`), nil
}

func rawIcon(icons map[string]template.HTML, name string) (template.HTML, error) {
	inner, ok := icons[name]
	if !ok {
		return "", fmt.Errorf("view: no icon %q", name)
	}
	return inner, nil
}
