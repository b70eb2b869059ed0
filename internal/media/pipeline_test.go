package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

const testKey = "abcdefghijklmnopqrstuvwxyz234567"

// renditions runs the pipeline without a database, and returns what it kept by
// width and extension.
func renditions(t testing.TB, content []byte) (widths []int, files map[string][]byte) {
	t.Helper()
	l := &Library{Store: newFolder(t), Log: slog.New(slog.DiscardHandler)}
	widths, _, err := l.make(context.Background(), testKey, content, 0)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, w := range widths {
		for _, e := range encodings {
			files[fmt.Sprintf("%d.%s", w, e.extension)] = read(t, l.Store, renditionName(testKey, w, e.extension))
		}
	}
	return widths, files
}

// see decodes a rendition, which must be a whole picture without an
// orientation or a profile of its own.
func see(t testing.TB, b []byte) sheet {
	t.Helper()
	h, err := inspect(b)
	if err != nil && !errors.Is(err, ErrTooSmall) {
		t.Fatal(err)
	}
	if err != nil { // inspect does not return what it refuses
		switch {
		case isRIFF(b, "WEBP"):
			h, err = inspectWebP(b)
		default:
			h, err = inspectJPEG(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if h.orientation != upright || h.profile != nil {
		t.Errorf("a rendition has orientation %d and a profile of %d bytes", h.orientation, len(h.profile))
	}
	s, err := decode(b, h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantColours looks at the middle of each quarter of every rendition.
func wantColours(t *testing.T, files map[string][]byte, want [4]color.NRGBA, tolerance int) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		s := see(t, files[name])
		w, h := s.Rect.Dx(), s.Rect.Dy()
		for i, at := range []image.Point{{w / 4, h / 4}, {3 * w / 4, h / 4}, {w / 4, 3 * h / 4}, {3 * w / 4, 3 * h / 4}} {
			if got := s.At(at.X, at.Y); !near(got, want[i], tolerance) {
				t.Errorf("%s: quarter %d is %v, want %v", name, i+1, color.NRGBAModel.Convert(got), want[i])
			}
		}
	}
}

func TestRenditionsStandUpright(t *testing.T) {
	m := quarters(400, 500)
	for o := orientation(1); o <= 8; o++ {
		t.Run(fmt.Sprintf("held %d", o), func(t *testing.T) {
			widths, files := renditions(t, asJPEG(t, stored(m, o), exifSegment(exif(binary.BigEndian, o))))
			if !slices.Equal(widths, []int{160, 320, 400}) {
				t.Errorf("widths %v, want 160, 320 and 400", widths)
			}
			wantColours(t, files, [4]color.NRGBA{red, green, blue, white}, 6)
		})
	}
}

// Large pictures take other ways: made smaller first, or halved before that.
func TestLargeSheetsStandUpright(t *testing.T) {
	for _, size := range []image.Point{{1930, 310}, {3850, 332}, {310, 1930}} {
		m := quarters(size.X, size.Y)
		for o := orientation(1); o <= 8; o++ {
			content := asJPEG(t, stored(m, o), exifSegment(exif(binary.LittleEndian, o)))
			h, err := inspect(content)
			if err != nil {
				t.Fatal(err)
			}
			s, err := decode(content, h)
			if err != nil {
				t.Fatal(err)
			}
			width := min(size.X, 1920)
			s = straighten(reduce(s, h), h, nil, width)
			got, height := s.Rect.Size(), size.Y*width/size.X
			if got.X != width || abs(got.Y-height) > 1 {
				t.Errorf("%v held %d comes out as %v, want %d × %d", size, o, got, width, height)
			}
			for i, want := range []color.NRGBA{red, green, blue, white} {
				at := image.Pt(got.X/4+i%2*got.X/2, got.Y/4+i/2*got.Y/2)
				if c := s.At(at.X, at.Y); !near(c, want, 6) {
					t.Errorf("%v held %d: quarter %d is %v, want %v", size, o, i+1, color.NRGBAModel.Convert(c), want)
				}
			}
		}
	}
}

func TestRenditionsTurnPNGAndWebPToo(t *testing.T) {
	m := stored(quarters(500, 700), 6)
	tiff := exif(binary.BigEndian, 6)
	still := asWebP(t, m, false)
	for name, content := range map[string][]byte{
		"PNG":                  asPNG(t, m, pngChunk("eXIf", tiff)),
		"WebP":                 extendedWebP(t, still, 700, 500, nil, appendChunk(nil, "EXIF", tiff)),
		"WebP, JPEG's wording": extendedWebP(t, still, 700, 500, nil, appendChunk(nil, "EXIF", append([]byte("Exif\x00\x00"), tiff...))),
	} {
		t.Run(name, func(t *testing.T) {
			_, files := renditions(t, content)
			wantColours(t, files, [4]color.NRGBA{red, green, blue, white}, 8)
		})
	}
}

func TestRenditionsKeepColours(t *testing.T) {
	all := func(c color.NRGBA) [4]color.NRGBA { return [4]color.NRGBA{c, c, c, c} }
	asStored := [4]color.NRGBA{red, green, blue, white}
	half := color.NRGBA{200, 30, 30, 128}
	onPaper := rgb(225, 141, 142) // half red, half paper
	wide := image.NewNRGBA64(image.Rect(0, 0, 400, 500))
	deep := image.NewGray16(image.Rect(0, 0, 400, 500))
	few := image.NewPaletted(image.Rect(0, 0, 400, 500), color.Palette{color.NRGBA{}, blue})
	for y := range 500 {
		for x := range 400 {
			wide.SetNRGBA64(x, y, color.NRGBA64{200 * 257, 30 * 257, 30 * 257, 128 * 257})
			deep.SetGray16(x, y, color.Gray16{90 * 257})
			if x >= 200 {
				few.SetColorIndex(x, y, 1)
			}
		}
	}
	grey := image.NewGray(image.Rect(0, 0, 400, 500))
	fill(grey.Pix, 77)
	p3 := profile("RGB ", primariesP3, curveSRGB)
	inP3 := flat(400, 500, rgb(220, 160, 60))

	tests := []struct {
		name    string
		content []byte
		want    [4]color.NRGBA
	}{
		{"JPEG", asJPEG(t, quarters(350, 450)), asStored},
		{"grey JPEG", asJPEG(t, grey), all(rgb(77, 77, 77))},
		{"progressive JPEG", handJPEG(400, 500, markerSOF2, -1, 120, 90, 200), all(yuv(120, 90, 200))},
		{"progressive JPEG in grey", handJPEG(400, 500, markerSOF2, -1, 200), all(rgb(200, 200, 200))},
		{"JPEG of RGB", handJPEG(400, 500, markerSOF0, 0, 200, 30, 60), all(rgb(200, 30, 60))},
		{"four inks, Adobe's, inverted", handJPEG(400, 500, markerSOF0, 0, 200, 30, 60, 255), all(rgb(200, 30, 60))},
		{"four inks, with black", handJPEG(400, 500, markerSOF0, 0, 200, 100, 100, 128), all(rgb(100, 50, 50))},
		{"four inks without Adobe's mark", handJPEG(400, 500, markerSOF0, -1, 55, 225, 195, 0), all(rgb(200, 30, 60))},
		{"YCCK", handJPEG(400, 500, markerSOF0, 2, 120, 128, 128, 255), all(rgb(135, 135, 135))},
		{"PNG", asPNG(t, quarters(350, 450)), asStored},
		{"PNG of 16 bits, half transparent", asPNG(t, wide), all(onPaper)},
		{"PNG of 16 bits, grey", asPNG(t, deep), all(rgb(90, 90, 90))},
		{"PNG, half transparent", asPNG(t, flat(400, 500, half)), all(onPaper)},
		{"PNG with a palette and nothing at the left", asPNG(t, few), [4]color.NRGBA{rgb(0xfb, 0xfd, 0xfe), blue, rgb(0xfb, 0xfd, 0xfe), blue}},
		{"WebP", asWebP(t, quarters(350, 450), false), asStored},
		{"lossless WebP", asWebP(t, quarters(350, 450), true), asStored},
		{"WebP, half transparent", asWebP(t, flat(400, 500, half), false), all(onPaper)},
		{"lossless WebP, half transparent", asWebP(t, flat(400, 500, half), true), all(onPaper)},
		{"animated WebP shows its first frame", animatedWebP(350, 450, image.Point{}, asWebP(t, quarters(350, 450), false), asWebP(t, flat(350, 450, red), false)), asStored},
		{"a frame at the bottom right", animatedWebP(800, 800, image.Pt(400, 400), asWebP(t, flat(400, 400, blue), false)),
			[4]color.NRGBA{rgb(0xfb, 0xfd, 0xfe), rgb(0xfb, 0xfd, 0xfe), rgb(0xfb, 0xfd, 0xfe), blue}},
		{"JPEG in Display P3", asJPEG(t, inP3, iccSegments(p3)), all(rgb(231, 157, 22))},
		{"PNG in Display P3", asPNG(t, inP3, iccChunk(t, p3)), all(rgb(231, 157, 22))},
		{"WebP in Display P3", extendedWebP(t, asWebP(t, inP3, true), 400, 500, appendChunk(nil, "ICCP", p3), nil), all(rgb(231, 157, 22))},
		{"JPEG in sRGB by its own account", asJPEG(t, quarters(350, 450), iccSegments(profile("RGB ", primariesSRGB, curveSRGB))), asStored},
		{"JPEG with a broken profile", asJPEG(t, quarters(350, 450), iccSegments([]byte("no profile at all"))), asStored},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, files := renditions(t, tt.content)
			wantColours(t, files, tt.want, 8)
		})
	}
}

// yuv is a colour as JPEG writes it.
func yuv(y, cb, cr uint8) color.NRGBA {
	r, g, b := color.YCbCrToRGB(y, cb, cr)
	return rgb(r, g, b)
}

// Where a photo was taken, with which camera and by whom is nobody's business.
func TestRenditionsHoldNothingButPixels(t *testing.T) {
	m := weave(700, 900)
	tiff := exif(binary.BigEndian, 1)
	xmp := []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>SECRET-XMP</x:xmpmeta>")
	still := asWebP(t, m, false)
	thumbnail := asJPEG(t, flat(160, 120, red))
	sRGB := append(profile("RGB ", primariesSRGB, curveSRGB), "SECRET-PROFILE"...)
	text := func(kind string) []byte { return pngChunk(kind, []byte("Comment\x00SECRET-TEXT")) }
	for name, content := range map[string][]byte{
		"JPEG": append(asJPEG(t, m,
			exifSegment(append(tiff, thumbnail...)), segment(markerAPP1, xmp), iccSegments(sRGB),
			segment(0xfe, []byte("SECRET-COMMENT")), segment(0xed, []byte("Photoshop 3.0\x00SECRET-IPTC"))),
			"PK\x03\x04SECRET-ARCHIVE<script>SECRET-SCRIPT</script>"...),
		"PNG": append(asPNG(t, m, text("tEXt"), iccChunk(t, sRGB), pngChunk("eXIf", tiff), pngChunk("prVt", []byte("SECRET-CHUNK"))),
			"SECRET-TAIL"...),
		"WebP": append(extendedWebP(t, still, 700, 900, appendChunk(nil, "ICCP", sRGB),
			append(appendChunk(nil, "EXIF", tiff), appendChunk(nil, "XMP ", xmp)...)), "SECRET-TAIL"...),
	} {
		t.Run(name, func(t *testing.T) {
			if !bytes.Contains(content, []byte("SECRET-LATITUDE")) || !bytes.Contains(content, []byte("SECRET-SERIAL")) {
				t.Fatal("the test's own picture lacks its secrets")
			}
			_, files := renditions(t, content)
			for name, b := range files {
				for _, trace := range []string{"SECRET", "Exif", "EXIF", "XMP", "xmp", "ICC", "acsp", "Adobe", "PK\x03\x04", "script"} {
					if bytes.Contains(b, []byte(trace)) {
						t.Errorf("%s contains %q", name, trace)
					}
				}
				wantBarePicture(t, name, b)
			}
		})
	}
}

// wantBarePicture holds a rendition to the parts that pixels need.
func wantBarePicture(t *testing.T, name string, b []byte) {
	t.Helper()
	if isRIFF(b, "WEBP") {
		var kinds []string
		err := walkRIFF(b[12:], func(kind string, _ []byte) error {
			kinds = append(kinds, kind)
			return nil
		})
		if err != nil || !slices.Equal(kinds, []string{"VP8 "}) {
			t.Errorf("%s has chunks %q, %v; want VP8 alone", name, kinds, err)
		}
		return
	}
	for i := 2; ; {
		marker, next := nextMarker(b, i)
		if next < 0 {
			t.Errorf("%s has no end", name)
			return
		}
		if marker == markerEOI {
			if next != len(b) {
				t.Errorf("%s has %d bytes behind its end", name, len(b)-next)
			}
			return
		}
		if marker >= 0xe0 {
			t.Errorf("%s has a segment %#x", name, marker)
		}
		i = next + int(binary.BigEndian.Uint16(b[next:]))
		if marker == markerSOS {
			i = skipScan(b, i)
		}
	}
}

func TestWidths(t *testing.T) {
	for width, want := range map[int][]int{
		300:  {160, 300},
		320:  {160, 320},
		500:  {160, 320, 480, 500},
		800:  {160, 320, 480, 640, 800},
		1600: {160, 320, 480, 640, 960, 1440, 1600},
		1920: {160, 320, 480, 640, 960, 1440, 1920},
		4000: {160, 320, 480, 640, 960, 1440, 1920},
	} {
		if got := widthsFor(width); !slices.Equal(got, want) {
			t.Errorf("widthsFor(%d) = %v, want %v", width, got, want)
		}
	}
}

func TestRenditionsHaveTheirSizes(t *testing.T) {
	for _, size := range []image.Point{{301, 303}, {800, 1000}, {1921, 307}, {4003, 341}, {333, 16_000}} {
		widths, files := renditions(t, asJPEG(t, flat(size.X, size.Y, blue)))
		for _, w := range widths {
			for _, e := range encodings {
				name := fmt.Sprintf("%d.%s", w, e.extension)
				got := see(t, files[name]).Rect.Size()
				height := float64(size.Y) * float64(w) / float64(size.X)
				if got.X != w || float64(got.Y) < height-1 || float64(got.Y) > height+1 {
					t.Errorf("%v as %s is %v, want %d × %.1f", size, name, got, w, height)
				}
			}
		}
	}
}

// A smooth pot keeps its quality, a weave gives way, and neither passes what a
// page can bear.
func TestRenditionsMeetTheirBudget(t *testing.T) {
	soft := image.NewNRGBA(image.Rect(0, 0, 800, 1000))
	for y := range 1000 {
		for x := range 800 {
			soft.SetNRGBA(x, y, rgb(uint8(80+x/10), uint8(60+y/12), 90))
		}
	}
	_, files := renditions(t, asJPEG(t, soft))
	for name, most := range map[string]int{"320.webp": 14_000, "640.webp": 33_000, "800.webp": 45_000} {
		if n := len(files[name]); n > most {
			t.Errorf("a smooth picture's %s has %d bytes, want at most %d", name, n, most)
		}
	}
	m := weave(640, 800)
	s := asSheet(m)
	e := encodings[0]
	var free bytes.Buffer
	if err := e.encode(&free, s, e.quality); err != nil {
		t.Fatal(err)
	}
	b, quality, err := e.fit(s, e.quality)
	if err != nil {
		t.Fatal(err)
	}
	if float64(free.Len()) > budget(s) && (len(b) >= free.Len() || quality >= e.quality) {
		t.Errorf("a weave of %d bytes, with %.0f to spend, is left at %d and quality %d", free.Len(), budget(s), len(b), quality)
	}
	if float64(len(b)) > budget(s) && quality != e.floor {
		t.Errorf("a weave comes to %d bytes at quality %d, above budget and floor", len(b), quality)
	}
}

// A thread may end after it has called libwebp, as one does whose goroutine was
// locked to it. purego before 0.11 left such a thread a torn stack.
func TestThreadsMayEndAfterEncoding(t *testing.T) {
	s := newSheet(64, 64)
	for range 30 {
		var threads sync.WaitGroup
		for range 8 {
			threads.Go(func() {
				var b bytes.Buffer
				if err := encodeWebP(&b, s, 50); err != nil {
					t.Error(err)
				}
			})
		}
		threads.Wait()
		for range 4 {
			threads.Go(runtime.LockOSThread)
		}
		threads.Wait()
	}
}

func TestMakeTellsWhatIsWrong(t *testing.T) {
	photo := asJPEG(t, weave(400, 500))
	scan := bytes.Index(photo, []byte{0xff, markerSOS})
	missing := append(slices.Clone(photo[:scan+200]), 0xff, markerEOI)
	drawing := asPNG(t, weave(400, 500))
	bent := slices.Clone(drawing)
	bent[len(bent)/2] ^= 0xff
	painting := asWebP(t, weave(400, 500), false)
	cut := slices.Clone(painting[:len(painting)/2])
	binary.LittleEndian.PutUint32(cut[4:], uint32(len(cut)-8))
	binary.LittleEndian.PutUint32(cut[16:], uint32(len(cut)-20))
	for name, tt := range map[string]struct {
		content []byte
		want    error
	}{
		"a JPEG with an end and no middle":   {missing, ErrUnreadable},
		"a JPEG whose tables are missing":    {bytes.Replace(photo, []byte{0xff, markerDHT}, []byte{0xff, 0xef}, 4), ErrUnreadable},
		"a PNG with a bent middle":           {bent, ErrUnreadable},
		"a PNG without its pixels":           {hugePNG(t, 400, 400), ErrUnreadable},
		"a WebP cut, with its sizes changed": {cut, ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := inspect(tt.content); err != nil {
				t.Fatalf("inspect: %v; it is the decoder that should say so", err)
			}
			l := &Library{Store: newFolder(t), Log: slog.New(slog.DiscardHandler)}
			if _, _, err := l.make(t.Context(), testKey, tt.content, 0); !errors.Is(err, tt.want) {
				t.Errorf("make: %v, want %v", err, tt.want)
			}
		})
	}
}

func TestGuardTurnsPanicsIntoFaults(t *testing.T) {
	var none []byte
	err := guard(func() error { return fmt.Errorf("byte %d", none[3]) })
	p := (*panicked)(nil)
	if !errors.Is(err, ErrUnreadable) || !errors.As(err, &p) || !bytes.Contains(p.stack, []byte("TestGuard")) {
		t.Errorf("guard = %v, want an unreadable picture and the stack of the panic", err)
	}
	if err := guard(func() error { return nil }); err != nil {
		t.Errorf("guard of nothing wrong = %v", err)
	}
}

// Those who wait for memory leave when their time is up, and hold nothing.
func TestMakeWaitsForMemory(t *testing.T) {
	if err := desk.Acquire(t.Context(), workingMemory); err != nil {
		t.Fatal(err)
	}
	held := sync.OnceFunc(func() { desk.Release(workingMemory) })
	defer held()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	l := &Library{Store: newFolder(t), Log: slog.New(slog.DiscardHandler)}
	photo := asJPEG(t, weave(400, 500))
	if _, _, err := l.make(ctx, testKey, photo, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("make without memory: %v, want the deadline", err)
	}
	held()
	if _, _, err := l.make(t.Context(), testKey, photo, 0); err != nil {
		t.Errorf("make with memory: %v", err)
	}
}

// What inspect lets through must come through the rest, or be a fault.
func FuzzDecode(f *testing.F) {
	f.Add(asJPEG(f, flat(300, 304, red), exifSegment(exif(binary.BigEndian, 6))))
	f.Add(handJPEG(304, 300, markerSOF2, 2, 10, 20, 30, 40))
	f.Add(handJPEG(304, 300, markerSOF0, -1, 10, 20, 30, 40))
	f.Add(asPNG(f, flat(300, 304, color.NRGBA{1, 2, 3, 100})))
	f.Add(asWebP(f, flat(300, 304, color.NRGBA{1, 2, 3, 100}), false))
	f.Add(asWebP(f, quarters(300, 304), true))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := inspect(b)
		if err != nil || h.width*h.height > 1<<18 {
			return
		}
		s, err := decode(b, h)
		if err != nil {
			if _, ok := asFault(err); !ok {
				t.Errorf("decode: %v, which tells an artisan nothing", err)
			}
			return
		}
		width, height := h.upright()
		widths := widthsFor(width)
		steps := cascade(straighten(reduce(s, h), h, nil, widths[len(widths)-1]), widths)
		if got := steps[len(steps)-1].sheet.Rect.Size(); got != image.Pt(width, height) {
			t.Errorf("a picture of %d × %d comes out as %v", width, height, got)
		}
	})
}
