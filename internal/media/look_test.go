package media

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/disintegration/imaging"

	"kissaria.ma/internal/postgres/pgtest"
)

// demoPhotos are the demonstration's pictures, by name.
func demoPhotos(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("../../assets/demo/pictures/*.jpg")
	if err != nil || len(names) < 100 {
		t.Fatalf("%d pictures of the demo: %v", len(names), err)
	}
	return names
}

// sheetOf decodes a photo as the pipeline does.
func sheetOf(t testing.TB, content []byte) sheet {
	t.Helper()
	h, err := inspect(content)
	if err != nil {
		t.Fatal(err)
	}
	s, err := decode(content, h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lookAt looks at a photo that is not a rendition, at the size of the smallest one.
func lookAt(t testing.TB, content []byte) look {
	t.Helper()
	m := imaging.Resize(sheetOf(t, content), allWidths[0], 0, filter)
	return lookOf(fromRGB(m.Pix, m.Stride, m.Rect.Size()))
}

// The same photo is found again whatever was done to it on the way.
func TestLookOfTheSamePhoto(t *testing.T) {
	all := demoPhotos(t)
	for _, tt := range []struct {
		name string
		done func(m image.Image) image.Image
	}{
		{"saved anew", func(m image.Image) image.Image { return m }},
		{"made smaller", func(m image.Image) image.Image { return imaging.Resize(m, 500, 0, imaging.Lanczos) }},
		{"brightened", func(m image.Image) image.Image { return imaging.AdjustBrightness(m, 8) }},
		{"with more contrast", func(m image.Image) image.Image { return imaging.AdjustContrast(m, 10) }},
		{"in grey", func(m image.Image) image.Image { return imaging.Grayscale(m) }},
		{"mirrored", func(m image.Image) image.Image { return imaging.FlipH(m) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			worst := 0
			for i := 0; i < len(all); i += 30 {
				content, err := os.ReadFile(all[i])
				if err != nil {
					t.Fatal(err)
				}
				again := asJPEG(t, imaging.Clone(tt.done(sheetOf(t, content))))
				apart := lookAt(t, content).apart(lookAt(t, again))
				if worst = max(worst, apart); apart > mostApart {
					t.Errorf("%s is %d bits from itself, want %d at most", filepath.Base(all[i]), apart, mostApart)
				}
			}
			t.Logf("%d bits at most", worst)
		})
	}
}

// No two of the demo's pictures are taken for one.
func TestLookOfOtherPhotos(t *testing.T) {
	all := demoPhotos(t)
	looks := make([]look, len(all))
	for i, name := range all {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if looks[i] = lookAt(t, content); looks[i].even {
			t.Errorf("%s is taken for an even sheet", filepath.Base(name))
		}
	}
	nearest, which := 64, ""
	for i := range looks {
		for j := range i {
			if apart := looks[i].apart(looks[j]); apart < nearest {
				nearest, which = apart, filepath.Base(all[i])+" and "+filepath.Base(all[j])
			}
		}
	}
	if nearest <= mostApart {
		t.Errorf("%s are %d bits apart, want more than %d", which, nearest, mostApart)
	}
	t.Logf("of %d pictures the nearest, %s, are %d bits apart", len(all), which, nearest)
}

func TestLookLeavesEvenPhotosAside(t *testing.T) {
	wall := flat(400, 500, color.White)
	for y := range 500 {
		for x := range 400 {
			wall.Set(x, y, color.Gray{uint8(250 + (x*7+y*13)%5)})
		}
	}
	for name, m := range map[string]*image.NRGBA{"white": flat(400, 500, color.White), "grainy": wall, "black": flat(400, 500, color.Black)} {
		if !lookAt(t, asJPEG(t, m)).even {
			t.Errorf("a %s sheet is told from others", name)
		}
	}
	if lookAt(t, asJPEG(t, quarters(400, 500))).even {
		t.Error("a sheet of four colours is taken for an even one")
	}
}

// changed is a photo of the demo, saved anew and smaller.
func changed(t *testing.T, name string) (content, again []byte) {
	t.Helper()
	content, err := os.ReadFile("../../assets/demo/pictures/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return content, asJPEG(t, imaging.Resize(sheetOf(t, content), 600, 0, imaging.Lanczos))
}

// What looks alike is found between workshops, whichever was made first, and
// not within one.
func TestAlikeIsFoundBetweenOwners(t *testing.T) {
	l := newLibrary(t)
	ctx := t.Context()
	content, again := changed(t, "forged-door-knocker-hero.jpg")
	other, _ := changed(t, "kilim-blue-steps-hero.jpg")
	first, copied := take(t, l, "fatima", content), take(t, l, "driss", again)
	own, different := take(t, l, "fatima", again), take(t, l, "driss", other)
	white, white2 := take(t, l, "fatima", asJPEG(t, flat(400, 500, color.White))), take(t, l, "driss", asPNG(t, flat(420, 500, color.White)))
	all := []PictureID{first, copied, own, different, white, white2}
	for _, id := range all {
		if err := l.Render(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		got, err := Alike(ctx, l.Pool, all)
		if err != nil {
			t.Fatal(err)
		}
		want := map[PictureID][]PictureID{first: {copied}, own: {copied}, copied: {own, first}}
		if len(got) != len(want) {
			t.Errorf("Alike = %v, want %v", got, want)
		}
		for id, others := range want {
			slices.Sort(got[id])
			slices.Sort(others)
			if !slices.Equal(got[id], others) {
				t.Errorf("Alike of %d = %v, want %v", id, got[id], others)
			}
		}
	}
	check()

	// Pictures that were ready before looks were kept are looked at afterwards.
	if _, err := l.Pool.Exec(ctx, `UPDATE pictures SET look = NULL, compared = false`); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Pool.Exec(ctx, `DELETE FROM picture_alikes`); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{len(all), 0} {
		if n, err := l.LookAtOlder(ctx); err != nil || n != want {
			t.Errorf("LookAtOlder = %d, %v; want %d", n, err, want)
		}
	}
	check()
}

// The bands in the database and in the program are the same ones.
func TestNearBandsFindWhatIsNear(t *testing.T) {
	l := newLibrary(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		h := random.Uint64()
		near := h
		for _, bit := range random.Perm(64)[:7] {
			near ^= 1 << bit
		}
		var found bool
		if err := l.Pool.QueryRow(t.Context(), `SELECT look_bands($1) && $2::integer[]`, int64(near), look{hash: h, mirrored: h}.near()).Scan(&found); err != nil {
			t.Fatal(err)
		}
		if !found {
			t.Fatalf("%x is not found from %x, seven bits away", near, h)
		}
	}
}

// BenchmarkAlike seeks among 100 000 pictures of others.
func BenchmarkAlike(b *testing.B) {
	pool := pgtest.Open(b)
	ctx := b.Context()
	_, err := pool.Exec(ctx, `
		INSERT INTO pictures (owner, hash, format, bytes, width, height, look, compared)
		SELECT 'artisan-' || n % 1000, sha256(n::text::bytea), 'jpeg', 1, 800, 1000, ('x' || left(md5(n::text), 16))::bit(64)::bigint, true
		FROM generate_series(1, 100000) n`)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `VACUUM ANALYZE pictures`); err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		k := look{hash: random.Uint64(), mirrored: random.Uint64()}
		rows, err := pool.Query(ctx, fmt.Sprintf(`SELECT id FROM (%s) AS near WHERE apart <= $5`, alikeQuery),
			PictureID(1), int64(k.hash), int64(k.mirrored), k.near(), mostApart)
		if err != nil {
			b.Fatal(err)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLook(b *testing.B) {
	m := imaging.Resize(weave(800, 1000), allWidths[0], 0, filter)
	s := fromRGB(m.Pix, m.Stride, m.Rect.Size())
	for b.Loop() {
		lookOf(s)
	}
}
