package main

import (
	"net/http"
	"testing"

	"kissaria.ma/internal/lang"
)

// A committee member decides ten pieces on a phone, with a thumb.
func TestBrowserCommitteeDecidesTenPieces(t *testing.T) {
	t.Parallel()    // It mostly waits.
	const most = 25 // taps
	m := openMarket(t, roles{web: true, work: true})
	m.paint(t, "kilim-blue-steps")
	slugs := m.sendCopies(t, m.comeIn(t, "jaouad-benallal"), "kilim-blue-steps", 10)
	k := &maker{tab: openBrowser(t).open(t, m), l: lang.Or("en")}
	k.be(m.comeIn(t, "zoubida-ajaraai"))
	m.speaks(t, "zoubida-ajaraai", "en")
	k.open("/admin/queue")
	k.follow(k.touch("link", "Blue Steps").click)
	for i := range slugs {
		k.fits(t, k.path(), 390)
		k.hits(t, k.path())
		switch i {
		case 3: // A phrase says what is to be changed.
			k.touch("checkbox", "Show the whole piece in one photo").click()
			k.tap("button", "admin.ask_changes")
		case 7:
			k.touch("checkbox", "The price is far from the usual: please explain or change it").click()
			k.tap("button", "admin.refuse")
		default:
			k.tap("button", "admin.approve")
		}
	}
	if got := k.path(); got != "/admin/queue" {
		t.Errorf("after the last piece it is at %s", got)
	}
	for verdict, want := range map[string]int{"approved": 8, "changes_requested": 1, "rejected": 1} {
		if n := one[int](t, m, `SELECT count(*) FROM decisions WHERE verdict = $1`, verdict); n != want {
			t.Errorf("%d are %s, want %d", n, verdict, want)
		}
	}
	if n := m.visitor(t).get("/en/products/" + slugs[0]); n.status != http.StatusOK {
		t.Errorf("the first piece = %d in the shop", n.status)
	}
	t.Logf("ten pieces take %d taps", k.taps)
	if k.taps > most {
		t.Errorf("ten pieces take %d taps, want %d at most", k.taps, most)
	}
}
