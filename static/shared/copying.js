/** A button `[data-copy]` beside a `code` copies its text, and says so for a moment. */

const COPIED_MS = 2_000;

/** @param {HTMLButtonElement} button */
export async function copyFrom(button) {
  const code = button.parentElement?.querySelector("code");
  if (!code || button.dataset.word) return;
  button.dataset.word = button.textContent ?? "";
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    button.textContent = "Copied";
  } catch {
    // Without HTTPS there is no clipboard: the text is marked, ready for the keyboard.
    getSelection()?.selectAllChildren(code);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => {
    button.textContent = button.dataset.word ?? "";
    delete button.dataset.word;
  }, COPIED_MS);
}
