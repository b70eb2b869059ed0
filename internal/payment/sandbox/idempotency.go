package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"
)

// keyLife is how long an Idempotency-Key is remembered, as at Stripe.
const keyLife = 24 * time.Hour

// An answer is what a request was told, kept under its Idempotency-Key so that
// the same request sent again is told the same and does nothing more.
type answer struct {
	Request     string          `json:"request"` // the id of the request that was carried out
	Path        string          `json:"path"`
	Fingerprint string          `json:"fingerprint"`
	Created     int64           `json:"created"`
	Status      int             `json:"status"`
	Body        json.RawMessage `json:"body"`
}

func (a *answer) stale(now time.Time) bool { return now.Sub(time.Unix(a.Created, 0)) > keyLife }

// mismatch refuses a key that comes back with a request other than its own.
func (a *answer) mismatch(r *http.Request, print string) *apiError {
	e := &apiError{status: http.StatusBadRequest, Type: "idempotency_error"}
	switch {
	case a.Path != r.URL.Path:
		e.Message = "Keys for idempotent requests can only be used for the same endpoint they were first used for."
	case a.Fingerprint != print:
		e.Message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
	default:
		return nil
	}
	return e
}

// fingerprint tells requests apart without keeping what they said.
func fingerprint(r *http.Request, q *param) string {
	sum := sha256.Sum256([]byte(r.Method + " " + r.URL.Path + "?" + q.canonical()))
	return hex.EncodeToString(sum[:])
}

func refusal(e *apiError, requestID string) answer {
	return answer{Request: requestID, Status: e.status, Body: encode(object{"error": e})}
}
