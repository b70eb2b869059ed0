// ask resolves with status 0 where there was no answer. fetch tells nothing of
// how far an upload is.
function ask(method, address, { headers = {}, body = null, progress = () => {} }) {
  return new Promise((done) => {
    const request = new XMLHttpRequest()
    request.open(method, address)
    if (!headers.Accept) request.setRequestHeader("Tus-Resumable", "1.0.0")
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    request.timeout = 180_000
    request.upload.onprogress = (e) => progress(e.loaded)
    request.onloadend = () => {
      let answer = {}
      try { answer = JSON.parse(request.responseText) } catch { /* Not every answer has words. */ }
      done({ status: request.status, answer, header: (name) => request.getResponseHeader(name) })
    }
    request.send(body)
  })
}

// shelf keeps photos on the phone until they have arrived. Where the browser
// keeps nothing, they are sent all the same.
const shelf = {
  async open() {
    return new Promise((done, fail) => {
      const request = indexedDB.open("kissaria", 1)
      request.onupgradeneeded = () => request.result.createObjectStore("photos", { keyPath: "id", autoIncrement: true })
      request.onsuccess = () => done(request.result)
      request.onerror = () => fail(request.error)
    })
  },

  async do(mode, act, otherwise) {
    try {
      const db = await this.open()
      return await new Promise((done, fail) => {
        const request = act(db.transaction("photos", mode).objectStore("photos"))
        request.onsuccess = () => { db.close(); done(request.result) }
        request.onerror = () => fail(request.error)
      })
    } catch (e) {
      console.info("this phone keeps no photos", e)
      return otherwise
    }
  },

  all() { return this.do("readonly", (s) => s.getAll(), []) },
  add(photo) { return this.do("readwrite", (s) => s.add(photo)) },
  put(photo) { return photo.id === undefined ? null : this.do("readwrite", (s) => s.put(photo)) },
  remove(photo) { return photo.id === undefined ? null : this.do("readwrite", (s) => s.delete(photo.id)) },
}

// <photo-send> sends photos as soon as they are chosen: made small on the phone,
// one after the other, in pieces (tus 1.0, tus.io) that go on where a broken
// connection stopped them, also after the browser was closed, since the phone
// keeps them until they have arrived. Without it the form sends them whole.
customElements.define("photo-send", class extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input")
    this.bar = this.querySelector("progress")
    this.said = this.querySelector("[role=status]")
    this.form = this.closest("form")
    this.draft = new URL(this.form.action).pathname
    this.querySelector("button").hidden = true
    this.input.addEventListener("change", () => this.choose([...this.input.files]))
    // Whoever taps on while photos are on their way goes on once they are there.
    this.form.addEventListener("submit", (e) => {
      if (!this.input.disabled) return
      e.preventDefault()
      this.onward = e.submitter
    })
    this.takeUp()
  }

  // takeUp goes on with photos of this draft that had not arrived.
  async takeUp() {
    const all = await shelf.all()
    for (const old of all.filter((p) => p.at < Date.now() - 7 * 864e5)) await shelf.remove(old)
    const left = all.filter((p) => p.draft === this.draft)
    if (left.length > 0 && !this.input.disabled) await this.sendAll(left, this.dataset.left)
  }

  async choose(files) {
    this.input.disabled = true
    const photos = []
    for (const file of files) {
      const photo = { draft: this.draft, at: Date.now(), blob: await this.shrink(file) }
      photos.push({ ...photo, id: await shelf.add(photo) })
    }
    await this.sendAll(photos, this.dataset.sending)
  }

  async sendAll(photos, said) {
    const wrong = []
    this.input.disabled = true
    this.bar.hidden = false
    for (const [i, photo] of photos.entries()) {
      this.said.textContent = said
      const fault = await this.deliver(photo, i + 1, (part) => { this.bar.value = (i + part) / photos.length })
      await shelf.remove(photo)
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
    if (onward?.isConnected && wrong.length === 0) this.form.requestSubmit(onward)
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
  // with it, if anything. What the server does not understand, it says itself.
  async deliver(photo, number, progress) {
    for (let wait = 1; ; wait = Math.min(2 * wait, 20)) {
      const { status, answer } = await this.try(photo, number, progress)
      if (status >= 200 && status < 300) return ""
      if (status === 404) photo.upload = "" // It was on its way for too long: once more from the start.
      else if (status >= 400 && status < 500 && ![409, 423, 429].includes(status)) return answer.fault ?? this.dataset.waits
      this.said.textContent = this.dataset.waits
      await new Promise((done) => {
        const timer = setTimeout(done, 1000 * wait)
        addEventListener("online", () => { clearTimeout(timer); done() }, { once: true })
      })
      this.said.textContent = this.dataset.sending
    }
  }

  // try begins an upload or goes on with it, and hands it over with the form.
  async try(photo, number, progress) {
    if (!photo.upload) {
      const begun = await ask("POST", this.dataset.uploads, { headers: { "Upload-Length": photo.blob.size } })
      if (begun.status === 413) return this.hand([["photo", photo.blob]], number) // The form says why.
      if (begun.status !== 201) return begun
      // The address alone: a proxy may have changed the scheme.
      photo.upload = new URL(begun.header("Location"), location.href).pathname
      await shelf.put(photo)
    }
    const seen = await ask("HEAD", photo.upload, {})
    if (seen.status !== 200) return seen
    const start = Number(seen.header("Upload-Offset"))
    if (start < photo.blob.size) {
      const sent = await ask("PATCH", photo.upload, {
        headers: { "Upload-Offset": start, "Content-Type": "application/offset+octet-stream" },
        body: photo.blob.slice(start),
        progress: (n) => progress((start + n) / photo.blob.size),
      })
      if (sent.status !== 204) return sent
    }
    return this.hand([["upload", photo.upload.split("/").pop()]], number)
  }

  hand(fields, number) {
    const body = new FormData()
    body.append("number", number)
    for (const [name, value] of fields) body.append(name, value)
    return ask("POST", this.draft, { headers: { Accept: "application/json" }, body })
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
