package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
)

// inspectPNG walks the chunks of a PNG up to its end, which must be there.
func inspectPNG(b []byte) (head, error) {
	h := head{format: formatPNG, orientation: upright}
	var header []byte
	var pixels, transparent bool
	for i := 8; ; {
		if i+8 > len(b) {
			return head{}, unreadable(ErrTruncated, "PNG ends without its end chunk")
		}
		n, kind := int64(binary.BigEndian.Uint32(b[i:])), string(b[i+4:i+8])
		i += 8
		if header == nil && kind != "IHDR" {
			return head{}, unreadable(ErrUnreadable, "PNG begins with %q", kind)
		}
		if int64(i)+n+4 > int64(len(b)) {
			return head{}, unreadable(ErrTruncated, "PNG ends within chunk %q", kind)
		}
		body := b[i : i+int(n)]
		i += int(n) + 4 // and the checksum, which the decoder looks at

		switch kind {
		case "IHDR":
			if len(body) != 13 || header != nil {
				return head{}, unreadable(ErrUnreadable, "PNG with a malformed header")
			}
			header = body
		case "IDAT":
			pixels = true
		case "tRNS":
			transparent = true
		case "eXIf":
			h.orientation = exifOrientation(body)
		case "iCCP":
			h.profile = pngProfile(body)
		}
		if kind == "IEND" {
			break
		}
	}
	if !pixels {
		return head{}, unreadable(ErrUnreadable, "PNG without a picture")
	}
	w, ht := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[4:])
	if w > maxSide || ht > maxSide {
		return head{}, ErrTooManyPixels
	}
	h.width, h.height = int(w), int(ht)
	h.decoded = int64(w) * int64(ht) * pngPixel(header[8], header[9], transparent)
	if header[12] != 0 {
		h.decoded *= 2 // interlaced: each pass on its own, then all together
	}
	return h, nil
}

// pngPixel returns the bytes that the decoder takes for a pixel.
func pngPixel(depth, colour byte, transparent bool) int64 {
	const grey, rgb, palette = 0, 2, 3
	wide := int64(1)
	if depth == 16 {
		wide = 2
	}
	switch {
	case colour == palette, colour == grey && !transparent:
		return wide
	default:
		return 4 * wide
	}
}

// maxProfile bounds what a compressed profile may unfold to. Printers' tables
// come to two megabytes; we can only use small ones.
const maxProfile = 4 << 20

// pngProfile returns the colour profile in an iCCP chunk, or nil where there
// is none that can be read: a picture is worth showing without it.
func pngProfile(body []byte) []byte {
	_, rest, ok := bytes.Cut(body, []byte{0})
	if !ok || len(rest) < 1 || rest[0] != 0 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(rest[1:]))
	if err != nil {
		return nil
	}
	profile, err := io.ReadAll(io.LimitReader(z, maxProfile))
	if err != nil {
		return nil
	}
	return profile
}
