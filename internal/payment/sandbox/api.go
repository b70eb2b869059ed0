package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// An object is one of Stripe's, on its way to JSON.
type object map[string]any

// An apiError is a refusal in Stripe's shape.
type apiError struct {
	status int

	// kept has an Idempotency-Key remember the refusal. Stripe remembers what
	// came of a request that began to be executed, and not that its parameters
	// made no sense.
	kept bool

	Type    string `json:"type"`
	Code    string `json:"code,omitempty"`
	Param   string `json:"param,omitempty"`
	Message string `json:"message"`
}

// invalid returns the refusal of a request that cannot be carried out.
func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{
		status:  http.StatusBadRequest,
		Type:    "invalid_request_error",
		Code:    code,
		Param:   param,
		Message: fmt.Sprintf(format, args...),
	}
}

// missing returns the refusal of an id that names nothing.
func missing(what, param, id string) *apiError {
	e := invalid("resource_missing", param, "No such %s: '%s'", what, id)
	e.status = http.StatusNotFound
	return e
}

// An operation is one call of the API. It runs with s.mu held, so that calls
// take place one after the other.
type operation func(r *http.Request, q *param) (object, *apiError)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, op := range map[string]operation{
		"POST /v1/checkout/sessions":             s.createSession,
		"GET /v1/checkout/sessions":              s.listSessions,
		"GET /v1/checkout/sessions/{id}":         s.retrieveSession,
		"POST /v1/checkout/sessions/{id}/expire": s.expireSession,
		"GET /v1/payment_intents/{id}":           s.retrieveIntent,
		"POST /v1/refunds":                       s.createRefund,
		"GET /v1/refunds":                        s.listRefunds,
		"GET /v1/refunds/{id}":                   s.retrieveRefund,
		"GET /v1/events":                         s.listEvents,
		"GET /v1/events/{id}":                    s.retrieveEvent,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, op) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, func(r *http.Request, _ *param) (object, *apiError) {
			e := invalid("", "", "Unrecognized request URL (%s: %s).", r.Method, r.URL.Path)
			e.status = http.StatusNotFound
			return nil, e
		})
	})
	return mux
}

// versionShape is what a Stripe-Version looks like, the named ones included.
var versionShape = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$`)

// serve checks who calls and how, runs op, and sends what came of it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, op operation) {
	requestID := newID("req_")
	w.Header().Set("Request-Id", requestID)

	version := r.Header.Get("Stripe-Version")
	if version == "" {
		version = apiVersion
	}
	if !versionShape.MatchString(version) {
		s.refuse(w, invalid("", "", "Invalid Stripe API version."))
		return
	}
	w.Header().Set("Stripe-Version", version)

	if e := s.authorize(r); e != nil {
		s.refuse(w, e)
		return
	}
	q, e := readForm(w, r)
	if e != nil {
		s.refuse(w, e)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 {
		s.refuse(w, invalid("", "", "Idempotency keys can be at most 255 characters long."))
		return
	}

	a := s.perform(r, q, op, key, requestID)

	// The answer is a promise: it is given once the file holds it.
	if err := s.commit(); err != nil {
		s.log.ErrorContext(r.Context(), "sandbox state not saved", "request", requestID, "error", err)
		s.refuse(w, &apiError{status: http.StatusInternalServerError, Type: "api_error",
			Message: "The sandbox could not save its state."})
		return
	}
	if key != "" && r.Method == http.MethodPost {
		w.Header().Set("Idempotency-Key", key)
		w.Header().Set("Original-Request", a.Request)
		if a.Request != requestID {
			w.Header().Set("Idempotent-Replayed", "true")
		}
	}
	s.send(w, a.Status, a.Body)
}

// perform runs op under the lock, or finds the answer that an earlier request
// with the same key was given.
func (s *Server) perform(r *http.Request, q *param, op operation, key, requestID string) answer {
	s.mu.Lock()
	defer s.mu.Unlock()

	remember := key != "" && r.Method == http.MethodPost
	print := fingerprint(r, q)
	if remember {
		if a, ok := s.book.Keys[key]; ok && !a.stale(s.now()) {
			if e := a.mismatch(r, print); e != nil {
				return refusal(e, requestID)
			}
			return *a
		}
	}
	o, e := op(r, q)
	var a answer
	if e != nil {
		a = refusal(e, requestID)
	} else {
		a = answer{Request: requestID, Status: http.StatusOK, Body: encode(o)}
	}
	if remember && (e == nil || e.kept) {
		a.Path, a.Fingerprint, a.Created = r.URL.Path, print, s.now().Unix()
		s.book.Keys[key] = &a
		s.touch()
	}
	return a
}

// authorize accepts the secret key as a bearer token or as the user name of
// basic authentication, as Stripe does. The refusal repeats nothing of what was
// sent.
func (s *Server) authorize(r *http.Request) *apiError {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, ok = r.BasicAuth()
	}
	e := &apiError{status: http.StatusUnauthorized, Type: "invalid_request_error"}
	switch {
	case !ok || key == "":
		e.Message = "You did not provide an API key."
	case subtle.ConstantTimeCompare([]byte(key), []byte(s.cfg.SecretKey)) != 1:
		e.Message = "Invalid API Key provided."
	default:
		return nil
	}
	return e
}

// readForm reads the parameters from the query and the body.
func readForm(w http.ResponseWriter, r *http.Request) (*param, *apiError) {
	encoded := r.URL.RawQuery
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			e := invalid("", "", "The request is longer than %d bytes.", tooLong.Limit)
			e.status = http.StatusRequestEntityTooLarge
			return nil, e
		}
		if err != nil {
			return nil, invalid("", "", "The request could not be read.")
		}
		if kind := r.Header.Get("Content-Type"); len(body) > 0 && !strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
			return nil, invalid("", "", "Requests must be form-encoded.")
		}
		encoded += "&" + string(body)
	}
	q, err := parseForm(encoded)
	if err != nil {
		return nil, invalid("", "", "The parameters could not be read: %v.", err)
	}
	return q, nil
}

func (s *Server) refuse(w http.ResponseWriter, e *apiError) {
	s.send(w, e.status, encode(object{"error": e}))
}

func (s *Server) send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.log.Debug("sandbox answer not taken", "error", err) // the caller has gone, and will ask again
	}
}

// encode writes o as JSON. Objects hold nothing that JSON cannot say, so
// failing to is a bug.
func encode(o object) []byte {
	body, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("sandbox: %v", err))
	}
	return body
}

// page answers a list, newest first, by Stripe's cursors. The ids of all are
// given in order, and render draws those on the page.
func page(r *http.Request, q *param, ids []string, render func(id string) object) (object, *apiError) {
	limit := int(q.at("limit").number(10, 1, 100))
	after, before := q.at("starting_after").text(255), q.at("ending_before").text(255)
	if e := q.check(); e != nil {
		return nil, e
	}
	more := false
	switch {
	case after != "":
		i := slices.Index(ids, after)
		if i < 0 {
			return nil, missing("object", "starting_after", after)
		}
		ids = ids[i+1:]
	case before != "":
		i := slices.Index(ids, before)
		if i < 0 {
			return nil, missing("object", "ending_before", before)
		}
		if ids = ids[:i]; len(ids) > limit {
			ids, more = ids[len(ids)-limit:], true
		}
	}
	if len(ids) > limit {
		ids, more = ids[:limit], true
	}
	data := make([]object, 0, len(ids))
	for _, id := range ids {
		data = append(data, render(id))
	}
	return object{"object": "list", "url": r.URL.Path, "has_more": more, "data": data}, nil
}
