package main

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
)

// What is typed into a step stays on the phone: over a browser that is closed,
// and over a connection that is away when the step is sent.
func TestBrowserTypedWordsOutliveTheConnection(t *testing.T) {
	t.Parallel() // It mostly waits.
	m := openMarket(t, roles{web: true})
	who := m.comeIn(t, "jaouad-benallal")
	base := strings.TrimSuffix(who.post("/studio/drafts", nil).location, "photos")
	v := openBrowser(t).open(t, m)
	v.be(who)
	value := func() string { return evaluate[string](v, `document.getElementById("price").value`) }

	v.open(base + "price")
	command(v, input.InsertText, input.InsertTextParams{Text: "380"})
	v.open("/en/")
	v.open(base + "price")
	if got := value(); got != "380" {
		t.Errorf("after the browser was closed the price is %q, want 380", got)
	}

	// The page hears of the connection when there is one, and not before.
	away := func(offline bool) {
		t.Helper()
		command(v, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
			{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1}}})
		command(v, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1})
	}
	away(true)
	v.until("the phone knows that the connection is away", func() bool { return evaluate[bool](v, `!navigator.onLine`) })
	v.find("button", "Go on").click()
	v.shows("is kept on this phone")
	if n := one[int](t, m, `SELECT count(*) FROM drafts WHERE body ? 'price'`); n != 0 {
		t.Error("the price was saved over a connection that is away")
	}
	v.follow(func() { away(false) })
	if got := v.path(); got != base+"count" {
		t.Errorf("with the connection it went to %s", got)
	}
	if got := one[string](t, m, `SELECT body ->> 'price' FROM drafts`); got != "38000" {
		t.Errorf("the draft's price is %s centimes, want 38000", got)
	}

	// Saved on another phone meanwhile, that counts for more.
	v.open(base + "price")
	v.find("textbox", "Price in dirhams").write("999")
	who.post(base+"price", map[string][]string{"version": {version(t, who.get(base+"price").body)}, "price": {"420"}})
	v.open("/en/")
	v.open(base + "price")
	if got := value(); got != "420" {
		t.Errorf("after another phone saved the price is %q, want 420", got)
	}
}
