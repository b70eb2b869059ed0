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
	v.WebP = srcset(m)
	v.Src = mediaPath(m.Key, m.Widths[min(1, len(m.Widths)-1)], "jpg")
	v.Largest = mediaPath(m.Key, m.Widths[len(m.Widths)-1], "webp")
	return v
}

func srcset(m media.Picture) string {
	parts := make([]string, len(m.Widths))
	for i, w := range m.Widths {
		parts[i] = fmt.Sprintf("%s %dw", mediaPath(m.Key, w, "webp"), w)
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
