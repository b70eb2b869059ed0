package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrNoSession means that no session has the id asked for.
var ErrNoSession = errors.New("sandbox: no such session")

// ErrNotAsked means that Confirm was called for a session whose buyer has not
// been asked anything, or has answered already.
var ErrNotAsked = errors.New("sandbox: no confirmation was asked for")

// A Session is what the payment page shows.
type Session struct {
	ID       string
	Status   Status
	Asking   bool   // the bank wants its customer to confirm: 3-D Secure
	Amount   int64  // minor units
	Currency string // lower case, as Stripe has it
	Lines    []Line
	Email    string
	Locale   string            // one of Stripe's, so never Arabic; may be empty or "auto"
	Metadata map[string]string // as the session was opened with it

	ExpiresAt  time.Time
	SuccessURL string // with the session's id in place of {CHECKOUT_SESSION_ID}
	CancelURL  string // may be empty
}

// Result is what came of trying to pay.
type Result string

const (
	Paid      Result = "paid"
	Declined  Result = "declined"  // Decline says why; another card may do
	Challenge Result = "challenge" // call Confirm with the buyer's answer
	Invalid   Result = "invalid"   // Fields says what to mend
	Gone      Result = "gone"      // paid already, or expired: Status says which
)

// An Outcome is what came of trying to pay, and where that leaves the session.
type Outcome struct {
	Result  Result
	Decline string            // one of the codes beside Card, for Declined
	Fields  map[string]string // what is wrong by number, expiry, cvc, for Invalid
	Status  Status            // where the session now stands

	// Return is where the buyer goes next: the success address once the
	// session is complete, the cancel address once it has expired, and empty
	// while it is open.
	Return string
}

// Session returns a snapshot of a session, or ErrNoSession.
func (s *Server) Session(id string) (Session, error) {
	s.mu.Lock()
	p := s.book.Purchases[id]
	if p == nil {
		s.mu.Unlock()
		return Session{}, ErrNoSession
	}
	s.settle(p)
	snapshot := Session{
		ID:         p.ID,
		Status:     p.Status,
		Asking:     p.asking(),
		Amount:     p.Amount,
		Currency:   p.Currency,
		Lines:      slices.Clone(p.Lines),
		Email:      p.Email,
		Locale:     p.Locale,
		Metadata:   maps.Clone(p.Metadata),
		ExpiresAt:  time.Unix(p.ExpiresAt, 0),
		SuccessURL: p.successURL(),
		CancelURL:  p.CancelURL,
	}
	s.mu.Unlock()
	if err := s.commit(); err != nil {
		return Session{}, fmt.Errorf("sandbox: session %s: %w", id, err)
	}
	return snapshot, nil
}

// Pay tries to pay a session with a card. However often it is called, and from
// how many tabs, a session is charged once: whoever comes later is told that
// it is Gone. It returns ErrNoSession, or an error if the outcome could not be
// saved.
func (s *Server) Pay(ctx context.Context, id string, card Card) (Outcome, error) {
	number, wrong := card.check(s.now())
	return s.try(ctx, id, func(p *purchase) (Outcome, error) {
		if len(wrong) > 0 {
			return Outcome{Result: Invalid, Fields: wrong}, nil
		}
		v, known := verdicts[number]
		if !known {
			v = declined(TestCardsOnly)
		}
		s.begin(p)
		p.Intent.Method = &method{ID: newID("pm_"), Brand: brand(number)}
		if known { // any other number may be somebody's, even its end
			p.Intent.Method.Last4 = number[len(number)-4:]
		}
		switch {
		case v.challenge:
			p.Intent.Status, p.Intent.Failure, p.Intent.After = wantsAction, failure{}, v.failure
			return Outcome{Result: Challenge}, nil
		case v.failure != failure{}:
			return s.decline(p, v.failure), nil
		}
		return s.charge(p), nil
	})
}

// Confirm takes the buyer's answer to the bank's question. It returns
// ErrNoSession, ErrNotAsked, or an error if the outcome could not be saved.
func (s *Server) Confirm(ctx context.Context, id string, ok bool) (Outcome, error) {
	return s.try(ctx, id, func(p *purchase) (Outcome, error) {
		if !p.asking() {
			return Outcome{}, ErrNotAsked
		}
		after := p.Intent.After
		p.Intent.After = failure{}
		switch {
		case !ok:
			return s.decline(p, failure{Code: NotAuthenticated}), nil
		case after != failure{}:
			return s.decline(p, after), nil
		}
		return s.charge(p), nil
	})
}

// try runs step on an open session, one at a time, and returns once what came
// of it is saved.
func (s *Server) try(ctx context.Context, id string, step func(*purchase) (Outcome, error)) (Outcome, error) {
	// A buyer who has gone away is not charged.
	if err := ctx.Err(); err != nil {
		return Outcome{}, fmt.Errorf("sandbox: pay %s: %w", id, err)
	}
	out, err := s.locked(id, step)
	if err != nil {
		return Outcome{}, err
	}
	if err := s.commit(); err != nil {
		return Outcome{}, fmt.Errorf("sandbox: pay %s: %w", id, err)
	}
	return out, nil
}

func (s *Server) locked(id string, step func(*purchase) (Outcome, error)) (Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	p := s.book.Purchases[id]
	if p == nil {
		return Outcome{}, ErrNoSession
	}
	s.settle(p)
	out := Outcome{Result: Gone}
	if p.Status == Open {
		var err error
		if out, err = step(p); err != nil {
			return Outcome{}, err
		}
	}
	out.Status = p.Status
	switch p.Status {
	case Complete:
		out.Return = p.successURL()
	case Expired:
		out.Return = p.CancelURL
	}
	return out, nil
}

// begin gives p an intent, unless an earlier try has.
func (s *Server) begin(p *purchase) {
	s.touch()
	if p.Intent == nil {
		p.Intent = &intent{ID: newID("pi_"), Created: s.now().Unix()}
		s.book.own(p, p.Intent.ID)
	}
}

// decline notes that a card was refused. The session stays open for another.
func (s *Server) decline(p *purchase, why failure) Outcome {
	p.Intent.Status = wantsMethod
	p.Intent.Failure = why
	s.announce(p, "payment_intent.payment_failed", p.intentObject(nil))
	return Outcome{Result: Declined, Decline: cmp.Or(why.Decline, why.Code)}
}

// charge takes the money. The caller has seen, under the lock that it still
// holds, that p is open.
func (s *Server) charge(p *purchase) Outcome {
	now := s.now().Unix()
	p.Intent.Status, p.Intent.Failure = succeeded, failure{}
	p.Intent.Charge = &charge{ID: newID("ch_"), Transaction: newID("txn_"), Created: now}
	p.Status, p.Finished = Complete, now
	s.book.own(p, p.Intent.Charge.ID)
	s.announce(p, "payment_intent.succeeded", p.intentObject(nil))
	s.announce(p, "checkout.session.completed", p.sessionObject(nil))
	return Outcome{Result: Paid}
}

// asking reports whether the bank waits for its customer to confirm.
func (p *purchase) asking() bool {
	return p.Status == Open && p.Intent != nil && p.Intent.Status == wantsAction
}

func (p *purchase) successURL() string {
	return strings.ReplaceAll(p.SuccessURL, "{CHECKOUT_SESSION_ID}", url.QueryEscape(p.ID))
}
