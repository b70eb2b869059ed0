package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kissaria.ma/internal/catalog"
	"kissaria.ma/internal/moderation"
)

// The office keeps the courses and who finished them; whatever it does is on
// record, and what is wrong is told beside its field.
func TestOfficeKeepsTrainings(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	office, chair := m.staff(t), m.comeIn(t, "saadia-ghomari")
	list := "/admin/trainings"
	if got := office.get(list); got.status != http.StatusOK || strings.Count(got.body, `href="/admin/trainings/`) != 16 || !strings.Contains(got.body, "photo-by-the-window") {
		t.Errorf("the demo's eight courses = %d", got.status)
	}
	if got := office.get("/admin/artisans"); !strings.Contains(got.body, list) {
		t.Error("the register does not lead to the courses")
	}
	if got := chair.get(list); got.status != http.StatusForbidden {
		t.Errorf("a committee's member opens the courses = %d, want 403", got.status)
	}
	if got := chair.post(list, url.Values{"title_en": {"Mine"}, "sort": {"1"}}); got.status != http.StatusForbidden {
		t.Errorf("a committee's member adds a course = %d, want 403", got.status)
	}
	for name, form := range map[string]url.Values{
		"no title":        {"sort": {"1"}, "about_en": {"<kept>"}},
		"a long title":    {"title_es": {strings.Repeat("ñ", 121)}, "sort": {"1"}, "about_en": {"<kept>"}},
		"a long about":    {"title_en": {"A"}, "about_ar": {strings.Repeat("ن", 601)}, "sort": {"1"}, "about_en": {"<kept>"}},
		"no place":        {"title_en": {"A"}, "about_en": {"<kept>"}},
		"a place of none": {"title_en": {"A"}, "sort": {"-1"}, "about_en": {"<kept>"}},
	} {
		if got := office.post(list, form); got.status != 422 || !strings.Contains(got.body, "field__wrong") || !strings.Contains(got.body, "&lt;kept&gt;") {
			t.Errorf("a course with %s = %d, want 422 with what was typed", name, got.status)
		}
	}
	added := office.post(list, url.Values{"title_en": {"Weaving <straight>"}, "about_en": {"Straight edges"}, "sort": {"٩"}})
	path, _, ok := strings.Cut(added.location, "?")
	if added.status != http.StatusSeeOther || !ok || !strings.HasPrefix(path, list+"/") {
		t.Fatalf("adding a course = %d %s", added.status, added.location)
	}
	if got := office.get(added.location); !strings.Contains(got.body, "Weaving &lt;straight&gt;") || strings.Contains(got.body, "<straight>") {
		t.Error("the course is not called as it was typed")
	}
	if got := office.post(path, url.Values{"title_en": {""}, "about_en": {"still <here>"}, "sort": {"3"}}); got.status != 422 || !strings.Contains(got.body, "still &lt;here&gt;") {
		t.Errorf("taking its name away = %d, want 422 with what was typed", got.status)
	}
	if got := office.post(path, url.Values{"title_en": {"Weaving"}, "title_fr": {"Tisser"}, "sort": {"3"}}); got.status != http.StatusSeeOther {
		t.Errorf("renaming it = %d", got.status)
	}

	// Several at once, once each.
	today := time.Now().Format(time.DateOnly)
	finish := func(on string, artisans ...string) answer {
		return office.post(path+"/completions", url.Values{"finished_on": {on}, "artisan": artisans, "q": {"benallal"}})
	}
	for name, got := range map[string]answer{"nobody": finish(today), "tomorrow": finish(time.Now().AddDate(0, 0, 2).Format(time.DateOnly), "jaouad-benallal"),
		"no day": finish("", "jaouad-benallal"), "a made-up day": finish("2026-02-31", "jaouad-benallal"), "the last century": finish("1999-12-31", "jaouad-benallal"),
		"a made-up name": finish(today, "<script>")} {
		if got.status != 422 || !strings.Contains(got.body, "field__wrong") || !strings.Contains(got.body, `value="benallal"`) {
			t.Errorf("finished by %s = %d, want 422 with the search kept", name, got.status)
		}
	}
	if got := finish("2026-02-31", "jaouad-benallal"); !strings.Contains(got.body, `value="jaouad-benallal" checked`) || !strings.Contains(got.body, `value="2026-02-31"`) {
		t.Error("who was ticked, and the day, are lost")
	}
	for i, want := range []string{path + "?done=finished&n=2", path + "?done=finished&n=0"} {
		if got := finish(today, "jaouad-benallal", "saadia-ghomari", "no-such-artisan"); got.location != want {
			t.Errorf("writing it down, time %d = %d %s, want %s", i+1, got.status, got.location, want)
		}
	}
	if got := office.get(path + "?q=benallal"); !strings.Contains(got.body, `value="jaouad-benallal" disabled`) {
		t.Error("who has finished can be ticked again")
	}
	title := one[string](t, m, `SELECT title ->> language FROM courses, accounts WHERE slug = $1 AND email = 'admin@kissaria.example'`, strings.TrimPrefix(path, list+"/"))
	if got := office.get("/admin/artisans/jaouad-benallal"); !strings.Contains(got.body, path) || !strings.Contains(got.body, title) {
		t.Error("the artisan's page does not show the course")
	}
	for i, want := range []int{http.StatusSeeOther, http.StatusConflict} {
		if got := office.post(path+"/completions/jaouad-benallal/undo", nil); got.status != want {
			t.Errorf("taking it back, time %d = %d, want %d", i+1, got.status, want)
		}
	}
	if got := office.get("/admin/artisans/jaouad-benallal"); strings.Contains(got.body, path) {
		t.Error("what was taken back is still on the artisan's page")
	}
	for _, other := range []string{"/admin/trainings/nothing", "/admin/trainings/%3Cx%3E"} {
		if got := office.get(other); got.status != http.StatusNotFound {
			t.Errorf("%s = %d, want 404", other, got.status)
		}
	}
	want := "course.added course.changed course.finished course.finished course.unfinished"
	if got := one[string](t, m, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit WHERE action LIKE 'course.%' AND account_id IS NOT NULL`); got != want {
		t.Errorf("the audit has %q, want %q", got, want)
	}
}

// A workshop that finished the committee's course needs one approval fewer, never
// less than one; one whose pieces differ needs one more.
func TestTrainingEarnsFewerChecks(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, chair, vice, office := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "saadia-ghomari"), m.comeIn(t, "zoubida-ajaraai"), m.staff(t)
	p := m.buy(t, "en", "KIS-0011")
	artisan.upload("/studio/orders/"+p.number+"/photo", "piece.jpg", photo(t, 700, 700))
	office.post("/admin/orders/"+p.number+"/fulfilments/jaouad-benallal/verdict", url.Values{"verdict": {"differs"}, "words": {"another colour"}})
	if n := one[int](t, m, `SELECT count(*) FROM handings WHERE verdict = 'differs'`); n != 1 {
		t.Fatalf("%d pieces differed, want 1", n)
	}
	course := strings.TrimPrefix(strings.TrimSuffix(office.post("/admin/trainings", url.Values{"title_en": {"Photo & packing"}, "sort": {"0"}}).location, "?done=kept"), "/admin/trainings/")
	rules := func(approvals int, wary string, course string) answer {
		return office.post("/admin/committees/weaving", url.Values{"rules": {"1"}, "approvals": {fmt.Sprint(approvals)}, "wary_from": {wary}, "promise_days": {"2"}, "course": {course}})
	}
	if got := rules(7, "0", "no-such-course"); got.status != 422 || !strings.Contains(got.body, `id="course-wrong"`) || !strings.Contains(got.body, `value="7"`) {
		t.Errorf("a course that is not there = %d, want 422 with the rest kept", got.status)
	}
	slug := m.sendCopies(t, artisan, "kilim-blue-steps", 1)[0]
	s, err := catalog.SubmittedBy(t.Context(), m.pool, slug, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		approvals      int
		earns          bool // the committee has chosen the course
		finished, wary bool
		needed         int
	}{
		{1, false, false, false, 1},
		{1, true, true, false, 1}, // never less than one
		{1, true, true, true, 2},
		{1, true, false, true, 2},
		{2, true, false, false, 2},
		{2, true, true, false, 1},
		{2, false, true, false, 2},
		{2, true, true, true, 2},
		{3, true, true, false, 2},
		{3, true, true, true, 3},
		{3, true, false, true, 4},
	} {
		finished := one[bool](t, m, `SELECT EXISTS (SELECT FROM completions d JOIN courses c ON c.id = d.course_id JOIN artisans a ON a.id = d.artisan_id WHERE c.slug = $1 AND a.slug = 'jaouad-benallal')`, course)
		switch {
		case tt.finished && !finished:
			office.post("/admin/trainings/"+course+"/completions", url.Values{"finished_on": {"2026-11-02"}, "artisan": {"jaouad-benallal"}})
		case !tt.finished && finished:
			office.post("/admin/trainings/"+course+"/completions/jaouad-benallal/undo", nil)
		}
		wary, chosen := map[bool]string{true: "1", false: "0"}[tt.wary], map[bool]string{true: course}[tt.earns]
		if got := rules(tt.approvals, wary, chosen); got.status != http.StatusSeeOther {
			t.Fatalf("setting the rules = %d", got.status)
		}
		out, err := moderation.Standing(t.Context(), m.pool, s, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if out.Needed != tt.needed {
			t.Errorf("%+v: %d must approve, want %d", tt, out.Needed, tt.needed)
		}
		page := chair.get("/admin/queue/" + slug + "/1").body
		if got, want := strings.Contains(page, "One fewer: the workshop finished “Photo &amp; packing”."), tt.earns && tt.finished && tt.approvals > 1; got != want {
			t.Errorf("%+v: the page says that the course earned it: %v, want %v", tt, got, want)
		}
		if got := strings.Contains(page, "One more: a piece of the workshop differed"); got != tt.wary {
			t.Errorf("%+v: the page says that a piece differed: %v", tt, got)
		}
	}
	// Of two who must approve, one is enough now.
	office.post("/admin/trainings/"+course+"/completions", url.Values{"finished_on": {"2026-11-02"}, "artisan": {"jaouad-benallal"}})
	rules(2, "0", course)
	if got := vice.post("/admin/queue/"+slug+"/1/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusSeeOther {
		t.Fatalf("approving = %d", got.status)
	}
	if got := one[string](t, m, `SELECT state FROM products WHERE slug = $1`, slug); got != "on_sale" {
		t.Errorf("approved by one of the two that are asked for, the piece is %s", got)
	}
}
