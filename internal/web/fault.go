package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/postgres"
)

// statuses says how each kind of fault reads over HTTP.
var statuses = map[fault.Kind]int{
	fault.Invalid:   http.StatusUnprocessableEntity,
	fault.SignedOut: http.StatusUnauthorized,
	fault.Forbidden: http.StatusForbidden,
	fault.NotFound:  http.StatusNotFound,
	fault.Conflict:  http.StatusConflict,
	fault.Malformed: http.StatusBadRequest,
	fault.TooLarge:  http.StatusRequestEntityTooLarge,
	fault.TooMany:   http.StatusTooManyRequests,
	fault.Busy:      http.StatusServiceUnavailable,
}

// Status returns the HTTP status of a kind of fault.
func Status(k fault.Kind) int { return statuses[k] }

var (
	// ErrNoPage is for an address that leads nowhere.
	ErrNoPage = fault.New(fault.NotFound, "error.not_found")
	// ErrSignedOut is for a page that needs someone signed in.
	ErrSignedOut = fault.New(fault.SignedOut, "error.signed_out")
	// ErrAskWhoMay is for someone who may not, with the names of those who may.
	ErrAskWhoMay = fault.New(fault.Forbidden, "error.ask_who_may")
	// ErrMalformed is for a request that no form of ours makes.
	ErrMalformed = fault.New(fault.Malformed, "error.malformed")
	// ErrTooLarge is for a body beyond what its page takes.
	ErrTooLarge = fault.New(fault.TooLarge, "error.too_large")
	// ErrTooMany is for someone who asks too often.
	ErrTooMany = fault.New(fault.TooMany, "error.too_many")
	// ErrCrossSite is for a form that was sent from another site.
	ErrCrossSite = fault.New(fault.Forbidden, "error.cross_site")
	// ErrAway is for the time while the database does not answer.
	ErrAway = fault.New(fault.Busy, "error.away")
)

// FaultPage is shop/fault.
type FaultPage struct {
	Page
	Status    int
	Said      string // what is so
	More      string // what to do
	Reference string // finds the request in the log, where it is our fault
	Ours      bool
	Search    bool // a lost visitor may be looking for something
}

// Handle turns a handler that may fail into one for Gin. It is the only place
// where an error becomes a response.
func (s *Site) Handle(fn func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := fn(c); err != nil {
			c.Abort()
			s.Fail(c, err)
		}
	}
}

// Fail answers with the page of an error. What is not a fault is a bug: it is
// logged here, once, and the visitor gets a reference to it.
func (s *Site) Fail(c *gin.Context, err error) {
	ctx := c.Request.Context()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		c.Status(499) // The visitor went away; nobody reads an answer.
		return
	}
	f := (*fault.Fault)(nil)
	if !errors.As(err, &f) && postgres.IsAway(err) {
		s.Log.WarnContext(ctx, "the database is away", "route", c.FullPath(), "error", err)
		f = ErrAway
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		f = ErrTooLarge
	}
	if f == nil {
		s.Log.ErrorContext(ctx, "request failed", "method", c.Request.Method, "route", c.FullPath(), "error", err)
		s.apologise(c)
		return
	}
	status := statuses[f.Kind]
	if f.Kind == fault.Busy {
		s.Log.WarnContext(ctx, "request put off", "route", c.FullPath(), "error", err)
		c.Header("Retry-After", "10")
	}
	if f.Kind == fault.SignedOut && c.Request.Method == http.MethodGet {
		Redirect(c, Path(c, "/sign-in?next="+queryEscape(c.Request.URL.RequestURI())))
		return
	}
	l := Language(c)
	page := &FaultPage{
		Page: s.Page(c, l.T(f.Key, f.Args...)), Status: status, Said: l.T(f.Key, f.Args...),
		Search: f.Kind == fault.NotFound,
	}
	page.NoIndex = true
	if more := f.Key + ".more"; l.Has(more) {
		page.More = l.T(more, f.Args...)
	}
	if WantsJSON(c) {
		c.Header("Cache-Control", "no-store")
		c.JSON(status, gin.H{"fault": page.Said})
		return
	}
	if err := s.Render(c, status, "shop/fault", page); err != nil {
		s.Log.ErrorContext(ctx, "fault page failed", "error", err)
		s.apologise(c)
	}
}

// apologise answers for a bug. It does without the database and, in the last
// resort, without templates.
func (s *Site) apologise(c *gin.Context) {
	l := Language(c)
	page := &FaultPage{
		Page:   Page{Lang: l.Code, Dir: l.Dir, Title: l.T("error.internal"), Market: "Kissaria", Home: "/" + l.Code + "/", NoIndex: true},
		Status: http.StatusInternalServerError, Said: l.T("error.internal"), More: l.T("error.internal.more"),
		Reference: RequestID(c), Ours: true,
	}
	if WantsJSON(c) {
		c.JSON(http.StatusInternalServerError, gin.H{"fault": page.Said, "reference": page.Reference})
		return
	}
	if err := s.Render(c, http.StatusInternalServerError, "shop/fault", page); err != nil {
		s.Log.ErrorContext(c.Request.Context(), "apology failed", "error", err)
		c.String(http.StatusInternalServerError, "Kissaria: %s", RequestID(c))
	}
}

// WantsJSON reports whether a script of ours asks, rather than a browser.
func WantsJSON(c *gin.Context) bool {
	return strings.HasPrefix(c.GetHeader("Accept"), "application/json")
}
