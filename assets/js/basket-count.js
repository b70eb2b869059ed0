// <basket-count> shows how many pieces are in the basket. The number is in a
// cookie of its own, since pages are the same for every visitor.
customElements.define("basket-count", class extends HTMLElement {
  connectedCallback() {
    this.show()
    addEventListener("basket", this)
    // A page brought back by the browser is as old as it was left.
    addEventListener("pageshow", this)
  }

  disconnectedCallback() {
    removeEventListener("basket", this)
    removeEventListener("pageshow", this)
  }

  handleEvent() { this.show() }

  show() {
    const count = Number(document.cookie.match(/(?:^|; )cart_count=(\d+)/)?.[1] ?? 0)
    this.hidden = count === 0
    this.textContent = count
    const label = document.createElement("span")
    label.className = "visually-hidden"
    label.textContent = `${this.dataset.label} `
    this.prepend(label)
  }
})
