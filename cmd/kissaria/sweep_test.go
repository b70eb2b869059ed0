package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"kissaria.ma/internal/media"
)

// Whatever shows a picture is asked before one is swept.
func TestGuardEveryUseOfAPictureIsKnown(t *testing.T) {
	m := openMarket(t, roles{})
	rows, err := m.pool.Query(t.Context(), `
		SELECT c.conrelid::regclass::text, a.attname
		FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype = 'f' AND c.confrelid = 'pictures'::regclass
		  AND c.conrelid <> 'picture_alikes'::regclass -- which tells pictures from one another, and shows none`)
	if err != nil {
		t.Fatal(err)
	}
	var table, column string
	n := 0
	for all := strings.Join(inUse, " "); rows.Next(); n++ {
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(all, fmt.Sprintf("SELECT %s FROM %s", column, table)) {
			t.Errorf("no query of PicturesInUse knows %s.%s", table, column)
		}
	}
	if err := rows.Err(); err != nil || n < 5 {
		t.Fatalf("%d uses: %v", n, err)
	}
}

// The same holds for voice notes.
func TestGuardEveryUseOfAVoiceIsKnown(t *testing.T) {
	m := openMarket(t, roles{})
	rows, err := m.pool.Query(t.Context(), `
		SELECT c.conrelid::regclass::text, a.attname
		FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype = 'f' AND c.confrelid = 'voices'::regclass`)
	if err != nil {
		t.Fatal(err)
	}
	var table, column string
	n := 0
	for all := strings.Join(voicesInUse, " "); rows.Next(); n++ {
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(all, fmt.Sprintf("SELECT %s FROM %s", column, table)) {
			t.Errorf("no query of VoicesInUse knows %s.%s", table, column)
		}
	}
	if err := rows.Err(); err != nil || n < 2 {
		t.Fatalf("%d uses: %v", n, err)
	}
}

func TestUnusedPicturesAreSwept(t *testing.T) {
	m := openMarket(t, roles{web: true, work: true})
	v := m.comeIn(t, "jaouad-benallal")
	base := strings.TrimSuffix(v.post("/studio/drafts", nil).location, "photos")
	if got := v.sendPhotos(base+"photos", nil, photo(t, 600, 800), photo(t, 620, 800)); got.status != 303 {
		t.Fatalf("two photos = %d", got.status)
	}
	all := one[int](t, m, `SELECT count(*) FROM pictures`)
	first, second := one[int64](t, m, `SELECT max(id) - 1 FROM pictures`), one[int64](t, m, `SELECT max(id) FROM pictures`)
	for _, id := range []int64{first, second} {
		if err := m.library.Render(t.Context(), media.PictureID(id)); err != nil {
			t.Fatal(err)
		}
	}
	hash := one[string](t, m, `SELECT encode(hash, 'hex') FROM pictures ORDER BY id DESC LIMIT 1`)
	key := one[string](t, m, `SELECT key FROM pictures ORDER BY id DESC LIMIT 1`)
	original, rendition := "originals/"+hash[:2]+"/"+hash, "renditions/"+key[:2]+"/"+key+"/320.webp"
	if _, err := m.pool.Exec(t.Context(), `UPDATE drafts SET body = jsonb_set(body, '{photos}', (body -> 'photos') - 1)`); err != nil {
		t.Fatal(err)
	}

	sweep := func(at time.Time) int {
		t.Helper()
		n, err := m.library.Sweep(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := sweep(time.Now().Add(6 * 24 * time.Hour)); n != 0 {
		t.Errorf("%d were swept within a week", n)
	}
	if n := sweep(time.Now().Add(8 * 24 * time.Hour)); n != 1 {
		t.Errorf("%d were swept after a week, want the one that nothing shows", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM pictures`); n != all-1 {
		t.Errorf("%d pictures are left of %d", n, all)
	}
	eventually(t, "the files are gone", func() bool {
		return gone(t, m.library.Store, original) && gone(t, m.library.Store, rendition)
	})
	if got := v.get("/media/" + key + "/320.webp"); got.status != 404 {
		t.Errorf("the swept picture's address = %d", got.status)
	}
	// Sent once more, it is there again.
	if got := v.sendPhotos(base+"photos", nil, photo(t, 620, 800)); got.status != 303 || gone(t, m.library.Store, original) {
		t.Errorf("sending it again = %d, and the original is not kept", got.status)
	}
}

func gone(t *testing.T, s media.Store, name string) bool {
	t.Helper()
	f, err := s.Open(context.Background(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return false
}
