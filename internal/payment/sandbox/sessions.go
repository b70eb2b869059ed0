package sandbox

import (
	"net/http"
	"strings"
	"time"
)

// Stripe's bounds for the life of a Checkout Session.
const (
	shortestLife = 30 * time.Minute
	longestLife  = 24 * time.Hour
)

// maxAmount is the most that Stripe takes at once: eight digits of minor units.
const maxAmount = 99_999_999

// maxLines is how many line items Stripe takes in payment mode.
const maxLines = 100

// locales are the languages of Stripe's own payment page. Arabic is not among
// them.
var locales = strings.Fields(`auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko
	lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW`)

// sessionExpansions are what an answer about a session can be expanded by.
var sessionExpansions = []string{
	"line_items", "payment_intent", "payment_intent.latest_charge", "payment_intent.latest_charge.balance_transaction",
}

// createSession is POST /v1/checkout/sessions.
func (s *Server) createSession(_ *http.Request, q *param) (object, *apiError) {
	now := s.now().Unix()
	q.at("mode").must().oneOf("payment")
	q.at("ui_mode").oneOf("hosted")
	for _, kind := range q.at("payment_method_types").list() {
		kind.oneOf("card")
	}
	data := q.at("payment_intent_data")
	p := &purchase{
		ID:              newID("cs_test_"),
		Created:         now,
		ExpiresAt:       expiry(q.at("expires_at"), now),
		Status:          Open,
		ClientReference: q.at("client_reference_id").text(200),
		Metadata:        q.at("metadata").pairs(),
		Email:           q.at("customer_email").text(512),
		Locale:          q.at("locale").oneOf(locales...),
		SuccessURL:      q.at("success_url").must().url(),
		CancelURL:       q.at("cancel_url").url(),
		IntentMetadata:  data.at("metadata").pairs(),
		Description:     data.at("description").text(1000),
		StatementSuffix: data.at("statement_descriptor_suffix").text(22),
	}
	if p.Email != "" && !strings.Contains(p.Email, "@") {
		// Stripe repeats the address in its message. It would end up in a log.
		q.at("customer_email").wrong("email_invalid", "Invalid email address.")
	}
	p.readLines(q.at("line_items").must())
	x := q.expand("", sessionExpansions...)
	if e := q.check(); e != nil {
		return nil, e
	}

	open := 0
	for _, other := range s.book.Purchases {
		if other.Status == Open {
			open++
		}
	}
	if open >= maxOpen {
		return nil, &apiError{status: http.StatusTooManyRequests, Type: "invalid_request_error", Code: "rate_limit",
			Message: "The sandbox has too many open sessions."}
	}
	s.book.Serial++
	p.Serial = s.book.Serial
	s.book.Purchases[p.ID] = p
	s.touch()
	s.nudge()
	return s.drawSession(p, x), nil
}

// expiry reads expires_at, in Unix seconds.
func expiry(q *param, created int64) int64 {
	longest := int64(longestLife / time.Second)
	at := q.number(created+longest, 0, 1<<40)
	switch life := at - created; {
	case life < int64(shortestLife/time.Second):
		q.wrong("", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
	case life > longest:
		q.wrong("", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
	}
	return at
}

// readLines reads line_items into p, with what they come to.
func (p *purchase) readLines(items *param) {
	if len(items.list()) > maxLines {
		items.wrong("", "You can have at most %d line items.", maxLines)
		return
	}
	for _, item := range items.list() {
		price := item.at("price_data").must()
		product := price.at("product_data").must()
		product.at("description").text(5000)
		product.at("metadata").pairs()
		line := Line{
			Title:    product.at("name").must().text(5000),
			Quantity: item.at("quantity").number(1, 1, 1_000_000),
			Unit:     price.at("unit_amount").must().number(0, 0, maxAmount),
		}
		p.Lines = append(p.Lines, line)

		currency := strings.ToLower(price.at("currency").must().text(3))
		if len(currency) != 3 || strings.Trim(currency, "abcdefghijklmnopqrstuvwxyz") != "" {
			price.at("currency").wrong("", "Invalid currency: %s", currency)
		}
		if p.Currency == "" {
			p.Currency = currency
		}
		if currency != p.Currency {
			price.at("currency").wrong("", "All line items must have the same currency.")
		}
		// No line goes past 10^14, and a hundred of them stay within an int64.
		p.Amount += line.Unit * line.Quantity
	}
	switch {
	case p.Amount > maxAmount:
		items.wrong("amount_too_large", "The Checkout Session's total amount must be no more than %d.", maxAmount)
	case p.Amount <= 0:
		items.wrong("amount_too_small", "The Checkout Session's total amount must be greater than 0.")
	}
}

// listSessions is GET /v1/checkout/sessions.
func (s *Server) listSessions(r *http.Request, q *param) (object, *apiError) {
	intent := q.at("payment_intent").text(255)
	status := q.at("status").oneOf(string(Open), string(Complete), string(Expired))
	x := q.expand("data.", sessionExpansions...)
	var ids []string
	for _, p := range s.book.newestFirst() {
		s.settle(p)
		if intent != "" && (p.Intent == nil || p.Intent.ID != intent) || status != "" && string(p.Status) != status {
			continue
		}
		ids = append(ids, p.ID)
	}
	return page(r, q, ids, func(id string) object { return s.drawSession(s.book.Purchases[id], x) })
}

// retrieveSession is GET /v1/checkout/sessions/{id}.
func (s *Server) retrieveSession(r *http.Request, q *param) (object, *apiError) {
	x := q.expand("", sessionExpansions...)
	if e := q.check(); e != nil {
		return nil, e
	}
	p, e := s.sessionByPath(r)
	if e != nil {
		return nil, e
	}
	return s.drawSession(p, x), nil
}

// expireSession is POST /v1/checkout/sessions/{id}/expire.
func (s *Server) expireSession(r *http.Request, q *param) (object, *apiError) {
	x := q.expand("", sessionExpansions...)
	if e := q.check(); e != nil {
		return nil, e
	}
	p, e := s.sessionByPath(r)
	if e != nil {
		return nil, e
	}
	if p.Status != Open {
		e := invalid("", "", `Only Checkout Sessions with a status in ["open"] can be expired. `+
			"This Checkout Session has a status of `%s`.", p.Status)
		e.kept = true
		return nil, e
	}
	s.expire(p)
	return s.drawSession(p, x), nil
}

// sessionByPath returns the purchase that the request's address names.
func (s *Server) sessionByPath(r *http.Request) (*purchase, *apiError) {
	id := r.PathValue("id")
	p := s.book.Purchases[id]
	if p == nil {
		return nil, missing("checkout.session", "session", id)
	}
	s.settle(p)
	return p, nil
}

// drawSession draws p with the address of its payment page, which only an open
// session has.
func (s *Server) drawSession(p *purchase, x expansion) object {
	o := p.sessionObject(x)
	if p.Status == Open {
		o["url"] = s.cfg.PayURL + "/" + p.ID
	}
	return o
}

// retrieveIntent is GET /v1/payment_intents/{id}.
func (s *Server) retrieveIntent(r *http.Request, q *param) (object, *apiError) {
	x := q.expand("", "latest_charge", "latest_charge.balance_transaction")
	if e := q.check(); e != nil {
		return nil, e
	}
	id := r.PathValue("id")
	p := s.book.owners[id]
	if p == nil || p.Intent.ID != id {
		return nil, missing("payment_intent", "intent", id)
	}
	s.settle(p)
	return p.intentObject(x), nil
}
