// <reckon-form> shows the postage again when country or way change, as its
// button does. What was typed stays, because the whole form goes along.
customElements.define("reckon-form", class extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("[name=reckon]")
    button.parentElement.hidden = true
    this.addEventListener("change", (event) => {
      if (event.target.matches("[name=country], [name=delivery]")) event.target.form.requestSubmit(button)
    })
  }
})
