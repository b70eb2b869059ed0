// <phone-place> sends where the phone is, once its artisan taps and agrees. A
// phone that cannot tell has no such button.
customElements.define("phone-place", class extends HTMLElement {
  connectedCallback() {
    if (!navigator.geolocation) return
    const form = this.querySelector("form"), said = this.querySelector("[role=status]")
    form.hidden = false
    this.querySelector("button").addEventListener("click", () => {
      said.textContent = this.dataset.looking
      navigator.geolocation.getCurrentPosition(({ coords }) => {
        form.elements.latitude.value = coords.latitude
        form.elements.longitude.value = coords.longitude
        form.requestSubmit()
      }, () => { said.textContent = this.dataset.denied }, { enableHighAccuracy: true, timeout: 20_000 })
    })
  }
})
