package media

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/postgres"
)

// UnusedLife is how long a picture that nothing shows is kept, from when it was
// last sent: a draft may be taken up again after the weekly souk.
const UnusedLife = 7 * 24 * time.Hour

// sweepBatch bounds how many pictures one sweep takes away.
const sweepBatch = 500

// SweepArgs is the job that takes away what nobody uses.
type SweepArgs struct{}

func (SweepArgs) Kind() string { return "sweep_pictures" }

// SweepWorker calls Sweep.
type SweepWorker struct {
	river.WorkerDefaults[SweepArgs]
	Library *Library
	Now     func() time.Time
}

func (w *SweepWorker) Work(ctx context.Context, _ *river.Job[SweepArgs]) error {
	if err := w.Library.sweepUploads(ctx, w.Now()); err != nil {
		return err
	}
	n, err := w.Library.Sweep(ctx, w.Now())
	if n > 0 {
		w.Library.Log.InfoContext(ctx, "unused pictures swept", "pictures", n)
	}
	return err
}

// Sweep removes pictures and voice notes that no query of InUse names and whose owner last sent
// them more than UnusedLife before now. Their files follow in jobs, which are
// tried until they are gone. It returns how many pictures it removed.
func (l *Library) Sweep(ctx context.Context, now time.Time) (int, error) {
	if err := l.sweepVoices(ctx, now); err != nil {
		return 0, err
	}
	var removed []RemoveFilesArgs
	err := postgres.InTx(ctx, l.Pool, func(tx pgx.Tx) error {
		// Sent again meanwhile, a picture waits for this transaction, or has made
		// it wait and is no longer old.
		rows, err := tx.Query(ctx, `
			DELETE FROM pictures
			WHERE taken_at < $1 AND id IN (
				SELECT id
				FROM pictures
				WHERE taken_at < $1 AND id NOT IN (`+strings.Join(l.InUse, " UNION ALL ")+`)
				ORDER BY taken_at
				LIMIT $2)
			RETURNING hash, coalesce(key, ''), widths`, now.Add(-UnusedLife), sweepBatch)
		if err != nil {
			return fmt.Errorf("media: sweep: %w", err)
		}
		removed, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (RemoveFilesArgs, error) {
			var a RemoveFilesArgs
			var hash []byte
			err := row.Scan(&hash, &a.Key, &a.Widths)
			a.Hash = hex.EncodeToString(hash)
			return a, err
		})
		if err != nil {
			return fmt.Errorf("media: sweep: %w", err)
		}
		for _, a := range removed {
			if _, err := l.Jobs.InsertTx(ctx, tx, a, nil); err != nil {
				return fmt.Errorf("media: sweep: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(removed), nil
}

// Forget removes an owner's picture that they took away, if nothing else shows
// it: from the database now, from the store in a job, and from the pages that are
// kept.
func (l *Library) Forget(ctx context.Context, tx pgx.Tx, owner string, id PictureID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM uploads WHERE picture_id = $1 AND owner = $2`, id, owner); err != nil {
		return fmt.Errorf("media: forget: %w", err)
	}
	var a RemoveFilesArgs
	var hash []byte
	err := tx.QueryRow(ctx, `
		DELETE FROM pictures
		WHERE id = $1 AND owner = $2 AND id NOT IN (`+strings.Join(l.InUse, " UNION ALL ")+`)
		RETURNING hash, coalesce(key, ''), widths`, id, owner).Scan(&hash, &a.Key, &a.Widths)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("media: forget: %w", err)
	}
	a.Hash = hex.EncodeToString(hash)
	if _, err := l.Jobs.InsertTx(ctx, tx, a, nil); err != nil {
		return fmt.Errorf("media: forget: %w", err)
	}
	return postgres.Notify(ctx, tx, id.Tag())
}

// RemoveFilesArgs is the job that removes what a picture leaves in the store.
type RemoveFilesArgs struct {
	Hash   string `json:"hash"` // of the original, in hexadecimal
	Key    string `json:"key"`  // of the renditions, empty where there are none
	Widths []int  `json:"widths"`
}

func (RemoveFilesArgs) Kind() string { return "remove_picture_files" }

// RemoveFilesWorker calls RemoveFiles.
type RemoveFilesWorker struct {
	river.WorkerDefaults[RemoveFilesArgs]
	Library *Library
}

func (w *RemoveFilesWorker) Work(ctx context.Context, job *river.Job[RemoveFilesArgs]) error {
	return w.Library.RemoveFiles(ctx, job.Args)
}

// RemoveFiles removes an original and its renditions from the store, but not
// what another picture has of them: the same photo may have come from two
// workshops, or have been sent anew.
func (l *Library) RemoveFiles(ctx context.Context, a RemoveFilesArgs) error {
	hash, err := hex.DecodeString(a.Hash)
	if err != nil || len(hash) != 32 {
		return river.JobCancel(fmt.Errorf("media: remove files of %q: no hash", a.Hash))
	}
	return postgres.InTx(ctx, l.Pool, func(tx pgx.Tx) error {
		if err := lockOriginal(ctx, tx, hash); err != nil {
			return err
		}
		var original, renditions bool
		err := tx.QueryRow(ctx, `
			SELECT NOT EXISTS (SELECT FROM pictures WHERE hash = $1),
				$2 <> '' AND NOT EXISTS (SELECT FROM pictures WHERE key = $2)`, hash, a.Key).Scan(&original, &renditions)
		if err != nil {
			return fmt.Errorf("media: remove files: %w", err)
		}
		var files []string
		if renditions {
			for _, width := range a.Widths {
				for _, e := range encodings {
					files = append(files, renditionName(a.Key, width, e.extension))
				}
			}
		}
		if original {
			files = append(files, originalName(hash))
		}
		for name := range slices.Values(files) {
			if err := l.Store.Delete(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// lockOriginal has those who write and those who remove one original take
// turns, until their transactions end.
func lockOriginal(ctx context.Context, tx pgx.Tx, hash []byte) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))`, hash); err != nil {
		return fmt.Errorf("media: lock original: %w", err)
	}
	return nil
}
