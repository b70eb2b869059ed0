package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	tus "github.com/tus/tusd/v2/pkg/handler"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/postgres"
)

// Bounds of uploads that go on where they stopped.
const (
	uploadLife  = 48 * time.Hour // from its beginning
	mostUploads = 16             // of one owner that are no pictures yet
	uploadPiece = 64 << 10       // bytes that a broken connection can cost
)

var (
	// ErrNoUpload is returned for an upload that is not its owner's, or whose
	// time is over: it is begun anew.
	ErrNoUpload = fault.New(fault.NotFound, "picture.no_upload")
	// ErrUploading is returned for an upload that has not arrived whole.
	ErrUploading = fault.New(fault.Conflict, "picture.uploading")
)

// Uploads keeps photos that arrive in pieces, in the database, so that whichever
// program answers goes on where another stopped. It is a data store of tusd's,
// which speaks the protocol (tus 1.0: tus.io).
type Uploads struct{ Pool *pgxpool.Pool }

type ownerKey struct{}

// PicturesArriving is a query for the pictures of uploads that may be asked for
// again.
const PicturesArriving = `SELECT picture_id FROM uploads WHERE picture_id IS NOT NULL`

// WithOwner says in a request's context whose its uploads are.
func WithOwner(ctx context.Context, owner string) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

func ownerOf(ctx context.Context) string {
	owner, _ := ctx.Value(ownerKey{}).(string)
	return owner
}

// Composer gives tusd what it needs. There are no locks: of two requests that
// send the same bytes, the database takes those of one.
func (u *Uploads) Composer() *tus.StoreComposer {
	c := tus.NewStoreComposer()
	c.UseCore(u)
	return c
}

// errTooMany is what tusd answers to an owner who begins too many uploads.
var errTooMany = tus.NewError("ERR_TOO_MANY", "too many uploads are on their way", 429)

// NewUpload implements tusd's DataStore.
func (u *Uploads) NewUpload(ctx context.Context, info tus.FileInfo) (tus.Upload, error) {
	if ownerOf(ctx) == "" {
		return nil, tus.ErrNotFound
	}
	if info.Size < 1 || info.Size > MostBytes {
		return nil, tus.ErrMaxSizeExceeded
	}
	up := &upload{pool: u.Pool, id: strings.ToLower(rand.Text()), owner: ownerOf(ctx), size: info.Size}
	tag, err := u.Pool.Exec(ctx, `
		INSERT INTO uploads (id, owner, size)
		SELECT $1, $2, $3
		WHERE (SELECT count(*) FROM uploads WHERE owner = $2 AND picture_id IS NULL) < $4`, up.id, up.owner, up.size, mostUploads)
	if err != nil {
		return nil, fmt.Errorf("media: begin upload: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return nil, errTooMany
	}
	return up, nil
}

// GetUpload implements tusd's DataStore. Anyone else's is not found.
func (u *Uploads) GetUpload(ctx context.Context, id string) (tus.Upload, error) {
	up := &upload{pool: u.Pool, id: id, owner: ownerOf(ctx)}
	err := u.Pool.QueryRow(ctx, `
		SELECT size, received FROM uploads WHERE id = $1 AND owner = $2`, id, up.owner).Scan(&up.size, &up.received)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, tus.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("media: upload: %w", err)
	}
	return up, nil
}

// upload implements tusd's Upload.
type upload struct {
	pool           *pgxpool.Pool
	id, owner      string
	size, received int64
}

func (up *upload) GetInfo(context.Context) (tus.FileInfo, error) {
	return tus.FileInfo{ID: up.id, Size: up.size, Offset: up.received}, nil
}

// WriteChunk keeps what arrives, piece by piece, so that what has arrived before
// the connection broke is there.
func (up *upload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (written int64, err error) {
	buf := make([]byte, uploadPiece)
	for {
		n, readErr := io.ReadFull(src, buf)
		if n > 0 {
			if err := up.add(ctx, offset+written, buf[:n]); err != nil {
				return written, err
			}
			written += int64(n)
		}
		switch {
		case errors.Is(readErr, io.EOF), errors.Is(readErr, io.ErrUnexpectedEOF):
			return written, nil
		case readErr != nil:
			return written, fmt.Errorf("media: upload: %w", readErr)
		}
	}
}

func (up *upload) add(ctx context.Context, start int64, b []byte) error {
	return postgres.InTx(ctx, up.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE uploads SET received = received + $3
			WHERE id = $1 AND received = $2 AND received + $3 <= size`, up.id, start, len(b))
		if err != nil {
			return fmt.Errorf("media: upload: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return tus.ErrMismatchOffset
		}
		if _, err := tx.Exec(ctx, `INSERT INTO upload_pieces (upload_id, start, bytes) VALUES ($1, $2, $3)`, up.id, start, b); err != nil {
			return fmt.Errorf("media: upload: %w", err)
		}
		return nil
	})
}

// GetReader implements tusd's Upload; nobody reads an upload back.
func (up *upload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, tus.ErrNotFound
}

// FinishUpload implements tusd's Upload. An upload becomes a picture when the
// form that shows it is sent: see TakeUpload.
func (up *upload) FinishUpload(context.Context) error { return nil }

// TakeUpload takes in a picture that arrived in pieces, as Take does. Asked
// again, after an answer that was lost, it returns the same picture. It returns
// ErrNoUpload or ErrUploading, and what Take returns of a photo that cannot be
// used; that upload is gone then.
func (l *Library) TakeUpload(ctx context.Context, tx pgx.Tx, owner, id string) (PictureID, error) {
	var size, received int64
	var picture PictureID
	err := tx.QueryRow(ctx, `
		SELECT size, received, coalesce(picture_id, 0)
		FROM uploads
		WHERE id = $1 AND owner = $2
		FOR UPDATE`, id, owner).Scan(&size, &received, &picture)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, ErrNoUpload
	case err != nil:
		return 0, fmt.Errorf("media: take upload: %w", err)
	case picture != 0:
		return picture, nil
	case received < size:
		return 0, ErrUploading
	}
	rows, err := tx.Query(ctx, `SELECT bytes FROM upload_pieces WHERE upload_id = $1 ORDER BY start`, id)
	if err != nil {
		return 0, fmt.Errorf("media: take upload: %w", err)
	}
	content := bytes.NewBuffer(make([]byte, 0, size))
	var piece []byte
	if _, err := pgx.ForEachRow(rows, []any{&piece}, func() error { content.Write(piece); return nil }); err != nil {
		return 0, fmt.Errorf("media: take upload: %w", err)
	}
	if picture, err = l.Take(ctx, tx, owner, bytes.NewReader(content.Bytes())); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM upload_pieces WHERE upload_id = $1`, id); err != nil {
		return 0, fmt.Errorf("media: take upload: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE uploads SET picture_id = $2 WHERE id = $1`, id, picture); err != nil {
		return 0, fmt.Errorf("media: take upload: %w", err)
	}
	return picture, nil
}

// DropUpload forgets an upload that cannot be used.
func (l *Library) DropUpload(ctx context.Context, tx pgx.Tx, owner, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM uploads WHERE id = $1 AND owner = $2`, id, owner); err != nil {
		return fmt.Errorf("media: drop upload: %w", err)
	}
	return nil
}

// sweepUploads forgets uploads that were begun too long ago.
func (l *Library) sweepUploads(ctx context.Context, now time.Time) error {
	if _, err := l.Pool.Exec(ctx, `DELETE FROM uploads WHERE created_at < $1`, now.Add(-uploadLife)); err != nil {
		return fmt.Errorf("media: sweep uploads: %w", err)
	}
	return nil
}
