//go:build linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// publicDataDir is where the data goes when the program runs as root and the
// wanted folder is in root's private home.
const publicDataDir = "/var/lib/kissaria"

// DataDir returns the absolute path of the data folder for one that was wanted.
//
// When the program runs as root, PostgreSQL and Redis run as users of their own,
// who must be able to reach the folder. Where they cannot, as in root's private
// home, DataDir returns one where they can, and moved is true: the program
// should say so.
func DataDir(wanted string) (dir string, moved bool, err error) {
	if dir, err = resolve(wanted); err != nil {
		return "", false, err
	}
	ids, err := tenants(dir)
	if err != nil {
		return "", false, err
	}
	if unreachable := (*unreachableError)(nil); errors.As(ids.canReach(dir), &unreachable) {
		return publicDataDir, true, nil
	}
	return dir, false, nil
}

// resolve returns an absolute path without symbolic links. The folder, and some
// of those above it, may not be there yet.
func resolve(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("embedded: no data folder given")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("embedded: data folder %q: %w", dir, err)
	}
	missing := ""
	for above := abs; ; above = filepath.Dir(above) {
		found, err := filepath.EvalSymlinks(above)
		switch {
		case err == nil:
			return filepath.Join(found, missing), nil
		case !errors.Is(err, fs.ErrNotExist) || above == "/":
			return "", fmt.Errorf("embedded: data folder %s: %w", abs, err)
		}
		missing = filepath.Join(filepath.Base(above), missing)
	}
}

// existing returns dir, or the nearest folder above it that is there.
func existing(dir string) (string, fs.FileInfo, error) {
	for {
		info, err := os.Stat(dir)
		if err == nil {
			return dir, info, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == "/" {
			return "", nil, fmt.Errorf("embedded: data folder: %w", err)
		}
		dir = filepath.Dir(dir)
	}
}

// makeFolder makes the data folder and those missing above it. Whatever the
// umask says, the children's users may pass through them, and nobody else may
// look around in them.
func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o711)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o711)
	}
	switch {
	case err == nil:
		err = os.Chmod(dir, 0o711)
	case errors.Is(err, fs.ErrExist):
		return nil // that it is a folder, the next step finds out
	}
	if err != nil {
		return fmt.Errorf("embedded: make the data folder: %w", err)
	}
	return nil
}

// makePrivate makes a folder that belongs to id and that nobody else can enter.
// One that is there already must belong to id, so that a folder which somebody
// else laid out in /tmp is refused.
func makePrivate(dir string, id identity) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("embedded: make a folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("embedded: %s is not a folder", dir)
	}
	// Made a moment ago by root, it is still root's.
	if owner := owner(info); owner != id.uid && !(id.change && owner == 0) {
		return fmt.Errorf("embedded: %s belongs to user %d, not to %s: was it made when the program ran as another user?", dir, owner, id)
	}
	if err := id.own(dir); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

// roomIn refuses to start on a disk that has no room. PostgreSQL and Redis would
// fail too, but with nowhere to write the reason.
func roomIn(dir string, need uint64) error {
	at, _, err := existing(dir)
	if err != nil {
		return err
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(at, &disk); err != nil {
		return fmt.Errorf("embedded: free space in %s: %w", at, err)
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < need {
		return fmt.Errorf("embedded: the disk of %s is full: %d MB are free, and %d MB are needed: %w",
			dir, free>>20, need>>20, syscall.ENOSPC)
	}
	return nil
}

// A killed program lets go of its lock only when the kernel has taken it down,
// so the one that takes its place at once must wait a moment.
const lockPatience = 2 * time.Second

// hold locks the data folder for this process. The kernel releases the lock when
// the file is closed, and so also when the process ends, however it ends.
func hold(ctx context.Context, dir string) (_ *os.File, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "kissaria.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded: the data folder cannot be written: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()

	for deadline := time.Now().Add(lockPatience); ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, sign(f)
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, fmt.Errorf("embedded: lock %s: %w", f.Name(), err)
		case time.Now().After(deadline):
			return nil, inUse(dir, f)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// sign writes into the lock who holds it.
func sign(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return fmt.Errorf("embedded: sign the lock: %w", err)
	}
	if _, err := fmt.Fprintln(lock, os.Getpid()); err != nil {
		return fmt.Errorf("embedded: sign the lock: %w", err)
	}
	return nil
}

func inUse(dir string, lock *os.File) error {
	signed, err := os.ReadFile(lock.Name())
	if err != nil {
		return fmt.Errorf("embedded: %s: %w (which one is not known: %w)", dir, ErrInUse, err)
	}
	return fmt.Errorf("embedded: %s: %w (pid %s)", dir, ErrInUse, strings.TrimSpace(string(signed)))
}

// pause waits for d, or returns an error when ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("embedded: interrupted: %w", context.Cause(ctx))
	case <-time.After(d):
		return nil
	}
}
