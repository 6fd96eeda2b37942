/**
 * The title and the icon of the page tell of the board where only its tab is seen: the number, or that it is old.
 *
 * @import {State} from "./socket.js"
 */

/** @type {Partial<Record<State, string>>} */
const LOST = { stale: "stale", reconnecting: "reconnecting", offline: "offline", forbidden: "closed" };

export class Title {
  #count = "";
  /** @type {State} */ #state = "connecting";

  /** @param {string} domain */
  constructor(domain) {
    this.domain = domain;
    this.icon = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=icon]"));
  }

  /** @param {string} text what is counted: "52", or "52 at 20:38:04" */
  count(text) {
    this.#count = text;
    this.#write();
  }

  /** @param {State} state */
  become(state) {
    if (state === this.#state) return;
    this.#state = state;
    const icon = state in LOST ? this.icon.dataset.lost : this.icon.dataset.live;
    if (icon) this.icon.href = icon;
    this.#write();
  }

  #write() {
    const title = [LOST[this.#state] ?? this.#count, this.domain].filter(Boolean).join(" · ");
    if (document.title !== title) document.title = title;
  }
}
