package media

import (
	"errors"
	"fmt"

	"kissaria.ma/internal/fault"
)

// What an artisan can be told about a photo. The words say what to do about
// it, so the limits below are in them too: change both.
var (
	ErrEmpty         = fault.New(fault.Invalid, "media.empty")
	ErrNotPicture    = fault.New(fault.Invalid, "media.not_a_picture")
	ErrHEIC          = fault.New(fault.Invalid, "media.heic")   // HEIC and AVIF: the phone can be told to save JPEG
	ErrFormat        = fault.New(fault.Invalid, "media.format") // a picture, or a drawing, of a format we do not take
	ErrTooLarge      = fault.New(fault.Invalid, "media.too_large")
	ErrTooManyPixels = fault.New(fault.Invalid, "media.too_many_pixels")
	ErrTooSmall      = fault.New(fault.Invalid, "media.too_small")
	ErrTruncated     = fault.New(fault.Invalid, "media.truncated") // the end is missing
	ErrUnreadable    = fault.New(fault.Invalid, "media.unreadable")
)

// ErrNoPicture says that there is no such picture or rendition.
var ErrNoPicture = fault.New(fault.NotFound, "error.not_found")

// MostBytes is how large an upload may be.
const MostBytes = 25 << 20

const (
	maxPixels = 60_000_000 // of a picture, as its header tells
	// maxSide is WebP's own limit, and keeps the renditions of a long strip
	// within it.
	maxSide  = 16_383
	minSide  = 300 // of the shorter side
	maxScans = 100 // of a progressive JPEG; real ones have a dozen
	// maxDecoded bounds what a decoder is asked to lay out in memory. It bites
	// before maxPixels only where a pixel is costly: PNGs of 16 bits, and
	// progressive JPEGs, which are held as coefficients until the last scan.
	maxDecoded = 256 << 20
)

// unreadable is why the bytes of a picture make no sense: for us the reason,
// for the artisan ErrUnreadable or ErrTruncated.
func unreadable(f *fault.Fault, format string, args ...any) error {
	return fmt.Errorf("%w: %s", f, fmt.Sprintf(format, args...))
}

// asFault returns the fault in err that the artisan is to be told, if any.
func asFault(err error) (*fault.Fault, bool) {
	f := (*fault.Fault)(nil)
	return f, errors.As(err, &f)
}
