/**
 * Which measures a table has as columns: its usual ones, or up to three that somebody chose, which stand in the address.
 *
 * @import {Choice} from "./choice.js"
 */
import { MEASURES } from "./words.js";

const MOST = 3;
// Who is there at once is swept from intervals, which takes longer.
export const PRESENCE = ["at_once_peak", "at_once_mean"];

export class Columns {
  /**
   * @param {HTMLElement} root a `[data-table]` that says in `data-columns` what may be chosen, perhaps with a menu of it
   * @param {string} name
   * @param {Choice} choice
   */
  constructor(root, name, choice) {
    this.parameter = `${name}_columns`;
    this.choice = choice;
    this.allowed = (root.dataset.columns ?? "").split(",").filter(Boolean);
    this.list = root.querySelector(".columns ul");
    /** What is there when nobody has chosen. @type {string[]} */
    this.usual = [];
  }

  /**
   * What is chosen; these where nothing is.
   * @param {string[]} usual
   */
  of(usual) {
    this.usual = usual;
    const names = this.choice.get(this.parameter, "").split(",");
    const chosen = this.allowed.filter((name) => names.includes(name)).slice(0, MOST);
    return chosen.length ? chosen : usual;
  }

  /** @param {string[]} measures that the table has */
  show(measures) {
    if (!this.list || this.list.contains(document.activeElement)) return this.#mark(measures);
    this.list.replaceChildren(
      ...this.allowed.map((name) => {
        const item = document.createElement("li");
        const label = document.createElement("label");
        const box = document.createElement("input");
        box.type = "checkbox";
        box.value = name;
        box.addEventListener("change", () => this.#choose());
        label.append(box, MEASURES[name]?.[0] ?? name);
        item.append(label);
        return item;
      }),
    );
    this.#mark(measures);
  }

  get #boxes() {
    return [.../** @type {NodeListOf<HTMLInputElement>} */ (this.list?.querySelectorAll("input") ?? [])];
  }

  /** @param {string[]} measures */
  #mark(measures) {
    const full = this.allowed.filter((name) => measures.includes(name)).length >= MOST;
    for (const box of this.#boxes) {
      box.checked = measures.includes(box.value);
      box.disabled = full && !box.checked;
    }
  }

  #choose() {
    const names = this.#boxes.filter(({ checked }) => checked).map(({ value }) => value);
    const same = names.length === this.usual.length && names.every((name) => this.usual.includes(name));
    this.choice.set({ [this.parameter]: names.length && !same ? names.join(",") : null });
  }
}
