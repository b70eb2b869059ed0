package payment

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

const eventSecret = "whsec_ours"

var eventTime = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// signed returns the Stripe-Signature of a body.
func signed(body string, at time.Time, secret string) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(webhook.ComputeSignature(at, []byte(body), secret)))
}

func reader() *Stripe {
	return NewStripe(StripeConfig{WebhookSecret: eventSecret, Now: func() time.Time { return eventTime }})
}

func TestEventSignature(t *testing.T) {
	const body = `{"id":"evt_1","object":"event","type":"x","data":{"object":{}}}`
	tests := []struct {
		name, body, signature string
		want                  error
	}{
		{"good", body, signed(body, eventTime, eventSecret), nil},
		{"good for five minutes", body, signed(body, eventTime.Add(-eventTolerance), eventSecret), nil},
		{"one good of two, while the secret changes", body,
			signed(body, eventTime, "whsec_next") + "," + strings.SplitN(signed(body, eventTime, eventSecret), ",", 2)[1], nil},
		{"old", body, signed(body, eventTime.Add(-eventTolerance-time.Second), eventSecret), ErrSignature},
		{"of tomorrow", body, signed(body, eventTime.Add(24*time.Hour), eventSecret), ErrSignature},
		{"another secret", body, signed(body, eventTime, "whsec_theirs"), ErrSignature},
		{"another body", body + " ", signed(body, eventTime, eventSecret), ErrSignature},
		{"none", body, "", ErrSignature},
		{"nonsense", body, "signed, me", ErrSignature},
		{"no time", body, "v1=" + hex.EncodeToString(webhook.ComputeSignature(time.Unix(0, 0), []byte(body), eventSecret)), ErrSignature},
		{"a new time on an old signature", body,
			fmt.Sprintf("%s,t=%d", signed(body, eventTime.Add(-time.Hour), eventSecret), eventTime.Unix()), ErrSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := reader().Event([]byte(tt.body), tt.signature); !errors.Is(err, tt.want) {
				t.Errorf("Event: %v, want %v", err, tt.want)
			}
		})
	}

	// A message that holds, and says nothing, is somebody's mistake and not a
	// forgery.
	for _, body := range []string{"", "[]", `{"id":`, `{"data":{"object":[`} {
		if _, err := reader().Event([]byte(body), signed(body, eventTime, eventSecret)); err == nil || errors.Is(err, ErrSignature) {
			t.Errorf("Event(%q): %v, want an error that is not %v", body, err, ErrSignature)
		}
	}
}

func TestEventKind(t *testing.T) {
	const session = `"id":"cs_1","object":"checkout.session","payment_intent":"pi_1","metadata":{"payment":"pay_1"}`
	const intent = `"id":"pi_1","object":"payment_intent","metadata":{"payment":"pay_1"}`
	tests := []struct {
		kind, object string
		want         Event
	}{
		{"checkout.session.completed", session + `,"payment_status":"paid"`, Event{Kind: EventPaid, Ref: "cs_1", Intent: "pi_1", PaymentToken: "pay_1"}},
		{"checkout.session.completed", session + `,"payment_status":"unpaid"`, Event{Kind: EventIgnored, Ref: "cs_1", Intent: "pi_1", PaymentToken: "pay_1"}},
		{"checkout.session.expired", session, Event{Kind: EventExpired, Ref: "cs_1", Intent: "pi_1", PaymentToken: "pay_1"}},
		{"checkout.session.expired", `"id":"cs_1","object":"checkout.session","payment_intent":{"id":"pi_1"}`, Event{Kind: EventExpired, Ref: "cs_1", Intent: "pi_1"}},
		{"checkout.session.expired", `"id":"cs_1","object":"checkout.session","payment_intent":null`, Event{Kind: EventExpired, Ref: "cs_1"}},
		{"payment_intent.succeeded", intent, Event{Kind: EventPaid, Intent: "pi_1", PaymentToken: "pay_1"}},
		{"payment_intent.payment_failed", intent, Event{Kind: EventFailed, Intent: "pi_1", PaymentToken: "pay_1"}},
		{"charge.refunded", `"id":"ch_1","object":"charge","payment_intent":"pi_1","metadata":{"payment":"pay_1"}`, Event{Kind: EventRefunded, Intent: "pi_1", PaymentToken: "pay_1"}},
		{"refund.failed", `"id":"re_1","object":"refund","payment_intent":"pi_1"`, Event{Kind: EventRefunded, Intent: "pi_1"}},
		{"customer.created", `"id":"cus_1","object":"customer","metadata":[]`, Event{Kind: EventIgnored}},
		{"of.tomorrow", `"id":7,"object":{},"amount":"lots"`, Event{Kind: EventIgnored}},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			body := fmt.Sprintf(`{"id":"evt_1","object":"event","api_version":"2026-08-26.dahlia","created":1772366400,"type":%q,"data":{"object":{%s}}}`, tt.kind, tt.object)
			got, err := reader().Event([]byte(body), signed(body, eventTime, eventSecret))
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != "evt_1" || got.Provider != "stripe" || got.Type != tt.kind || !got.Created.Equal(eventTime) {
				t.Errorf("Event = %+v, want evt_1 of stripe, %s at %v", got, tt.kind, eventTime)
			}
			if got.Kind != tt.want.Kind || got.Ref != tt.want.Ref || got.Intent != tt.want.Intent || got.PaymentToken != tt.want.PaymentToken {
				t.Errorf("Event = %s about %q, %q, %q; want %s about %q, %q, %q", got.Kind, got.Ref, got.Intent, got.PaymentToken,
					tt.want.Kind, tt.want.Ref, tt.want.Intent, tt.want.PaymentToken)
			}
		})
	}
}

// What is stored of an event says nothing about the buyer.
func TestEventPayloadIsSlim(t *testing.T) {
	const body = `{"id":"evt_1","object":"event","api_version":"2023-10-16","created":1772366400,"type":"checkout.session.completed",
		"data":{"object":{"id":"cs_1","object":"checkout.session","amount_total":225000,"currency":"mad","payment_intent":"pi_1",
		"status":"complete","payment_status":"paid","customer_email":"buyer@example.com",
		"customer_details":{"email":"buyer@example.com","name":"A Buyer","address":{"line1":"1, Derb"}},
		"success_url":"http://market.test/secret","client_reference_id":"pay_1",
		"metadata":{"payment":"pay_1","order":"K-7M4Q2","note":"call +212"}}}}`
	got, err := reader().Event([]byte(body), signed(body, eventTime, eventSecret))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"evt_1","type":"checkout.session.completed","api_version":"2023-10-16","created":1772366400,` +
		`"object":{"id":"cs_1","object":"checkout.session","status":"complete","payment_status":"paid","payment_intent":"pi_1",` +
		`"amount_total":225000,"currency":"mad","metadata":{"order":"K-7M4Q2","payment":"pay_1"}}}`
	if string(got.Payload) != want {
		t.Errorf("the payload is\n%s\nwant\n%s", got.Payload, want)
	}
}

// Nobody but Stripe can have us read anything, and what Stripe says cannot
// break us.
func FuzzEvent(f *testing.F) {
	f.Add(`{"id":"evt_1","type":"charge.refunded","data":{"object":{"id":"ch_1","payment_intent":{"id":"pi_1"}}}}`)
	f.Add(`{"data":{"object":null}}`)
	f.Add(`{"data":null}`)
	f.Add(`null`)
	s := reader()
	f.Fuzz(func(t *testing.T, body string) {
		e, err := s.Event([]byte(body), signed(body, eventTime, eventSecret))
		if err == nil && len(e.Payload) == 0 {
			t.Errorf("Event(%q) has no payload", body)
		}
		if _, err := s.Event([]byte(body), body); !errors.Is(err, ErrSignature) {
			t.Errorf("Event(%q) signed with itself: %v, want %v", body, err, ErrSignature)
		}
	})
}
