package payment_test

import (
	"bufio"
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kissaria.ma/internal/money"
	"kissaria.ma/internal/payment"
)

// stripeMock is Stripe's own check of requests against its OpenAPI
// description. Its version is the Makefile's, so that the test says the same
// everywhere.
const stripeMock = "github.com/stripe/stripe-mock"

// A recorder notes every call and what Stripe's description makes of it.
type recorder struct {
	http.RoundTripper
	calls  []recorded
	refuse string // a call to refuse without asking the mock
}

type recorded struct {
	call   string // method and path
	params url.Values
	status int
	answer string
}

func (rec *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	call, params := r.Method+" "+r.URL.Path, r.URL.Query()
	if call == rec.refuse {
		body := `{"error":{"type":"invalid_request_error","message":"refused"}}`
		return &http.Response{StatusCode: http.StatusBadRequest, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		for key, values := range form {
			params[key] = values
		}
	}
	resp, err := rec.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))

	rec.calls = append(rec.calls, recorded{call, params, resp.StatusCode, string(answer)})
	return resp, nil
}

// Every call that we make is one that Stripe's own description allows. The mock
// keeps no state and answers with examples, so what it answers is not looked
// at: that is for the sandbox.
func TestCallsAreAsStripeDescribesThem(t *testing.T) {
	mock := startStripeMock(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	rec := &recorder{RoundTripper: transport}
	s := payment.NewStripe(payment.StripeConfig{
		SecretKey:  "sk_test_123",
		URL:        mock,
		HTTPClient: &http.Client{Transport: rec, Timeout: 10 * time.Second},
		Log:        slog.New(slog.DiscardHandler),
	})
	ctx := t.Context()

	for _, locale := range []string{"ar", "en", "es", "fr"} {
		r := rug("k-" + locale)
		r.Locale = locale
		if _, err := s.Open(ctx, r); err != nil {
			t.Errorf("Open in %s: %v", locale, err)
		}
	}
	bare := rug("k-bare")
	bare.Email, bare.CancelURL, bare.Order = "", "", ""
	if _, err := s.Open(ctx, bare); err != nil {
		t.Errorf("Open without what may be left out: %v", err)
	}
	if _, err := s.Look(ctx, "cs_test_1"); err != nil {
		t.Errorf("Look: %v", err)
	}
	if err := s.Expire(ctx, "cs_test_1"); err != nil {
		t.Errorf("Expire: %v", err)
	}
	if _, err := s.Refund(ctx, payment.RefundRequest{
		Key: "r1", Ref: "cs_test_1", Intent: "pi_1", Order: "K-7M4Q2", PaymentToken: "pay_1", Amount: money.Dirhams(10),
	}); err != nil {
		t.Errorf("Refund: %v", err)
	}
	// The mock refuses nothing that is well put, and one call is made only
	// after a refusal.
	rec.refuse = "POST /v1/refunds"
	if _, err := s.Refund(ctx, payment.RefundRequest{Key: "r2", Intent: "pi_1", Amount: money.Dirhams(10)}); err == nil {
		t.Error("Refund, refused: no error")
	}

	want := []string{
		"POST /v1/checkout/sessions", "GET /v1/checkout/sessions/cs_test_1", "POST /v1/checkout/sessions/cs_test_1/expire",
		"GET /v1/refunds", "POST /v1/refunds", "GET /v1/payment_intents/pi_1",
	}
	var made []string
	for _, c := range rec.calls {
		if c.status != http.StatusOK {
			t.Errorf("%s with %v is refused with %d: %s", c.call, c.params, c.status, c.answer)
		}
		if !slices.Contains(made, c.call) {
			made = append(made, c.call)
		}
		t.Logf("%s %s", c.call, c.params.Encode())
	}
	if !slices.Equal(made, want) {
		t.Errorf("the calls are\n%s\nwant\n%s", strings.Join(made, "\n"), strings.Join(want, "\n"))
	}

	// That the mock does refuse what Stripe would not take is what gives its
	// consent a meaning. It takes our Arabic for none of Stripe's languages, too.
	for key, value := range map[string]string{
		"colour": "red", "locale": "ar", "line_items[0][price_data][unit_amount]": "2200.00",
	} {
		params := maps.Clone(rec.calls[0].params)
		params.Set(key, value)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, mock+"/v1/checkout/sessions", strings.NewReader(params.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer sk_test_123")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s=%s is answered %d, want 400", key, value, resp.StatusCode)
		}
	}
}

// startStripeMock starts the mock on loopback and returns its address.
func startStripeMock(t *testing.T) string {
	t.Helper()
	// It listens for HTTPS whatever it is told, by default on a port of its own
	// that another run may have.
	cmd := exec.Command(findStripeMock(t), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "PORT=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It ends by being killed, and says so; there is no other way to end it.
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err, killed := cmd.Wait(), (*exec.ExitError)(nil); err != nil && !errors.As(err, &killed) {
			t.Error(err)
		}
	})

	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if address, ok := strings.CutPrefix(lines.Text(), "Listening for HTTP at address: "); ok {
			return "http://" + strings.TrimSpace(address)
		}
	}
	t.Fatalf("stripe-mock does not listen:\n%s", &said)
	return ""
}

// makefileVersion is where the Makefile says which mock it is.
var makefileVersion = regexp.MustCompile(`(?m)^STRIPE_MOCK_VERSION\s*:?=\s*(v\S+)$`)

// findStripeMock returns the mock's program, of the version that the Makefile
// names: from the path or build/bin, where make puts it, and otherwise
// installed there.
func findStripeMock(t *testing.T) string {
	t.Helper()
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("go env GOMOD: %v", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(gomod)))
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := makefileVersion.FindSubmatch(makefile)
	if found == nil {
		t.Fatal("the Makefile does not say STRIPE_MOCK_VERSION")
	}
	version := string(found[1])

	bin := filepath.Join(root, "build", "bin")
	program := filepath.Join(bin, "stripe-mock")
	if onPath, err := exec.LookPath("stripe-mock"); err == nil && isStripeMock(onPath, version) {
		return onPath
	}
	if isStripeMock(program, version) {
		return program
	}

	// Built aside and moved into place, for another run may be using the old one.
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	aside, err := os.MkdirTemp(bin, "install-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.RemoveAll(aside); err != nil {
			t.Error(err)
		}
	}()
	install := exec.CommandContext(t.Context(), "go", "install", stripeMock+"@"+version)
	install.Env = append(os.Environ(), "GOBIN="+aside, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("go install %s@%s: %v\n%s", stripeMock, version, err, out)
	}
	if err := os.Rename(filepath.Join(aside, "stripe-mock"), program); err != nil {
		t.Fatal(err)
	}
	return program
}

// isStripeMock reports whether a program is the mock in that version.
func isStripeMock(program, version string) bool {
	info, err := buildinfo.ReadFile(program)
	return err == nil && info.Main.Path == stripeMock && info.Main.Version == version
}
