// Package sandbox stands in for Stripe where the market has no keys: in the
// demo and in tests. It speaks as much of Stripe's HTTP API (version
// 2023-10-16) as the market uses, so that stripe-go does the talking unchanged
// and the code that takes real money is the code that always runs.
//
// It has three doors. Handler is the API, for stripe-go. Session, Pay and
// Confirm are what the hosted payment page does; the page itself is drawn by
// the caller. Run lets sessions lapse and delivers webhooks.
//
// No money moves, and no card is kept: numbers are compared with Stripe's
// published test cards and forgotten.
package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// apiVersion is the version of Stripe's API whose shapes are spoken here, the
// one that stripe-go v76 pins.
const apiVersion = "2023-10-16"

// Config is what a Server needs to know.
type Config struct {
	SecretKey     string // the one key that the API accepts; starts with sk_test_
	WebhookSecret string // signs what is delivered to WebhookURL
	WebhookURL    string // may be empty when Deliver is set
	PayURL        string // a session is paid at PayURL + "/" + its id

	// File keeps the state, so that payments under way survive a restart. With
	// no File everything is forgotten at the end.
	File string

	Now func() time.Time // time.Now when nil
	Log *slog.Logger     // slog.Default() when nil

	// Deliver takes the place of the HTTP delivery of events. A test holds
	// events back, reorders or repeats them with it, and may hand them on with
	// Post. Returning an error has the event delivered again later. Several
	// deliveries may be under way at once.
	Deliver func(context.Context, Event) error
}

// A Server is one Stripe account in test mode.
type Server struct {
	cfg     Config
	now     func() time.Time
	log     *slog.Logger
	api     http.Handler
	webhook *http.Client
	wake    chan struct{} // has room for one, tells Run that there is an event
	longest time.Duration // how long Run sleeps at most

	mu      sync.Mutex // guards what follows
	book    *book
	version uint64 // counts the changes to book

	saving sync.Mutex // held while File is written; guards saved
	saved  uint64     // the version that File holds
}

// New returns a Server with the state that Config.File holds, if any. It fails
// when the configuration is incomplete or the file cannot be read: forgetting
// a payment silently would be worse than not starting.
func New(cfg Config) (*Server, error) {
	var problems []error
	if !strings.HasPrefix(cfg.SecretKey, "sk_test_") {
		problems = append(problems, errors.New("SecretKey must start with sk_test_"))
	}
	if cfg.Deliver == nil {
		if cfg.WebhookSecret == "" {
			problems = append(problems, errors.New("WebhookSecret is missing"))
		}
		if !absoluteURL(cfg.WebhookURL) {
			problems = append(problems, errors.New("WebhookURL is not an absolute URL"))
		}
	}
	if !absoluteURL(cfg.PayURL) {
		problems = append(problems, errors.New("PayURL is not an absolute URL"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("sandbox: configuration: %w", err)
	}
	cfg.PayURL = strings.TrimSuffix(cfg.PayURL, "/")

	s := &Server{
		cfg:  cfg,
		now:  cfg.Now,
		log:  cfg.Log,
		wake: make(chan struct{}, 1),
		// A clock that a test has set does not move with Run's timer, so look
		// at it often.
		longest: time.Second,
		book:    newBook(),
		webhook: &http.Client{
			Timeout: deliveryDeadline,
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: deliveryDeadline}).DialContext,
				MaxIdleConnsPerHost: deliveriesAtOnce,
				IdleConnTimeout:     30 * time.Second,
			},
			// Stripe takes a redirect for a failure too.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if s.now == nil {
		s.now, s.longest = time.Now, time.Hour
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.api = s.routes()
	if cfg.File != "" {
		var err error
		if s.book, err = load(cfg.File); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Handler returns the API, to be served on a private address.
func (s *Server) Handler() http.Handler { return s.api }

// Run lets sessions expire when their time has come and delivers events, until
// ctx is done. It returns nil then, or why the state could not be saved.
func (s *Server) Run(ctx context.Context) error {
	defer s.webhook.CloseIdleConnections()
	var deliveries sync.WaitGroup
	for ctx.Err() == nil {
		next := s.expireDue()
		// Nothing is announced that a crash could still undo.
		if err := s.commit(); err != nil {
			s.log.ErrorContext(ctx, "sandbox state not saved", "error", err)
			next = time.Second
		} else {
			next = min(next, s.deliverDue(ctx, &deliveries))
		}
		timer := time.NewTimer(min(max(next, 10*time.Millisecond), s.longest))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	deliveries.Wait()
	return s.commit()
}

// nudge has Run look at once for something to do.
func (s *Server) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it has been told already
	}
}

// newID returns an id of Stripe's look: a prefix that says what it names, and
// 128 random bits.
func newID(prefix string) string { return prefix + rand.Text() }

func absoluteURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
