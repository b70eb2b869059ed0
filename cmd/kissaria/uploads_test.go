package main

import (
	"bytes"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"testing"
)

// begin begins an upload of so many bytes, and returns its address.
func (v *visitor) begin(size int) answer {
	v.t.Helper()
	return v.send(http.MethodPost, "/studio/uploads/", nil, func(r *http.Request) {
		r.Header.Set("Tus-Resumable", "1.0.0")
		r.Header.Set("Upload-Length", strconv.Itoa(size))
	})
}

// patch sends bytes of an upload that begin at start.
func (v *visitor) patch(address string, start int, b []byte) answer {
	v.t.Helper()
	return v.send(http.MethodPatch, address, bytes.NewReader(b), func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Tus-Resumable", "1.0.0")
		r.Header.Set("Upload-Offset", strconv.Itoa(start))
		r.Header.Set("Content-Type", "application/offset+octet-stream")
	})
}

// arrived returns how many bytes of an upload have arrived.
func (v *visitor) arrived(address string) string {
	v.t.Helper()
	return v.send(http.MethodHead, address, nil, func(r *http.Request) { r.Header.Set("Tus-Resumable", "1.0.0") }).header.Get("Upload-Offset")
}

// A photo arrives in pieces, goes on where it stopped, and is nobody else's.
func TestPhotoArrivesInPieces(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, other := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "rahma-el-khoumsi")
	draft := artisan.post("/studio/drafts", nil).location
	photo := photo(t, 900, 900)

	begun := artisan.begin(len(photo))
	if begun.status != http.StatusCreated {
		t.Fatalf("beginning = %d\n%s", begun.status, begun.body)
	}
	address := begun.location
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	address = u.Path
	half := len(photo) / 2
	if got := artisan.patch(address, 0, photo[:half]); got.status != http.StatusNoContent {
		t.Fatalf("the first half = %d\n%s", got.status, got.body)
	}
	if got := artisan.arrived(address); got != strconv.Itoa(half) {
		t.Errorf("%s bytes have arrived, want %d", got, half)
	}
	if got := other.arrived(address); got != "" {
		t.Errorf("another artisan sees that %s bytes have arrived", got)
	}
	if got := other.patch(address, half, photo[half:]); got.status != http.StatusNotFound {
		t.Errorf("another artisan goes on with it: %d, want 404", got.status)
	}
	if got := m.visitor(t).patch(address, half, photo[half:]); got.status == http.StatusNoContent {
		t.Error("a stranger goes on with it")
	}
	if got := artisan.patch(address, 0, photo[:half]); got.status != http.StatusConflict {
		t.Errorf("the first half once more = %d, want 409", got.status)
	}
	hand := func(v *visitor) answer {
		return v.sendPhotos(draft, map[string]string{"upload": path.Base(address)})
	}
	if got := hand(artisan); got.status != http.StatusConflict {
		t.Errorf("handing over half a photo = %d, want 409", got.status)
	}
	if got := artisan.patch(address, half, photo[half:]); got.status != http.StatusNoContent {
		t.Fatalf("the second half = %d\n%s", got.status, got.body)
	}
	for range 2 { // The answer may have been lost.
		if got := hand(artisan); got.status != http.StatusSeeOther {
			t.Fatalf("handing it over = %d\n%s", got.status, tail(got.body, 500))
		}
	}
	if n := one[int](t, m, `SELECT jsonb_array_length(body -> 'photos') FROM drafts`); n != 1 {
		t.Errorf("the draft has %d photos, want 1", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM upload_pieces`); n != 0 {
		t.Errorf("%d pieces are left of a photo that is there", n)
	}
	// What came in pieces and what comes with the form are one.
	artisan.sendPhotos(draft, nil, photo)
	if n := one[int](t, m, `SELECT count(*) FROM pictures WHERE owner = 'jaouad-benallal' AND created_at > now() - interval '1 minute' AND bytes = $1`, len(photo)); n != 1 {
		t.Errorf("the photo is stored %d times, want once", n)
	}

	if got := hand(other); got.status == http.StatusSeeOther {
		t.Error("another artisan takes it into the draft")
	}
	if got := artisan.sendPhotos(draft, map[string]string{"upload": strings.Repeat("a", 26)}); got.status != http.StatusNotFound {
		t.Errorf("an upload that never was = %d, want 404", got.status)
	}
	for _, size := range []int{0, -1, 26 << 20} {
		if got := artisan.begin(size); got.status < 400 || got.status >= 500 {
			t.Errorf("beginning %d bytes = %d, want a refusal", size, got.status)
		}
	}
	broken := artisan.begin(9)
	u, err = url.Parse(broken.location)
	if err != nil {
		t.Fatal(err)
	}
	artisan.patch(u.Path, 0, []byte("GIF89a no"))
	if got := artisan.sendPhotos(draft, map[string]string{"upload": path.Base(u.Path)}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("what is no photo = %d, want 422", got.status)
	}
	for range 20 {
		artisan.begin(1000)
	}
	if n := one[int](t, m, `SELECT count(*) FROM uploads WHERE owner = 'jaouad-benallal' AND picture_id IS NULL`); n > 16 {
		t.Errorf("%d uploads of one artisan are on their way, want 16 at most", n)
	}
}

// Photos are turned, moved and taken out; the piece that shows one goes on
// showing it as it was.
func TestPhotosAreTurnedAndMoved(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan := m.comeIn(t, "jaouad-benallal")
	draft := artisan.post("/studio/drafts", nil).location
	artisan.sendPhotos(draft, nil, photo(t, 600, 800), photo(t, 700, 700), photo(t, 800, 600))
	photos := func() string {
		t.Helper()
		return one[string](t, m, `
			SELECT string_agg(p.width || '×' || p.height, ' ' ORDER BY ordinality)
			FROM drafts d, jsonb_array_elements_text(d.body -> 'photos') WITH ORDINALITY AS f (id, ordinality) JOIN pictures p ON p.id = f.id::bigint`)
	}
	change := func(what, want string) {
		t.Helper()
		if got := artisan.sendPhotos(draft, map[string]string{"change": what}); got.status != http.StatusSeeOther {
			t.Fatalf("%s = %d\n%s", what, got.status, tail(got.body, 400))
		}
		if got := photos(); got != want {
			t.Errorf("after %q the photos are %s, want %s", what, got, want)
		}
	}
	change("move 3 1", "800×600 600×800 700×700")
	change("move 1 2", "600×800 800×600 700×700")
	change("earlier 3", "600×800 700×700 800×600")
	change("turn 1", "800×600 700×700 800×600")
	change("turn 1", "600×800 700×700 800×600")
	change("turn 1", "800×600 700×700 800×600")
	change("turn 1", "600×800 700×700 800×600")
	if n := one[int](t, m, `SELECT count(*) FROM pictures p JOIN drafts d ON d.body -> 'photos' @> to_jsonb(p.id) WHERE p.edits = '{}'`); n != 3 {
		t.Errorf("turned four times a photo is not as it came: %d of 3 are", n)
	}
	// Taken out, a photo that nothing else shows is gone for good.
	square := one[int64](t, m, `SELECT (body -> 'photos' ->> 1)::bigint FROM drafts`)
	change("remove 2", "600×800 800×600")
	if n := one[int](t, m, `SELECT count(*) FROM pictures WHERE id = $1`, square); n != 0 {
		t.Error("the photo that was taken out is still stored")
	}
	// One that a piece shows stays.
	shown := one[int64](t, m, `
		SELECT rp.picture_id FROM revision_pictures rp JOIN products p ON p.live_id = rp.revision_id JOIN artisans a ON a.id = p.artisan_id
		WHERE a.slug = 'jaouad-benallal' ORDER BY rp.picture_id LIMIT 1`)
	if _, err := m.pool.Exec(t.Context(), `UPDATE drafts SET body = jsonb_set(body, '{photos}', body -> 'photos' || to_jsonb($1::bigint))`, shown); err != nil {
		t.Fatal(err)
	}
	if got := artisan.sendPhotos(draft, map[string]string{"change": "remove 3"}); got.status != http.StatusSeeOther {
		t.Fatalf("taking out what a piece shows = %d", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM pictures WHERE id = $1`, shown); n != 1 {
		t.Error("taking it out of a draft took it from the piece that shows it")
	}
	for _, nonsense := range []string{"remove 9", "move 1 99", "move", "turn 0", "turn -1", "earlier 1", "burn 1"} {
		change(nonsense, "600×800 800×600")
	}
	// What is turned comes out of the pipeline turned.
	change("turn 1", "800×600 800×600")
	eventually(t, "the turned photo is ready", func() bool {
		return one[bool](t, m, `SELECT state = 'ready' AND widths @> '{800}' FROM pictures WHERE id = (SELECT (body -> 'photos' ->> 0)::bigint FROM drafts)`)
	})
}
