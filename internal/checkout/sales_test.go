package checkout_test

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kissaria.ma/internal/cart"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/payment/sandbox"
)

// Whatever is bought, given back in portions and folded, in whatever order, the
// sums by day, trade and country are those of the orders and their lines.
func TestSalesAreSummedAsTheyWereMade(t *testing.T) {
	k := openCounter(t)
	ctx := t.Context()
	skus := []string{"KIS-0011", "KIS-0024-RED", "KIS-0004-8YRS"}
	var admin identity.AccountID
	if err := k.pool.QueryRow(ctx, `SELECT account_id FROM account_roles WHERE role = 'admin' LIMIT 1`).Scan(&admin); err != nil {
		t.Fatal(err)
	}
	returned := 0
	rapid.Check(t, func(rt *rapid.T) {
		must := func(err error) {
			rt.Helper()
			if err != nil {
				rt.Fatal(err)
			}
		}
		if _, err := k.pool.Exec(ctx, `
			WITH filled AS (UPDATE variants SET on_hand = held + 40 WHERE sku = ANY ($1) RETURNING product_id)
			UPDATE cards c SET on_hand = held + 40 FROM filled f WHERE f.product_id = c.product_id`, skus); err != nil {
			rt.Fatal(err)
		}
		var paid []string
		rt.Repeat(map[string]func(*rapid.T){
			"buy": func(rt *rapid.T) {
				var lines []cart.Line
				for _, sku := range skus {
					if n := rapid.IntRange(0, 2).Draw(rt, sku); n > 0 {
						lines = append(lines, cart.Line{SKU: sku, Quantity: n})
					}
				}
				if lines == nil {
					rt.Skip()
				}
				o, err := k.order(ctx, cartOf(lines...))
				if errors.Is(err, checkout.ErrChanged) {
					rt.Skip() // There is no more of it.
				}
				must(err)
				_, err = k.Pay(ctx, o.ID)
				must(err)
				records, err := payment.OfOrder(ctx, k.pool, o.ID)
				must(err)
				_, err = k.sandbox.Pay(ctx, records[0].Ref, sandbox.Card{Number: "4242424242424242", Expiry: "12/39", CVC: "123"})
				must(err)
				if rapid.Bool().Draw(rt, "settled") {
					must(k.Settle(ctx, records[0].ID))
					paid = append(paid, o.Number)
				}
			},
			"give back": func(rt *rapid.T) {
				if len(paid) == 0 {
					rt.Skip()
				}
				pieces := map[string]int{}
				for _, sku := range skus {
					pieces[sku] = rapid.IntRange(0, 2).Draw(rt, sku)
				}
				err := k.GiveBack(ctx, rapid.SampledFrom(paid).Draw(rt, "order"), checkout.Return{Reason: "late", Key: rand.Text(),
					GiveBack: order.GiveBack{Pieces: pieces, Postage: rapid.Bool().Draw(rt, "postage")}}, admin)
				switch {
				case err == nil:
					returned++
				case !errors.Is(err, order.ErrTooMuchBack) && !errors.Is(err, order.ErrNothingBack) && !errors.Is(err, checkout.ErrNotPaid):
					rt.Fatal(err)
				}
			},
			"fold":         func(rt *rapid.T) { must(order.FoldSales(ctx, k.pool)) },
			"time goes by": func(*rapid.T) { k.ahead.Add(int64(17 * time.Minute)) },
			"": func(rt *rapid.T) {
				wrong, days, err := order.CheckSales(ctx, k.pool)
				must(err)
				if wrong > 0 {
					rt.Fatalf("%d sums are not those of the orders: %v", wrong, days)
				}
			},
		})
		must(order.FoldSales(ctx, k.pool))
		var rows, keys int
		must(k.pool.QueryRow(ctx, `SELECT count(*), count(DISTINCT (day, trade_id, country)) FROM daily_sales`).Scan(&rows, &keys))
		if rows != keys {
			rt.Fatalf("after folding %d rows say what %d could", rows, keys)
		}
	})
	if returned == 0 {
		t.Error("nothing was ever given back")
	}
}
