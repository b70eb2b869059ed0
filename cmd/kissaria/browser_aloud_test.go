package main

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"

	"kissaria.ma/internal/lang"
)

// A phone that speaks Arabic alone, and what it was asked to say.
const speaksArabic = `
	globalThis.read = []
	speechSynthesis.getVoices = () => [{ lang: "ar-MA", localService: true }]
	Object.defineProperty(SpeechSynthesisUtterance.prototype, "voice", { set() {}, configurable: true })
	speechSynthesis.speak = (said) => read.push(said.text)`

// A question is read aloud where the phone speaks its language.
func TestBrowserReadsQuestionsAloud(t *testing.T) {
	m := openMarket(t, roles{web: true})
	artisan := m.comeIn(t, "jaouad-benallal")
	base := strings.TrimSuffix(artisan.post("/studio/drafts", nil).location, "photos")
	m.speaks(t, "jaouad-benallal", "ar")
	v := openBrowser(t).open(t, m)
	v.be(artisan)
	command(v, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: speaksArabic})
	ar := lang.Or("ar")
	for where, want := range map[string]string{base + "price": "studio.step.price", "/studio/workshop/story": "studio.ask.story", "/studio/orders": "studio.orders"} {
		v.open(where)
		v.find("button", ar.T("studio.read_aloud")).click()
		if read := evaluate[string](v, `read.join("|")`); !strings.HasPrefix(read, strings.TrimSuffix(ar.T(want), ".")) || !strings.Contains(read, strings.TrimSuffix(ar.T(want+".more"), ".")) {
			t.Errorf("at %s the phone reads %q", where, read)
		}
	}
	m.speaks(t, "jaouad-benallal", "en")
	v.open(base + "price")
	if v.has("button", lang.Or("en").T("studio.read_aloud")) {
		t.Error("a phone without English offers to read it")
	}
}
