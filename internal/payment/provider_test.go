package payment

import (
	"math"
	"strings"
	"testing"

	"kissaria.ma/internal/money"
)

func TestRequestCheck(t *testing.T) {
	line := func(quantity int, unit money.Amount) Line { return Line{Title: "Rug", Quantity: quantity, Unit: unit} }
	tests := []struct {
		name   string
		change func(*Request)
		fault  string // what the error speaks of; "" for none
	}{
		{"adds up", func(*Request) {}, ""},
		{"free postage", func(r *Request) { r.Lines = append(r.Lines, line(1, money.Dirhams(0))) }, ""},
		{"a centime short", func(r *Request) { r.Total = money.Centimes(2_250_01) }, "lines come to"},
		{"no lines", func(r *Request) { r.Lines = nil }, "lines come to"},
		{"nothing to pay", func(r *Request) { r.Lines, r.Total = nil, money.Dirhams(0) }, "total is"},
		{"another currency", func(r *Request) { r.Lines[0].Unit.Currency = money.EUR }, "in EUR"},
		{"a discount", func(r *Request) { r.Lines[0].Unit = money.Centimes(-1) }, "line 0"},
		{"none of it", func(r *Request) { r.Lines[0].Quantity = 0 }, "line 0"},
		{"no title", func(r *Request) { r.Lines[1].Title = " " }, "line 1"},
		{"more than there is", func(r *Request) { r.Lines[1] = line(3, money.Centimes(math.MaxInt64/2)) }, "too much"},
		{"no key", func(r *Request) { r.Key = "" }, "key"},
		{"a key too long", func(r *Request) { r.Key = strings.Repeat("k", 256) }, "key"},
		{"no token", func(r *Request) { r.PaymentToken = "" }, "token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Request{
				Key: "k", PaymentToken: "t", Total: money.Dirhams(2_250),
				Lines: []Line{line(1, money.Dirhams(2_200)), line(2, money.Dirhams(25))},
			}
			tt.change(&r)
			err := r.check()
			switch {
			case tt.fault == "" && err != nil:
				t.Errorf("check: %v, want no error", err)
			case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
				t.Errorf("check: %v, want an error that speaks of %q", err, tt.fault)
			}
		})
	}
}
