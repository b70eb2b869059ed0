package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// hasLock gives the tab's phone a lock that its owner opens, and returns it.
func (v *tab) hasLock() webauthn.AuthenticatorID {
	v.t.Helper()
	command(v, webauthn.Enable, webauthn.EnableParams{})
	return command(v, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}).AuthenticatorID
}

// has reports whether the page shows an element, without waiting for one.
func (v *tab) has(role, name string) bool {
	v.t.Helper()
	return slices.ContainsFunc(v.all(role), func(e element) bool { return e.name == name })
}

// forgive forgets what was complained of an address.
func (n *noise) forgive(addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = slices.DeleteFunc(n.heard, func(said string) bool {
		return slices.ContainsFunc(addresses, func(a string) bool { return strings.Contains(said, a) })
	})
}

// postJSON posts as a script of ours does.
func (v *visitor) postJSON(path, body string) answer {
	v.t.Helper()
	return v.send(http.MethodPost, path, strings.NewReader(body), func(r *http.Request) {
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", "application/json")
	})
}

// On a name, since keys are not given to a bare address.
func openNamedMarket(t *testing.T) *market {
	t.Helper()
	m := openMarket(t, roles{web: true}, func(c *Config) { c.PublicURL = strings.Replace(c.PublicURL, "127.0.0.1", "localhost", 1) })
	m.url = strings.Replace(m.url, "127.0.0.1", "localhost", 1)
	return m
}

// An artisan comes in without a password, signs out and in again with the
// phone's lock; once the phone is lost, its key opens nothing.
func TestBrowserComesInWithThePhonesLock(t *testing.T) {
	m := openNamedMarket(t)
	v := openBrowser(t).open(t, m)
	lock := v.hasLock()

	v.open(m.invite(t, "jaouad-benallal"))
	v.follow(v.find("button", "العربية").click)
	if shown := v.all("alert"); len(shown) > 0 {
		t.Errorf("before anything went wrong the page shows %v", shown)
	}
	v.follow(v.find("button", "ادخلوا بقفل هذا الهاتف").click)
	if got := v.path(); got != "/studio" {
		t.Fatalf("coming in leads to %s:\n%s", got, v.words())
	}
	if n := one[int](t, m, `SELECT count(*) FROM passkeys k JOIN artisans a USING (account_id) JOIN accounts c ON c.id = a.account_id
		WHERE a.slug = 'jaouad-benallal' AND c.password_hash IS NULL`); n != 1 {
		t.Errorf("there are %d keys of an artisan without a password, want 1", n)
	}
	if v.has("button", "في المرة القادمة، بقفل هذا الهاتف") {
		t.Error("a key is offered to someone who has one")
	}

	v.follow(v.find("button", "الخروج").click)
	v.open("/ar/sign-in?next=/studio/money")
	v.follow(v.find("button", "بقفل هذا الجهاز").click)
	if got := v.path(); got != "/studio/money" {
		t.Fatalf("signing in leads to %s:\n%s", got, v.words())
	}

	// Someone else's finger.
	v.open("/ar/sign-in")
	command(v, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: lock, IsUserVerified: false})
	v.find("button", "بقفل هذا الجهاز").click()
	v.until("the button can be tapped again", func() bool { return evaluate[bool](v, `!document.querySelector("pass-key button").disabled`) })
	if got := v.path(); got != "/ar/sign-in" {
		t.Errorf("a wrong finger leads to %s", got)
	}
	command(v, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: lock, IsUserVerified: true})

	m.invite(t, "jaouad-benallal") // The phone is lost.
	v.open("/ar/sign-in")
	v.find("button", "بقفل هذا الجهاز").click()
	v.shows("لم ينجح ذلك")
	v.noise.forgive("/ar/sign-in/passkey/answer")
	if n := one[int](t, m, `SELECT count(*) FROM passkeys`); n != 0 {
		t.Errorf("%d keys outlived the phone", n)
	}
}

// Signed in with a password, an artisan is offered the phone's lock for the
// next time.
func TestBrowserAddsThePhonesLock(t *testing.T) {
	m := openNamedMarket(t)
	v := openBrowser(t).open(t, m)
	v.hasLock()
	v.be(m.comeIn(t, "jaouad-benallal"))
	v.open("/studio")
	v.follow(v.find("button", "العربية").click)
	v.follow(v.find("button", "في المرة القادمة، بقفل هذا الهاتف").click)
	if v.has("button", "في المرة القادمة، بقفل هذا الهاتف") {
		t.Error("the key is offered again")
	}
	v.follow(v.find("button", "الخروج").click)
	v.open("/ar/sign-in")
	v.follow(v.find("button", "بقفل هذا الجهاز").click)
	if got := v.path(); got != "/studio" {
		t.Errorf("signing in leads to %s", got)
	}
}

func TestPasskeyAnswersAreCheckedKindly(t *testing.T) {
	m := openNamedMarket(t)
	v := m.visitor(t)
	for name, body := range map[string]string{"nothing": "", "rubbish": "{", "an empty answer": "{}", "a number": "1"} {
		for _, asked := range []bool{false, true} {
			if asked {
				if got := v.postJSON("/en/sign-in/passkey", ""); got.status != 200 {
					t.Fatalf("asking = %d %s", got.status, got.body)
				}
			}
			if got := v.postJSON("/en/sign-in/passkey/answer", body); got.status != 422 || !strings.Contains(got.body, "did not work") {
				t.Errorf("%s, asked %t = %d %s", name, asked, got.status, got.body)
			}
		}
	}
	if got := v.postJSON("/studio/welcome/abcdefghijklmnopqrstuvwxyz/passkey", ""); got.status != 404 {
		t.Errorf("a key for an invitation that is not there = %d", got.status)
	}
	if got := v.postJSON("/studio/passkey", ""); got.status != 401 {
		t.Errorf("a key for nobody = %d", got.status)
	}
}
