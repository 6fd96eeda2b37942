/**
 * A row of a live list is a name that is pressed, its share as a bar behind it, and its figure. It glides to another
 * place, and its bar to another length where that is a step that eyes follow.
 *
 * @import {Dimension} from "../../shared/snapshot.js"
 */
import { GLIDE, Glide } from "../../shared/glide.js";
import { halves, label } from "../../shared/names.js";

const number = new Intl.NumberFormat("en");
// Whole lists are thousands of pixels high: further down nobody sees what glides.
const IN_SIGHT = 60;
/** Of the whole, about a letter's width: with each page view that comes, all shares change by less. */ const STEP = 0.04;

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

/**
 * What the row of a page has beside its path.
 * @typedef {object} PageDetails
 * @property {(name: string) => string} title "" where none is known, or none is to be shown
 * @property {(name: string) => string | null} address where it is, to be opened
 */

/**
 * Arrow keys lead from a row to its page itself, and back; whether they did.
 * @param {KeyboardEvent} event
 */
export function goAside({ key, target }) {
  const here = /** @type {Element} */ (target);
  const goal = key === "ArrowRight" ? here.nextElementSibling : key === "ArrowLeft" ? here.previousElementSibling : null;
  if (!goal?.matches(".pick, .visit")) return false;
  /** @type {HTMLElement} */ (goal).focus();
  return true;
}

export class ListRow {
  root = element("li", "row");
  button = /** @type {HTMLButtonElement} */ (element("button", "pick"));
  #figure = element("span", "figure");
  #share = element("span", "share");
  #bar = element("i", "bar");
  #place = new Glide(this.root, (rest) => `translateY(calc(var(--row) * ${rest}))`);
  #length = new Glide(this.#bar, (rest) => `scaleX(${(this.#part + rest) / this.#part})`);
  /** @type {HTMLElement | null} */ #title = null;
  /** @type {number | null} */ #tabs = null;
  #part = -1;
  #words = "";
  #at = -1;
  #rising = false;
  /** @type {Animation | null} */ #fading = null;

  /**
   * @param {Dimension} dimension
   * @param {string} name
   */
  constructor(dimension, name) {
    this.button.type = "button";
    // One stop for the whole list; arrow keys go from row to row.
    this.button.tabIndex = -1;
    const text = label(dimension, name);
    const shown = element("span", "name");
    const [start, end] = halves(text);
    for (const [half, part] of Object.entries({ start, end })) {
      if (!part) continue;
      const span = element("span", half);
      span.textContent = part;
      shown.append(span);
    }
    this.root.title = name && name !== text ? `${text} (${name})` : text;
    this.root.classList.toggle("unnamed", name === "" || name === "(other)");
    this.button.append(shown, this.#share, this.#figure);
    this.root.append(this.#bar, this.button);
  }

  /** Lead to the page itself. @param {string} address */
  lead(address) {
    const link = /** @type {HTMLAnchorElement} */ (element("a", "visit"));
    link.href = address;
    link.target = "_blank";
    // The page is not told who looks at its readers.
    link.rel = "noreferrer";
    link.textContent = "↗";
    link.title = `Open ${address}`;
    link.setAttribute("aria-label", link.title);
    link.tabIndex = -1;
    this.button.after(link);
  }

  /** Say what the page is called. @param {string} title "": nothing */
  entitle(title) {
    if ((this.#title?.textContent ?? "") === title) return;
    this.#title ??= element("span", "title");
    this.#title.textContent = title;
    this.#title.title = title;
    this.root.classList.toggle("entitled", title !== "");
    if (title) this.#share.before(this.#title);
    else this.#title.remove();
  }

  /** Off the page, where what still moves would be the page's own work. */
  remove() {
    this.#place.stop();
    this.#length.stop();
    this.#fading?.cancel();
    this.root.remove();
  }

  /** Come or go softly. @param {Keyframe[]} frames */
  fade(frames) {
    // Two at once of one kind would be drawn by the page's own thread.
    this.#fading?.cancel();
    return (this.#fading = this.root.animate(frames, GLIDE));
  }

  /**
   * @param {number} at which place in the list, from 0
   * @param {number} tabs
   * @param {number} all
   * @param {boolean} moving whether it may be seen on its way
   */
  update(at, tabs, all, moving) {
    this.#go(at, moving);
    // To a hundredth, some three pixels: with each page view that comes, all rows' shares change by less.
    const part = all ? Math.round((tabs / all) * 100) / 100 : 0;
    if (part !== this.#part) this.#reach(part, moving);
    const words = percent(tabs, all);
    if (words !== this.#words) this.#share.textContent = this.#words = words;
    if (tabs !== this.#tabs) {
      this.#tabs = tabs;
      this.#figure.textContent = number.format(tabs);
    }
  }

  /**
   * @param {number} at
   * @param {boolean} moving
   */
  #go(at, moving) {
    const before = this.#at;
    const rising = at < before;
    if (rising !== this.#rising) this.root.classList.toggle("rising", (this.#rising = rising));
    if (at === before) return;
    this.#at = at;
    this.root.style.setProperty("--at", String(at));
    if (moving && before >= 0 && Math.min(at, before) < IN_SIGHT) this.#place.go(before - at);
  }

  /**
   * @param {number} part
   * @param {boolean} moving
   */
  #reach(part, moving) {
    const before = this.#part;
    this.#part = part;
    this.#bar.style.width = `${part * 100}%`;
    if (moving && before >= 0 && part > 0 && Math.abs(part - before) >= STEP) this.#length.go(before - part);
  }
}
