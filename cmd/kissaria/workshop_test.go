package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What an artisan says of the workshop, buyers read at once.
func TestWorkshopIsWhatItsArtisanSays(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	m.site.Now = func() time.Time { return time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC) } // A Wednesday.
	v, buyer := m.comeIn(t, "jaouad-benallal"), m.visitor(t)
	public := "/en/artisans/jaouad-benallal"
	save := func(part string, form url.Values) {
		t.Helper()
		want := "/studio/workshop?kept=1"
		if part == "hours" {
			want = "/studio/workshop/hours?kept=1"
		}
		if got := v.post("/studio/workshop/"+part, form); got.location != want {
			t.Fatalf("saving %s = %d to %q\n%s", part, got.status, got.location, tail(got.body, 600))
		}
	}
	shows := func(path, words string, want bool) {
		t.Helper()
		eventually(t, path+" shows or hides "+words, func() bool { return strings.Contains(buyer.get(path).body, words) == want })
	}

	french := one[string](t, m, `SELECT bio ->> 'fr' FROM artisans WHERE slug = 'jaouad-benallal'`)
	save("story", url.Values{"story": {"أنسج منذ الصبا"}})
	shows("/ar/artisans/jaouad-benallal", "أنسج منذ الصبا", true)
	if got := one[string](t, m, `SELECT bio ->> 'fr' FROM artisans WHERE slug = 'jaouad-benallal'`); got != french {
		t.Errorf("the French story became %q", got)
	}

	shows(public, "https://wa.me/", false)
	save("phone", url.Values{"phone": {"show"}})
	shows(public, "https://wa.me/2126", true)
	shows(public, `href="tel:+2126`, true)
	save("phone", url.Values{"phone": {"hide"}})
	shows(public, "https://wa.me/", false)

	save("languages", nil)
	shows(public, "Languages:", false)
	save("languages", url.Values{"language": {"ar", "de", "no-such"}})
	shows(public, "German", true)
	shows(public, "Spanish", false)

	save("hours", url.Values{"day": {"mon", "tue"}, "from1": {"٩:٣٠"}, "to1": {"12h"}, "from2": {"14.00"}, "to2": {"18:15"}})
	save("hours", url.Values{"day": {"wed", "thu", "fri", "sat", "sun"}, "shut": {"1"}})
	if got := one[string](t, m, `SELECT visit_hours::text FROM artisans WHERE slug = 'jaouad-benallal'`); !strings.Contains(got, `"mon": [["09:30", "12:00"], ["14:00", "18:15"]]`) || !strings.Contains(got, `"wed": []`) {
		t.Errorf("the hours are %s", got)
	}
	shows(public, "14:00–18:15", true)

	save("visits", url.Values{"visits": {"appointment"}})
	shows(public, "By appointment", true)
	save("visits", url.Values{"visits": {"no"}})
	shows(public, "14:00–18:15", false)
	save("visits", url.Values{"visits": {"open"}})
	shows(public, "14:00–18:15", true) // The hours were kept.

	save("closed", url.Values{"from": {"2026-12-24"}, "until": {"٣/١/٢٠٢٧"}})
	shows(public, "from Thursday 24 December to Sunday 3 January", true)
	save("closed", url.Values{"from": {"2026-11-25"}, "until": {"2026-11-25"}})
	shows(public, "until Wednesday 25 November", true)
	save("closed", url.Values{"open": {"1"}})
	shows(public, `data-state="closed"`, false)

	before := one[int64](t, m, `SELECT coalesce(picture_id, 0) FROM artisans WHERE slug = 'jaouad-benallal'`)
	if got := v.upload("/studio/workshop/picture", "ورشة.jpg", photo(t, 900, 900)); got.location != "/studio/workshop?kept=1" {
		t.Fatalf("the picture = %d\n%s", got.status, tail(got.body, 400))
	}
	if now := one[int64](t, m, `SELECT picture_id FROM artisans WHERE slug = 'jaouad-benallal'`); now == before {
		t.Error("the workshop's picture is the same as before")
	}
	shows(public, "/media/", true) // No other picture of the page is made.

	if page := v.get("/studio/workshop?kept=1"); page.status != http.StatusOK || strings.Count(page.body, `class="studio-row"`) < 8 {
		t.Errorf("the workshop's page = %d", page.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'artisan.changed' AND subject = 'artisan:jaouad-benallal'`); n != 14 {
		t.Errorf("the audit has %d changes, want 14", n)
	}
	if n := one[int](t, m, `SELECT count(*) FROM artisans WHERE shows_phone OR closed_from IS NOT NULL`); n != 0 {
		t.Errorf("%d other workshops were changed", n)
	}
}

// What makes no sense is explained beside its field, with what was typed kept.
func TestBadWordsOfAWorkshopAreExplained(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	m.site.Now = func() time.Time { return time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC) }
	v := m.comeIn(t, "jaouad-benallal")
	before := one[string](t, m, `SELECT to_jsonb(a)::text FROM artisans a WHERE slug = 'jaouad-benallal'`)
	tests := []struct {
		name, part string
		form       url.Values
		beside     string
		kept       string
	}{
		{"a story without end", "story", url.Values{"story": {strings.Repeat("ن", 1600)}}, "story-wrong", strings.Repeat("ن", 1600)},
		{"nobody knows who may come", "visits", url.Values{"visits": {"sometimes"}}, "visits-wrong", ""},
		{"no day", "hours", url.Values{"from1": {"09:00"}, "to1": {"12:00"}}, "day-wrong", `value="12:00"`},
		{"a day that is none", "hours", url.Values{"day": {"yesterday"}, "shut": {"1"}}, "day-wrong", ""},
		{"no hours", "hours", url.Values{"day": {"mon"}}, "from1-wrong", `value="mon" checked`},
		{"hours that nobody reads", "hours", url.Values{"day": {"mon"}, "from1": {"dawn"}, "to1": {"12:00"}}, "from1-wrong", `value="dawn"`},
		{"closing before it opens", "hours", url.Values{"day": {"mon"}, "from1": {"15:00"}, "to1": {"12:00"}}, "to1-wrong", `value="15:00"`},
		{"an afternoon before noon", "hours", url.Values{"day": {"mon"}, "from1": {"09:00"}, "to1": {"12:00"}, "from2": {"11:00"}, "to2": {"18:00"}}, "from2-wrong", `value="18:00"`},
		{"half an afternoon", "hours", url.Values{"day": {"mon"}, "from1": {"09:00"}, "to1": {"12:00"}, "from2": {"14:00"}}, "to2-wrong", `value="14:00"`},
		{"holidays without an end", "closed", url.Values{"from": {"2026-12-24"}}, "until-wrong", `value="2026-12-24"`},
		{"holidays that run backwards", "closed", url.Values{"from": {"2026-12-24"}, "until": {"2026-12-01"}}, "until-wrong", `value="2026-12-01"`},
		{"holidays of last year", "closed", url.Values{"from": {"2025-12-24"}, "until": {"2025-12-26"}}, "until-wrong", `value="2025-12-26"`},
		{"holidays of three years", "closed", url.Values{"from": {"2026-12-24"}, "until": {"2029-12-26"}}, "until-wrong", `value="2029-12-26"`},
		{"a day that never comes", "closed", url.Values{"from": {"2026-02-30"}, "until": {"2026-12-26"}}, "from-wrong", `value="2026-02-30"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := v.post("/studio/workshop/"+tt.part, tt.form)
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="`+tt.beside+`"`) || !strings.Contains(got.body, tt.kept) {
				t.Errorf("%s with %.80v = %d; want 422, %s, and %.40s\n%s", tt.part, tt.form, got.status, tt.beside, tt.kept, tail(got.body, 900))
			}
		})
	}
	for name, content := range map[string][]byte{"nothing": nil, "a text": []byte("not a picture at all")} {
		if got := v.upload("/studio/workshop/picture", "x.jpg", content); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "photo-wrong") {
			t.Errorf("%s as the picture = %d, want 422 with what to do", name, got.status)
		}
	}
	if got := v.get("/studio/workshop/nonsense"); got.status != http.StatusNotFound {
		t.Errorf("a question that nobody asks = %d, want 404", got.status)
	}
	if after := one[string](t, m, `SELECT to_jsonb(a)::text FROM artisans a WHERE slug = 'jaouad-benallal'`); after != before {
		t.Errorf("the workshop became %s, and was %s", after, before)
	}
	if got := m.visitor(t).get("/studio/workshop"); got.status != http.StatusSeeOther {
		t.Errorf("a stranger at the workshop = %d, want the sign-in", got.status)
	}
}

// Pictures of the work at hand are shown on the maker's page in the order that
// the artisan chose, up to six.
func TestWorkAtHandIsShown(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	v, buyer := m.comeIn(t, "jaouad-benallal"), m.visitor(t)
	const public, part = "/en/artisans/jaouad-benallal", "/studio/workshop/work"
	if page := buyer.get(public); strings.Contains(page.body, "artisan__work") {
		t.Error("there is a gallery of nothing")
	}
	sizes := func() string {
		t.Helper()
		return one[string](t, m, `
			SELECT coalesce(string_agg(p.width || '×' || p.height, ' ' ORDER BY w.position), '')
			FROM work_pictures w JOIN pictures p ON p.id = w.picture_id JOIN artisans a ON a.id = w.artisan_id WHERE a.slug = 'jaouad-benallal'`)
	}
	if got := v.sendPhotos(part, nil, photo(t, 600, 800), photo(t, 700, 700), []byte("GIF89a no")); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "Photo 3:") {
		t.Errorf("two photos and what is none = %d, want 422 naming the third", got.status)
	}
	if got := sizes(); got != "600×800 700×700" {
		t.Errorf("the photos are %s; the good ones stay", got)
	}
	v.sendPhotos(part, nil, photo(t, 600, 800)) // The same once more.
	if got := v.sendPhotos(part, map[string]string{"change": "earlier 2"}); got.location != part || sizes() != "700×700 600×800" {
		t.Errorf("moving one = %d, and the photos are %s", got.status, sizes())
	}
	eventually(t, "buyers see both", func() bool { return strings.Count(buyer.get(public).body, `class="artisan__work-photo"`) == 2 })
	v.sendPhotos(part, nil, photo(t, 610, 800), photo(t, 620, 800), photo(t, 630, 800), photo(t, 640, 800))
	if got := v.sendPhotos(part, nil, photo(t, 650, 800)); got.status != http.StatusUnprocessableEntity || strings.Count(sizes(), "×") != 6 {
		t.Errorf("a seventh = %d, and the photos are %s", got.status, sizes())
	}
	gone := one[int64](t, m, `SELECT picture_id FROM work_pictures WHERE position = 1`)
	v.sendPhotos(part, map[string]string{"change": "remove 1"})
	if n := one[int](t, m, `SELECT count(*) FROM pictures WHERE id = $1`, gone); n != 0 || strings.HasPrefix(sizes(), "700×700") {
		t.Errorf("the photo that was taken out is still there: %s", sizes())
	}
}
