package studio

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// savePhotos adds photos to a draft, or moves or removes one. A photo that
// cannot be used is named with what to do; the others stay.
func (h *Handlers) savePhotos(c *gin.Context, a union.Artisan, d catalog.Draft) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if err := h.Site.Limits.Allow(c, uploadLimit, a.Slug); err != nil {
		return err
	}
	files, err := web.ReadUploads(c, "photo", catalog.MostPhotos)
	if err != nil {
		return err
	}
	first := 1
	if n, err := strconv.Atoi(c.PostForm("number")); err == nil && n >= 1 && n <= catalog.MostPhotos {
		first = n // A script sends the chosen photos one at a time.
	}
	var wrong []string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		wrong = nil
		photos := slices.Clone(d.Body.Photos)
		change, at, _ := strings.Cut(c.PostForm("change"), " ")
		if i, err := strconv.Atoi(at); err == nil && i >= 1 && i <= len(photos) {
			switch {
			case change == "remove":
				photos = slices.Delete(photos, i-1, i)
			case change == "earlier" && i > 1:
				photos[i-2], photos[i-1] = photos[i-1], photos[i-2]
			}
		}
		for n, file := range files {
			if len(photos) == catalog.MostPhotos {
				wrong = append(wrong, l.T("studio.photos_full", catalog.MostPhotos))
				break
			}
			id, err := h.takePhoto(c, tx, a, file)
			if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
				wrong = append(wrong, l.T("studio.photo_wrong", first+n, l.T(f.Key, f.Args...)))
				continue
			}
			if err != nil {
				return err
			}
			if !slices.Contains(photos, id) { // The same photo twice is one.
				photos = append(photos, id)
			}
		}
		d.Body.Photos = photos
		return catalog.Save(ctx, tx, d)
	})
	if err != nil {
		return err
	}
	if web.WantsJSON(c) {
		if len(wrong) > 0 {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"fault": strings.Join(wrong, " ")})
		} else {
			c.JSON(http.StatusOK, gin.H{})
		}
		return nil
	}
	if len(wrong) > 0 {
		d.Version++
		page, err := h.newStepPage(c, a, d, web.EmptyForm(c))
		if err != nil {
			return err
		}
		page.Wrong = strings.Join(wrong, " ")
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/step", page)
	}
	next := "photos"
	if c.PostForm("on") != "" {
		next = "what"
	}
	web.Redirect(c, "/studio/drafts/"+d.Token+"/"+next)
	return nil
}

func (h *Handlers) takePhoto(c *gin.Context, tx pgx.Tx, a union.Artisan, file web.Upload) (id media.PictureID, err error) {
	r, err := file.Open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	// A savepoint, since a photo that is refused must not take the others along.
	err = pgx.BeginFunc(c.Request.Context(), tx, func(sp pgx.Tx) (err error) {
		if id, err = h.Media.Take(c.Request.Context(), sp, a.Slug, r); err != nil {
			return err
		}
		return h.Media.Queue(c.Request.Context(), sp, id, 1)
	})
	return id, err
}
