// <facet-form> asks for the list again as soon as something is chosen at a
// desk. Its button does the same.
customElements.define("facet-form", class extends HTMLElement {
  connectedCallback() {
    const wide = matchMedia("(min-width: 60rem)")
    // The style sheet keeps the choices open at a desk where it can.
    if (wide.matches && !CSS.supports("selector(::details-content)")) this.closest("details").open = true
    this.addEventListener("change", (event) => {
      if (wide.matches && event.target.matches("[type=checkbox], select")) event.target.form.requestSubmit()
    })
    // An empty field is no choice and has no place in the address.
    this.addEventListener("submit", (event) => {
      for (const field of event.target.querySelectorAll("input:not([type=checkbox])")) field.disabled = field.value === ""
    })
  }
})
