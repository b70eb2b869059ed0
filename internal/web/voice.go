package web

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/union"
)

// SendVoice answers GET /voices/:key with a voice note: to everyone while a
// piece on the market has it and its artisan agrees, and else to the artisan and
// the office alone. To all others it is as absent as one that never was.
func (s *Site) SendVoice(l *media.Library) func(*gin.Context) error {
	return func(c *gin.Context) error {
		ctx := c.Request.Context()
		v, err := media.VoiceByKey(ctx, s.Pool, c.Param("key"))
		if err != nil {
			return err
		}
		played, err := catalog.Played(ctx, s.Pool, v.ID)
		if err != nil {
			return err
		}
		if !played {
			if err := s.mayHear(c, v); err != nil {
				return err
			}
		}
		f, err := l.OpenVoice(ctx, v)
		if err != nil {
			return err
		}
		defer func() {
			if err := f.Close(); err != nil {
				s.Log.WarnContext(ctx, "a voice note's file was not closed", "error", err)
			}
		}()
		// Asked for each time: the consent may be taken back.
		c.Header("Cache-Control", "private, no-cache")
		c.Header("Content-Type", v.ContentType())
		c.Header("Etag", `"`+v.Key+`"`)
		http.ServeContent(c.Writer, c.Request, "", f.ModTime, f)
		return nil
	}
}

// mayHear returns ErrNoVoice for who is neither the note's artisan nor of the
// office.
func (s *Site) mayHear(c *gin.Context, v media.Voice) error {
	a, err := s.Account(c)
	if errors.Is(err, ErrSignedOut) {
		return media.ErrNoVoice
	}
	if err != nil {
		return err
	}
	if a.May(identity.EnterAdmin) {
		return nil
	}
	artisan, err := union.OfAccount(c.Request.Context(), s.Pool, a.ID)
	if errors.Is(err, union.ErrNoArtisan) || err == nil && artisan.Slug != v.Owner {
		return media.ErrNoVoice
	}
	return err
}
