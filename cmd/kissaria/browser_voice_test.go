package main

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
)

// before runs a script in every page before its own.
func (v *tab) before(script string) {
	command(v, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// A test's phone hears a tone in the place of an artisan, through Chromium's own
// recorder.
const listening = `
	navigator.mediaDevices.getUserMedia = async () => {
		const sound = new AudioContext(), to = sound.createMediaStreamDestination(), tone = sound.createOscillator()
		tone.connect(to)
		tone.start()
		await sound.resume()
		return to.stream
	}`

// An artisan taps to speak and taps again; the note is kept, is heard, and what
// was being written is still there.
func TestBrowserVoiceNote(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	who := m.comeIn(t, "jaouad-benallal")
	base := strings.TrimSuffix(who.post("/studio/drafts", nil).location, "photos")
	v := openBrowser(t).open(t, m)
	v.be(who)
	v.before(listening)
	v.open(base + "words")
	v.find("textbox", "What should a buyer know?").write("begun to write")
	record := func(name string) {
		t.Helper()
		v.until("the page is still", func() bool {
			return evaluate[bool](v, `new Promise((done) => {
				const button = document.querySelector("voice-note button")
				setTimeout(() => done(!!button && button === document.querySelector("voice-note button")), 400)
			})`)
		})
		v.find("button", name).click()
		v.until("the phone listens", func() bool { return evaluate[bool](v, `!!document.querySelector(".voice-note--on")`) })
		v.until("a second is told", func() bool {
			return evaluate[bool](v, `!document.querySelector(".voice-note__time").textContent.startsWith("0")`)
		})
		v.find("button", "Done").click()
	}
	record("Speak")
	v.shows("Your voice is kept.")
	first := one[string](t, m, `SELECT w.key FROM drafts d JOIN voices w ON w.id = d.voice_id`)
	if got := evaluate[string](v, `document.querySelector("voice-note audio").getAttribute("src")`); got != "/voices/"+first {
		t.Errorf("the player plays %q", got)
	}
	if got := evaluate[string](v, `document.getElementById("words").value`); got != "begun to write" {
		t.Errorf("what was being written is %q", got)
	}
	v.until("it can be played", func() bool {
		return evaluate[bool](v, `(() => { const a = document.querySelector("voice-note audio"); a.preload = "auto"; return a.readyState >= 2 })()`)
	})
	v.find("checkbox", "Buyers may hear it on the piece’s page, as my own voice").click()
	v.until("the consent is kept", func() bool { return one[bool](t, m, `SELECT voice_played FROM drafts`) })
	v.until("the page is as it is kept", func() bool {
		return evaluate[bool](v, `document.querySelector("voice-note [role=status]").textContent !== ""`)
	})
	record("Speak again")
	v.until("the new one is kept in its place", func() bool {
		return one[string](t, m, `SELECT coalesce(max(w.key), '') FROM drafts d JOIN voices w ON w.id = d.voice_id`) != first
	})
	v.shows("Your voice is kept.")
	v.follow(v.find("button", "Delete the voice note").click)
	if n := one[int](t, m, `SELECT count(*) FROM voices`); n != 0 {
		t.Errorf("%d notes are left", n)
	}
	if got := evaluate[string](v, `document.getElementById("words").value`); got != "begun to write" {
		t.Errorf("after deleting the note the words are %q", got)
	}
}

// Each question is read aloud where the phone has a voice for the language, and
// there is no button where it has none.
func TestBrowserQuestionsAreReadAloud(t *testing.T) {
	t.Parallel()
	m := openMarket(t, roles{web: true})
	who := m.comeIn(t, "jaouad-benallal")
	base := strings.TrimSuffix(who.post("/studio/drafts", nil).location, "photos")
	v := openBrowser(t).open(t, m)
	v.be(who)
	v.before(`
		window.said = ""
		speechSynthesis.getVoices = () => window.name === "mute" ? [{ lang: "de-DE" }] : [{ lang: "de-DE" }, { lang: "en_US" }]
		window.SpeechSynthesisUtterance = class { constructor(words) { this.text = words } }
		speechSynthesis.speak = (u) => { window.said = u.lang + " " + u.text }`)
	for _, path := range []string{base + "price", "/studio/orders", "/studio/workshop/closed"} {
		v.open(path)
		v.find("button", "Read this aloud").click()
		said, asked := evaluate[string](v, `window.said`), evaluate[string](v, `document.querySelector(".studio__ask h1").textContent`)
		if !strings.HasPrefix(said, "en_US "+strings.TrimRight(asked, "?.")) || strings.Contains(said, "Read this aloud") {
			t.Errorf("%s is read as %q, want %q", path, said, asked)
		}
	}
	evaluate[string](v, `window.name = "mute"`)
	v.open(base + "price")
	if !evaluate[bool](v, `document.querySelector(".read-aloud").hidden`) {
		t.Error("there is a button for a language that the phone cannot speak")
	}
}
