/** Definitions open on hover and focus by style alone; Escape puts one away without moving the focus. */

for (const term of document.querySelectorAll(".term")) {
  term.addEventListener("keydown", (event) => {
    if (/** @type {KeyboardEvent} */ (event).key === "Escape") term.classList.add("quietly");
  });
  for (const gone of ["blur", "pointerleave"]) {
    term.addEventListener(gone, () => term.classList.remove("quietly"));
  }
}
