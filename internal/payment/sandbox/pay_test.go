package sandbox

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPay(t *testing.T) {
	const failed, paid, completed = "payment_intent.payment_failed", "payment_intent.succeeded", "checkout.session.completed"
	tests := []struct {
		name    string
		card    Card
		result  Result
		decline string
		events  []string
	}{
		{"a good card", card("4242 4242 4242 4242"), Paid, "", []string{paid, completed}},
		{"another good card", card("5555555555554444"), Paid, "", []string{paid, completed}},
		{"declined", card("4000000000000002"), Declined, GenericDecline, []string{failed}},
		{"no funds", card("4000000000009995"), Declined, InsufficientFunds, []string{failed}},
		{"expired at the bank", card("4000000000000069"), Declined, ExpiredCard, []string{failed}},
		{"somebody's card", card("4111111111111111"), Declined, TestCardsOnly, []string{failed}},
		{"3-D Secure", card("4000002500003155"), Challenge, "", nil},
		{"3-D Secure always", card("4000002760003184"), Challenge, "", nil},
		{"mistyped", card("4242424242424241"), Invalid, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, nil)
			id := open(t, s)
			out, err := s.Pay(t.Context(), id, tt.card)
			if err != nil || out.Result != tt.result || out.Decline != tt.decline {
				t.Fatalf("Pay = %+v, %v; want %s %q", out, err, tt.result, tt.decline)
			}
			if got := kinds(s); !slices.Equal(got, tt.events) {
				t.Errorf("the events are %v, want %v", got, tt.events)
			}
			page, err := s.Session(id)
			if err != nil {
				t.Fatal(err)
			}
			want := Session{Status: Open, Asking: tt.result == Challenge}
			if tt.result == Paid {
				want.Status = Complete
				if out.Return != page.SuccessURL {
					t.Errorf("the buyer goes on to %q, want %q", out.Return, page.SuccessURL)
				}
			}
			if page.Status != want.Status || page.Asking != want.Asking || out.Status != want.Status {
				t.Errorf("the session is %s (outcome %s), asking %v; want %s, %v", page.Status, out.Status, page.Asking, want.Status, want.Asking)
			}
		})
	}
}

func TestConfirm(t *testing.T) {
	tests := []struct {
		name    string
		number  string
		ok      bool
		result  Result
		decline string
	}{
		{"confirmed", "4000002500003155", true, Paid, ""},
		{"refused", "4000002500003155", false, Declined, NotAuthenticated},
		{"confirmed, and no funds", "4000008260003178", true, Declined, InsufficientFunds},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, nil)
			id := open(t, s)
			if _, err := s.Confirm(t.Context(), id, true); !errors.Is(err, ErrNotAsked) {
				t.Errorf("Confirm before anything was asked: %v, want %v", err, ErrNotAsked)
			}
			if out, err := s.Pay(t.Context(), id, card(tt.number)); err != nil || out.Result != Challenge {
				t.Fatalf("Pay = %+v, %v; want a challenge", out, err)
			}
			out, err := s.Confirm(t.Context(), id, tt.ok)
			if err != nil || out.Result != tt.result || out.Decline != tt.decline {
				t.Errorf("Confirm(%v) = %+v, %v; want %s %q", tt.ok, out, err, tt.result, tt.decline)
			}
			// Whatever came of it, a second answer charges nothing.
			out, err = s.Confirm(t.Context(), id, true)
			if tt.result == Paid && (err != nil || out.Result != Gone) || tt.result == Declined && !errors.Is(err, ErrNotAsked) {
				t.Errorf("Confirm again = %+v, %v", out, err)
			}
			if tt.result == Declined {
				pay(t, s, id) // another card still does
			}
		})
	}
}

func TestPayUnknownSession(t *testing.T) {
	s := newServer(t, nil)
	if _, err := s.Pay(t.Context(), "cs_test_x", card("4242424242424242")); !errors.Is(err, ErrNoSession) {
		t.Errorf("Pay: %v, want %v", err, ErrNoSession)
	}
	if _, err := s.Session("cs_test_x"); !errors.Is(err, ErrNoSession) {
		t.Errorf("Session: %v, want %v", err, ErrNoSession)
	}
}

// Several tabs pay the same session. It is charged once.
func TestPayTwiceChargesOnce(t *testing.T) {
	s := newServer(t, nil)
	id := open(t, s)
	var wg sync.WaitGroup
	outs := make([]Outcome, 10)
	for i := range outs {
		wg.Go(func() {
			var err error
			if outs[i], err = s.Pay(t.Context(), id, card("4242424242424242")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	paid := 0
	for _, out := range outs {
		switch {
		case out.Result == Paid:
			paid++
		case out.Result != Gone || out.Status != Complete:
			t.Errorf("a tab was told %+v, want that it is paid already", out)
		}
	}
	if paid != 1 {
		t.Errorf("paid %d times, want once", paid)
	}
	if got, want := kinds(s), []string{"payment_intent.succeeded", "checkout.session.completed"}; !slices.Equal(got, want) {
		t.Errorf("the events are %v, want %v", got, want)
	}
}

// A buyer pays while the market expires the session. One of the two wins, and
// everybody is told the same.
func TestPayAgainstExpire(t *testing.T) {
	for range 100 {
		s := newServer(t, nil)
		id := open(t, s)
		var wg sync.WaitGroup
		var out Outcome
		expired := make([]reply, 2)
		wg.Go(func() {
			var err error
			if out, err = s.Pay(t.Context(), id, card("4242424242424242")); err != nil {
				t.Error(err)
			}
		})
		for i := range expired {
			wg.Go(func() { expired[i] = call(t, s, "POST", "/v1/checkout/sessions/"+id+"/expire", url.Values{}) })
		}
		wg.Wait()

		won := 0
		if out.Result == Paid {
			won++
		}
		for _, e := range expired {
			if e.status == 200 {
				won++
			}
		}
		if won != 1 {
			t.Fatalf("paid: %s; expired: %d, %d; want exactly one of them", out.Result, expired[0].status, expired[1].status)
		}
		page, err := s.Session(id)
		if err != nil {
			t.Fatal(err)
		}
		if (page.Status == Complete) != (out.Result == Paid) {
			t.Fatalf("the session is %s and the buyer was told %s", page.Status, out.Result)
		}
	}
}

func TestSessionLapses(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	s := newServer(t, func(c *Config) { c.Now = func() time.Time { return now } })
	id := open(t, s)
	if out, err := s.Pay(t.Context(), id, card("4000002500003155")); err != nil || out.Result != Challenge {
		t.Fatalf("Pay = %+v, %v; want a challenge", out, err)
	}
	now = now.Add(45 * time.Minute)
	// Run has not come round yet, and still nobody can pay.
	out, err := s.Confirm(t.Context(), id, true)
	if err != nil || out.Result != Gone || out.Status != Expired || out.Return != "http://market.test/back" {
		t.Errorf("Confirm at the last moment = %+v, %v; want gone, expired, and back", out, err)
	}
	if got, want := kinds(s), []string{"checkout.session.expired"}; !slices.Equal(got, want) {
		t.Errorf("the events are %v, want %v", got, want)
	}
	if got := call(t, s, "POST", "/v1/checkout/sessions/"+id+"/expire", nil); got.status != 400 {
		t.Errorf("expiring it again answered %d, want 400", got.status)
	}
}

func TestNothingOfACardIsKept(t *testing.T) {
	file := t.TempDir() + "/sandbox.json"
	s := newServer(t, func(c *Config) { c.File = file })
	id := open(t, s)
	secret := Card{Number: "4111111111111111", Expiry: "12/49", CVC: "739", Name: "Zahra Unmistakable"}
	if _, err := s.Pay(t.Context(), id, secret); err != nil {
		t.Fatal(err)
	}
	pay(t, s, id)
	kept := readFile(t, file)
	for _, word := range []string{"4111111111111111", "4242424242424242", `"1111"`, "Unmistakable", "739\"", "12/49"} {
		if strings.Contains(kept, word) {
			t.Errorf("the file holds %q", word)
		}
	}
	if !strings.Contains(kept, `"last4":"4242"`) {
		t.Error("the file does not hold the last digits of the test card")
	}
}
