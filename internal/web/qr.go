package web

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// A QR is partial/qr: a code to be read by a camera, drawn as one path so that
// it prints sharply and needs no picture from elsewhere.
type QR struct {
	Size  int // modules on a side, with the quiet zone around them
	Path  string
	Label string
}

// NewQR makes the code of a text, mostly an address.
func NewQR(text, label string) (QR, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return QR{}, fmt.Errorf("web: QR code: %w", err)
	}
	const quiet = 4 // modules, by the standard
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			begin := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > begin {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", begin+quiet, y+quiet, x-begin, x-begin)
			}
		}
	}
	return QR{Size: code.Size + 2*quiet, Path: b.String(), Label: label}, nil
}
