package studio

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// fillWork shows the pictures of the work at hand, and whether there is room for
// another.
func (h *Handlers) fillWork(c *gin.Context, a union.Artisan, page *PartPage) error {
	l := web.Language(c)
	ids, err := union.WorkPictures(c.Request.Context(), h.Pool, a.ID)
	if err != nil {
		return err
	}
	pictures, err := web.ReadPictures(c.Request.Context(), h.Pool, ids...)
	if err != nil {
		return err
	}
	for i, id := range ids {
		slot := PhotoSlot{Number: i + 1, Photo: pictures.Make(id, "", l.T("studio.photo_number", i+1), "45vw", false), First: i == 0}
		switch p := pictures[id]; p.State {
		case media.Failed:
			slot.Said, slot.Failed = l.T(p.Fault), true
		case media.Waiting:
			slot.Said = l.T("picture.coming")
		}
		page.Work = append(page.Work, slot)
	}
	page.Room = union.MostWorkPictures - len(ids)
	return nil
}

// saveWork adds pictures of the work at hand, or moves or takes one away. One
// that cannot be used is named; the others stay.
func (h *Handlers) saveWork(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx, l := c.Request.Context(), web.Language(c)
	if err := h.Site.Limits.Allow(c, uploadLimit, a.Slug); err != nil {
		return err
	}
	files, err := web.ReadUploads(c, "photo", union.MostWorkPictures)
	if err != nil {
		return err
	}
	var wrong []string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		wrong = nil
		before, err := union.WorkPictures(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		list := slices.Clone(before)
		change, at, _ := strings.Cut(c.PostForm("change"), " ")
		if i, err := strconv.Atoi(at); err == nil && i >= 1 && i <= len(list) {
			switch {
			case change == "remove":
				list = slices.Delete(list, i-1, i)
			case change == "earlier" && i > 1:
				list[i-2], list[i-1] = list[i-1], list[i-2]
			}
		}
		for n, file := range files {
			id, err := h.takePhoto(c, tx, h.takeFile(c, a, file))
			if f := (*fault.Fault)(nil); errors.As(err, &f) && f.Kind == fault.Invalid {
				wrong = append(wrong, l.T("studio.photo_wrong", n+1, l.T(f.Key, f.Args...)))
				continue
			}
			if err != nil {
				return err
			}
			if len(list) == union.MostWorkPictures && !slices.Contains(list, id) {
				wrong = append(wrong, l.T(union.ErrWorkFull.Key, union.MostWorkPictures))
				break
			}
			list = append(list, id)
		}
		if err := union.SetWorkPictures(ctx, tx, a, list, account.ID); err != nil {
			return err
		}
		for _, id := range before {
			if slices.Contains(list, id) {
				continue
			}
			if err := h.Media.Forget(ctx, tx, a.Slug, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		page, err := h.newPartPage(c, a, web.EmptyForm(c))
		if err != nil {
			return err
		}
		page.Wrong = strings.Join(wrong, " ")
		return h.Site.Render(c, http.StatusUnprocessableEntity, "studio/part", page)
	}
	web.Redirect(c, "/studio/workshop/work")
	return nil
}
