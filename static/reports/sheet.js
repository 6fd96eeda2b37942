/**
 * On a phone filters and segments stand in a sheet at the foot of the screen, which a button opens that says how many
 * are active; elsewhere they stand where they always do. The back button closes it, and keeps what was chosen in it.
 *
 * @import {Choice} from "./choice.js"
 */
import { narrow } from "./one_table.js";

// What the address says while it is open.
const NAME = "filters";

export class Sheet {
  /**
   * @param {HTMLElement} root with `[data-open-sheet]`, `[data-sheet]`, and the parts that go there: `.filters` and
   *   `[data-segments]`, before `.now`
   * @param {Choice} choice
   */
  constructor(root, choice) {
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(name));
    this.choice = choice;
    this.button = part("[data-open-sheet]");
    this.dialog = /** @type {HTMLDialogElement} */ (part("[data-sheet]"));
    this.room = part("[data-room]");
    this.after = part(".now");
    this.parts = [part(".filters"), part("[data-segments]")];
    this.button.addEventListener("click", () => this.open());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => choice.lift());
    narrow.addEventListener("change", () => this.#place());
    this.#place();
    if (location.hash !== `#${NAME}`) return;
    // As it was sent, or left: below it lies the page.
    history.replaceState(null, "", location.pathname + location.search);
    this.open();
  }

  /** Open it, where it is what filters stand in. */
  open() {
    if (!narrow.matches || this.dialog.open) return;
    this.choice.lay(NAME, () => this.#back());
    this.dialog.showModal();
  }

  /** Say how many filters there are. */
  show() {
    const { filters, segment, goal } = this.choice;
    const active = filters.length + (segment ? 1 : 0) + (goal ? 1 : 0);
    const count = /** @type {HTMLElement} */ (this.button.querySelector("b"));
    count.textContent = active ? String(active) : "";
    this.button.setAttribute("aria-label", active ? `Filters: ${active} active` : "Filters: none active");
  }

  /** Whether it is closed now: else what was open above it is. */
  #back() {
    const above = /** @type {HTMLDialogElement | null} */ (document.querySelector("dialog[open]:not([data-sheet])"));
    (above ?? this.dialog).close();
    return !above;
  }

  #place() {
    if (narrow.matches) this.room.append(...this.parts);
    else {
      if (this.dialog.open) this.dialog.close();
      for (const part of this.parts) this.after.before(part);
    }
  }
}
