// <read-aloud> reads the question beside it with the phone's own voice. It stays
// hidden where the phone has none for the page's language, or no script arrives.
customElements.define("read-aloud", class extends HTMLElement {
  connectedCallback() {
    this.speech = globalThis.speechSynthesis
    if (!this.speech || this.querySelector("button")) return
    const button = document.createElement("button")
    button.type = "button"
    button.className = "read-aloud__button"
    button.ariaLabel = this.dataset.words
    button.append(...this.childNodes)
    button.addEventListener("click", () => this.read())
    this.append(button)
    // Voices come when the phone has looked them up.
    this.speech.addEventListener?.("voiceschanged", this)
    this.look()
  }

  disconnectedCallback() {
    this.speech?.removeEventListener?.("voiceschanged", this)
    this.speech?.cancel()
  }

  handleEvent() { this.look() }

  look() {
    const lang = document.documentElement.lang
    const voices = this.speech.getVoices().filter((v) => v.lang.toLowerCase().split(/[-_]/)[0] === lang)
    // One that needs no connection costs no data.
    this.voice = voices.find((v) => v.localService) ?? voices[0]
    this.hidden = !this.voice
  }

  read() {
    const speaking = this.speech.speaking
    this.speech.cancel()
    if (speaking) return // Pressed again, it is silent.
    const words = [...this.parentElement.querySelectorAll("h1, p")].map((e) => e.textContent.trim().replace(/([^.?!؟…])$/, "$1."))
    const said = new SpeechSynthesisUtterance(words.join(" "))
    said.voice = this.voice
    said.lang = this.voice.lang
    said.rate = 0.9
    this.speech.speak(said)
  }
})
