package main

import (
	"strings"
	"testing"
)

// The demonstration's marks stand on the pages of the shop, with who signed, when
// and until when, and say that they are invented.
func TestShopShowsTheDemosMarks(t *testing.T) {
	m := openMarket(t, roles{web: true})
	v := m.visitor(t)
	for path, want := range map[string][]string{
		"/en/artisans/jaouad-benallal": {`data-mark="`, "two stars, class", "Saadia Ghomari and Zoubida", "It stands until", "The workshop was visited on", "marks of this demonstration are invented"},
		"/ar/artisans/jaouad-benallal": {"نجمتان", "سعدية", "تسري إلى غاية", "من نسج الخيال"},
		kilim:                          {"committee’s mark for the workshop: two stars", "Signed by"},
	} {
		got := v.get(path)
		for _, w := range want {
			if !strings.Contains(got.body, w) {
				t.Errorf("%s = %d, without %q", path, got.status, w)
			}
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM marks WHERE NOT invented OR ends_at <= now() OR begins_at > now()`); n != 0 {
		t.Errorf("%d of the demo's marks do not stand, or do not say that they are invented", n)
	}
	// Nobody signed their own, nor their family's, and each has two signatures.
	if n := one[int](t, m, `
		SELECT count(*) FROM mark_votes v JOIN marks k ON k.id = v.mark_id
		WHERE v.artisan_id = k.artisan_id OR EXISTS (
			SELECT FROM kin f WHERE (f.artisan_id, f.other_id) IN ((v.artisan_id, k.artisan_id), (k.artisan_id, v.artisan_id)))`); n != 0 {
		t.Errorf("%d of the demo's votes are of who has no say", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM marks k WHERE (SELECT count(*) FROM mark_votes v WHERE v.mark_id = k.id) <> 2`); n != 0 {
		t.Errorf("%d of the demo's marks have not two signatures", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM marks WHERE product_id IS NOT NULL`); n == 0 {
		t.Error("no piece of the demo has a mark")
	}
}
