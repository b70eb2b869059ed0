package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A Folder is a Store on a disk.
type Folder struct{ dir string }

// NewFolder keeps everything below dir, which it makes if need be.
func NewFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("media: folder: %w", err)
	}
	return &Folder{dir}, nil
}

// Put writes beside the final name, and renames only when the bytes are on the
// disk: after a power cut a file is there whole or not at all.
func (f *Folder) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	if err := f.put(name, r, size); err != nil {
		return fmt.Errorf("media: put %s: %w", name, err)
	}
	return nil
}

func (f *Folder) put(name string, r io.Reader, size int64) (err error) {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return err
	}
	t, err := os.CreateTemp(dir, ".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(t.Name()))
		}
	}()
	n, err := io.Copy(t, r)
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes came, not %d", n, size)
	}
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	if err := os.Rename(t.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir is os.MkdirAll for folders that must last as their files do.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o750)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o750)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *Folder) Open(ctx context.Context, name string) (File, error) {
	path, err := f.path(name)
	if err != nil {
		return File{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("media: open %s: %w", name, err)
	}
	info, err := file.Stat()
	if err != nil {
		return File{}, errors.Join(fmt.Errorf("media: open %s: %w", name, err), file.Close())
	}
	return File{file, info.Size(), info.ModTime()}, nil
}

func (f *Folder) Delete(ctx context.Context, name string) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("media: delete %s: %w", name, err)
	}
	return nil
}

func (f *Folder) path(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	return filepath.Join(f.dir, filepath.FromSlash(name)), nil
}
