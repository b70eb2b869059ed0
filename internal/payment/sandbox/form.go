package sandbox

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What one request may hold. Stripe's own limits are of this order; ours are
// there so that a request cannot fill the memory.
const (
	maxBody   = 256 << 10
	maxParams = 4000
	maxDepth  = 8
)

var (
	errTooManyParams = errors.New("too many parameters")
	errTooDeep       = errors.New("parameters nested too deeply")
)

// A param is a place in a form such as line_items[0][price_data][currency]:
// a value, or a level with others below it.
//
// Its methods read it and note what is wrong in the form's first problem, so
// that a whole request is read before one check at its end. They note too
// what was read: what nobody asked for is an unknown parameter, which Stripe
// refuses and so does the sandbox.
type param struct {
	path    string
	present bool
	value   string
	kids    []*param // in the order in which they came
	keys    []string // their keys
	read    bool
	problem **apiError // shared by the whole form
}

// parseForm reads a query or body in Stripe's bracket form. Of a parameter
// given twice the last one counts; an empty pair of brackets appends to a list.
func parseForm(encoded string) (*param, error) {
	root := &param{present: true, read: true, problem: new(*apiError)}
	count := 0
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		if count++; count > maxParams {
			return nil, errTooManyParams
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(rawKey)
		if err != nil {
			return nil, fmt.Errorf("parameter name: %w", err)
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, fmt.Errorf("value of %s: %w", key, err)
		}
		steps, err := splitKey(key)
		if err != nil {
			return nil, err
		}
		p := root
		for _, step := range steps {
			p = p.grow(step)
		}
		p.value = value
	}
	return root, root.wellFormed()
}

// splitKey takes a[b][c] apart into a, b, c.
func splitKey(key string) ([]string, error) {
	name, rest, nested := strings.Cut(key, "[")
	if name == "" || strings.Contains(name, "]") {
		return nil, fmt.Errorf("malformed parameter name %q", key)
	}
	steps := []string{name}
	for nested {
		if len(steps) == maxDepth {
			return nil, errTooDeep
		}
		step, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(step, "[") {
			return nil, fmt.Errorf("malformed parameter name %q", key)
		}
		steps = append(steps, step)
		if after == "" {
			break
		}
		if after[0] != '[' {
			return nil, fmt.Errorf("malformed parameter name %q", key)
		}
		rest = after[1:]
	}
	return steps, nil
}

// grow returns the param below p under key, made if need be.
func (p *param) grow(key string) *param {
	if key == "" {
		key = strconv.Itoa(len(p.kids))
	}
	if i := slices.Index(p.keys, key); i >= 0 {
		return p.kids[i]
	}
	kid := &param{path: p.below(key), present: true, problem: p.problem}
	p.kids, p.keys = append(p.kids, kid), append(p.keys, key)
	return kid
}

func (p *param) below(key string) string {
	if p.path == "" {
		return key
	}
	return p.path + "[" + key + "]"
}

// wellFormed refuses a parameter that is both a value and a level.
func (p *param) wellFormed() error {
	if p.value != "" && len(p.kids) > 0 {
		return fmt.Errorf("parameter %s is both a value and a list", p.path)
	}
	for _, kid := range p.kids {
		if err := kid.wellFormed(); err != nil {
			return err
		}
	}
	return nil
}

// leaves calls visit for every value, in the order in which they came.
func (p *param) leaves(visit func(*param)) {
	if len(p.kids) == 0 && p.path != "" {
		visit(p)
	}
	for _, kid := range p.kids {
		kid.leaves(visit)
	}
}

// canonical spells the form in the one way that forms of the same meaning
// share, which is how a repeated request is told from a different one.
func (p *param) canonical() string {
	values := url.Values{}
	p.leaves(func(leaf *param) { values.Set(leaf.path, leaf.value) })
	return values.Encode()
}

// wrong notes a problem, unless there is one already.
func (p *param) wrong(code, format string, args ...any) {
	if *p.problem == nil {
		*p.problem = invalid(code, p.path, format, args...)
	}
}

// check returns the first problem that reading the form has met, or the first
// parameter that was never asked for.
func (p *param) check() *apiError {
	p.leaves(func(leaf *param) {
		if !leaf.read {
			leaf.wrong("parameter_unknown", "Received unknown parameter: %s", leaf.path)
		}
	})
	return *p.problem
}

// at returns the param below p under key. One that was not sent is absent, and
// reads as nothing.
func (p *param) at(key string) *param {
	if i := slices.Index(p.keys, key); i >= 0 {
		return p.kids[i]
	}
	return &param{path: p.below(key), problem: p.problem}
}

// must notes an absent or empty param as missing.
func (p *param) must() *param {
	if !p.present || p.value == "" && len(p.kids) == 0 {
		p.wrong("parameter_missing", "Missing required param: %s.", p.path)
	}
	return p
}

// text returns the value, which may be longest bytes long.
func (p *param) text(longest int) string {
	p.read = true
	if len(p.kids) > 0 {
		p.wrong("parameter_invalid_string", "Invalid string: %s is a list", p.path)
	}
	if len(p.value) > longest {
		p.wrong("parameter_invalid_string", "Invalid string: %s is longer than %d", p.path, longest)
		return ""
	}
	return p.value
}

// number returns the value as an integer between low and high, or otherwise
// when the param is absent.
func (p *param) number(otherwise, low, high int64) int64 {
	text := p.text(20)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		p.wrong("parameter_invalid_integer", "Invalid integer: %s", text)
	case n < low || n > high:
		p.wrong("parameter_invalid_integer", "Invalid integer: %s must be between %d and %d", p.path, low, high)
	}
	return n
}

// oneOf returns the value, which must be among allowed or absent.
func (p *param) oneOf(allowed ...string) string {
	text := p.text(100)
	if text != "" && !slices.Contains(allowed, text) {
		p.wrong("", "Invalid %s: must be one of %s", p.path, strings.Join(allowed, ", "))
	}
	return text
}

// url returns the value, which must be an http or https address.
func (p *param) url() string {
	text := p.text(5000)
	if text != "" && !absoluteURL(text) {
		p.wrong("url_invalid", "Not a valid URL")
	}
	return text
}

// pairs returns metadata, within Stripe's bounds for it.
func (p *param) pairs() map[string]string {
	p.read = true
	if len(p.kids) > 50 {
		p.wrong("", "Metadata can have up to 50 keys")
		return nil
	}
	pairs := make(map[string]string, len(p.kids))
	for i, key := range p.keys {
		if len(key) > 40 {
			p.wrong("", "Metadata keys must be under 40 characters long")
		}
		pairs[key] = p.kids[i].text(500)
	}
	return pairs
}

// list returns the params below p.
func (p *param) list() []*param {
	p.read = true
	if p.value != "" {
		p.wrong("parameter_invalid_array", "Invalid array: %s is a value", p.path)
	}
	return p.kids
}

// An expansion says which ids in an answer are to be replaced by the objects
// that they name, by their paths: latest_charge.balance_transaction.
type expansion []string

// expand reads the expand parameter and refuses what is not among allowed.
// below is "data." for lists, whose expansions all start with it.
func (p *param) expand(below string, allowed ...string) expansion {
	var x expansion
	for _, item := range p.at("expand").list() {
		path, ok := strings.CutPrefix(item.text(200), below)
		if !ok || !slices.Contains(allowed, path) {
			item.wrong("", "This property cannot be expanded (%s).", item.value)
			continue
		}
		x = append(x, path)
	}
	return x
}

// into returns what is to be expanded below name, and whether name is.
func (x expansion) into(name string) (below expansion, ok bool) {
	for _, path := range x {
		head, rest, deeper := strings.Cut(path, ".")
		if head != name {
			continue
		}
		ok = true
		if deeper {
			below = append(below, rest)
		}
	}
	return below, ok
}
