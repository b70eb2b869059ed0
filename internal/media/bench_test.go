package media

import (
	"bytes"
	"context"
	"image/jpeg"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// BenchmarkRenderDemo is a picture like the demo market's, and
// BenchmarkRender12MP what a phone takes.
func BenchmarkRenderDemo(b *testing.B) { benchmarkMake(b, 800, 1000) }
func BenchmarkRender12MP(b *testing.B) { benchmarkMake(b, 4000, 3000) }

func benchmarkMake(b *testing.B, w, h int) {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, weave(w, h), &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	l := &Library{Store: newFolder(b), Log: slog.New(slog.DiscardHandler)}
	b.ReportAllocs()
	b.SetBytes(int64(w * h))
	for b.Loop() {
		if _, _, err := l.make(context.Background(), testKey, photo.Bytes(), 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFourAtOnce is four photos of 12 megapixels that come at the same time,
// and what they take of memory at their widest, in the whole program.
func BenchmarkFourAtOnce(b *testing.B) {
	const most = 400 // MB
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, weave(4000, 3000), &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	l := &Library{Store: newFolder(b), Log: slog.New(slog.DiscardHandler)}
	// From here on the system counts anew (proc(5), clear_refs).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil {
		b.Skipf("this system does not count memory: %v", err)
	}
	for b.Loop() {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, _, err := l.make(context.Background(), testKey, photo.Bytes(), 0); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	peak, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(peak)/1024, "peak-MB")
	if peak/1024 > most {
		b.Errorf("four at once take %d MB, want %d at most", peak/1024, most)
	}
}
