// <voice-note> records half a minute on the phone and sends it as soon as it is
// spoken. Where the phone cannot record, or may not, its form takes a file.
customElements.define("voice-note", class extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form")
    this.deck = this.querySelector(".voice-note__deck")
    this.player = this.querySelector("audio")
    this.file = this.querySelector(".voice-note__file")
    this.said = this.querySelector("[role=status]")
    this.wrong = this.querySelector("#voice-wrong")
    if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) return
    this.deck.hidden = false
    this.byFile(false)
    this.deck.querySelector("button").addEventListener("click", () => this.recorder ? this.recorder.stop() : this.record())
    this.form.elements.played.addEventListener("change", () => { if (this.form.elements.seen.value && !this.recorder) this.send() })
  }

  disconnectedCallback() {
    this.recorder?.stop()
    this.waiting?.abort()
  }

  byFile(on) {
    this.file.hidden = !on
    this.querySelector(".voice-note__save").hidden = !on
  }

  async record() {
    this.fault("")
    let stream
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true })
    } catch (e) {
      console.info("this phone does not listen", e)
      this.fault(this.dataset.denied)
      this.byFile(true)
      return
    }
    const type = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"].find((t) => MediaRecorder.isTypeSupported(t))
    const recorder = new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: 32_000 })
    const pieces = []
    this.recorder = recorder
    recorder.ondataavailable = (e) => pieces.push(e.data)
    recorder.onstop = () => {
      clearInterval(clock)
      stream.getTracks().forEach((t) => t.stop())
      this.recorder = null
      this.classList.remove("voice-note--on")
      if (!this.isConnected) return
      const note = new Blob(pieces, { type: recorder.mimeType })
      if (this.player.src.startsWith("blob:")) URL.revokeObjectURL(this.player.src)
      this.player.src = URL.createObjectURL(note) // Heard at once, wherever the sending is.
      this.player.hidden = false
      this.send(note)
    }
    const numbers = new Intl.NumberFormat(document.documentElement.lang)
    const time = this.querySelector(".voice-note__time span")
    const begun = Date.now()
    const clock = setInterval(() => {
      const seconds = Math.floor((Date.now() - begun) / 1000)
      time.textContent = numbers.format(Math.min(seconds, Number(this.dataset.most)))
      if (seconds >= Number(this.dataset.most) && recorder.state === "recording") recorder.stop()
    }, 250)
    this.player.pause()
    this.classList.add("voice-note--on")
    this.said.textContent = this.dataset.recording
    recorder.start()
  }

  // send gives the note to the server until it has arrived, and shows what is
  // kept there. A newer one takes its place.
  async send(note = null) {
    this.waiting?.abort()
    const turn = this.waiting = new AbortController()
    for (let wait = 1; !turn.signal.aborted; wait = Math.min(2 * wait, 20)) {
      const body = new FormData(this.form)
      body.delete("voice")
      if (note) body.append("voice", note, "note")
      this.said.textContent = this.dataset.sending
      try {
        const response = await fetch(this.form.action, { method: "POST", body, headers: { Accept: "application/json" }, signal: turn.signal })
        if (response.ok) return this.show()
        if (response.status === 409) return location.reload() // Another phone saved one meanwhile.
        if (response.status < 500 && response.status !== 429) {
          this.said.textContent = ""
          return this.fault((await response.json()).fault ?? this.dataset.waits)
        }
      } catch (e) {
        console.info("the note has not arrived", e)
      }
      if (turn.signal.aborted) return
      this.said.textContent = this.dataset.waits
      await new Promise((done) => {
        const timer = setTimeout(done, 1000 * wait)
        addEventListener("online", () => { clearTimeout(timer); done() }, { once: true, signal: turn.signal })
      })
    }
  }

  async show() {
    const response = await fetch(location.pathname)
    const page = new DOMParser().parseFromString(await response.text(), "text/html")
    const fresh = document.adoptNode(page.querySelector("voice-note"))
    this.replaceWith(fresh)
    fresh.querySelector("[role=status]").textContent = fresh.dataset.kept
  }

  fault(words) {
    this.wrong.querySelector("span").textContent = words
    this.wrong.hidden = !words
  }
})
