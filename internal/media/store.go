package media

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"time"
)

// A Store keeps bytes under names of ours. A name is never taken from outside,
// and what is kept under one does not change, so that writing it twice does no
// harm.
type Store interface {
	// Put keeps size bytes, whole or not at all.
	Put(ctx context.Context, name string, r io.Reader, size int64) error
	// Open returns an error that is fs.ErrNotExist when there is nothing.
	Open(ctx context.Context, name string) (File, error)
	// Delete is content when there is nothing.
	Delete(ctx context.Context, name string) error
}

// A File is something kept, open for reading. Close it.
type File struct {
	io.ReadSeekCloser
	Size    int64
	ModTime time.Time
}

var names = regexp.MustCompile(`^[a-z0-9]+(/[a-z0-9]+)*(\.[a-z0-9]+)?$`)

// checkName is the second lock on the door: names are made by the functions
// below, out of letters and digits.
func checkName(name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("media: %q is no name of ours", name)
	}
	return nil
}

// originalName is by content alone: the same photo in two workshops is kept
// once, and an owner may be renamed.
func originalName(hash []byte) string {
	return fmt.Sprintf("originals/%x/%x", hash[:1], hash)
}

func renditionName(key string, width int, extension string) string {
	return fmt.Sprintf("renditions/%s/%s/%d.%s", key[:2], key, width, extension)
}
