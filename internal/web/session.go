package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	Prefix string // keeps apart several markets on one Redis
	Secure bool   // cookies over https alone
}

// ofAccount is the list of an account's sessions, for revoking them.
func (s *Sessions) ofAccount(id identity.AccountID) string {
	return fmt.Sprintf("%ssessions:%d", s.Prefix, id)
}

// named is the key of the session of that name.
func (s *Sessions) named(name string) string { return s.Prefix + "session:" + name }

func (s *Sessions) key(secret string) string { return s.named(nameOf(secret)) }

// nameOf is what a session is called where it is listed; it opens nothing.
func nameOf(secret string) string {
	sum := sha256.Sum256([]byte("session " + secret))
	return hex.EncodeToString(sum[:16])
}

// A session is who is signed in, as Redis keeps it. Of the device it knows what
// kind it is and the days on which it was here, and no address.
type session struct {
	Account identity.AccountID `json:"a"`
	Life    int64              `json:"l"` // seconds without doing anything
	Strong  bool               `json:"s"` // by a passkey, or with a second step
	Begun   string             `json:"b"` // day, UTC
	Seen    string             `json:"d"` // day, UTC
	Browser string             `json:"w"`
	System  string             `json:"o"`
}

func (v session) encode() (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("web: session: %w", err)
	}
	return string(b), nil
}

// today is the day on which a session was here.
func today() string { return time.Now().UTC().Format(time.DateOnly) }

// Begin signs an account in under a new secret; one that the browser had
// before is of no more use. strong is for who has shown more than a password.
func (s *Sessions) Begin(c *gin.Context, a identity.Account, strong bool) error {
	ctx := c.Request.Context()
	secret, life := strings.ToLower(rand.Text()), lifetime(a)
	browser, system := deviceOf(c.Request.UserAgent())
	kept, err := session{Account: a.ID, Life: int64(life / time.Second), Strong: strong, Begun: today(), Seen: today(), Browser: browser, System: system}.encode()
	if err != nil {
		return err
	}
	_, err = s.Redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		if old, err := c.Cookie(SessionCookie); err == nil {
			p.Del(ctx, s.key(old))
		}
		p.Set(ctx, s.key(secret), kept, life)
		p.SAdd(ctx, s.ofAccount(a.ID), s.key(secret))
		p.Expire(ctx, s.ofAccount(a.ID), ArtisanSession)
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

// Revoke signs an account out wherever it is signed in, or half so.
func (s *Sessions) Revoke(ctx context.Context, id identity.AccountID) error {
	return s.RevokeOthers(ctx, id, "")
}

// RevokeOthers is Revoke for all but the session of that name.
func (s *Sessions) RevokeOthers(ctx context.Context, id identity.AccountID, but string) error {
	keys, err := s.Redis.SMembers(ctx, s.ofAccount(id)).Result()
	if err == nil {
		// One by one: in a cluster they lie apart.
		for _, key := range keys {
			if but != "" && key == s.named(but) {
				continue
			}
			if err = errors.Join(s.Redis.Del(ctx, key).Err(), s.Redis.SRem(ctx, s.ofAccount(id), key).Err()); err != nil {
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("web: revoke sessions: %w: %w", err, ErrSessionsAway)
	}
	return nil
}

// RevokeOne ends one session of an account, by its name, or returns ErrNoPage.
func (s *Sessions) RevokeOne(ctx context.Context, id identity.AccountID, name string) error {
	key := s.named(name)
	was, err := s.Redis.SRem(ctx, s.ofAccount(id), key).Result()
	if err == nil && was == 0 {
		return ErrNoPage
	}
	if err == nil {
		err = s.Redis.Del(ctx, key).Err()
	}
	if err != nil {
		return fmt.Errorf("web: revoke a session: %w: %w", err, ErrSessionsAway)
	}
	return nil
}

// A SignedInDevice is where an account is signed in.
type SignedInDevice struct {
	Name    string // of the session; it opens nothing
	Browser string // a product's name, empty where it is not known
	System  string
	Begun   time.Time // day
	Seen    time.Time // day
	Current bool
}

// mostDevices bounds the list of where someone is signed in.
const mostDevices = 100

// Devices returns where an account is signed in, the latest seen first.
func (s *Sessions) Devices(ctx context.Context, id identity.AccountID, current string) ([]SignedInDevice, error) {
	keys, err := s.Redis.SMembers(ctx, s.ofAccount(id)).Result()
	if err != nil {
		return nil, fmt.Errorf("web: devices: %w: %w", err, ErrSessionsAway)
	}
	var list []SignedInDevice
	gone := []any{}
	for _, key := range keys {
		name, ok := strings.CutPrefix(key, s.named(""))
		if !ok || len(list) == mostDevices {
			continue
		}
		v, err := s.Redis.Get(ctx, key).Result()
		if errors.Is(err, redis.Nil) {
			gone = append(gone, key)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("web: devices: %w: %w", err, ErrSessionsAway)
		}
		found, err := decodeSession(v)
		if err != nil {
			return nil, err
		}
		d := SignedInDevice{Name: name, Browser: found.Browser, System: found.System, Current: name == current}
		d.Begun, _ = time.Parse(time.DateOnly, found.Begun) // Zero for one from before days were kept.
		d.Seen, _ = time.Parse(time.DateOnly, found.Seen)
		list = append(list, d)
	}
	if len(gone) > 0 {
		if err := s.Redis.SRem(ctx, s.ofAccount(id), gone...).Err(); err != nil {
			return nil, fmt.Errorf("web: devices: %w: %w", err, ErrSessionsAway)
		}
	}
	slices.SortFunc(list, func(a, b SignedInDevice) int {
		return cmp.Or(b.Seen.Compare(a.Seen), b.Begun.Compare(a.Begun), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

// Current returns the name of a request's own session; empty for none.
func (s *Sessions) Current(c *gin.Context) string {
	secret, err := c.Cookie(SessionCookie)
	if err != nil {
		return ""
	}
	return nameOf(secret)
}

// End signs out.
func (s *Sessions) End(c *gin.Context) error {
	if secret, err := c.Cookie(SessionCookie); err == nil {
		if err := s.Redis.Del(c.Request.Context(), s.key(secret)).Err(); err != nil {
			return fmt.Errorf("web: end a session: %w: %w", err, ErrSessionsAway)
		}
	}
	s.setCookie(c, SessionCookie, "", -1, true)
	return nil
}

func decodeSession(v string) (found session, err error) {
	if strings.HasPrefix(v, "{") {
		err = json.Unmarshal([]byte(v), &found)
	} else { // Begun by the program before this one.
		_, err = fmt.Sscanf(v, "%d %d", &found.Account, &found.Life)
	}
	if err != nil {
		return session{}, fmt.Errorf("web: session holds %q: %w", v, err)
	}
	return found, nil
}

// read returns who is signed in, or ErrSignedOut. Being here keeps one signed
// in, and is noted once a day.
func (s *Sessions) read(ctx context.Context, secret string) (session, error) {
	key := s.key(secret)
	v, err := s.Redis.Get(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		return session{}, ErrSignedOut
	}
	if err != nil {
		return session{}, fmt.Errorf("web: session: %w: %w", err, ErrSessionsAway)
	}
	found, err := decodeSession(v)
	if err != nil {
		return session{}, err
	}
	life := time.Duration(found.Life) * time.Second
	if found.Seen == today() {
		err = s.Redis.Expire(ctx, key, life).Err()
	} else {
		found.Seen = today()
		kept, encodeErr := found.encode()
		if encodeErr != nil {
			return session{}, encodeErr
		}
		// Only where it still is: one that was revoked meanwhile stays so.
		err = s.Redis.SetArgs(ctx, key, kept, redis.SetArgs{Mode: "XX", TTL: life}).Err()
		if errors.Is(err, redis.Nil) {
			return session{}, ErrSignedOut
		}
	}
	if err != nil {
		return session{}, fmt.Errorf("web: keep a session: %w: %w", err, ErrSessionsAway)
	}
	return found, nil
}

// Someone who is half signed in has shown a password, and has a quarter of an
// hour for the second step. It opens nothing but that.
const (
	halfCookie = "half"
	halfLife   = 15 * time.Minute
)

func (s *Sessions) halfKey(secret string) string {
	sum := sha256.Sum256([]byte("half " + secret))
	return s.Prefix + "half:" + hex.EncodeToString(sum[:16])
}

// BeginHalf keeps who has shown a password and is still to show more.
func (s *Sessions) BeginHalf(c *gin.Context, id identity.AccountID) error {
	ctx, secret := c.Request.Context(), strings.ToLower(rand.Text())
	_, err := s.Redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, s.halfKey(secret), int64(id), halfLife)
		p.SAdd(ctx, s.ofAccount(id), s.halfKey(secret)) // What signs the account out ends this, too.
		p.Expire(ctx, s.ofAccount(id), ArtisanSession)
		return nil
	})
	if err != nil {
		return fmt.Errorf("web: half a session: %w: %w", err, ErrSessionsAway)
	}
	s.setCookie(c, halfCookie, secret, int(halfLife/time.Second), true)
	return nil
}

// half returns who is half signed in, or ErrSignedOut.
func (s *Sessions) half(c *gin.Context) (identity.AccountID, error) {
	secret, err := c.Cookie(halfCookie)
	if err != nil || secret == "" {
		return 0, ErrSignedOut
	}
	id, err := s.Redis.Get(c.Request.Context(), s.halfKey(secret)).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, ErrSignedOut
	}
	if err != nil {
		return 0, fmt.Errorf("web: half a session: %w: %w", err, ErrSessionsAway)
	}
	return identity.AccountID(id), nil
}

// EndHalf is for who has gone the whole way, or back.
func (s *Sessions) EndHalf(c *gin.Context) error {
	secret, err := c.Cookie(halfCookie)
	if err != nil || secret == "" {
		return nil
	}
	if err := s.Redis.Del(c.Request.Context(), s.halfKey(secret)).Err(); err != nil {
		return fmt.Errorf("web: half a session: %w: %w", err, ErrSessionsAway)
	}
	s.setCookie(c, halfCookie, "", -1, true)
	return nil
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
	a, _, err := s.signedIn(c)
	return a, err
}

// signedIn returns who is signed in and in which session, or ErrSignedOut, which
// it also is to an account from which a second step is still to come.
func (s *Site) signedIn(c *gin.Context) (identity.Account, session, error) {
	secret, err := c.Cookie(SessionCookie)
	if err != nil || secret == "" {
		return identity.Account{}, session{}, ErrSignedOut
	}
	v, err := s.Sessions.read(c.Request.Context(), secret)
	if err != nil {
		return identity.Account{}, session{}, err
	}
	a, err := s.active(c, v.Account)
	if err == nil && s.FactorRequired && a.Staff() && !v.Strong {
		return identity.Account{}, session{}, ErrSignedOut
	}
	return a, v, err
}

func (s *Site) active(c *gin.Context, id identity.AccountID) (identity.Account, error) {
	a, err := identity.ByID(c.Request.Context(), s.Pool, id)
	if errors.Is(err, identity.ErrNoAccount) || err == nil && a.State != identity.Active {
		return identity.Account{}, ErrSignedOut
	}
	return a, err
}

// HalfSignedIn returns who has shown a password and is still to show more, or
// ErrSignedOut.
func (s *Site) HalfSignedIn(c *gin.Context) (identity.Account, error) {
	id, err := s.Sessions.half(c)
	if err != nil {
		return identity.Account{}, err
	}
	return s.active(c, id)
}

// Passed goes on with someone who has shown a password: to where they were
// going, or first to the second step where there is one, or where there must be.
func (s *Site) Passed(c *gin.Context, a identity.Account, next string) error {
	f, err := identity.FactorOf(c.Request.Context(), s.Pool, a.ID)
	if err != nil {
		return err
	}
	if !f.On() && !(s.FactorRequired && a.Staff()) {
		if err := s.Sessions.Begin(c, a, false); err != nil {
			return err
		}
		Redirect(c, next)
		return nil
	}
	if err := s.Sessions.BeginHalf(c, a.ID); err != nil {
		return err
	}
	Redirect(c, "/account/step?next="+queryEscape(next))
	return nil
}

// For lets in who may do act, in the account's own language. Someone signed out
// goes to the sign-in and comes back; someone who may not is told whom to ask.
func (s *Site) For(act identity.Act, fn func(*gin.Context, identity.Account) error) gin.HandlerFunc {
	return s.Anyone(func(c *gin.Context, a identity.Account) error {
		if !a.May(act) {
			names, err := identity.WhoMay(c.Request.Context(), s.Pool, act)
			if err != nil {
				return err
			}
			if len(names) == 0 {
				return identity.ErrForbidden
			}
			return ErrAskWhoMay.With(Language(c).List(names))
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
