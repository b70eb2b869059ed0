// <keep-typed> keeps what is typed into its form on the phone, until the page is
// sent: whoever loses the connection or closes the browser finds it again. What
// was saved elsewhere meanwhile counts for more. Without a connection the form
// waits for it.
customElements.define("keep-typed", class extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form")
    this.key = "typed " + location.pathname
    this.said = this.querySelector(":scope > [role=status]")
    this.restore()
    this.form.addEventListener("input", () => this.keep())
    this.form.addEventListener("submit", (e) => {
      this.keep()
      if (navigator.onLine) return
      e.preventDefault()
      this.said.textContent = this.dataset.kept
      addEventListener("online", () => this.form.requestSubmit(e.submitter), { once: true })
    })
  }

  get fields() {
    return [...this.form.elements].filter((f) => f.name && !["hidden", "file", "submit"].includes(f.type) && f.type !== "button")
  }

  // keep writes down every field; several of one name are told apart by value.
  keep() {
    const typed = this.fields.map((f) => ["radio", "checkbox"].includes(f.type) ? [f.name, f.value, f.checked] : [f.name, f.value])
    try {
      localStorage.setItem(this.key, JSON.stringify({ version: this.dataset.version, typed }))
    } catch (e) {
      console.info("this phone keeps nothing", e)
    }
  }

  restore() {
    let kept = null
    try {
      kept = JSON.parse(localStorage.getItem(this.key))
    } catch (e) {
      console.info("nothing readable is kept on this phone", e)
    }
    if (!kept) return
    // A page that says what is wrong shows what was typed itself.
    if (kept.version !== this.dataset.version || this.querySelector("[aria-invalid]")) {
      localStorage.removeItem(this.key)
      return
    }
    for (const [name, value, checked] of kept.typed) {
      const same = this.fields.filter((f) => f.name === name)
      if (checked === undefined) same.forEach((f) => { f.value = value })
      else same.filter((f) => f.value === value).forEach((f) => { f.checked = checked })
    }
    this.form.dispatchEvent(new Event("input", { bubbles: true }))
  }
})
