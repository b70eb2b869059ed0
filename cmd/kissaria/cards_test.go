package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A card speaks four languages, and its code leads whoever reads it to the page
// in their own.
func TestCardsForTheStall(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.comeIn(t, "jaouad-benallal")
	if got := v.post("/studio/variants/KIS-0011", url.Values{"price": {"2200"}, "on_hand": {"0"}}); got.status != http.StatusSeeOther {
		t.Fatalf("saying that no kilim is left = %d", got.status)
	}
	left := m.slugs(t, `SELECT p.slug FROM products p JOIN artisans a ON a.id = p.artisan_id
		WHERE a.slug = 'jaouad-benallal' AND p.state = 'on_sale' AND p.slug <> 'kilim-blue-steps'`)
	all := v.get("/studio/cards")
	if got, want := strings.Count(all.body, `<svg class="qr"`), len(left)+1; all.status != http.StatusOK || got != want {
		t.Errorf("the cards = %d with %d codes, want %d: each piece that is left, and the workshop", all.status, got, want)
	}
	if strings.Contains(all.body, "style=") {
		t.Error("the sheet has a style of its own, which the policy forbids")
	}
	chosen := v.get("/studio/cards?piece=" + left[0] + "&piece=somebody-elses")
	if got := strings.Count(chosen.body, `<svg class="qr"`); got != 1 {
		t.Errorf("one piece has %d cards", got)
	}
	for _, code := range []string{"en", "fr", "es", "ar"} {
		name := one[string](t, m, `SELECT r.title ->> $2 FROM products p JOIN revisions r ON r.id = p.live_id WHERE p.slug = $1`, left[0], code)
		if !strings.Contains(chosen.body, `<p lang="`+code) || !strings.Contains(chosen.body, name) {
			t.Errorf("the card does not say %q", name)
		}
	}
	for _, words := range []string{"Jaouad Benallal", "جواد بنعلال", "MAD", "درهم"} {
		if !strings.Contains(chosen.body, words) {
			t.Errorf("the card does not say %q", words)
		}
	}

	for accept, want := range map[string]string{"es-ES,es;q=0.9": "/es", "ar": "/ar", "ja": "/en"} {
		for _, path := range []string{"/products/" + left[0], "/artisans/jaouad-benallal"} {
			got := m.visitor(t).send(http.MethodGet, path, nil, func(r *http.Request) { r.Header.Set("Accept-Language", accept) })
			if got.status != http.StatusFound || got.location != want+path {
				t.Errorf("%s for someone who reads %s leads to %q, want %q", path, accept, got.location, want+path)
			}
		}
	}
	if got := m.visitor(t).get("/studio/cards"); got.status != http.StatusSeeOther {
		t.Errorf("a stranger at the cards = %d, want the sign-in", got.status)
	}
}
