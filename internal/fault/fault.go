// Package fault names what can go wrong that a visitor can be told about.
// Everything else is a bug, and is for us.
package fault

import (
	"errors"
	"maps"
	"slices"
)

// Kind says what sort of fault it is; web gives each kind its HTTP status.
type Kind int

const (
	Invalid   Kind = iota + 1 // the form needs mending; Fields says where
	SignedOut                 // someone must sign in first
	Forbidden
	NotFound
	Conflict // something changed meanwhile
	Malformed
	TooLarge
	TooMany
	Busy // a part of the market is away for now
)

// Kinds lists every kind, for the test that each has a status.
var Kinds = []Kind{Invalid, SignedOut, Forbidden, NotFound, Conflict, Malformed, TooLarge, TooMany, Busy}

// A Fault is an error with words for the visitor: a key of the message
// catalogues and what the message speaks of.
type Fault struct {
	Kind   Kind
	Key    string
	Args   []any
	Fields map[string]Message // by the form's field name, for Invalid
}

// Message is a message key with its arguments.
type Message struct {
	Key  string
	Args []any
}

// keys collects the key of every declared fault, for the test that each has a
// message in every language.
var keys []string

// New declares a fault. Call it for package variables only.
func New(kind Kind, key string) *Fault {
	keys = append(keys, key)
	return &Fault{Kind: kind, Key: key}
}

// Keys returns the message keys of all declared faults.
func Keys() []string { return slices.Clone(keys) }

func (f *Fault) Error() string {
	if len(f.Fields) == 0 {
		return f.Key
	}
	s := f.Key
	for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
		s += " " + name + "=" + f.Fields[name].Key
	}
	return s
}

// With returns a copy of f that speaks of args. errors.Is still finds f.
func (f *Fault) With(args ...any) *Fault {
	c := *f
	c.Args = args
	return &c
}

// Is reports whether target is the same fault, whatever it speaks of.
func (f *Fault) Is(target error) bool {
	t := (*Fault)(nil)
	return errors.As(target, &t) && t.Kind == f.Kind && t.Key == f.Key
}

// Form gathers what is wrong in a form, field by field.
type Form struct{ fields map[string]Message }

// Wrong notes what is wrong with a field. The first fault of a field stays.
func (f *Form) Wrong(field, key string, args ...any) {
	if f.fields == nil {
		f.fields = map[string]Message{}
	}
	if _, ok := f.fields[field]; !ok {
		f.fields[field] = Message{key, args}
	}
}

// Err returns nil for a form without faults, and otherwise an Invalid fault
// with all of them.
func (f *Form) Err() error {
	if len(f.fields) == 0 {
		return nil
	}
	return &Fault{Kind: Invalid, Key: "error.form", Fields: f.fields}
}
