/**
 * A live list has keyed rows that move to where they belong, come softly and go softly.
 * A row stands where its `--at` says, and the style sheet moves it there: setting one property a row costs
 * 0.5 ms for six lists of 100 rows where an `animate()` for each that moved cost 6.
 *
 * @import {Dimension, NameTabs} from "../../shared/snapshot.js"
 */
import { ListRow } from "./row.js";

/**
 * What a list must know of the names that the board is filtered by.
 * @typedef {object} NameFilters
 * @property {(dimension: Dimension, name: string) => boolean} has
 * @property {(dimension: Dimension, name: string) => void} toggle filters by a name, or no longer
 */

const still = matchMedia("(prefers-reduced-motion: reduce)");
const number = new Intl.NumberFormat("en");
const MOVE_MS = 180;
const FADE_MS = 120;
// More rows that come or go at once are another list, and no movement.
const SOFT = 40;

/**
 * @param {Element} element
 * @param {string} text
 */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class LiveList {
  /** @type {Map<string, ListRow>} */ #rows = new Map();
  #slots = 10;
  /** @type {[NameTabs[], number, number] | null} */ #last = null;

  /**
   * @param {HTMLElement} root with `.rows` in it, and in these `.more` and `.none`
   * @param {Dimension} dimension
   * @param {NameFilters} [filters] what a row that is pressed filters by
   */
  constructor(root, dimension, filters) {
    this.dimension = dimension;
    this.filters = filters;
    this.list = /** @type {HTMLElement} */ (root.querySelector(".rows"));
    this.more = /** @type {HTMLElement} */ (root.querySelector(".more"));
    this.none = /** @type {HTMLElement} */ (root.querySelector(".none"));
    this.all = root.querySelector(".all");
    this.list.addEventListener("click", (event) => this.#pick(/** @type {Element} */ (event.target)));
    this.list.addEventListener("keydown", (event) => this.#step(event));
    this.measure();
  }

  /** Read from the style sheet how many rows there is room for. */
  measure() {
    this.#slots = Number(getComputedStyle(this.list).getPropertyValue("--slots")) || this.#slots;
    if (this.#last) this.update(...this.#last);
  }

  /**
   * @param {NameTabs[]} rows largest first
   * @param {number} total distinct names, of which `rows` may be the beginning
   * @param {number} tabs what the shares are shares of
   */
  update(rows, total, tabs) {
    this.#last = [rows, total, tabs];
    // The line "and N more" takes the last slot.
    const room = total > this.#slots ? this.#slots - 1 : this.#slots;
    const shown = rows.slice(0, room);
    const moving = !still.matches && !document.hidden && this.#isSoft(shown);
    this.#clearGone();
    this.#leave(new Set(shown.map((row) => row.name)), moving);
    this.#place(shown, tabs, moving);
    this.#close(shown.length, total);
  }

  /**
   * @param {number} shown
   * @param {number} total
   */
  #close(shown, total) {
    const left = total - shown;
    this.list.style.setProperty("--filled", String(shown + (left > 0 ? 1 : 0)));
    this.more.hidden = left <= 0;
    this.more.style.setProperty("--at", String(shown));
    const words = this.more.firstElementChild ?? this.more;
    write(words, `and ${number.format(left)} more`);
    if (this.all) write(this.all, number.format(total));
    this.none.hidden = total > 0;
  }

  /** @param {NameTabs[]} shown */
  #isSoft(shown) {
    const staying = shown.filter(({ name }) => this.#rows.has(name)).length;
    return Math.max(shown.length, this.#rows.size) - staying <= SOFT;
  }

  /** @param {Element} target */
  #pick(target) {
    for (const [name, row] of this.#rows) {
      if (row.root.contains(target)) this.filters?.toggle(this.dimension, name);
    }
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    const buttons = /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll(".row:not(.gone) .pick, .more:not([hidden]) button")]);
    const here = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const goals = new Map([
      ["ArrowDown", here + 1],
      ["ArrowUp", here - 1],
      ["Home", 0],
      ["End", buttons.length - 1],
    ]);
    const goal = goals.get(event.key);
    if (goal === undefined || !buttons.length) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, goal))]?.focus();
  }

  #clearGone() {
    for (const gone of this.list.querySelectorAll(".gone")) gone.remove();
  }

  /**
   * @param {Set<string>} staying
   * @param {boolean} moving
   */
  #leave(staying, moving) {
    for (const [name, row] of this.#rows) {
      if (staying.has(name)) continue;
      this.#rows.delete(name);
      row.root.remove();
      if (!moving) continue;
      row.root.classList.add("gone");
      row.root.setAttribute("aria-hidden", "true");
      this.list.append(row.root);
      const leaving = row.root.animate([{ opacity: 1 }, { opacity: 0 }], { duration: MOVE_MS, easing: "ease-out" });
      leaving.onfinish = () => row.root.remove();
    }
  }

  /**
   * @param {NameTabs[]} shown
   * @param {number} tabs
   * @param {boolean} moving
   */
  #place(shown, tabs, moving) {
    let here = this.list.firstElementChild;
    shown.forEach((item, index) => {
      let row = this.#rows.get(item.name);
      const known = row !== undefined;
      if (!row) {
        row = new ListRow(this.dimension, item.name);
        this.#rows.set(item.name, row);
        if (moving) row.root.animate([{ opacity: 0 }, { opacity: 1 }], { duration: FADE_MS, easing: "ease-out" });
      }
      row.update(index, item.tabs, tabs);
      const chosen = String(this.filters?.has(this.dimension, item.name) ?? false);
      if (row.button.ariaPressed !== chosen) row.button.ariaPressed = chosen;
      if (row.root === here) here = here.nextElementSibling;
      else this.#insert(row.root, here, known);
    });
  }

  /**
   * Screen readers read rows in the order of the document: it must be that of the places.
   * @param {HTMLElement} row
   * @param {Element | null} before
   * @param {boolean} known
   */
  #insert(row, before, known) {
    // `moveBefore` keeps a row's movement going; where there is none, the row that was moved jumps.
    if (known && "moveBefore" in this.list) this.list.moveBefore(row, before);
    else this.list.insertBefore(row, before);
  }
}
