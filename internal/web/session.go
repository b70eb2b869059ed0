package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
)

// SessionLifetime is how long someone stays signed in without doing anything.
const SessionLifetime = 12 * time.Hour

// SessionCookie holds the session's secret.
const SessionCookie = "session"

// ErrSessionsAway is returned while Redis does not answer.
var ErrSessionsAway = fault.New(fault.Busy, "error.away")

// Sessions keep who is signed in, in Redis. The cookie holds a random secret;
// Redis knows its hash, so that a look into Redis signs nobody in.
type Sessions struct {
	Redis  redis.UniversalClient
	Secure bool // cookies over https alone
}

func sessionKey(secret string) string {
	sum := sha256.Sum256([]byte("session " + secret))
	return "session:" + hex.EncodeToString(sum[:16])
}

// Begin signs an account in under a new secret; one that the browser had
// before is of no more use.
func (s *Sessions) Begin(c *gin.Context, id identity.AccountID) error {
	ctx := c.Request.Context()
	if old, err := c.Cookie(SessionCookie); err == nil {
		if err := s.Redis.Del(ctx, sessionKey(old)).Err(); err != nil {
			return fmt.Errorf("web: end the old session: %w: %w", err, ErrSessionsAway)
		}
	}
	secret := strings.ToLower(rand.Text())
	if err := s.Redis.Set(ctx, sessionKey(secret), int64(id), SessionLifetime).Err(); err != nil {
		return fmt.Errorf("web: begin a session: %w: %w", err, ErrSessionsAway)
	}
	s.setCookie(c, SessionCookie, secret, 0, true)
	return nil
}

// End signs out.
func (s *Sessions) End(c *gin.Context) error {
	if secret, err := c.Cookie(SessionCookie); err == nil {
		if err := s.Redis.Del(c.Request.Context(), sessionKey(secret)).Err(); err != nil {
			return fmt.Errorf("web: end a session: %w: %w", err, ErrSessionsAway)
		}
	}
	s.setCookie(c, SessionCookie, "", -1, true)
	return nil
}

// account returns who is signed in, or ErrSignedOut.
func (s *Sessions) account(ctx context.Context, secret string) (identity.AccountID, error) {
	v, err := s.Redis.GetEx(ctx, sessionKey(secret), SessionLifetime).Result()
	if errors.Is(err, redis.Nil) {
		return 0, ErrSignedOut
	}
	if err != nil {
		return 0, fmt.Errorf("web: session: %w: %w", err, ErrSessionsAway)
	}
	id, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("web: session holds %q: %w", v, err)
	}
	return identity.AccountID(id), nil
}

// setCookie sets a cookie of ours; maxAge in seconds, 0 until the browser is
// closed, below 0 to delete it.
func (s *Sessions) setCookie(c *gin.Context, name, value string, maxAge int, httpOnly bool) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: httpOnly, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// SetCookie sets a cookie of ours for so many seconds.
func (s *Site) SetCookie(c *gin.Context, name, value string, maxAge int, httpOnly bool) {
	s.Sessions.setCookie(c, name, value, maxAge, httpOnly)
}

// Account returns who is signed in, or ErrSignedOut.
func (s *Site) Account(c *gin.Context) (identity.Account, error) {
	secret, err := c.Cookie(SessionCookie)
	if err != nil || secret == "" {
		return identity.Account{}, ErrSignedOut
	}
	id, err := s.Sessions.account(c.Request.Context(), secret)
	if err != nil {
		return identity.Account{}, err
	}
	a, err := identity.ByID(c.Request.Context(), s.Pool, id)
	if errors.Is(err, identity.ErrNoAccount) || err == nil && a.State != identity.Active {
		return identity.Account{}, ErrSignedOut
	}
	return a, err
}
