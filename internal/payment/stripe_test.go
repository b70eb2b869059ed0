package payment

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kissaria.ma/internal/money"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rug asks 2 250.00 MAD for a rug and its postage.
func rug(key string) Request {
	return Request{
		Key:          key,
		Order:        "K-7M4Q2",
		PaymentToken: "pay_" + key,
		Lines: []Line{
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

// transportFunc answers calls without a network.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering returns a Stripe whose every call is answered alike, and what it
// logs.
func answering(status int, body string) (*Stripe, *bytes.Buffer) {
	logged := &bytes.Buffer{}
	return NewStripe(StripeConfig{
		SecretKey: "sk_test_ours",
		Log:       slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
		HTTPClient: &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			// 5xx would be tried again, after a while that no test has.
			header := http.Header{"Stripe-Should-Retry": {"false"}, "Request-Id": {"req_1"}}
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
		})},
	}), logged
}

func TestErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		want   error // nil for none of ours
	}{
		{"Stripe is down", 500, `{"error":{"type":"api_error","message":"oops"}}`, ErrUnavailable},
		{"something before Stripe is down", 502, `<html>buyer@example.com</html>`, ErrUnavailable},
		{"too many calls", 429, `{"error":{"type":"invalid_request_error","code":"rate_limit"}}`, ErrUnavailable},
		{"the key is in use", 409, `{"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}}`, ErrUnavailable},
		{"the key was used", 400, `{"error":{"type":"idempotency_error","message":"Keys for …"}}`, ErrKeyReused},
		{"no such thing", 404, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`, ErrNoSession},
		{"a wrong key", 401, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided"}}`, nil},
		{"a wrong parameter", 400, `{"error":{"type":"invalid_request_error","code":"email_invalid","param":"customer_email",
			"message":"Invalid email address: buyer@example.com"}}`, nil},
		{"nonsense", 200, `{"id": "cs_1", "customer_email": "buyer@example.com", `, ErrUnavailable},
	}
	ours := []error{ErrUnavailable, ErrNoSession, ErrPaid, ErrTooMuch, ErrKeyReused}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, logged := answering(tt.status, tt.body)
			_, err := s.Open(t.Context(), rug("k"))
			if err == nil {
				t.Fatal("Open: no error")
			}
			for _, one := range ours {
				if got, want := errors.Is(err, one), one == tt.want; got != want {
					t.Errorf("Open: %v; is it %q: %v, want %v", err, one, got, want)
				}
			}
			if !strings.Contains(err.Error(), "K-7M4Q2") {
				t.Errorf("Open: %v; want it to name the order", err)
			}
			// Neither the error, which will be logged, nor the log says who buys.
			if said := err.Error() + logged.String(); strings.Contains(said, "buyer@") {
				t.Errorf("the log will have the buyer's address: %s", said)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	calls := 0
	logged := &bytes.Buffer{}
	s := NewStripe(StripeConfig{
		Log: slog.New(slog.NewTextHandler(logged, nil)),
		HTTPClient: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
			calls++
			return nil, io.ErrUnexpectedEOF
		})},
	})
	if _, err := s.Open(t.Context(), rug("k")); !errors.Is(err, ErrUnavailable) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Open: %v, want %v for %v", err, ErrUnavailable, io.ErrUnexpectedEOF)
	}
	if calls != 3 || strings.Count(logged.String(), "WARN") != 2 {
		t.Errorf("%d calls were made, and the log says %q; want 3 and two warnings", calls, logged)
	}
}

func TestCallsHaveADeadline(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer server.Close()
	defer close(stuck)
	s := NewStripe(StripeConfig{URL: server.URL, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Look(ctx, "cs_1"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Look: %v, want %v for %v", err, ErrUnavailable, context.DeadlineExceeded)
	}
}

func TestOpenCallsNobodyWhenItDoesNotAddUp(t *testing.T) {
	s := NewStripe(StripeConfig{HTTPClient: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
		t.Error("Stripe was called")
		return nil, io.EOF
	})}})
	r := rug("k")
	r.Total = money.Dirhams(1)
	if _, err := s.Open(t.Context(), r); err == nil {
		t.Error("Open: no error")
	}
	if _, err := s.Refund(t.Context(), RefundRequest{Key: "k", Intent: "pi_1"}); err == nil {
		t.Error("Refund of nothing: no error")
	}
}

func TestLookReadsWhatThereIs(t *testing.T) {
	const head = `{"id":"cs_1","client_reference_id":"pay_1","amount_total":5000,"currency":"mad",`
	tests := []struct {
		name, body string
		want       State
		fee        money.Amount
	}{
		{"open", head + `"status":"open","payment_status":"unpaid"}`, Open, money.Amount{}},
		{"a try failed", head + `"status":"open","payment_status":"unpaid","payment_intent":{"id":"pi_1","status":"requires_payment_method"}}`, Open, money.Amount{}},
		{"promised", head + `"status":"complete","payment_status":"unpaid","payment_intent":{"id":"pi_1","status":"processing"}}`, Open, money.Amount{}},
		{"the promise was broken", head + `"status":"complete","payment_status":"unpaid","payment_intent":{"id":"pi_1","status":"canceled"}}`, Failed, money.Amount{}},
		{"expired", head + `"status":"expired","payment_status":"unpaid"}`, Expired, money.Amount{}},
		{"paid, nothing expanded", head + `"status":"complete","payment_status":"paid","payment_intent":"pi_1"}`, Paid, money.Amount{}},
		{"paid, no fee yet", head + `"status":"complete","payment_status":"paid","payment_intent":{"id":"pi_1","latest_charge":{"id":"ch_1","created":1,"currency":"mad"}}}`, Paid, money.Amount{}},
		{"paid into an account in euros", head + `"status":"complete","payment_status":"paid","payment_intent":{"id":"pi_1","latest_charge":{"id":"ch_1","created":1,"currency":"mad","balance_transaction":{"id":"txn_1","fee":44,"currency":"eur"}}}}`, Paid, money.Amount{Minor: 44, Currency: money.EUR}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := answering(http.StatusOK, tt.body)
			got, err := s.Look(t.Context(), "cs_1")
			if err != nil {
				t.Fatal(err)
			}
			if got.State != tt.want || got.Fee != tt.fee || got.Amount != money.Dirhams(50) || got.PaymentToken != "pay_1" {
				t.Errorf("Look = %+v, want %s with a fee of %v", got, tt.want, tt.fee)
			}
		})
	}
}

func TestStatementSuffix(t *testing.T) {
	tests := []struct{ order, want string }{
		{"K-7M4Q2", "K-7M4Q2"},
		{"k-7m4q2", "K-7M4Q2"},
		{"20260301", ""},      // Stripe wants a letter
		{"K-2026-000123", ""}, // too long to stand beside the union's name
		{"K*7", ""}, {"", ""}, // Stripe refuses the star
	}
	for _, tt := range tests {
		if got := statementSuffix(tt.order); got != tt.want {
			t.Errorf("statementSuffix(%q) = %q, want %q", tt.order, got, tt.want)
		}
	}
}
