// <print-button> prints the page. Where no script arrives there is no button,
// and the browser's own menu does the same.
customElements.define("print-button", class extends HTMLElement {
  connectedCallback() {
    if (this.querySelector("button")) return
    const button = document.createElement("button")
    button.type = "button"
    button.className = "btn btn--huge btn--wide"
    button.textContent = this.dataset.words
    button.addEventListener("click", () => window.print())
    this.append(button)
  }
})
