package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// A stripeRefusal is an error of Stripe's, without the parts that may be
// personal. Its request id finds the rest in Stripe's dashboard.
type stripeRefusal struct {
	status                          int
	kind, code, param, msg, request string
}

func (e *stripeRefusal) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stripe answered %d %s", e.status, e.kind)
	if e.code != "" {
		fmt.Fprintf(&b, " %s", e.code)
	}
	if e.param != "" {
		fmt.Fprintf(&b, " (%s)", e.param)
	}
	fmt.Fprintf(&b, ": %s [%s]", e.msg, e.request)
	return b.String()
}

// refused reports whether Stripe has understood a request and will not carry
// it out.
func refused(err error) bool {
	e := (*stripeRefusal)(nil)
	return errors.As(err, &e) && e.status == http.StatusBadRequest && !errors.Is(err, ErrKeyReused)
}

// stripeError tells apart what can go wrong with a call: ErrUnavailable when it
// is worth making again, ErrNoSession, ErrKeyReused, and the rest, which are
// faults of ours.
//
// The errors of stripe-go are not passed on: they hold whole answers, with the
// buyer's e-mail address in them.
func stripeError(err error) error {
	said := (*stripe.Error)(nil)
	if !errors.As(err, &said) {
		// Nothing of Stripe's came back: no connection, no answer in time, or a
		// page from something in between, which is not for our log.
		if lost := (*url.Error)(nil); errors.As(err, &lost) {
			return fmt.Errorf("%w: %s: %w", ErrUnavailable, lost.Op, lost.Err)
		}
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return fmt.Errorf("%w: an answer that is not Stripe's (%T)", ErrUnavailable, err)
	}
	e := &stripeRefusal{
		status:  said.HTTPStatusCode,
		kind:    string(said.Type),
		code:    string(said.Code),
		param:   said.Param,
		msg:     withoutAddresses(said.Msg),
		request: said.RequestID,
	}
	switch {
	case e.status >= http.StatusInternalServerError,
		e.status == http.StatusTooManyRequests,
		e.status == http.StatusConflict: // another request with this key is under way
		return fmt.Errorf("%w: %w", ErrUnavailable, e)
	case e.status == http.StatusNotFound && said.Code == stripe.ErrorCodeResourceMissing:
		return fmt.Errorf("%w: %w", ErrNoSession, e)
	case said.Type == stripe.ErrorTypeIdempotency:
		return fmt.Errorf("%w: %w", ErrKeyReused, e)
	}
	return e
}

// withoutAddresses blots out what may be an e-mail address. Stripe repeats one
// that it does not like.
func withoutAddresses(s string) string {
	words := strings.Fields(s)
	for i, word := range words {
		if strings.Contains(word, "@") {
			words[i] = "(address)"
		}
	}
	return strings.Join(words, " ")
}

// retryLog writes down that stripe-go tries again, which nobody would hear of
// otherwise. Errors come back to the caller and are logged there; what else
// stripe-go has to say holds whole answers, with personal data.
type retryLog struct{ *slog.Logger }

func (l retryLog) Warnf(format string, args ...any) {
	l.Warn("stripe: " + fmt.Sprintf(format, args...))
}
func (retryLog) Errorf(string, ...any) {}
func (retryLog) Infof(string, ...any)  {}
func (retryLog) Debugf(string, ...any) {}
