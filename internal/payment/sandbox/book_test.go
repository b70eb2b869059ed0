package sandbox

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A restart forgets nothing: sessions, the bank's question, refunds, keys and
// the events that nobody has heard.
func TestStateSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	keep := func(c *Config) { c.File = filepath.Join(dir, "sandbox.json") }
	before := newServer(t, keep)
	waitingID, askedID := open(t, before), open(t, before)
	form := rugForm(before.now())
	keyed := call(t, before, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1").id()
	intent := pay(t, before, open(t, before))
	if got := call(t, before, "POST", "/v1/refunds", url.Values{"payment_intent": {intent}, "amount": {"1000"}}); got.status != 200 {
		t.Fatal(got.body)
	}
	if _, err := before.Pay(t.Context(), askedID, card("4000002500003155")); err != nil {
		t.Fatal(err)
	}

	after := newServer(t, keep)
	if diff := cmp.Diff(before.Events(), after.Events()); diff != "" {
		t.Errorf("the events differ:\n%s", diff)
	}
	pay(t, after, waitingID)
	if out, err := after.Confirm(t.Context(), askedID, true); err != nil || out.Result != Paid {
		t.Errorf("Confirm = %+v, %v; want paid", out, err)
	}
	if got := call(t, after, "POST", "/v1/checkout/sessions", form, "Idempotency-Key", "k1").id(); got != keyed {
		t.Errorf("the key opens %s, want %s as before", got, keyed)
	}
	if got := call(t, after, "POST", "/v1/refunds", url.Values{"payment_intent": {intent}, "amount": {"224001"}}); got.status != 400 {
		t.Errorf("refunding more than is left answered %d, want 400", got.status)
	}

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the folder holds %v, want the one file", entries)
	}
	info, err := os.Stat(filepath.Join(dir, "sandbox.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, want 0600", info.Mode().Perm())
	}
}

// What has been answered is in the file, however many ask at once.
func TestAnswersAreSavedFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sandbox.json")
	s := newServer(t, func(c *Config) { c.File = file })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			id := open(t, s)
			if data, err := os.ReadFile(file); err != nil || !strings.Contains(string(data), id) {
				t.Errorf("the session %s was answered and is not in the file (%v)", id, err)
			}
		})
	}
	wg.Wait()
}

func TestUnreadableStateIsNotForgotten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sandbox.json")
	if err := os.WriteFile(file, []byte(`{"purchases":`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{SecretKey: testKey, PayURL: "http://market.test", File: file,
		Deliver: func(context.Context, Event) error { return nil }})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("New: %v, want an error that names the file", err)
	}
}

func TestUnsavedAnswerIsAnError(t *testing.T) {
	s := newServer(t, func(c *Config) { c.File = filepath.Join(t.TempDir(), "gone", "sandbox.json") })
	got := call(t, s, "POST", "/v1/checkout/sessions", rugForm(time.Now()))
	if kind, _, _ := got.problem(); got.status != 500 || kind != "api_error" {
		t.Errorf("answered %d %s, want 500 api_error", got.status, kind)
	}
}

func TestPruneKeepsWhatMatters(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	b := newBook()
	add := func(id string, status Status, finished time.Time, state string) {
		b.Serial++
		b.Purchases[id] = &purchase{ID: id, Serial: b.Serial, Status: status, Finished: finished.Unix(),
			Intent: &intent{ID: "pi_" + id}}
		b.own(b.Purchases[id], "pi_"+id)
		b.Events = append(b.Events, &event{ID: "evt_" + id, Purchase: id, State: state})
	}
	old := now.Add(-keepFor - time.Hour)
	add("old", Complete, old, delivered)
	add("unheard", Complete, old, waiting)
	add("open", Open, old, delivered)
	add("new", Expired, now, delivered)
	b.Keys["old"] = &answer{Created: now.Add(-keyLife - time.Hour).Unix()}
	b.Keys["new"] = &answer{Created: now.Unix()}
	b.prune(now)
	for id, want := range map[string]bool{"old": false, "unheard": true, "open": true, "new": true} {
		if got := b.Purchases[id] != nil; got != want {
			t.Errorf("%s is kept: %v, want %v", id, got, want)
		}
		if got := b.owners["pi_"+id] != nil; got != want {
			t.Errorf("the intent of %s is kept: %v, want %v", id, got, want)
		}
	}
	if len(b.Events) != 3 || len(b.Keys) != 1 {
		t.Errorf("%d events and %d keys are kept, want 3 and 1", len(b.Events), len(b.Keys))
	}

	for i := range maxFinished + 50 {
		add(fmt.Sprint("more", i), Complete, now, delivered)
	}
	for i := range maxKeys + 50 {
		b.Keys[fmt.Sprint(i)] = &answer{Created: now.Unix() + int64(i)}
	}
	b.prune(now)
	// The finished ones, and the one that is open and the one unheard.
	if n := len(b.Purchases); n != maxFinished+2 {
		t.Errorf("%d purchases are kept, want %d", n, maxFinished+2)
	}
	if b.Keys[fmt.Sprint(maxKeys+49)] == nil || len(b.Keys) != maxKeys {
		t.Errorf("%d keys are kept, want the newest %d", len(b.Keys), maxKeys)
	}
}
