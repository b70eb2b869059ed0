package admin

import (
	"errors"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/settings"
	"kissaria.ma/internal/union"
	"kissaria.ma/internal/web"
)

// logoPath is where the union's sign is sent.
const logoPath = "/admin/logo"

// LogoPart is the union's sign, and a form for another.
type LogoPart struct {
	Photo  web.Picture
	Has    bool
	Action string
	Wrong  string
}

// logo reads the union's sign.
func (h *Handlers) logo(c *gin.Context, class string) (web.Picture, bool, error) {
	ctx, l := c.Request.Context(), web.Language(c)
	p, err := union.Read(ctx, h.Pool)
	if err != nil || p.Logo == 0 {
		return web.Picture{}, false, err
	}
	pictures, err := web.ReadPictures(ctx, h.Pool, p.Logo)
	if err != nil {
		return web.Picture{}, false, err
	}
	return pictures.Make(p.Logo, class, p.Name.In(l, "fr").Words, "10rem", false), true, nil
}

// logoPart fills in the sign on the page of the union's identity.
func (h *Handlers) logoPart(c *gin.Context, k settings.Kind, wrong string) (*LogoPart, error) {
	if k.Name != "identity" {
		return nil, nil
	}
	photo, has, err := h.logo(c, "union-logo")
	return &LogoPart{Photo: photo, Has: has, Action: logoPath, Wrong: wrong}, err
}

// saveLogo serves POST /admin/logo: another sign, or none.
func (h *Handlers) saveLogo(c *gin.Context, a identity.Account) error {
	ctx, l := c.Request.Context(), web.Language(c)
	file, err := web.ReadUpload(c, "logo")
	if err != nil {
		return err
	}
	if file != nil {
		defer file.Close() // Only read.
	}
	none := c.Request.PostFormValue("none") != ""
	err = media.ErrEmpty
	if file != nil || none {
		err = postgres.InTx(ctx, h.Pool, func(tx pgx.Tx) (err error) {
			var id media.PictureID
			if !none {
				if _, err := file.Seek(0, io.SeekStart); err != nil {
					return err
				}
				if id, err = h.Media.Take(ctx, tx, "union", file); err != nil {
					return err
				}
				if err := h.Media.Queue(ctx, tx, id, 1); err != nil {
					return err
				}
			}
			return union.SetLogo(ctx, tx, id, a.ID)
		})
	}
	f := (*fault.Fault)(nil)
	if errors.As(err, &f) && f.Kind == fault.Invalid {
		k, err := settings.ByName("identity")
		if err != nil {
			return err
		}
		page, err := h.newSettingPage(c, a, k, "union", nil)
		if err != nil {
			return err
		}
		page.Logo.Wrong = l.T(f.Key, f.Args...)
		return h.Site.Render(c, http.StatusUnprocessableEntity, "admin/setting", page)
	}
	if err != nil {
		return err
	}
	web.Redirect(c, settingsPath+"/identity/union?done=kept")
	return nil
}
