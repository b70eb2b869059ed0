package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// An artisan says where the workshop is: by its quarter, a tap on the sketch, a
// step, or the phone. The public page follows.
func TestWorkshopIsPutOnTheMap(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v, guest := m.comeIn(t, "jaouad-benallal"), m.visitor(t)
	const path, public = "/studio/workshop/place", "/en/artisans/jaouad-benallal"
	pin := regexp.MustCompile(`map-sketch__pin" transform="translate\((\d+) (\d+)\)`)
	at := func() string {
		if found := pin.FindStringSubmatch(guest.get(public).body); found != nil {
			return found[1] + " " + found[2]
		}
		return ""
	}
	keeps := func(form url.Values) {
		t.Helper()
		if got := v.post(path, form); got.location != path+"?kept=1" {
			t.Fatalf("%v = %d\n%s", form, got.status, tail(got.body, 600))
		}
	}
	page := v.get(path)
	if !strings.Contains(page.header.Get("Permissions-Policy"), "geolocation=(self)") || !strings.Contains(page.body, `type="image" name="spot"`) {
		t.Errorf("the page = %d cannot be tapped, or may not ask the phone", page.status)
	}
	if got := v.get("/studio/workshop/closed"); !strings.Contains(got.header.Get("Permissions-Policy"), "geolocation=()") {
		t.Error("another page may ask where the phone is")
	}

	// What is tapped is where the pin stands: twice as large on the public page.
	keeps(url.Values{"spot.x": {"130"}, "spot.y": {"90"}})
	near := regexp.MustCompile(`^(259|260|261) (179|180|181)$`)
	for range 100 {
		if near.MatchString(at()) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := at(); !near.MatchString(got) {
		t.Fatalf("tapped in the middle, the pin is at %q, want about 260 180", got)
	}
	if got := v.get(path); !strings.Contains(got.body, `name="move" value="north"`) {
		t.Error("there are no arrows to move it by")
	}
	before := one[float64](t, m, `SELECT latitude FROM artisans WHERE slug = 'jaouad-benallal'`)
	keeps(url.Values{"move": {"north"}})
	if d := (one[float64](t, m, `SELECT latitude FROM artisans WHERE slug = 'jaouad-benallal'`) - before) * 111_320; d < 14 || d > 16 {
		t.Errorf("a step is %.1f m, want 15", d)
	}
	was := at()
	latitude := one[string](t, m, `SELECT q.latitude::text FROM artisans a JOIN quarters q ON q.id = a.quarter_id WHERE a.slug = 'jaouad-benallal'`)
	longitude := one[string](t, m, `SELECT q.longitude::text FROM artisans a JOIN quarters q ON q.id = a.quarter_id WHERE a.slug = 'jaouad-benallal'`)
	keeps(url.Values{"latitude": {latitude}, "longitude": {longitude}})
	eventually(t, "the pin is where the phone is", func() bool { return at() != was && at() != "" })

	for name, form := range map[string]url.Values{
		"another country": {"latitude": {"48.85"}, "longitude": {"2.35"}}, "no number": {"latitude": {"NaN"}, "longitude": {"NaN"}},
		"without end": {"latitude": {"Inf"}, "longitude": {"1"}}, "words": {"latitude": {"here"}, "longitude": {"there"}}, "nothing": {},
		"off the sketch": {"spot.x": {"9999"}, "spot.y": {"5"}}, "before it": {"spot.x": {"-4"}, "spot.y": {"5"}}, "by a key": {"spot.x": {"0"}, "spot.y": {"0"}},
		"half a spot": {"spot.x": {"40"}}, "a strange way": {"move": {"up"}},
	} {
		if got := v.post(path, form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="place-wrong"`) {
			t.Errorf("%s = %d, want 422 with the reason", name, got.status)
		}
	}
	if got := v.post(path, url.Values{"quarter": {"atlantis"}}); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="quarter-wrong"`) {
		t.Errorf("no quarter of ours = %d, want 422", got.status)
	}

	keeps(url.Values{"hide": {"1"}})
	eventually(t, "the place is off the public page", func() bool { return at() == "" })
	// In another quarter, its pieces are found by the new name.
	other := one[string](t, m, `SELECT q.slug FROM quarters q WHERE q.in_medina AND q.id <> (SELECT quarter_id FROM artisans WHERE slug = 'jaouad-benallal') ORDER BY sort LIMIT 1`)
	keeps(url.Values{"quarter": {other}})
	wrong := one[int](t, m, `
		SELECT count(*) FROM cards c JOIN artisans a ON a.id = c.artisan_id JOIN quarters q ON q.id = c.quarter_id
		WHERE a.slug = 'jaouad-benallal' AND q.slug <> $1`, other)
	if wrong != 0 {
		t.Errorf("%d of its pieces are in the old quarter", wrong)
	}
	keeps(url.Values{"latitude": {latitude}, "longitude": {longitude}})
	// Outside the medina there is no sketch, and the pin goes where the quarter is.
	if far := one[string](t, m, `SELECT coalesce((SELECT slug FROM quarters WHERE NOT in_medina ORDER BY sort LIMIT 1), '')`); far != "" {
		keeps(url.Values{"quarter": {far}})
		if got := v.get(path); strings.Contains(got.body, `name="spot"`) {
			t.Error("a village is tapped on the sketch of the medina")
		}
		if got := v.post(path, url.Values{"spot.x": {"40"}, "spot.y": {"40"}}); got.status != http.StatusUnprocessableEntity {
			t.Errorf("tapping on no sketch = %d, want 422", got.status)
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM artisans WHERE slug <> 'jaouad-benallal' AND id IN (SELECT artisan_id FROM cards c WHERE c.quarter_id <> artisans.quarter_id)`); n != 0 {
		t.Errorf("%d other workshops moved", n)
	}
}
