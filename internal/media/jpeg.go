package media

import (
	"bytes"
	"encoding/binary"
)

// JPEG's markers, T.81 table B.1.
const (
	markerSOF0  = 0xc0 // baseline
	markerSOF1  = 0xc1 // extended
	markerSOF2  = 0xc2 // progressive
	markerDHT   = 0xc4
	markerJPG   = 0xc8
	markerDAC   = 0xcc
	markerSOF15 = 0xcf
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerAPP1  = 0xe1
	markerAPP2  = 0xe2
	markerAPP14 = 0xee
)

// inspectJPEG walks the segments of a JPEG up to its end, which must be there.
// What lies behind the end is not looked at: phones put films and second
// pictures there.
func inspectJPEG(b []byte) (head, error) {
	h := head{format: formatJPEG, orientation: upright}
	var (
		sof       []byte
		sofMarker byte
		adobe     = -1 // its colour transform
		scans     int
		icc       iccChunks
	)
	for i := 2; ; {
		marker, next := nextMarker(b, i)
		if next < 0 {
			return head{}, unreadable(ErrTruncated, "JPEG ends without its end marker")
		}
		i = next
		if marker == markerEOI {
			break
		}
		if marker >= markerRST0 && marker <= markerRST7 {
			continue
		}
		if i+2 > len(b) {
			return head{}, unreadable(ErrTruncated, "JPEG ends within a segment")
		}
		n := int(binary.BigEndian.Uint16(b[i:]))
		if n < 2 {
			return head{}, unreadable(ErrUnreadable, "JPEG segment of %d bytes", n)
		}
		if i+n > len(b) {
			return head{}, unreadable(ErrTruncated, "JPEG ends within a segment")
		}
		body := b[i+2 : i+n]
		i += n

		switch {
		case marker == markerSOS:
			if scans++; scans > maxScans {
				return head{}, unreadable(ErrUnreadable, "JPEG of more than %d scans", maxScans)
			}
			i = skipScan(b, i)
		case isSOF(marker):
			if sof != nil {
				return head{}, unreadable(ErrUnreadable, "JPEG with two frames")
			}
			sof, sofMarker = body, marker
		case marker == markerAPP1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			if h.orientation == upright {
				h.orientation = exifOrientation(body[6:])
			}
		case marker == markerAPP2 && bytes.HasPrefix(body, []byte("ICC_PROFILE\x00")):
			icc.add(body[12:])
		case marker == markerAPP14 && len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")):
			adobe = int(body[11])
		}
	}
	if sof == nil || scans == 0 {
		return head{}, unreadable(ErrUnreadable, "JPEG without a picture")
	}
	if len(sof) < 6 || len(sof) != 6+3*int(sof[5]) {
		return head{}, unreadable(ErrUnreadable, "JPEG with a malformed frame header")
	}
	if sofMarker > markerSOF2 || sof[0] != 8 {
		return head{}, unreadable(ErrUnreadable, "JPEG of a rare kind: marker %#x, %d bits", sofMarker, sof[0])
	}
	h.height = int(binary.BigEndian.Uint16(sof[1:]))
	h.width = int(binary.BigEndian.Uint16(sof[3:]))
	h.profile = icc.join()
	h.inverted = sof[5] == 4 && adobe < 0
	h.decoded = jpegDecoded(h, sof[6:], sofMarker == markerSOF2, adobe)
	return h, nil
}

// jpegDecoded reckons what the decoder needs: a byte a sample, four more where
// a progressive picture's coefficients wait for the last scan, and four a
// pixel for colours that are interleaved at the end.
func jpegDecoded(h head, components []byte, progressive bool, adobe int) int64 {
	var area, most int64
	for i := 1; i < len(components); i += 3 {
		a := int64(components[i]>>4) * int64(components[i]&0x0f)
		area += a
		most = max(most, a)
	}
	pixels := int64(h.width) * int64(h.height)
	if most == 0 {
		return pixels // the decoder will refuse it
	}
	bytes := pixels * area / most
	if progressive {
		bytes *= 5
	}
	if n := len(components) / 3; n == 4 || n == 3 && (adobe == 0 || components[0] == 'R') {
		bytes += 4 * pixels
	}
	return bytes
}

// nextMarker returns the marker at or after i and where its segment begins, or
// -1 when there is none. Like the decoder, it skips stray bytes before one.
func nextMarker(b []byte, i int) (marker byte, next int) {
	for {
		ff := bytes.IndexByte(b[min(i, len(b)):], 0xff)
		if ff < 0 {
			return 0, -1
		}
		for i += ff; i < len(b) && b[i] == 0xff; i++ {
		}
		if i == len(b) {
			return 0, -1
		}
		if b[i] != 0 {
			return b[i], i + 1
		}
	}
}

// skipScan returns where the coded pixels that begin at i end: at the next
// marker which is not a restart within them.
func skipScan(b []byte, i int) int {
	for {
		ff := bytes.IndexByte(b[min(i, len(b)):], 0xff)
		if ff < 0 || i+ff+1 >= len(b) {
			return len(b)
		}
		i += ff
		if m := b[i+1]; m != 0 && m != 0xff && (m < markerRST0 || m > markerRST7) {
			return i
		}
		i++
	}
}

func isSOF(marker byte) bool {
	return marker >= markerSOF0 && marker <= markerSOF15 &&
		marker != markerDHT && marker != markerJPG && marker != markerDAC
}

// iccChunks gathers a colour profile, which JPEG cuts into numbered pieces.
type iccChunks struct {
	pieces [256][]byte
	count  byte
}

func (c *iccChunks) add(piece []byte) {
	if len(piece) < 2 || piece[0] == 0 {
		return
	}
	c.count = piece[1]
	c.pieces[piece[0]] = piece[2:]
}

// join returns the whole profile, or nil when a piece is missing.
func (c *iccChunks) join() []byte {
	var profile []byte
	for i := 1; i <= int(c.count); i++ {
		if c.pieces[i] == nil {
			return nil
		}
		profile = append(profile, c.pieces[i]...)
	}
	return profile
}
