package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// stores are the kinds of Store, each empty.
var stores = map[string]func(t *testing.T) Store{
	"folder": func(t *testing.T) Store { return newFolder(t) },
	"s3": func(t *testing.T) Store {
		backend := s3mem.New()
		if err := backend.CreateBucket("pictures"); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(gofakes3.New(backend).Server())
		t.Cleanup(server.Close)
		s, err := NewS3("s3://pictures/market?endpoint="+server.URL+"&region=eu-west-3", "key", "secret")
		if err != nil {
			t.Fatal(err)
		}
		return s
	},
}

func newFolder(t testing.TB) *Folder {
	t.Helper()
	f, err := NewFolder(filepath.Join(t.TempDir(), "media"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestStore(t *testing.T) {
	for kind, open := range stores {
		t.Run(kind, func(t *testing.T) {
			ctx, s := t.Context(), open(t)
			const name = "renditions/ab/abc/320.webp"

			if _, err := s.Open(ctx, name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Open of nothing: %v, want fs.ErrNotExist", err)
			}
			if err := s.Delete(ctx, name); err != nil {
				t.Errorf("Delete of nothing: %v, want no error", err)
			}
			for _, content := range []string{"first", "second, and longer"} {
				if err := s.Put(ctx, name, strings.NewReader(content), int64(len(content))); err != nil {
					t.Fatal(err)
				}
				if got := read(t, s, name); string(got) != content {
					t.Errorf("after Put of %q there is %q", content, got)
				}
			}
			f, err := s.Open(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			if f.Size != 18 || time.Since(f.ModTime).Abs() > time.Hour {
				t.Errorf("size %d, want 18; modified %v, want just now", f.Size, f.ModTime)
			}
			if _, err := f.Seek(8, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(f); err != nil || string(rest) != "and longer" {
				t.Errorf("from byte 8: %q, %v", rest, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			if err := s.Delete(ctx, name); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Open(ctx, name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Open after Delete: %v, want fs.ErrNotExist", err)
			}
		})
	}
}

func TestStoreKeepsNothingOfABrokenPut(t *testing.T) {
	for kind, open := range stores {
		t.Run(kind, func(t *testing.T) {
			ctx, s := t.Context(), open(t)
			const name = "originals/aa/aabb"
			broken := io.MultiReader(strings.NewReader("half"), errReader{})
			if err := s.Put(ctx, name, broken, 8); err == nil {
				t.Error("Put of half a file: no error")
			}
			if err := s.Put(ctx, name, strings.NewReader("half"), 8); err == nil {
				t.Error("Put of fewer bytes than said: no error")
			}
			if _, err := s.Open(ctx, name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Open: %v, want fs.ErrNotExist", err)
			}
		})
	}
}

func TestStoreRefusesNamesOfOthers(t *testing.T) {
	for kind, open := range stores {
		t.Run(kind, func(t *testing.T) {
			ctx, s := t.Context(), open(t)
			for _, name := range []string{"", ".", "..", "/etc/passwd", "../a", "a/../../b", "a//b", "a/", "a\x00b", "A", `a\b`, ".part"} {
				if err := s.Put(ctx, name, strings.NewReader("x"), 1); err == nil {
					t.Errorf("Put(%q): no error", name)
				}
				if _, err := s.Open(ctx, name); err == nil || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("Open(%q): %v, want a refusal", name, err)
				}
				if err := s.Delete(ctx, name); err == nil {
					t.Errorf("Delete(%q): no error", name)
				}
			}
		})
	}
}

func TestFolderLeavesNoParts(t *testing.T) {
	f := newFolder(t)
	if err := f.Put(t.Context(), "a/b", io.MultiReader(strings.NewReader("half"), errReader{}), 8); err == nil {
		t.Fatal("no error")
	}
	if err := f.Put(t.Context(), "a/c", strings.NewReader("whole"), 5); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(f.dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "c" {
		t.Errorf("the folder holds %v, want c alone", entries)
	}
	info, err := os.Stat(filepath.Join(f.dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		t.Errorf("the folder's mode is %o, want nothing for others", mode)
	}
}

func TestNewS3RefusesIncompleteAddresses(t *testing.T) {
	for _, address := range []string{"", "bucket", "https://bucket?endpoint=https://h", "s3://", "s3://bucket", "s3://user:pass@bucket?endpoint=https://h"} {
		if _, err := NewS3(address, "key", "secret"); err == nil {
			t.Errorf("NewS3(%q): no error", address)
		} else if strings.Contains(err.Error(), "pass@") {
			t.Errorf("NewS3(%q) repeats the password: %v", address, err)
		}
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the line broke") }

func read(t testing.TB, s Store, name string) []byte {
	t.Helper()
	f, err := s.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
