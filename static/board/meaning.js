/**
 * What the moment that the time machine shows meant to people: told in its banner when somebody wants to know, until it
 * goes on to another moment.
 *
 * @import {Asked} from "../shared/impact.js"
 */
import { Impact } from "../shared/impact.js";

export class Meaning {
  /** @type {number | null} */ #at = null;

  /**
   * @param {HTMLElement} banner with a `[data-meant]` button and a `[data-impact]` in it
   * @param {string} key of the site
   * @param {() => number | null} moment that is shown, in seconds since the epoch
   */
  constructor(banner, key, moment) {
    this.key = key;
    this.button = /** @type {HTMLElement} */ (banner.querySelector("[data-meant]"));
    this.impact = new Impact(/** @type {HTMLElement} */ (banner.querySelector("[data-impact]")));
    this.button.addEventListener("click", () => {
      const at = moment();
      if (this.#at !== null || at === null) this.#close();
      else this.open(at, { from: Math.floor(at), to: null });
    });
  }

  /**
   * @param {number} at
   * @param {Asked} asked
   */
  open(at, asked) {
    this.#at = Math.floor(at);
    this.button.ariaExpanded = "true";
    this.impact.show(this.key, asked);
  }

  /** The board shows that moment, or now. @param {number | null} at */
  moved(at) {
    if (this.#at !== null && (at === null || Math.floor(at) !== this.#at)) this.#close();
  }

  #close() {
    this.#at = null;
    this.button.ariaExpanded = "false";
    this.impact.clear();
  }
}
