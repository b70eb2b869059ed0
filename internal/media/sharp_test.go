package media

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/disintegration/imaging"
	"golang.org/x/image/webp"
)

// sharpRuns is a Node program that makes renditions with sharp.
type sharpRuns struct {
	in  io.Writer
	out *bufio.Scanner
}

// openSharp starts sharp, or skips the benchmark where it is not: make bench
// installs it where there is Node.
func openSharp(b *testing.B) *sharpRuns {
	b.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		b.Skip("sharp is not measured: there is no Node here")
	}
	modules, err := filepath.Abs("../../build/sharp")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "node_modules", "sharp")); err != nil {
		b.Skip("sharp is not measured: make bench installs it")
	}
	cmd := exec.Command(node, "../../scripts/bench/sharp.mjs", modules)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := in.Close(); err != nil {
			b.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	s := &sharpRuns{in, bufio.NewScanner(out)}
	s.out.Buffer(nil, 64<<20)
	var v struct{ Version, Vips string }
	s.read(b, &v)
	b.Logf("sharp %s on libvips %s; native libwebp: %v", v.Version, v.Vips, WebPNative())
	return s
}

func (s *sharpRuns) read(b *testing.B, answer any) {
	b.Helper()
	if !s.out.Scan() {
		b.Fatalf("sharp does not answer: %v", s.out.Err())
	}
	if err := json.Unmarshal(s.out.Bytes(), answer); err != nil {
		b.Fatal(err)
	}
}

func (s *sharpRuns) ask(b *testing.B, order map[string]any, answer any) {
	b.Helper()
	line, err := json.Marshal(order)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		b.Fatal(err)
	}
	s.read(b, answer)
}

// twelveMegapixels is a photo as a phone takes it: a piece of the demo market in
// 4000 × 3000 pixels, with the grain of a small sensor.
func twelveMegapixels(b *testing.B) []byte {
	b.Helper()
	f, err := os.Open("../../assets/demo/pictures/embroidered-tablecloth-corner-close.jpg")
	if err != nil {
		b.Fatal(err)
	}
	small, err := jpeg.Decode(f)
	if err := f.Close(); err != nil {
		b.Error(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	m := imaging.Fill(small, 4000, 3000, imaging.Center, imaging.CatmullRom)
	noise := uint32(1)
	for i := range m.Pix {
		noise = noise*1664525 + 1013904223
		if i%4 != 3 {
			m.Pix[i] = uint8(min(255, max(0, int(m.Pix[i])+int(noise>>28)-8)))
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// renderAt makes renditions of these widths at fixed qualities, as make does
// with those it finds out.
func renderAt(b *testing.B, content []byte, widths []int, qualities map[string]int) map[string][]byte {
	h, err := inspect(content)
	if err != nil {
		b.Fatal(err)
	}
	s, err := decode(content, h)
	if err != nil {
		b.Fatal(err)
	}
	largest := widths[len(widths)-1]
	steps := cascade(straighten(reduceTo(s, h, largest), h, nil, largest), widths)
	made := map[string][]byte{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, e := range encodings {
		wg.Go(func() {
			for _, st := range steps {
				var buf bytes.Buffer
				if err := e.encode(&buf, st.sheet, qualities[e.extension]); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				made[fmt.Sprintf("%d.%s", st.width, e.extension)] = buf.Bytes()
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return made
}

// BenchmarkBesideSharp makes the same renditions of the same photo with ours and
// with sharp in turns, in one run, and says how the times compare.
func BenchmarkBesideSharp(b *testing.B) {
	s := openSharp(b)
	content := twelveMegapixels(b)
	file := filepath.Join(b.TempDir(), "photo.jpg")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		b.Fatal(err)
	}
	qualities := map[string]int{"jpg": 80, "webp": 75}
	for _, ladder := range []struct {
		name   string
		widths []int
	}{{"1600to320", []int{320, 640, 1024, 1600}}, {"1920to160", allWidths}} {
		b.Run(ladder.name, func(b *testing.B) {
			var ours, theirs []float64
			for b.Loop() {
				begin := time.Now()
				renderAt(b, content, ladder.widths, qualities)
				ours = append(ours, float64(time.Since(begin).Microseconds())/1000)
				var answer struct{ MS float64 }
				s.ask(b, map[string]any{"file": file, "widths": ladder.widths, "jpeg": 80, "webp": 75}, &answer)
				theirs = append(theirs, answer.MS)
			}
			slices.Sort(ours)
			slices.Sort(theirs)
			o, t := ours[len(ours)/2], theirs[len(theirs)/2]
			b.ReportMetric(o, "ours-ms")
			b.ReportMetric(t, "sharp-ms")
			b.ReportMetric(o/t, "ours/sharp")
			b.ReportMetric(0, "ns/op")
		})
	}
	made := renderAt(b, content, []int{320, 640, 1024, 1600}, qualities)
	original, err := jpeg.Decode(bytes.NewReader(content))
	if err != nil {
		b.Fatal(err)
	}
	for _, width := range []int{320, 640, 1024, 1600} {
		want := greyOf(imaging.Resize(original, width, 0, imaging.Lanczos))
		for _, format := range []string{"jpg", "webp"} {
			b.Run(fmt.Sprintf("ssim/%d.%s", width, format), func(b *testing.B) {
				mine := made[fmt.Sprintf("%d.%s", width, format)]
				var answer struct {
					Image string
					Bytes int
				}
				name := map[string]string{"jpg": "jpeg", "webp": "webp"}[format]
				s.ask(b, map[string]any{"file": file, "width": width, "format": name, "bytes": len(mine)}, &answer)
				theirs, err := base64.StdEncoding.DecodeString(answer.Image)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(ssim(want, greyOf(opened(b, mine))), "ours-ssim")
				b.ReportMetric(ssim(want, greyOf(opened(b, theirs))), "sharp-ssim")
				b.ReportMetric(float64(len(mine)), "ours-bytes")
				b.ReportMetric(float64(answer.Bytes), "sharp-bytes")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func opened(b *testing.B, content []byte) image.Image {
	b.Helper()
	read := jpeg.Decode
	if bytes.HasPrefix(content, []byte("RIFF")) {
		read = webp.Decode
	}
	m, err := read(bytes.NewReader(content))
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func greyOf(m image.Image) *image.Gray {
	g := image.NewGray(m.Bounds())
	for y := range g.Rect.Dy() {
		for x := range g.Rect.Dx() {
			g.Set(x, y, m.At(m.Bounds().Min.X+x, m.Bounds().Min.Y+y))
		}
	}
	return g
}

// ssim is the mean structural similarity of two pictures in windows of 8 × 8,
// four pixels apart (Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment,
// 2004, with K1 = 0.01 and K2 = 0.03); 1 is the same picture.
func ssim(a, b *image.Gray) float64 {
	const c1, c2, n = (0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255), 64.0
	size := a.Rect.Size()
	size.X, size.Y = min(size.X, b.Rect.Dx()), min(size.Y, b.Rect.Dy())
	sum, windows := 0.0, 0.0
	for y := 0; y+8 <= size.Y; y += 4 {
		for x := 0; x+8 <= size.X; x += 4 {
			var sa, sb, saa, sbb, sab float64
			for j := range 8 {
				ra, rb := a.Pix[(y+j)*a.Stride+x:][:8], b.Pix[(y+j)*b.Stride+x:][:8]
				for i := range 8 {
					p, q := float64(ra[i]), float64(rb[i])
					sa, sb, saa, sbb, sab = sa+p, sb+q, saa+p*p, sbb+q*q, sab+p*q
				}
			}
			ma, mb := sa/n, sb/n
			va, vb, cov := saa/n-ma*ma, sbb/n-mb*mb, sab/n-ma*mb
			sum += (2*ma*mb + c1) * (2*cov + c2) / ((ma*ma + mb*mb + c1) * (va + vb + c2))
			windows++
		}
	}
	return sum / windows
}
