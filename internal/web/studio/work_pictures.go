package studio

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

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

// saveWork adds pictures of the work at hand, or rearranges them as savePhotos
// does those of a piece. One
// that cannot be used is named; the others stay.
func (h *Handlers) saveWork(c *gin.Context, account identity.Account, a union.Artisan) error {
	ctx := c.Request.Context()
	if err := h.Site.Limits.Allow(c, uploadLimit, a.Slug); err != nil {
		return err
	}
	files, err := web.ReadUploads(c, "photo", union.MostWorkPictures)
	if err != nil {
		return err
	}
	var wrong []string
	err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) error {
		before, err := union.WorkPictures(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		list, err := h.rearrange(c, tx, a, before)
		if err != nil {
			return err
		}
		var takes []func(pgx.Tx) (media.PictureID, error)
		for _, file := range files {
			takes = append(takes, h.takeFile(c, a, file))
		}
		if list, wrong, err = h.takeAll(c, tx, list, takes, 1, union.MostWorkPictures, func(int) error { return nil }); err != nil {
			return err
		}
		if err := union.SetWorkPictures(ctx, tx, a, list, account.ID); err != nil {
			return err
		}
		return h.forgetGone(ctx, tx, a, before, list)
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
