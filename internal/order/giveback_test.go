package order_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
)

// Given back in whatever portions, a line comes to what it comes to at once, and
// to no more than was paid.
func TestGivingBackInPortions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := money.Centimes(rapid.Int64Range(1, 1_000_00).Draw(t, "price"))
		l := order.Line{SKU: "A", Quantity: rapid.IntRange(1, 20).Draw(t, "quantity"), Unit: unit, CommBP: rapid.IntRange(0, 10_000).Draw(t, "commission")}
		l.Total = unit.Times(l.Quantity)
		l.Commission, l.ToArtisan = l.Total.Share(l.CommBP)
		o := order.Order{Lines: []order.Line{l}, Postage: money.Centimes(0)}
		zero := money.Amount{Currency: money.MAD}
		back, commission, artisan := zero, zero, zero
		for o.Lines[0].Left() > 0 {
			n := rapid.IntRange(1, o.Lines[0].Left()).Draw(t, "portion")
			lines, total, err := o.Reckon(order.GiveBack{Pieces: map[string]int{"A": n}})
			if err != nil {
				t.Fatal(err)
			}
			g := lines[0]
			if g.Commission.Minor < 0 || g.ToArtisan.Minor < 0 || g.Commission.Plus(g.ToArtisan).Compare(total) != 0 {
				t.Fatalf("%v is shared as %v and %v", total, g.Commission, g.ToArtisan)
			}
			back, commission, artisan = back.Plus(total), commission.Plus(g.Commission), artisan.Plus(g.ToArtisan)
			o.Lines[0].Returned += n
		}
		if back != l.Total || commission != l.Commission || artisan != l.ToArtisan {
			t.Fatalf("in portions %v, %v and %v go back, of %v, %v and %v", back, commission, artisan, l.Total, l.Commission, l.ToArtisan)
		}
		if _, _, err := o.Reckon(order.GiveBack{Pieces: map[string]int{"A": 1}}); !errors.Is(err, order.ErrTooMuchBack) {
			t.Fatalf("one more = %v", err)
		}
	})
}
