package media

import (
	"encoding/binary"
	"errors"
	"image"
	"math"
	"sync"
)

// colours turns the colours of a picture into sRGB, the only ones that a page
// without colour management shows right. Go's decoders drop the profile, and
// the blues of a photo taken in Display P3 then turn dull.
//
// Only profiles of three curves and a matrix are read: they are what cameras,
// phones and screens write. Printers' profiles are tables, and stay unread.
type colours struct {
	linear [3][256]float32
	matrix [3][3]float32 // from linear device colours to linear sRGB
}

var (
	errProfile      = errors.New("malformed colour profile")
	errProfileKind  = errors.New("colour profile of another kind than curves and a matrix")
	errProfileCurve = errors.New("colour profile with a curve of an unknown kind")
)

// newColours reads an ICC profile. It returns nil for one that is sRGB itself,
// or so near that nobody could see the difference.
func newColours(profile []byte) (*colours, error) {
	if len(profile) < 132 || string(profile[36:40]) != "acsp" {
		return nil, errProfile
	}
	if string(profile[20:24]) != "XYZ " {
		return nil, errProfileKind
	}
	var c colours
	switch string(profile[16:20]) {
	case "RGB ":
		var device [3][3]float64 // to XYZ under D50, a row for X, Y and Z each
		for i, channel := range []string{"r", "g", "b"} {
			xyz, err := profileXYZ(profile, channel+"XYZ")
			if err != nil {
				return nil, err
			}
			for row := range xyz {
				device[row][i] = xyz[row]
			}
			curve, err := profileCurve(profile, channel+"TRC")
			if err != nil {
				return nil, err
			}
			c.linear[i] = curve
		}
		for row := range c.matrix {
			for col := range c.matrix[row] {
				for k := range 3 {
					c.matrix[row][col] += float32(xyzToSRGB[row][k] * device[k][col])
				}
			}
		}
	case "GRAY":
		curve, err := profileCurve(profile, "kTRC")
		if err != nil {
			return nil, err
		}
		c.linear = [3][256]float32{curve, curve, curve}
		c.matrix = [3][3]float32{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	default:
		return nil, errProfileKind
	}
	if c.isSRGB() {
		return nil, nil
	}
	return &c, nil
}

// xyzToSRGB takes XYZ under D50, which profiles speak, to linear sRGB: sRGB's
// primaries adapted from D65 after Bradford, inverted.
var xyzToSRGB = [3][3]float64{
	{3.1338561, -1.6168667, -0.4906146},
	{-0.9787684, 1.9161415, 0.0334540},
	{0.0719453, -0.2289914, 1.4052427},
}

// gammaSteps is fine enough for the dark end, where sRGB is steepest.
const gammaSteps = 1 << 13

// gamma gives linear light its sRGB value.
var gamma = sync.OnceValue(func() *[gammaSteps + 1]uint8 {
	var t [gammaSteps + 1]uint8
	for i := range t {
		v := float64(i) / gammaSteps
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		t[i] = uint8(math.Round(255 * v))
	}
	return &t
})

func (c *colours) convert(table *[gammaSteps + 1]uint8, r, g, b uint8) (_, _, _ uint8) {
	lr, lg, lb := c.linear[0][r], c.linear[1][g], c.linear[2][b]
	m := &c.matrix
	return table[gammaStep(m[0][0]*lr+m[0][1]*lg+m[0][2]*lb)],
		table[gammaStep(m[1][0]*lr+m[1][1]*lg+m[1][2]*lb)],
		table[gammaStep(m[2][0]*lr+m[2][1]*lg+m[2][2]*lb)]
}

// gammaStep clips what sRGB cannot show. The comparisons are such that a NaN,
// which a hostile matrix might bring about, comes out as black.
func gammaStep(linear float32) int {
	if !(linear > 0) {
		return 0
	}
	if linear >= 1 {
		return gammaSteps
	}
	return int(linear*gammaSteps + 0.5)
}

// apply converts a picture in place.
func (c *colours) apply(m *image.NRGBA) {
	table := gamma()
	for i := 0; i+4 <= len(m.Pix); i += 4 {
		p := m.Pix[i : i+4 : i+4]
		p[0], p[1], p[2] = c.convert(table, p[0], p[1], p[2])
	}
}

// isSRGB asks a grid of colours whether any would change visibly.
func (c *colours) isSRGB() bool {
	const near = 2
	table := gamma()
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				r2, g2, b2 := c.convert(table, uint8(r), uint8(g), uint8(b))
				if abs(int(r2)-r) > near || abs(int(g2)-g) > near || abs(int(b2)-b) > near {
					return false
				}
			}
		}
	}
	return true
}

func abs(n int) int { return max(n, -n) }

// profileTag returns the data under a signature.
func profileTag(profile []byte, signature string) ([]byte, error) {
	count := binary.BigEndian.Uint32(profile[128:])
	entries := profile[132:]
	for ; count > 0 && len(entries) >= 12; count-- {
		if string(entries[:4]) == signature {
			at, n := int64(binary.BigEndian.Uint32(entries[4:])), int64(binary.BigEndian.Uint32(entries[8:]))
			if at+n > int64(len(profile)) {
				return nil, errProfile
			}
			return profile[at : at+n], nil
		}
		entries = entries[12:]
	}
	return nil, errProfileKind
}

func profileXYZ(profile []byte, signature string) (xyz [3]float64, err error) {
	b, err := profileTag(profile, signature)
	if err != nil {
		return xyz, err
	}
	if len(b) < 20 || string(b[:4]) != "XYZ " {
		return xyz, errProfile
	}
	for i := range xyz {
		xyz[i] = fixed(b[8+4*i:])
	}
	return xyz, nil
}

// profileCurve returns the linear light of each of the 256 values of a channel.
func profileCurve(profile []byte, signature string) (curve [256]float32, err error) {
	b, err := profileTag(profile, signature)
	if err != nil {
		return curve, err
	}
	if len(b) < 12 {
		return curve, errProfile
	}
	var f func(v float64) float64
	switch string(b[:4]) {
	case "curv":
		f, err = tableCurve(b)
	case "para":
		f, err = parametricCurve(b)
	default:
		err = errProfileCurve
	}
	if err != nil {
		return curve, err
	}
	for i := range curve {
		curve[i] = float32(f(float64(i) / 255))
	}
	return curve, nil
}

func tableCurve(b []byte) (func(float64) float64, error) {
	n := int64(binary.BigEndian.Uint32(b[8:]))
	values := b[12:]
	if 2*n > int64(len(values)) {
		return nil, errProfile
	}
	at := func(i int) float64 { return float64(binary.BigEndian.Uint16(values[2*i:])) }
	switch n {
	case 0:
		return func(v float64) float64 { return v }, nil
	case 1:
		g := at(0) / 256
		return func(v float64) float64 { return math.Pow(v, g) }, nil
	}
	return func(v float64) float64 {
		pos := v * float64(n-1)
		i := min(int(pos), int(n)-2)
		return (at(i) + (at(i+1)-at(i))*(pos-float64(i))) / 65535
	}, nil
}

// parametricCurve reads the five kinds of ICC.1:2010 §10.16, which are one
// formula with more and more of its terms.
func parametricCurve(b []byte) (func(float64) float64, error) {
	counts := []int{1, 3, 4, 5, 7}
	kind := int(binary.BigEndian.Uint16(b[8:]))
	if kind >= len(counts) {
		return nil, errProfileCurve
	}
	if len(b) < 12+4*counts[kind] {
		return nil, errProfile
	}
	var p [7]float64
	for i := range counts[kind] {
		p[i] = fixed(b[12+4*i:])
	}
	g, a, bb, c, d, e, f := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	switch kind {
	case 0:
		a = 1
	case 1: // below -b/a it is 0
		d = -bb / a
	case 2: // below -b/a it is c, and c is added above
		d, e, f, c = -bb/a, c, c, 0
	}
	return func(v float64) float64 {
		if v < d {
			return c*v + f
		}
		return math.Pow(a*v+bb, g) + e
	}, nil
}

// fixed reads a signed number of 16 bits before the point and 16 behind.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }
