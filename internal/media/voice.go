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

// TakeVoice keeps a voice note as it came and writes its row. The same bytes
// from the same owner are one note. It returns ErrNoSound, ErrNotVoice,
// ErrMoving or ErrVoiceLarge for what is none.
func (l *Library) TakeVoice(ctx context.Context, tx pgx.Tx, owner string, r io.Reader) (VoiceID, error) {
	content, err := io.ReadAll(io.LimitReader(r, MostVoiceBytes+1))
	if err != nil {
		return 0, fmt.Errorf("media: read voice: %w", err)
	}
	if len(content) > MostVoiceBytes {
		return 0, ErrVoiceLarge
	}
	format, err := voiceFormat(content)
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

// voiceFormat tells a format by its bytes. Nothing of the note is decoded here:
// a browser does that, and is told the type and to believe it.
func voiceFormat(b []byte) (string, error) {
	head := b[:min(len(b), 4096)]
	switch {
	case len(b) == 0:
		return "", ErrNoSound
	case bytes.HasPrefix(b, []byte{0x1a, 0x45, 0xdf, 0xa3}) && bytes.Contains(head[:min(len(head), 64)], []byte("webm")):
		// Matroska names each track's codec, before the first sound.
		if bytes.Contains(head, []byte("V_VP")) || bytes.Contains(head, []byte("V_AV1")) || bytes.Contains(head, []byte("V_MPEG")) {
			return "", ErrMoving
		}
		if bytes.Contains(head, []byte("A_OPUS")) || bytes.Contains(head, []byte("A_VORBIS")) {
			return "webm", nil
		}
	case bytes.HasPrefix(b, []byte("OggS")):
		if bytes.Contains(head, []byte("\x80theora")) {
			return "", ErrMoving
		}
		if bytes.Contains(head, []byte("OpusHead")) || bytes.Contains(head, []byte("\x01vorbis")) {
			return "ogg", nil
		}
	case len(b) > 12 && string(b[4:8]) == "ftyp":
		if handler.Match(b) {
			return "", ErrMoving
		}
		if bytes.Contains(b, []byte("mp4a")) {
			return "mp4", nil
		}
	case isMP3(b):
		return "mp3", nil
	}
	return "", ErrNotVoice
}

// handler finds a track of pictures in an MP4: the track's handler names what it
// is for.
var handler = regexp.MustCompile(`(?s)hdlr.{8}vide`)

// kilobits are the rates of MPEG-1 and of MPEG-2 layer III, by their index.
var kilobits = [2][15]int{
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}

// isMP3 reports whether b begins with a frame of MPEG audio layer III that is
// followed by another, after an ID3 tag or none.
func isMP3(b []byte) bool {
	if len(b) > 10 && string(b[:3]) == "ID3" {
		size := int(b[6]&0x7f)<<21 | int(b[7]&0x7f)<<14 | int(b[8]&0x7f)<<7 | int(b[9]&0x7f)
		b = b[min(10+size, len(b)):]
	}
	n := frameLength(b)
	return n > 0 && len(b) > n && frameLength(b[n:]) > 0
}

// frameLength returns how many bytes an MP3 frame has, 0 for what is none.
func frameLength(b []byte) int {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 || b[1]>>1&3 != 1 {
		return 0
	}
	version, rate, sampling, padding := b[1]>>3&3, b[2]>>4, b[2]>>2&3, int(b[2]>>1&1)
	if version == 1 || rate == 0 || rate == 15 || sampling == 3 {
		return 0
	}
	hertz := [3]int{44100, 48000, 32000}[sampling]
	switch version {
	case 3: // MPEG-1
		return 144*kilobits[0][rate]*1000/hertz + padding
	case 2: // MPEG-2
		hertz /= 2
	default: // MPEG-2.5
		hertz /= 4
	}
	return 72*kilobits[1][rate]*1000/hertz + padding
}
