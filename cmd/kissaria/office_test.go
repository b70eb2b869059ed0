package main

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kissaria.ma/internal/mail"
)

// staff returns the union's administrator, signed in.
func (m *market) staff(t testing.TB) *visitor {
	t.Helper()
	v := m.visitor(t)
	v.signIn("admin@kissaria.example", "demo-admin-2026")
	return v
}

// handIn has an artisan show a piece of an order, and the union take it in.
func (m *market) handIn(t *testing.T, staff *visitor, number, slug string) {
	t.Helper()
	v := m.comeIn(t, slug)
	if got := v.upload("/studio/orders/"+number+"/photo", "piece.jpg", photo(t, 600, 800)); got.status != http.StatusSeeOther {
		t.Fatalf("%s shows a piece of %s = %d", slug, number, got.status)
	}
	got := staff.post("/admin/orders/"+number+"/fulfilments/"+slug+"/verdict", url.Values{"verdict": {"as_shown"}})
	if got.status != http.StatusSeeOther {
		t.Fatalf("taking in what %s made for %s = %d", slug, number, got.status)
	}
}

// Two workshops hand in, the union packs once, posts once, and the buyer
// follows it.
func TestOrderIsPackedAndPosted(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "fr", "KIS-0011", "KIS-0024-RED")
	staff, path := m.staff(t), "/admin/orders/"+p.number
	m.handIn(t, staff, p.number, "jaouad-benallal")
	if got := staff.get(path + "/packing"); got.status != http.StatusNotFound {
		t.Errorf("packing half an order = %d, want 404", got.status)
	}
	other := one[string](t, m, `SELECT a.slug FROM fulfilments f JOIN artisans a ON a.id = f.artisan_id WHERE f.state = 'to_prepare'`)
	m.handIn(t, staff, p.number, other)
	if page := p.get("/fr/orders/" + p.token); !strings.Contains(page.body, `data-state="packing"`) {
		t.Error("the buyer is not told that all pieces are at the union")
	}

	all := url.Values{"piece-KIS-0011": {"yes"}, "piece-KIS-0024-RED": {"yes"}, "weight": {"٢٤٥٠"}}
	for name, change := range map[string][2]string{"one not ticked": {"piece-KIS-0011", ""}, "no weight": {"weight", ""},
		"a word for the weight": {"weight", "heavy"}, "nothing on the scales": {"weight", "0"}, "half a gram": {"weight", "12,5"}, "a house": {"weight", "9000000"}} {
		form := url.Values{}
		for k, v := range all {
			form[k] = v
		}
		form.Set(change[0], change[1])
		got := staff.post(path+"/packing", form)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "field__wrong") || !strings.Contains(got.body, `value="yes" checked`) {
			t.Errorf("packing with %s = %d, want 422 with what is wrong and the ticks kept", name, got.status)
		}
	}
	if got := staff.post(path+"/shipment", url.Values{"carrier": {"EMS"}, "tracking": {"RR123456785MA"}}); got.status != http.StatusConflict {
		t.Errorf("posting what is not packed = %d, want 409", got.status)
	}
	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	for _, act := range []string{"/packing", "/shipment", "/delivery", "/return"} {
		if got := treasurer.post(path+act, all); got.status != http.StatusForbidden {
			t.Errorf("the treasurer does %s: %d, want 403", act, got.status)
		}
	}
	if page := treasurer.get(path + "/packing"); page.status != http.StatusOK || strings.Contains(page.body, `type="checkbox"`) {
		t.Errorf("the treasurer's packing list = %d, and must have nothing to tick", page.status)
	}
	if got := staff.post(path+"/packing", all); got.status != http.StatusSeeOther {
		t.Fatalf("packing = %d\n%s", got.status, tail(got.body, 500))
	}
	if got := staff.post(path+"/packing", all); got.status != http.StatusConflict {
		t.Errorf("packing twice = %d, want 409", got.status)
	}
	label := staff.get(path + "/label")
	for _, want := range []string{"Marta García", "Calle Elvira 41", "18010 Granada", "ESPAGNE", "5702.10"} {
		if !strings.Contains(label.body, want) {
			t.Errorf("the label lacks %q", want)
		}
	}

	for name, form := range map[string]url.Values{"no number": {"carrier": {"EMS"}}, "a sentence": {"carrier": {"EMS"}, "tracking": {"it has <b>left</b>"}},
		"an unknown carrier": {"carrier": {"my cousin"}, "tracking": {"RR123456785MA"}}} {
		if got := staff.post(path+"/shipment", form); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("posting with %s = %d, want 422 with what is wrong", name, got.status)
		}
	}
	sent := url.Values{"carrier": {"Amana International"}, "tracking": {"rr 123 456 785 ma"}}
	if got := staff.post(path+"/shipment", sent); got.status != http.StatusSeeOther {
		t.Fatalf("posting = %d\n%s", got.status, tail(got.body, 500))
	}
	link := "https://bam-tracking.barid.ma/?trackingCode=RR123456785MA"
	if page := p.get("/fr/orders/" + p.token); !strings.Contains(page.body, `data-state="shipped"`) || !strings.Contains(page.body, `href="`+link+`"`) {
		t.Error("the buyer cannot follow the parcel")
	}
	letter, err := mail.ByKey(t.Context(), m.pool, "order/"+p.number+"/sent/RR123456785MA")
	if err != nil {
		t.Fatal(err)
	}
	if letter.To != "marta@example.com" || letter.Language != "fr" || !strings.Contains(letter.Text, link) || !strings.Contains(letter.HTML, link) {
		t.Errorf("the letter to %s in %s does not lead to the parcel:\n%s", letter.To, letter.Language, letter.Text)
	}

	// It comes back, is sent again, and arrives.
	if got := staff.post(path+"/return", nil); got.status != http.StatusSeeOther {
		t.Fatalf("coming back = %d", got.status)
	}
	if page := p.get("/fr/orders/" + p.token); !strings.Contains(page.body, `data-state="returned"`) {
		t.Error("the buyer is not told that the parcel came back")
	}
	if got := staff.post(path+"/delivery", nil); got.status != http.StatusConflict {
		t.Errorf("delivering what came back = %d, want 409", got.status)
	}
	sent.Set("tracking", "RR999999999MA")
	staff.post(path+"/shipment", sent)
	if n := one[int](t, m, `SELECT count(*) FROM mails WHERE key LIKE 'order/' || $1 || '/sent/%'`, p.number); n != 2 {
		t.Errorf("%d letters tell of two parcels", n)
	}
	if got := staff.post(path+"/delivery", nil); got.status != http.StatusSeeOther {
		t.Fatalf("arriving = %d", got.status)
	}
	if p.state() != "completed" {
		t.Errorf("the order is %s, want completed", p.state())
	}
	if page := p.get("/fr/orders/" + p.token); !strings.Contains(page.body, `data-state="completed"`) || !strings.Contains(page.body, "changer d’avis jusqu’au") {
		t.Error("the buyer is not told until when they may change their mind")
	}
	for _, act := range []string{"packed", "shipped", "returned", "delivered"} {
		if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'shipment.' || $1 AND subject = $2 AND before IS NOT NULL`, act, "order:"+p.number); n == 0 {
			t.Errorf("the audit does not know that it was %s", act)
		}
		if n := one[int](t, m, `SELECT count(*) FROM order_events WHERE kind = $1 AND account_id IS NOT NULL`, act); n == 0 {
			t.Errorf("the order's history does not know that it was %s", act)
		}
	}
	if n := one[int64](t, m, `SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings`); n != 0 {
		t.Errorf("the ledger is off by %d centimes", n)
	}
}

// buyToCollect goes the whole way to a paid order that its buyer collects.
func (m *market) buyToCollect(t *testing.T, lang string, skus ...string) placed {
	t.Helper()
	v := m.visitor(t)
	v.fill(lang, skus...)
	form := buyer()
	form.Set("delivery", "collect")
	// Asked without a total, the checkout answers with that of this delivery.
	form.Set("agreed", agreed(t, v.post("/"+lang+"/checkout", form).body))
	got := v.post("/"+lang+"/checkout", form)
	if !strings.HasPrefix(got.location, "/sandbox/pay/") {
		t.Fatalf("placing an order to collect = %d to %q", got.status, got.location)
	}
	p := placed{visitor: v, lang: lang, payPath: got.location}
	p.token = one[string](t, m, `SELECT o.token FROM orders o JOIN payments p ON p.order_id = o.id WHERE p.pay_url LIKE '%' || $1`, got.location)
	p.number = one[string](t, m, `SELECT number FROM orders WHERE token = $1`, p.token)
	p.pay()
	eventually(t, "the order is paid", func() bool { return p.state() == "paid" })
	return p
}

func TestOrderIsHandedOverAtTheShop(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buyToCollect(t, "ar", "KIS-0011")
	staff, path := m.staff(t), "/admin/orders/"+p.number
	m.handIn(t, staff, p.number, "jaouad-benallal")
	if got := staff.post(path+"/delivery", nil); got.status != http.StatusConflict {
		t.Errorf("handing over what is not packed = %d, want 409", got.status)
	}
	if got := staff.get(path + "/label"); got.status != http.StatusNotFound {
		t.Errorf("the label of what nobody posts = %d, want 404", got.status)
	}
	if got := staff.post(path+"/packing", url.Values{"piece-KIS-0011": {"yes"}, "weight": {"2100"}}); got.status != http.StatusSeeOther {
		t.Fatalf("packing = %d", got.status)
	}
	if got := staff.post(path+"/shipment", url.Values{"carrier": {"EMS"}, "tracking": {"RR123456785MA"}}); got.status != http.StatusConflict {
		t.Errorf("posting what is collected = %d, want 409", got.status)
	}
	letter, err := mail.ByKey(t.Context(), m.pool, "order/"+p.number+"/ready")
	if err != nil {
		t.Fatal(err)
	}
	if letter.Language != "ar" || !strings.Contains(letter.Subject, "جاهز للتسلم") || !strings.Contains(letter.Text, p.number) {
		t.Errorf("the letter in %s says %q:\n%s", letter.Language, letter.Subject, letter.Text)
	}
	if page := p.get("/ar/orders/" + p.token); !strings.Contains(page.body, `data-state="ready"`) {
		t.Error("the buyer is not told that the pieces are ready")
	}
	if got := staff.post(path+"/delivery", nil); got.status != http.StatusSeeOther || p.state() != "completed" {
		t.Errorf("handing over = %d, and the order is %s", got.status, p.state())
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'shipment.collected'`); n != 1 {
		t.Errorf("the audit has %d hand-overs, want 1", n)
	}
}

// Two agents take in the last two pieces at once: the order is still packed,
// and packed once.
func TestLastPiecesHandedInAtOnce(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011", "KIS-0024-RED")
	makers := strings.Split(one[string](t, m, `SELECT string_agg(a.slug, ' ') FROM fulfilments f JOIN artisans a ON a.id = f.artisan_id`), " ")
	for _, slug := range makers {
		if got := m.comeIn(t, slug).upload("/studio/orders/"+p.number+"/photo", "piece.jpg", photo(t, 600, 800)); got.status != http.StatusSeeOther {
			t.Fatalf("%s shows a piece = %d", slug, got.status)
		}
	}
	var all sync.WaitGroup
	for _, slug := range makers {
		staff := m.staff(t)
		all.Go(func() {
			staff.post("/admin/orders/"+p.number+"/fulfilments/"+slug+"/verdict", url.Values{"verdict": {"as_shown"}})
		})
	}
	all.Wait()
	if n := one[int](t, m, `SELECT count(*) FROM shipments WHERE state = 'packing'`); n != 1 {
		t.Errorf("%d shipments wait to be packed, want 1", n)
	}
}

// An order goes through the office's heaps, and lies in one at a time.
func TestOfficeKnowsWhatIsToDo(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	staff := m.staff(t)
	for _, heap := range []string{"waiting", "packing", "posting", "counter", "sent", "late"} {
		if got := staff.get("/admin/orders/" + heap); got.status != http.StatusOK || !strings.Contains(got.body, "empty__more") {
			t.Errorf("the empty heap %s = %d, want what to do next", heap, got.status)
		}
	}
	p := m.buy(t, "en", "KIS-0011")
	c := m.buyToCollect(t, "en", "KIS-0024-RED")
	slug := one[string](t, m, `SELECT a.slug FROM fulfilments f JOIN artisans a ON a.id = f.artisan_id JOIN orders o ON o.id = f.order_id WHERE o.number = $1`, c.number)

	waiting := staff.get("/admin/orders/waiting")
	for _, want := range []string{p.number, c.number, "https://wa.me/212", "jaouad"} {
		if !strings.Contains(strings.ToLower(waiting.body), strings.ToLower(want)) {
			t.Errorf("the workshops that are awaited lack %q", want)
		}
	}
	in := func(want string, number string) {
		t.Helper()
		for _, heap := range []string{"waiting", "packing", "posting", "counter", "sent"} {
			if got := staff.get("/admin/orders/" + heap); strings.Contains(got.body, number) != (heap == want) {
				t.Errorf("%s lies in %s: %v; it is to lie in %s", number, heap, heap != want, want)
			}
		}
	}
	m.handIn(t, staff, p.number, "jaouad-benallal")
	m.handIn(t, staff, c.number, slug)
	in("packing", p.number)
	staff.post("/admin/orders/"+p.number+"/packing", url.Values{"piece-KIS-0011": {"yes"}, "weight": {"2400"}})
	staff.post("/admin/orders/"+c.number+"/packing", url.Values{"piece-KIS-0024-RED": {"yes"}, "weight": {"400"}})
	in("posting", p.number)
	in("counter", c.number)
	for query, found := range map[string]bool{c.number: true, strings.ToLower(strings.ReplaceAll(c.number, "-", "")): true, "marta": true, "%25": false, "'": false, p.number: false} {
		if got := staff.get("/admin/orders/counter?q=" + query); got.status != http.StatusOK || strings.Contains(got.body, `href="/admin/orders/`+c.number) != found {
			t.Errorf("looking for %q at the shop = %d, found %v", query, got.status, !found)
		}
	}

	staff.post("/admin/orders/"+p.number+"/shipment", url.Values{"carrier": {"EMS"}, "tracking": {"RR123456785MA"}})
	in("sent", p.number)
	m.site.Now = func() time.Time { return time.Now().AddDate(0, 3, 0) }
	late := staff.get("/admin/orders/late")
	if !strings.Contains(late.body, p.number) || strings.Contains(late.body, c.number) || !strings.Contains(late.body, "badge--wrong") {
		t.Error("late are the parcel and not what its buyer leaves at the shop")
	}

	treasurer, artisan := m.visitor(t), m.comeIn(t, "saadia-ghomari")
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	for _, heap := range []string{"waiting", "packing", "late"} {
		if got := treasurer.get("/admin/orders/" + heap); got.status != http.StatusOK {
			t.Errorf("the treasurer at %s = %d", heap, got.status)
		}
		if got := artisan.get("/admin/orders/" + heap); got.status != http.StatusForbidden {
			t.Errorf("an artisan at %s = %d, want 403", heap, got.status)
		}
	}
	for _, odd := range []string{"late?after=nowhere", "packing?after=ZZ-ZZZZ", "waiting?after=x.y", "waiting?after=9999-99-99.a-b", "waiting?late=1&after=2026-01-01.jaouad-benallal"} {
		if got := staff.get("/admin/orders/" + odd); got.status != http.StatusOK {
			t.Errorf("GET /admin/orders/%s = %d", odd, got.status)
		}
	}
}

func TestAuditSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	m.invite(t, "jaouad-benallal")
	m.invite(t, "rqia-el-hmidi")
	staff := m.staff(t)
	page := staff.get("/admin/audit")
	for _, want := range []string{"artisan:jaouad-benallal", "artisan:rqia-el-hmidi", `value="artisan.invited"`, "/admin/audit.csv"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the audit lacks %q", want)
		}
	}
	invited := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'artisan.invited'`)
	byProgram := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'artisan.invited' AND account_id IS NULL`)
	for query, n := range map[string]int{"action=artisan.invited": invited, "subject=artisan:rqia": 1, "subject=RQIA-el": 1, "by=-&action=artisan.invited": byProgram, "from=2099-01-01": 0,
		"to=2020-01-01": 0, "by=nobody+at+all": 0, "subject=%25": 0} {
		got := staff.get("/admin/audit?" + query)
		if c := strings.Count(got.body, `href="/admin/artisans/`); got.status != http.StatusOK || c != n {
			t.Errorf("the audit with %s = %d with %d invitations, want %d", query, got.status, c, n)
		}
	}
	for query, status := range map[string]int{"from=yesterday": 422, "to=2026-13-01": 422, "from=2026-02-02&to=2026-02-01": 422, "after=x": 400, "after=-1": 400} {
		if got := staff.get("/admin/audit?" + query); got.status != status {
			t.Errorf("the audit with %s = %d, want %d", query, got.status, status)
		}
	}

	// A page holds fifty; the next one begins where it ended.
	if _, err := m.pool.Exec(t.Context(), `
		INSERT INTO audit (action, subject, before, after)
		SELECT 'test.done', CASE WHEN n = 1 THEN '=HYPERLINK("https://evil.example")' ELSE 'n:' || n END, '{"state": "old"}', '{"state": "new; \"quoted\""}'
		FROM generate_series(1, 120) n`); err != nil {
		t.Fatal(err)
	}
	seen, path := 0, "/admin/audit?action=test.done&by=-"
	for pages := 1; path != ""; pages++ {
		got := staff.get(path)
		seen += strings.Count(got.body, `<del><bdi class="number" dir="ltr">old</bdi></del></td><td><ins>`)
		_, rest, more := strings.Cut(got.body, `class="btn btn--plain" href="`)
		if path, _, _ = strings.Cut(rest, `"`); !more {
			path = ""
		}
		path = strings.ReplaceAll(path, "&amp;", "&")
		if pages > 3 {
			t.Fatal("the pages do not end")
		}
	}
	if seen != 120 {
		t.Errorf("the pages show %d entries of 120", seen)
	}

	file := staff.get("/admin/audit.csv?action=test.done")
	rest, ok := strings.CutPrefix(file.body, "\ufeff")
	if !ok || !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") || !strings.Contains(file.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the table is %s, %s", file.header.Get("Content-Type"), file.header.Get("Content-Disposition"))
	}
	r := csv.NewReader(strings.NewReader(rest))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 121 || len(rows[0]) != 8 {
		t.Fatalf("the table has %d rows, want 120 and their heads", len(rows))
	}
	if last := rows[120][4]; last != `'=HYPERLINK("https://evil.example")` {
		t.Errorf("the cell %q is a formula", last)
	}
	if after := rows[1][6]; !strings.Contains(after, `new; \"quoted\"`) {
		t.Errorf("a cell with a semicolon reads %q", after)
	}
	if got := staff.get("/admin/audit.csv?from=yesterday"); got.status != http.StatusBadRequest {
		t.Errorf("a table from a wrong day = %d, want 400", got.status)
	}

	// A row leads to all that the same request did, and an account to its page.
	staff.post("/admin/staff", url.Values{"name": {"Nadia"}, "email": {"nadia@union.example"}, "role": {"agent"}})
	request := one[string](t, m, `SELECT request_id FROM audit WHERE action = 'account.created' AND request_id <> ''`)
	page = staff.get("/admin/audit?request=" + request)
	if n := strings.Count(page.body, `href="/admin/audit?request=`+request); n != 2 || strings.Count(page.body, `href="/admin/staff/`) < 2 || !strings.Contains(page.body, ">Nadia<") {
		t.Errorf("one request made %d rows, want two that lead to Nadia", n)
	}
	if file := staff.get("/admin/audit.csv?request=" + request); strings.Count(file.body, request) != 2 {
		t.Errorf("the file of one request has it %d times, want twice", strings.Count(file.body, request))
	}

	treasurer := m.visitor(t)
	treasurer.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	for _, path := range []string{"/admin/audit", "/admin/audit.csv"} {
		if got := treasurer.get(path); got.status != http.StatusForbidden {
			t.Errorf("the treasurer at %s = %d, want 403", path, got.status)
		}
	}
	if got := treasurer.get("/admin/orders"); strings.Contains(got.body, "/admin/audit") {
		t.Error("the treasurer is led to the audit")
	}
}

func TestOfficeSearches(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011")
	staff := m.staff(t)
	if page := staff.get("/admin/orders"); !strings.Contains(page.body, `action="/admin/search"`) {
		t.Error("the office's bar has no search")
	}
	orderLink, makerLink, pieceLink := `href="/admin/orders/`+p.number+`"`, `href="/admin/artisans/jaouad-benallal"`, `/products/kilim-blue-steps"`
	tests := []struct{ query, want string }{
		{p.number, orderLink}, {strings.ToLower(strings.ReplaceAll(p.number, "-", "")), orderLink}, {"marta garc", orderLink}, {"MARTA@example", orderLink},
		{"jaouad", makerLink}, {one[string](t, m, `SELECT name_ar FROM artisans WHERE slug = 'jaouad-benallal'`), makerLink},
		{one[string](t, m, `SELECT r.title->>'ar' FROM products p JOIN revisions r ON r.id = p.live_id WHERE p.slug = 'kilim-blue-steps'`), pieceLink},
		{"kis-0011", pieceLink},
	}
	for _, tt := range tests {
		if got := staff.get("/admin/search?q=" + url.QueryEscape(tt.query)); got.status != http.StatusOK || !strings.Contains(got.body, tt.want) {
			t.Errorf("searching %q = %d without %s", tt.query, got.status, tt.want)
		}
	}
	// A piece that nobody sees in the shop is found, and leads to no page there.
	if _, err := m.pool.Exec(t.Context(), `UPDATE products SET state = 'withdrawn' WHERE slug = 'kilim-blue-steps'; DELETE FROM cards WHERE slug = 'kilim-blue-steps'`); err != nil {
		t.Fatal(err)
	}
	if got := staff.get("/admin/search?q=kis-0011"); strings.Contains(got.body, pieceLink) || !strings.Contains(got.body, makerLink) {
		t.Error("a withdrawn piece is not found, or leads to a page that is not there")
	}
	for _, odd := range []string{"", "%", "_", "'", `"><script>`, strings.Repeat("ا", 400), "\\"} {
		got := staff.get("/admin/search?q=" + url.QueryEscape(odd))
		if got.status != http.StatusOK || !strings.Contains(got.body, "empty__more") || strings.Contains(got.body, "<script>") {
			t.Errorf("searching %.20q = %d, want nothing found", odd, got.status)
		}
	}
	if got := m.comeIn(t, "saadia-ghomari").get("/admin/search?q=marta"); got.status != http.StatusForbidden {
		t.Errorf("an artisan searches the office: %d, want 403", got.status)
	}
}

// A long list is turned page by page, and each order is on one of them.
func TestOfficeTurnsPages(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011")
	// 119 more of the same, over a few days and workshops.
	_, err := m.pool.Exec(t.Context(), `
		WITH copies AS (
			INSERT INTO orders (number, token, place_key, cart_key, state, language, pieces_minor, postage_minor, total_minor, name, email, phone,
			                    delivery, country, address, carrier, weight_g, method, arrives_by, pay_by, paid_at)
			SELECT 'AA-' || lpad(n::text, 4, '0'), substr(o.token, 1, 22) || translate(lpad(n::text, 4, '0'), '0189', 'abcd'), sha256(n::text::bytea), o.cart_key, o.state, o.language,
			       o.pieces_minor, o.postage_minor, o.total_minor, o.name, o.email, o.phone, o.delivery, o.country, o.address, o.carrier, o.weight_g,
			       o.method, o.arrives_by + n % 3, o.pay_by, o.paid_at
			FROM orders o, generate_series(200, 318) n
			RETURNING id, number),
		parts AS (
			INSERT INTO fulfilments (order_id, artisan_id, state, prepare_by)
			SELECT c.id, (SELECT id FROM artisans ORDER BY id OFFSET substr(c.number, 4)::int % (SELECT count(*) FROM artisans) LIMIT 1), 'to_prepare', current_date + substr(c.number, 4)::int % 4
			FROM copies c
			RETURNING id, order_id)
		INSERT INTO order_lines (order_id, fulfilment_id, position, sku, slug, title, options, quantity, unit_minor, total_minor, commission_bp,
		                         commission_minor, artisan_minor, weight_g, hs_code, trade_id)
		SELECT f.order_id, f.id, 1, l.sku, l.slug, l.title, l.options, l.quantity, l.unit_minor, l.total_minor, l.commission_bp, l.commission_minor,
		       l.artisan_minor, l.weight_g, l.hs_code, l.trade_id
		FROM parts f, order_lines l`)
	if err != nil {
		t.Fatal(err)
	}
	staff := m.staff(t)
	turn := func(path, link string) map[string]int {
		t.Helper()
		seen := map[string]int{}
		for pages := 0; path != ""; pages++ {
			if pages > 10 {
				t.Fatal("the pages do not end")
			}
			body := staff.get(path).body
			for _, part := range strings.Split(body, link)[1:] {
				name, _, _ := strings.Cut(part, `"`)
				seen[name]++
			}
			_, rest, more := strings.Cut(body, `<a class="btn btn--plain" href="`)
			path, _, _ = strings.Cut(rest, `"`)
			path = strings.ReplaceAll(path, "&amp;", "&")
			if !more {
				path = ""
			}
		}
		return seen
	}
	workshops := turn("/admin/orders/waiting", `order-part__maker"><a href="/admin/artisans/`)
	if want := one[int](t, m, `SELECT count(DISTINCT artisan_id) FROM fulfilments WHERE state = 'to_prepare'`); len(workshops) != want {
		t.Errorf("the pages show %d workshops of %d", len(workshops), want)
	}
	if _, err := m.pool.Exec(t.Context(), `
		UPDATE fulfilments SET state = 'handed_in', handed_in_at = now();
		INSERT INTO shipments (order_id, began_at) SELECT id, now() FROM orders`); err != nil {
		t.Fatal(err)
	}
	orders := turn("/admin/orders/packing", `<th scope="row"><a href="/admin/orders/`)
	if len(orders) != 120 || orders[p.number+"/packing"] != 1 {
		t.Errorf("the pages show %d orders of 120", len(orders))
	}
	for name, n := range orders {
		if n != 1 {
			t.Errorf("%s is on %d pages", name, n)
		}
	}
	for name, n := range workshops {
		if n != 1 {
			t.Errorf("%s is on %d pages", name, n)
		}
	}
}

// The office keeps notes of an order, writes to its buyer, and mends the address
// of a parcel that is not packed.
func TestOfficeWritesAboutAnOrder(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "fr", "KIS-0011")
	staff, path := m.staff(t), "/admin/orders/"+p.number
	for _, bad := range []url.Values{{"words": {"  "}}, {"words": {strings.Repeat("x", 1001)}}} {
		if got := staff.post(path+"/note", bad); got.status != 422 || !strings.Contains(got.body, `id="note-wrong"`) {
			t.Errorf("a note of %d characters = %d, want 422", len(bad.Get("words")), got.status)
		}
	}
	if got := staff.post(path+"/note", url.Values{"words": {"She calls on <Friday>."}}); got.status != http.StatusSeeOther {
		t.Fatalf("a note = %d", got.status)
	}
	if page := staff.get(path); !strings.Contains(page.body, "She calls on &lt;Friday&gt;.") {
		t.Error("colleagues do not read the note")
	}
	if page := p.get("/fr/orders/" + p.token); strings.Contains(page.body, "She calls on") {
		t.Error("the buyer reads what is for colleagues")
	}

	if got := staff.post(path+"/message", url.Values{"about": {"own"}}); got.status != 422 || !strings.Contains(got.body, `id="message-wrong"`) {
		t.Errorf("a message without a word = %d, want 422", got.status)
	}
	if got := staff.post(path+"/message", url.Values{"about": {"bribe"}, "words": {"x"}}); got.status != 422 {
		t.Errorf("a message about nothing = %d, want 422", got.status)
	}
	if got := staff.post(path+"/message", url.Values{"about": {"late"}, "words": {"La laine est en route."}}); got.status != http.StatusSeeOther {
		t.Fatalf("a message = %d", got.status)
	}
	letter := one[string](t, m, `SELECT subject || ' ' || body_text FROM mails WHERE recipient = 'marta@example.com' ORDER BY id DESC LIMIT 1`)
	if !strings.Contains(letter, "Au sujet de votre commande") || !strings.Contains(letter, "prend plus de temps") || !strings.Contains(letter, "La laine est en route.") {
		t.Errorf("the buyer reads:\n%s", letter)
	}

	address := url.Values{"line1": {""}, "city": {"Lyon"}, "landmark": {"kept"}}
	if got := staff.post(path+"/address", address); got.status != 422 || !strings.Contains(got.body, `value="kept"`) || !strings.Contains(got.body, `id="line1-wrong"`) {
		t.Errorf("an address without a street = %d, want 422 with the rest kept", got.status)
	}
	address.Set("line1", "7 rue Neuve")
	if got := staff.post(path+"/address", address); got.status != http.StatusSeeOther {
		t.Fatalf("another address = %d", got.status)
	}
	country := one[string](t, m, `SELECT country || ' ' || (address ->> 'line1') FROM orders WHERE number = $1`, p.number)
	if !strings.HasSuffix(country, " 7 rue Neuve") || !strings.Contains(staff.get(path+"/label").body, "7 rue Neuve") {
		t.Errorf("the parcel goes to %s", country)
	}
	m.handIn(t, staff, p.number, "jaouad-benallal")
	staff.post(path+"/packing", url.Values{"piece-KIS-0011": {"yes"}, "weight": {"900"}})
	if got := staff.post(path+"/address", address); got.status != http.StatusConflict {
		t.Errorf("another address for a packed parcel = %d, want 409", got.status)
	}
	if personal := one[int](t, m, `SELECT count(*) FROM audit WHERE (before::text || after::text) LIKE '%Neuve%'`); personal != 0 {
		t.Error("the audit holds an address")
	}
}
