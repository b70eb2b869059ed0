package web

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/identity"
)

// A Passkey is partial/passkey: a button that the phone's own key answers. The
// browser that has none leaves it hidden.
type Passkey struct {
	Way     string // create or get
	Options string // where the script posts to for a challenge
	Answer  string // and with what the authenticator answered
	Label   string
	More    string // may be empty
}

// Challenge asks the browser's authenticator, and keeps what its answer is to
// be held against.
func (s *Site) Challenge(c *gin.Context, challenge identity.Challenge, err error) error {
	if err != nil {
		return err
	}
	if err := s.Sessions.KeepChallenge(c, challenge.Kept); err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, challenge.Options)
	return nil
}

// Answered returns what was asked and what the authenticator says. It returns
// identity.ErrNoPasskey where nothing was asked.
func (s *Site) Answered(c *gin.Context) (kept, answer []byte, err error) {
	if answer, err = c.GetRawData(); err != nil {
		return nil, nil, fmt.Errorf("web: read an authenticator's answer: %w", err)
	}
	kept, err = s.Sessions.TakeChallenge(c)
	return kept, answer, err
}

// SignedIn begins a session for someone who has shown a passkey, which needs no
// second step, and tells the script where to go.
func (s *Site) SignedIn(c *gin.Context, a identity.Account, next string) error {
	if err := s.Sessions.Begin(c, a, true); err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"next": next})
	return nil
}
