package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/evanw/esbuild/pkg/api"
	"github.com/gin-gonic/gin"
)

// Assets are the style sheets, scripts, fonts and patterns, made ready once at
// start: joined, minified, compressed, and named by their hash, so that a
// browser keeps them for ever.
type Assets struct {
	byName map[string]string // name to hashed name
	files  map[string]asset  // by hashed name
}

type asset struct {
	contentType      string
	plain, br, gzip_ []byte
}

// sheets are the style sheets, each of files of assets/css in this order. The
// order matters within a layer alone.
var sheets = map[string][]string{
	"shop.css": {"tokens", "base", "layout", "icon", "picture", "site-header", "dado", "site-footer", "btn", "hero", "piece-label",
		"product-card", "price-stripe", "trade-list", "artisan-card", "visit", "trail", "gallery", "offer", "facts", "making",
		"facets", "field", "option", "basket-line", "summary", "checkout", "notice", "artisan", "hours", "map-sketch",
		"mark-level", "empty", "prose", "order", "sandbox", "buyer-review", "voice-note", "badge", "qr", "ways-in", "written", "utilities"},
	"admin.css": {"tokens", "base", "layout", "icon", "picture", "admin-bar", "btn", "field", "data-table", "badge", "facts", "notice",
		"empty", "trail", "order", "summary", "studio", "review-desk", "option", "packing", "needs", "chart", "filters", "buyer-review", "voice-note", "qr", "mark-level", "ways-in", "prose", "setting", "written", "utilities"},
	"studio.css": {"tokens", "base", "layout", "icon", "picture", "btn", "field", "option", "facets", "product-card", "photo-step", "studio",
		"hours", "badge", "notice", "summary", "order", "empty", "data-table", "qr", "stall-card", "buyer-review", "voice-note", "map-sketch", "place", "mark-level", "ways-in", "utilities"},
}

// scripts are the scripts, each of files of assets/js. Each file is a module
// that needs no other.
var scripts = map[string][]string{
	"studio.js":  {"price-share", "pass-key", "photo-send", "photo-order", "keep-typed", "print-button", "voice-note", "read-aloud", "phone-place"},
	"admin.js":   {"office-keys"},
	"sign-in.js": {"pass-key"},
	"shop.js":    {"basket-count", "basket-adder", "facet-form", "reckon-form"},
}

// BuildAssets makes the assets ready. An error is one in a file of ours.
func BuildAssets(files fs.FS) (*Assets, error) {
	a := &Assets{byName: map[string]string{}, files: map[string]asset{}}
	for _, pattern := range []string{"fonts/*.woff2", "patterns/*.svg"} {
		names, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, fmt.Errorf("web: assets: %w", err)
		}
		for _, name := range names {
			b, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, fmt.Errorf("web: assets: %w", err)
			}
			if err := a.add(name, b); err != nil {
				return nil, err
			}
		}
	}
	icon, err := fs.ReadFile(files, "patterns/icon.svg")
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	if err := a.add("icon.svg", icon); err != nil {
		return nil, err
	}
	for name, parts := range sheets {
		css, err := join(files, "css", ".css", parts)
		if err != nil {
			return nil, err
		}
		if css, err = a.resolve(css); err != nil {
			return nil, err
		}
		if err := a.minify(name, css, api.LoaderCSS); err != nil {
			return nil, err
		}
	}
	for name, parts := range scripts {
		js, err := join(files, "js", ".js", parts)
		if err != nil {
			return nil, err
		}
		if err := a.minify(name, js, api.LoaderJS); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func join(files fs.FS, dir, ext string, parts []string) (string, error) {
	var b strings.Builder
	for _, part := range parts {
		text, err := fs.ReadFile(files, path.Join(dir, part+ext))
		if err != nil {
			return "", fmt.Errorf("web: assets: %w", err)
		}
		if ext == ".js" {
			// Each keeps its names to itself.
			fmt.Fprintf(&b, "{\n%s\n}\n", text)
			continue
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String(), nil
}

var urlInCSS = regexp.MustCompile(`url\("\.\./([a-z0-9/._-]+)"\)`)

// resolve writes the hashed names into a style sheet.
func (a *Assets) resolve(css string) (string, error) {
	var missing []string
	css = urlInCSS.ReplaceAllStringFunc(css, func(m string) string {
		name := urlInCSS.FindStringSubmatch(m)[1]
		hashed, ok := a.byName[name]
		if !ok {
			missing = append(missing, name)
		}
		return `url("/assets/` + hashed + `")`
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("web: assets: a style sheet asks for %v", missing)
	}
	return css, nil
}

func (a *Assets) minify(name, source string, loader api.Loader) error {
	out := api.Transform(source, api.TransformOptions{
		Loader: loader, MinifyWhitespace: true, MinifySyntax: true, MinifyIdentifiers: true, Charset: api.CharsetUTF8,
		Sourcefile: name,
	})
	if len(out.Errors) > 0 {
		e := out.Errors[0]
		return fmt.Errorf("web: assets: %s, line %d: %s", name, e.Location.Line, e.Text)
	}
	return a.add(name, out.Code)
}

func (a *Assets) add(name string, b []byte) error {
	sum := sha256.Sum256(b)
	hash := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
	ext := path.Ext(name)
	hashed := strings.ReplaceAll(strings.TrimSuffix(name, ext), "/", "-") + "." + hash + ext
	f := asset{plain: b, contentType: mime.TypeByExtension(ext)}
	if ext == ".woff2" {
		f.contentType = "font/woff2" // Compressed already.
	} else {
		var err error
		if f.br, err = compress(b, "br", brotli.BestCompression); err != nil {
			return err
		}
		if f.gzip_, err = compress(b, "gzip", gzip.BestCompression); err != nil {
			return err
		}
	}
	a.byName[name], a.files[hashed] = hashed, f
	return nil
}

// Path returns the address of an asset by its name, or an empty one for an
// asset that is not there.
func (a *Assets) Path(name string) string {
	hashed, ok := a.byName[name]
	if !ok {
		return ""
	}
	return "/assets/" + hashed
}

// Names returns the names of all assets, sorted.
func (a *Assets) Names() []string {
	names := make([]string, 0, len(a.byName))
	for name := range a.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// serve answers GET /assets/:file.
func (a *Assets) serve(c *gin.Context) error {
	f, ok := a.files[c.Param("file")]
	if !ok {
		return ErrNoPage
	}
	h := c.Writer.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	body := f.plain
	switch negotiate(c.GetHeader("Accept-Encoding")) {
	case "br":
		if f.br != nil {
			h.Set("Content-Encoding", "br")
			body = f.br
		}
	case "gzip":
		if f.gzip_ != nil {
			h.Set("Content-Encoding", "gzip")
			body = f.gzip_
		}
	}
	c.Data(http.StatusOK, f.contentType, body)
	return nil
}

// AddRoutes registers what every site has: assets, and how it is.
func (s *Site) AddRoutes(r gin.IRouter) {
	r.GET("/assets/:file", s.Handle(s.Assets.serve))
	r.HEAD("/assets/:file", s.Handle(s.Assets.serve))
	r.GET("/favicon.ico", s.Handle(func(c *gin.Context) error {
		c.Redirect(http.StatusMovedPermanently, s.Assets.Path("icon.svg"))
		return nil
	}))
	r.GET("/livez", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	r.GET("/readyz", func(c *gin.Context) {
		if err := s.Ready(c.Request.Context()); err != nil {
			c.String(http.StatusServiceUnavailable, "%s\n", err)
			return
		}
		c.String(http.StatusOK, "ok\n")
	})
}

// dynamicLevel compresses pages well enough in a millisecond or two.
const dynamicLevel = 5

// negotiate returns br, gzip or nothing.
func negotiate(accept string) string {
	var gz bool
	for part := range strings.SplitSeq(accept, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(q) == "q=0" {
			continue
		}
		switch strings.TrimSpace(name) {
		case "br":
			return "br"
		case "gzip":
			gz = true
		}
	}
	if gz {
		return "gzip"
	}
	return ""
}

func compress(b []byte, encoding string, level int) ([]byte, error) {
	var out bytes.Buffer
	if encoding == "br" {
		w := brotli.NewWriterLevel(&out, level)
		if _, err := w.Write(b); err != nil {
			return nil, fmt.Errorf("web: compress: %w", err)
		}
		if err := w.Close(); err != nil {
			return nil, fmt.Errorf("web: compress: %w", err)
		}
		return out.Bytes(), nil
	}
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		return nil, fmt.Errorf("web: compress: %w", err)
	}
	if _, err := w.Write(b); err != nil {
		return nil, fmt.Errorf("web: compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("web: compress: %w", err)
	}
	return out.Bytes(), nil
}
