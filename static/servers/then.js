/**
 * The banner of the time machine: which moment or span is shown, what it meant to people, and the ways out.
 *
 * @import {Choice} from "./choice.js"
 * @import {Chosen} from "./panel.js"
 */
import { Clock } from "../shared/clock.js";
import { Impact } from "../shared/impact.js";
import { SPANS } from "./choice.js";

/** How far a press on earlier or later goes, of what is shown. */ const STEP = 0.5;

export class Then {
  /** @type {Choice | null} */ #choice = null;

  /**
   * @param {HTMLElement} banner
   * @param {HTMLInputElement} field for a moment, by this machine's clock
   * @param {(chosen: Chosen | null) => void} go called with where to go, null: back to live
   */
  constructor(banner, field, go) {
    this.banner = banner;
    this.field = field;
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (banner.querySelector(name));
    this.words = part("b");
    this.elsewhere = part("[data-elsewhere]");
    this.board = /** @type {HTMLAnchorElement} */ (part("a"));
    this.impact = new Impact(part("[data-impact]"));
    const step = (/** @type {number} */ way) => {
      const { at, to, span } = this.#choice ?? {};
      if (at == null) return;
      const by = way * STEP * (SPANS[span ?? ""]?.minutes ?? 10) * 60;
      go({ at: at + by, to: to == null ? null : to + by });
    };
    part("[data-earlier]").addEventListener("click", () => step(-1));
    part("[data-later]").addEventListener("click", () => step(1));
    part("[data-live]").addEventListener("click", () => go(null));
    field.addEventListener("change", () => field.value && go({ at: Date.parse(field.value) / 1000, to: null }));
  }

  /**
   * @param {Choice} choice
   * @param {string} zone of the site
   */
  show(choice, zone) {
    this.#choice = choice;
    const { at, to, site } = choice;
    // The focus must not fall off the page with the banner.
    if (at === null && this.banner.contains(document.activeElement)) this.field.focus();
    this.banner.hidden = at === null;
    this.field.value = at === null ? "" : local(at);
    if (at === null) return this.impact.clear();
    this.words.textContent = to === null ? `${date(at)}, ${time(at)}` : `${date(at)}, from ${time(at)} to ${time(to)}`;
    // The sentence beside it tells the site's time.
    const there = site ? new Clock(zone).second(at * 1000) : time(at);
    this.elsewhere.textContent = there === time(at) ? "" : `, ${there} in ${zone}`;
    const today = (/** @type {number} */ ms) => new Date(ms).toLocaleDateString("sv-SE", { timeZone: zone });
    this.board.hidden = !site || today(at * 1000) !== today(Date.now());
    this.board.href = `/sites/${site}/?t=${Math.floor(at)}`;
    if (site) return void this.impact.show(site, { from: at, to });
    this.impact.clear();
    this.impact.root.hidden = false;
    this.impact.root.textContent = "Choose a site under “people” to read what it meant to them.";
  }
}

/** @param {number} at */
function date(at) {
  return new Date(at * 1000).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });
}

/** @param {number} at */
function time(at) {
  return new Date(at * 1000).toLocaleTimeString("en-GB");
}

/** "2026-11-27T14:02:00" by this machine's clock. @param {number} at */
function local(at) {
  return new Date(at * 1000).toLocaleString("sv-SE").replace(" ", "T");
}
