package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signIn signs the visitor in as staff.
func (v *visitor) signIn(name, password string) {
	v.t.Helper()
	if got := v.post("/en/sign-in", url.Values{"email": {name}, "password": {password}}); got.status != http.StatusSeeOther {
		v.t.Fatalf("signing in as %s = %d", name, got.status)
	}
}

// invite has the administrator invite an artisan, and returns the link's path.
func (m *market) invite(t *testing.T, slug string) string {
	t.Helper()
	staff := m.visitor(t)
	staff.signIn("admin@kissaria.example", "demo-admin-2026")
	page := staff.post("/admin/artisans/"+slug+"/invitation", nil)
	if page.status != http.StatusOK || !strings.Contains(page.body, `<svg class="qr"`) || !strings.Contains(page.body, "https://wa.me/2126") {
		t.Fatalf("inviting %s = %d; want a code and a WhatsApp link", slug, page.status)
	}
	_, rest, ok := strings.Cut(page.body, m.url+"/studio/welcome/")
	if !ok {
		t.Fatal("the invitation shows no link")
	}
	return "/studio/welcome/" + rest[:26]
}

// comeIn uses an invitation.
func (m *market) comeIn(t *testing.T, slug string) *visitor {
	t.Helper()
	link := m.invite(t, slug)
	v := m.visitor(t)
	v.get("/ar/") // Speaks Arabic.
	if got := v.get(link); got.status != http.StatusOK {
		t.Fatalf("the invitation = %d", got.status)
	}
	if got := v.post(link, url.Values{"password": {"three blue doors"}}); got.location != "/studio" {
		t.Fatalf("coming in = %d to %q\n%s", got.status, got.location, tail(got.body, 500))
	}
	return v
}

func TestArtisanComesInByInvitation(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	link := m.invite(t, "jaouad-benallal")
	v := m.visitor(t)
	if got := v.post(link, url.Values{"password": {"short"}}); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "10") {
		t.Errorf("a short password = %d", got.status)
	}
	got := v.post(link, url.Values{"password": {"three blue doors"}})
	if got.location != "/studio" {
		t.Fatalf("coming in = %d to %q", got.status, got.location)
	}
	if c := strings.Join(got.header.Values("Set-Cookie"), " "); !strings.Contains(c, "Max-Age=7776000") {
		t.Errorf("the artisan does not stay signed in for ninety days: %q", c)
	}
	if home := v.get("/studio"); home.status != http.StatusOK || !strings.Contains(home.body, "Jaouad") && !strings.Contains(home.body, "جواد") {
		t.Errorf("the studio = %d", home.status)
	}
	if again := m.visitor(t).get(link); again.status != http.StatusNotFound {
		t.Errorf("the link opens twice: %d", again.status)
	}

	// The phone number and the password open it on another phone.
	other := m.visitor(t)
	phone := one[string](t, m, `SELECT phone FROM artisans WHERE slug = 'jaouad-benallal'`)
	if got := other.post("/ar/sign-in", url.Values{"email": {strings.Replace(phone, "+212 ", "0", 1)}, "password": {"three blue doors"}}); got.location != "/studio" {
		t.Errorf("signing in by phone leads to %q", got.location)
	}

	// Lost: a new invitation signs the old phones out.
	m.invite(t, "jaouad-benallal")
	for _, lost := range []*visitor{v, other} {
		if got := lost.get("/studio"); got.status != http.StatusSeeOther {
			t.Errorf("after a new invitation the old phone still opens the studio: %d", got.status)
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action = 'artisan.invited' AND subject = 'artisan:jaouad-benallal'`); n != 2 {
		t.Errorf("the audit has %d invitations, want 2", n)
	}
}

func TestInvitationRunsOut(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	old, link := m.invite(t, "rqia-el-hmidi"), ""
	link = m.invite(t, "rqia-el-hmidi")
	if got := m.visitor(t).get(old); got.status != http.StatusNotFound {
		t.Errorf("a replaced link = %d, want 404", got.status)
	}
	m.site.Now = func() time.Time { return time.Now().Add(8 * 24 * time.Hour) }
	if got := m.visitor(t).get(link); got.status != http.StatusNotFound || !strings.Contains(got.body, "seven days") {
		t.Errorf("a link of last week = %d", got.status)
	}
}

func TestStudioShowsWhatIsSoldAndOwed(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	if _, err := m.pool.Exec(t.Context(), `UPDATE variants SET on_hand = 2 WHERE sku = 'KIS-0011'`); err != nil {
		t.Fatal(err)
	}
	p := m.buy(t, "en", "KIS-0011", "KIS-0024-RED")
	v := m.comeIn(t, "jaouad-benallal")
	home := v.get("/studio")
	if !strings.Contains(home.body, p.number) || !strings.Contains(home.body, "2.024") && !strings.Contains(home.body, "2,024") {
		t.Error("the studio does not tell of the order and of the 2 024 MAD that are owed")
	}
	if n := one[int](t, m, `SELECT count(*) FROM notices WHERE kind = 'piece_nearly_gone' AND subject = 'KIS-0011/' || $1`, p.number); n != 1 || !strings.Contains(home.body, "KIS-0011") {
		t.Errorf("the maker is told %d times that one is left", n)
	}
	orders := v.get("/studio/orders")
	if !strings.Contains(orders.body, p.number) || !strings.Contains(orders.body, `data-state="to_prepare"`) {
		t.Error("the order is not among what is to be prepared")
	}
	for _, secret := range []string{"Marta", "marta@example.com", "Elvira", "600 000 000", "mendil"} {
		if strings.Contains(orders.body, secret) {
			t.Errorf("the artisan is shown %q of the buyer or of another workshop", secret)
		}
	}
	if sold := v.get("/studio/money"); strings.Count(sold.body, `class="studio-part"`) != 1 || !strings.Contains(sold.body, "176") {
		t.Error("the money page does not show the one line with the union's 176 MAD")
	}
	// What is held, and what is due, follow the day on which the buyer got it.
	moneyIs := func(when, due, held, why string) {
		t.Helper()
		page := v.get("/studio/money").body
		_, rest, _ := strings.Cut(page, `data-state="due"`)
		dues, helds, _ := strings.Cut(rest, `data-state="held"`)
		helds, _, _ = strings.Cut(helds, "</dl>")
		if !strings.Contains(dues, due) || !strings.Contains(helds, held) || !strings.Contains(page, why) {
			t.Errorf("%s the page does not say due %s, held %s, %q\n%s", when, due, held, why, tail(page, 1500))
		}
	}
	moneyIs("before it is delivered", ">0", "2,024", "Held until 14 days after it is delivered.")
	if _, err := m.pool.Exec(t.Context(), `
		INSERT INTO shipments (order_id, state, began_at, packed_at, weight_g, delivered_at)
		SELECT id, 'delivered', now(), now(), 900, now() FROM orders WHERE number = $1`, p.number); err != nil {
		t.Fatal(err)
	}
	moneyIs("delivered today", ">0", "2,024", "until then the buyer may change their mind.")
	real := m.site.Now
	m.site.Now = func() time.Time { return real().AddDate(0, 0, 15) }
	moneyIs("two weeks later", "2,024", ">0", "The union pays it with the next payment.")
	m.site.Now = real
	year := time.Now().Year()
	statement := v.get(fmt.Sprintf("/studio/money/%d", year))
	if got := strings.Count(statement.body, "2,024"); got != 3 || !strings.Contains(statement.body, p.number) {
		t.Errorf("the year's statement shows 2 024 MAD %d times; want the share, what is owed after it, and at the end", got)
	}
	if last := v.get(fmt.Sprintf("/studio/money/%d", year-1)); last.status != http.StatusOK || strings.Contains(last.body, p.number) {
		t.Errorf("last year's statement = %d; want one without this year's order", last.status)
	}
	for _, bad := range []string{fmt.Sprint(year + 1), "1900", "0", "-1", "twenty", "99999999999999999999"} {
		if got := v.get("/studio/money/" + bad); got.status != http.StatusNotFound {
			t.Errorf("the statement of %s = %d, want 404", bad, got.status)
		}
	}
	if staff := v.get("/admin/orders"); staff.status != http.StatusForbidden {
		t.Errorf("an artisan at the office = %d, want 403", staff.status)
	}
}

func TestPriceAndStockChangeAtOnce(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	v := m.comeIn(t, "jaouad-benallal")
	tests := []struct {
		price, count string
		status       int
		minor        int64
		onHand       int
	}{
		{"2300", "3", 303, 2300_00, 3}, {"2 350,50", "٤", 303, 2350_50, 4}, {"١٢٥", "1", 303, 125_00, 1},
		{"0", "1", 422, 125_00, 1}, {"-5", "1", 422, 125_00, 1}, {"1e9", "1", 422, 125_00, 1}, {"150", "many", 422, 125_00, 1}, {"150", "100000", 422, 125_00, 1},
	}
	for _, tt := range tests {
		got := v.post("/studio/variants/KIS-0011", url.Values{"price": {tt.price}, "on_hand": {tt.count}})
		minor := one[int64](t, m, `SELECT price_minor FROM variants WHERE sku = 'KIS-0011'`)
		onHand := one[int](t, m, `SELECT on_hand FROM variants WHERE sku = 'KIS-0011'`)
		if got.status != tt.status || minor != tt.minor || onHand != tt.onHand {
			t.Errorf("%s for %s pieces = %d, and then %d centimes for %d; want %d, %d, %d", tt.price, tt.count, got.status, minor, onHand, tt.status, tt.minor, tt.onHand)
		}
		if tt.status == 422 && !strings.Contains(got.body, `value="`+tt.price+`"`) {
			t.Errorf("the price %q that was typed is lost", tt.price)
		}
	}
	if n := one[int](t, m, `SELECT count(*) FROM variant_changes`); n != 3 {
		t.Errorf("%d changes are logged, want 3", n)
	}
	if page := m.visitor(t).get("/en/products/kilim-blue-steps"); !strings.Contains(page.body, "125") {
		t.Error("buyers do not see the new price")
	}
	// Anyone else's is as absent as what never was.
	for _, sku := range []string{"KIS-0024-RED", "NO-SUCH"} {
		if got := v.post("/studio/variants/"+sku, url.Values{"price": {"1"}, "on_hand": {"0"}}); got.status != http.StatusNotFound {
			t.Errorf("changing %s = %d, want 404", sku, got.status)
		}
	}
	// What someone is paying for cannot be taken away.
	buyer := m.visitor(t)
	buyer.fill("en", "KIS-0011")
	buyer.place("en")
	if got := v.post("/studio/variants/KIS-0011", url.Values{"price": {"125"}, "on_hand": {"0"}}); got.status != 422 {
		t.Errorf("taking away what is being paid = %d, want 422", got.status)
	}
}

// photo makes a picture as a phone would.
func photo(t testing.TB, width, height int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, color.RGBA{uint8(x * 255 / width), uint8(y * 255 / height), uint8((x ^ y) & 0xff), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// upload sends a photo as an ordinary form does.
func (v *visitor) upload(path, name string, content []byte) answer {
	v.t.Helper()
	return v.sendFile(path, "photo", name, content)
}

// The artisan shows the very piece, the union compares, and it is handed in.
func TestPieceIsHandedIn(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true, work: true})
	p := m.buy(t, "en", "KIS-0011")
	v := m.comeIn(t, "jaouad-benallal")
	path := "/studio/orders/" + p.number + "/photo"

	for name, content := range map[string][]byte{"nothing": nil, "a text": []byte("not a photo at all"), "a tiny one": photo(t, 40, 40)} {
		if got := v.upload(path, "../../etc/passwd.jpg", content); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "field__wrong") {
			t.Errorf("%s as the photo = %d, want 422 with what to do", name, got.status)
		}
	}
	if got := v.upload(path, "big.jpg", bytes.Repeat([]byte("x"), 61<<20)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("61 MB as the photo = %d, want 413", got.status)
	}
	if got := v.upload(path, "kilim.jpg", photo(t, 600, 800)); got.status != http.StatusSeeOther {
		t.Fatalf("the photo = %d\n%s", got.status, tail(got.body, 500))
	}
	eventually(t, "the photo is made", func() bool { return strings.Contains(v.get("/studio/orders").body, "/media/") })

	other := m.comeIn(t, "saadia-ghomari")
	if got := other.upload(path, "mine.jpg", photo(t, 600, 800)); got.status != http.StatusNotFound {
		t.Errorf("another artisan's photo for this order = %d, want 404", got.status)
	}

	staff := m.visitor(t)
	staff.signIn("admin@kissaria.example", "demo-admin-2026")
	if page := staff.get("/admin/orders/" + p.number); !strings.Contains(page.body, `data-state="waiting"`) {
		t.Error("the office does not show the photo to compare")
	}
	verdict := "/admin/orders/" + p.number + "/fulfilments/jaouad-benallal/verdict"
	money := m.visitor(t)
	money.signIn("treasurer@kissaria.example", "demo-treasurer-2026")
	if got := money.post(verdict, url.Values{"verdict": {"as_shown"}}); got.status != http.StatusForbidden {
		t.Errorf("the treasurer takes a piece in: %d, want 403", got.status)
	}
	if got := staff.post(verdict, url.Values{"verdict": {"differs"}, "words": {"the fringe is missing"}}); got.status != http.StatusSeeOther {
		t.Fatalf("differs = %d", got.status)
	}
	if page := v.get("/studio/orders"); !strings.Contains(page.body, `data-state="differs"`) || !strings.Contains(page.body, "the fringe is missing") {
		t.Error("the artisan is not told what differs")
	} else if !strings.Contains(page.body, "Differed: 1, which is 100 in a hundred.") {
		t.Error("the artisan is not told how often a piece differed")
	}
	if got := staff.post(verdict, url.Values{"verdict": {"as_shown"}}); got.status != http.StatusConflict {
		t.Errorf("judging the same photo twice = %d, want 409", got.status)
	}
	v.upload(path, "again.jpg", photo(t, 700, 800))
	if got := staff.post(verdict, url.Values{"verdict": {"as_shown"}}); got.status != http.StatusSeeOther {
		t.Fatalf("as shown = %d", got.status)
	}
	if state := one[string](t, m, `SELECT state FROM fulfilments`); state != "handed_in" {
		t.Errorf("the part is %s, want handed_in", state)
	}
	if page := v.get("/studio/orders"); strings.Contains(page.body, p.number) {
		t.Error("what is handed in is still to be prepared")
	}
	if n := one[int](t, m, `SELECT count(*) FROM audit WHERE action LIKE 'fulfilment.%'`); n != 2 {
		t.Errorf("the audit has %d verdicts, want 2", n)
	}
}
