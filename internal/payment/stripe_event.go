package payment

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"
)

// eventTolerance is how old a signature may be, so that a message caught on
// the way cannot be played again another day.
const eventTolerance = 5 * time.Minute

// Kind is what an event is about, in our words.
type Kind string

const (
	EventPaid     Kind = "paid"
	EventExpired  Kind = "expired"
	EventFailed   Kind = "failed" // a try to pay; the session may still be open
	EventRefunded Kind = "refunded"
	EventIgnored  Kind = "ignored" // nothing that we act on
)

// An Event is a provider's message about a payment. It says where to look and
// is not itself the truth: it may be old by the time it is read.
type Event struct {
	ID       string // the provider's, by which it is applied once
	Provider string
	Type     string // in the provider's words
	Kind     Kind

	// Which payment it is about. Any of these may be empty: only events about
	// a session name it.
	Ref          string
	Intent       string
	PaymentToken string

	Created time.Time

	// Payload is what we keep of it: status, figures and our own references,
	// and nothing about the buyer.
	Payload json.RawMessage
}

// Event reads a message that Stripe has posted. It returns ErrSignature when
// the signature is missing, wrong, or not of the last 5 minutes.
//
// The message may be of another API version than our calls, so only what all
// versions share is read from it.
func (s *Stripe) Event(body []byte, signature string) (Event, error) {
	got, err := webhook.ConstructEventWithOptions(body, signature, s.webhookSecret, webhook.ConstructEventOptions{
		IgnoreTolerance:          true, // stripe-go asks the system's clock; ours is below
		IgnoreAPIVersionMismatch: true,
	})
	for _, bad := range []error{
		webhook.ErrNotSigned, webhook.ErrInvalidHeader, webhook.ErrNoValidSignature, webhook.ErrTooOld,
	} {
		if errors.Is(err, bad) {
			return Event{}, fmt.Errorf("payment: event: %w: %w", ErrSignature, bad)
		}
	}
	if err != nil {
		return Event{}, errors.New("payment: event: signed, and not readable") // its error quotes the message
	}
	if age := s.now().Sub(signedAt(signature)); age.Abs() > eventTolerance {
		return Event{}, fmt.Errorf("payment: event: %w: it is %s old", ErrSignature, age)
	}

	var about stripeObject
	if got.Data != nil && len(got.Data.Raw) > 0 {
		if err := json.Unmarshal(got.Data.Raw, &about); err != nil {
			about = stripeObject{} // some other kind of object, of which we know nothing
		}
	}
	about.keepOurMetadata()
	e := Event{
		ID:           got.ID,
		Provider:     "stripe",
		Type:         string(got.Type),
		Kind:         about.kind(got.Type),
		Intent:       string(about.PaymentIntent),
		PaymentToken: about.Metadata[metaPayment],
		Created:      time.Unix(got.Created, 0),
	}
	switch about.Object {
	case "checkout.session":
		e.Ref = about.ID
	case "payment_intent":
		e.Intent = about.ID
	}
	e.Payload, err = json.Marshal(stripePayload{
		ID: got.ID, Type: string(got.Type), APIVersion: got.APIVersion, Created: got.Created, Object: about,
	})
	if err != nil {
		return Event{}, fmt.Errorf("payment: event %s: %w", got.ID, err)
	}
	return e, nil
}

// signedAt returns the time in a signature that has been verified.
func signedAt(signature string) time.Time {
	var at int64
	for pair := range strings.SplitSeq(signature, ",") {
		if text, ok := strings.CutPrefix(pair, "t="); ok {
			at, _ = strconv.ParseInt(text, 10, 64) // it has been read once already
		}
	}
	return time.Unix(at, 0)
}

// stripePayload is what is kept of an event.
type stripePayload struct {
	ID         string       `json:"id"`
	Type       string       `json:"type"`
	APIVersion string       `json:"api_version,omitempty"`
	Created    int64        `json:"created"`
	Object     stripeObject `json:"object"`
}

// A stripeObject is what is read, and kept, of what an event is about. It is
// the list of what may be kept: a field that is not here is dropped, and none
// here is about a person.
type stripeObject struct {
	ID             string            `json:"id,omitempty"`
	Object         string            `json:"object,omitempty"`
	Status         string            `json:"status,omitempty"`
	PaymentStatus  string            `json:"payment_status,omitempty"`
	PaymentIntent  stripeRef         `json:"payment_intent,omitempty"`
	Charge         stripeRef         `json:"charge,omitempty"`
	Amount         int64             `json:"amount,omitempty"`
	AmountTotal    int64             `json:"amount_total,omitempty"`
	AmountReceived int64             `json:"amount_received,omitempty"`
	AmountRefunded int64             `json:"amount_refunded,omitempty"`
	Currency       string            `json:"currency,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
	Error          *stripeFailure    `json:"last_payment_error,omitempty"`
	FailureReason  string            `json:"failure_reason,omitempty"`
}

type stripeFailure struct {
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"decline_code,omitempty"`
}

// A stripeRef is another object's id, whether it came as that or whole.
type stripeRef string

func (r *stripeRef) UnmarshalJSON(data []byte) error {
	var whole struct {
		ID string `json:"id"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := json.Unmarshal(data, &whole)
		*r = stripeRef(whole.ID)
		return err
	}
	return json.Unmarshal(data, (*string)(r))
}

// keepOurMetadata drops what others have written on the object.
func (o *stripeObject) keepOurMetadata() {
	kept := map[string]string{}
	for _, key := range []string{metaPayment, metaOrder, metaRefund} {
		if value, ok := o.Metadata[key]; ok {
			kept[key] = value
		}
	}
	o.Metadata = kept
}

// kind says what an event about o means to us.
func (o *stripeObject) kind(t stripe.EventType) Kind {
	switch t {
	case stripe.EventTypeCheckoutSessionCompleted:
		// A session can be completed by a promise to pay later.
		if o.PaymentStatus == string(stripe.CheckoutSessionPaymentStatusPaid) {
			return EventPaid
		}
	case stripe.EventTypeCheckoutSessionAsyncPaymentSucceeded, stripe.EventTypePaymentIntentSucceeded:
		return EventPaid
	case stripe.EventTypeCheckoutSessionExpired:
		return EventExpired
	case stripe.EventTypeCheckoutSessionAsyncPaymentFailed, stripe.EventTypePaymentIntentPaymentFailed:
		return EventFailed
	case stripe.EventTypeChargeRefunded, stripe.EventTypeChargeRefundUpdated,
		stripe.EventTypeRefundCreated, stripe.EventTypeRefundUpdated, "refund.failed":
		return EventRefunded
	}
	return EventIgnored
}
