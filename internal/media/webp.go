package media

import (
	"bytes"
	"encoding/binary"
	"image"
)

func isRIFF(b []byte, form string) bool {
	return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == form
}

// inspectWebP walks the chunks of a WebP file. Of an animation it takes the
// first frame.
func inspectWebP(b []byte) (head, error) {
	h := head{format: formatWebP, orientation: upright}
	end := int64(binary.LittleEndian.Uint32(b[4:])) + 8
	if end > int64(len(b)) {
		return head{}, unreadable(ErrTruncated, "WebP of %d bytes that should have %d", len(b), end)
	}
	if end < 12 {
		return head{}, unreadable(ErrUnreadable, "WebP of %d bytes", end)
	}
	var canvas image.Point // zero in a file of one chunk
	var f webpFrame
	err := walkRIFF(b[12:end], func(kind string, body []byte) error {
		switch kind {
		case "VP8X":
			if len(body) < 10 {
				return unreadable(ErrUnreadable, "WebP with a malformed VP8X")
			}
			canvas = image.Pt(uint24(body[4:])+1, uint24(body[7:])+1)
		case "ANMF":
			if f.pixels != nil {
				return nil // a later frame
			}
			if len(body) < 16 {
				return unreadable(ErrUnreadable, "WebP with a malformed frame")
			}
			at := image.Pt(2*uint24(body), 2*uint24(body[3:]))
			size := image.Pt(uint24(body[6:])+1, uint24(body[9:])+1)
			f.bounds = image.Rectangle{at, at.Add(size)}
			return walkRIFF(body[16:], f.take)
		case "ICCP":
			h.profile = body
		case "EXIF":
			// Some programs leave JPEG's prefix on.
			h.orientation = exifOrientation(bytes.TrimPrefix(body, []byte("Exif\x00\x00")))
		default:
			return f.take(kind, body)
		}
		return nil
	})
	if err != nil {
		return head{}, err
	}
	size, ok := f.size()
	if !ok {
		return head{}, unreadable(ErrUnreadable, "WebP without a picture")
	}
	if f.bounds.Empty() {
		f.bounds = image.Rectangle{Max: size}
	}
	if canvas == (image.Point{}) {
		canvas = size
	}
	if canvas.X > maxSide || canvas.Y > maxSide || size.X > maxSide || size.Y > maxSide {
		return head{}, ErrTooManyPixels
	}
	// The decoders trust the frame's own header, so it must agree with what
	// was held to the limits.
	if f.bounds.Size() != size || !f.bounds.In(image.Rectangle{Max: canvas}) {
		return head{}, unreadable(ErrUnreadable, "WebP with a frame of %v at %v on a canvas of %v", size, f.bounds, canvas)
	}
	h.width, h.height, h.frame = canvas.X, canvas.Y, f

	pixels := int64(size.X) * int64(size.Y)
	switch {
	case f.lossless:
		h.decoded = 8 * pixels // the picture, and the one it is predicted from
	case f.alpha != nil:
		h.decoded = 8 * pixels
	default:
		h.decoded = 2 * pixels
	}
	if f.bounds.Size() != canvas {
		h.decoded += 4 * int64(canvas.X) * int64(canvas.Y)
	}
	return h, nil
}

// take keeps the chunks of the frame's first picture.
func (f *webpFrame) take(kind string, body []byte) error {
	if f.pixels != nil {
		return nil
	}
	switch kind {
	case "ALPH":
		f.alpha = body
	case "VP8 ":
		f.pixels = body
	case "VP8L":
		f.pixels, f.lossless = body, true
	}
	return nil
}

// size reads the frame's own header.
func (f *webpFrame) size() (image.Point, bool) {
	b := f.pixels
	switch {
	case f.lossless && len(b) >= 5 && b[0] == 0x2f:
		bits := binary.LittleEndian.Uint32(b[1:])
		return image.Pt(int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1), true
	case !f.lossless && len(b) >= 10 && bytes.Equal(b[3:6], []byte{0x9d, 0x01, 0x2a}):
		return image.Pt(int(binary.LittleEndian.Uint16(b[6:])&0x3fff), int(binary.LittleEndian.Uint16(b[8:])&0x3fff)), true
	}
	return image.Point{}, false
}

// file wraps the frame as a WebP file of its own, without the chunks that the
// decoder does not need.
func (f *webpFrame) file() []byte {
	b := []byte("RIFF\x00\x00\x00\x00WEBP")
	if f.lossless {
		b = appendChunk(b, "VP8L", f.pixels)
	} else {
		if f.alpha != nil {
			x := [10]byte{0: 1 << 4} // has transparency
			putUint24(x[4:], f.bounds.Dx()-1)
			putUint24(x[7:], f.bounds.Dy()-1)
			b = appendChunk(b, "VP8X", x[:])
			b = appendChunk(b, "ALPH", f.alpha)
		}
		b = appendChunk(b, "VP8 ", f.pixels)
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

// walkRIFF calls fn with each chunk of b, and says when the last is cut short.
func walkRIFF(b []byte, fn func(kind string, body []byte) error) error {
	for len(b) >= 8 {
		kind, n := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if n > int64(len(b)) {
			return unreadable(ErrTruncated, "WebP ends within chunk %q", kind)
		}
		if err := fn(kind, b[:n]); err != nil {
			return err
		}
		b = b[min(n+n&1, int64(len(b))):]
	}
	return nil
}

func appendChunk(b []byte, kind string, body []byte) []byte {
	b = append(b, kind...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func putUint24(b []byte, n int) { b[0], b[1], b[2] = byte(n), byte(n>>8), byte(n>>16) }
