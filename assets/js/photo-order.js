// <photo-order> lets photos be dragged into another order: with a mouse at once,
// with a finger after holding it down for a moment, so that the page still
// scrolls. The buttons do the same, one place at a time.
customElements.define("photo-order", class extends HTMLElement {
  connectedCallback() {
    this.classList.add("photo-order--on")
    this.addEventListener("pointerdown", (e) => this.press(e))
    this.addEventListener("pointermove", (e) => this.drag(e))
    this.addEventListener("pointerup", () => this.drop())
    this.addEventListener("pointercancel", () => this.drop())
    this.addEventListener("dragstart", (e) => e.preventDefault())
    this.addEventListener("contextmenu", (e) => { if (this.held) e.preventDefault() })
    // A finger that holds a photo must not scroll the page as well.
    this.addEventListener("touchmove", (e) => { if (this.held) e.preventDefault() }, { passive: false })
  }

  get slots() { return [...this.querySelectorAll(".photo-slot")] }

  press(e) {
    const slot = e.target.closest(".photo-slot__frame")?.closest(".photo-slot")
    if (!slot || e.button > 0 || this.slots.length < 2) return
    const take = () => {
      this.held = slot
      slot.classList.add("photo-slot--held")
      slot.querySelector(".photo-slot__frame").setPointerCapture(e.pointerId)
    }
    if (e.pointerType === "mouse") take()
    else this.wait = setTimeout(take, 300)
    this.at = [e.clientX, e.clientY]
  }

  drag(e) {
    if (!this.held) {
      // Moved before the moment was over, it was a scroll.
      if (this.wait && Math.hypot(e.clientX - this.at[0], e.clientY - this.at[1]) > 12) this.wait = clearTimeout(this.wait)
      return
    }
    const over = document.elementsFromPoint(e.clientX, e.clientY).map((n) => n.closest?.(".photo-slot")).find((s) => s && s !== this.held)
    if (!over || !this.contains(over)) return
    const forwards = this.slots.indexOf(this.held) < this.slots.indexOf(over)
    over.insertAdjacentElement(forwards ? "afterend" : "beforebegin", this.held)
  }

  drop() {
    this.wait = clearTimeout(this.wait)
    const slot = this.held
    if (!slot) return
    this.held = null
    slot.classList.remove("photo-slot--held")
    const to = this.slots.indexOf(slot) + 1
    if (String(to) === slot.dataset.number) return
    // The form as a button would send it.
    const button = document.createElement("button")
    Object.assign(button, { name: "change", value: `move ${slot.dataset.number} ${to}`, hidden: true, formNoValidate: true })
    this.append(button)
    this.closest("form").requestSubmit(button)
  }
})
