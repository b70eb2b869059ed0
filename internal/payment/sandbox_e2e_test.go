package payment_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kissaria.ma/internal/money"
	"kissaria.ma/internal/payment"
	"kissaria.ma/internal/payment/sandbox"
)

const (
	secretKey     = "sk_test_ours"
	webhookSecret = "whsec_ours"
)

// A market is the whole way of money: Stripe's client in front, the sandbox
// behind it, real HTTP between them, and an endpoint that hears the events.
type market struct {
	*payment.Stripe
	sandbox *sandbox.Server
	events  chan payment.Event
	wire    *wire
	later   atomic.Int64 // how far the clock of both sides is ahead, nanoseconds
}

func (m *market) now() time.Time { return time.Now().Add(time.Duration(m.later.Load())) }

// wire is the way to the sandbox. It can lose an answer.
type wire struct {
	http.RoundTripper
	mu   sync.Mutex
	lose int // how many answers to lose, after the sandbox has given them
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lose == 0 {
		return resp, nil
	}
	w.lose--
	_, err = io.Copy(io.Discard, resp.Body)
	return nil, errors.Join(err, resp.Body.Close(), io.ErrUnexpectedEOF)
}

func openMarket(t *testing.T) *market {
	t.Helper()
	m := &market{events: make(chan payment.Event, 100)}
	quiet := slog.New(slog.DiscardHandler)

	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		event, err := m.Event(body, r.Header.Get("Stripe-Signature"))
		if err != nil {
			t.Errorf("a webhook of the sandbox is refused: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m.events <- event
	}))
	t.Cleanup(hook.Close)

	var err error
	m.sandbox, err = sandbox.New(sandbox.Config{
		SecretKey:     secretKey,
		WebhookSecret: webhookSecret,
		WebhookURL:    hook.URL,
		PayURL:        "http://market.test/sandbox/pay",
		Now:           m.now,
		Log:           quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(m.sandbox.Handler())
	t.Cleanup(api.Close)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- m.sandbox.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})

	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	m.wire = &wire{RoundTripper: transport}
	m.Stripe = payment.NewStripe(payment.StripeConfig{
		SecretKey:     secretKey,
		WebhookSecret: webhookSecret,
		URL:           api.URL,
		HTTPClient:    &http.Client{Transport: m.wire, Timeout: 5 * time.Second},
		Now:           m.now,
		Log:           quiet,
	})
	return m
}

// rug asks 2 250.00 MAD for a rug and its postage.
func rug(key string) payment.Request {
	return payment.Request{
		Key:          key,
		Order:        "K-7M4Q2",
		PaymentToken: "pay_" + key,
		Lines: []payment.Line{
			{Title: "Tapis زربية", Quantity: 1, Unit: money.Dirhams(2_200)},
			{Title: "Postage", Quantity: 2, Unit: money.Dirhams(25)},
		},
		Total:      money.Dirhams(2_250),
		Email:      "buyer@example.com",
		Locale:     "ar",
		SuccessURL: "http://market.test/ar/orders/o?session={CHECKOUT_SESSION_ID}",
		CancelURL:  "http://market.test/ar/orders/o",
		ExpiresAt:  time.Now().Add(45 * time.Minute).Truncate(time.Second),
	}
}

func (m *market) open(t *testing.T, r payment.Request) payment.Session {
	t.Helper()
	opened, err := m.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func (m *market) look(t *testing.T, ref string) payment.Status {
	t.Helper()
	status, err := m.Look(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func (m *market) pay(t *testing.T, ref, number string) sandbox.Outcome {
	t.Helper()
	out, err := m.sandbox.Pay(t.Context(), ref, sandbox.Card{Number: number, Expiry: "12/49", CVC: "123", Name: "A Buyer"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// hear waits for n events and returns them in the order of their types.
func (m *market) hear(t *testing.T, n int) []payment.Event {
	t.Helper()
	var heard []payment.Event
	for range n {
		select {
		case e := <-m.events:
			heard = append(heard, e)
		case <-time.After(5 * time.Second):
			t.Fatalf("heard %+v, want %d events", heard, n)
		}
	}
	slices.SortFunc(heard, func(a, b payment.Event) int { return strings.Compare(a.Type, b.Type) })
	return heard
}

// The whole way: opened, paid, heard of, looked at, given back.
func TestMoneyGoesItsWay(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	request := rug("k1")
	opened := m.open(t, request)
	if want := "http://market.test/sandbox/pay/" + opened.Ref; opened.Next.URL != want || opened.Next.Form != nil {
		t.Errorf("the buyer goes to %+v, want a redirect to %s", opened.Next, want)
	}
	if !opened.ExpiresAt.Equal(request.ExpiresAt) {
		t.Errorf("it expires at %v, want %v", opened.ExpiresAt, request.ExpiresAt)
	}
	if got := m.look(t, opened.Ref); got.State != payment.Open || got.Intent != "" || got.PaymentToken != "pay_k1" ||
		got.Amount != request.Total || got.Fee != (money.Amount{}) || !got.PaidAt.IsZero() {
		t.Errorf("before it is paid it is %+v", got)
	}
	page, err := m.sandbox.Session(opened.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if page.Metadata["language"] != "ar" || page.Locale != "auto" || page.Lines[0].Title != "Tapis زربية" {
		t.Errorf("the payment page shows %+v", page)
	}

	if out := m.pay(t, opened.Ref, "4242 4242 4242 4242"); out.Result != sandbox.Paid {
		t.Fatalf("paying it: %+v", out)
	}
	paid := m.look(t, opened.Ref)
	if paid.State != payment.Paid || paid.Amount != request.Total || paid.Fee != money.Centimes(68_25) ||
		!paid.Refunded.IsZero() || paid.Intent == "" || time.Since(paid.PaidAt) > time.Minute {
		t.Errorf("paid it is %+v, want paid with a fee of 68.25 MAD", paid)
	}
	for i, e := range m.hear(t, 2) {
		wantType := []string{"checkout.session.completed", "payment_intent.succeeded"}[i]
		if e.Type != wantType || e.Kind != payment.EventPaid || e.Intent != paid.Intent || e.PaymentToken != "pay_k1" {
			t.Errorf("heard %+v, want %s about %s", e, wantType, paid.Intent)
		}
		if i == 0 && e.Ref != opened.Ref {
			t.Errorf("heard about %s, want %s", e.Ref, opened.Ref)
		}
		if strings.Contains(string(e.Payload), "@") {
			t.Errorf("the payload has the buyer's address: %s", e.Payload)
		}
	}

	back := payment.RefundRequest{Key: "r1", Ref: opened.Ref, Intent: paid.Intent, Order: "K-7M4Q2", PaymentToken: "pay_k1", Amount: money.Dirhams(1_000)}
	first, err := m.Refund(t.Context(), back)
	if err != nil || first.State != payment.RefundDone || first.Amount != back.Amount {
		t.Fatalf("Refund = %+v, %v; want 1 000.00 done", first, err)
	}
	if again, err := m.Refund(t.Context(), back); err != nil || again != first {
		t.Errorf("the same refund again = %+v, %v; want %+v", again, err, first)
	}
	back.Key, back.Amount = "r2", money.Dirhams(500)
	if second, err := m.Refund(t.Context(), back); err != nil || second.Ref == first.Ref {
		t.Errorf("a second refund = %+v, %v; want another", second, err)
	}
	back.Key, back.Amount = "r3", money.Centimes(750_01)
	if _, err := m.Refund(t.Context(), back); !errors.Is(err, payment.ErrTooMuch) {
		t.Errorf("a centime too much: %v, want %v", err, payment.ErrTooMuch)
	}
	back.Key, back.Amount = "r4", money.Dirhams(750)
	if _, err := m.Refund(t.Context(), back); err != nil {
		t.Errorf("the rest: %v", err)
	}
	back.Key, back.Amount = "r5", money.Centimes(1)
	if _, err := m.Refund(t.Context(), back); !errors.Is(err, payment.ErrTooMuch) {
		t.Errorf("once more: %v, want %v", err, payment.ErrTooMuch)
	}
	if got := m.look(t, opened.Ref); got.State != payment.Paid || got.Refunded != request.Total {
		t.Errorf("in the end it is %s with %v given back, want paid and all", got.State, got.Refunded)
	}
	for _, e := range m.hear(t, 6) {
		if e.Kind != payment.EventRefunded || e.Intent != paid.Intent || e.PaymentToken != "pay_k1" {
			t.Errorf("heard %+v, want that %s was refunded", e, paid.Intent)
		}
	}
	back.Key, back.Intent = "r6", "pi_x"
	if _, err := m.Refund(t.Context(), back); !errors.Is(err, payment.ErrNoSession) {
		t.Errorf("a refund of nothing: %v, want %v", err, payment.ErrNoSession)
	}
}

func TestDeclinedCardLeavesTheSessionOpen(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	opened := m.open(t, rug("k1"))
	if out := m.pay(t, opened.Ref, "4000000000009995"); out.Result != sandbox.Declined || out.Decline != sandbox.InsufficientFunds {
		t.Fatalf("paying it: %+v, want it declined", out)
	}
	if got := m.look(t, opened.Ref); got.State != payment.Open || got.Intent == "" {
		t.Errorf("it is %+v, want open with an intent", got)
	}
	e := m.hear(t, 1)[0]
	if e.Kind != payment.EventFailed || e.PaymentToken != "pay_k1" || !strings.Contains(string(e.Payload), sandbox.InsufficientFunds) {
		t.Errorf("heard %+v, want that a try failed and why: %s", e, e.Payload)
	}
	if out := m.pay(t, opened.Ref, "5555555555554444"); out.Result != sandbox.Paid {
		t.Errorf("paying with another card: %+v", out)
	}
}

func TestThreeDSecure(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	opened := m.open(t, rug("k1"))
	if out := m.pay(t, opened.Ref, "4000002500003155"); out.Result != sandbox.Challenge {
		t.Fatalf("paying it: %+v, want a challenge", out)
	}
	if got := m.look(t, opened.Ref); got.State != payment.Open {
		t.Errorf("while the bank asks it is %s, want open", got.State)
	}
	if out, err := m.sandbox.Confirm(t.Context(), opened.Ref, true); err != nil || out.Result != sandbox.Paid {
		t.Fatalf("Confirm = %+v, %v; want paid", out, err)
	}
	if got := m.look(t, opened.Ref); got.State != payment.Paid {
		t.Errorf("afterwards it is %s, want paid", got.State)
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	opened := m.open(t, rug("k1"))
	for range 2 { // the second time it has expired already
		if err := m.Expire(t.Context(), opened.Ref); err != nil {
			t.Errorf("Expire: %v", err)
		}
	}
	if got := m.look(t, opened.Ref); got.State != payment.Expired {
		t.Errorf("it is %s, want expired", got.State)
	}
	if e := m.hear(t, 1)[0]; e.Kind != payment.EventExpired || e.Ref != opened.Ref {
		t.Errorf("heard %+v, want that %s expired", e, opened.Ref)
	}

	paid := m.open(t, rug("k2"))
	m.pay(t, paid.Ref, "4242424242424242")
	if err := m.Expire(t.Context(), paid.Ref); !errors.Is(err, payment.ErrPaid) {
		t.Errorf("Expire of a paid session: %v, want %v", err, payment.ErrPaid)
	}
	if err := m.Expire(t.Context(), "cs_test_x"); !errors.Is(err, payment.ErrNoSession) {
		t.Errorf("Expire of no session: %v, want %v", err, payment.ErrNoSession)
	}
	if _, err := m.Look(t.Context(), "cs_test_x"); !errors.Is(err, payment.ErrNoSession) {
		t.Errorf("Look at no session: %v, want %v", err, payment.ErrNoSession)
	}
}

// One Key opens one session, whatever is lost on the way.
func TestOpenTwiceOpensOnce(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	request := rug("k1")
	m.wire.lose = 1 // stripe-go tries again by itself
	first := m.open(t, request)
	if again := m.open(t, request); again.Ref != first.Ref {
		t.Errorf("the same request again opened %s, want %s", again.Ref, first.Ref)
	}
	request.Email = "someone@example.com"
	if _, err := m.Open(t.Context(), request); !errors.Is(err, payment.ErrKeyReused) {
		t.Errorf("another request with the key: %v, want %v", err, payment.ErrKeyReused)
	}
	if other := m.open(t, rug("k2")); other.Ref == first.Ref {
		t.Error("another key opened the same session")
	}

	// Nothing comes back at all, and the job is run again later.
	request = rug("k3")
	m.wire.lose = 3
	if _, err := m.Open(t.Context(), request); !errors.Is(err, payment.ErrUnavailable) {
		t.Errorf("with every answer lost: %v, want %v", err, payment.ErrUnavailable)
	}
	third := m.open(t, request)
	out := m.pay(t, third.Ref, "4242424242424242")
	if out.Result != sandbox.Paid {
		t.Errorf("paying it: %+v", out)
	}
	if got := m.look(t, third.Ref); got.PaymentToken != "pay_k3" || got.State != payment.Paid {
		t.Errorf("it is %+v, want pay_k3 paid", got)
	}
}

// A refund whose answer is lost gives the money back once.
func TestRefundWithoutAnAnswerIsMadeOnce(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	opened := m.open(t, rug("k1"))
	m.pay(t, opened.Ref, "4242424242424242")
	paid := m.look(t, opened.Ref)
	back := payment.RefundRequest{Key: "r1", Intent: paid.Intent, Order: "K-7M4Q2", PaymentToken: "pay_k1", Amount: money.Dirhams(1_000)}
	var wg sync.WaitGroup
	m.wire.lose = 2
	for range 3 {
		wg.Go(func() {
			if _, err := m.Refund(t.Context(), back); err != nil {
				t.Errorf("Refund: %v", err)
			}
		})
	}
	wg.Wait()
	if got := m.look(t, opened.Ref); got.Refunded != back.Amount {
		t.Errorf("%v was given back, want %v", got.Refunded, back.Amount)
	}
}

// Stripe forgets a key after a day. A job that comes back after that gives
// nothing back twice.
func TestRefundAskedForAgainDaysLater(t *testing.T) {
	t.Parallel()
	m := openMarket(t)
	opened := m.open(t, rug("k1"))
	m.pay(t, opened.Ref, "4242424242424242")
	back := payment.RefundRequest{Key: "r1", Intent: m.look(t, opened.Ref).Intent, Order: "K-7M4Q2", PaymentToken: "pay_k1", Amount: money.Dirhams(1_000)}
	first, err := m.Refund(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	m.hear(t, 4) // none is on its way while the clock moves
	m.later.Store(int64(3 * 24 * time.Hour))
	if again, err := m.Refund(t.Context(), back); err != nil || again != first {
		t.Errorf("three days later Refund = %+v, %v; want %+v", again, err, first)
	}
	if got := m.look(t, opened.Ref); got.Refunded != back.Amount {
		t.Errorf("%v was given back, want %v", got.Refunded, back.Amount)
	}
}
