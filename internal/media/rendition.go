package media

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"slices"

	"github.com/disintegration/imaging"
	encoder "github.com/gen2brain/webp"
)

// pipeline is the version of all this: raise it when renditions come out
// otherwise, and every picture gets a new key when it is next rendered.
const pipeline = "3"

// allWidths are those that pages ask for, in pixels. The first is for signs no
// larger than a thumb, on phones that pay for their data.
var allWidths = []int{160, 320, 480, 640, 960, 1440, 1920}

// widthsFor returns the widths that a picture is shown at: never larger than
// it came, and its own as the last one.
func widthsFor(width int) []int {
	width = min(width, allWidths[len(allWidths)-1])
	smaller, _ := slices.BinarySearch(allWidths, width)
	return append(slices.Clone(allWidths[:smaller]), width)
}

// reduce halves a decoded picture while it is more than twice as large as
// anything that is asked of it.
func reduce(s sheet, h head) sheet { return reduceTo(s, h, allWidths[len(allWidths)-1]) }

// reduceTo does so where the largest rendition is so many pixels wide.
func reduceTo(s sheet, h head, largest int) sheet {
	for {
		width, height := s.Rect.Dx(), s.Rect.Dy()
		if h.orientation.turned() {
			width, height = height, width
		}
		if width < 2*largest || height < 2 {
			return s
		}
		s = halve(s)
	}
}

// straighten makes the largest rendition's sheet: small enough, upright, and
// in sRGB.
func straighten(s sheet, h head, c *colours, width int) sheet {
	var m *image.NRGBA
	size := s.Rect.Size()
	upright := size.X
	if h.orientation.turned() {
		upright = size.Y
	}
	if upright != width {
		// The orientation is applied afterwards, to fewer pixels.
		if h.orientation.turned() {
			m = imaging.Resize(s, 0, width, filter)
		} else {
			m = imaging.Resize(s, width, 0, filter)
		}
	}
	if h.orientation != 1 {
		if m == nil {
			m = h.orientation.turn(s)
		} else {
			m = h.orientation.turn(m)
		}
	}
	if c != nil {
		if m == nil {
			m = imaging.Clone(s)
		}
		c.apply(m)
	}
	if m == nil {
		return s
	}
	return fromRGB(m.Pix, m.Stride, m.Rect.Size())
}

// filter makes pictures smaller. Lanczos takes half as long again, and after
// sharpen there is nothing left to see of it.
var filter = imaging.CatmullRom

// A step is a sheet of the cascade.

type step struct {
	width int
	sheet sheet
}

// cascade makes the sheets of all widths, each from a larger one: halved where
// one of twice the width is there. The smallest comes first.
func cascade(largest sheet, widths []int) []step {
	steps := make([]step, len(widths))
	unsharp := map[int]sheet{}
	last := largest
	for i, w := range slices.Backward(widths) {
		s := largest
		if w != largest.Rect.Dx() {
			if twice, ok := unsharp[2*w]; ok && twice.Rect.Dy() > 1 {
				s = halve(twice)
			} else {
				m := imaging.Resize(last, w, 0, filter)
				s = fromRGB(m.Pix, m.Stride, m.Rect.Size())
			}
		}
		unsharp[w], last = s, s
		if s != largest {
			s = sharpen(s)
		}
		steps[i] = step{w, s}
	}
	return steps
}

// An encoding is one of the two formats that renditions are made in.
type encoding struct {
	extension string
	// quality is where it begins and floor where it stops giving way.
	quality, floor int
	share          float64 // of budget
	encode         func(w *bytes.Buffer, s sheet, quality int) error
}

var encodings = []encoding{
	{"webp", 75, 22, 1, encodeWebP},
	{"jpg", 76, 55, 2.5, encodeJPEG},
}

// budget is how many bytes a rendition should come to as WebP: 10 kB for a
// piece of 320 × 400, and three times as much for four times the pixels, since
// larger pictures are smoother. A fine weave costs five times a smooth pot at
// the same quality, and the page's budget is the same.
func budget(s sheet) float64 {
	pixels := float64(s.Rect.Dx() * s.Rect.Dy())
	return 10_000 * math.Pow(pixels/(320*400), 0.8)
}

// fit encodes a sheet at the best quality that meets the budget, beginning
// with the one given, and returns the quality too. It tries three times at
// most and then takes what there is: below the floor everyone could see it.
func (e encoding) fit(s sheet, quality int) ([]byte, int, error) {
	target := e.share * budget(s)
	var buf bytes.Buffer
	for try := 1; ; try++ {
		buf.Reset()
		if err := e.encode(&buf, s, quality); err != nil {
			return nil, 0, fmt.Errorf("encode %s: %w", e.extension, err)
		}
		over := float64(buf.Len()) / target
		if over <= 1 || quality <= e.floor || try == 3 {
			return buf.Bytes(), quality, nil
		}
		// Halving the bytes takes 30 points of quality, or 50 where the picture is
		// grain all over: enough of them, so that the second try is mostly the last.
		quality = max(e.floor, quality-2-int(42*math.Log2(over)))
	}
}

// encodeWebP asks for libwebp's method 2 where the picture is large: the usual
// 4 takes three times as long for five parts in a hundred of the bytes. The
// small ones, many to a page, are worth it.
func encodeWebP(w *bytes.Buffer, s sheet, quality int) error {
	size := s.Rect.Size()
	m := image.NewNYCbCrA(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
	for y := range size.Y {
		mapBytes(m.Y[y*m.YStride:][:size.X], s.Y[y*s.YStride:][:size.X], &lumaNarrow)
	}
	cw := (size.X + 1) / 2
	for y := range (size.Y + 1) / 2 {
		mapBytes(m.Cb[y*m.CStride:][:cw], s.Cb[y*s.CStride:][:cw], &chromaNarrow)
		mapBytes(m.Cr[y*m.CStride:][:cw], s.Cr[y*s.CStride:][:cw], &chromaNarrow)
	}
	fill(m.A, 0xff)
	method := 2
	if size.X <= 480 {
		method = 4
	}
	return encoder.Encode(w, m, encoder.Options{Quality: quality, Method: method})
}

func encodeJPEG(w *bytes.Buffer, s sheet, quality int) error {
	return jpeg.Encode(w, s, &jpeg.Options{Quality: quality})
}

// WebPNative reports whether the system's libwebp makes the WebP pictures.
// Without it the same code runs as WebAssembly, five times slower.
func WebPNative() bool { return encoder.Dynamic() == nil }
