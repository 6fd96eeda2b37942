/**
 * A tile is one site at `/`: its live number, its day, its last hour, its star.
 *
 * @import {LastHour, LiveObject} from "../shared/snapshot.js"
 * @typedef {Pick<LiveObject, "site" | "visitors" | "tabs"> & Pick<LastHour, "views"> & { today: number | null }} SiteCounts
 */
import { write } from "../shared/told.js";

const number = new Intl.NumberFormat("en");
const HEIGHT = 24;

/** @param {number} count @param {string} word */
function counted(count, word) {
  return `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;
}

export class Tile {
  visitors = 0;
  tabs = 0;
  today = 0;
  /** @type {number[]} */ views = [];
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
    this.day = part("[data-today]");
    this.hour = part(".spark");
    this.past = /** @type {SVGPathElement} */ (root.querySelector(".spark path:not(.running)"));
    this.running = /** @type {SVGPathElement} */ (root.querySelector(".spark .running"));
  }

  /** Whether a page view has ever come. */
  get installed() {
    return !this.root.classList.contains("fresh");
  }

  /** @param {SiteCounts} counts */
  update({ visitors, tabs, today, views }) {
    this.visitors = visitors;
    this.tabs = tabs;
    this.today = today ?? 0;
    this.views = views;
    write(this.people, number.format(visitors));
    write(this.pages, counted(tabs, "tab"));
    write(this.day, today === null ? "\u00A0" : `${number.format(today)} today`);
    this.day.title = today === null ? "" : `${counted(today, "page view")} since midnight`;
    this.root.classList.toggle("nobody", visitors === 0);
    if (tabs || today || views.some(Boolean)) this.root.classList.remove("fresh");
  }

  /** @param {boolean} starred */
  mark(starred) {
    this.star.setAttribute("aria-pressed", String(starred));
  }

  /**
   * The last hour, on a scale that all tiles share: a quarter of the views is half as high, so that small sites show
   * beside large ones.
   * @param {number} highest views a minute
   */
  draw(highest) {
    const key = [highest, ...this.views].join();
    if (key === this.#drawn) return;
    this.#drawn = key;
    const bars = this.views.map((count, at) => {
      const high = count ? Math.max(2, Math.sqrt(count / highest) * HEIGHT) : 0.75;
      return `M${at * 2 + 1} ${HEIGHT}v${(-high).toFixed(1)}`;
    });
    this.running.setAttribute("d", bars.pop() ?? "");
    this.past.setAttribute("d", bars.join(""));
    const most = Math.max(0, ...this.views);
    const text = most ? `last hour: at most ${counted(most, "view")} a minute` : "no views in the last hour";
    this.hour.setAttribute("aria-label", text);
  }
}
