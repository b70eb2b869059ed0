// Package payment is how the union is paid, and pays back.
//
// A payment is opened at a provider with a Request, and from then on the
// provider is the one who knows what became of it. Its messages are hints that
// may come twice, late, out of order or never, so whoever hears one asks Look.
package payment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"kissaria.ma/internal/money"
)

// A Provider is a way to be paid from afar. Every call may be made twice: a
// job that stopped half-way begins again. No call is made inside a transaction.
//
// The interface has room for a gateway that is reached by a form posted from
// the buyer's browser, as Morocco's CMI is: Open then calls nobody, and Next
// carries the form.
type Provider interface {
	// Open begins a payment and says where the buyer goes to make it. The same
	// Request again begins no other: it returns the session that it began
	// before, which may be paid or expired by now. Under the Key of a different
	// Request it returns ErrKeyReused.
	Open(ctx context.Context, r Request) (Session, error)

	// Look asks what became of a session. It returns ErrNoSession for one that
	// the provider does not know.
	Look(ctx context.Context, ref string) (Status, error)

	// Expire makes sure that a session can no longer be paid. It returns nil
	// when it had expired already, ErrPaid when it was paid meanwhile, and
	// ErrNoSession.
	Expire(ctx context.Context, ref string) error

	// Refund gives money back. The same Key gives it once only. It returns
	// ErrTooMuch for more than is left of the payment, and ErrNoSession when
	// the provider does not know it.
	Refund(ctx context.Context, r RefundRequest) (Refund, error)
}

// Any call may also return ErrUnavailable, after which nothing is known about
// whether it took place. Making it again finds out.
var (
	ErrUnavailable = errors.New("provider unavailable")
	ErrNoSession   = errors.New("no such session")
	ErrPaid        = errors.New("already paid")
	ErrTooMuch     = errors.New("more than is left to refund")
	ErrKeyReused   = errors.New("idempotency key used for another request")
	ErrSignature   = errors.New("signature does not hold")
)

// A Request is a payment to be opened.
type Request struct {
	Key          string // idempotency, from the payment's row; up to 255 bytes
	Order        string // the order's number, for the buyer's statement and the provider's search; nothing personal
	PaymentToken string // our own reference, which comes back in events; up to 200 bytes
	Lines        []Line
	Total        money.Amount // what Lines come to
	Email        string       // may be empty
	Locale       string       // ar, en, es, fr

	// Where the buyer comes back to. The provider puts the session's reference
	// in place of {CHECKOUT_SESSION_ID}. Coming back proves nothing.
	SuccessURL, CancelURL string

	ExpiresAt time.Time // Stripe wants 30 minutes to 24 hours from now
}

// A Line is something that money is asked for. Postage is one too.
type Line struct {
	Title    string
	Quantity int
	Unit     money.Amount // the price of one
}

// A Session is a payment that has been opened.
type Session struct {
	Ref       string // the provider's name for it
	Next      Next
	ExpiresAt time.Time
}

// Next is where the buyer goes to pay: a redirect, or where Form is not nil a
// form with those fields, posted to URL by the buyer's browser.
type Next struct {
	URL  string
	Form map[string]string
}

// State is where a session stands.
type State string

const (
	Open    State = "open" // can still be paid
	Paid    State = "paid" // for good; refunds are another matter
	Expired State = "expired"
	Failed  State = "failed" // closed by the provider without being paid
)

// A Status is what became of a session.
type Status struct {
	State        State
	Ref          string
	Intent       string // the provider's name for the money, by which it is refunded; "" until someone tries to pay
	PaymentToken string // as in the Request
	Amount       money.Amount
	Refunded     money.Amount // of Amount
	ExpiresAt    time.Time
	PaidAt       time.Time // zero unless Paid

	// Fee is what the provider kept. It is the zero Amount while that is not
	// known, and it is counted in the currency of the union's account at the
	// provider, which need not be the payment's.
	Fee money.Amount
}

// A RefundRequest is money to be given back.
type RefundRequest struct {
	Key          string // idempotency, from the refund's row; up to 255 bytes
	Ref          string // of the session that was paid
	Intent       string // as in its Status
	Order        string // as in its Request
	PaymentToken string // as in its Request
	Amount       money.Amount
}

// RefundState is where a refund stands.
type RefundState string

const (
	RefundPending RefundState = "pending"
	RefundDone    RefundState = "done"
	RefundFailed  RefundState = "failed" // the money is still with us
)

// A Refund is money given back, or on its way.
type Refund struct {
	Ref    string
	State  RefundState
	Amount money.Amount
}

// How long references may be, by Stripe's limits.
const (
	maxKey   = 255
	maxToken = 200
)

// check refuses a request that does not add up, before anyone is asked to pay
// it.
func (r Request) check() error {
	if r.Key == "" || len(r.Key) > maxKey {
		return fmt.Errorf("key of %d bytes", len(r.Key))
	}
	if r.PaymentToken == "" || len(r.PaymentToken) > maxToken {
		return fmt.Errorf("payment token of %d bytes", len(r.PaymentToken))
	}
	if r.Total.Minor <= 0 || r.Total.Currency == "" {
		return fmt.Errorf("total is %v", r.Total)
	}
	var sum money.Amount
	for i, line := range r.Lines {
		switch {
		case strings.TrimSpace(line.Title) == "":
			return fmt.Errorf("line %d has no title", i)
		case line.Quantity < 1 || line.Unit.Minor < 0:
			return fmt.Errorf("line %d is %d times %v", i, line.Quantity, line.Unit)
		case line.Unit.Currency != r.Total.Currency:
			return fmt.Errorf("line %d is in %s and the total in %s", i, line.Unit.Currency, r.Total.Currency)
		case line.Unit.Minor > (math.MaxInt64-sum.Minor)/int64(line.Quantity):
			return fmt.Errorf("line %d is too much money", i)
		}
		sum = sum.Plus(line.Unit.Times(line.Quantity))
	}
	if sum != r.Total {
		return fmt.Errorf("lines come to %v and the total is %v", sum, r.Total)
	}
	return nil
}

// check refuses a refund of nothing, or of nothing in particular.
func (r RefundRequest) check() error {
	switch {
	case r.Key == "" || len(r.Key) > maxKey:
		return fmt.Errorf("key of %d bytes", len(r.Key))
	case r.Intent == "":
		return errors.New("no payment to refund")
	case r.Amount.Minor <= 0 || r.Amount.Currency == "":
		return fmt.Errorf("amount is %v", r.Amount)
	}
	return nil
}

var _ Provider = (*Stripe)(nil)
