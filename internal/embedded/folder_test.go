//go:build linux

package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataDir(t *testing.T) {
	open := folder(t)
	private := filepath.Join(open, "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(open, "link")
	if err := os.Symlink(private, link); err != nil {
		t.Fatal(err)
	}
	root := os.Geteuid() == 0
	for _, tt := range []struct {
		name, wanted, dir string
		moves             bool
	}{
		{"a folder that is there", open, open, false},
		{"one to be made in it", open + "/shop/var/", open + "/shop/var", false},
		{"a private one", private, private, true},
		{"one to be made in a private one", private + "/shop/var", private + "/shop/var", true},
		{"one behind a link to a private one", link + "/var", private + "/var", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, moved, err := DataDir(tt.wanted)
			want, moves := tt.dir, tt.moves && root // our own private folder we can enter
			if moves {
				want = publicDataDir
			}
			if dir != want || moved != moves || err != nil {
				t.Errorf("DataDir(%q) = %q, %v, %v; want %q, %v", tt.wanted, dir, moved, err, want, moves)
			}
		})
	}
	if dir, _, err := DataDir(""); err == nil {
		t.Errorf("DataDir of nothing = %q, want an error", dir)
	}
}

func TestStartWherePostgresCannotEnter(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has another user for PostgreSQL")
	}
	dir := folder(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), quick(filepath.Join(dir, "var")))
	if err == nil || !strings.Contains(err.Error(), "cannot enter "+dir) {
		t.Errorf("Start says %v, want that the folder cannot be entered", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "var")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start made the folder all the same: %v", err)
	}
}

// Somebody else has laid out the folder where our sockets would go.
func TestMakePrivateRefusesAnothersFolder(t *testing.T) {
	dir := filepath.Join(folder(t), "sockets")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	another := identity{name: "another", uid: uint32(os.Geteuid()) + 1}
	if err := makePrivate(dir, another); err == nil || !strings.Contains(err.Error(), "belongs to") {
		t.Errorf("makePrivate = %v, want it refused", err)
	}
	link := dir + "-link"
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(link, identity{uid: uint32(os.Geteuid())}); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("makePrivate of a link = %v, want it refused", err)
	}
}

func TestOpenLogBeginsAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	for _, size := range []int64{0, 11 << 20} {
		f, err := openLog(dir, "redis")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	f, err := openLog(dir, "redis")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]int64{"redis.log": 0, "redis.log.1": 11 << 20} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() != want {
			t.Errorf("%s has %d bytes, want %d", name, info.Size(), want)
		}
	}
}

func TestParseStat(t *testing.T) {
	for stat, want := range map[string]tenure{
		"17 (postgres) S 1 17 17 0":      {"postgres", 17, 1},
		"9 (a (very) odd name) R 17 9 9": {"a (very) odd name", 9, 17},
		"":                               {},
		"17 postgres S 1":                {},
		"17 (postgres)":                  {},
		"x (postgres) S 1":               {},
	} {
		got, err := parseStat(stat)
		understood := want != (tenure{})
		if understood != (err == nil) || understood && got != want {
			t.Errorf("parseStat(%q) = %v, %v; want %v", stat, got, err, want)
		}
	}
}
