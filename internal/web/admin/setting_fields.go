package admin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/settings"
	"kissaria.ma/internal/web"
)

// SettingField is partial/setting_field: one thing that a record says, with all
// that is typed into for it.
type SettingField struct {
	Legend string
	Hint   string
	Wrong  string
	Inputs []SettingInput
	Rows   []SettingRowOf
	Ticks  []Choice // of many
	Table  bool     // rows that stand beneath one another as a table
}

// SettingInput is one input of a field.
type SettingInput struct {
	web.Field
	Lang    string // of what is typed, empty for what has none
	Area    bool
	Lines   int
	Tick    bool
	Checked bool
	Choices []Choice
	Select  bool
}

// SettingRowOf is one row of a field that has several.
type SettingRowOf struct {
	Name   string // which one
	Fields []SettingField
}

// choiceNames are what can be chosen in the fields of a kind, by field.
type choiceNames map[string][]Choice

func (n choiceNames) values(f settings.Field) (list []string) {
	for _, c := range n[f.Options] {
		list = append(list, c.Value)
	}
	return list
}

// choices reads what can be chosen in the fields of a kind.
func (h *Handlers) choices(c *gin.Context, k settings.Kind) (choiceNames, error) {
	l := web.Language(c)
	names := choiceNames{}
	for _, f := range k.Fields {
		if f.Options == "" {
			continue
		}
		options, err := f.Choices(c.Request.Context(), h.Pool)
		if err != nil {
			return nil, err
		}
		for _, o := range options {
			v := Choice{Value: o.Value, Name: o.Name.In(l, "fr").Words}
			if o.Name == nil {
				v.Name = choiceName(l, f.Options, o.Value)
			}
			names[f.Options] = append(names[f.Options], v)
		}
	}
	return names, nil
}

// choiceName is what a choice that is no record is called.
func choiceName(l *lang.Language, of, value string) string {
	switch of {
	case "currency":
		return strings.ToUpper(value)
	case "meets":
		return l.T("committees.meets." + value)
	}
	return l.T("settings." + of + "." + value)
}

// blankRows are offered beneath those that are filled in.
const blankRows = 2

// settingFields makes the form of a record. form is what was typed, or nil.
func (h *Handlers) settingFields(c *gin.Context, k settings.Kind, v settings.Values, form *web.Form, fresh bool) ([]SettingField, error) {
	names, err := h.choices(c, k)
	if err != nil {
		return nil, err
	}
	b := fieldBuilder{lang: web.Language(c), names: names, form: form, fresh: fresh}
	if form == nil {
		b.form = web.EmptyForm(c)
	}
	b.typed = form != nil
	return b.fields(k.Fields, "", v), nil
}

type fieldBuilder struct {
	lang  *lang.Language
	names choiceNames
	form  *web.Form
	typed bool // that the form is what someone sent
	fresh bool
}

func (b fieldBuilder) fields(fields []settings.Field, prefix string, v settings.Values) (list []SettingField) {
	for _, f := range fields {
		if f.Fixed && !b.fresh {
			continue
		}
		list = append(list, b.field(f, prefix+f.Key, v[f.Key]))
	}
	return list
}

func (b fieldBuilder) field(f settings.Field, name string, v any) SettingField {
	l := b.lang
	s := SettingField{Legend: l.T("settings.field." + f.Key)}
	if hint := "settings.field." + f.Key + ".hint"; l.Has(hint) {
		s.Hint = l.T(hint)
	}
	switch f.Input {
	case settings.Texts, settings.Prose:
		texts, _ := v.(lang.Texts)
		for _, other := range lang.All {
			in := b.input(f, name+"_"+other.Code, texts[other.Code])
			in.Label, in.Hint, in.Lang, in.Dir = other.Name, "", other.Code, other.Dir
			in.Described = strings.TrimSpace(strings.ReplaceAll(in.Described, in.ID+"-hint", ""))
			in.Required = false
			s.Inputs = append(s.Inputs, in)
		}
	case settings.Rows:
		rows, _ := v.([]settings.Values)
		n := len(rows)
		if b.typed {
			n = b.typedRows(f, name)
		}
		for i := range min(n+blankRows, int(f.Most)) {
			var row settings.Values
			if i < len(rows) {
				row = rows[i]
			}
			s.Rows = append(s.Rows, SettingRowOf{l.T("settings.row", i+1), b.fields(f.Of, name+"."+strconv.Itoa(i)+".", row)})
		}
		s.Table = f.Of[len(f.Of)-1].Input != settings.Texts && f.Of[len(f.Of)-1].Input != settings.Prose
	case settings.Many:
		chosen, _ := v.([]string)
		for _, o := range b.names[f.Options] {
			o.Chosen = slices.Contains(chosen, o.Value)
			if b.typed {
				o.Chosen = b.form.Value(name+"."+o.Value) != ""
			}
			o.Value = name + "." + o.Value
			s.Ticks = append(s.Ticks, o)
		}
		s.Wrong = b.form.Wrong(name)
	default:
		s.Inputs = []SettingInput{b.input(f, name, f.Typed(v))}
		s.Legend, s.Hint = "", ""
	}
	return s
}

// typedRows counts the rows that something was typed into, with the empty ones
// between them.
func (b fieldBuilder) typedRows(f settings.Field, name string) (n int) {
	for i := range int(f.Most) {
		for _, of := range f.Of {
			row := name + "." + strconv.Itoa(i) + "." + of.Key
			filled := b.form.Value(row) != ""
			for _, l := range lang.All {
				filled = filled || b.form.Value(row+"_"+l.Code) != ""
			}
			if filled {
				n = i + 1
			}
		}
	}
	return n
}

func (b fieldBuilder) input(f settings.Field, name, value string) SettingInput {
	if !b.typed {
		b.form.Set(name, value)
	}
	in := SettingInput{Field: b.form.FieldOf("settings.field."+f.Key, name, "off", func(v *web.Field) { v.Required = f.Required })}
	in.MaxLength = 200
	if f.Most > 0 && (f.Input == settings.Word || f.Input == settings.Texts || f.Input == settings.Prose) {
		in.MaxLength = int(f.Most)
	} else if f.Input == settings.Prose {
		in.MaxLength = 3000
	}
	switch f.Input {
	case settings.Prose:
		in.Area, in.Lines = true, 4
		if f.Markdown {
			in.Lines = 14
		}
	case settings.List:
		in.Area, in.Lines, in.Dir, in.MaxLength = true, 6, "ltr", 8000
	case settings.Number, settings.Grams:
		in.InputMode, in.Dir, in.MaxLength = "numeric", "ltr", 9
	case settings.Money, settings.Rate, settings.Worth, settings.Degree:
		in.InputMode, in.Dir, in.MaxLength = "decimal", "ltr", 14
	case settings.Day:
		in.Type, in.Dir, in.MaxLength = "date", "ltr", 10
	case settings.Colour, settings.Word:
		in.Dir = "auto"
		if f.Fixed || f.Input == settings.Colour {
			in.Dir = "ltr"
		}
	case settings.Flag:
		in.Tick, in.Checked, in.Required = true, b.form.Value(name) != "", false
	case settings.Choice:
		in.Select = true
		for _, o := range b.names[f.Options] {
			o.Chosen = o.Value == b.form.Value(name)
			in.Choices = append(in.Choices, o)
		}
	}
	return in
}
