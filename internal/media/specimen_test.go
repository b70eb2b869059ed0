package media

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"testing"

	encoder "github.com/gen2brain/webp"
)

// The pictures that tests work on are made here, byte by byte where encoders
// do not go.

var (
	red   = color.NRGBA{200, 30, 30, 255}
	green = color.NRGBA{30, 160, 60, 255}
	blue  = color.NRGBA{40, 60, 190, 255}
	white = color.NRGBA{240, 240, 235, 255}
)

// quarters is a picture whose four quarters tell how it lies: red, green,
// blue, white, as one reads.
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			switch {
			case y < h/2 && x < w/2:
				m.SetNRGBA(x, y, red)
			case y < h/2:
				m.SetNRGBA(x, y, green)
			case x < w/2:
				m.SetNRGBA(x, y, blue)
			default:
				m.SetNRGBA(x, y, white)
			}
		}
	}
	return m
}

// stored returns m as a camera stores it that was held after orientation o,
// from EXIF's own words: where row 0 and column 0 of the stored picture are.
func stored(m *image.NRGBA, o orientation) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	sw, sh := w, h
	if o >= 5 {
		sw, sh = h, w
	}
	s := image.NewNRGBA(image.Rect(0, 0, sw, sh))
	for y := range sh {
		for x := range sw {
			var at image.Point
			switch o {
			case 1: // top, left
				at = image.Pt(x, y)
			case 2: // top, right
				at = image.Pt(w-1-x, y)
			case 3: // bottom, right
				at = image.Pt(w-1-x, h-1-y)
			case 4: // bottom, left
				at = image.Pt(x, h-1-y)
			case 5: // left, top
				at = image.Pt(y, x)
			case 6: // right, top
				at = image.Pt(w-1-y, x)
			case 7: // right, bottom
				at = image.Pt(w-1-y, h-1-x)
			case 8: // left, bottom
				at = image.Pt(y, h-1-x)
			}
			s.SetNRGBA(x, y, m.NRGBAAt(at.X, at.Y))
		}
	}
	return s
}

// flat is a picture of one colour.
func flat(w, h int, c color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = n.R, n.G, n.B, n.A
	}
	return m
}

// weave is a picture with much to see: threads, a gradient and grain.
func weave(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for y := range h {
		for x := range w {
			thread := 30 * math.Sin(float64(x)/3) * math.Cos(float64(y)/4)
			base := 90 + 90*float64(x+y)/float64(w+h) + thread + float64(r.IntN(24))
			i := m.PixOffset(x, y)
			m.Pix[i], m.Pix[i+1], m.Pix[i+2], m.Pix[i+3] = uint8(min(base*1.1, 255)), uint8(base*0.8), uint8(base*0.6), 255
		}
	}
	return m
}

func asJPEG(t testing.TB, m image.Image, segments ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return withSegments(b.Bytes(), segments...)
}

// withSegments puts segments behind a JPEG's first marker.
func withSegments(b []byte, segments ...[]byte) []byte {
	return bytes.Join([][]byte{b[:2], bytes.Join(segments, nil), b[2:]}, nil)
}

func segment(marker byte, body ...[]byte) []byte {
	all := bytes.Join(body, nil)
	b := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(all)+2))
	return append(b, all...)
}

func exifSegment(tiff []byte) []byte {
	return segment(markerAPP1, []byte("Exif\x00\x00"), tiff)
}

// iccSegments cuts a profile in two, as long ones are.
func iccSegments(profile []byte) []byte {
	half := len(profile) / 2
	return append(
		segment(markerAPP2, []byte("ICC_PROFILE\x00\x01\x02"), profile[:half]),
		segment(markerAPP2, []byte("ICC_PROFILE\x00\x02\x02"), profile[half:])...)
}

// exif is what a phone writes: how it was held, a serial number, and where.
func exif(order binary.AppendByteOrder, o orientation) []byte {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	entry := func(tag, kind uint16, count, value uint32) {
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, kind)
		b = order.AppendUint32(b, count)
		if kind == 3 {
			b = order.AppendUint16(b, uint16(value))
			b = order.AppendUint16(b, 0)
		} else {
			b = order.AppendUint32(b, value)
		}
	}
	const makerAt = 8 + 2 + 4*12 + 4
	b = order.AppendUint16(b, 4)
	entry(0x010f, 2, 16, makerAt) // maker
	entry(0x0112, 3, 1, uint32(o))
	entry(0x8825, 4, 1, makerAt+32) // GPS
	entry(0xa431, 2, 16, makerAt+16)
	b = order.AppendUint32(b, 0)
	b = append(b, "SECRET-MAKER\x00\x00\x00\x00"...)
	b = append(b, "SECRET-SERIAL\x00\x00\x00"...)
	b = order.AppendUint16(b, 1)
	entry(0x0002, 5, 3, makerAt+32+18)
	b = order.AppendUint32(b, 0)
	b = append(b, "SECRET-LATITUDE"...)
	return b
}

func asPNG(t testing.TB, m image.Image, chunks ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	const header = 8 + 8 + 13 + 4
	return bytes.Join([][]byte{b.Bytes()[:header], bytes.Join(chunks, nil), b.Bytes()[header:]}, nil)
}

func pngChunk(kind string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(b, kind...)
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func iccChunk(t testing.TB, profile []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write(profile); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return pngChunk("iCCP", append([]byte("profile\x00\x00"), z.Bytes()...))
}

// hugePNG is small and says that it is 30 000 × 30 000.
func hugePNG(t testing.TB, w, h uint32) []byte {
	t.Helper()
	header := binary.BigEndian.AppendUint32(nil, w)
	header = binary.BigEndian.AppendUint32(header, h)
	header = append(header, 8, 6, 0, 0, 0)
	return bytes.Join([][]byte{
		[]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", header), pngChunk("IDAT", []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1}), pngChunk("IEND", nil),
	}, nil)
}

func asWebP(t testing.TB, m image.Image, lossless bool) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encoder.Encode(&b, m, encoder.Options{Quality: 90, Method: 2, Lossless: lossless}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// extendedWebP wraps the picture of a WebP file with other chunks around it.
func extendedWebP(t testing.TB, still []byte, w, h int, before, after []byte) []byte {
	t.Helper()
	var x [10]byte
	x[0] = 0x2c // profile, EXIF, XMP
	putUint24(x[4:], w-1)
	putUint24(x[7:], h-1)
	return riff(appendChunk(nil, "VP8X", x[:]), before, still[12:], after)
}

// animatedWebP shows frames one after the other, each at its place.
func animatedWebP(w, h int, at image.Point, frames ...[]byte) []byte {
	var x [10]byte
	x[0] = 0x02
	putUint24(x[4:], w-1)
	putUint24(x[7:], h-1)
	b := appendChunk(nil, "VP8X", x[:])
	b = appendChunk(b, "ANIM", make([]byte, 6))
	for _, still := range frames {
		f := webpFrame{pixels: still[20:]}
		size, _ := f.size()
		var header [16]byte
		putUint24(header[0:], at.X/2)
		putUint24(header[3:], at.Y/2)
		putUint24(header[6:], size.X-1)
		putUint24(header[9:], size.Y-1)
		b = appendChunk(b, "ANMF", append(header[:], still[12:]...))
	}
	return riff(b)
}

func riff(parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4))
	return append(append(b, "WEBP"...), body...)
}

// handJPEG writes what Go's encoder cannot: progressive pictures, and four
// inks. Every component has one value throughout.
func handJPEG(w, h int, sof byte, adobe int, values ...byte) []byte {
	b := []byte{0xff, 0xd8}
	if adobe >= 0 {
		b = append(b, segment(markerAPP14, []byte("Adobe\x00\x64\x00\x00\x00\x00"), []byte{byte(adobe)})...)
	}
	quant := bytes.Repeat([]byte{1}, 65)
	quant[0] = 0
	b = append(b, segment(0xdb, quant)...)
	frame := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), byte(len(values))}
	scan := []byte{byte(len(values))}
	for i := range values {
		frame = append(frame, byte(i+1), 0x11, 0)
		scan = append(scan, byte(i+1), 0)
	}
	b = append(b, segment(sof, frame)...)
	// Twelve categories of differences, four bits each; and one code, of one
	// bit, for the end of a block.
	counts := [16]byte{3: 12}
	b = append(b, segment(markerDHT, []byte{0}, counts[:], []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})...)
	if sof != markerSOF2 {
		counts = [16]byte{0: 1}
		b = append(b, segment(markerDHT, []byte{0x10}, counts[:], []byte{0})...)
		scan = append(scan, 0, 63, 0)
	} else {
		scan = append(scan, 0, 0, 0)
	}
	b = append(b, segment(markerSOS, scan)...)

	var bits, n uint32
	put := func(v, count uint32) {
		for ; count > 0; count-- {
			bits, n = bits<<1|v>>(count-1)&1, n+1
			if n == 8 {
				b = append(b, byte(bits))
				if byte(bits) == 0xff {
					b = append(b, 0)
				}
				bits, n = 0, 0
			}
		}
	}
	for block := range ((w + 7) / 8) * ((h + 7) / 8) {
		for _, v := range values {
			diff := 0
			if block == 0 {
				diff = 8 * (int(v) - 128)
			}
			category := uint32(0)
			for a := abs(diff); a > 0; a >>= 1 {
				category++
			}
			put(category, 4)
			if diff < 0 {
				diff += 1<<category - 1
			}
			put(uint32(diff), category)
			if sof != markerSOF2 {
				put(0, 1)
			}
		}
	}
	for n != 0 {
		put(1, 1)
	}
	return append(b, 0xff, markerEOI)
}

// profile is an ICC profile of a matrix and one curve for all channels.
func profile(space string, primaries [3][3]float64, curve []byte) []byte {
	type tag struct {
		signature string
		body      []byte
	}
	var tags []tag
	if space == "GRAY" {
		tags = []tag{{"kTRC", curve}}
	} else {
		for i, channel := range []string{"r", "g", "b"} {
			xyz := []byte("XYZ \x00\x00\x00\x00")
			for row := range 3 {
				xyz = binary.BigEndian.AppendUint32(xyz, uint32(int32(math.Round(65536*primaries[row][i]))))
			}
			tags = append(tags, tag{channel + "XYZ", xyz}, tag{channel + "TRC", curve})
		}
	}
	b := make([]byte, 128)
	copy(b[16:], space)
	copy(b[20:], "XYZ ")
	copy(b[36:], "acsp")
	b = binary.BigEndian.AppendUint32(b, uint32(len(tags)))
	at := len(b) + 12*len(tags)
	var bodies []byte
	for _, t := range tags {
		b = append(b, t.signature...)
		b = binary.BigEndian.AppendUint32(b, uint32(at+len(bodies)))
		b = binary.BigEndian.AppendUint32(b, uint32(len(t.body)))
		bodies = append(bodies, t.body...)
	}
	b = append(b, bodies...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// Primaries under D50, as the profiles themselves have them.
var (
	primariesSRGB  = [3][3]float64{{0.43607, 0.38515, 0.14307}, {0.22249, 0.71687, 0.06061}, {0.01392, 0.09708, 0.71410}}
	primariesP3    = [3][3]float64{{0.51512, 0.29198, 0.15710}, {0.24120, 0.69225, 0.06657}, {-0.00105, 0.04189, 0.78407}}
	primariesAdobe = [3][3]float64{{0.60974, 0.20528, 0.14919}, {0.31111, 0.62567, 0.06322}, {0.01947, 0.06087, 0.74457}}
)

func gammaCurve(g float64) []byte {
	b := []byte("curv\x00\x00\x00\x00\x00\x00\x00\x01")
	return binary.BigEndian.AppendUint16(b, uint16(math.Round(256*g)))
}

func tabledCurve(n int, f func(float64) float64) []byte {
	b := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), uint32(n))
	for i := range n {
		b = binary.BigEndian.AppendUint16(b, uint16(math.Round(65535*f(float64(i)/float64(n-1)))))
	}
	return b
}

func parametric(kind uint16, params ...float64) []byte {
	b := binary.BigEndian.AppendUint16([]byte("para\x00\x00\x00\x00"), kind)
	b = append(b, 0, 0)
	for _, p := range params {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(65536*p))))
	}
	return b
}

var curveSRGB = parametric(3, 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)
