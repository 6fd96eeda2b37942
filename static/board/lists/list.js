/**
 * A live list has keyed rows that move to where they belong, come softly and go softly.
 * A row stands where its `--at` says; those that got elsewhere are seen to glide there.
 *
 * @import {Dimension, NameTabs} from "../../shared/snapshot.js"
 * @import {PageDetails} from "./row.js"
 */
import { Sight } from "../../shared/sight.js";
import { hide, set, write } from "../../shared/told.js";
import { goAside, ListRow } from "./row.js";

/**
 * What a list must know of the names that the board is filtered by.
 * @typedef {object} NameFilters
 * @property {(dimension: Dimension, name: string) => boolean} has
 * @property {(dimension: Dimension, name: string) => void} toggle filters by a name, or no longer
 */

const number = new Intl.NumberFormat("en");
// Beside the tabs of a narrow panel a million has no room.
const rough = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const SPELT_OUT = 9_999;
// Come in two thirds of it, and over when all that glides is: each end of a movement costs frames of its own.
const COME = [{ opacity: 0 }, { opacity: 1, offset: 2 / 3 }, { opacity: 1 }];
const GO = [{ opacity: 1 }, { opacity: 0 }];
// More rows that come or go at once are another list, and no movement.
const SOFT = 40;
/** Figures change with each snapshot, places at most this often: rows that never rest cannot be read. */ const REST_MS = 2_000;

export class LiveList {
  /** @type {Map<string, ListRow>} */ #rows = new Map();
  /** Those that are leaving. @type {Set<ListRow>} */ #gone = new Set();
  #slots = 10;
  /** @type {[NameTabs[], number, number] | null} */ #last = null;
  /** The names that are shown, in their places. @type {string[]} */ #order = [];
  #orderedAt = -Infinity;
  /** @type {number | undefined} */ #timer;

  /**
   * @param {HTMLElement} root with `.rows` in it, and in these `.more` and `.none`
   * @param {Dimension} dimension
   * @param {NameFilters} [filters] what a row that is pressed filters by
   * @param {PageDetails} [details] where its names are pages
   */
  constructor(root, dimension, filters, details) {
    this.dimension = dimension;
    this.details = details;
    this.filters = filters;
    this.list = /** @type {HTMLElement} */ (root.querySelector(".rows"));
    this.sight = new Sight(this.list);
    this.more = /** @type {HTMLElement} */ (root.querySelector(".more"));
    this.none = /** @type {HTMLElement} */ (root.querySelector(".none"));
    this.all = /** @type {HTMLElement | null} */ (root.querySelector(".all"));
    this.list.addEventListener("click", (event) => this.#pick(/** @type {Element} */ (event.target)));
    this.list.addEventListener("keydown", (event) => this.#step(event));
    this.measure();
  }

  /** Read from the style sheet how many rows there is room for. */
  measure() {
    this.#slots = Number(getComputedStyle(this.list).getPropertyValue("--slots")) || this.#slots;
    this.renew();
  }

  /** The names that are shown. */
  get names() {
    return [...this.#rows.keys()];
  }

  /** What pages are called is known, or to be shown no longer. */
  entitle() {
    for (const [name, row] of this.#rows) row.entitle(this.details?.title(name) ?? "");
  }

  /** Everything to its place at once: what is shown is something else now. */
  renew() {
    this.#orderedAt = -Infinity;
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
    const shown = this.#arranged(rows, room);
    // A board without anybody has no lists.
    const moving = tabs > 0 && this.sight.moves && this.#isSoft(shown);
    this.#clearGone();
    this.#leave(new Set(shown.map((row) => row.name)), moving);
    this.#place(shown, tabs, moving);
    this.#close(shown.length, total);
  }

  /**
   * The rows that are shown, in their places: by their figures, equal ones as they stood, and between two orders as
   * they stand. Who has gone leaves at once, and whoever there is room for comes at once, at the end.
   * @param {NameTabs[]} rows
   * @param {number} room
   */
  #arranged(rows, room) {
    const places = new Map(this.#order.map((name, at) => [name, at]));
    const place = (/** @type {NameTabs} */ { name }) => places.get(name) ?? Infinity;
    const rest = this.#orderedAt + REST_MS - performance.now();
    // Sorting is stable: names without a place keep the order that they came in.
    const byFigure = [...rows].sort((a, b) => b.tabs - a.tabs || (place(a) === place(b) ? 0 : place(a) - place(b)));
    const wanted = byFigure.slice(0, room);
    let shown = wanted;
    clearTimeout(this.#timer);
    if (rest > 0) {
      shown = [...rows].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b))).slice(0, room);
      if (shown.some(({ name }, at) => name !== wanted[at]?.name)) this.#timer = setTimeout(() => this.renew(), rest);
    } else if (shown.some(({ name }, at) => name !== this.#order[at])) {
      this.#orderedAt = performance.now();
    }
    this.#order = shown.map(({ name }) => name);
    return shown;
  }

  /**
   * @param {number} shown
   * @param {number} total
   */
  #close(shown, total) {
    const left = total - shown;
    this.list.style.setProperty("--filled", String(shown + (left > 0 ? 1 : 0)));
    hide(this.more, left <= 0);
    this.more.style.setProperty("--at", String(shown));
    const words = this.more.firstElementChild ?? this.more;
    write(words, `and ${number.format(left)} more`);
    if (this.all) {
      write(this.all, (total > SPELT_OUT ? rough : number).format(total));
      set(this.all, "title", total > SPELT_OUT ? number.format(total) : "");
      // All of nothing is nothing to open.
      const open = this.all.closest("button");
      if (open) hide(open, total === 0);
    }
    hide(this.none, total > 0);
  }

  /** @param {NameTabs[]} shown */
  #isSoft(shown) {
    const staying = shown.filter(({ name }) => this.#rows.has(name)).length;
    return Math.max(shown.length, this.#rows.size) - staying <= SOFT;
  }

  /** @param {Element} target */
  #pick(target) {
    if (target.closest("a")) return;
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
    if (goAside(event)) return;
    const goal = goals.get(event.key);
    if (goal === undefined || !buttons.length) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, goal))]?.focus();
  }

  #clearGone() {
    for (const row of this.#gone) row.remove();
    this.#gone.clear();
  }

  /**
   * @param {Set<string>} staying
   * @param {boolean} moving
   */
  #leave(staying, moving) {
    for (const [name, row] of this.#rows) {
      if (staying.has(name)) continue;
      this.#rows.delete(name);
      if (!moving) {
        row.remove();
        continue;
      }
      row.root.classList.add("gone");
      row.root.setAttribute("aria-hidden", "true");
      this.list.append(row.root);
      this.#gone.add(row);
      row.fade(GO).onfinish = () => {
        row.remove();
        this.#gone.delete(row);
      };
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
        row = this.#made(item.name);
        if (moving) row.fade(COME);
      }
      row.update(index, item.tabs, tabs, moving);
      const chosen = String(this.filters?.has(this.dimension, item.name) ?? false);
      if (row.button.ariaPressed !== chosen) row.button.ariaPressed = chosen;
      if (row.root === here) here = here.nextElementSibling;
      else this.#insert(row.root, here, known);
    });
  }

  /** @param {string} name */
  #made(name) {
    const row = new ListRow(this.dimension, name);
    const address = this.details?.address(name);
    if (address) row.lead(address);
    row.entitle(this.details?.title(name) ?? "");
    this.#rows.set(name, row);
    return row;
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
