package media

import (
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"math"
	"math/bits"
	"slices"

	"github.com/disintegration/imaging"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/postgres"
)

// A look is what a photo looks like, in 64 bits, of which a photo that was made
// smaller, lighter or saved anew differs in few.
type look struct {
	hash     uint64
	mirrored uint64 // of the same photo in a mirror
	even     bool   // too even to be told from others: a white wall is like any other
}

const (
	// mostApart is in how many bits two photos differ that are said to look alike.
	// Of the demo's pictures no two differ in fewer than 8, and one made smaller,
	// lighter and saved at a low quality differs in 4 at most from itself.
	mostApart = 6
	// mostAlike bounds how many others are kept for one picture.
	mostAlike = 20
	// leastSpread is the standard deviation of the lightness, of 255, below which
	// a photo is even.
	leastSpread = 4
	// lookSide is how many pixels a photo is wide and high when it is looked at.
	lookSide = 32
)

// waves holds the cosines of the eight lowest frequencies but for the mean, over
// lookSide pixels.
var waves = func() (w [8][lookSide]float64) {
	for u := range w {
		for x := range w[u] {
			w[u][x] = math.Cos(float64(2*x+1) * float64(u+1) * math.Pi / (2 * lookSide))
		}
	}
	return w
}()

// lookOf returns the look of a sheet: the discrete cosine transform of its
// lightness at 32 × 32 pixels, and for each of the 8 × 8 lowest frequencies,
// without the means of rows and columns, whether it is above their median. That
// is the DCT hash of Zauner, Implementation and Benchmarking of Perceptual Image
// Hash Functions, 2010, section 3.2.1, without its blur, for which the smaller
// size stands.
func lookOf(s sheet) look {
	small := imaging.Resize(s, lookSide, lookSide, imaging.Box)
	var light [lookSide][lookSide]float64
	var sum, squares float64
	for y := range light {
		for x := range light[y] {
			v := float64(luma(small.Pix[y*small.Stride+4*x:][:3]))
			light[y][x] = v
			sum, squares = sum+v, squares+v*v
		}
	}
	const n = lookSide * lookSide
	if squares/n-(sum/n)*(sum/n) < leastSpread*leastSpread {
		return look{even: true}
	}
	var rows [lookSide][8]float64
	for y := range rows {
		for u := range rows[y] {
			for x, v := range light[y] {
				rows[y][u] += v * waves[u][x]
			}
		}
	}
	straight, mirrored := make([]float64, 0, 64), make([]float64, 0, 64)
	for v := range 8 {
		for u := range 8 {
			t := 0.0
			for y := range rows {
				t += rows[y][u] * waves[v][y]
			}
			straight = append(straight, t)
			// In a mirror the odd waves lie the other way round; the first is of
			// frequency 1.
			if u%2 == 0 {
				t = -t
			}
			mirrored = append(mirrored, t)
		}
	}
	return look{hash: aboveMedian(straight), mirrored: aboveMedian(mirrored)}
}

// aboveMedian returns which of 64 values are above their median, the first in
// the highest bit.
func aboveMedian(values []float64) (h uint64) {
	sorted := slices.Sorted(slices.Values(values))
	median := (sorted[31] + sorted[32]) / 2
	for _, v := range values {
		h <<= 1
		if v > median {
			h |= 1
		}
	}
	return h
}

// apart returns in how many bits another photo differs, as it is or in a mirror.
func (k look) apart(other look) int {
	return min(bits.OnesCount64(k.hash^other.hash), bits.OnesCount64(k.mirrored^other.hash))
}

// stored is the look as its column holds it.
func (k look) stored() *int64 {
	if k.even {
		return nil
	}
	v := int64(k.hash)
	return &v
}

// near returns the bands that a hash has one of, if it differs from this one or
// its mirror in fewer than eight bits: see look_bands in the migrations.
func (k look) near() []int32 {
	var bands []int32
	for _, h := range []uint64{k.hash, k.mirrored} {
		for band := range 4 {
			of, number := int32(h>>(16*band)&0xffff), int32(band)<<16
			bands = append(bands, number|of)
			for bit := range 16 {
				bands = append(bands, number|of^1<<bit)
			}
		}
	}
	return bands
}

// compare seeks the pictures of other owners that look like one, which has its
// look already, and keeps the nearest. It runs after the look is committed, so
// that of two made at the same time the later one finds the other.
func (l *Library) compare(ctx context.Context, id PictureID, k look) error {
	return postgres.InTx(ctx, l.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM picture_alikes WHERE picture_id = $1`, id); err != nil {
			return fmt.Errorf("media: compare picture %d: %w", id, err)
		}
		if !k.even {
			_, err := tx.Exec(ctx, `
				INSERT INTO picture_alikes (picture_id, other_id, distance)
				SELECT $1, id, apart
				FROM (`+alikeQuery+`) AS near
				WHERE apart <= $5
				ORDER BY apart, id
				LIMIT $6
				ON CONFLICT DO NOTHING`, id, int64(k.hash), int64(k.mirrored), k.near(), mostApart, mostAlike)
			if err != nil {
				return fmt.Errorf("media: compare picture %d: %w", id, err)
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE pictures SET compared = true WHERE id = $1`, id); err != nil {
			return fmt.Errorf("media: compare picture %d: %w", id, err)
		}
		return nil
	})
}

// alikeQuery returns the pictures of other owners than $1's that may look like
// a hash $2, or its mirror $3, whose near bands are $4.
const alikeQuery = `
	SELECT p.id, least(bit_count((p.look # $2)::bit(64)), bit_count((p.look # $3)::bit(64))) AS apart
	FROM pictures p
	WHERE p.look IS NOT NULL AND look_bands(p.look) && $4::integer[]
	  AND p.owner <> (SELECT owner FROM pictures WHERE id = $1)`

// Alike returns, for each of some pictures, those of other owners that look like
// it, the most alike first.
func Alike(ctx context.Context, db postgres.DB, ids []PictureID) (map[PictureID][]PictureID, error) {
	all := map[PictureID][]PictureID{}
	err := postgres.Together(ctx, db, AskAlike(ids, all))
	return all, err
}

// AskAlike asks what Alike returns.
func AskAlike(ids []PictureID, all map[PictureID][]PictureID) postgres.Ask {
	return postgres.AskRows(func(rows pgx.Rows) error {
		var id, other PictureID
		_, err := pgx.ForEachRow(rows, []any{&id, &other}, func() error {
			if len(all[id]) < mostAlike {
				all[id] = append(all[id], other)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("media: alike: %w", err)
		}
		return nil
	}, `
		SELECT picture_id, other_id
		FROM (
			SELECT picture_id, other_id, distance FROM picture_alikes WHERE picture_id = ANY ($1)
			UNION SELECT other_id, picture_id, distance FROM picture_alikes WHERE other_id = ANY ($1)) AS a
		GROUP BY picture_id, other_id
		ORDER BY picture_id, min(distance), other_id`, ids)
}

// LookArgs is the job that gives a look to pictures that were made without one.
type LookArgs struct{}

func (LookArgs) Kind() string { return "look_at_pictures" }

// lookBatch is how many pictures one job looks at, some 2 ms each.
const lookBatch = 200

// LookWorker calls LookAtOlder, and asks for itself again while more are left.
type LookWorker struct {
	river.WorkerDefaults[LookArgs]
	Library *Library
}

func (w *LookWorker) Work(ctx context.Context, _ *river.Job[LookArgs]) error {
	n, err := w.Library.LookAtOlder(ctx)
	if err != nil || n < lookBatch {
		return err
	}
	return postgres.InTx(ctx, w.Library.Pool, func(tx pgx.Tx) error {
		if _, err := w.Library.Jobs.InsertTx(ctx, tx, LookArgs{}, nil); err != nil {
			return fmt.Errorf("media: look at more pictures: %w", err)
		}
		return nil
	})
}

// LookAtOlder gives a look to pictures that were ready before looks were kept, a
// batch of them, and returns how many it looked at.
func (l *Library) LookAtOlder(ctx context.Context) (int, error) {
	rows, err := l.Pool.Query(ctx, `
		SELECT id, key, widths[1]
		FROM pictures
		WHERE state = 'ready' AND NOT compared
		ORDER BY id
		LIMIT $1`, lookBatch)
	if err != nil {
		return 0, fmt.Errorf("media: look at older: %w", err)
	}
	type older struct {
		ID    PictureID
		Key   string
		Width int
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[older])
	if err != nil {
		return 0, fmt.Errorf("media: look at older: %w", err)
	}
	for _, p := range list {
		if err := l.lookAgain(ctx, p.ID, p.Key, p.Width); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// lookAgain looks at the smallest rendition of a picture that is ready. One that
// is not in the store has no look.
func (l *Library) lookAgain(ctx context.Context, id PictureID, key string, width int) (err error) {
	k := look{even: true}
	f, err := l.Store.Open(ctx, renditionName(key, width, "jpg"))
	if err == nil {
		m, decodeErr := jpeg.Decode(f)
		err = errors.Join(decodeErr, f.Close())
		if err == nil {
			k = lookOf(asSheet(m))
		}
	}
	if err != nil {
		l.Log.WarnContext(ctx, "picture cannot be looked at", "picture", id, "error", err)
	}
	if _, err := l.Pool.Exec(ctx, `UPDATE pictures SET look = $2 WHERE id = $1`, id, k.stored()); err != nil {
		return fmt.Errorf("media: look at picture %d: %w", id, err)
	}
	return l.compare(ctx, id, k)
}
