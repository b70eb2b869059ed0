// <pass-key> asks the phone's own key (WebAuthn) to sign in, or to be made. Where
// the browser or the phone has none, it stays hidden and the password does.
customElements.define("pass-key", class extends HTMLElement {
  async connectedCallback() {
    const api = globalThis.PublicKeyCredential
    if (!api?.parseCreationOptionsFromJSON || !(await api.isUserVerifyingPlatformAuthenticatorAvailable())) return
    this.hidden = false
    this.querySelector("button").addEventListener("click", (e) => this.use(api, e.currentTarget))
  }

  async use(api, button) {
    const said = this.querySelector("[role=alert]")
    said.hidden = true
    button.disabled = true
    try {
      const { publicKey } = await this.post(this.dataset.options)
      const key = this.dataset.way === "create"
        ? await navigator.credentials.create({ publicKey: api.parseCreationOptionsFromJSON(publicKey) })
        : await navigator.credentials.get({ publicKey: api.parseRequestOptionsFromJSON(publicKey) })
      const { next } = await this.post(this.dataset.answer, key)
      location.assign(next)
    } catch (e) {
      // Put aside by its owner: nothing to say.
      if (e.name !== "NotAllowedError") {
        said.querySelector("span").textContent = e.said ?? this.dataset.failed
        said.hidden = false
      }
      button.disabled = false
    }
  }

  async post(where, what) {
    const response = await fetch(where, { method: "POST", body: what && JSON.stringify(what), headers: { accept: "application/json", "content-type": "application/json" } })
    const answer = await response.json()
    if (!response.ok) throw Object.assign(new Error(`${where}: ${response.status}`), { said: answer.fault })
    return answer
  }
})
