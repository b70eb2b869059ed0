package media

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/postgres/pgtest"
)

// newLibrary has a database, a folder, and a queue that nobody works on.
func newLibrary(t *testing.T) *Library {
	t.Helper()
	pool := pgtest.Open(t)
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &Library{Pool: pool, Jobs: jobs, Store: newFolder(t), Log: slog.New(slog.DiscardHandler)}
}

func take(t *testing.T, l *Library, owner string, content []byte) PictureID {
	t.Helper()
	var id PictureID
	err := postgres.InTx(t.Context(), l.Pool, func(tx pgx.Tx) (err error) {
		id, err = l.Take(t.Context(), tx, owner, bytes.NewReader(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func picture(t *testing.T, l *Library, id PictureID) Picture {
	t.Helper()
	byID, err := ByIDs(t.Context(), l.Pool, []PictureID{id})
	if err != nil {
		t.Fatal(err)
	}
	p, ok := byID[id]
	if !ok {
		t.Fatalf("there is no picture %d", id)
	}
	return p
}

// From an upload to what a visitor sees.
func TestFromUploadToRendition(t *testing.T) {
	l := newLibrary(t)
	ctx := t.Context()
	id := take(t, l, "fatima", asJPEG(t, weave(800, 1000)))

	if p := picture(t, l, id); p.State != Waiting || p.Key != "" || p.Width != 800 || p.Height != 1000 || p.Owner != "fatima" {
		t.Errorf("after Take: %+v, want one waiting, 800 × 1000", p)
	}
	if err := l.Render(ctx, id); err != nil {
		t.Fatal(err)
	}
	p := picture(t, l, id)
	if p.State != Ready || !keys.MatchString(p.Key) || len(p.Key) < 26 || !slices.Equal(p.Widths, []int{160, 320, 480, 640, 800}) {
		t.Fatalf("after Render: %+v, want one ready with five widths and a long key", p)
	}
	for _, w := range p.Widths {
		for _, e := range encodings {
			f, err := l.Rendition(ctx, p.Key, w, e.extension)
			if err != nil {
				t.Fatalf("Rendition(%d, %s): %v", w, e.extension, err)
			}
			b, err := io.ReadAll(f)
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			if int64(len(b)) != f.Size || f.ModTime.IsZero() {
				t.Errorf("Rendition(%d, %s): %d bytes of %d, modified %v", w, e.extension, len(b), f.Size, f.ModTime)
			}
			if got := see(t, b).Rect.Dx(); got != w {
				t.Errorf("Rendition(%d, %s) is %d wide", w, e.extension, got)
			}
		}
	}
	ready, waiting, failed, err := Progress(ctx, l.Pool)
	if err != nil || ready != 1 || waiting != 0 || failed != 0 {
		t.Errorf("Progress = %d, %d, %d, %v; want one ready", ready, waiting, failed, err)
	}
}

func TestRenditionOfNothing(t *testing.T) {
	l := newLibrary(t)
	id := take(t, l, "fatima", asJPEG(t, weave(400, 500)))
	if err := l.Render(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	key := picture(t, l, id).Key
	for _, tt := range []struct {
		name, key string
		width     int
		extension string
	}{
		{"a width that was not made", key, 640, "webp"},
		{"a width below", key, -320, "webp"},
		{"no width", key, 0, "webp"},
		{"a width beyond", key, 100_000, "webp"},
		{"another format", key, 320, "png"},
		{"no format", key, 320, ""},
		{"a path for a format", key, 320, "webp/../../x"},
		{"no key", "", 320, "webp"},
		{"a key like a path", "../../originals", 320, "webp"},
		{"a key in capitals", strings.ToUpper(key), 320, "webp"},
		{"a key that is too long", strings.Repeat("a", 10_000), 320, "webp"},
		{"another key", strings.Repeat("a", 32), 320, "webp"},
	} {
		if _, err := l.Rendition(t.Context(), tt.key, tt.width, tt.extension); !errors.Is(err, ErrNoPicture) {
			t.Errorf("%s: %v, want %v", tt.name, err, ErrNoPicture)
		}
	}
}

// A broken connection makes people send twice, and two tabs at once.
func TestTakeTheSameTwice(t *testing.T) {
	l := newLibrary(t)
	photo := asJPEG(t, weave(400, 500))
	first := take(t, l, "fatima", photo)

	ids := make([]PictureID, 4)
	errs := make([]error, len(ids))
	other := asJPEG(t, weave(500, 400))
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			errs[i] = postgres.InTx(t.Context(), l.Pool, func(tx pgx.Tx) (err error) {
				ids[i], err = l.Take(t.Context(), tx, "fatima", bytes.NewReader(other))
				return err
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if slices.Min(ids) != slices.Max(ids) || ids[0] == first {
		t.Errorf("four uploads of one photo at once are %v, beside %d; want one more picture", ids, first)
	}
	if again := take(t, l, "fatima", photo); again != first {
		t.Errorf("the same photo is picture %d and %d", first, again)
	}
	elsewhere := take(t, l, "hassan", photo)
	if elsewhere == first {
		t.Error("two workshops share a picture")
	}
	for _, id := range []PictureID{first, elsewhere} {
		if err := l.Render(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if picture(t, l, first).Key == picture(t, l, elsewhere).Key {
		t.Error("two workshops share an address")
	}
}

func TestTakeRefusesAndKeepsNothing(t *testing.T) {
	l := newLibrary(t)
	for _, tt := range []struct {
		name    string
		content io.Reader
		want    error
	}{
		{"nothing", strings.NewReader(""), ErrEmpty},
		{"HEIC", strings.NewReader("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), ErrHEIC},
		{"an endless upload", endless{}, ErrTooLarge},
	} {
		err := postgres.InTx(t.Context(), l.Pool, func(tx pgx.Tx) error {
			_, err := l.Take(t.Context(), tx, "fatima", tt.content)
			return err
		})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	err := postgres.InTx(t.Context(), l.Pool, func(tx pgx.Tx) error {
		_, err := l.Take(t.Context(), tx, "fatima", errReader{})
		return err
	})
	if _, ok := asFault(err); err == nil || ok {
		t.Errorf("a broken line: %v, want an error that is none of the artisan's", err)
	}
	if _, waiting, _, err := Progress(t.Context(), l.Pool); err != nil || waiting != 0 {
		t.Errorf("%d pictures wait, %v; want none", waiting, err)
	}
}

// A transaction that lost against another is made again, and reads the upload
// again.
func TestTakeReadsFromTheStart(t *testing.T) {
	l := newLibrary(t)
	r := bytes.NewReader(asJPEG(t, weave(400, 500)))
	for range 2 {
		err := postgres.InTx(t.Context(), l.Pool, func(tx pgx.Tx) error {
			_, err := l.Take(t.Context(), tx, "fatima", r)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRenderTwice(t *testing.T) {
	l := newLibrary(t)
	id := take(t, l, "fatima", asJPEG(t, weave(400, 500)))
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wg.Go(func() { errs[i] = l.Render(t.Context(), id) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	first := picture(t, l, id)
	// A picture that is ready is not looked at again, nor is its original.
	l.Store = brokenStore{}
	if err := l.Render(t.Context(), id); err != nil {
		t.Errorf("Render of a ready picture: %v", err)
	}
	if again := picture(t, l, id); again.Key != first.Key || again.State != Ready {
		t.Errorf("after another Render: %+v, want %+v", again, first)
	}
}

func TestRenderNothing(t *testing.T) {
	l := newLibrary(t)
	if err := l.Render(t.Context(), 4711); !errors.Is(err, ErrNoPicture) {
		t.Errorf("Render of no picture: %v, want %v", err, ErrNoPicture)
	}
}

// Only the decoder finds out that the middle of a file is missing. The artisan
// is told; nobody tries again.
func TestRenderWhatCannotBeRead(t *testing.T) {
	l := newLibrary(t)
	photo := asJPEG(t, weave(400, 500))
	scan := bytes.Index(photo, []byte{0xff, markerSOS})
	id := take(t, l, "fatima", append(slices.Clone(photo[:scan+200]), 0xff, markerEOI))
	if err := l.Render(t.Context(), id); err != nil {
		t.Errorf("Render: %v, want no error", err)
	}
	if p := picture(t, l, id); p.State != Failed || p.Fault != ErrUnreadable.Key || p.Key != "" {
		t.Errorf("the picture is %+v, want one failed, unreadable", p)
	}
}

// A full disk is not the artisan's fault.
func TestRenderWithoutItsStore(t *testing.T) {
	l := newLibrary(t)
	id := take(t, l, "fatima", asJPEG(t, weave(400, 500)))
	whole := l.Store
	for name, store := range map[string]Store{"nothing works": brokenStore{}, "the disk is full": fullStore{whole}} {
		l.Store = store
		if err := l.Render(t.Context(), id); !errors.Is(err, errStore) {
			t.Errorf("%s: Render = %v, want %v", name, err, errStore)
		}
		if p := picture(t, l, id); p.State != Waiting {
			t.Errorf("%s: the picture is %s, want waiting", name, p.State)
		}
	}
	l.Store = whole
	if err := l.Render(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if p := picture(t, l, id); p.State != Ready {
		t.Errorf("with a store again the picture is %s, want ready", p.State)
	}
}

// Given up after the last try, it says so to its owner, who may send it again.
func TestRenderIsGivenUpAloud(t *testing.T) {
	l := newLibrary(t)
	id := take(t, l, "fatima", asJPEG(t, weave(400, 500)))
	whole := l.Store
	l.Store = brokenStore{}
	w := &RenderWorker{Library: l}
	for attempt := 1; attempt <= 2; attempt++ {
		job := &river.Job[RenderArgs]{JobRow: &rivertype.JobRow{Attempt: attempt, MaxAttempts: 2}, Args: RenderArgs{id}}
		if err := w.Work(t.Context(), job); !errors.Is(err, errStore) {
			t.Errorf("try %d = %v, want %v", attempt, err, errStore)
		}
		if p := picture(t, l, id); (p.State == Failed) != (attempt == 2) {
			t.Errorf("after try %d the picture is %s", attempt, p.State)
		}
	}
	if p := picture(t, l, id); p.Fault != "media.not_made" {
		t.Errorf("its owner reads %q", p.Fault)
	}
	l.Store = whole
	if again := take(t, l, "fatima", asJPEG(t, weave(400, 500))); again != id {
		t.Errorf("sent again it is picture %d, want %d", again, id)
	}
	if err := l.Render(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if p := picture(t, l, id); p.State != Ready || p.Fault != "" {
		t.Errorf("sent again it is %s, %q", p.State, p.Fault)
	}
}

// Pages that show the picture hear of it when, and not before, it is there.
func TestRenderTellsPages(t *testing.T) {
	l := newLibrary(t)
	ctx := t.Context()
	conn, err := l.Pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `LISTEN pages`); err != nil {
		t.Fatal(err)
	}
	id := take(t, l, "fatima", asJPEG(t, weave(400, 500)))
	if err := l.Render(ctx, id); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	n, err := conn.Conn().WaitForNotification(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n.Channel != "pages" || !strings.HasPrefix(n.Payload, "picture:") {
		t.Errorf("pages hear %q on %q", n.Payload, n.Channel)
	}
}

func TestQueueOnceAPicture(t *testing.T) {
	l := newLibrary(t)
	id := take(t, l, "fatima", asJPEG(t, weave(400, 500)))
	for _, priority := range []int{1, 4, 1} {
		queue(t, l, id, priority)
	}
	var jobs, priority int
	err := l.Pool.QueryRow(t.Context(), `
		SELECT count(*), min(priority)
		FROM river_job
		WHERE kind = 'render_picture'`).Scan(&jobs, &priority)
	if err != nil || jobs != 1 || priority != 1 {
		t.Errorf("%d jobs of priority %d, %v; want the first one alone", jobs, priority, err)
	}
}

func queue(t *testing.T, l *Library, id PictureID, priority int) {
	t.Helper()
	err := postgres.InTx(t.Context(), l.Pool, func(tx pgx.Tx) error {
		return l.Queue(t.Context(), tx, id, priority)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWorkersRenderWhatIsQueued(t *testing.T) {
	l := newLibrary(t)
	workers := river.NewWorkers()
	l.AddWorkers(workers)
	l.Jobs = startJobs(t, l.Pool, workers)

	var ids []PictureID
	for _, c := range []color.NRGBA{red, green, blue} {
		id := take(t, l, "fatima", asPNG(t, flat(400, 500, c)))
		queue(t, l, id, 2)
		ids = append(ids, id)
	}
	queue(t, l, 4711, 1) // one that has gone meanwhile
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		byID, err := ByIDs(t.Context(), l.Pool, ids)
		if err != nil {
			t.Fatal(err)
		}
		ready := 0
		for _, p := range byID {
			if p.State == Ready {
				ready++
			}
		}
		if ready == len(ids) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s: %+v", byID)
		}
	}
}

func startJobs(t *testing.T, pool *pgxpool.Pool, workers *river.Workers) *postgres.Jobs {
	t.Helper()
	jobs, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:            map[string]river.QueueConfig{RenderQueue: {MaxWorkers: 2}},
		Workers:           workers,
		FetchPollInterval: 100 * time.Millisecond,
		Logger:            slog.New(slog.DiscardHandler),
		TestOnly:          true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := jobs.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return jobs
}

var errStore = errors.New("the store is gone")

type brokenStore struct{}

func (brokenStore) Put(context.Context, string, io.Reader, int64) error { return errStore }
func (brokenStore) Open(context.Context, string) (File, error)          { return File{}, errStore }
func (brokenStore) Delete(context.Context, string) error                { return errStore }

// A fullStore can be read, but takes nothing more.
type fullStore struct{ Store }

func (fullStore) Put(context.Context, string, io.Reader, int64) error { return errStore }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
