package sandbox

import "time"

// Status is where a Checkout Session stands.
type Status string

const (
	Open     Status = "open"     // can be paid
	Complete Status = "complete" // was paid
	Expired  Status = "expired"  // can no longer be paid
)

// What a PaymentIntent's status can be here.
const (
	wantsMethod = "requires_payment_method"
	wantsAction = "requires_action" // the bank asks its customer: 3-D Secure
	succeeded   = "succeeded"
	canceled    = "canceled"
)

// A purchase is one Checkout Session and everything that came of it: the
// intent to pay it, the charge that succeeded, and the refunds of that.
//
// It leaves Open once, for Complete or for Expired, and always with s.mu held.
// That a session is paid at most once, and not after it has expired, rests on
// it.
type purchase struct {
	ID        string `json:"id"`
	Serial    int64  `json:"serial"`
	Created   int64  `json:"created"`
	ExpiresAt int64  `json:"expires_at"`
	Finished  int64  `json:"finished,omitempty"`
	Status    Status `json:"status"`

	Amount   int64  `json:"amount"` // minor units
	Currency string `json:"currency"`
	Lines    []Line `json:"lines"`

	ClientReference string            `json:"client_reference,omitempty"`
	Metadata        map[string]string `json:"metadata"`
	Email           string            `json:"email,omitempty"`
	Locale          string            `json:"locale,omitempty"`
	SuccessURL      string            `json:"success_url"`
	CancelURL       string            `json:"cancel_url,omitempty"`

	// What the intent will be given once there is one.
	IntentMetadata  map[string]string `json:"intent_metadata"`
	Description     string            `json:"description,omitempty"`
	StatementSuffix string            `json:"statement_suffix,omitempty"`

	Intent *intent `json:"intent,omitempty"` // nil until someone tries to pay
}

// A Line is something that a session asks money for.
type Line struct {
	Title    string `json:"title"`
	Quantity int64  `json:"quantity"`
	Unit     int64  `json:"unit"` // price of one, minor units
}

// An intent is a buyer's wish to pay, with the card tried last.
type intent struct {
	ID      string  `json:"id"`
	Created int64   `json:"created"`
	Status  string  `json:"status"`
	Method  *method `json:"method,omitempty"`
	Failure failure `json:"failure,omitzero"` // why the last try failed

	// After is what the bank will say once its customer has confirmed: nothing,
	// to let the payment through, or why not.
	After failure `json:"after,omitzero"`

	Charge *charge `json:"charge,omitempty"`
}

// A method is what is kept of a card.
type method struct {
	ID    string `json:"id"`
	Brand string `json:"brand"`
	Last4 string `json:"last4"`
}

// A failure is why a card was not charged: Stripe's error code, and the bank's
// reason where it is the bank that declined. The zero failure is none.
type failure struct {
	Code    string `json:"code"`
	Decline string `json:"decline,omitempty"`
}

// A charge is the money taken, the whole amount of its purchase.
type charge struct {
	ID          string    `json:"id"`
	Transaction string    `json:"transaction"`
	Created     int64     `json:"created"`
	Refunds     []*refund `json:"refunds,omitempty"` // oldest first
}

// A refund is money given back.
type refund struct {
	ID          string            `json:"id"`
	Transaction string            `json:"transaction"`
	Created     int64             `json:"created"`
	Amount      int64             `json:"amount"` // minor units
	Reason      string            `json:"reason,omitempty"`
	Metadata    map[string]string `json:"metadata"`
}

// parts returns the ids of everything that belongs to p.
func (p *purchase) parts() []string {
	var ids []string
	if p.Intent != nil {
		ids = append(ids, p.Intent.ID)
		if c := p.Intent.Charge; c != nil {
			ids = append(ids, c.ID)
			for _, r := range c.Refunds {
				ids = append(ids, r.ID)
			}
		}
	}
	return ids
}

// charge returns what was charged for p, or nil.
func (p *purchase) charge() *charge {
	if p.Intent == nil {
		return nil
	}
	return p.Intent.Charge
}

// refunded returns how much of c has been given back, in minor units.
func (c *charge) refunded() int64 {
	var sum int64
	for _, r := range c.Refunds {
		sum += r.Amount
	}
	return sum
}

// fee returns what the sandbox keeps of a charge, in the charge's currency:
// 2.9 % rounded half to even, and 300 minor units.
func fee(amount int64) int64 {
	q, r := amount*29/1000, amount*29%1000
	if r > 500 || r == 500 && q%2 != 0 {
		q++
	}
	return q + 300
}

// expire closes p to payment, for everyone to hear. The caller has seen that
// it is open.
func (s *Server) expire(p *purchase) {
	p.Status, p.Finished = Expired, s.now().Unix()
	if p.Intent != nil {
		p.Intent.Status = canceled
	}
	s.announce(p, "checkout.session.expired", p.sessionObject(nil))
}

// settle expires p if its time is up. Everything that looks at a session does
// so first, so that none is ever seen open past its time, whenever Run comes
// round to it.
func (s *Server) settle(p *purchase) {
	if p.Status == Open && s.now().Unix() >= p.ExpiresAt {
		s.expire(p)
	}
}

// expireDue expires the sessions whose time is up, drops what has been kept
// long enough, and returns how long it is until the next session expires.
func (s *Server) expireDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()

	now := s.now()
	next := time.Hour
	before := len(s.book.Purchases) + len(s.book.Keys)
	for _, p := range s.book.newestFirst() {
		s.settle(p)
		if p.Status == Open {
			next = min(next, time.Unix(p.ExpiresAt, 0).Sub(now))
		}
	}
	s.book.prune(now)
	if len(s.book.Purchases)+len(s.book.Keys) != before {
		s.touch()
	}
	return next
}
