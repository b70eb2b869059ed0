package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"runtime"
	"slices"
	"strings"
	"testing"

	"kissaria.ma/internal/fault"
)

func TestInspectRefuses(t *testing.T) {
	photo := asJPEG(t, weave(400, 500))
	drawing := asPNG(t, weave(400, 500))
	painting := asWebP(t, weave(400, 500), false)
	var moving bytes.Buffer
	if err := gif.Encode(&moving, image.NewPaletted(image.Rect(0, 0, 400, 500), color.Palette{color.White}), nil); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		content []byte
		want    *fault.Fault
	}{
		{"nothing", nil, ErrEmpty},
		{"a letter", []byte("Salam, here is my rug."), ErrNotPicture},
		{"zeros", make([]byte, 4096), ErrNotPicture},
		{"one byte", []byte{0xff}, ErrNotPicture},
		{"an archive", []byte("PK\x03\x04 and so on"), ErrNotPicture},
		{"a film", []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), ErrNotPicture},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), ErrHEIC},
		{"HEIC under its family's name", []byte("\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic"), ErrHEIC},
		{"AVIF", []byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf"), ErrHEIC},
		{"TIFF", []byte("II*\x00\x08\x00\x00\x00"), ErrFormat},
		{"TIFF the other way round", []byte("MM\x00*\x00\x00\x00\x08"), ErrFormat},
		{"BMP", []byte("BM\x36\x00\x0c\x00\x00\x00\x00\x00"), ErrFormat},
		{"GIF", moving.Bytes(), ErrFormat},
		{"PDF", []byte("%PDF-1.7"), ErrFormat},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), ErrFormat},
		{"SVG behind a prologue", []byte("\xef\xbb\xbf\n<?xml version=\"1.0\"?><!-- <b> --><SVG/>"), ErrFormat},
		{"HTML with a picture behind it", append([]byte("<html><script>alert(1)</script>"), photo...), ErrNotPicture},
		{"RIFF that is sound", []byte("RIFF\x24\x00\x00\x00WAVEfmt "), ErrNotPicture},
		{"more than 25 MB", append(slices.Clone(photo), make([]byte, MostBytes)...), ErrTooLarge},
		{"one pixel", asPNG(t, flat(1, 1, red)), ErrTooSmall},
		{"one side too short", asJPEG(t, weave(1200, 299)), ErrTooSmall},
		{"30 000 × 30 000 as PNG", hugePNG(t, 30_000, 30_000), ErrTooManyPixels},
		{"as many pixels as PNG can say", hugePNG(t, 1<<31-1, 1<<31-1), ErrTooManyPixels},
		{"30 000 × 30 000 as JPEG", handHuge(30_000, 30_000), ErrTooManyPixels},
		{"61 million pixels", hugePNG(t, 10_000, 6_100), ErrTooManyPixels},
		{"a strip longer than WebP can be", hugePNG(t, 400, 16_384), ErrTooManyPixels},
		{"no width", hugePNG(t, 0, 400), ErrUnreadable},
		{"half a JPEG", photo[:len(photo)/2], ErrTruncated},
		{"a JPEG without its last byte", photo[:len(photo)-1], ErrTruncated},
		{"a JPEG's beginning", photo[:30], ErrTruncated},
		{"a JPEG that ends in zeros", append(slices.Clone(photo[:len(photo)/2]), make([]byte, len(photo)/2)...), ErrTruncated},
		{"half a PNG", drawing[:len(drawing)/2], ErrTruncated},
		{"a PNG without its end", drawing[:len(drawing)-12], ErrTruncated},
		{"half a WebP", painting[:len(painting)/2], ErrTruncated},
		{"a WebP of no pixels", riff(), ErrUnreadable},
		{"a JPEG of no pixels", []byte{0xff, 0xd8, 0xff, 0xd9}, ErrUnreadable},
		{"a JPEG of 12 bits", bytes.Replace(photo, []byte{0xff, 0xc0, 0, 17, 8}, []byte{0xff, 0xc0, 0, 17, 12}, 1), ErrUnreadable},
		{"a lossless JPEG", bytes.Replace(photo, []byte{0xff, 0xc0}, []byte{0xff, 0xc3}, 1), ErrUnreadable},
		{"a JPEG of a thousand scans", manyScans(1000), ErrUnreadable},
		{"a progressive JPEG too large to wait for", handHead(9_000, 6_000, markerSOF2), ErrTooManyPixels},
		{"a WebP whose frame is larger than it says", extendedWebP(t, painting, 300, 300, nil, nil), ErrUnreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := inspect(tt.content); !errors.Is(err, tt.want) {
				t.Errorf("inspect = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestInspectAccepts(t *testing.T) {
	photo := asJPEG(t, weave(400, 500))
	tests := []struct {
		name          string
		content       []byte
		format        format
		width, height int // upright
	}{
		{"JPEG", photo, formatJPEG, 400, 500},
		{"PNG", asPNG(t, weave(400, 500)), formatPNG, 400, 500},
		{"WebP", asWebP(t, weave(400, 500), false), formatWebP, 400, 500},
		{"lossless WebP", asWebP(t, weave(400, 500), true), formatWebP, 400, 500},
		{"WebP with transparency", asWebP(t, flat(400, 500, color.NRGBA{200, 0, 0, 128}), false), formatWebP, 400, 500},
		{"animated WebP", animatedWebP(600, 700, image.Pt(100, 50), asWebP(t, weave(400, 500), false)), formatWebP, 600, 700},
		{"held upright", asJPEG(t, weave(400, 500), exifSegment(exif(binary.BigEndian, 6))), formatJPEG, 500, 400},
		{"with a film behind it", append(slices.Clone(photo), strings.Repeat("film", 1000)...), formatJPEG, 400, 500},
		{"progressive", handJPEG(400, 500, markerSOF2, -1, 100, 128, 128), formatJPEG, 400, 500},
		{"60 million pixels", handHead(9_000, 6_600, markerSOF0), formatJPEG, 9_000, 6_600},
		{"exactly large enough", asJPEG(t, weave(300, 300)), formatJPEG, 300, 300},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := inspect(tt.content)
			if err != nil {
				t.Fatal(err)
			}
			if w, ht := h.upright(); h.format != tt.format || w != tt.width || ht != tt.height {
				t.Errorf("inspect = %s, %d × %d; want %s, %d × %d", h.format, w, ht, tt.format, tt.width, tt.height)
			}
		})
	}
}

// A file of a hundred bytes that says it is 3.6 GB must be refused before
// anything is laid out for it.
func TestInspectLaysOutNothing(t *testing.T) {
	for name, content := range map[string][]byte{"png": hugePNG(t, 30_000, 30_000), "jpeg": handHuge(30_000, 30_000)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := inspect(content)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrTooManyPixels) {
			t.Errorf("%s: %v, want %v", name, err, ErrTooManyPixels)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%s: %d bytes were allocated for a file of %d", name, n, len(content))
		}
	}
}

func TestExifOrientation(t *testing.T) {
	for o := orientation(1); o <= 8; o++ {
		if got := exifOrientation(exif(binary.BigEndian, o)); got != o {
			t.Errorf("big-endian %d is read as %d", o, got)
		}
		if got := exifOrientation(exif(binary.LittleEndian, o)); got != o {
			t.Errorf("little-endian %d is read as %d", o, got)
		}
	}
	for _, odd := range [][]byte{nil, []byte("II*\x00"), exif(binary.BigEndian, 0), exif(binary.BigEndian, 9), []byte("II*\x00\xff\xff\xff\xff")} {
		if got := exifOrientation(odd); got != upright {
			t.Errorf("exifOrientation(%q) = %d, want upright", odd, got)
		}
	}
}

// handHead is a JPEG with headers and an end, and no pixels to speak of.
func handHead(w, h int, sof byte) []byte {
	b := handJPEG(8, 8, sof, -1, 100, 128, 128)
	i := bytes.Index(b, []byte{0xff, sof, 0, 17, 8})
	binary.BigEndian.PutUint16(b[i+5:], uint16(h))
	binary.BigEndian.PutUint16(b[i+7:], uint16(w))
	return b
}

func handHuge(w, h int) []byte { return handHead(w, h, markerSOF0) }

func manyScans(n int) []byte {
	b := handJPEG(400, 500, markerSOF2, -1, 100)
	i := bytes.Index(b, []byte{0xff, markerSOS})
	end := len(b) - 2
	return bytes.Join([][]byte{b[:i], bytes.Repeat(b[i:end], n), b[end:]}, nil)
}

func FuzzInspect(f *testing.F) {
	f.Add(asJPEG(f, weave(310, 320), exifSegment(exif(binary.BigEndian, 6)), iccSegments(profile("RGB ", primariesP3, curveSRGB))))
	f.Add(handJPEG(320, 320, markerSOF2, 2, 1, 2, 3, 4))
	f.Add(asPNG(f, flat(310, 320, red), iccChunk(f, profile("RGB ", primariesP3, gammaCurve(2.2))), pngChunk("eXIf", exif(binary.LittleEndian, 3))))
	f.Add(hugePNG(f, 1<<31-1, 1<<31-1))
	f.Add(asWebP(f, flat(310, 320, color.NRGBA{1, 2, 3, 100}), false))
	f.Add(asWebP(f, flat(310, 320, red), true))
	f.Add(animatedWebP(310, 320, image.Point{}, asWebP(f, flat(310, 320, red), false)))
	f.Add([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := inspect(b)
		if err != nil {
			if _, ok := asFault(err); !ok {
				t.Errorf("inspect: %v, which tells an artisan nothing", err)
			}
			return
		}
		if h.width > maxSide || h.height > maxSide || h.width*h.height > maxPixels || h.decoded > maxDecoded {
			t.Errorf("inspect lets %d × %d pixels and %d bytes through", h.width, h.height, h.decoded)
		}
		if c, err := newColours(h.profile); err == nil && c != nil {
			c.apply(image.NewNRGBA(image.Rect(0, 0, 2, 2)))
		}
		if h.format == formatWebP {
			if again, err := inspect(h.frame.file()); err != nil && !errors.Is(err, ErrTooSmall) {
				t.Errorf("the frame's own file is refused: %v", err)
			} else if err == nil && again.frame.lossless != h.frame.lossless {
				t.Error("the frame's own file is another picture")
			}
		}
	})
}

func FuzzExif(f *testing.F) {
	f.Add(exif(binary.BigEndian, 6))
	f.Add(exif(binary.LittleEndian, 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o := exifOrientation(b); o < 1 || o > 8 {
			t.Errorf("exifOrientation = %d", o)
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add(profile("RGB ", primariesAdobe, gammaCurve(2.2)))
	f.Add(profile("RGB ", primariesP3, curveSRGB))
	f.Add(profile("GRAY", primariesP3, tabledCurve(9, func(v float64) float64 { return v * v })))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := newColours(b); err == nil && c != nil {
			c.apply(weave(4, 4))
		}
	})
}
