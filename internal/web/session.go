package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/lang"
)

// How long someone stays signed in without doing anything: staff until the end
// of the day, an artisan for a season on their own phone.
const (
	StaffSession   = 12 * time.Hour
	ArtisanSession = 90 * 24 * time.Hour
)

// lifetime is how long an account stays signed in.
func lifetime(a identity.Account) time.Duration {
	if a.May(identity.SeeOrders) || !a.May(identity.EnterStudio) {
		return StaffSession
	}
	return ArtisanSession
}

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

// ofAccount is the list of an account's sessions, for revoking them.
func ofAccount(id identity.AccountID) string { return fmt.Sprintf("sessions:%d", id) }

func sessionKey(secret string) string {
	sum := sha256.Sum256([]byte("session " + secret))
	return "session:" + hex.EncodeToString(sum[:16])
}

// Begin signs an account in under a new secret; one that the browser had
// before is of no more use.
func (s *Sessions) Begin(c *gin.Context, a identity.Account) error {
	ctx := c.Request.Context()
	secret, life := strings.ToLower(rand.Text()), lifetime(a)
	_, err := s.Redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		if old, err := c.Cookie(SessionCookie); err == nil {
			p.Del(ctx, sessionKey(old))
		}
		p.Set(ctx, sessionKey(secret), fmt.Sprintf("%d %d", a.ID, int64(life/time.Second)), life)
		p.SAdd(ctx, ofAccount(a.ID), sessionKey(secret))
		p.Expire(ctx, ofAccount(a.ID), ArtisanSession)
		return nil
	})
	if err != nil {
		return fmt.Errorf("web: begin a session: %w: %w", err, ErrSessionsAway)
	}
	age := 0 // Staff sign in anew when the browser was closed.
	if life == ArtisanSession {
		age = int(life / time.Second)
	}
	s.setCookie(c, SessionCookie, secret, age, true)
	return nil
}

// Revoke signs an account out wherever it is signed in.
func (s *Sessions) Revoke(ctx context.Context, id identity.AccountID) error {
	keys, err := s.Redis.SMembers(ctx, ofAccount(id)).Result()
	if err == nil {
		// One by one: in a cluster they lie apart.
		for _, key := range append(keys, ofAccount(id)) {
			if err = s.Redis.Del(ctx, key).Err(); err != nil {
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("web: revoke sessions: %w: %w", err, ErrSessionsAway)
	}
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

// account returns who is signed in, or ErrSignedOut. Being here keeps one
// signed in.
func (s *Sessions) account(ctx context.Context, secret string) (identity.AccountID, error) {
	v, err := s.Redis.Get(ctx, sessionKey(secret)).Result()
	if errors.Is(err, redis.Nil) {
		return 0, ErrSignedOut
	}
	if err != nil {
		return 0, fmt.Errorf("web: session: %w: %w", err, ErrSessionsAway)
	}
	var id, seconds int64
	if _, err := fmt.Sscanf(v, "%d %d", &id, &seconds); err != nil {
		return 0, fmt.Errorf("web: session holds %q: %w", v, err)
	}
	if err := s.Redis.Expire(ctx, sessionKey(secret), time.Duration(seconds)*time.Second).Err(); err != nil {
		return 0, fmt.Errorf("web: keep a session: %w: %w", err, ErrSessionsAway)
	}
	return identity.AccountID(id), nil
}

// A challenge waits five minutes for its answer.
const (
	challengeCookie = "challenge"
	challengeLife   = 5 * time.Minute
)

func challengeKey(secret string) string {
	sum := sha256.Sum256([]byte("challenge " + secret))
	return "challenge:" + hex.EncodeToString(sum[:16])
}

// KeepChallenge keeps what an answer is to be held against, for this browser.
func (s *Sessions) KeepChallenge(c *gin.Context, kept []byte) error {
	secret := strings.ToLower(rand.Text())
	if err := s.Redis.Set(c.Request.Context(), challengeKey(secret), kept, challengeLife).Err(); err != nil {
		return fmt.Errorf("web: keep a challenge: %w: %w", err, ErrSessionsAway)
	}
	s.setCookie(c, challengeCookie, secret, int(challengeLife/time.Second), true)
	return nil
}

// TakeChallenge returns what KeepChallenge kept, once, or identity.ErrNoPasskey.
func (s *Sessions) TakeChallenge(c *gin.Context) ([]byte, error) {
	secret, err := c.Cookie(challengeCookie)
	if err != nil {
		return nil, identity.ErrNoPasskey
	}
	kept, err := s.Redis.GetDel(c.Request.Context(), challengeKey(secret)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, identity.ErrNoPasskey
	}
	if err != nil {
		return nil, fmt.Errorf("web: take a challenge: %w: %w", err, ErrSessionsAway)
	}
	s.setCookie(c, challengeCookie, "", -1, true)
	return kept, nil
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

// For lets in who may do act, in the account's own language. Someone signed out
// goes to the sign-in and comes back.
func (s *Site) For(act identity.Act, fn func(*gin.Context, identity.Account) error) gin.HandlerFunc {
	return s.Anyone(func(c *gin.Context, a identity.Account) error {
		if !a.May(act) {
			return identity.ErrForbidden
		}
		return fn(c, a)
	})
}

// Anyone is For whoever is signed in.
func (s *Site) Anyone(fn func(*gin.Context, identity.Account) error) gin.HandlerFunc {
	return s.Handle(func(c *gin.Context) error {
		a, err := s.Account(c)
		if err != nil {
			return err
		}
		SetLanguage(lang.Or(a.Language))(c)
		return fn(c, a)
	})
}
