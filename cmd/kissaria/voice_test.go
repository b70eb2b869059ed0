package main

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// webmVoice is the beginning of what Chrome records, and of another note.
const (
	webmVoice  = "\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x8a\xae\x88\x86\x86A_OPUS\xec\x85first"
	otherVoice = webmVoice + "\xec\x87another"
)

// sendVoice sends the form of the voice note, with a file where content is not
// empty.
func (v *visitor) sendVoice(base, content string, fields map[string]string) answer {
	v.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			v.t.Fatal(err)
		}
	}
	if content != "" {
		part, err := w.CreateFormFile("voice", "../صوت.exe")
		if err != nil {
			v.t.Fatal(err)
		}
		if _, err := part.Write([]byte(content)); err != nil {
			v.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		v.t.Fatal(err)
	}
	return v.send(http.MethodPost, base+"voice", &body, func(r *http.Request) { r.Header.Set("Content-Type", w.FormDataContentType()) })
}

var voiceAddress = regexp.MustCompile(`/voices/([a-z2-7]{26})`)

// An artisan speaks instead of writing: the union writes it down in every
// language, and buyers hear it as long as the artisan agrees.
func TestVoiceNoteStandsForTheWords(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, other, buyer, chair := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "rahma-el-khoumsi"), m.visitor(t), m.comeIn(t, "saadia-ghomari")
	office := m.visitor(t)
	office.signIn("admin@kissaria.example", "demo-admin-2026")
	base := artisan.list("cushion")
	if got := artisan.get(base + "words"); !strings.Contains(got.header.Get("Permissions-Policy"), "microphone=(self)") ||
		!strings.Contains(got.header.Get("Content-Security-Policy"), "media-src 'self' blob:") {
		t.Error("the page may not listen")
	}
	if got := artisan.get("/studio/orders"); !strings.Contains(got.header.Get("Permissions-Policy"), "microphone=()") {
		t.Error("another page may listen")
	}

	if got := artisan.sendVoice(base, webmVoice, nil); got.status != http.StatusSeeOther {
		t.Fatalf("a voice note = %d\n%s", got.status, tail(got.body, 600))
	}
	page := artisan.get(base + "words")
	found := voiceAddress.FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("the note is not there to be heard\n%s", tail(page.body, 900))
	}
	heard, seen := found[0], found[1]
	hears := func(v *visitor, want int) {
		t.Helper()
		eventually(t, fmt.Sprintf("the note answers %d", want), func() bool { return v.get(heard).status == want })
	}
	hears(artisan, http.StatusOK)
	hears(office, http.StatusOK)
	hears(buyer, http.StatusNotFound)
	hears(other, http.StatusNotFound)
	got := artisan.send(http.MethodGet, heard, nil, func(r *http.Request) { r.Header.Set("Range", "bytes=0-3") })
	if got.status != http.StatusPartialContent || got.body != webmVoice[:4] || got.header.Get("Content-Type") != "audio/webm" ||
		got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("four bytes of it = %d %v", got.status, got.header)
	}
	if got := artisan.sendVoice(base, "", map[string]string{"seen": seen, "played": "1"}); got.status != http.StatusSeeOther {
		t.Fatalf("agreeing = %d", got.status)
	}
	hears(buyer, http.StatusNotFound) // It is not on the market.

	artisan.post(base+"look", nil)
	slug := one[string](t, m, `SELECT p.slug FROM products p JOIN revisions r ON r.product_id = p.id WHERE r.state = 'submitted'`)
	if got := chair.get("/admin/queue/" + slug + "/1"); !strings.Contains(got.body, heard) {
		t.Error("the committee cannot hear it")
	}
	if got := artisan.get("/admin/voices"); got.status != http.StatusForbidden {
		t.Errorf("an artisan opens the office's voice notes: %d", got.status)
	}
	if got := office.get("/admin/voices"); !strings.Contains(got.body, "/admin/voices/"+slug) || !strings.Contains(got.body, heard) {
		t.Fatalf("the note does not wait in the office\n%s", tail(got.body, 900))
	}
	// The committee sends it back; what is written down meanwhile stays.
	if got := chair.post("/admin/queue/"+slug+"/1/decision", url.Values{"verdict": {"changes_requested"}, "words": {"صورة أقرب"}}); got.status != http.StatusSeeOther {
		t.Fatalf("asking for changes = %d", got.status)
	}
	artisan.post(base+"look", nil)
	write := func(form url.Values) answer { return office.post("/admin/voices/"+slug, form) }
	if got := write(url.Values{"language": {"ar"}, "title_en": {"Kept"}}); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "words_ar-wrong") || !strings.Contains(got.body, `value="Kept"`) {
		t.Errorf("without words = %d", got.status)
	}
	if got := write(url.Values{"language": {"xx"}, "words_ar": {"x"}}); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "language-wrong") {
		t.Errorf("in no language = %d", got.status)
	}
	form := url.Values{"language": {"ar"}, "title_ar": {"وسادة الربيع"}, "words_ar": {"نسجتها أمي في الربيع"}, "title_en": {"Spring cushion"}, "words_en": {"My mother wove it in spring."}}
	if got := write(form); got.location != "/admin/voices?written=1" {
		t.Fatalf("writing it down = %d\n%s", got.status, tail(got.body, 600))
	}
	if got := office.get("/admin/voices"); strings.Contains(got.body, "/admin/voices/"+slug) {
		t.Error("what is written down waits on")
	}
	if got := write(form); got.status != http.StatusConflict {
		t.Errorf("writing it down twice = %d, want 409", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'voice.written_down' AND subject = 'product:' || $1`, slug); n != 1 {
		t.Errorf("the audit has it %d times", n)
	}
	if got := chair.post("/admin/queue/"+slug+"/2/decision", url.Values{"verdict": {"approved"}}); got.status != http.StatusSeeOther {
		t.Fatalf("approving = %d", got.status)
	}
	public := "/en/products/" + slug
	eventually(t, "buyers read and hear it", func() bool {
		body := buyer.get(public).body
		return strings.Contains(body, "Spring cushion") && strings.Contains(body, "My mother wove it in spring.") && strings.Contains(body, heard)
	})
	hears(buyer, http.StatusOK)

	// A change keeps the words, and the consent is taken back at once.
	artisan.post("/studio/pieces/"+slug+"/edit", nil)
	if got := artisan.sendVoice(base, "", map[string]string{"seen": "aaaaaaaaaaaaaaaaaaaaaaaaaa", "played": "1"}); got.status != http.StatusConflict {
		t.Errorf("over another phone's note = %d, want 409", got.status)
	}
	if got := artisan.sendVoice(base, "", map[string]string{"seen": seen}); got.status != http.StatusSeeOther {
		t.Fatalf("taking the consent back = %d", got.status)
	}
	hears(buyer, http.StatusNotFound)
	eventually(t, "the page has no player", func() bool { return !strings.Contains(buyer.get(public).body, heard) })
	artisan.post(base+"look", nil)
	chair.post("/admin/queue/"+slug+"/3/decision", url.Values{"verdict": {"approved"}})
	if got := one[string](t, m, `SELECT r.description ->> 'en' FROM revisions r JOIN products p ON p.live_id = r.id WHERE p.slug = $1 AND r.number = 3`, slug); got != "My mother wove it in spring." {
		t.Errorf("the change has the words %q", got)
	}
	if got := office.get("/admin/voices"); strings.Contains(got.body, "/admin/voices/"+slug) {
		t.Error("what was written down waits again")
	}
}

// What is no voice note is explained, and what nobody uses goes.
func TestVoiceNotesAreCheckedAndSwept(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	artisan, other := m.comeIn(t, "jaouad-benallal"), m.comeIn(t, "rahma-el-khoumsi")
	base := strings.TrimSuffix(artisan.post("/studio/drafts", nil).location, "photos")
	for name, content := range map[string]string{
		"nothing": "", "a photo": "\xff\xd8\xff\xe0not sound", "a film": webmVoice + "\x86\x85V_VP9", "too much": webmVoice + strings.Repeat("x", 2<<20),
	} {
		got := artisan.sendVoice(base, content, map[string]string{"played": "1"})
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `aria-describedby="voice-wrong"`) ||
			!strings.Contains(got.body, `name="played" value="1" checked`) {
			t.Errorf("%s = %d, want 422 with the reason beside it", name, got.status)
		}
	}
	if got := other.sendVoice(base, webmVoice, nil); got.status != http.StatusNotFound {
		t.Errorf("another's draft = %d, want 404", got.status)
	}
	if got := artisan.get("/voices/../../secret"); got.status != http.StatusNotFound {
		t.Errorf("no key = %d", got.status)
	}

	hash := func() string {
		return one[string](t, m, `SELECT encode(hash, 'hex') FROM voices ORDER BY id DESC LIMIT 1`)
	}
	file := func(hash string) string { return "voices/" + hash[:2] + "/" + hash }
	key := func() string { return one[string](t, m, `SELECT coalesce(max(key), '') FROM voices`) }
	artisan.sendVoice(base, webmVoice, nil)
	first := file(hash())
	if got := artisan.sendVoice(base, otherVoice, map[string]string{"seen": key()}); got.status != http.StatusSeeOther {
		t.Fatalf("recording again = %d", got.status)
	}
	second := file(hash())
	eventually(t, "the first recording is gone", func() bool { return gone(t, m.library.Store, first) })
	if gone(t, m.library.Store, second) {
		t.Error("the second one is gone, too")
	}
	// A draft that is thrown away leaves its note to the sweep.
	if _, err := m.pool.Exec(t.Context(), `DELETE FROM drafts`); err != nil {
		t.Fatal(err)
	}
	if _, err := m.library.Sweep(t.Context(), time.Now().Add(6*24*time.Hour)); err != nil || gone(t, m.library.Store, second) {
		t.Errorf("it was swept within a week: %v", err)
	}
	if _, err := m.library.Sweep(t.Context(), time.Now().Add(8*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the unused note is swept", func() bool { return key() == "" && gone(t, m.library.Store, second) })
}
