package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

func TestCardCheck(t *testing.T) {
	now := time.Date(2026, time.March, 31, 23, 0, 0, 0, time.UTC)
	good := Card{Number: "4242 4242 4242 4242", Expiry: "03/26", CVC: "123"}
	with := func(change func(*Card)) Card { c := good; change(&c); return c }
	tests := []struct {
		name  string
		card  Card
		wrong []string
	}{
		{"good to its last day", good, nil},
		{"hyphens", with(func(c *Card) { c.Number = "4242-4242-4242-4242" }), nil},
		{"an Arabic keyboard", with(func(c *Card) {
			c.Number, c.Expiry, c.CVC = "٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢", "٠٤/٢٦", "١٢٣"
		}), nil},
		{"spaces around the month", with(func(c *Card) { c.Expiry = "04 / 27" }), nil},
		{"a year in full", with(func(c *Card) { c.Expiry = "4/2027" }), nil},
		{"American Express has four digits", with(func(c *Card) { c.Number, c.CVC = "378282246310005", "1234" }), nil},
		{"a digit mistyped", with(func(c *Card) { c.Number = "4242424242424241" }), []string{"number"}},
		{"too short", with(func(c *Card) { c.Number = "42" }), []string{"number"}},
		{"not digits", with(func(c *Card) { c.Number = "4242 4242 4242 424x" }), []string{"number"}},
		{"last month", with(func(c *Card) { c.Expiry = "02/26" }), []string{"expiry"}},
		{"thirteenth month", with(func(c *Card) { c.Expiry = "13/27" }), []string{"expiry"}},
		{"month zero", with(func(c *Card) { c.Expiry = "00/27" }), []string{"expiry"}},
		{"no slash", with(func(c *Card) { c.Expiry = "0427" }), []string{"expiry"}},
		{"a century off", with(func(c *Card) { c.Expiry = "04/2126" }), []string{"expiry"}},
		{"two digits of three", with(func(c *Card) { c.CVC = "12" }), []string{"cvc"}},
		{"nothing filled in", Card{}, []string{"cvc", "expiry", "number"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, wrong := tt.card.check(now)
			if got := slices.Sorted(maps.Keys(wrong)); !slices.Equal(got, tt.wrong) {
				t.Errorf("wrong are %v, want %v", got, tt.wrong)
			}
		})
	}
}

func TestTestCardsAreCards(t *testing.T) {
	for number := range verdicts {
		if !luhn(number) || brand(number) == "unknown" {
			t.Errorf("%s: Luhn %v, brand %s", number, luhn(number), brand(number))
		}
	}
}

func TestCardIsNotPrinted(t *testing.T) {
	c := Card{Number: "4242424242424242", CVC: "987"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, c); got != "card" {
			t.Errorf("a card printed with %s is %q", format, got)
		}
	}
}

func TestFee(t *testing.T) {
	tests := []struct{ amount, want int64 }{
		{0, 300},
		{100, 303},      // 2.9
		{225_000, 6825}, // 6525
		{500, 314},      // 14.5, to the even 14
		{1500, 344},     // 43.5, to the even 44
	}
	for _, tt := range tests {
		if got := fee(tt.amount); got != tt.want {
			t.Errorf("fee(%d) = %d, want %d", tt.amount, got, tt.want)
		}
	}
}
