package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/ledger"
)

// refersToArtisans says of every column that names an artisan what merging does
// with it. A new one must be thought of here, and in membership.Merge.
var refersToArtisans = map[string]string{
	"applications.artisan_id": "stays: which entry an application became is history", "artisans.merged_into": "is what merging sets",
	"cards.artisan_id": "moves with the pieces", "committee_members.artisan_id": "moves", "completions.artisan_id": "moves", "drafts.artisan_id": "moves",
	"fulfilments.artisan_id": "moves", "helping_offers.artisan_id": "stays: a code that nobody used", "helpings.artisan_id": "moves",
	"invitations.artisan_id": "ends", "member_files.artisan_id": "moves", "kin.artisan_id": "stays: the entry that is left is declared anew", "kin.other_id": "stays, likewise",
	"mark_votes.artisan_id": "stays: who voted then", "marks.artisan_id": "moves with a piece; a workshop's own must be gone before", "notices.artisan_id": "moves",
	"products.artisan_id": "moves", "suspensions.artisan_id": "stays: history", "work_pictures.artisan_id": "moves", "workshop_visits.artisan_id": "stays: where they were then",
}

func TestGuardMergingThinksOfEveryTable(t *testing.T) {
	m := openMarket(t, roles{web: true})
	found := one[[]string](t, m, `
		SELECT array_agg(c.relname || '.' || a.attname ORDER BY 1)
		FROM pg_constraint k
		JOIN pg_class c ON c.oid = k.conrelid
		JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
		WHERE k.contype = 'f' AND k.confrelid = 'artisans'::regclass`)
	for _, column := range found {
		if refersToArtisans[column] == "" {
			t.Errorf("%s names an artisan: say in membership.Merge and here what becomes of it when two entries are one", column)
		}
	}
	for column := range refersToArtisans {
		if !slices.Contains(found, column) {
			t.Errorf("%s is not there", column)
		}
	}
}

// Two entries of one person become one: everything is there once, down to the
// centime, and the old address leads on.
func TestTwoEntriesBecomeOne(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	const from, into = "jaouad-benallal", "zoubida-ajaraai"
	if _, err := m.pool.Exec(t.Context(), `UPDATE marks SET begins_at = begins_at - interval '1000 days', ends_at = ends_at - interval '1000 days' WHERE product_id IS NULL AND artisan_id = (SELECT id FROM artisans WHERE slug = $1)`, from); err != nil {
		t.Fatal(err)
	}
	p := m.buy(t, "en", "KIS-0011")
	former := m.comeIn(t, from)
	m.comeIn(t, into)
	counts := func(slugs ...string) []int {
		var list []int
		for _, sql := range []string{`SELECT count(*) FROM products p JOIN artisans a ON a.id = p.artisan_id WHERE a.slug = ANY ($1)`,
			`SELECT count(*) FROM fulfilments p JOIN artisans a ON a.id = p.artisan_id WHERE a.slug = ANY ($1)`,
			`SELECT count(*) FROM cards p JOIN artisans a ON a.id = p.artisan_id WHERE a.slug = ANY ($1)`,
			`SELECT count(*) FROM reviews r JOIN products p ON p.id = r.product_id JOIN artisans a ON a.id = p.artisan_id WHERE a.slug = ANY ($1)`,
			`SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings WHERE account = ANY (SELECT 'artisan:' || s FROM unnest($1::text[]) AS s)`} {
			list = append(list, one[int](t, m, sql, slugs))
		}
		return list
	}
	before := counts(from, into)
	page := staff.get("/admin/artisans/" + from + "/merge?other=" + into)
	if page.status != http.StatusOK || !strings.Contains(page.body, "Both can sign in") && !strings.Contains(page.body, "Les deux peuvent entrer") {
		t.Fatalf("side by side = %d", page.status)
	}
	if got := staff.get("/admin/artisans/" + from + "/merge?q=zoubida"); !strings.Contains(got.body, "other="+into) {
		t.Error("the other entry is not found")
	}
	path := "/admin/artisans/" + from + "/merge"
	for name, form := range map[string]url.Values{"itself": {"into": {from}}, "no one": {"into": {"nobody-at-all"}}, "a sentence": {"into": {"a b"}}} {
		if got := staff.post(path, form); got.status < 400 || got.status >= 500 {
			t.Errorf("merging into %s = %d", name, got.status)
		}
	}
	if got := staff.post(path, url.Values{"into": {into}}); got.status != http.StatusSeeOther {
		t.Fatalf("merging = %d\n%s", got.status, wrongs(got.body))
	}
	if after := counts(into); !slices.Equal(after, before) {
		t.Errorf("together they had %v, and now there is %v", before, after)
	}
	if rest := counts(from); slices.ContainsFunc(rest, func(n int) bool { return n != 0 }) {
		t.Errorf("the entry that is gone still has %v", rest)
	}
	if got := staff.post(path, url.Values{"into": {into}}); got.status != http.StatusConflict {
		t.Errorf("merging twice = %d, want 409", got.status)
	}
	if got := m.visitor(t).get("/en/artisans/" + from); got.status != http.StatusMovedPermanently || got.location != "/en/artisans/"+into {
		t.Errorf("the old address = %d to %q", got.status, got.location)
	}
	if got := former.get("/studio/pieces"); got.status == http.StatusOK {
		t.Error("who signed in as the entry that is gone is still in")
	}
	if got := m.visitor(t).get("/en/products/kilim-blue-steps"); got.status != http.StatusOK || !strings.Contains(got.body, "/artisans/"+into) {
		t.Errorf("a piece of the first = %d", got.status)
	}
	if sum, unbalanced, err := ledger.Check(t.Context(), m.pool); err != nil || sum != 0 || len(unbalanced) > 0 {
		t.Errorf("the ledger is off by %d, %v, %v", sum, unbalanced, err)
	}
	if wrong, slugs, err := catalog.CheckCards(t.Context(), m.pool); err != nil || wrong > 0 {
		t.Errorf("%d cards are wrong: %v, %v", wrong, slugs, err)
	}
	if got := staff.get("/admin/orders/" + p.number); got.status != http.StatusOK {
		t.Errorf("the order = %d", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'artisan.merged' AND before IS NOT NULL`); n != 1 {
		t.Errorf("the audit has %d of it", n)
	}
}

func TestEntriesOfOneOrderAreNotMerged(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011", "KIS-0024-RED")
	got := m.staff(t).post("/admin/artisans/jaouad-benallal/merge", url.Values{"into": {"saadia-ghomari"}})
	if got.status != http.StatusConflict || !strings.Contains(got.body, p.number) {
		t.Errorf("merging two makers of one order = %d, want 409 with its number", got.status)
	}
}

func TestMemberLeavesAndComesBack(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	p := m.buy(t, "en", "KIS-0011")
	path := "/admin/artisans/jaouad-benallal"
	if got := staff.post(path+"/departure", url.Values{"why": {"moved to Tetouan"}}); got.status != http.StatusConflict || !strings.Contains(got.body, "moved to Tetouan") {
		t.Errorf("leaving with an order to prepare = %d, want 409 with what was typed", got.status)
	}
	m.handIn(t, staff, p.number, "jaouad-benallal")
	if got := staff.post(path+"/departure", nil); got.status != http.StatusUnprocessableEntity {
		t.Errorf("leaving without a why = %d, want 422", got.status)
	}
	maker := m.comeIn(t, "jaouad-benallal")
	if got := staff.post(path+"/departure", url.Values{"why": {"moved to Tetouan"}}); got.status != http.StatusSeeOther {
		t.Fatalf("leaving = %d\n%s", got.status, wrongs(got.body))
	}
	if got := maker.get("/studio/pieces"); got.status == http.StatusOK {
		t.Error("who has left is still in the studio")
	}
	eventually(t, "the pieces have left the market", func() bool {
		return !strings.Contains(m.visitor(t).get("/en/artisans").body, "/artisans/jaouad-benallal\"")
	})
	if got := staff.post(path+"/departure", url.Values{"why": {"again"}}); got.status != http.StatusConflict {
		t.Errorf("leaving twice = %d, want 409", got.status)
	}
	for range 2 {
		if got := staff.post(path+"/return", nil); got.status != http.StatusSeeOther {
			t.Errorf("coming back = %d", got.status)
		}
	}
	if s := one[string](t, m, `SELECT state FROM artisans WHERE slug = 'jaouad-benallal'`); s != "active" {
		t.Errorf("back, the member is %s", s)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action IN ('artisan.left', 'artisan.came_back')`); n != 2 {
		t.Errorf("%d of 2 acts are in the audit", n)
	}
}
