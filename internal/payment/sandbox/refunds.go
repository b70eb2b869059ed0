package sandbox

import (
	"net/http"
	"slices"
)

// refundExpansions are what an answer about a refund can be expanded by.
var refundExpansions = []string{
	"balance_transaction", "charge", "charge.balance_transaction",
	"payment_intent", "payment_intent.latest_charge", "payment_intent.latest_charge.balance_transaction",
}

// createRefund is POST /v1/refunds. Never more is given back than was paid.
func (s *Server) createRefund(_ *http.Request, q *param) (object, *apiError) {
	id := q.at("payment_intent").must().text(255)
	amount := q.at("amount").number(0, 1, maxAmount)
	reason := q.at("reason").oneOf("duplicate", "fraudulent", "requested_by_customer")
	metadata := q.at("metadata").pairs()
	x := q.expand("", refundExpansions...)
	if e := q.check(); e != nil {
		return nil, e
	}
	p := s.book.owners[id]
	if p == nil || p.Intent.ID != id {
		return nil, missing("payment_intent", "payment_intent", id)
	}
	c := p.charge()
	if c == nil {
		return nil, kept(invalid("payment_intent_unexpected_state", "payment_intent",
			"This PaymentIntent (%s) does not have a successful charge to refund.", id))
	}
	left := p.Amount - c.refunded()
	if amount == 0 {
		amount = left
	}
	switch {
	case left == 0:
		return nil, kept(invalid("charge_already_refunded", "", "Charge %s has already been refunded.", c.ID))
	case amount > left:
		return nil, kept(invalid("", "amount",
			"Refund amount (%d) is greater than unrefunded amount on charge (%d).", amount, left))
	}
	refund := &refund{
		ID:          newID("re_"),
		Transaction: newID("txn_"),
		Created:     s.now().Unix(),
		Amount:      amount,
		Reason:      reason,
		Metadata:    metadata,
	}
	c.Refunds = append(c.Refunds, refund)
	s.book.own(p, refund.ID)
	s.announce(p, "charge.refunded", p.chargeObject(nil))
	s.announce(p, "refund.created", p.refundObject(refund, nil))
	return p.refundObject(refund, x), nil
}

// kept has the refusal remembered under its request's Idempotency-Key.
func kept(e *apiError) *apiError {
	e.kept = true
	return e
}

// listRefunds is GET /v1/refunds.
func (s *Server) listRefunds(r *http.Request, q *param) (object, *apiError) {
	of := q.at("payment_intent").text(255)
	if of == "" {
		of = q.at("charge").text(255)
	}
	x := q.expand("data.", refundExpansions...)
	var ids []string
	for _, p := range s.book.newestFirst() {
		c := p.charge()
		if c == nil || of != "" && of != p.Intent.ID && of != c.ID {
			continue
		}
		for _, refund := range slices.Backward(c.Refunds) {
			ids = append(ids, refund.ID)
		}
	}
	return page(r, q, ids, func(id string) object {
		p, refund := s.refundByID(id)
		return p.refundObject(refund, x)
	})
}

// retrieveRefund is GET /v1/refunds/{id}.
func (s *Server) retrieveRefund(r *http.Request, q *param) (object, *apiError) {
	x := q.expand("", refundExpansions...)
	if e := q.check(); e != nil {
		return nil, e
	}
	p, refund := s.refundByID(r.PathValue("id"))
	if refund == nil {
		return nil, missing("refund", "refund", r.PathValue("id"))
	}
	return p.refundObject(refund, x), nil
}

// refundByID returns the refund called id and the purchase it is part of, or
// nil and nil.
func (s *Server) refundByID(id string) (*purchase, *refund) {
	p := s.book.owners[id]
	if p == nil {
		return nil, nil
	}
	for _, r := range p.charge().list() {
		if r.ID == id {
			return p, r
		}
	}
	return nil, nil
}

// list returns the refunds of a charge that may not be there.
func (c *charge) list() []*refund {
	if c == nil {
		return nil
	}
	return c.Refunds
}
