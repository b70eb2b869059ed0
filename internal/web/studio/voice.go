package studio

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// VoiceNote is partial/voice_note: half a minute that stands for the words.
type VoiceNote struct {
	Action string
	Seen   string // the note's key, empty where there is none
	Path   string // where it is heard
	Played bool
	Wrong  string
}

func newVoiceNote(d catalog.Draft) VoiceNote {
	return VoiceNote{Action: "/studio/drafts/" + d.Token + "/voice", Seen: d.Voice.Key, Path: media.VoicePath(d.Voice.Key), Played: d.Voice.Played}
}

// saveVoice serves POST /studio/drafts/:token/voice: a note, the consent to play
// it, or that it goes. The words of the step have a form of their own, and are
// not touched.
func (h *Handlers) saveVoice(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if err := h.Site.Limits.Allow(c, uploadLimit, strconv.FormatInt(int64(account.ID), 10)); err != nil {
		return err
	}
	c.AddParam("step", "words")
	d, err := h.draft(c, a)
	if err != nil {
		return err
	}
	file, err := web.ReadUpload(c, "voice")
	if err != nil {
		return err
	}
	if file != nil {
		defer func() {
			if err := file.Close(); err != nil {
				h.Site.Log.WarnContext(ctx, "an upload was not closed", "error", err)
			}
		}()
	}
	played := c.PostForm("played") != ""
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		v := catalog.Voice{ID: d.Voice.ID, Played: played}
		switch {
		case c.PostForm("act") == "remove":
			v = catalog.Voice{}
		case file != nil:
			if v.ID, err = h.Media.TakeVoice(ctx, tx, a.Slug, file); err != nil {
				return err
			}
		case d.Voice.ID == 0:
			return media.ErrNoSound
		}
		if err := catalog.SaveVoice(ctx, tx, d, v, c.PostForm("seen")); err != nil {
			return err
		}
		if d.Voice.ID == 0 || d.Voice.ID == v.ID {
			return nil
		}
		return h.Media.ForgetVoice(ctx, tx, a.Slug, d.Voice.ID)
	})
	f := (*fault.Fault)(nil)
	if wrong := errors.As(err, &f) && f.Kind == fault.Invalid; err != nil && !wrong {
		return err
	}
	if web.WantsJSON(c) {
		if f != nil {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"fault": l.T(f.Key, f.Args...)})
		} else {
			c.JSON(http.StatusOK, gin.H{})
		}
		return nil
	}
	if f != nil {
		page, err := h.newStepPage(c, a, d, web.EmptyForm(c))
		if err != nil {
			return err
		}
		page.Voice.Wrong, page.Voice.Played = l.T(f.Key, f.Args...), played
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/step", page)
	}
	web.Redirect(c, "/studio/drafts/"+d.Token+"/words#voice-note")
	return nil
}
