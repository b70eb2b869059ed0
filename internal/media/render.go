package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// RenderArgs asks for a picture's renditions.
type RenderArgs struct {
	Picture PictureID `json:"picture"`
}

func (RenderArgs) Kind() string { return "render_picture" }

// RenderQueue is the queue of pictures, apart from the others: an upload of
// many must not keep a payment waiting. Two at a time are as many as memory is
// reckoned for.
const (
	RenderQueue   = "pictures"
	RenderWorkers = 2
)

// renderAttempts is how often a picture is tried where the fault is ours: over
// some sixteen minutes, since each wait is longer than the one before.
const renderAttempts = 6

// Queue asks for a picture's renditions, from 1, at once, to 4, when there is
// time. A picture that is asked for already stays where it is in the queue.
func (l *Library) Queue(ctx context.Context, tx pgx.Tx, id PictureID, priority int) error {
	_, err := l.Jobs.InsertTx(ctx, tx, RenderArgs{id}, &river.InsertOpts{
		Queue:       RenderQueue,
		Priority:    priority,
		MaxAttempts: renderAttempts,
		UniqueOpts: river.UniqueOpts{
			ByArgs: true,
			// Not the completed ones: a new pipeline renders everything anew.
			ByState: []rivertype.JobState{
				rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
				rivertype.JobStateRetryable, rivertype.JobStateScheduled,
			},
		},
	})
	if err != nil {
		return fmt.Errorf("media: queue picture %d: %w", id, err)
	}
	return nil
}

// RenderWorker calls Render.
type RenderWorker struct {
	river.WorkerDefaults[RenderArgs]
	Library *Library
}

func (w *RenderWorker) Work(ctx context.Context, job *river.Job[RenderArgs]) error {
	err := w.Library.Render(ctx, job.Args.Picture)
	if errors.Is(err, ErrNoPicture) {
		return river.JobCancel(err) // it went before its turn came
	}
	if err != nil && job.Attempt >= job.MaxAttempts {
		// Its owner is told, and may send it again, which queues it anew.
		w.Library.Log.ErrorContext(ctx, "picture given up", "picture", job.Args.Picture, "attempts", job.Attempt, "error", err)
		return errors.Join(err, w.Library.fail(ctx, job.Args.Picture, "media.not_made"))
	}
	return err
}

// Timeout leaves room for waiting for memory while others work.
func (w *RenderWorker) Timeout(*river.Job[RenderArgs]) time.Duration { return 3 * time.Minute }

// AddWorkers adds what works on pictures' jobs.
func (l *Library) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &RenderWorker{Library: l})
	river.AddWorker(workers, &LookWorker{Library: l})
	river.AddWorker(workers, &SweepWorker{Library: l, Now: time.Now})
	river.AddWorker(workers, &RemoveFilesWorker{Library: l})
	river.AddWorker(workers, &RemoveVoiceWorker{Library: l})
}

// Render makes a picture's renditions and then, in one statement, tells
// everyone that they are there; those of other owners that look like it are
// found at once. A picture that has them is left alone.
//
// One that cannot be read is marked as failed, with the reason, and is no
// error: trying again would not help. An error is a fault of ours, and leaves
// the picture waiting.
func (l *Library) Render(ctx context.Context, id PictureID) error {
	var p Picture
	var hash []byte
	var edited string
	var compared bool
	err := l.Pool.QueryRow(ctx, `
		SELECT owner, hash, edits::text, state, coalesce(key, ''), widths, compared
		FROM pictures
		WHERE id = $1`, id).Scan(&p.Owner, &hash, &edited, &p.State, &p.Key, &p.Widths, &compared)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoPicture
	}
	if err != nil {
		return fmt.Errorf("media: render picture %d: %w", id, err)
	}
	key := keyOf(p.Owner, hash, edited)
	if p.State == Ready && p.Key == key {
		if compared {
			return nil
		}
		return l.lookAgain(ctx, id, key, p.Widths[0])
	}
	content, err := l.original(ctx, hash)
	if err != nil {
		return fmt.Errorf("media: render picture %d: %w", id, err)
	}
	var asked edits
	if err := json.Unmarshal([]byte(edited), &asked); err != nil {
		return fmt.Errorf("media: render picture %d: edits: %w", id, err)
	}
	widths, seen, err := l.make(ctx, key, content, asked.Turn)
	if f, ok := asFault(err); ok {
		l.logUnreadable(ctx, id, err)
		return l.fail(ctx, id, f.Key)
	}
	if err != nil {
		return fmt.Errorf("media: render picture %d: %w", id, err)
	}
	// Pages that show the picture are made anew when they hear of it.
	_, err = l.Pool.Exec(ctx, `
		WITH done AS (
			UPDATE pictures
			SET state = 'ready', key = $2, widths = $3, fault = '', look = $4, compared = false
			WHERE id = $1
			RETURNING id
		)
		SELECT pg_notify('pages', 'picture:' || id)
		FROM done`, id, key, widths, seen.stored())
	if err != nil {
		return fmt.Errorf("media: render picture %d: %w", id, err)
	}
	return l.compare(ctx, id, seen)
}

func (l *Library) fail(ctx context.Context, id PictureID, reason string) error {
	_, err := l.Pool.Exec(ctx, `
		WITH done AS (
			UPDATE pictures
			SET state = 'failed', key = NULL, widths = '{}', fault = $2
			WHERE id = $1
			RETURNING id
		)
		SELECT pg_notify('pages', 'picture:' || id)
		FROM done`, id, reason)
	if err != nil {
		return fmt.Errorf("media: mark picture %d as failed: %w", id, err)
	}
	return nil
}

func (l *Library) logUnreadable(ctx context.Context, id PictureID, err error) {
	if p := (*panicked)(nil); errors.As(err, &p) {
		l.Log.ErrorContext(ctx, "picture broke its decoder", "picture", id, "panic", p.value, "stack", string(p.stack))
		return
	}
	l.Log.InfoContext(ctx, "picture cannot be read", "picture", id, "reason", err)
}

// original reads an upload back, and makes sure that it is still itself.
func (l *Library) original(ctx context.Context, hash []byte) (content []byte, err error) {
	f, err := l.Store.Open(ctx, originalName(hash))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content = make([]byte, f.Size)
	if _, err := io.ReadFull(f, content); err != nil {
		return nil, fmt.Errorf("read original: %w", err)
	}
	if sum := sha256.Sum256(content); !bytes.Equal(sum[:], hash) {
		return nil, errors.New("the original has changed in the store")
	}
	return content, nil
}

// workingMemory is what all pictures in work may take together, in bytes, as
// far as it can be told from their headers. One that asks for more than all of
// it has it to itself.
const workingMemory = 160 << 20

// desk has room for workingMemory, in this whole process.
var desk = semaphore.NewWeighted(workingMemory)

// need reckons what a picture takes at its widest: decoded, and as the first
// step of the cascade.
func (h head) need() int64 {
	pixels := int64(h.width) * int64(h.height)
	width, _ := h.upright()
	for largest := allWidths[len(allWidths)-1]; width >= 2*largest; width /= 2 {
		pixels /= 4
	}
	return min(h.decoded+8*pixels, workingMemory)
}

// make makes and keeps all renditions, both formats at once, and returns their
// widths and what they look like. turn is how many quarters clockwise the photo
// is turned by hand.
func (l *Library) make(ctx context.Context, key string, content []byte, turn int) (widths []int, seen look, err error) {
	var h head
	err = guard(func() (err error) {
		h, err = inspect(content)
		return err
	})
	if err != nil {
		return nil, look{}, err
	}
	h.orientation = h.orientation.turnedBy(turn)
	need := h.need()
	if err := desk.Acquire(ctx, need); err != nil {
		return nil, look{}, err
	}
	defer desk.Release(need)
	// The collector lets the heap double before it looks again. With hundreds
	// of megabytes in a few slices that is too late, so it is told when one
	// has just become free.
	tidy := func() {
		if need > workingMemory/3 {
			runtime.GC()
		}
	}
	tidy()
	defer tidy()

	c, err := newColours(h.profile)
	if err != nil && h.profile != nil {
		l.Log.DebugContext(ctx, "colour profile left aside", "key", key, "reason", err)
	}
	width, _ := h.upright()
	widths = widthsFor(width)

	var steps []step
	err = guard(func() error {
		s, err := decode(content, h)
		if err != nil {
			return err
		}
		tidy()
		s = straighten(reduce(s, h), h, c, widths[len(widths)-1])
		tidy()
		steps = cascade(s, widths)
		seen = lookOf(steps[0].sheet)
		return nil
	})
	if err != nil {
		return nil, look{}, err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, e := range encodings {
		g.Go(func() error { return l.encode(ctx, e, key, steps) })
	}
	return widths, seen, g.Wait()
}

// encode makes and keeps the renditions of one format, from the smallest up.
// What quality a picture can afford is much the same at all widths, so that
// the small ones, which cost little, spare the large ones a try.
func (l *Library) encode(ctx context.Context, e encoding, key string, steps []step) error {
	quality := e.quality
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		var b []byte
		err := guard(func() (err error) {
			b, quality, err = e.fit(s.sheet, quality)
			return err
		})
		if err != nil {
			return err
		}
		name := renditionName(key, s.width, e.extension)
		if err := l.Store.Put(ctx, name, bytes.NewReader(b), int64(len(b))); err != nil {
			return err
		}
	}
	return nil
}

// panicked is a panic that guard has caught.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// guard runs what reads a stranger's bytes and makes a panic in it an
// ErrUnreadable. Decoders are long, old and fed by whoever likes: one that
// indexes past a slice is a bug to be logged and mended, but must not end the
// program, nor come back with each retry.
func guard(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %w", ErrUnreadable, &panicked{v, debug.Stack()})
		}
	}()
	return fn()
}
