// At a desk the office can be worked by its keys: / goes to the search, n and p to
// the next and the previous of what is looked at, and t ticks all of a list or
// none. A key that is typed into a field is a letter. Without this script the
// same links and fields are there for the mouse.
const typing = (e) => e.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]")

const follow = (rel) => document.querySelector(`main a[rel~="${rel}"]`)?.click()

const tickAll = () => {
  const boxes = [...document.querySelectorAll("main .tick input")]
  const on = boxes.some((box) => !box.checked)
  boxes.forEach((box) => { box.checked = on })
}

const acts = {
  "/": () => document.getElementById("search")?.focus(),
  n: () => follow("next"),
  p: () => follow("prev"),
  t: tickAll,
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !acts[event.key]) return
  event.preventDefault()
  acts[event.key]()
})
