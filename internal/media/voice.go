package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/postgres"
)

// MostVoiceBytes is how large a voice note may be: half a minute takes a phone
// some 60 kB to 1 MB.
const MostVoiceBytes = 2 << 20

// What an artisan can be told about a voice note.
var (
	ErrNoSound    = fault.New(fault.Invalid, "voice.empty")
	ErrNotVoice   = fault.New(fault.Invalid, "voice.format")
	ErrMoving     = fault.New(fault.Invalid, "voice.moving") // a film
	ErrVoiceLarge = fault.New(fault.Invalid, "voice.too_large")
	ErrVoiceCut   = fault.New(fault.Invalid, "voice.truncated")
)

// ErrNoVoice says that there is no such note, or that it is not for this
// visitor's ears.
var ErrNoVoice = fault.New(fault.NotFound, "error.not_found")

// VoiceID is a voice note's key, which never leaves the program.
type VoiceID int64

// A Voice is a note as it was spoken. Its bytes stay as they came.
type Voice struct {
	ID     VoiceID
	Owner  string
	Key    string // its name in addresses
	Format string // webm, ogg, mp4 or mp3
	hash   []byte
}

// voiceTypes are what a browser is told of each format.
var voiceTypes = map[string]string{"webm": "audio/webm", "ogg": "audio/ogg", "mp4": "audio/mp4", "mp3": "audio/mpeg"}

// ContentType returns the note's media type.
func (v Voice) ContentType() string { return voiceTypes[v.Format] }

// Path returns the note's address, or an empty one where there is no note.
func (v Voice) Path() string { return VoicePath(v.Key) }

// VoicePath returns the address of a note by its key, or an empty one where
// there is none.
func VoicePath(key string) string {
	if key == "" {
		return ""
	}
	return "/voices/" + key
}

// TakeVoice keeps a voice note, without what a phone wrote beside the sound, and
// writes its row. The same note from the same owner is one. It returns ErrNoSound,
// ErrNotVoice, ErrMoving, ErrVoiceCut or ErrVoiceLarge for what is none.
func (l *Library) TakeVoice(ctx context.Context, tx pgx.Tx, owner string, r io.Reader) (VoiceID, error) {
	if s, ok := r.(io.Seeker); ok { // The transaction may be made twice.
		if _, err := s.Seek(0, io.SeekStart); err != nil {
			return 0, fmt.Errorf("media: read voice: %w", err)
		}
	}
	content, err := io.ReadAll(io.LimitReader(r, MostVoiceBytes+1))
	if err != nil {
		return 0, fmt.Errorf("media: read voice: %w", err)
	}
	if len(content) > MostVoiceBytes {
		return 0, ErrVoiceLarge
	}
	format, content, err := cleanVoice(content)
	if err != nil {
		return 0, err
	}
	hash := sha256.Sum256(content)
	if err := lockOriginal(ctx, tx, hash[:]); err != nil {
		return 0, err
	}
	if err := l.Store.Put(ctx, voiceName(hash[:]), bytes.NewReader(content), int64(len(content))); err != nil {
		return 0, err
	}
	var id VoiceID
	err = tx.QueryRow(ctx, `
		INSERT INTO voices (owner, hash, format, bytes, key)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (owner, hash) DO UPDATE SET taken_at = now()
		RETURNING id`, owner, hash[:], format, len(content), strings.ToLower(rand.Text())).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("media: take voice: %w", err)
	}
	return id, nil
}

var voiceKeys = regexp.MustCompile(`^[a-z2-7]{26}$`)

// VoiceByKey returns the note of an address, or ErrNoVoice.
func VoiceByKey(ctx context.Context, db postgres.DB, key string) (Voice, error) {
	v := Voice{Key: key}
	if !voiceKeys.MatchString(key) {
		return Voice{}, ErrNoVoice
	}
	err := db.QueryRow(ctx, `SELECT id, owner, format, hash FROM voices WHERE key = $1`, key).Scan(&v.ID, &v.Owner, &v.Format, &v.hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return Voice{}, ErrNoVoice
	}
	if err != nil {
		return Voice{}, fmt.Errorf("media: voice: %w", err)
	}
	return v, nil
}

// OpenVoice opens a note's bytes; close them. What is gone is ErrNoVoice.
func (l *Library) OpenVoice(ctx context.Context, v Voice) (File, error) {
	f, err := l.Store.Open(ctx, voiceName(v.hash))
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, ErrNoVoice
	}
	return f, err
}

// ForgetVoice removes an owner's note that they took away, if nothing else has
// it: from the database now, from the store in a job.
func (l *Library) ForgetVoice(ctx context.Context, tx pgx.Tx, owner string, id VoiceID) error {
	return l.dropVoices(ctx, tx, `id = $1 AND owner = $2`, id, owner)
}

// sweepVoices removes notes that no query of VoicesInUse names and whose owner
// last sent them more than UnusedLife before now.
func (l *Library) sweepVoices(ctx context.Context, now time.Time) error {
	return postgres.InTx(ctx, l.Pool, func(tx pgx.Tx) error {
		return l.dropVoices(ctx, tx, `taken_at < $1 AND id IN (SELECT id FROM voices WHERE taken_at < $1 ORDER BY taken_at LIMIT $2)`,
			now.Add(-UnusedLife), sweepBatch)
	})
}

// dropVoices deletes notes that nothing has, and queues the removal of their
// bytes.
func (l *Library) dropVoices(ctx context.Context, tx pgx.Tx, where string, args ...any) error {
	rows, err := tx.Query(ctx, `
		DELETE FROM voices
		WHERE `+where+` AND id NOT IN (`+strings.Join(l.VoicesInUse, " UNION ALL ")+`)
		RETURNING hash`, args...)
	if err != nil {
		return fmt.Errorf("media: drop voices: %w", err)
	}
	hashes, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return fmt.Errorf("media: drop voices: %w", err)
	}
	for _, hash := range hashes {
		if _, err := l.Jobs.InsertTx(ctx, tx, RemoveVoiceArgs{Hash: hex.EncodeToString(hash)}, nil); err != nil {
			return fmt.Errorf("media: drop voices: %w", err)
		}
	}
	return nil
}

// RemoveVoiceArgs is the job that removes a note's bytes from the store.
type RemoveVoiceArgs struct {
	Hash string `json:"hash"` // in hexadecimal
}

func (RemoveVoiceArgs) Kind() string { return "remove_voice_file" }

// RemoveVoiceWorker calls RemoveVoice.
type RemoveVoiceWorker struct {
	river.WorkerDefaults[RemoveVoiceArgs]
	Library *Library
}

func (w *RemoveVoiceWorker) Work(ctx context.Context, job *river.Job[RemoveVoiceArgs]) error {
	return w.Library.RemoveVoice(ctx, job.Args)
}

// RemoveVoice removes a note's bytes from the store, unless another note has
// the same.
func (l *Library) RemoveVoice(ctx context.Context, a RemoveVoiceArgs) error {
	hash, err := hex.DecodeString(a.Hash)
	if err != nil || len(hash) != sha256.Size {
		return river.JobCancel(fmt.Errorf("media: remove voice %q: no hash", a.Hash))
	}
	return postgres.InTx(ctx, l.Pool, func(tx pgx.Tx) error {
		if err := lockOriginal(ctx, tx, hash); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM voices WHERE hash = $1)`, hash).Scan(&there); err != nil {
			return fmt.Errorf("media: remove voice: %w", err)
		}
		if there {
			return nil
		}
		return l.Store.Delete(ctx, voiceName(hash))
	})
}

func voiceName(hash []byte) string { return fmt.Sprintf("voices/%x/%x", hash[:1], hash) }
