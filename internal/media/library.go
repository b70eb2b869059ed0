package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/postgres"
)

// A Library takes pictures in and makes their renditions. Originals stay
// private in its store; renditions are public, and never change under their
// address.
type Library struct {
	Pool  *pgxpool.Pool
	Jobs  *postgres.Jobs
	Store Store
	Log   *slog.Logger
	// InUse are queries, one for each room above that shows pictures, which
	// return the ids of those that it shows.
	InUse []string
	// VoicesInUse are the same for voice notes.
	VoicesInUse []string
}

// Take keeps an upload as it came and writes its row. The same bytes from the
// same owner are one picture, so sending again after a broken connection does
// no harm. Nothing is queued: see Queue.
//
// The original is kept before the transaction ends, since a row without one
// could never be rendered; should the transaction fail, the next try finds it
// there. r is read to its end. A transaction that may be made twice needs an r
// that can seek, or a new one each time.
func (l *Library) Take(ctx context.Context, tx pgx.Tx, owner string, r io.Reader) (PictureID, error) {
	content, err := readUpload(r)
	if err != nil {
		return 0, err
	}
	var h head
	err = guard(func() (err error) {
		h, err = inspect(content)
		return err
	})
	if p := (*panicked)(nil); errors.As(err, &p) {
		l.Log.ErrorContext(ctx, "picture broke its reader", "owner", owner, "panic", p.value, "stack", string(p.stack))
	}
	if f, ok := asFault(err); ok {
		return 0, f
	}
	if err != nil {
		return 0, fmt.Errorf("media: take: %w", err)
	}

	hash := sha256.Sum256(content)
	if err := lockOriginal(ctx, tx, hash[:]); err != nil {
		return 0, err
	}
	var id PictureID
	err = tx.QueryRow(ctx, `
		UPDATE pictures
		SET taken_at = now()
		WHERE owner = $1 AND hash = $2 AND edits = '{}'
		RETURNING id`, owner, hash[:]).Scan(&id)
	if err == nil {
		return id, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("media: take: %w", err)
	}
	if err := l.Store.Put(ctx, originalName(hash[:]), bytes.NewReader(content), int64(len(content))); err != nil {
		return 0, err
	}
	width, height := h.upright()
	err = tx.QueryRow(ctx, `
		INSERT INTO pictures (owner, hash, format, bytes, width, height)
		VALUES ($1, $2, $3, $4, $5, $6)
		RETURNING id`,
		owner, hash[:], h.format, len(content), width, height).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("media: take: %w", err)
	}
	return id, nil
}

// readUpload reads an upload from its start, but not past the limit.
func readUpload(r io.Reader) ([]byte, error) {
	if s, ok := r.(io.Seeker); ok {
		if _, err := s.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("media: read upload: %w", err)
		}
	}
	content, err := io.ReadAll(io.LimitReader(r, MostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("media: read upload: %w", err)
	}
	if len(content) > MostBytes {
		return nil, ErrTooLarge
	}
	return content, nil
}

// keyOf returns the public name of a picture's renditions. It cannot be
// guessed without the original, and changes with whatever changes their bytes,
// so that browsers may keep them for ever.
func keyOf(owner string, hash []byte, edits string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%q\n%x\n%q", pipeline, owner, hash, edits)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum.Sum(nil)[:20]))
}

var keys = regexp.MustCompile(`^[a-z2-7]{20,64}$`)

// Rendition opens one for a visitor, who has asked for it by the parts of its
// address. Whatever is not the address of a rendition is ErrNoPicture.
func (l *Library) Rendition(ctx context.Context, key string, width int, extension string) (File, error) {
	known := slices.ContainsFunc(encodings, func(e encoding) bool { return e.extension == extension })
	if !known || !keys.MatchString(key) || width < 1 || width > allWidths[len(allWidths)-1] {
		return File{}, ErrNoPicture
	}
	f, err := l.Store.Open(ctx, renditionName(key, width, extension))
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, ErrNoPicture
	}
	return f, err
}

// MoveOwner gives one workshop's pictures and voice notes to another, but for what
// that one has already.
func MoveOwner(ctx context.Context, tx pgx.Tx, from, into string) error {
	for _, sql := range []string{
		`UPDATE pictures p SET owner = $2 WHERE owner = $1 AND NOT EXISTS (SELECT FROM pictures o WHERE o.owner = $2 AND o.hash = p.hash)`,
		`UPDATE voices v SET owner = $2 WHERE owner = $1 AND NOT EXISTS (SELECT FROM voices o WHERE o.owner = $2 AND o.hash = v.hash)`,
		// What looked like another workshop's is the same one's now.
		`DELETE FROM picture_alikes a USING pictures x, pictures y WHERE x.id = a.picture_id AND y.id = a.other_id AND x.owner = y.owner AND x.owner = $2 AND $1 <> ''`,
	} {
		if _, err := tx.Exec(ctx, sql, from, into); err != nil {
			return fmt.Errorf("media: move %s to %s: %w", from, into, err)
		}
	}
	return nil
}
