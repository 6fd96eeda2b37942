/** The page of people, and of one's account: menus, and links to be copied. */
import "../shared/menus.js";

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-copy]"))) {
  button.addEventListener("click", () => copy(button));
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const source = document.getElementById(button.dataset.copy ?? "");
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.textContent ?? "");
    button.textContent = "Copied";
  } catch {
    // Without HTTPS there is no clipboard: it is marked, and one key copies it.
    getSelection()?.selectAllChildren(source);
    button.textContent = "Marked";
  }
}
