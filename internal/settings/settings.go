// Package settings is the market's own data as the office keeps it: each kind
// of record with its fields, what every record was before, and which of its
// words are missing in which language. The records themselves belong to the
// rooms that use them.
package settings

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
	"kissaria.ma/internal/postgres"
)

// Input says how a field is typed, and what its value is.
type Input string

const (
	Word   Input = "word"   // string, one line
	Texts  Input = "texts"  // lang.Texts, one line each
	Prose  Input = "prose"  // lang.Texts, several lines each
	Number Input = "number" // int64
	Degree Input = "degree" // float64, WGS 84 degrees
	Money  Input = "money"  // int64, centimes
	Rate   Input = "rate"   // int64, hundredths of a per cent: basis points
	Worth  Input = "worth"  // int64, ten-thousandths of a dirham
	Grams  Input = "grams"  // int64
	Day    Input = "day"    // string, ISO 8601
	Colour Input = "colour" // string, #rrggbb
	Flag   Input = "flag"   // bool
	Choice Input = "choice" // string, one of the field's options
	Many   Input = "many"   // []string, any of the field's options
	List   Input = "list"   // []string in the union's own order, one a line
	Rows   Input = "rows"   // []Values
)

// A Field is one thing that a record says.
type Field struct {
	Key      string
	Input    Input
	Required bool
	Fixed    bool   // written once, with the record: an address does not change
	Least    int64  // of numbers
	Most     int64  // of numbers; of words, their characters; of rows and lists, how many
	Options  string // what is chosen from: another kind, or a key of choices
	Markdown bool
	Of       []Field // of a row
}

// Values are what a record says, by the key of its fields.
type Values map[string]any

// Word returns a text of one language.
func (v Values) Word(key string) string { s, _ := v[key].(string); return s }

// Texts returns a text by language, nil where there is none.
func (v Values) Texts(key string) lang.Texts {
	t, _ := v[key].(lang.Texts)
	if len(t) == 0 {
		return nil
	}
	return t
}

// Int returns a number.
func (v Values) Int(key string) int64 { n, _ := v[key].(int64); return n }

// Float returns a number with decimals.
func (v Values) Float(key string) float64 { n, _ := v[key].(float64); return n }

// Flag returns a yes or no.
func (v Values) Flag(key string) bool { b, _ := v[key].(bool); return b }

// List returns several words in their order.
func (v Values) List(key string) []string { l, _ := v[key].([]string); return l }

// Rows returns a list of values.
func (v Values) Rows(key string) []Values { r, _ := v[key].([]Values); return r }

// A Record is one of the market's own data.
type Record struct {
	Ref    string // its slug
	Name   lang.Texts
	Values Values
}

// A Use is what needs a record, which can therefore not be taken away.
type Use struct {
	What  string // key of the sentence: settings.use.{What}
	Count int
	Path  string // where they are listed; empty where they are not
}

// A Kind is records of the same fields.
type Kind struct {
	Name   string // as in its address
	Group  string // where the office finds it
	Single bool   // there is always one, which stays
	Fields []Field

	list   func(ctx context.Context, db postgres.DB) ([]Record, error)
	save   func(ctx context.Context, tx pgx.Tx, ref string, fresh bool, v Values) error
	remove func(ctx context.Context, tx pgx.Tx, ref string) error // nil where none may be taken away
	uses   func(ctx context.Context, db postgres.DB, ref string) ([]Use, error)
}

// Removable reports whether a record of the kind may be taken away at all.
func (k Kind) Removable() bool { return k.remove != nil }

var (
	// ErrNoKind is returned for a kind that is not there.
	ErrNoKind = fault.New(fault.NotFound, "error.not_found")
	// ErrNoRecord is returned for a record that is not there.
	ErrNoRecord = fault.New(fault.NotFound, "error.not_found")
	// ErrInUse is returned where a record that is needed would be taken away.
	ErrInUse = fault.New(fault.Conflict, "settings.in_use")
	// ErrChanged is returned where a record was changed by someone else meanwhile.
	ErrChanged = fault.New(fault.Conflict, "settings.changed")
)

// ByName returns the kind of that name, or ErrNoKind.
func ByName(name string) (Kind, error) {
	for _, k := range Kinds {
		if k.Name == name {
			return k, nil
		}
	}
	return Kind{}, ErrNoKind
}

// Records returns all records of the kind in the union's own order. There are
// never more of them than a page can show.
func (k Kind) Records(ctx context.Context, db postgres.DB) ([]Record, error) {
	list, err := k.list(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("settings: %s: %w", k.Name, err)
	}
	return list, nil
}

// Record returns one record, or ErrNoRecord.
func (k Kind) Record(ctx context.Context, db postgres.DB, ref string) (Record, error) {
	list, err := k.Records(ctx, db)
	if err != nil {
		return Record{}, err
	}
	i := slices.IndexFunc(list, func(r Record) bool { return r.Ref == ref })
	if i < 0 {
		return Record{}, ErrNoRecord
	}
	return list[i], nil
}

// Uses returns what needs a record.
func (k Kind) Uses(ctx context.Context, db postgres.DB, ref string) ([]Use, error) {
	if k.uses == nil {
		return nil, nil
	}
	list, err := k.uses(ctx, db, ref)
	if err != nil {
		return nil, fmt.Errorf("settings: uses of %s %s: %w", k.Name, ref, err)
	}
	return slices.DeleteFunc(list, func(u Use) bool { return u.Count == 0 }), nil
}

// normal gives values that were kept as JSON the types of their fields. What is
// missing, such as a field that is newer than the version, is left out.
func normal(fields []Field, raw map[string]json.RawMessage) (Values, error) {
	v := Values{}
	for _, f := range fields {
		b, ok := raw[f.Key]
		if !ok || string(b) == "null" {
			continue
		}
		var err error
		switch f.Input {
		case Texts, Prose:
			v[f.Key], err = as[lang.Texts](b)
		case Number, Money, Rate, Worth, Grams:
			v[f.Key], err = as[int64](b)
		case Degree:
			v[f.Key], err = as[float64](b)
		case Flag:
			v[f.Key], err = as[bool](b)
		case List, Many:
			v[f.Key], err = as[[]string](b)
		case Rows:
			var rows []map[string]json.RawMessage
			if rows, err = as[[]map[string]json.RawMessage](b); err != nil {
				break
			}
			list := make([]Values, len(rows))
			for i, r := range rows {
				if list[i], err = normal(f.Of, r); err != nil {
					return nil, err
				}
			}
			v[f.Key] = list
		default:
			v[f.Key], err = as[string](b)
		}
		if err != nil {
			return nil, fmt.Errorf("settings: field %s: %w", f.Key, err)
		}
	}
	return v, nil
}

func as[T any](b []byte) (v T, err error) {
	err = json.Unmarshal(b, &v)
	return v, err
}

// Changed returns the keys of the fields in which two records differ.
func (k Kind) Changed(before, after Values) (keys []string) {
	for _, f := range k.Fields {
		if !same(f, before[f.Key], after[f.Key]) {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

func same(f Field, a, b any) bool {
	x, errX := json.Marshal(orEmpty(f, a))
	y, errY := json.Marshal(orEmpty(f, b))
	return errX == nil && errY == nil && string(x) == string(y)
}

// orEmpty is the value of a field that says nothing.
func orEmpty(f Field, v any) any {
	switch f.Input {
	case Texts, Prose:
		if t, _ := v.(lang.Texts); len(t) > 0 {
			return t
		}
		return nil
	case List, Many:
		if l, _ := v.([]string); len(l) > 0 {
			return l
		}
		return nil
	case Rows:
		rows, _ := v.([]Values)
		if len(rows) == 0 {
			return nil
		}
		list := make([]Values, len(rows))
		for i, r := range rows {
			list[i] = Values{}
			for _, of := range f.Of {
				list[i][of.Key] = orEmpty(of, r[of.Key])
			}
		}
		return list
	case Number, Money, Rate, Worth, Grams:
		n, _ := v.(int64)
		return n
	case Degree:
		n, _ := v.(float64)
		return n
	case Flag:
		b, _ := v.(bool)
		return b
	}
	s, _ := v.(string)
	return s
}

// Says returns a value as a reader of l sees it in a comparison, one line each.
func (f Field) Says(l *lang.Language, v any) string {
	switch f.Input {
	case Texts, Prose:
		t, _ := v.(lang.Texts)
		var lines []string
		for _, other := range lang.All {
			if w := t[other.Code]; w != "" {
				lines = append(lines, other.Code+": "+w)
			}
		}
		return strings.Join(lines, "\n")
	case List, Many:
		list, _ := v.([]string)
		return strings.Join(list, "\n")
	case Flag:
		if b, _ := v.(bool); b {
			return l.T("settings.yes")
		}
		return l.T("settings.no")
	case Rows:
		rows, _ := v.([]Values)
		var lines []string
		for i, r := range rows {
			var parts []string
			for _, of := range f.Of {
				parts = append(parts, strings.ReplaceAll(of.Says(l, r[of.Key]), "\n", " / "))
			}
			lines = append(lines, strconv.Itoa(i+1)+". "+strings.Join(parts, " | "))
		}
		return strings.Join(lines, "\n")
	}
	return f.Typed(v)
}

// RefreshArgs is the job that brings cards up to words that have changed.
type RefreshArgs struct{}

// Kind is the job's name.
func (RefreshArgs) Kind() string { return "settings_refresh" }

// perRefresh is how many cards are rebuilt in one transaction.
const perRefresh = 500

// Refresh rebuilds the cards whose words have changed, all of them, a few at a
// time. It may run twice at once.
func Refresh(ctx context.Context, db postgres.Beginner) error {
	for {
		n := 0
		err := postgres.InTx(ctx, db, func(tx pgx.Tx) (err error) {
			n, err = catalog.RefreshNext(ctx, tx, perRefresh)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// AddWorkers registers the job.
func AddWorkers(w *river.Workers, db postgres.Beginner) {
	river.AddWorker(w, river.WorkFunc(func(ctx context.Context, _ *river.Job[RefreshArgs]) error { return Refresh(ctx, db) }))
}

// today is the day that t is on, as a Day field has it.
func today(t time.Time) string { return t.Format(time.DateOnly) }
