package web

import (
	"errors"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/lang"
)

// A Form is what a visitor sent, and what is wrong with it: everything typed
// is kept, and each fault stands beside its field.
type Form struct {
	lang  *lang.Language
	value map[string]string
	wrong map[string]fault.Message
	Sent  bool
}

// maxValue bounds one field, in bytes; no field of ours needs more.
const maxValue = 4000

// EmptyForm returns a form that nobody has filled in yet.
func EmptyForm(c *gin.Context) *Form {
	return &Form{lang: Language(c), value: map[string]string{}}
}

// maxLong bounds a field that a page's whole text is typed into.
const maxLong = 60_000

// ReadForm reads the fields of a posted form. It returns ErrTooLarge or
// ErrMalformed for a body that no form of ours makes.
func ReadForm(c *gin.Context) (*Form, error) { return readForm(c, maxValue) }

// ReadLongForm is ReadForm for the office's forms of long texts.
func ReadLongForm(c *gin.Context) (*Form, error) { return readForm(c, maxLong) }

func readForm(c *gin.Context, most int) (*Form, error) {
	f := EmptyForm(c)
	f.Sent = true
	if err := c.Request.ParseForm(); err != nil {
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			return nil, ErrTooLarge
		}
		return nil, ErrMalformed
	}
	for name, values := range c.Request.PostForm {
		if len(values) == 0 || len(name) > 100 {
			continue
		}
		v := values[0]
		if len(v) > most {
			return nil, ErrTooLarge
		}
		f.value[name] = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", ""), ""))
	}
	return f, nil
}

// ReadUpload reads a form with one file in the field of that name. The file is
// nil where none was chosen; close it. It returns ErrTooLarge or ErrMalformed
// for a body that no form of ours makes.
func ReadUpload(c *gin.Context, name string) (multipart.File, error) {
	// What does not fit in a little memory waits in a file of its own.
	if err := c.Request.ParseMultipartForm(1 << 20); err != nil {
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			return nil, ErrTooLarge
		}
		return nil, ErrMalformed
	}
	file, _, err := c.Request.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) {
		return nil, nil
	}
	if err != nil {
		return nil, ErrMalformed
	}
	return file, nil
}

// An Upload is a file of a form.
type Upload struct{ header *multipart.FileHeader }

// Open opens the file; close it.
func (u Upload) Open() (multipart.File, error) {
	f, err := u.header.Open()
	if err != nil {
		return nil, fmt.Errorf("web: open upload: %w", err)
	}
	return f, nil
}

// ReadUploads reads a form with several files in the field of that name, at
// most so many; there may be none.
func ReadUploads(c *gin.Context, name string, most int) ([]Upload, error) {
	file, err := ReadUpload(c, name)
	if err != nil {
		return nil, err
	}
	if file != nil {
		if err := file.Close(); err != nil {
			return nil, fmt.Errorf("web: close upload: %w", err)
		}
	}
	var list []Upload
	if c.Request.MultipartForm != nil {
		for _, h := range c.Request.MultipartForm.File[name] {
			if h.Size > 0 && len(list) < most {
				list = append(list, Upload{h})
			}
		}
	}
	return list, nil
}

// Value returns what was typed into a field.
func (f *Form) Value(name string) string { return f.value[name] }

// Set fills in a field that nobody has typed into.
func (f *Form) Set(name, value string) { f.value[name] = value }

// Take notes the faults of err beside their fields, and reports whether err
// was such a fault.
func (f *Form) Take(err error) bool {
	e := (*fault.Fault)(nil)
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		return false
	}
	f.wrong = e.Fields
	return true
}

// TakeAt is Take for a fault that may name no field: then it stands beside this
// one.
func (f *Form) TakeAt(field string, err error) bool {
	if !f.Take(err) {
		return false
	}
	e := (*fault.Fault)(nil)
	if errors.As(err, &e) && len(e.Fields) == 0 {
		f.wrong = map[string]fault.Message{field: {Key: e.Key, Args: e.Args}}
	}
	return true
}

// Wrong returns what is wrong with a field, in the visitor's language.
func (f *Form) Wrong(name string) string {
	m, ok := f.wrong[name]
	if !ok {
		return ""
	}
	return f.lang.T(m.Key, m.Args...)
}

// Names returns the names of the fields that something was sent in, sorted.
func (f *Form) Names() []string { return slices.Sorted(maps.Keys(f.value)) }

// Failed reports whether anything is wrong.
func (f *Form) Failed() bool { return len(f.wrong) > 0 }

// A Field is partial/field: a labelled input with its hint and its fault.
type Field struct {
	Name, Label, Hint, Value, Wrong string
	ID                              string // its name, unless two of the page are called the same
	Type                            string // text where empty
	Autocomplete                    string
	InputMode                       string
	Dir                             string // ltr for what always is
	Class                           string
	Icon                            string // beside the label, for who reads little
	MaxLength                       int
	Required                        bool
	Autofocus                       bool // for the one question of a page
	Described                       string
}

// Field makes a field of the form. Its label is the message key+name, its hint
// key+name+".hint" where there is one.
func (f *Form) Field(key, name, autocomplete string, more ...func(*Field)) Field {
	return f.FieldOf(key+"."+name, name, autocomplete, more...)
}

// FieldOf makes one of several fields of the same label.
func (f *Form) FieldOf(label, name, autocomplete string, more ...func(*Field)) Field {
	v := Field{Name: name, ID: name, Label: f.lang.T(label), Value: f.value[name], Wrong: f.Wrong(name),
		Type: "text", Autocomplete: autocomplete, MaxLength: 200}
	if hint := label + ".hint"; f.lang.Has(hint) {
		v.Hint = f.lang.T(hint)
	}
	for _, fn := range more {
		fn(&v)
	}
	var ids []string
	if v.Hint != "" {
		ids = append(ids, v.ID+"-hint")
	}
	if v.Wrong != "" {
		ids = append(ids, v.ID+"-wrong")
	}
	v.Described = strings.Join(ids, " ")
	return v
}
