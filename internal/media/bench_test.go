package media

import (
	"bytes"
	"context"
	"image/jpeg"
	"log/slog"
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
		if _, err := l.make(context.Background(), testKey, photo.Bytes(), 0); err != nil {
			b.Fatal(err)
		}
	}
}
