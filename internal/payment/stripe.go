package payment

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"kissaria.ma/internal/money"
)

// What we write on Stripe's objects, to know them again by.
const (
	metaPayment  = "payment"  // Request.PaymentToken
	metaOrder    = "order"    // Request.Order
	metaLanguage = "language" // Request.Locale, which Stripe may not speak
	metaRefund   = "refund"   // RefundRequest.Key
)

// StripeConfig is what is needed to be paid through Stripe.
type StripeConfig struct {
	SecretKey     string
	WebhookSecret string
	URL           string // Stripe's own when empty

	// HTTPClient makes the calls. When it is nil there is one of our own, in
	// which a call may take Timeout, 10 seconds when that is zero too.
	HTTPClient *http.Client
	Timeout    time.Duration

	Now func() time.Time // time.Now when nil
	Log *slog.Logger     // slog.Default() when nil
}

// Stripe is the Provider for cards: Stripe's hosted Checkout.
//
// It knows its own address, client and log, so that two of them, in a test or
// side by side, share nothing.
type Stripe struct {
	api           *client.API
	webhookSecret string
	now           func() time.Time
}

// NewStripe returns Stripe as cfg describes it. It calls nobody.
func NewStripe(cfg StripeConfig) *Stripe {
	web := cfg.HTTPClient
	if web == nil {
		web = &http.Client{Timeout: cmp.Or(cfg.Timeout, 10*time.Second)}
	}
	log := cfg.Log
	if log == nil {
		log = slog.Default()
	}
	backend := &stripe.BackendConfig{
		EnableTelemetry:   stripe.Bool(false),
		HTTPClient:        web,
		LeveledLogger:     retryLog{log},
		MaxNetworkRetries: stripe.Int64(2), // with the same key, so nothing happens twice
	}
	if cfg.URL != "" {
		backend.URL = stripe.String(cfg.URL)
	}
	s := &Stripe{
		api: client.New(cfg.SecretKey, &stripe.Backends{
			API: stripe.GetBackendWithConfig(stripe.APIBackend, backend),
		}),
		webhookSecret: cfg.WebhookSecret,
		now:           cfg.Now,
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Open opens a Checkout Session. Besides the errors of Provider it returns one
// for a request whose lines do not come to its total, without calling Stripe.
func (s *Stripe) Open(ctx context.Context, r Request) (Session, error) {
	if err := r.check(); err != nil {
		return Session{}, fmt.Errorf("payment: open session for %s: %w", r.Order, err)
	}
	metadata := map[string]string{metaPayment: r.PaymentToken, metaOrder: r.Order, metaLanguage: r.Locale}
	p := &stripe.CheckoutSessionParams{
		Mode: stripe.String(string(stripe.CheckoutSessionModePayment)),
		// Ways to pay that settle days later would outlive the reservation.
		PaymentMethodTypes: stripe.StringSlice([]string{"card"}),
		ClientReferenceID:  stripe.String(r.PaymentToken),
		Metadata:           metadata,
		PaymentIntentData: &stripe.CheckoutSessionPaymentIntentDataParams{
			Description: stripe.String(strings.TrimSpace("Kissaria " + r.Order)),
			// A charge takes its intent's metadata over, so that refund events
			// carry our reference as well.
			Metadata: metadata,
		},
		Locale:     stripe.String(stripeLocale(r.Locale)),
		SuccessURL: stripe.String(r.SuccessURL),
		ExpiresAt:  stripe.Int64(r.ExpiresAt.Unix()),
	}
	if suffix := statementSuffix(r.Order); suffix != "" {
		p.PaymentIntentData.StatementDescriptorSuffix = stripe.String(suffix)
	}
	if r.CancelURL != "" {
		p.CancelURL = stripe.String(r.CancelURL)
	}
	if r.Email != "" {
		p.CustomerEmail = stripe.String(r.Email)
	}
	for _, line := range r.Lines {
		p.LineItems = append(p.LineItems, &stripe.CheckoutSessionLineItemParams{
			Quantity: stripe.Int64(int64(line.Quantity)),
			PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
				Currency:    stripe.String(strings.ToLower(string(line.Unit.Currency))),
				UnitAmount:  stripe.Int64(line.Unit.Minor),
				ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String(line.Title)},
			},
		})
	}
	p.Context = ctx
	p.SetIdempotencyKey(r.Key)

	opened, err := s.api.CheckoutSessions.New(p)
	if err != nil {
		return Session{}, fmt.Errorf("payment: open session for %s: %w", r.Order, stripeError(err))
	}
	return Session{
		Ref:       opened.ID,
		Next:      Next{URL: opened.URL},
		ExpiresAt: time.Unix(opened.ExpiresAt, 0),
	}, nil
}

// Look asks what became of a Checkout Session, its charge and the fee, in one
// call.
func (s *Stripe) Look(ctx context.Context, ref string) (Status, error) {
	p := &stripe.CheckoutSessionParams{}
	p.Context = ctx
	p.AddExpand("payment_intent.latest_charge.balance_transaction")
	found, err := s.api.CheckoutSessions.Get(ref, p)
	if err != nil {
		return Status{}, fmt.Errorf("payment: look at session %s: %w", ref, stripeError(err))
	}
	return statusOf(found), nil
}

// statusOf reads a session. Any part of it may be missing: the intent until
// someone tries to pay, the fee until Stripe has worked it out.
func statusOf(found *stripe.CheckoutSession) Status {
	status := Status{
		State:        Open,
		Ref:          found.ID,
		PaymentToken: found.ClientReferenceID,
		Amount:       amount(found.AmountTotal, found.Currency),
		Refunded:     amount(0, found.Currency),
		ExpiresAt:    time.Unix(found.ExpiresAt, 0),
	}
	intent := found.PaymentIntent
	if intent != nil {
		status.Intent = intent.ID
	}
	switch {
	case found.PaymentStatus == stripe.CheckoutSessionPaymentStatusPaid:
		status.State = Paid
	case found.Status == stripe.CheckoutSessionStatusExpired:
		status.State = Expired
		return status
	case intent != nil && intent.Status == stripe.PaymentIntentStatusCanceled:
		status.State = Failed
		return status
	default:
		return status
	}
	if intent == nil || intent.LatestCharge == nil {
		return status
	}
	charge := intent.LatestCharge
	status.PaidAt = time.Unix(charge.Created, 0)
	status.Refunded = amount(charge.AmountRefunded, charge.Currency)
	if t := charge.BalanceTransaction; t != nil && t.Currency != "" {
		status.Fee = amount(t.Fee, t.Currency)
	}
	return status
}

// Expire closes a Checkout Session.
func (s *Stripe) Expire(ctx context.Context, ref string) error {
	p := &stripe.CheckoutSessionExpireParams{}
	p.Context = ctx
	_, err := s.api.CheckoutSessions.Expire(ref, p)
	if err == nil {
		return nil
	}
	err = stripeError(err)
	if !refused(err) {
		return fmt.Errorf("payment: expire session %s: %w", ref, err)
	}
	// Stripe refuses to expire what is not open, and says why in words that
	// are not for programs.
	found, lookErr := s.Look(ctx, ref)
	switch {
	case lookErr != nil:
		return lookErr
	case found.State == Paid:
		return fmt.Errorf("payment: expire session %s: %w", ref, ErrPaid)
	case found.State == Expired:
		return nil
	}
	return fmt.Errorf("payment: expire session %s, which is %s: %w", ref, found.State, err)
}

// Refund gives back money that Look has found paid.
//
// Stripe remembers an idempotency key for a day only, and a job may come back
// later than that, so it looks first for a refund that bears the key.
func (s *Stripe) Refund(ctx context.Context, r RefundRequest) (Refund, error) {
	if err := r.check(); err != nil {
		return Refund{}, fmt.Errorf("payment: refund for %s: %w", r.Order, err)
	}
	list := &stripe.RefundListParams{PaymentIntent: stripe.String(r.Intent)}
	list.Context = ctx
	list.Limit = stripe.Int64(100)
	made := s.api.Refunds.List(list)
	for made.Next() {
		if refund := made.Refund(); refund.Metadata[metaRefund] == r.Key {
			return refundOf(refund), nil
		}
	}
	if err := made.Err(); err != nil {
		return Refund{}, fmt.Errorf("payment: refunds of %s: %w", r.Intent, stripeError(err))
	}

	p := &stripe.RefundParams{
		PaymentIntent: stripe.String(r.Intent),
		Amount:        stripe.Int64(r.Amount.Minor),
		Metadata: map[string]string{
			metaRefund: r.Key, metaPayment: r.PaymentToken, metaOrder: r.Order,
		},
	}
	p.Context = ctx
	p.SetIdempotencyKey(r.Key)
	refund, err := s.api.Refunds.New(p)
	if err == nil {
		return refundOf(refund), nil
	}
	err = stripeError(err)
	if refused(err) {
		// The figures are plainer than Stripe's words for why it refused.
		left, lookErr := s.left(ctx, r.Intent)
		if lookErr != nil {
			return Refund{}, lookErr
		}
		if left.Currency == r.Amount.Currency && left.Minor < r.Amount.Minor {
			err = ErrTooMuch
		}
	}
	return Refund{}, fmt.Errorf("payment: refund %v for %s: %w", r.Amount, r.Order, err)
}

// left returns how much of a payment has not been given back.
func (s *Stripe) left(ctx context.Context, intent string) (money.Amount, error) {
	p := &stripe.PaymentIntentParams{}
	p.Context = ctx
	p.AddExpand("latest_charge")
	found, err := s.api.PaymentIntents.Get(intent, p)
	if err != nil {
		return money.Amount{}, fmt.Errorf("payment: look at %s: %w", intent, stripeError(err))
	}
	left := amount(found.AmountReceived, found.Currency)
	if charge := found.LatestCharge; charge != nil {
		left.Minor -= charge.AmountRefunded
	}
	return left, nil
}

func refundOf(r *stripe.Refund) Refund {
	refund := Refund{Ref: r.ID, State: RefundPending, Amount: amount(r.Amount, r.Currency)}
	switch r.Status {
	case stripe.RefundStatusSucceeded:
		refund.State = RefundDone
	case stripe.RefundStatusFailed, stripe.RefundStatusCanceled:
		refund.State = RefundFailed
	}
	return refund
}

// amount is Stripe's minor units as ours. The two agree for every currency
// that the market meets.
func amount(minor int64, currency stripe.Currency) money.Amount {
	return money.Amount{Minor: minor, Currency: money.Currency(strings.ToUpper(string(currency)))}
}

// stripeLocale returns the language of Stripe's payment page. Stripe speaks no
// Arabic, and then goes by what the buyer's browser asks for.
func stripeLocale(lang string) string {
	switch lang {
	case "en", "es", "fr":
		return lang
	}
	return "auto"
}

// statementSuffix returns an order's number as it may stand on a bank
// statement, or "" where it cannot: Stripe wants a Latin letter, plain
// characters, and no more than fit beside the union's name. The number is on
// the payment's description in any case.
func statementSuffix(order string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	order = strings.ToUpper(order)
	if len(order) > 10 || !strings.ContainsAny(order, letters) || strings.Trim(order, letters+"0123456789- ") != "" {
		return ""
	}
	return order
}
