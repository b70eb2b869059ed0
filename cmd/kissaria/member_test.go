package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// A member's page says what the rooms know, and numbers agree with the books.
func TestMembersPageIsComplete(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011")
	office := m.staff(t)
	office.post("/en/language", nil)
	got := office.get("/admin/artisans/jaouad-benallal")
	_, money, _ := strings.Cut(got.body, "data-owed>")
	money, _, _ = strings.Cut(money, "</dd>")
	owed := one[int](t, m, `SELECT -sum(amount_minor)::int / 100 FROM ledger_postings WHERE account = 'artisan:jaouad-benallal'`)
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, money)
	if owed == 0 || !strings.HasPrefix(digits, strconv.Itoa(owed)) {
		t.Errorf("the page owes %q, and the books %d", money, owed)
	}
	if !strings.Contains(got.body, "/admin/orders/"+p.number) {
		t.Error("the page does not lead to the order")
	}
	onSale := one[int](t, m, `SELECT count(*) FROM products p JOIN artisans a ON a.id = p.artisan_id WHERE a.slug = 'jaouad-benallal' AND p.state = 'on_sale'`)
	if want := `<a href="/en/artisans/jaouad-benallal"><span class="number">` + strconv.Itoa(onSale) + `</span></a>`; !strings.Contains(got.body, want) {
		_, part, _ := strings.Cut(got.body, `id="pieces"`)
		t.Errorf("the page does not count %d pieces on sale: %.400s", onSale, part)
	}
}

// Papers are told by their bytes, kept for the office alone, and never shown as a
// page.
func TestMembersFilesAreKept(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	office, treasurer := m.staff(t), m.visitor(t)
	office.post("/en/language", nil)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	path := "/admin/artisans/jaouad-benallal"
	pdf := append([]byte("%PDF-1.4\n"), make([]byte, 3000)...)
	for name, content := range map[string][]byte{"page.pdf": []byte("<html><script>alert(1)</script>"), "none.pdf": {}, "card.svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`),
		"large.pdf": append([]byte("%PDF-1.4\n"), make([]byte, 5<<20)...), "program.png": []byte("MZ\x90\x00")} {
		if got := office.sendFile(path+"/files", "file", name, content); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "file-wrong") {
			t.Errorf("%s = %d, want 422", name, got.status)
		}
	}
	if got := office.post(path+"/files", nil); got.status != http.StatusBadRequest && got.status != http.StatusUnprocessableEntity {
		t.Errorf("no form at all = %d", got.status)
	}
	if got := treasurer.sendFile(path+"/files", "file", "card.pdf", pdf); got.status != http.StatusForbidden {
		t.Errorf("the treasurer sends one: %d, want 403", got.status)
	}
	evil := `C:\papers\"><img src=x> بطاقة.pdf`
	if got := office.sendFile(path+"/files", "file", evil, pdf); got.location != path+"#files" {
		t.Fatalf("a PDF = %d\n%s", got.status, tail(got.body, 500))
	}
	ref := one[string](t, m, `SELECT ref FROM member_files`)
	page := office.get(path)
	if !strings.Contains(page.body, "&lt;img src=x&gt; بطاقة.pdf") || strings.Contains(page.body, "<img src=x>") || strings.Contains(page.body, "papers") {
		t.Error("the name is not shown, or not escaped")
	}
	got := treasurer.get(path + "/files/" + ref)
	if got.status != http.StatusOK || got.body != string(pdf) || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") ||
		got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Content-Type") != "application/pdf" {
		t.Errorf("the file = %d, %d bytes, %v", got.status, len(got.body), got.header)
	}
	for _, other := range []string{"/admin/artisans/saadia-ghomari/files/" + ref, path + "/files/nothing"} {
		if got := office.get(other); got.status != http.StatusNotFound {
			t.Errorf("%s = %d, want 404", other, got.status)
		}
	}
	if got := m.comeIn(t, "jaouad-benallal").get(path + "/files/" + ref); got.status != http.StatusForbidden {
		t.Errorf("the artisan reads it: %d, want 403", got.status)
	}
	if got := m.visitor(t).get(path + "/files/" + ref); !strings.Contains(got.location, "sign-in") {
		t.Errorf("a stranger reads it: %d", got.status)
	}
	for range 2 { // Twice is once.
		if got := office.post(path+"/files/"+ref+"/removal", nil); got.location != path+"#files" {
			t.Errorf("removing = %d", got.status)
		}
	}
	if got := office.get(path + "/files/" + ref); got.status != http.StatusNotFound {
		t.Errorf("the removed file = %d, want 404", got.status)
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action LIKE 'artisan.file_%'`); n != 2 {
		t.Errorf("the audit has %d entries, want 2", n)
	}
	if _, err := m.pool.Exec(t.Context(), `
		INSERT INTO member_files (ref, artisan_id, name, kind, bytes, account_id, at)
		SELECT lpad(n::text, 24, '0'), a.id, 'x', 'image/png', 1, (SELECT min(id) FROM accounts), now() FROM artisans a, generate_series(1, 50) n WHERE a.slug = 'jaouad-benallal'`); err != nil {
		t.Fatal(err)
	}
	if got := office.sendFile(path+"/files", "file", "more.pdf", pdf); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "50 files at most") {
		t.Errorf("the fifty-first = %d, want 422", got.status)
	}
}
