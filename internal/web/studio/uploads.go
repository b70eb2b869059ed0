package studio

import (
	"context"
	"fmt"
	stdlog "log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	tus "github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/union"
)

// uploadsPath is where photos arrive in pieces.
const uploadsPath = "/studio/uploads/"

// addUploadRoutes registers what speaks tus 1.0: a photo goes on at the byte
// where a broken connection stopped it. Each artisan finds their own alone.
func (h *Handlers) addUploadRoutes(r *gin.Engine) error {
	t, err := tus.NewUnroutedHandler(tus.Config{
		StoreComposer:        (&media.Uploads{Pool: h.Pool}).Composer(),
		BasePath:             uploadsPath,
		MaxSize:              media.MostBytes,
		DisableDownload:      true,
		DisableTermination:   true,
		DisableConcatenation: true,
		Cors:                 &tus.CorsConfig{Disable: true},
		// What has arrived is kept within this time of the connection breaking.
		GracefulRequestCompletionTimeout: 2 * time.Second,
		Logger:                           slog.New(faultsOf{h.Site.Log}),
	})
	if err != nil {
		return fmt.Errorf("studio: uploads: %w", err)
	}
	serve := func(fn http.HandlerFunc) gin.HandlerFunc {
		// tusd takes all that is left of the address for the upload's name.
		served := http.StripPrefix(strings.TrimSuffix(uploadsPath, "/"), t.Middleware(fn))
		return h.own(func(c *gin.Context, _ identity.Account, a union.Artisan) error {
			if c.Request.Method == http.MethodPost {
				if err := h.Site.Limits.Allow(c, uploadLimit, a.Slug); err != nil {
					return err
				}
			}
			served.ServeHTTP(c.Writer, c.Request.WithContext(media.WithOwner(c.Request.Context(), a.Slug)))
			return nil
		})
	}
	r.POST(uploadsPath, serve(t.PostFile))
	r.HEAD(uploadsPath+":id", serve(t.HeadFile))
	r.PATCH(uploadsPath+":id", serve(t.PatchFile))
	return nil
}

// faultsOf passes on what tusd logs of its faults, in the older of Go's two
// loggers. What it says of each request names uploads, and the router has it.
type faultsOf struct{ log *stdlog.Logger }

func (f faultsOf) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (f faultsOf) Handle(ctx context.Context, r slog.Record) error {
	attrs := []any{"fault", r.Message}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "message" || a.Key == "error" {
			attrs = append(attrs, a.Key, a.Value.String())
		}
		return true
	})
	f.log.WarnContext(ctx, "an upload failed", attrs...)
	return nil
}

func (f faultsOf) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f faultsOf) WithGroup(string) slog.Handler      { return f }
