package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/postgres"
)

// Bounds of a request.
const (
	maxBody     = 256 << 10 // bytes of a form
	maxUpload   = 60 << 20  // bytes of a form with photos, each of which has its own limit
	maxQuery    = 4 << 10   // bytes of a query
	requestTime = 15 * time.Second
	uploadTime  = 5 * time.Minute // a photo over a slow connection
)

// uploads are the routes that take photos, and so more bytes and more time.
var uploads = map[string]bool{"/studio/orders/:number/photo": true, "/studio/drafts/:token/:step": true,
	"/studio/workshop/:part": true, "/studio/uploads/:id": true, "/admin/artisans/import": true, "/admin/logo": true, "/admin/artisans/:slug/files": true, "/studio/drafts/:token/voice": true}

// asks are the routes whose pages may ask the phone for something, and for what.
var asks = map[string]string{"/studio/drafts/:token/:step": "microphone", "/studio/drafts/:token/voice": "microphone",
	"/studio/workshop/place": "geolocation"}

func queryEscape(s string) string { return url.QueryEscape(s) }

type requestIDKey struct{}

// RequestID returns the name by which a request is found in the log.
func RequestID(c *gin.Context) string {
	id, _ := c.Request.Context().Value(requestIDKey{}).(string)
	return id
}

// LogHandler adds the request's id to every line that is logged for it.
type LogHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h LogHandler) Handle(ctx context.Context, r slog.Record) error {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h LogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return LogHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h LogHandler) WithGroup(name string) slog.Handler { return LogHandler{h.Handler.WithGroup(name)} }

// Router returns a router with what stands before every page: an id, a log
// line without anything personal, the apology for a panic, the policies, the
// bounds, and the refusal of forms from other sites.
func (s *Site) Router() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.HandleMethodNotAllowed = true
	r.RedirectTrailingSlash = true
	if err := r.SetTrustedProxies(s.Proxies); err != nil {
		return nil, fmt.Errorf("web: trusted proxies: %w", err)
	}
	r.Use(s.identify, s.recover, s.policies, s.bound, s.refuseCrossSite)
	r.NoRoute(s.Handle(func(*gin.Context) error { return ErrNoPage }))
	r.NoMethod(s.Handle(func(c *gin.Context) error {
		return ErrNoPage
	}))
	return r, nil
}

func (s *Site) identify(c *gin.Context) {
	begin := time.Now()
	id := strings.ToLower(rand.Text()[:10])
	ctx := identity.WithRequest(context.WithValue(c.Request.Context(), requestIDKey{}, id), id)
	ctx, queries := postgres.CountQueries(ctx)
	c.Request = c.Request.WithContext(ctx)
	c.Header("X-Request-Id", id)
	c.Next()
	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	s.observe(route, c.Writer.Status(), time.Since(begin))
	level := slog.LevelInfo
	if strings.HasPrefix(route, "/assets") || strings.HasPrefix(route, "/media") || route == "/livez" || route == "/readyz" {
		level = slog.LevelDebug
	}
	// The route and not the address: a token or a search is nobody's business.
	s.Log.Log(ctx, level, "request", "method", c.Request.Method, "route", route,
		"status", c.Writer.Status(), "bytes", max(c.Writer.Size(), 0), "ms", time.Since(begin).Milliseconds(), "queries", queries.Load())
}

func (s *Site) recover(c *gin.Context) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.Log.ErrorContext(c.Request.Context(), "panic", "method", c.Request.Method, "route", c.FullPath(),
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			c.Abort()
			if !c.Writer.Written() {
				s.apologise(c)
			}
		}
	}()
	c.Next()
}

func (s *Site) policies(c *gin.Context) {
	h := c.Writer.Header()
	if strings.HasPrefix(c.Request.URL.Path, "/assets/") || strings.HasPrefix(c.Request.URL.Path, "/media/") ||
		strings.HasPrefix(c.Request.URL.Path, "/voices/") {
		h.Set("X-Content-Type-Options", "nosniff")
		c.Next()
		return
	}
	blobs := ""
	if asks[c.FullPath()] == "microphone" {
		blobs = " blob:" // What was just recorded is heard before it has arrived.
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "+
		"media-src 'self'"+blobs+"; connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; "+
		"form-action "+strings.Join(append([]string{"'self'"}, s.FormHosts...), " "))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	permissions := "camera=(), microphone=(), geolocation=(), payment=()"
	if asked := asks[c.FullPath()]; asked != "" {
		permissions = strings.Replace(permissions, asked+"=()", asked+"=(self)", 1)
	}
	h.Set("Permissions-Policy", permissions)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if s.Production {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	c.Next()
}

func (s *Site) bound(c *gin.Context) {
	if len(c.Request.URL.RawQuery) > maxQuery || len(c.Request.URL.Path) > 1000 {
		c.Abort()
		s.Fail(c, ErrMalformed)
		return
	}
	if strings.ContainsRune(c.Request.URL.Path, 0) || strings.Contains(c.Request.URL.RawQuery, "%00") {
		c.Abort()
		s.Fail(c, ErrMalformed) // PostgreSQL takes no NUL in a text.
		return
	}
	size, patience := int64(maxBody), requestTime
	if uploads[c.FullPath()] {
		size, patience = maxUpload, uploadTime
		deadline := time.Now().Add(uploadTime)
		control := http.NewResponseController(c.Writer)
		if err := errors.Join(control.SetReadDeadline(deadline), control.SetWriteDeadline(deadline)); err != nil {
			s.Log.WarnContext(c.Request.Context(), "an upload has the time of an ordinary request", "error", err)
		}
	}
	if c.Request.Body != nil {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, size)
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), patience)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

var crossOrigin = http.NewCrossOriginProtection()

// refuseCrossSite holds every unsafe method to our own pages. A provider's
// webhook comes from no browser and passes; its signature is its own proof.
func (s *Site) refuseCrossSite(c *gin.Context) {
	if err := crossOrigin.Check(c.Request); err != nil {
		c.Abort()
		s.Fail(c, fmt.Errorf("%w: %w", ErrCrossSite, err))
		return
	}
	c.Next()
}
