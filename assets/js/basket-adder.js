// <basket-adder> puts a piece in the basket without leaving its page. The form
// inside is an ordinary one, and works as well where this script never arrives.
customElements.define("basket-adder", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", (event) => {
      event.preventDefault()
      this.#send(event.target)
    })
  }

  async #send(form) {
    const buttons = document.querySelectorAll(`button[form="${form.id}"], #${form.id} button`)
    buttons.forEach((button) => { button.disabled = true })
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams(new FormData(form)),
      })
      const { said, fault } = await answer.json()
      this.#say(said ?? fault, answer.ok)
      dispatchEvent(new Event("basket"))
    } catch {
      this.#say(this.dataset.failed, false)
    } finally {
      buttons.forEach((button) => { button.disabled = false })
    }
  }

  #say(words, well) {
    const notice = this.querySelector("[role=status]")
    notice.className = `notice basket-adder__said notice--${well ? "right" : "wrong"}`
    notice.lastElementChild.textContent = words
  }
})
