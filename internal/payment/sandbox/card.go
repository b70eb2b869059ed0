package sandbox

import (
	"strconv"
	"strings"
	"time"
)

// A Card is what a buyer types into the payment page. Neither the number nor
// the code outlives the call that it is given to, and the name is not looked
// at: the page asks for it because Stripe's does.
type Card struct {
	Number string // digits, spaced as the buyer likes
	Expiry string // MM/YY
	CVC    string
	Name   string
}

// String keeps a card out of logs.
func (Card) String() string { return "card" }

// GoString keeps a card out of logs.
func (Card) GoString() string { return "card" }

// What can be wrong with a field, in Stripe's words.
const (
	IncorrectNumber = "incorrect_number"
	InvalidExpiry   = "invalid_expiry" // not a month, or one that has passed
	InvalidCVC      = "invalid_cvc"
)

// Why a card is declined, in Stripe's words.
const (
	GenericDecline    = "generic_decline"
	InsufficientFunds = "insufficient_funds"
	LostCard          = "lost_card"
	StolenCard        = "stolen_card"
	VelocityExceeded  = "card_velocity_exceeded"
	ExpiredCard       = "expired_card"
	IncorrectCVC      = "incorrect_cvc"
	ProcessingError   = "processing_error"

	// TestCardsOnly is for a card that may be somebody's. The sandbox takes
	// Stripe's published test numbers and no others.
	TestCardsOnly = "test_mode_live_card"

	// NotAuthenticated is for a buyer who did not confirm to the bank.
	NotAuthenticated = "payment_intent_authentication_failure"
)

// A verdict is what happens to a test card.
type verdict struct {
	challenge bool // the bank asks its customer first: 3-D Secure
	failure        // why the card is declined after that; none when it is charged
}

var (
	charged = verdict{}
	asked   = verdict{challenge: true}
)

// declined is the verdict on a card that the bank refuses.
func declined(why string) verdict { return verdict{failure: failure{"card_declined", why}} }

// failed is the verdict on a card for which Stripe has a code of its own.
func failed(code string) verdict { return verdict{failure: failure{Code: code}} }

// verdicts are the test cards that Stripe documents, as it documents them.
var verdicts = map[string]verdict{
	"4242424242424242": charged, // Visa
	"4000056655665556": charged, // Visa debit
	"5555555555554444": charged, // Mastercard
	"2223003122003222": charged, // Mastercard, 2-series
	"5200828282828210": charged, // Mastercard debit
	"5105105105105100": charged, // Mastercard prepaid
	"378282246310005":  charged, // American Express
	"371449635398431":  charged, // American Express
	"6011111111111117": charged, // Discover
	"6011000990139424": charged, // Discover
	"3056930009020004": charged, // Diners Club
	"36227206271667":   charged, // Diners Club, 14 digits
	"3566002020360505": charged, // JCB
	"6200000000000005": charged, // UnionPay

	"4000002500003155": asked,
	"4000002760003184": asked,
	"4000000000003220": asked,
	"4000008260003178": {challenge: true, failure: failure{"card_declined", InsufficientFunds}},

	"4000000000000002": declined(GenericDecline),
	"4000000000009995": declined(InsufficientFunds),
	"4000000000009987": declined(LostCard),
	"4000000000009979": declined(StolenCard),
	"4000000000006975": declined(VelocityExceeded),
	"4000000000000069": failed(ExpiredCard),
	"4000000000000127": failed(IncorrectCVC),
	"4000000000000119": failed(ProcessingError),
}

// check returns what is wrong with the card by field, number, expiry or cvc,
// and the number in plain digits.
func (c Card) check(now time.Time) (number string, wrong map[string]string) {
	wrong = map[string]string{}
	number = digits(c.Number)
	if len(number) < 12 || len(number) > 19 || !luhn(number) {
		wrong["number"] = IncorrectNumber
	}
	if !validExpiry(c.Expiry, now) {
		wrong["expiry"] = InvalidExpiry
	}
	want := 3
	if brand(number) == "amex" {
		want = 4
	}
	if len(digits(c.CVC)) != want {
		wrong["cvc"] = InvalidCVC
	}
	return number, wrong
}

// digits returns s in 0 to 9, without spaces and hyphens, or "" when there is
// anything else in it. An Arabic keyboard may type other digits than ours.
func digits(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case '٠' <= r && r <= '٩':
			b.WriteRune('0' + r - '٠')
		case '۰' <= r && r <= '۹':
			b.WriteRune('0' + r - '۰')
		case r == ' ', r == '-', r == '\u00a0', r == '\u202f':
		default:
			return ""
		}
	}
	return b.String()
}

// luhn reports whether the last digit is the one that the others call for,
// which catches a digit mistyped and two swapped.
func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// validExpiry reports whether s is a month, MM/YY or MM/YYYY, that is not over
// yet, and not further off than cards are made for.
func validExpiry(s string, now time.Time) bool {
	left, right, ok := strings.Cut(s, "/")
	left, right = digits(left), digits(right)
	if !ok || left == "" || len(left) > 2 || len(right) != 2 && len(right) != 4 {
		return false
	}
	month, errMonth := strconv.Atoi(left)
	year, errYear := strconv.Atoi(right)
	if errMonth != nil || errYear != nil || month < 1 || month > 12 {
		return false
	}
	if len(right) == 2 {
		year += 2000
	}
	over := time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC)
	return now.Before(over) && year <= now.Year()+50
}

// brand names who issued a card, by how its number begins.
func brand(number string) string {
	for _, b := range []struct{ name, prefixes string }{
		{"visa", "4"},
		{"mastercard", "51 52 53 54 55 22 23 24 25 26 27"},
		{"amex", "34 37"},
		{"discover", "6011 65"},
		{"diners", "30 36 38"},
		{"jcb", "35"},
		{"unionpay", "62"},
	} {
		for _, prefix := range strings.Fields(b.prefixes) {
			if strings.HasPrefix(number, prefix) {
				return b.name
			}
		}
	}
	return "unknown"
}
