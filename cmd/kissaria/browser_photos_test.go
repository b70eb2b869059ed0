package main

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/network"
)

// pick picks files in the page's file field, as from the phone's gallery.
func (v *tab) pick(files ...string) {
	v.t.Helper()
	field := v.object(`document.querySelector("input[type=file]")`)
	command(v, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: files, ObjectID: field.ObjectID})
}

// slow lets so many bytes up each second.
func (v *tab) slow(upload float64) {
	v.t.Helper()
	command(v, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{Latency: 100, UploadThroughput: upload, DownloadThroughput: -1},
	}})
}

// A wire leads to a market, and can be cut.
type wire struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// wired puts a wire between a market and its visitors.
func wired(t *testing.T, m *market) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w, to := &wire{}, strings.TrimPrefix(m.url, "http://")
	m.url = "http://" + listener.Addr().String()
	var relays sync.WaitGroup
	relays.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // The test is over.
			}
			far, err := net.Dial("tcp", to)
			if err != nil || !w.add(near, far) {
				w.hangUp(near)
				continue
			}
			for _, ends := range [][2]net.Conn{{near, far}, {far, near}} {
				relays.Go(func() {
					// Either end may go first, with any error: then both are gone.
					if _, err := io.Copy(ends[0], ends[1]); err != nil && !errors.Is(err, net.ErrClosed) {
						t.Logf("the wire: %v", err)
					}
					w.hangUp(ends[0])
					w.hangUp(ends[1])
				})
			}
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		w.set(true)
		relays.Wait()
	})
	return w
}

func (w *wire) add(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cut {
		w.conns = append(w.conns, conns...)
	}
	return !w.cut
}

func (w *wire) hangUp(c net.Conn) {
	if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		panic(err)
	}
}

// set cuts the wire, with all that is on it, or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for _, c := range w.conns {
			w.hangUp(c)
		}
		w.conns = nil
	}
}

// Photos go up small, by themselves, and go on after the connection was cut in
// the middle; one that is no photo is named, and the others stay.
func TestBrowserPhotosOutliveTheConnection(t *testing.T) {
	t.Parallel() // It mostly waits.
	m := openMarket(t, roles{web: true, work: true})
	who := m.comeIn(t, "jaouad-benallal")
	path := who.post("/studio/drafts", nil).location
	w := wired(t, m)
	v := openBrowser(t).open(t, m)
	v.be(who)
	v.open(path)

	dir := t.TempDir()
	var files []string
	for name, content := range map[string][]byte{"1.jpg": photo(t, 2400, 3000), "2.jpg": photo(t, 3000, 2400), "3.jpg": []byte("GIF89a not really")} {
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[len(files)-1], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int {
		return one[int](t, m, `SELECT count(*) FROM pictures WHERE owner = 'jaouad-benallal' AND greatest(width, height) = 2048`)
	}

	arrived := func() int {
		return one[int](t, m, `SELECT coalesce(max(received), 0) FROM uploads WHERE received < size`)
	}
	v.slow(20_000)
	v.pick(filepath.Join(dir, "1.jpg"), filepath.Join(dir, "2.jpg"), filepath.Join(dir, "3.jpg"))
	v.until("part of the first photo has arrived", func() bool { return arrived() > 65_000 })
	w.set(true)
	v.shows("No connection.")
	if n := count(); n != 0 {
		t.Fatalf("%d photos arrived before the connection was cut", n)
	}
	stopped := arrived()
	v.slow(-1)
	w.set(false)
	v.shows("Photo 3:")
	v.noise.forgive(path, "/studio/uploads/")
	if n := count(); n != 2 {
		t.Errorf("%d photos of 2048 pixels arrived, want 2", n)
	}
	if n := one[int](t, m, `SELECT jsonb_array_length(body -> 'photos') FROM drafts`); n != 2 {
		t.Errorf("the draft has %d photos, want 2", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM uploads`); stopped == 0 || n != 2 {
		t.Errorf("%d uploads were begun for 2 photos: after %d bytes one began anew", n, stopped)
	}
	if n := strings.Count(v.words(), "Photo "); n < 2 {
		t.Errorf("the page shows %d photos:\n%s", n, v.words())
	}
	v.until("both photos are shown", func() bool { return evaluate[int](v, `document.querySelectorAll("#photos img").length`) == 2 })
	if v.has("button", "Send the photos") {
		t.Error("there is a button for what is done by itself")
	}

	// The browser is closed in the middle: the phone still has the photo, and
	// goes on when the artisan comes back.
	if err := os.WriteFile(filepath.Join(dir, "4.jpg"), photo(t, 2600, 3000), 0o600); err != nil {
		t.Fatal(err)
	}
	v.slow(20_000)
	v.pick(filepath.Join(dir, "4.jpg"))
	v.until("part of another photo has arrived", func() bool { return arrived() > 65_000 })
	v.open("/en/")
	v.slow(-1)
	v.open(path)
	v.until("the photo that was left is shown", func() bool { return evaluate[int](v, `document.querySelectorAll("#photos li").length`) == 3 })
	if n := one[int](t, m, `SELECT count(*) FROM uploads`); n != 3 {
		t.Errorf("%d uploads were begun for 3 photos", n)
	}
	v.noise.forgive(path, "/studio/uploads/")
}
