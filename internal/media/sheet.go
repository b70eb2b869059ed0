package media

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/disintegration/imaging"
	"golang.org/x/image/webp"
)

// A sheet is a picture on its way through the pipeline: full-range YCbCr with
// the colours at half the resolution. JPEG decodes to it, both encoders take
// it, and it is an eighth of the work of anything with four channels.
type sheet = *image.YCbCr

func newSheet(width, height int) sheet {
	return image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
}

// paper lies beneath transparent pictures: the pages' own ground.
var paper = color.RGBA{0xfb, 0xfd, 0xfe, 0xff}

// decode reads the pixels of a picture that inspect has let through, each
// format with its own decoder. WebP is read in Go and not by libwebp, which is
// faster: what a stranger sends must not meet C.
func decode(b []byte, h head) (sheet, error) {
	switch h.format {
	case formatJPEG:
		m, err := jpeg.Decode(bytes.NewReader(markInks(b, h)))
		if err != nil {
			return nil, decoderFault("JPEG", err)
		}
		if inks, ok := m.(*image.CMYK); ok && h.inverted {
			for i := range inks.Pix {
				inks.Pix[i] = ^inks.Pix[i]
			}
		}
		return asSheet(m), nil
	case formatPNG:
		m, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			return nil, decoderFault("PNG", err)
		}
		return asSheet(m), nil
	case formatWebP:
		m, err := webp.Decode(bytes.NewReader(h.frame.file()))
		if err != nil {
			return nil, decoderFault("WebP", err)
		}
		return asSheet(layFrame(fullRange(m), h)), nil
	}
	return nil, fmt.Errorf("media: no decoder for %q", h.format)
}

func decoderFault(what string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return unreadable(ErrTruncated, "%s: %v", what, err)
	}
	return unreadable(ErrUnreadable, "%s: %v", what, err)
}

// markInks gives a JPEG of four inks Adobe's mark where it has none, because
// the decoder wants it; decode then undoes what the mark brings about.
func markInks(b []byte, h head) []byte {
	if !h.inverted {
		return b
	}
	mark := "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
	return bytes.Join([][]byte{b[:2], []byte(mark), b[2:]}, nil)
}

// fullRange stretches a lossy WebP's values, which leave room below black and
// above white, as television does. Go takes every YCbCr for a JPEG's.
func fullRange(m image.Image) image.Image {
	var p *image.YCbCr
	switch m := m.(type) {
	case *image.YCbCr:
		p = m
	case *image.NYCbCrA:
		p = &m.YCbCr
	default:
		return m
	}
	mapBytes(p.Y, p.Y, &lumaFull)
	mapBytes(p.Cb, p.Cb, &chromaFull)
	mapBytes(p.Cr, p.Cr, &chromaFull)
	return m
}

// Television's range is 16 to 235, and for colours 16 to 240.
var (
	lumaFull     = table(func(v float64) float64 { return (v - 16) * 255 / 219 })
	lumaNarrow   = table(func(v float64) float64 { return v*219/255 + 16 })
	chromaFull   = table(func(v float64) float64 { return (v-128)*255/224 + 128 })
	chromaNarrow = table(func(v float64) float64 { return (v-128)*224/255 + 128 })
)

func table(f func(v float64) float64) (t [256]uint8) {
	for i := range t {
		t[i] = uint8(min(max(f(float64(i))+0.5, 0), 255))
	}
	return t
}

func mapBytes(dst, src []uint8, t *[256]uint8) {
	for i, v := range src {
		dst[i] = t[v]
	}
}

// layFrame puts the first frame of an animation where it belongs, when it is
// smaller than the whole.
func layFrame(m image.Image, h head) image.Image {
	canvas := image.Rect(0, 0, h.width, h.height)
	if h.frame.bounds == canvas {
		return m
	}
	whole := image.NewRGBA(canvas)
	draw.Draw(whole, h.frame.bounds, m, m.Bounds().Min, draw.Src)
	return whole
}

// asSheet lays whatever a decoder returned on paper.
func asSheet(m image.Image) sheet {
	switch m := m.(type) {
	case *image.YCbCr:
		if m.Rect.Min == (image.Point{}) {
			return halveColours(m)
		}
	case *image.NRGBA:
		if m.Opaque() {
			return fromRGB(m.Pix, m.Stride, m.Rect.Size())
		}
	case *image.Gray:
		s := newSheet(m.Rect.Dx(), m.Rect.Dy())
		for y := range m.Rect.Dy() {
			copy(s.Y[y*s.YStride:][:m.Rect.Dx()], m.Pix[y*m.Stride:])
		}
		fill(s.Cb, 128)
		fill(s.Cr, 128)
		return s
	}
	// In strips, so that the paper does not take as much memory as the picture.
	const rows = 64
	b := m.Bounds()
	s := newSheet(b.Dx(), b.Dy())
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), rows))
	for y := 0; y < b.Dy(); y += rows {
		draw.Draw(strip, strip.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
		draw.Draw(strip, strip.Rect, m, image.Pt(b.Min.X, b.Min.Y+y), draw.Over)
		n := min(rows, b.Dy()-y)
		part := &image.YCbCr{
			Y: s.Y[y*s.YStride:], Cb: s.Cb[y/2*s.CStride:], Cr: s.Cr[y/2*s.CStride:],
			YStride: s.YStride, CStride: s.CStride, SubsampleRatio: s.SubsampleRatio, Rect: image.Rect(0, 0, b.Dx(), n),
		}
		intoSheet(part, strip.Pix, strip.Stride)
	}
	return s
}

// fromRGB makes a sheet of opaque pixels of four bytes.
func fromRGB(pix []uint8, stride int, size image.Point) sheet {
	s := newSheet(size.X, size.Y)
	intoSheet(s, pix, stride)
	return s
}

// intoSheet writes opaque pixels of four bytes into a sheet, two rows at a
// time, the colours of each four pixels averaged.
func intoSheet(s sheet, pix []uint8, stride int) {
	w, h := s.Rect.Dx(), s.Rect.Dy()
	for y := 0; y < h; y += 2 {
		top := pix[y*stride:][:4*w]
		bottom := top
		yTop := s.Y[y*s.YStride:][:w]
		yBottom := yTop
		if y+1 < h {
			bottom = pix[(y+1)*stride:][:4*w]
			yBottom = s.Y[(y+1)*s.YStride:][:w]
		}
		cb, cr := s.Cb[y/2*s.CStride:][:(w+1)/2], s.Cr[y/2*s.CStride:][:(w+1)/2]
		for x := 0; x < w; x += 2 {
			right := min(x+1, w-1)
			a, b := top[4*x:4*x+3:4*x+3], top[4*right:4*right+3:4*right+3]
			c, d := bottom[4*x:4*x+3:4*x+3], bottom[4*right:4*right+3:4*right+3]
			yTop[x], yTop[right] = luma(a), luma(b)
			yBottom[x], yBottom[right] = luma(c), luma(d)
			red := int32(a[0]) + int32(b[0]) + int32(c[0]) + int32(d[0])
			green := int32(a[1]) + int32(b[1]) + int32(c[1]) + int32(d[1])
			blue := int32(a[2]) + int32(b[2]) + int32(c[2]) + int32(d[2])
			// The JFIF weights in 16 bits behind the point; the sums are four
			// pixels', hence 18.
			cb[x/2] = clip((-11056*red - 21712*green + 32768*blue + 128<<18 + 1<<17) >> 18)
			cr[x/2] = clip((32768*red - 27440*green - 5328*blue + 128<<18 + 1<<17) >> 18)
		}
	}
}

func luma(p []uint8) uint8 {
	return uint8((19595*int32(p[0]) + 38470*int32(p[1]) + 7471*int32(p[2]) + 1<<15) >> 16)
}

func clip(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

func fill(b []uint8, v uint8) {
	for i := range b {
		b[i] = v
	}
}

// halveColours brings a JPEG with finer or coarser colours to half the
// resolution.
func halveColours(m *image.YCbCr) sheet {
	if m.SubsampleRatio == image.YCbCrSubsampleRatio420 {
		return m
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	s := &image.YCbCr{
		Y: m.Y, YStride: m.YStride, Rect: m.Rect,
		Cb: make([]uint8, cw*ch), Cr: make([]uint8, cw*ch), CStride: cw,
		SubsampleRatio: image.YCbCrSubsampleRatio420,
	}
	for y := range ch {
		y0, y1 := 2*y, min(2*y+1, h-1)
		for x := range cw {
			x0, x1 := 2*x, min(2*x+1, w-1)
			a, b, c, d := m.COffset(x0, y0), m.COffset(x1, y0), m.COffset(x0, y1), m.COffset(x1, y1)
			s.Cb[y*cw+x] = mean(m.Cb[a], m.Cb[b], m.Cb[c], m.Cb[d])
			s.Cr[y*cw+x] = mean(m.Cr[a], m.Cr[b], m.Cr[c], m.Cr[d])
		}
	}
	return s
}

func mean(a, b, c, d uint8) uint8 {
	return uint8((uint(a) + uint(b) + uint(c) + uint(d) + 2) / 4)
}

// halve makes a sheet of half the width and height, four pixels to one. That
// is a twentieth of the work of a better filter, and where the result is made
// smaller once more nobody can tell them apart.
func halve(s sheet) sheet {
	d := newSheet(s.Rect.Dx()/2, s.Rect.Dy()/2)
	halvePlane(d.Y, d.YStride, d.Rect.Size(), s.Y, s.YStride, s.Rect.Size())
	from := image.Pt((s.Rect.Dx()+1)/2, (s.Rect.Dy()+1)/2)
	to := image.Pt((d.Rect.Dx()+1)/2, (d.Rect.Dy()+1)/2)
	halvePlane(d.Cb, d.CStride, to, s.Cb, s.CStride, from)
	halvePlane(d.Cr, d.CStride, to, s.Cr, s.CStride, from)
	return d
}

func halvePlane(dst []uint8, dstStride int, to image.Point, src []uint8, srcStride int, from image.Point) {
	whole := min(to.X, from.X/2) // beyond it, the last column counts twice
	for y := range to.Y {
		top := src[2*y*srcStride:][:from.X]
		bottom := src[min(2*y+1, from.Y-1)*srcStride:][:from.X]
		out := dst[y*dstStride:][:to.X]
		for x := range whole {
			a, b := top[2*x:2*x+2:2*x+2], bottom[2*x:2*x+2:2*x+2]
			out[x] = mean(a[0], a[1], b[0], b[1])
		}
		for x := whole; x < to.X; x++ {
			out[x] = mean(top[2*x], top[2*x], bottom[2*x], bottom[2*x])
		}
	}
}

// turn brings a picture upright.
func (o orientation) turn(m image.Image) *image.NRGBA {
	switch o {
	case 2:
		return imaging.FlipH(m)
	case 3:
		return imaging.Rotate180(m)
	case 4:
		return imaging.FlipV(m)
	case 5:
		return imaging.Transpose(m)
	case 6:
		return imaging.Rotate270(m) // imaging counts anticlockwise
	case 7:
		return imaging.Transverse(m)
	case 8:
		return imaging.Rotate90(m)
	}
	return imaging.Clone(m)
}

// sharpen gives back a little of the crispness that making smaller takes away:
// the difference from the mean of the four neighbours, by a sixth. Only the
// luma, for colours would fringe, and what is even is left alone, for a
// little grain sharpened costs many bytes.
func sharpen(s sheet) sheet {
	const quiet = 3 // differences up to it are grain
	w, h := s.Rect.Dx(), s.Rect.Dy()
	d := *s
	d.Y = make([]uint8, len(s.Y))
	copy(d.Y, s.Y)
	for y := 1; y < h-1; y++ {
		above, row, below := s.Y[(y-1)*s.YStride:][:w], s.Y[y*s.YStride:][:w], s.Y[(y+1)*s.YStride:][:w]
		out := d.Y[y*s.YStride:][:w]
		for x := 1; x < w-1; x++ {
			v := int32(row[x])
			diff := 4*v - int32(above[x]) - int32(below[x]) - int32(row[x-1]) - int32(row[x+1])
			if diff > 4*quiet || diff < -4*quiet {
				out[x] = clip(v + diff/24)
			}
		}
	}
	return &d
}
