// Package money counts money in whole minor units and never in fractions.
package money

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// Currency is an ISO 4217 code.
type Currency string

// The currencies the market meets. MAD is its base: prices, orders and the
// ledger are kept in it. The others are for showing an approximate price.
const (
	MAD Currency = "MAD"
	EUR Currency = "EUR"
	USD Currency = "USD"
	GBP Currency = "GBP"
)

// Amount is a sum of money in minor units (centimes for MAD). The zero Amount
// is no money at all, and can be added to any other.
//
// A sum across two currencies has no answer, so taking one panics, as an index
// out of range does. An order is held to one currency before anything in it is
// added up.
type Amount struct {
	Minor    int64
	Currency Currency
}

// Centimes returns n hundredths of a dirham.
func Centimes(n int64) Amount { return Amount{n, MAD} }

// Dirhams returns n whole dirhams.
func Dirhams(n int64) Amount { return Amount{n * 100, MAD} }

// IsZero reports whether a is no money, in whatever currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// String is for logs and test failures; what visitors read comes from lang.
func (a Amount) String() string {
	sign, minor := "", a.Minor
	if minor < 0 {
		sign, minor = "-", -minor
	}
	return fmt.Sprintf("%s%d.%02d %s", sign, minor/100, minor%100, a.Currency)
}

// Plus returns a + b.
func (a Amount) Plus(b Amount) Amount {
	switch {
	case a == Amount{}:
		return b
	case b == Amount{}:
		return a
	case a.Currency != b.Currency:
		panic(fmt.Sprintf("money: %s plus %s", a.Currency, b.Currency))
	}
	return Amount{a.Minor + b.Minor, a.Currency}
}

// Minus returns a - b.
func (a Amount) Minus(b Amount) Amount { return a.Plus(b.Negated()) }

// Negated returns -a.
func (a Amount) Negated() Amount { return Amount{-a.Minor, a.Currency} }

// Times returns the price of n pieces at a each.
func (a Amount) Times(n int) Amount { return Amount{a.Minor * int64(n), a.Currency} }

// Compare orders two amounts of one currency.
func (a Amount) Compare(b Amount) int { return cmp.Compare(a.Minus(b).Minor, 0) }

// Share splits a into the union's share, in basis points, and the artisan's
// rest. The union's share is rounded down: the odd centime is the artisan's.
func (a Amount) Share(basisPoints int) (share, rest Amount) {
	minor := a.Minor * int64(basisPoints) / 10_000
	return Amount{minor, a.Currency}, Amount{a.Minor - minor, a.Currency}
}

// ErrNoWeight is returned by Split when there is nothing to split by.
var ErrNoWeight = errors.New("money: nothing to split by")

// Split divides a in proportion to weights, which are not negative. The parts
// add up to a exactly: each is rounded towards zero, and the minor units left
// over go one each to the largest fractions, the earlier part first on a tie.
func (a Amount) Split(weights []int64) ([]Amount, error) {
	var total uint64
	for _, w := range weights {
		if w < 0 {
			return nil, fmt.Errorf("money: split by the negative weight %d", w)
		}
		total += uint64(w)
	}
	if total == 0 {
		return nil, ErrNoWeight
	}
	sign, minor := int64(1), a.Minor
	if minor < 0 {
		sign, minor = -1, -minor
	}
	parts := make([]Amount, len(weights))
	rests := make([]uint64, len(weights))
	order := make([]int, len(weights))
	left := minor
	for i, w := range weights {
		hi, lo := bits.Mul64(uint64(minor), uint64(w))
		part, rest := bits.Div64(hi, lo, total)
		parts[i] = Amount{int64(part), a.Currency}
		rests[i], order[i] = rest, i
		left -= int64(part)
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(rests[j], rests[i]) })
	for _, i := range order[:left] {
		parts[i].Minor++
	}
	for i := range parts {
		parts[i].Minor *= sign
	}
	return parts, nil
}

// Rate is how many minor units of the market's currency one whole unit of
// another costs, in ten-thousandths: 10.70 MAD for a euro is 107_000 when both
// currencies have two decimals.
type Rate struct {
	Currency Currency
	PerUnit  int64 // MAD per unit × 10 000
}

// Approximate returns about how much a, in MAD, comes to in the rate's
// currency, rounded half to even. It is an indication and never booked.
func (r Rate) Approximate(a Amount) Amount {
	if r.PerUnit <= 0 {
		return Amount{0, r.Currency}
	}
	return Amount{halfEven(a.Minor*10_000, r.PerUnit), r.Currency}
}

// halfEven returns n/d rounded to the nearest whole, and to the even one of two
// that are equally near. d is positive.
func halfEven(n, d int64) int64 {
	q, r := n/d, n%d
	if r < 0 {
		q, r = q-1, r+d
	}
	switch twice := 2 * r; {
	case twice > d, twice == d && q%2 != 0:
		return q + 1
	}
	return q
}
