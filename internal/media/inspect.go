package media

import (
	"bytes"
	"image"
	"slices"
)

// A format is one that we take, by its name in the database.
type format string

const (
	formatJPEG format = "jpeg"
	formatPNG  format = "png"
	formatWebP format = "webp"
)

// A head is what a picture's file says about it before a pixel is decoded.
type head struct {
	format        format
	width, height int // as stored, before the orientation is applied
	orientation   orientation
	profile       []byte // ICC
	decoded       int64  // bytes that the decoder will need, about
	inverted      bool   // JPEG: four inks without Adobe's mark, so not inverted
	frame         webpFrame
}

// upright returns the size after the camera's orientation is applied.
func (h head) upright() (width, height int) {
	if h.orientation.turned() {
		return h.height, h.width
	}
	return h.width, h.height
}

// inspect tells the format of an upload by its bytes, reads its size and what
// else must be known, walks to its end, and refuses what we do not take. It
// decodes nothing and lays out no memory by the sizes that the file claims.
//
// image.Decode and imaging.Decode do this too, with every decoder that any
// package has registered, TIFF and BMP among them. That is why they are not
// called anywhere here.
func inspect(b []byte) (head, error) {
	if len(b) == 0 {
		return head{}, ErrEmpty
	}
	if len(b) > MostBytes {
		return head{}, ErrTooLarge
	}
	var h head
	var err error
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		h, err = inspectJPEG(b)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		h, err = inspectPNG(b)
	case isRIFF(b, "WEBP"):
		h, err = inspectWebP(b)
	default:
		return head{}, refuse(b)
	}
	if err != nil {
		return head{}, err
	}
	return h, h.check()
}

// check holds a picture to the limits.
func (h head) check() error {
	switch {
	case h.width <= 0 || h.height <= 0:
		return unreadable(ErrUnreadable, "%d × %d pixels", h.width, h.height)
	case h.width > maxSide || h.height > maxSide || h.width*h.height > maxPixels || h.decoded > maxDecoded:
		return ErrTooManyPixels
	case min(h.width, h.height) < minSide:
		return ErrTooSmall
	}
	return nil
}

// refuse finds the words for a file that is none of ours.
func refuse(b []byte) error {
	if len(b) >= 12 && string(b[4:8]) == "ftyp" {
		// One of these brands may stand as the major one, or, with mif1 before
		// it, among the compatible ones.
		box := b[8:min(len(b), 64)]
		for i := 0; i+4 <= len(box); i += 4 {
			if slices.Contains(heifBrands, string(box[i:i+4])) {
				return ErrHEIC
			}
		}
		return ErrNotPicture // a film
	}
	for _, prefix := range otherFormats {
		if bytes.HasPrefix(b, []byte(prefix)) {
			return ErrFormat
		}
	}
	// SVG is a drawing with a program in it, and HTML is a page: neither must
	// ever be served from our address.
	start := bytes.ToLower(bytes.TrimLeft(b[:min(len(b), 1024)], "\xef\xbb\xbf \t\r\n"))
	if bytes.HasPrefix(start, []byte("<")) && bytes.Contains(start, []byte("<svg")) {
		return ErrFormat
	}
	return ErrNotPicture
}

var heifBrands = []string{
	"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1", "avif", "avis",
}

var otherFormats = []string{
	"GIF87a", "GIF89a", "BM", "II*\x00", "MM\x00*", "II+\x00", "MM\x00+", "%PDF", "8BPS", "\x00\x00\x01\x00",
	"\x00\x00\x00\x0cJXL ", "\xff\x0a", "\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51", "IIRO", "IIU\x00", "FUJIFILM",
}

// An orientation is how the camera was held, as EXIF counts: 1 is upright.
type orientation int

const upright orientation = 1

// turned reports whether width and height change places.
func (o orientation) turned() bool { return o >= 5 && o <= 8 }

// A webpFrame is the still picture in a WebP file, or the first one of an
// animation, and where it lies.
type webpFrame struct {
	alpha, pixels []byte // chunks ALPH, and VP8 or VP8L
	lossless      bool
	bounds        image.Rectangle // within the canvas
}
