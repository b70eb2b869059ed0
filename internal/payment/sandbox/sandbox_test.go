package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "sk_test_ours"

// newServer returns a Server that delivers to nobody, unless change says
// otherwise.
func newServer(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	cfg := Config{
		SecretKey:     testKey,
		WebhookSecret: "whsec_ours",
		PayURL:        "http://market.test/sandbox/pay",
		Log:           slog.New(slog.NewTextHandler(io.Discard, nil)),
		Deliver:       func(context.Context, Event) error { return nil },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A reply is what the API answered.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// problem returns the type, code and param of an error, and "" for none.
func (r reply) problem() (kind, code, param string) {
	e, _ := r.body["error"].(map[string]any)
	kind, _ = e["type"].(string)
	code, _ = e["code"].(string)
	param, _ = e["param"].(string)
	return kind, code, param
}

// id returns the answered object's id.
func (r reply) id() string {
	id, _ := r.body["id"].(string)
	return id
}

// call makes a call as stripe-go would. headers are pairs of name and value.
func call(t *testing.T, s *Server, method, path string, form url.Values, headers ...string) reply {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		path += "?" + form.Encode()
	}
	r := httptest.NewRequest(method, path, body)
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	answer := reply{status: w.Code, header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), &answer.body); err != nil {
		t.Fatalf("%s %s answered %q, which is not JSON: %v", method, path, w.Body, err)
	}
	return answer
}

// rugForm asks 2 250.00 MAD for a rug and its postage.
func rugForm(now time.Time) url.Values {
	return url.Values{
		"mode":                                   {"payment"},
		"payment_method_types[0]":                {"card"},
		"client_reference_id":                    {"pay_1"},
		"metadata[payment]":                      {"pay_1"},
		"payment_intent_data[metadata][payment]": {"pay_1"},
		"customer_email":                         {"buyer@example.com"},
		"locale":                                 {"fr"},
		"success_url":                            {"http://market.test/done?session={CHECKOUT_SESSION_ID}"},
		"cancel_url":                             {"http://market.test/back"},
		"expires_at":                             {strconv.FormatInt(now.Add(45*time.Minute).Unix(), 10)},
		"line_items[0][quantity]":                {"1"},
		"line_items[0][price_data][currency]":    {"mad"},
		"line_items[0][price_data][unit_amount]": {"220000"},
		"line_items[0][price_data][product_data][name]": {"Rug"},
		"line_items[1][quantity]":                       {"2"},
		"line_items[1][price_data][currency]":           {"mad"},
		"line_items[1][price_data][unit_amount]":        {"2500"},
		"line_items[1][price_data][product_data][name]": {"Postage"},
	}
}

// open opens a session for the rug and returns its id.
func open(t *testing.T, s *Server) string {
	t.Helper()
	got := call(t, s, "POST", "/v1/checkout/sessions", rugForm(s.now()))
	if got.status != http.StatusOK {
		t.Fatalf("opening a session answered %d %v", got.status, got.body)
	}
	return got.id()
}

// card returns a card with the number, good for years.
func card(number string) Card {
	return Card{Number: number, Expiry: "12/49", CVC: "123", Name: "A Buyer"}
}

// pay pays a session and returns the intent.
func pay(t *testing.T, s *Server, id string) string {
	t.Helper()
	out, err := s.Pay(t.Context(), id, card("4242424242424242"))
	if err != nil || out.Result != Paid {
		t.Fatalf("Pay(%s) = %+v, %v; want paid", id, out, err)
	}
	return call(t, s, "GET", "/v1/checkout/sessions/"+id, nil).body["payment_intent"].(string)
}

// kinds returns the types of the events, oldest first.
func kinds(s *Server) []string {
	var kinds []string
	for _, e := range s.Events() {
		kinds = append(kinds, e.Type)
	}
	return kinds
}

func TestNewTellsEverythingThatIsMissing(t *testing.T) {
	_, err := New(Config{SecretKey: "sk_live_x"})
	for _, want := range []string{"SecretKey", "WebhookSecret", "WebhookURL", "PayURL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New with nothing set: %v; want it to speak of %s", err, want)
		}
	}
}
