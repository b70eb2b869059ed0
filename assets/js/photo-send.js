// <photo-send> sends photos as soon as they are chosen: made small on the phone,
// one after the other, again and again while the connection is away. The same
// photo sent twice is one, so that a lost answer does no harm. Without it the
// form sends them whole.
customElements.define("photo-send", class extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input")
    this.bar = this.querySelector("progress")
    this.said = this.querySelector("[role=status]")
    this.querySelector("button").hidden = true
    this.input.addEventListener("change", () => this.sendAll([...this.input.files]))
    // Whoever taps on while photos are on their way goes on once they are there.
    this.closest("form").addEventListener("submit", (e) => {
      if (!this.input.disabled) return
      e.preventDefault()
      this.onward = e.submitter
    })
  }

  async sendAll(files) {
    const wrong = []
    this.input.disabled = true
    this.bar.hidden = false
    for (const [i, file] of files.entries()) {
      this.said.textContent = this.dataset.sending
      const photo = await this.shrink(file)
      const fault = await this.deliver(photo, i + 1, (part) => { this.bar.value = (i + part) / files.length })
      if (fault) wrong.push(fault)
    }
    await this.showPhotos()
    this.input.value = ""
    this.input.disabled = false
    this.bar.hidden = true
    this.said.textContent = wrong.join(" ")
    this.said.classList.toggle("field__wrong", wrong.length > 0)
    const onward = this.onward
    this.onward = null
    if (onward?.isConnected && wrong.length === 0) this.closest("form").requestSubmit(onward)
  }

  // shrink returns a photo of 2048 pixels at most, upright. What the phone
  // cannot read goes as it is, and the server says what to do.
  async shrink(file) {
    try {
      const image = await createImageBitmap(file, { imageOrientation: "from-image" })
      const scale = Math.min(1, 2048 / Math.max(image.width, image.height))
      const canvas = document.createElement("canvas")
      canvas.width = Math.round(image.width * scale)
      canvas.height = Math.round(image.height * scale)
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height)
      image.close()
      const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85))
      return small && (scale < 1 || small.size < file.size) ? small : file
    } catch {
      return file
    }
  }

  // deliver sends one photo until it has arrived, and returns what is wrong
  // with it, if anything.
  async deliver(photo, number, progress) {
    for (let wait = 1; ; wait = Math.min(2 * wait, 20)) {
      const { status, answer } = await this.post(photo, number, progress)
      if (status >= 200 && status < 500 && status !== 429) return status < 300 ? "" : answer.fault
      this.said.textContent = this.dataset.waits
      await new Promise((done) => {
        const timer = setTimeout(done, 1000 * wait)
        addEventListener("online", () => { clearTimeout(timer); done() }, { once: true })
      })
      this.said.textContent = this.dataset.sending
    }
  }

  // post resolves with status 0 where there was no answer. fetch tells nothing
  // of how far an upload is.
  post(photo, number, progress) {
    const body = new FormData()
    body.append("number", number)
    body.append("photo", photo, "photo")
    return new Promise((done) => {
      const request = new XMLHttpRequest()
      request.open("POST", this.closest("form").action)
      request.setRequestHeader("Accept", "application/json")
      request.responseType = "json"
      request.timeout = 180_000
      request.upload.onprogress = (e) => progress(e.loaded / e.total)
      request.onloadend = () => done({ status: request.status, answer: request.response ?? {} })
      request.send(body)
    })
  }

  // showPhotos shows the photos as they now are, and looks again while some are
  // being prepared.
  async showPhotos(again = 20) {
    try {
      const response = await fetch(location.href)
      const page = new DOMParser().parseFromString(await response.text(), "text/html")
      document.getElementById("photos").replaceWith(page.getElementById("photos"))
    } catch (e) {
      console.info("the photos cannot be shown yet", e) // They have arrived all the same.
    }
    if (again > 0 && document.querySelector("#photos [data-waiting]")) setTimeout(() => this.showPhotos(again - 1), 1500)
  }
})
