package checkout_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"pgregory.net/rapid"

	"kissaria.ma/internal/cart"
	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/checkout"
	"kissaria.ma/internal/demo"
	"kissaria.ma/internal/mail"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/money"
	"kissaria.ma/internal/order"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/payment/sandbox"
	"kissaria.ma/internal/postgres/pgtest"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/view"
)

// A counter is a desk on the demo market with the sandbox behind it, whose
// messages the test delivers by itself: late, twice, out of order, or never.
type counter struct {
	*checkout.Desk
	pool    *pgxpool.Pool
	stripe  *payment.Stripe
	sandbox *sandbox.Server
	ahead   atomic.Int64 // nanoseconds that the test's clock is ahead
}

func (k *counter) now() time.Time { return time.Now().Add(time.Duration(k.ahead.Load())) }

func openCounter(t *testing.T) *counter {
	t.Helper()
	originals := t.TempDir()
	pool := pgtest.Clone(t, "demo", func(ctx context.Context, pool *pgxpool.Pool) error {
		store, err := media.NewFolder(originals)
		if err != nil {
			return err
		}
		jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
		if err != nil {
			return err
		}
		seal, err := union.NewSeal("for tests")
		if err != nil {
			return err
		}
		_, err = demo.Fill(ctx, demo.Market{Pool: pool, Media: &media.Library{Pool: pool, Jobs: jobs, Store: store, Log: slog.New(slog.DiscardHandler)},
			Seal: seal, Dir: "../../assets/demo"})
		return err
	})
	// The mails' words are tested where they are sent; here any will do.
	views, err := view.Load(view.Config{
		Templates: fstest.MapFS{"mail/frame.html": {Data: []byte("{{.Content}}")}, "mail/order_paid.html": {Data: []byte("{{.Heading}}")}},
		Icons:     fstest.MapFS{}, Asset: func(string) string { return "" }, Location: time.UTC,
	})
	if err != nil {
		t.Fatal(err)
	}
	address := os.Getenv("TEST_REDIS_URL")
	if address == "" {
		t.Fatal("no TEST_REDIS_URL: run `make test`")
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	r := redis.NewClient(o)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	k := &counter{pool: pool}
	k.sandbox, err = sandbox.New(sandbox.Config{SecretKey: "sk_test_counter", WebhookSecret: "whsec_counter", PayURL: "http://market.example/sandbox/pay",
		Now:     k.now,
		Deliver: func(context.Context, sandbox.Event) error { return errors.New("the test delivers") }})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: k.sandbox.Handler()}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	k.stripe = payment.NewStripe(payment.StripeConfig{SecretKey: "sk_test_counter", WebhookSecret: "whsec_counter",
		URL: "http://" + listener.Addr().String(), Now: k.now, Log: slog.New(slog.DiscardHandler)})
	k.Desk = &checkout.Desk{Pool: pool, Jobs: jobs, Provider: k.stripe, Name: "stripe", Carts: &cart.Store{Redis: r},
		Post:      &mail.Office{Pool: pool, Jobs: jobs, Views: views, From: "union@market.example"},
		PublicURL: "http://market.example", Now: k.now, Log: slog.New(slog.DiscardHandler)}
	return k
}

// cartOf is a cart as it lies in Redis, without Redis.
func cartOf(lines ...cart.Line) cart.Cart {
	return cart.Cart{ID: rand.Text(), Revision: rand.Text(), Lines: lines}
}

// order places a cart to be collected, at the price that it comes to now.
func (k *counter) order(ctx context.Context, c cart.Cart) (order.Order, error) {
	q, err := checkout.Read(ctx, k.pool, checkout.Ask{Lines: c.Lines, Now: k.now()})
	if err != nil {
		return order.Order{}, err
	}
	return k.Place(ctx, checkout.Form{Cart: c, Language: "en", Delivery: order.Collect, Agreed: q.Pieces.Plus(q.Collect.Price),
		Contact: order.Contact{Name: "A Buyer", Email: "buyer@market.example", Phone: "+34600000000"}})
}

// No interleaving of buyers, payments, messages and expiries sells a piece
// twice, loses money or unbalances the books.
func TestNothingIsSoldTwiceAndNoMoneyIsLost(t *testing.T) {
	k := openCounter(t)
	ctx := t.Context()
	skus := []string{"KIS-0011", "KIS-0024-RED", "KIS-0004-8YRS"}
	var begin stock

	rapid.Check(t, func(rt *rapid.T) {
		must := func(err error, expected ...error) {
			rt.Helper()
			if err != nil && !slices.ContainsFunc(expected, func(e error) bool { return errors.Is(err, e) }) {
				rt.Fatalf("%v", err)
			}
		}
		// Each run begins with what the last one left, and restocked.
		for _, sku := range skus {
			_, err := k.pool.Exec(ctx, `
				WITH filled AS (UPDATE variants SET on_hand = held + 2 WHERE sku = $1 RETURNING product_id, id, on_hand)
				UPDATE cards c SET on_hand = (SELECT sum(CASE WHEN v.id = f.id THEN f.on_hand ELSE v.on_hand END) FROM variants v WHERE v.product_id = c.product_id)
				FROM filled f WHERE f.product_id = c.product_id`, sku)
			must(err)
		}
		begin = k.stock(t, skus)
		var mine []order.ID
		pick := func() order.ID { return mine[rapid.IntRange(0, len(mine)-1).Draw(rt, "order")] }
		carts := []cart.Cart{}
		rt.Repeat(map[string]func(*rapid.T){
			"place": func(rt *rapid.T) {
				c := cartOf(cart.Line{SKU: rapid.SampledFrom(skus).Draw(rt, "sku"), Quantity: rapid.IntRange(1, 2).Draw(rt, "quantity")})
				o, err := k.order(ctx, c)
				must(err, checkout.ErrChanged, catalog.ErrSoldOut)
				if err == nil {
					mine, carts = append(mine, o.ID), append(carts, c)
				}
			},
			"change a placed cart": func(rt *rapid.T) {
				if len(carts) == 0 {
					rt.Skip()
				}
				c := carts[rapid.IntRange(0, len(carts)-1).Draw(rt, "cart")]
				c.Revision, c.Lines = rand.Text(), []cart.Line{{SKU: rapid.SampledFrom(skus).Draw(rt, "sku"), Quantity: 1}}
				o, err := k.order(ctx, c)
				must(err, checkout.ErrChanged, catalog.ErrSoldOut)
				if err == nil {
					mine = append(mine, o.ID)
				}
			},
			"open": func(rt *rapid.T) {
				if len(mine) == 0 {
					rt.Skip()
				}
				_, err := k.Pay(ctx, pick())
				must(err, checkout.ErrNotPayable, catalog.ErrSoldOut)
			},
			"pay": func(rt *rapid.T) {
				if len(mine) == 0 {
					rt.Skip()
				}
				records, err := payment.OfOrder(ctx, k.pool, pick())
				must(err)
				for _, r := range records {
					if r.Ref != "" {
						_, err := k.sandbox.Pay(ctx, r.Ref, sandbox.Card{Number: "4242424242424242", Expiry: "12/39", CVC: "123"})
						must(err)
					}
				}
			},
			"hear any message, again": func(rt *rapid.T) {
				events := k.sandbox.Events()
				if len(events) == 0 {
					rt.Skip()
				}
				e := events[rapid.IntRange(0, len(events)-1).Draw(rt, "event")]
				heard, err := k.stripe.Event(e.Payload, k.sandbox.Sign(e.Payload))
				must(err)
				must(k.Hear(ctx, heard))
				must(k.Apply(ctx, checkout.ApplyArgs{Provider: heard.Provider, Event: heard.ID, Ref: heard.Ref, Intent: heard.Intent, Token: heard.PaymentToken}))
			},
			"time goes by": func(rt *rapid.T) {
				k.ahead.Add(int64(time.Duration(rapid.IntRange(1, 50).Draw(rt, "minutes")) * time.Minute))
			},
			"expire": func(rt *rapid.T) {
				if len(mine) == 0 {
					rt.Skip()
				}
				must(k.Expire(ctx, pick()))
			},
			"give back": func(rt *rapid.T) { must(k.refundAll(ctx)) },
			"": func(rt *rapid.T) {
				if err := k.sane(ctx); err != nil {
					rt.Fatal(err)
				}
			},
		})
		// In the end everything is heard, expired and given back, and comes out even.
		must(k.Reconcile(ctx))
		for _, id := range mine {
			records, err := payment.OfOrder(ctx, k.pool, id)
			must(err)
			for _, r := range records {
				must(k.Settle(ctx, r.ID))
			}
		}
		k.ahead.Add(int64(2 * time.Hour))
		for _, id := range mine {
			must(k.Expire(ctx, id))
		}
		must(k.refundAll(ctx))
		must(k.sane(ctx))
		must(k.even(ctx, begin, mine))
	})
}

type stock map[string]int

func (k *counter) stock(t *testing.T, skus []string) stock {
	t.Helper()
	s := stock{}
	for _, sku := range skus {
		var n int
		if err := k.pool.QueryRow(t.Context(), `SELECT on_hand FROM variants WHERE sku = $1`, sku).Scan(&n); err != nil {
			t.Fatal(err)
		}
		s[sku] = n
	}
	return s
}

func (k *counter) refundAll(ctx context.Context) error {
	rows, err := k.pool.Query(ctx, `SELECT id FROM refunds WHERE state = 'pending'`)
	if err != nil {
		return err
	}
	var ids []payment.RefundID
	for rows.Next() {
		var id payment.RefundID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if err := k.Refund(ctx, id); err != nil {
			return err
		}
	}
	return rows.Err()
}

// sane checks what must hold at every moment.
func (k *counter) sane(ctx context.Context) error {
	checks := map[string]string{
		"what is held is not what is reserved": `
			SELECT count(*) FROM variants v WHERE v.held <> (
				SELECT coalesce(sum(r.quantity), 0) FROM reservations r WHERE r.variant_id = v.id AND r.state = 'held')`,
		"a card's stock is not its variants'": `
			SELECT count(*) FROM cards c
			JOIN (SELECT product_id, sum(on_hand)::int AS on_hand, sum(held)::int AS held FROM variants GROUP BY product_id) v
			  ON v.product_id = c.product_id
			WHERE (c.held, c.on_hand) <> (v.held, v.on_hand)`,
		"the ledger is not balanced": `SELECT count(*) FROM (SELECT FROM ledger_postings HAVING sum(amount_minor) <> 0) x`,
		"a paid order has no payment": `
			SELECT count(*) FROM orders o WHERE o.state = 'paid' AND NOT EXISTS (
				SELECT FROM payments p WHERE p.order_id = o.id AND p.state = 'paid')`,
		"a pending order holds nothing": `
			SELECT count(*) FROM orders o WHERE o.state = 'pending' AND NOT EXISTS (
				SELECT FROM reservations r WHERE r.order_id = o.id AND r.state = 'held')`,
		"an order that is over holds something": `
			SELECT count(*) FROM orders o JOIN reservations r ON r.order_id = o.id
			WHERE r.state = 'held' AND o.state <> 'pending'`,
		"money with the provider is not money in the books": `
			SELECT CASE WHEN (SELECT coalesce(sum(amount_minor), 0) FROM ledger_postings WHERE account = 'stripe')
			     = (SELECT coalesce(sum(amount_minor - refunded_minor - fee_minor), 0) FROM payments WHERE state = 'paid')
			THEN 0 ELSE 1 END`,
	}
	for what, sql := range checks {
		var n int
		if err := k.pool.QueryRow(ctx, sql).Scan(&n); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if n != 0 {
			return fmt.Errorf("%s (%d times)", what, n)
		}
	}
	if wrong, days, err := order.CheckSales(ctx, k.pool); err != nil || wrong > 0 {
		return fmt.Errorf("%d sums of sales are not those of the orders, %v: %w", wrong, days, err)
	}
	return nil
}

// even checks what must hold when all is said and done: pieces are in the
// workshop or with someone who paid, and whoever paid for nothing has it back.
func (k *counter) even(ctx context.Context, begin stock, mine []order.ID) error {
	for sku, before := range begin {
		var now, sold int
		err := k.pool.QueryRow(ctx, `
			SELECT v.on_hand, coalesce((SELECT sum(l.quantity) FROM order_lines l JOIN orders o ON o.id = l.order_id
			                            WHERE l.sku = v.sku AND o.state = 'paid' AND o.id = ANY ($2)), 0)
			FROM variants v WHERE v.sku = $1`, sku, mine).Scan(&now, &sold)
		if err != nil {
			return err
		}
		if now+sold != before {
			return fmt.Errorf("%s: of %d, %d are there and %d sold", sku, before, now, sold)
		}
	}
	var owed, unowed int64
	err := k.pool.QueryRow(ctx, `
		SELECT (SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings WHERE account = 'buyers'),
		       (SELECT coalesce(sum(p.amount_minor - p.refunded_minor), 0)::bigint FROM payments p
		        JOIN orders o ON o.id = p.order_id WHERE p.state = 'paid' AND o.state <> 'paid')`).Scan(&owed, &unowed)
	if err != nil {
		return err
	}
	if owed != 0 || unowed != 0 {
		return fmt.Errorf("buyers are owed %d centimes in the books and %d at the provider", owed, unowed)
	}
	return nil
}

// Whoever pays, the artisan's share and the union's make up the price.
func TestSharesMakeUpThePrice(t *testing.T) {
	k := openCounter(t)
	o, err := k.order(t.Context(), cartOf(cart.Line{SKU: "KIS-0011", Quantity: 1}, cart.Line{SKU: "KIS-0024-RED", Quantity: 3}))
	if err != nil {
		t.Fatal(err)
	}
	var sum money.Amount
	for _, l := range o.Lines {
		if l.Commission.Plus(l.ToArtisan) != l.Total {
			t.Errorf("%s: %v and %v do not make up %v", l.SKU, l.Commission, l.ToArtisan, l.Total)
		}
		sum = sum.Plus(l.Total)
	}
	if sum != o.Pieces || o.Pieces.Plus(o.Postage) != o.Total {
		t.Errorf("the lines come to %v, the order to %v and %v", sum, o.Pieces, o.Total)
	}
}
