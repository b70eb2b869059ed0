package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

// ErrNoEvent means that no event has the id asked for.
var ErrNoEvent = errors.New("sandbox: no such event")

// What can become of an event's delivery.
const (
	waiting   = "waiting"
	delivered = "delivered"
	given     = "given_up"
)

// An event is something that happened, to be told to the market.
type event struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Purchase string          `json:"purchase"` // whose event it is, and goes with it
	Created  int64           `json:"created"`
	Payload  json.RawMessage `json:"payload"` // as it is delivered

	State    string    `json:"state"`
	Attempts int       `json:"attempts"`
	Next     time.Time `json:"next"` // of the next attempt, while waiting

	delivering bool
}

// An Event is what the market is told, and whether it has heard.
type Event struct {
	ID        string
	Type      string
	Created   time.Time
	Payload   []byte // the JSON body of a delivery
	Delivered bool
	Attempts  int
}

func (e *event) public() Event {
	return Event{
		ID:        e.ID,
		Type:      e.Type,
		Created:   time.Unix(e.Created, 0),
		Payload:   slices.Clone(e.Payload),
		Delivered: e.State == delivered,
		Attempts:  e.Attempts,
	}
}

// announce notes an event about p. about is drawn now: an event tells how
// things stood when it happened. It is called with s.mu held.
func (s *Server) announce(p *purchase, kind string, about object) {
	now := s.now()
	id := newID("evt_")
	s.book.Events = append(s.book.Events, &event{
		ID:       id,
		Type:     kind,
		Purchase: p.ID,
		Created:  now.Unix(),
		Payload: encode(object{
			"id":               id,
			"object":           "event",
			"api_version":      apiVersion,
			"created":          now.Unix(),
			"data":             object{"object": about},
			"livemode":         false,
			"pending_webhooks": 1,
			"request":          object{"id": nil, "idempotency_key": nil},
			"type":             kind,
		}),
		State: waiting,
		Next:  now,
	})
	s.touch()
	s.nudge()
}

// Events returns what has happened, oldest first.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := make([]Event, 0, len(s.book.Events))
	for _, e := range s.book.Events {
		events = append(events, e.public())
	}
	return events
}

func (s *Server) eventByID(id string) *event {
	for _, e := range s.book.Events {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// listEvents is GET /v1/events.
func (s *Server) listEvents(r *http.Request, q *param) (object, *apiError) {
	var kinds []string
	if kind := q.at("type").text(100); kind != "" {
		kinds = append(kinds, kind)
	}
	for _, kind := range q.at("types").list() {
		kinds = append(kinds, kind.text(100))
	}
	created := q.at("created")
	from, to := created.at("gte").number(0, 0, 1<<40), created.at("lte").number(1<<40, 0, 1<<40)
	from = max(from, created.at("gt").number(-1, 0, 1<<40)+1)
	to = min(to, created.at("lt").number(1<<40+1, 0, 1<<40)-1)

	byID := map[string]*event{}
	var ids []string
	for _, e := range slices.Backward(s.book.Events) {
		if len(kinds) > 0 && !slices.Contains(kinds, e.Type) || e.Created < from || e.Created > to {
			continue
		}
		ids = append(ids, e.ID)
		byID[e.ID] = e
	}
	return page(r, q, ids, func(id string) object { return byID[id].object() })
}

// retrieveEvent is GET /v1/events/{id}.
func (s *Server) retrieveEvent(r *http.Request, q *param) (object, *apiError) {
	if e := q.check(); e != nil {
		return nil, e
	}
	id := r.PathValue("id")
	e := s.eventByID(id)
	if e == nil {
		return nil, missing("event", "id", id)
	}
	return e.object(), nil
}

// object draws e as it was delivered, but for whether it still is to be.
func (e *event) object() object {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(e.Payload, &o); err != nil {
		panic("sandbox: event " + e.ID + " is not JSON: " + err.Error()) // announce wrote it
	}
	out := object{}
	for key, value := range o {
		out[key] = value
	}
	if e.State != waiting {
		out["pending_webhooks"] = 0
	}
	return out
}
