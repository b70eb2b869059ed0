package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// run starts Run and returns what stops it and reports what it returned.
func run(t *testing.T, s *Server) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// A listener is a market that notes what it is told. Deliveries come from
// several goroutines.
type listener struct {
	mu    sync.Mutex
	heard []string
}

// hear notes e and returns how often its type has been heard, this time
// included.
func (l *listener) hear(e Event) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, e.Type)
	n := 0
	for _, kind := range l.heard {
		if kind == e.Type {
			n++
		}
	}
	return n
}

func (l *listener) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard)
}

func TestSessionExpiresByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var market listener
		s := newServer(t, func(c *Config) {
			c.Deliver = func(_ context.Context, e Event) error { market.hear(e); return nil }
		})
		stop := run(t, s)
		defer stop()
		id := open(t, s)
		time.Sleep(45*time.Minute - time.Second)
		synctest.Wait()
		if heard := market.all(); len(heard) != 0 {
			t.Errorf("heard %v before its time", heard)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if heard, want := market.all(), []string{"checkout.session.expired"}; !slices.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
		if page, err := s.Session(id); err != nil || page.Status != Expired {
			t.Errorf("the session is %s, %v; want expired", page.Status, err)
		}
	})
}

func TestDeliveryIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		s := newServer(t, func(c *Config) {
			c.Deliver = func(context.Context, Event) error {
				at = append(at, time.Since(start).Round(time.Second))
				if len(at) < 5 {
					return errors.New("not now")
				}
				return nil
			}
		})
		stop := run(t, s)
		defer stop()
		id := open(t, s)
		if got := call(t, s, "POST", "/v1/checkout/sessions/"+id+"/expire", nil); got.status != 200 {
			t.Fatal(got.body)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []time.Duration{0, time.Second, 6 * time.Second, 36 * time.Second, 156 * time.Second}
		if !slices.Equal(at, want) {
			t.Errorf("tried after %v, want %v", at, want)
		}
		if e := s.Events()[0]; !e.Delivered || e.Attempts != 5 {
			t.Errorf("the event is delivered: %v, after %d attempts; want true, 5", e.Delivered, e.Attempts)
		}
	})
}

func TestDeliveryIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var market listener
		s := newServer(t, func(c *Config) {
			c.Deliver = func(_ context.Context, e Event) error { market.hear(e); return errors.New("never") }
		})
		stop := run(t, s)
		defer stop()
		pay(t, s, open(t, s))
		time.Sleep(5 * 24 * time.Hour)
		synctest.Wait()
		after := len(market.all())
		if after < 2*70 || after > 2*85 {
			t.Errorf("tried %d times for two events, want about one an hour for three days", after)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if more := len(market.all()) - after; more != 0 {
			t.Errorf("tried %d more times after giving up", more)
		}
	})
}

// An endpoint that hangs holds up neither the others nor the end.
func TestSlowDeliveryHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var market listener
		s := newServer(t, func(c *Config) {
			c.Deliver = func(ctx context.Context, e Event) error {
				if market.hear(e) == 1 && e.Type == "payment_intent.succeeded" {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}
		})
		stop := run(t, s)
		defer stop()
		pay(t, s, open(t, s))
		time.Sleep(time.Second)
		if heard := market.all(); !slices.Contains(heard, "checkout.session.completed") {
			t.Errorf("heard %v: the second event waits for the first", heard)
		}
		time.Sleep(deliveryDeadline + 2*time.Second)
		if heard := market.all(); len(heard) != 3 || heard[2] != "payment_intent.succeeded" {
			t.Errorf("heard %v, want the slow one again", heard)
		}
	})
}

// A delivery cut short by the end is made again after the next start, at once.
func TestStoppingCostsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, func(c *Config) {
			c.Deliver = func(ctx context.Context, _ Event) error { <-ctx.Done(); return ctx.Err() }
		})
		stop := run(t, s)
		pay(t, s, open(t, s))
		time.Sleep(time.Second)
		stop()
		for _, e := range s.Events() {
			if e.Attempts != 0 || e.Delivered {
				t.Errorf("%s has had %d attempts, want none", e.Type, e.Attempts)
			}
		}
	})
}

// An event that nobody heard before the end is heard after the next start, and
// one that was is not told again.
func TestDeliverySurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "sandbox.json")
		var market listener
		var awake atomic.Bool
		keep := func(c *Config) {
			c.File = file
			c.Deliver = func(_ context.Context, e Event) error {
				if e.Type == "checkout.session.completed" && !awake.Load() {
					return errors.New("not now")
				}
				market.hear(e)
				return nil
			}
		}
		s := newServer(t, keep)
		stop := run(t, s)
		pay(t, s, open(t, s))
		time.Sleep(3 * time.Second)
		stop()
		if heard, want := market.all(), []string{"payment_intent.succeeded"}; !slices.Equal(heard, want) {
			t.Fatalf("heard %v, want %v", heard, want)
		}

		awake.Store(true)
		stop = run(t, newServer(t, keep))
		time.Sleep(10 * time.Second)
		stop()
		want := []string{"payment_intent.succeeded", "checkout.session.completed"}
		if heard := market.all(); !slices.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
	})
}

func TestWebhookIsSigned(t *testing.T) {
	type message struct {
		header http.Header
		body   []byte
	}
	heard := make(chan message, 10)
	var status atomic.Int32
	status.Store(http.StatusOK)
	market := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		heard <- message{r.Header, body}
		w.WriteHeader(int(status.Load()))
	}))
	defer market.Close()
	s := newServer(t, func(c *Config) { c.Deliver, c.WebhookURL = nil, market.URL+"/webhooks/stripe" })
	stop := run(t, s)
	defer stop()
	id := open(t, s)
	if got := call(t, s, "POST", "/v1/checkout/sessions/"+id+"/expire", nil); got.status != 200 {
		t.Fatal(got.body)
	}

	m := <-heard
	var event struct {
		ID, Type   string
		APIVersion string `json:"api_version"`
		Data       struct {
			Object struct{ ID, Status string }
		}
	}
	if err := json.Unmarshal(m.body, &event); err != nil {
		t.Fatal(err)
	}
	if event.Type != "checkout.session.expired" || event.APIVersion != apiVersion ||
		event.Data.Object.ID != id || event.Data.Object.Status != "expired" {
		t.Errorf("the market was told %+v", event)
	}
	stamp, signature, ok := strings.Cut(m.header.Get("Stripe-Signature"), ",v1=")
	mac := hmac.New(sha256.New, []byte("whsec_ours"))
	mac.Write([]byte(strings.TrimPrefix(stamp, "t=") + "."))
	mac.Write(m.body)
	if want := hex.EncodeToString(mac.Sum(nil)); !ok || signature != want {
		t.Errorf("Stripe-Signature is %q, want v1=%s", m.header.Get("Stripe-Signature"), want)
	}

	if err := s.Redeliver(t.Context(), event.ID); err != nil {
		t.Errorf("Redeliver: %v", err)
	}
	if again := <-heard; string(again.body) != string(m.body) {
		t.Errorf("delivered again it is %s, want %s", again.body, m.body)
	}
	status.Store(http.StatusFound)
	if err := s.Redeliver(t.Context(), event.ID); err == nil {
		t.Error("Redeliver took a redirect for an answer")
	}
	if err := s.Redeliver(t.Context(), "evt_x"); !errors.Is(err, ErrNoEvent) {
		t.Errorf("Redeliver of no event: %v, want %v", err, ErrNoEvent)
	}
}

func TestEventsAreListed(t *testing.T) {
	s := newServer(t, nil)
	pay(t, s, open(t, s))
	all := s.Events()
	got := call(t, s, "GET", "/v1/events", nil)
	data := got.body["data"].([]any)
	if len(data) != 2 || data[0].(map[string]any)["id"] != all[1].ID {
		t.Errorf("listed %v, want two, the newest first", data)
	}
	one := call(t, s, "GET", "/v1/events/"+all[0].ID, nil)
	if one.body["type"] != "payment_intent.succeeded" || one.body["pending_webhooks"] != 1.0 {
		t.Errorf("the event is %v, pending %v", one.body["type"], one.body["pending_webhooks"])
	}
	for query, want := range map[string]int{
		"type=checkout.session.completed": 1, "types[]=charge.refunded": 0, "created[gte]=1": 2, "created[lt]=1": 0,
	} {
		got := call(t, s, "GET", "/v1/events?"+query, nil)
		if data := got.body["data"].([]any); len(data) != want {
			t.Errorf("%s lists %d events, want %d", query, len(data), want)
		}
	}
}
