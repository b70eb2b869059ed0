package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	deliveryDeadline = 10 * time.Second
	deliveriesAtOnce = 8
	giveUpAfter      = 3 * 24 * time.Hour // as Stripe does
)

// backoff is how long to wait after the first attempt, the second and so on.
// The last one repeats.
var backoff = []time.Duration{
	time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
}

// deliverDue begins to deliver the events that are due, several at a time, and
// returns how long it is until the next one is. A delivery may be made twice
// and in any order, as Stripe says of its own.
func (s *Server) deliverDue(ctx context.Context, running *sync.WaitGroup) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()

	busy := 0
	for _, e := range s.book.Events {
		if e.delivering {
			busy++
		}
	}
	now, next := s.now(), time.Hour
	for _, e := range s.book.Events {
		if e.State != waiting || e.delivering {
			continue
		}
		if wait := e.Next.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		if busy == deliveriesAtOnce {
			break // the end of one wakes Run again
		}
		busy++
		e.delivering = true
		running.Go(func() { s.deliver(ctx, e) })
	}
	return next
}

// deliver makes one attempt and notes what came of it. Only the attempt itself
// is made without s.mu.
func (s *Server) deliver(ctx context.Context, e *event) {
	s.mu.Lock()
	what := e.public()
	s.mu.Unlock()

	err := s.hand(ctx, what)

	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.nudge()
	e.delivering = false
	if err != nil && ctx.Err() != nil {
		return // we are stopping; the attempt counts for nothing
	}
	s.touch()
	e.Attempts++
	if err == nil {
		e.State = delivered
		return
	}
	now := s.now()
	if now.Sub(time.Unix(e.Created, 0)) > giveUpAfter {
		e.State = given
		s.log.ErrorContext(ctx, "sandbox event given up", "event", e.ID, "type", e.Type, "attempts", e.Attempts, "error", err)
		return
	}
	e.Next = now.Add(backoff[min(e.Attempts, len(backoff))-1])
	s.log.WarnContext(ctx, "sandbox event not delivered", "event", e.ID, "type", e.Type, "attempts", e.Attempts, "error", err)
}

// hand gives an event to whoever is to hear of it.
func (s *Server) hand(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryDeadline)
	defer cancel()
	if s.cfg.Deliver != nil {
		return s.cfg.Deliver(ctx, e)
	}
	return s.Post(ctx, e)
}

// Redeliver delivers an event once more, at once, whatever came of it before.
// It returns ErrNoEvent, or why the delivery failed; the event's own schedule
// goes on as before.
func (s *Server) Redeliver(ctx context.Context, id string) error {
	s.mu.Lock()
	e := s.eventByID(id)
	if e == nil {
		s.mu.Unlock()
		return ErrNoEvent
	}
	what := e.public()
	s.mu.Unlock()
	if err := s.hand(ctx, what); err != nil {
		return fmt.Errorf("sandbox: redeliver %s: %w", id, err)
	}
	return nil
}

// Post sends an event to Config.WebhookURL, signed. Anything but a 2xx answer
// is an error.
func (s *Server) Post(ctx context.Context, e Event) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.WebhookURL, bytes.NewReader(e.Payload))
	if err != nil {
		return fmt.Errorf("sandbox: post %s: %w", e.ID, err)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Stripe/1.0 (sandbox)")
	r.Header.Set("Stripe-Signature", s.Sign(e.Payload))
	resp, err := s.webhook.Do(r)
	if err != nil {
		return fmt.Errorf("sandbox: post %s: %w", e.ID, err)
	}
	// What it says is of no interest, but a connection is used again only
	// once it has been read.
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	err = errors.Join(err, resp.Body.Close())
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("sandbox: post %s: answered %s", e.ID, resp.Status)
	}
	if err != nil {
		return fmt.Errorf("sandbox: post %s: %w", e.ID, err)
	}
	return nil
}

// Sign returns the Stripe-Signature of a body sent now.
func (s *Server) Sign(body []byte) string {
	t := strconv.FormatInt(s.now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(s.cfg.WebhookSecret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
