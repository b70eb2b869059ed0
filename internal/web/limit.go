package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"
)

// A Limiter counts how often someone does something, in Redis, so that every
// node counts together.
type Limiter struct {
	Redis  redis.UniversalClient
	Prefix string // keeps apart several markets on one Redis
}

// A Limit is how often within how long.
type Limit struct {
	Name  string
	Times int64
	In    time.Duration
}

// count adds one and lets the first one set when the count begins anew.
var count = redis.NewScript(`
local n = redis.call("INCR", KEYS[1])
if n == 1 then redis.call("PEXPIRE", KEYS[1], ARGV[1]) end
return n`)

// Allow returns ErrTooMany for who (an address, an account) beyond the limit.
// While Redis does not answer it returns that error: what matters is refused,
// and the caller decides whether it matters.
func (l *Limiter) Allow(c *gin.Context, limit Limit, who string) error {
	// The address itself is nobody's business, not even Redis's.
	sum := sha256.Sum256([]byte(limit.Name + " " + who))
	key := l.Prefix + "limit:" + limit.Name + ":" + hex.EncodeToString(sum[:12])
	n, err := count.Run(c.Request.Context(), l.Redis, []string{key}, limit.In.Milliseconds()).Int64()
	if err != nil {
		return fmt.Errorf("web: limit %s: %w: %w", limit.Name, err, ErrSessionsAway)
	}
	if n > limit.Times {
		return ErrTooMany
	}
	return nil
}
