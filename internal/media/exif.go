package media

import "encoding/binary"

// exifOrientation reads how the camera was held out of EXIF, which is a TIFF
// file without a picture. It is the only thing we want of it; whatever cannot
// be read leaves the picture as it lies.
func exifOrientation(b []byte) orientation {
	var order binary.ByteOrder
	switch {
	case len(b) < 8:
		return upright
	case string(b[:4]) == "II*\x00":
		order = binary.LittleEndian
	case string(b[:4]) == "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	const tagOrientation, typeShort = 0x0112, 3
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return upright
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			if o := orientation(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			break
		}
		entries = entries[12:]
	}
	return upright
}
