/**
 * A tile is one site at `/`: its live number, its last hour, its star.
 *
 * @import {LastHour, LiveObject} from "../shared/snapshot.js"
 * @typedef {Pick<LiveObject, "site" | "visitors" | "tabs"> & Pick<LastHour, "views">} SiteCounts
 */

const number = new Intl.NumberFormat("en");
const HEIGHT = 24;

/** @param {number} count @param {string} word */
function counted(count, word) {
  return `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;
}

export class Tile {
  visitors = 0;
  tabs = 0;
  #drawn = "";

  /** @param {HTMLElement} root */
  constructor(root) {
    /** @param {string} selector */
    const part = (selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
    this.root = root;
    this.key = root.dataset.site ?? "";
    this.domain = root.dataset.domain ?? "";
    this.star = /** @type {HTMLButtonElement} */ (part(".star"));
    this.people = part("[data-visitors]");
    this.pages = part("[data-tabs]");
    this.hour = part(".spark");
    this.past = /** @type {SVGPathElement} */ (root.querySelector(".spark path:not(.running)"));
    this.running = /** @type {SVGPathElement} */ (root.querySelector(".spark .running"));
  }

  /** @param {SiteCounts} counts */
  update({ visitors, tabs, views }) {
    this.visitors = visitors;
    this.tabs = tabs;
    write(this.people, number.format(visitors));
    write(this.pages, counted(tabs, "tab"));
    this.root.classList.toggle("nobody", visitors === 0);
    this.#draw(views);
  }

  /** @param {boolean} starred */
  mark(starred) {
    this.star.setAttribute("aria-pressed", String(starred));
  }

  /** @param {number[]} views per minute, oldest first */
  #draw(views) {
    const key = views.join();
    if (key === this.#drawn) return;
    this.#drawn = key;
    const most = Math.max(...views);
    // With fewer than four at most, one view would look like a crowd.
    const highest = Math.max(4, most);
    const bars = views.map((count, at) => {
      const high = count ? Math.max(2, (count / highest) * HEIGHT) : 0.75;
      return `M${at * 2 + 1} ${HEIGHT}v${(-high).toFixed(1)}`;
    });
    this.running.setAttribute("d", bars.pop() ?? "");
    this.past.setAttribute("d", bars.join(""));
    const text = most ? `last hour: at most ${counted(most, "view")} a minute` : "no views in the last hour";
    this.hour.setAttribute("aria-label", text);
  }
}

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
