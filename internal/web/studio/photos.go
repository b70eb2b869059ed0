package studio

import (
	"context"
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

// savePhotos adds photos to a draft, or moves, turns or removes one. A photo
// that cannot be used is named with what to do; the others stay.
func (h *Handlers) savePhotos(c *gin.Context, a union.Artisan, d catalog.Draft) error {
	ctx := c.Request.Context()
	if err := h.Site.Limits.Allow(c, uploadLimit, a.Slug); err != nil {
		return err
	}
	files, err := web.ReadUploads(c, "photo", catalog.MostPhotos)
	if err != nil {
		return err
	}
	arrived := c.Request.PostForm["upload"] // in pieces, before this form
	if len(arrived) > catalog.MostPhotos {
		return web.ErrMalformed
	}
	first := 1
	if n, err := strconv.Atoi(c.PostForm("number")); err == nil && n >= 1 && n <= catalog.MostPhotos {
		first = n // A script sends the chosen photos one at a time.
	}
	var wrong []string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
		photos, err := h.rearrange(c, tx, a, d.Body.Photos)
		if err != nil {
			return err
		}
		takes := make([]func(pgx.Tx) (media.PictureID, error), 0, catalog.MostPhotos)
		for _, file := range files {
			takes = append(takes, h.takeFile(c, a, file))
		}
		for _, upload := range arrived {
			takes = append(takes, func(sp pgx.Tx) (media.PictureID, error) { return h.Media.TakeUpload(ctx, sp, a.Slug, upload) })
		}
		refused := func(n int) error {
			if n < len(files) {
				return nil
			}
			return h.Media.DropUpload(ctx, tx, a.Slug, arrived[n-len(files)])
		}
		if photos, wrong, err = h.takeAll(c, tx, photos, takes, first, catalog.MostPhotos, refused); err != nil {
			return err
		}
		before := d.Body.Photos
		d.Body.Photos = photos
		if err := catalog.Save(ctx, tx, d); err != nil {
			return err
		}
		return h.forgetGone(ctx, tx, a, before, photos)
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

// takeAll takes photos in, after those that are there, up to most of them. One
// that cannot be used is named in wrong, with what to do, the first being number
// first; the others stay. refused is told which it was.
func (h *Handlers) takeAll(c *gin.Context, tx pgx.Tx, photos []media.PictureID, takes []func(pgx.Tx) (media.PictureID, error), first, most int, refused func(int) error) (list []media.PictureID, wrong []string, err error) {
	l := web.Language(c)
	for n, take := range takes {
		id, err := h.takePhoto(c, tx, take)
		if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
			wrong = append(wrong, l.T("studio.photo_wrong", first+n, l.T(f.Key, f.Args...)))
			if err := refused(n); err != nil {
				return nil, nil, err
			}
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if slices.Contains(photos, id) {
			continue // The same photo twice is one.
		}
		if len(photos) == most {
			return photos, append(wrong, l.T("studio.photos_full", most)), nil
		}
		photos = append(photos, id)
	}
	return photos, wrong, nil
}

// forgetGone forgets the photos that were there before and are not now.
func (h *Handlers) forgetGone(ctx context.Context, tx pgx.Tx, a union.Artisan, before, now []media.PictureID) error {
	for _, id := range before {
		if slices.Contains(now, id) {
			continue
		}
		if err := h.Media.Forget(ctx, tx, a.Slug, id); err != nil {
			return err
		}
	}
	return nil
}

// rearrange moves, turns or removes one of a list of photos, as a button asks.
func (h *Handlers) rearrange(c *gin.Context, tx pgx.Tx, a union.Artisan, photos []media.PictureID) ([]media.PictureID, error) {
	photos = slices.Clone(photos)
	change, where, _ := strings.Cut(c.PostForm("change"), " ")
	from, to, _ := strings.Cut(where, " ")
	i, err := strconv.Atoi(from)
	if err != nil || i < 1 || i > len(photos) {
		return photos, nil
	}
	switch i--; {
	case change == "remove":
		photos = slices.Delete(photos, i, i+1)
	case change == "earlier" && i > 0:
		photos[i-1], photos[i] = photos[i], photos[i-1]
	case change == "move":
		if j, err := strconv.Atoi(to); err == nil && j >= 1 && j <= len(photos) {
			id := photos[i]
			photos = slices.Insert(slices.Delete(photos, i, i+1), j-1, id)
		}
	case change == "turn":
		turned, err := h.Media.Turned(c.Request.Context(), tx, a.Slug, photos[i])
		if err != nil {
			return nil, err
		}
		if err := h.Media.Queue(c.Request.Context(), tx, turned, 1); err != nil {
			return nil, err
		}
		if slices.Contains(photos, turned) { // It is there already, the other way up.
			return slices.Delete(photos, i, i+1), nil
		}
		photos[i] = turned
	}
	return photos, nil
}

// takeFile takes in a photo that came with the form.
func (h *Handlers) takeFile(c *gin.Context, a union.Artisan, file web.Upload) func(pgx.Tx) (media.PictureID, error) {
	return func(tx pgx.Tx) (id media.PictureID, err error) {
		r, err := file.Open()
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		return h.Media.Take(c.Request.Context(), tx, a.Slug, r)
	}
}

// takePhoto takes one photo in and queues it, in a savepoint: one that is
// refused must not take the others along.
func (h *Handlers) takePhoto(c *gin.Context, tx pgx.Tx, take func(pgx.Tx) (media.PictureID, error)) (id media.PictureID, err error) {
	err = pgx.BeginFunc(c.Request.Context(), tx, func(sp pgx.Tx) (err error) {
		if id, err = take(sp); err != nil {
			return err
		}
		return h.Media.Queue(c.Request.Context(), sp, id, 1)
	})
	return id, err
}
