package sandbox

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestKeyIsAsked(t *testing.T) {
	s := newServer(t, nil)
	basic := func(user string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, "")
		return r.Header.Get("Authorization")
	}
	tests := []struct {
		name, authorization string
		status              int
	}{
		{"bearer", "Bearer " + testKey, http.StatusOK},
		{"basic", basic(testKey), http.StatusOK},
		{"another key", "Bearer sk_test_theirs", http.StatusUnauthorized},
		{"another key, basic", basic("sk_test_theirs"), http.StatusUnauthorized},
		{"a beginning of the key", "Bearer sk_test_", http.StatusUnauthorized},
		{"none", "", http.StatusUnauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := call(t, s, "GET", "/v1/events", nil, "Authorization", tt.authorization)
			if got.status != tt.status {
				t.Errorf("answered %d, want %d", got.status, tt.status)
			}
			if strings.Contains(fmt.Sprint(got.body), "theirs") {
				t.Errorf("the answer repeats the key: %v", got.body)
			}
			if !strings.HasPrefix(got.header.Get("Request-Id"), "req_") {
				t.Errorf("Request-Id is %q", got.header.Get("Request-Id"))
			}
		})
	}
}

func TestSessionIsOpened(t *testing.T) {
	s := newServer(t, nil)
	got := call(t, s, "POST", "/v1/checkout/sessions", rugForm(time.Now()))
	id := got.id()
	for key, want := range map[string]any{
		"object":              "checkout.session",
		"amount_total":        225_000.0,
		"currency":            "mad",
		"status":              "open",
		"payment_status":      "unpaid",
		"payment_intent":      nil,
		"client_reference_id": "pay_1",
		"customer_email":      "buyer@example.com",
		"url":                 "http://market.test/sandbox/pay/" + id,
	} {
		if got.body[key] != want {
			t.Errorf("%s is %v, want %v", key, got.body[key], want)
		}
	}
	if v := got.header.Get("Stripe-Version"); v != apiVersion {
		t.Errorf("Stripe-Version is %q, want %q", v, apiVersion)
	}
	page, err := s.Session(id)
	if err != nil {
		t.Fatal(err)
	}
	if page.Status != Open || page.Amount != 225_000 || page.Email != "buyer@example.com" || page.Locale != "fr" ||
		len(page.Lines) != 2 || page.Lines[0].Title != "Rug" || page.Metadata["payment"] != "pay_1" || page.Asking {
		t.Errorf("the page shows %+v", page)
	}
	if want := "http://market.test/done?session=" + id; page.SuccessURL != want {
		t.Errorf("SuccessURL is %q, want %q", page.SuccessURL, want)
	}
}

func TestSessionIsRefused(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	s := newServer(t, func(c *Config) { c.Now = func() time.Time { return now } })
	unit, currency := "line_items[1][price_data][unit_amount]", "line_items[1][price_data][currency]"
	in := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	tests := []struct {
		name, key, value string // a value of "-" leaves the parameter out
		status           int
		code, param      string
	}{
		{"just long enough", "expires_at", in(30 * time.Minute), 200, "", ""},
		{"too short", "expires_at", in(30*time.Minute - time.Second), 400, "", "expires_at"},
		{"a whole day", "expires_at", in(24 * time.Hour), 200, "", ""},
		{"more than a day", "expires_at", in(24*time.Hour + time.Second), 400, "", "expires_at"},
		{"a day when nothing is said", "expires_at", "-", 200, "", ""},
		{"no mode", "mode", "-", 400, "parameter_missing", "mode"},
		{"another mode", "mode", "subscription", 400, "", "mode"},
		{"no success address", "success_url", "-", 400, "parameter_missing", "success_url"},
		{"an address of nowhere", "cancel_url", "back", 400, "url_invalid", "cancel_url"},
		{"Arabic, which Stripe does not speak", "locale", "ar", 400, "", "locale"},
		{"no address", "customer_email", "buyer", 400, "email_invalid", "customer_email"},
		{"below zero", unit, "-1", 400, "parameter_invalid_integer", unit},
		{"half a centime", unit, "0.5", 400, "parameter_invalid_integer", unit},
		{"free postage", unit, "0", 200, "", ""},
		{"more than Stripe takes", unit, "99999999", 400, "amount_too_large", "line_items"},
		{"two currencies", currency, "eur", 400, "", currency},
		{"no currency", currency, "m4d", 400, "", currency},
		{"something unheard of", "colour", "red", 400, "parameter_unknown", "colour"},
		{"expanded", "expand[]", "line_items", 200, "", ""},
		{"expanded too far", "expand[]", "line_items.data", 400, "", "expand[0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := rugForm(now)
			form.Set(tt.key, tt.value)
			if tt.value == "-" {
				form.Del(tt.key)
			}
			got := call(t, s, "POST", "/v1/checkout/sessions", form)
			_, code, param := got.problem()
			if got.status != tt.status || code != tt.code || param != tt.param {
				t.Errorf("answered %d %q at %q, want %d %q at %q: %v",
					got.status, code, param, tt.status, tt.code, tt.param, got.body["error"])
			}
		})
	}
}

func TestOddRequestsAreRefused(t *testing.T) {
	s := newServer(t, nil)
	tests := []struct {
		name, method, path string
		form               url.Values
		headers            []string
		status             int
		kind               string
	}{
		{"no such address", "GET", "/v1/customers", nil, nil, 404, "invalid_request_error"},
		{"no such method", "DELETE", "/v1/refunds", nil, nil, 404, "invalid_request_error"},
		{"no such session", "GET", "/v1/checkout/sessions/cs_test_x", nil, nil, 404, "invalid_request_error"},
		{"no such intent", "GET", "/v1/payment_intents/pi_x", nil, nil, 404, "invalid_request_error"},
		{"no such refund", "GET", "/v1/refunds/re_x", nil, nil, 404, "invalid_request_error"},
		{"no such event", "GET", "/v1/events/evt_x", nil, nil, 404, "invalid_request_error"},
		{"no such cursor", "GET", "/v1/refunds", url.Values{"starting_after": {"re_x"}}, nil, 404, "invalid_request_error"},
		{"a body too long", "POST", "/v1/refunds", url.Values{"a": {strings.Repeat("x", maxBody)}}, nil, 413, "invalid_request_error"},
		{"JSON", "POST", "/v1/refunds", url.Values{"a": {"b"}}, []string{"Content-Type", "application/json"}, 400, "invalid_request_error"},
		{"no version", "GET", "/v1/events", nil, []string{"Stripe-Version", "latest"}, 400, "invalid_request_error"},
		{"a later version", "GET", "/v1/events", nil, []string{"Stripe-Version", "2026-08-26.dahlia"}, 200, ""},
		{"a key too long", "POST", "/v1/refunds", nil, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "invalid_request_error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := call(t, s, tt.method, tt.path, tt.form, tt.headers...)
			if kind, _, _ := got.problem(); got.status != tt.status || kind != tt.kind {
				t.Errorf("answered %d %s, want %d %s", got.status, kind, tt.status, tt.kind)
			}
		})
	}
}

func TestSameKeySameAnswer(t *testing.T) {
	now := time.Now()
	s := newServer(t, func(c *Config) { c.Now = func() time.Time { return now } })
	form := rugForm(now)
	first := call(t, s, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1")
	again := call(t, s, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1")
	if again.id() != first.id() || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same key again opened %s (replayed %q), want %s",
			again.id(), again.header.Get("Idempotent-Replayed"), first.id())
	}
	if first.header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer says that it is a replay")
	}
	if got := again.header.Get("Original-Request"); got != first.header.Get("Request-Id") {
		t.Errorf("Original-Request is %q, want %q", got, first.header.Get("Request-Id"))
	}

	form.Set("locale", "en")
	other := call(t, s, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1")
	if kind, _, _ := other.problem(); other.status != 400 || kind != "idempotency_error" {
		t.Errorf("the key with other parameters: %d %s, want 400 idempotency_error", other.status, kind)
	}
	elsewhere := call(t, s, "POST", "/v1/refunds", form, "Idempotency-Key", "k1")
	if kind, _, _ := elsewhere.problem(); elsewhere.status != 400 || kind != "idempotency_error" {
		t.Errorf("the key at another address: %d %s, want 400 idempotency_error", elsewhere.status, kind)
	}

	now = now.Add(keyLife + time.Second)
	form = rugForm(now)
	if late := call(t, s, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1"); late.id() == first.id() || late.status != 200 {
		t.Errorf("the key a day later: %d %s, want a new session", late.status, late.id())
	}
}

// A request that made no sense may be mended and sent again with its key.
func TestKeyOfARefusedRequestIsFree(t *testing.T) {
	s := newServer(t, nil)
	form := rugForm(time.Now())
	form.Set("mode", "setup")
	if got := call(t, s, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1"); got.status != 400 {
		t.Fatalf("answered %d, want 400", got.status)
	}
	form.Set("mode", "payment")
	if got := call(t, s, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1"); got.status != 200 {
		t.Errorf("mended: answered %d %v, want 200", got.status, got.body)
	}
}

func TestManyAtOnceWithOneKeyOpenOneSession(t *testing.T) {
	s := newServer(t, nil)
	form := rugForm(time.Now())
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() {
			ids[i] = call(t, s, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1").id()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("opened %q, want the same session each time", ids)
		}
	}
	if n := len(s.book.Purchases); n != 1 {
		t.Errorf("%d sessions are open, want 1", n)
	}
}

func TestPaidIntentHasItsFee(t *testing.T) {
	s := newServer(t, nil)
	intent := pay(t, s, open(t, s))
	got := call(t, s, "GET", "/v1/payment_intents/"+intent, url.Values{"expand[]": {"latest_charge.balance_transaction"}})
	charge, _ := got.body["latest_charge"].(map[string]any)
	transaction, _ := charge["balance_transaction"].(map[string]any)
	if got.body["status"] != "succeeded" || transaction["fee"] != 6825.0 || transaction["net"] != 218_175.0 {
		t.Errorf("the intent is %v, its fee %v, its net %v; want succeeded, 6825, 218175",
			got.body["status"], transaction["fee"], transaction["net"])
	}
	plain := call(t, s, "GET", "/v1/payment_intents/"+intent, nil)
	if id, _ := plain.body["latest_charge"].(string); !strings.HasPrefix(id, "ch_") {
		t.Errorf("unexpanded, the charge is %v, want its id", plain.body["latest_charge"])
	}
	list := call(t, s, "GET", "/v1/checkout/sessions", url.Values{"payment_intent": {intent}})
	if data, _ := list.body["data"].([]any); len(data) != 1 {
		t.Errorf("%d sessions have the intent, want 1", len(data))
	}
}

func TestRefund(t *testing.T) {
	s := newServer(t, nil)
	intent := pay(t, s, open(t, s))
	unpaid := open(t, s)
	if _, err := s.Pay(t.Context(), unpaid, card("4000000000000002")); err != nil {
		t.Fatal(err)
	}
	failed := call(t, s, "GET", "/v1/checkout/sessions/"+unpaid, nil).body["payment_intent"].(string)

	tests := []struct {
		name, intent, amount string
		status               int
		code, param          string
	}{
		{"a part", intent, "100000", 200, "", ""},
		{"more than is left", intent, "125001", 400, "", "amount"},
		{"nothing", intent, "0", 400, "parameter_invalid_integer", "amount"},
		{"the rest", intent, "", 200, "", ""},
		{"once more", intent, "1", 400, "charge_already_refunded", ""},
		{"what was never paid", failed, "1", 400, "payment_intent_unexpected_state", "payment_intent"},
		{"what never was", "pi_x", "1", 404, "resource_missing", "payment_intent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := url.Values{"payment_intent": {tt.intent}, "reason": {"requested_by_customer"}, "metadata[a]": {"b"}}
			if tt.amount != "" {
				form.Set("amount", tt.amount)
			}
			got := call(t, s, "POST", "/v1/refunds", form)
			_, code, param := got.problem()
			if got.status != tt.status || code != tt.code || param != tt.param {
				t.Errorf("answered %d %q at %q, want %d %q at %q", got.status, code, param, tt.status, tt.code, tt.param)
			}
			if got.status == 200 {
				same := call(t, s, "GET", "/v1/refunds/"+got.id(), nil)
				if same.body["amount"] != got.body["amount"] || same.body["status"] != "succeeded" {
					t.Errorf("asked for again it is %v, want %v", same.body, got.body)
				}
			}
		})
	}
	list := call(t, s, "GET", "/v1/refunds", url.Values{"payment_intent": {intent}})
	if data, _ := list.body["data"].([]any); len(data) != 2 || data[0].(map[string]any)["amount"] != 125_000.0 {
		t.Errorf("the refunds are %v, want two, the newest of 125000", list.body["data"])
	}
}

func TestRefundsAtOnceNeverPassWhatWasPaid(t *testing.T) {
	s := newServer(t, nil)
	intent := pay(t, s, open(t, s))
	var wg sync.WaitGroup
	statuses := make([]int, 12)
	for i := range statuses {
		wg.Go(func() {
			statuses[i] = call(t, s, "POST", "/v1/refunds",
				url.Values{"payment_intent": {intent}, "amount": {"60000"}}).status
		})
	}
	wg.Wait()
	done := 0
	for _, status := range statuses {
		if status == 200 {
			done++
		}
	}
	if done != 3 {
		t.Errorf("%d refunds of 600.00 were made of 2 250.00, want 3", done)
	}
}

func TestListsArePaged(t *testing.T) {
	s := newServer(t, nil)
	var ids []string // newest first
	for range 5 {
		ids = append([]string{open(t, s)}, ids...)
	}
	tests := []struct {
		name string
		form url.Values
		want []string
		more bool
	}{
		{"all", nil, ids, false},
		{"the first two", url.Values{"limit": {"2"}}, ids[:2], true},
		{"the next two", url.Values{"limit": {"2"}, "starting_after": {ids[1]}}, ids[2:4], true},
		{"the last", url.Values{"limit": {"2"}, "starting_after": {ids[3]}}, ids[4:], false},
		{"two back", url.Values{"limit": {"2"}, "ending_before": {ids[4]}}, ids[2:4], true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := call(t, s, "GET", "/v1/checkout/sessions", tt.form)
			var page []string
			for _, o := range got.body["data"].([]any) {
				page = append(page, o.(map[string]any)["id"].(string))
			}
			if fmt.Sprint(page) != fmt.Sprint(tt.want) || got.body["has_more"] != tt.more {
				t.Errorf("listed %v, more %v; want %v, more %v", page, got.body["has_more"], tt.want, tt.more)
			}
		})
	}
}
