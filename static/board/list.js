/**
 * A live list: keyed rows that move to where they belong, come softly and go softly.
 * Every row has the same height, so where it was and where it goes is known without measuring the page.
 *
 * @import {Dimension, Row} from "./snapshot.js"
 */
import { halves, label } from "./names.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const number = new Intl.NumberFormat("en");
const MOVE_MS = 180;
const FADE_MS = 120;

/**
 * @param {string} tag
 * @param {string} name
 */
function element(tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}

/**
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  const share = whole ? (part / whole) * 100 : 0;
  return share > 0 && share < 1 ? "< 1 %" : `${Math.round(share)} %`;
}

class ListRow {
  root = element("li", "row");
  #figure = element("span", "figure");
  #share = element("span", "share");
  /** @type {number | null} */ #tabs = null;
  #part = -1;
  index = 0;

  /**
   * @param {Dimension} dimension
   * @param {string} name
   */
  constructor(dimension, name) {
    const text = label(dimension, name);
    const shown = element("span", "name");
    const [start, end] = halves(text);
    for (const [part, of] of [[start, "start"], [end, "end"]]) {
      if (!part) continue;
      const half = element("span", of);
      half.textContent = part;
      shown.append(half);
    }
    this.root.title = name && name !== text ? `${text} (${name})` : text;
    this.root.classList.toggle("unnamed", name === "" || name === "(other)");
    this.root.append(shown, this.#share, this.#figure);
  }

  /**
   * @param {number} tabs
   * @param {number} all
   */
  update(tabs, all) {
    const part = all ? tabs / all : 0;
    if (part !== this.#part) {
      this.#part = part;
      this.root.style.setProperty("--share", part.toFixed(4));
      this.#share.textContent = percent(tabs, all);
    }
    if (tabs !== this.#tabs) {
      this.#tabs = tabs;
      this.#figure.textContent = number.format(tabs);
    }
  }
}

export class LiveList {
  /** @type {Map<string, ListRow>} */ #rows = new Map();
  #slots = 10;
  #rowHeight = 28;
  /** @type {[Row[], number, number] | null} */ #last = null;

  /**
   * @param {HTMLElement} root the section, with `.rows`, `.more` and `.all` in it
   * @param {Dimension} dimension
   */
  constructor(root, dimension) {
    this.dimension = dimension;
    this.list = /** @type {HTMLElement} */ (root.querySelector(".rows"));
    this.more = /** @type {HTMLElement} */ (root.querySelector(".more"));
    this.all = /** @type {HTMLElement} */ (root.querySelector(".all"));
    this.measure();
  }

  /** Read from the style sheet how many rows there is room for, and how high they are. */
  measure() {
    const style = getComputedStyle(this.list);
    const probe = element("li", "row");
    this.list.append(probe);
    this.#rowHeight = probe.offsetHeight || this.#rowHeight;
    probe.remove();
    this.#slots = Number(style.getPropertyValue("--slots")) || this.#slots;
    if (this.#last) this.update(...this.#last);
  }

  /**
   * @param {Row[]} rows largest first
   * @param {number} total distinct names, of which `rows` may be the beginning
   * @param {number} tabs what the shares are shares of
   */
  update(rows, total, tabs) {
    this.#last = [rows, total, tabs];
    // The line "and N more" takes the last slot.
    const room = total > this.#slots ? this.#slots - 1 : this.#slots;
    const shown = rows.slice(0, room);
    const moving = !still.matches && !document.hidden;
    this.#clearGone();
    this.#leave(new Set(shown.map((row) => row.name)), moving);
    this.#place(shown, tabs, moving);
    const left = total - shown.length;
    this.more.hidden = left <= 0;
    this.more.textContent = `and ${number.format(left)} more`;
    this.all.textContent = number.format(total);
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
      const at = `translateY(${row.index * this.#rowHeight}px)`;
      const leaving = row.root.animate(
        [{ transform: at, opacity: 1 }, { transform: `${at} scaleY(0.4)`, opacity: 0 }],
        { duration: MOVE_MS, easing: "ease-out", fill: "forwards" },
      );
      leaving.onfinish = () => row.root.remove();
    }
  }

  /**
   * @param {Row[]} shown
   * @param {number} tabs
   * @param {boolean} moving
   */
  #place(shown, tabs, moving) {
    let here = this.list.firstElementChild;
    shown.forEach((item, index) => {
      let row = this.#rows.get(item.name);
      if (row) {
        if (moving && row.index !== index) this.#slide(row.root, row.index - index);
      } else {
        row = new ListRow(this.dimension, item.name);
        this.#rows.set(item.name, row);
        if (moving) row.root.animate([{ opacity: 0 }, { opacity: 1 }], { duration: FADE_MS, easing: "ease-out" });
      }
      row.index = index;
      row.update(item.tabs, tabs);
      if (row.root === here) here = here.nextElementSibling;
      else this.list.insertBefore(row.root, here);
    });
  }

  /**
   * @param {HTMLElement} root
   * @param {number} rows how far it comes from, downwards
   */
  #slide(root, rows) {
    root.animate([{ transform: `translateY(${rows * this.#rowHeight}px)` }, { transform: "none" }], {
      duration: MOVE_MS,
      easing: "ease-out",
    });
  }
}
