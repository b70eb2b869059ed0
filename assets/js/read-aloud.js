// <read-aloud> says the question beside it aloud, where the phone has a voice for
// the page's language. Where it has none its button does not show.
customElements.define("read-aloud", class extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("button")
    if (!window.speechSynthesis) return
    this.leaving = new AbortController()
    const signal = this.leaving.signal
    // Voices arrive after the page on most phones.
    speechSynthesis.addEventListener("voiceschanged", () => this.offer(), { signal })
    addEventListener("pagehide", () => speechSynthesis.cancel(), { signal })
    this.button.addEventListener("click", () => this.say(), { signal })
    this.offer()
  }

  disconnectedCallback() {
    this.leaving?.abort()
  }

  get voice() {
    const language = document.documentElement.lang
    return speechSynthesis.getVoices().find((v) => v.lang.split(/[-_]/)[0].toLowerCase() === language)
  }

  offer() {
    this.button.hidden = !this.voice
  }

  // say reads the question and what explains it; said again, it is silent.
  say() {
    const speaking = this.button.getAttribute("aria-pressed") === "true"
    speechSynthesis.cancel()
    this.button.setAttribute("aria-pressed", String(!speaking))
    if (speaking) return
    const block = this.closest(".studio__ask")
    const words = [...block.querySelectorAll("h1, h2, p")].map((e) => e.textContent.trim()).filter(Boolean)
    const said = new SpeechSynthesisUtterance(words.map((w) => /[.!?؟:]$/.test(w) ? w : w + ".").join(" "))
    said.voice = this.voice
    said.lang = this.voice.lang
    said.onend = said.onerror = () => this.button.setAttribute("aria-pressed", "false")
    speechSynthesis.speak(said)
  }
})
