//go:build linux

package embedded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// longestSocket is how long the path of a socket may be: the kernel's field for
// it, less the zero at the end.
const longestSocket = len(syscall.RawSockaddrUnix{}.Path) - 1

// socketFolder returns the folder where the child keeps its socket of the given
// name. It is inside home, the child's own folder, unless that path does not do
// for a socket, and then in /tmp.
func socketFolder(home, socket string, id identity) string {
	dir := filepath.Join(home, "sockets")
	// A comma separates addresses, for PostgreSQL and its clients alike.
	if len(filepath.Join(dir, socket)) > longestSocket || strings.Contains(dir, ",") {
		// The same at every start, so that a killed program leaves no trail.
		sum := sha256.Sum256([]byte(home))
		dir = fmt.Sprintf("/tmp/kissaria-%d-%x", id.uid, sum[:8])
	}
	return dir
}

// sockets makes that folder, and returns it.
func (s *Stack) sockets(home, socket string, id identity) (string, error) {
	dir := socketFolder(home, socket, id)
	if err := makePrivate(dir, id); err != nil {
		return "", err
	}
	if filepath.Dir(dir) != home {
		s.borrowing.Lock()
		s.borrowed = append(s.borrowed, dir)
		s.borrowing.Unlock()
	}
	// Left by a killed child. PostgreSQL would take the lock for that of a
	// living one if its process id has gone to another process, or is a
	// zombie's; nothing lives here, or evict would have said so.
	for _, name := range []string{socket, socket + ".lock"} {
		if err := remove(filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// remove removes a file that may not be there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}
