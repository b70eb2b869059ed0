// <price-share> shows what the artisan will receive while the price is typed.
// The server says so too, once the price is kept.
customElements.define("price-share", class extends HTMLElement {
  connectedCallback() {
    const input = this.querySelector("input")
    const output = this.querySelector("output")
    input.addEventListener("input", () => {
      const latin = input.value.replace(/[٠-٩]/g, (d) => d.charCodeAt(0) - 0x660).replace(/[^\d.,]/g, "").replace(",", ".")
      const price = Number(latin)
      output.textContent = price > 0 ? (Math.ceil(price * Number(this.dataset.share) / 100) / 100).toFixed(2) : ""
    })
  }
})
