//go:build linux

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// An identity is the user that a child runs as. PostgreSQL refuses to be root,
// and Redis has no need to be.
type identity struct {
	name     string
	uid, gid uint32
	change   bool // we are root, and the child must become somebody else
}

func (id identity) String() string { return "user " + id.name }

// credential is nil for a child that stays who we are.
func (id identity) credential() *syscall.Credential {
	if !id.change {
		return nil
	}
	return &syscall.Credential{Uid: id.uid, Gid: id.gid, Groups: []uint32{id.gid}}
}

// own gives the file at path to id.
func (id identity) own(path string) error {
	if !id.change {
		return nil
	}
	err := os.Lchown(path, int(id.uid), int(id.gid))
	switch {
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("embedded: %w: this root has no other users, as in some containers; run as an ordinary user, or set DATABASE_URL and REDIS_URL", err)
	case err != nil:
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

// identities are the users of the two children.
type identities struct{ postgres, redis identity }

// tenants returns the users that PostgreSQL and Redis run as on a data folder.
func tenants(dataDir string) (ids identities, err error) {
	if ids.postgres, err = tenant(filepath.Join(dataDir, "postgres"), "postgres"); err != nil {
		return ids, err
	}
	ids.redis, err = tenant(filepath.Join(dataDir, "redis"), "redis", "valkey")
	return ids, err
}

// tenant returns the user for a child that lives in dir. An ordinary user's
// children are that user's. Root's are those who own the folder, so that what
// was made under an ordinary user, or before a package brought its own, stays
// theirs; and on a new folder the first of names that the machine knows.
func tenant(dir string, names ...string) (identity, error) {
	if euid := os.Geteuid(); euid != 0 {
		return identity{name: strconv.Itoa(euid), uid: uint32(euid), gid: uint32(os.Getegid())}, nil
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && owner(info) != 0:
		uid := owner(info)
		return identity{strconv.FormatUint(uint64(uid), 10), uid, info.Sys().(*syscall.Stat_t).Gid, true}, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return identity{}, fmt.Errorf("embedded: %w", err)
	}
	for _, name := range append(names, "nobody") {
		known, err := user.Lookup(name)
		if unknown := user.UnknownUserError(""); errors.As(err, &unknown) {
			continue
		}
		if err != nil {
			return identity{}, fmt.Errorf("embedded: user %s: %w", name, err)
		}
		uid, err := strconv.ParseUint(known.Uid, 10, 32)
		if err != nil {
			return identity{}, fmt.Errorf("embedded: user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(known.Gid, 10, 32)
		if err != nil {
			return identity{}, fmt.Errorf("embedded: user %s: %w", name, err)
		}
		return identity{name, uint32(uid), uint32(gid), true}, nil
	}
	return identity{}, fmt.Errorf("embedded: the program runs as root, and %s must not; there is no user %q or \"nobody\" to run it as", names[0], names[0])
}

func owner(info fs.FileInfo) uint32 { return info.Sys().(*syscall.Stat_t).Uid }

// unreachableError says that a child's user cannot get to the data folder.
type unreachableError struct {
	user identity
	dir  string
	mode fs.FileMode
}

func (e *unreachableError) Error() string {
	return fmt.Sprintf("embedded: %s cannot enter %s (mode %04o), and PostgreSQL and Redis must not run as root: set DATA_DIR to a folder elsewhere, such as %s",
		e.user, e.dir, e.mode, publicDataDir)
}

// canReach returns an unreachableError unless both users may pass through dir
// and every folder above it. Where dir is not there yet, it will be made so that
// they can. A child changes its user before its folder, so it needs all of them.
func (ids identities) canReach(dir string) error {
	dir, info, err := existing(dir)
	if err != nil {
		return err
	}
	for {
		stat, mode := info.Sys().(*syscall.Stat_t), info.Mode().Perm()
		for _, id := range []identity{ids.postgres, ids.redis} {
			enter := fs.FileMode(0o001)
			switch {
			case stat.Uid == id.uid:
				enter = 0o100
			case stat.Gid == id.gid:
				enter = 0o010
			}
			if id.change && mode&enter == 0 {
				return &unreachableError{id, dir, mode}
			}
		}
		if dir == "/" {
			return nil
		}
		dir = filepath.Dir(dir)
		if info, err = os.Stat(dir); err != nil {
			return fmt.Errorf("embedded: data folder: %w", err)
		}
	}
}
