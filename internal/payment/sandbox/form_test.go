package sandbox

import (
	"errors"
	"strings"
	"testing"
)

func TestParseForm(t *testing.T) {
	tests := []struct {
		name, form, canonical string
	}{
		{"nothing", "", ""},
		{"one value", "mode=payment", "mode=payment"},
		{"order does not matter", "b=2&a=1", "a=1&b=2"},
		{"the last of two counts", "a=1&a=2", "a=2"},
		{"levels", "line_items[0][price_data][currency]=mad", "line_items%5B0%5D%5Bprice_data%5D%5Bcurrency%5D=mad"},
		{"brackets escaped", "a%5Bb%5D=1", "a%5Bb%5D=1"},
		{"empty brackets append", "expand[]=x&expand[]=y", "expand%5B0%5D=x&expand%5B1%5D=y"},
		{"no value at all", "a", "a="},
		{"spaces and other scripts", "name=Tapis+%D8%B2%D8%B1%D8%A8%D9%8A%D8%A9", "name=Tapis+%D8%B2%D8%B1%D8%A8%D9%8A%D8%A9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, err := parseForm(tt.form)
			if err != nil {
				t.Fatalf("parseForm(%q): %v", tt.form, err)
			}
			if got := q.canonical(); got != tt.canonical {
				t.Errorf("parseForm(%q) is %q, want %q", tt.form, got, tt.canonical)
			}
		})
	}
}

func TestParseFormRefuses(t *testing.T) {
	tests := []struct{ name, form string }{
		{"a bracket left open", "a[b=1"},
		{"a bracket closed twice", "a[b]]=1"},
		{"a bracket within a bracket", "a[b[c]]=1"},
		{"no name", "[a]=1"},
		{"words after the bracket", "a[b]c=1"},
		{"a value that is a list too", "a=1&a[b]=2"},
		{"a broken escape", "a=%zz"},
		{"levels without end", "a" + strings.Repeat("[b]", 9) + "=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if q, err := parseForm(tt.form); err == nil {
				t.Errorf("parseForm(%q) is %q, want an error", tt.form, q.canonical())
			}
		})
	}
	many := strings.Repeat("a[]=1&", maxParams+1)
	if _, err := parseForm(many); !errors.Is(err, errTooManyParams) {
		t.Errorf("parseForm of %d parameters: %v, want %v", maxParams+1, err, errTooManyParams)
	}
}

func TestFormNotesTheFirstProblem(t *testing.T) {
	tests := []struct {
		name, form string
		read       func(q *param)
		code, path string
	}{
		{"missing", "", func(q *param) { q.at("mode").must() }, "parameter_missing", "mode"},
		{"missing below", "a[0][b]=1", func(q *param) {
			q.at("a").at("0").at("b").text(9)
			q.at("a").at("0").at("c").must()
		}, "parameter_missing", "a[0][c]"},
		{"not a number", "n=x", func(q *param) { q.at("n").number(0, 0, 9) }, "parameter_invalid_integer", "n"},
		{"out of bounds", "n=10", func(q *param) { q.at("n").number(0, 0, 9) }, "parameter_invalid_integer", "n"},
		{"a list for a value", "a[b]=1", func(q *param) { q.at("a").text(9) }, "parameter_invalid_string", "a"},
		{"a value for a list", "a=1", func(q *param) { q.at("a").list() }, "parameter_invalid_array", "a"},
		{"nobody asked", "a=1&b=2", func(q *param) { q.at("a").text(9) }, "parameter_unknown", "b"},
		{"not an address", "u=ftp://x", func(q *param) { q.at("u").url() }, "url_invalid", "u"},
		{"the first of two", "a=xx&b=xx", func(q *param) { q.at("b").text(1); q.at("a").text(1) }, "parameter_invalid_string", "b"},
		{"nothing", "a=1", func(q *param) { q.at("a").text(1); q.at("absent").text(1) }, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, err := parseForm(tt.form)
			if err != nil {
				t.Fatal(err)
			}
			tt.read(q)
			var got apiError
			if e := q.check(); e != nil {
				got = *e
			}
			if got.Code != tt.code || got.Param != tt.path {
				t.Errorf("%q is refused with %q at %q, want %q at %q", tt.form, got.Code, got.Param, tt.code, tt.path)
			}
		})
	}
}

// Whatever arrives, reading it ends, and spelling it out and reading that is
// the same again.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"", "a=1&b=2", "a[b][c]=1", "a[]=1&a[]=2", "a[0][b]=1&a[1][b]=2", "a=&a[b]=1", "a[1]=x&a[]=y", "a%5B%5D=%00", "[", "a[=", "&&=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		q, err := parseForm(form)
		if err != nil {
			return
		}
		canonical := q.canonical()
		again, err := parseForm(canonical)
		if err != nil {
			t.Fatalf("%q is spelt %q, which is refused: %v", form, canonical, err)
		}
		if got := again.canonical(); got != canonical {
			t.Errorf("%q is spelt %q, and that %q", form, canonical, got)
		}
	})
}
