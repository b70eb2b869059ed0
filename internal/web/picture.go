package web

import (
	"context"
	"fmt"
	"strings"

	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
)

// A Picture is partial/picture. One that is still in the pipeline has no
// address and shows a sheet of linen of its final size.
type Picture struct {
	Class         string
	Alt           string
	Src           string // JPEG of a middling width, for the browsers of before 2020
	WebP          string // srcset, for all others
	Sizes         string
	Width, Height int
	Eager         bool // the first one of a page
	Largest       string
}

// Pictures makes pictures for a page out of media's, read all at once.
type Pictures map[media.PictureID]media.Picture

// ReadPictures reads pictures by their keys. A page with one that is still in
// the pipeline is not kept; one whose pictures change later is made anew.
func ReadPictures(ctx context.Context, db postgres.DB, ids ...media.PictureID) (Pictures, error) {
	pictures, err := media.ByIDs(ctx, db, ids)
	for id, p := range pictures {
		MadeOf(ctx, id.Tag())
		if p.State == media.Waiting {
			madeInPassing(ctx)
		}
	}
	return pictures, err
}

// Make makes a picture for a place of a page. sizes is the img attribute.
func (p Pictures) Make(id media.PictureID, class, alt, sizes string, eager bool) Picture {
	m := p[id]
	v := Picture{Class: class, Alt: alt, Sizes: sizes, Width: 800, Height: 1000, Eager: eager}
	if m.Width > 0 {
		v.Width, v.Height = m.Width, m.Height
	}
	if m.State != media.Ready || len(m.Widths) == 0 {
		return v
	}
	widths := m.Widths
	if len(widths) > 1 && widths[0] < leastWidth {
		widths = widths[1:]
	}
	v.WebP = srcset(m.Key, widths)
	v.Src = mediaPath(m.Key, widths[min(1, len(widths)-1)], "jpg")
	v.Largest = mediaPath(m.Key, widths[len(widths)-1], "webp")
	return v
}

// leastWidth is that of the smallest rendition for a picture one looks at, in
// pixels. What is smaller is a sign: see Sign.
const leastWidth = 320

// Sign makes a picture no larger than a thumb, of the smallest rendition, which
// costs some 3 kB.
func (p Pictures) Sign(id media.PictureID, class string) Picture {
	m := p[id]
	v := Picture{Class: class, Width: 160, Height: 200}
	if m.State != media.Ready || len(m.Widths) == 0 {
		return v
	}
	v.Height = max(1, v.Width*m.Height/m.Width)
	v.WebP = mediaPath(m.Key, m.Widths[0], "webp")
	v.Src = mediaPath(m.Key, m.Widths[0], "jpg")
	v.Largest = v.WebP
	return v
}

func srcset(key string, widths []int) string {
	parts := make([]string, len(widths))
	for i, w := range widths {
		parts[i] = fmt.Sprintf("%s %dw", mediaPath(key, w, "webp"), w)
	}
	return strings.Join(parts, ", ")
}

func mediaPath(key string, width int, format string) string {
	return fmt.Sprintf("/media/%s/%d.%s", key, width, format)
}

// ByKey makes a small picture from the key that an order has kept of it.
func ByKey(key, class, alt string) Picture {
	v := Picture{Class: class, Alt: alt, Width: 320, Height: 400}
	if key != "" {
		v.Src = mediaPath(key, 320, "jpg")
		v.WebP = mediaPath(key, 320, "webp")
	}
	return v
}
