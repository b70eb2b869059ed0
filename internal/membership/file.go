package membership

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kissaria.ma/internal/fault"
	"kissaria.ma/internal/identity"
	"kissaria.ma/internal/media"
	"kissaria.ma/internal/postgres"
	"kissaria.ma/internal/union"
)

// Bounds of a member's files.
const (
	MostFileBytes = 5 << 20
	MostFiles     = 50
)

// fileKinds are the media types that are taken, told by the first bytes.
var fileKinds = []string{"application/pdf", "image/jpeg", "image/png"}

var (
	// ErrNoFile is returned for a file that is not there.
	ErrNoFile = fault.New(fault.NotFound, "error.not_found")
	// ErrFileMissing is returned where no file was chosen, or an empty one.
	ErrFileMissing = fault.New(fault.Invalid, "files.missing")
	// ErrFileKind is returned for bytes that are none of fileKinds, whatever the
	// file is called.
	ErrFileKind = fault.New(fault.Invalid, "files.kind")
	// ErrFileSize is returned for a file of more than MostFileBytes.
	ErrFileSize = fault.New(fault.Invalid, "files.size")
	// ErrFilesFull is returned for a member with MostFiles already.
	ErrFilesFull = fault.New(fault.Invalid, "files.full")
)

// A File is a paper about a member.
type File struct {
	Ref   string
	Name  string
	Kind  string // media type
	Bytes int
	By    string
	At    time.Time
}

func storeName(ref string) string { return "files/" + ref }

// fileName keeps of what a browser says a file is called what can be shown: no
// folders, nothing that cannot be seen, 120 characters.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name))
	if r := []rune(name); len(r) > 120 {
		name = string(r[len(r)-120:])
	}
	if name == "" || name == "." || name == "/" {
		return "file"
	}
	return name
}

// KeepFile keeps a paper about a member, in the store first, so that no row speaks
// of what is not there. It returns ErrFileMissing, ErrFileKind, ErrFileSize or
// ErrFilesFull.
func KeepFile(ctx context.Context, pool *pgxpool.Pool, store media.Store, a union.Artisan, name string, content []byte, by identity.AccountID, at time.Time) error {
	kind := http.DetectContentType(content)
	switch {
	case len(content) == 0:
		return ErrFileMissing
	case len(content) > MostFileBytes:
		return ErrFileSize.With(MostFileBytes >> 20)
	case !slices.Contains(fileKinds, kind):
		return ErrFileKind
	}
	ref := strings.ToLower(rand.Text())
	if err := store.Put(ctx, storeName(ref), bytes.NewReader(content), int64(len(content))); err != nil {
		return fmt.Errorf("membership: keep file: %w", err)
	}
	err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		// Two at once wait for one another, so that there are never more than so many.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('member_files'), $1)`, int32(a.ID)); err != nil {
			return fmt.Errorf("membership: keep file: %w", err)
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO member_files (ref, artisan_id, name, kind, bytes, account_id, at)
			SELECT $1, $2, $3, $4, $5, $6, $7
			WHERE (SELECT count(*) FROM member_files WHERE artisan_id = $2) < $8`, ref, a.ID, fileName(name), kind, len(content), by, at, MostFiles)
		if err != nil {
			return fmt.Errorf("membership: keep file: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return ErrFilesFull.With(MostFiles)
		}
		return identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisan.file_kept", Subject: "artisan:" + a.Slug, After: map[string]any{"file": fileName(name), "bytes": len(content)}})
	})
	if err != nil {
		return errors.Join(err, store.Delete(ctx, storeName(ref)))
	}
	return nil
}

// OpenFile returns a member's file and its bytes, or ErrNoFile. Close them.
func OpenFile(ctx context.Context, db postgres.DB, store media.Store, a union.Artisan, ref string) (File, media.File, error) {
	f := File{Ref: ref}
	err := db.QueryRow(ctx, `SELECT name, kind, bytes FROM member_files WHERE artisan_id = $1 AND ref = $2`, a.ID, ref).Scan(&f.Name, &f.Kind, &f.Bytes)
	if errors.Is(err, pgx.ErrNoRows) {
		return File{}, media.File{}, ErrNoFile
	}
	if err != nil {
		return File{}, media.File{}, fmt.Errorf("membership: open file: %w", err)
	}
	content, err := store.Open(ctx, storeName(ref))
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, media.File{}, ErrNoFile
	}
	if err != nil {
		return File{}, media.File{}, fmt.Errorf("membership: open file: %w", err)
	}
	return f, content, nil
}

// RemoveFile takes a member's file away, its bytes after its row. Done twice, it
// is done once.
func RemoveFile(ctx context.Context, pool *pgxpool.Pool, store media.Store, a union.Artisan, ref string, by identity.AccountID) error {
	gone := false
	err := postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		var name string
		err := tx.QueryRow(ctx, `DELETE FROM member_files WHERE artisan_id = $1 AND ref = $2 RETURNING name`, a.ID, ref).Scan(&name)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("membership: remove file: %w", err)
		}
		gone = true
		return identity.Record(ctx, tx, identity.Entry{By: by, Action: "artisan.file_removed", Subject: "artisan:" + a.Slug, Before: map[string]string{"file": name}})
	})
	if err != nil || !gone {
		return err
	}
	if err := store.Delete(ctx, storeName(ref)); err != nil {
		return fmt.Errorf("membership: remove file: %w", err)
	}
	return nil
}
