/**
 * The filters of the board are kept in the URL, and shown as chips that take one away.
 *
 * @import {Dimension} from "../shared/snapshot.js"
 */
import { label, oneForm } from "../shared/names.js";
import { asked, rewrite } from "./address.js";
import { DIMENSIONS, PARAMETERS } from "./dimensions.js";

export class Filters {
  /**
   * @param {HTMLElement} chips an empty list
   * @param {() => void} changed
   */
  constructor(chips, changed) {
    this.chips = chips;
    this.wall = /** @type {HTMLAnchorElement | null} */ (document.querySelector("a.wall"));
    this.reports = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a.reports"));
    this.changed = changed;
    this.wanted = this.#read();
    this.#show();
    addEventListener("popstate", () => {
      const before = this.query;
      this.wanted = this.#read();
      // A jump inside the page is no other filter.
      if (this.query === before) return;
      this.#show();
      this.changed();
    });
  }

  /** "?page=%2Fpricing", or "" without filters. */
  get query() {
    const query = new URLSearchParams(this.wanted.map(({ dimension, name }) => [PARAMETERS[dimension], name]));
    return query.size ? `?${query}` : "";
  }

  /** How many pages are filtered by. */
  get pages() {
    return this.wanted.filter(({ dimension }) => dimension === "pages").length;
  }

  /**
   * @param {Dimension} dimension
   * @param {string} name
   */
  has(dimension, name) {
    return this.wanted.some((each) => each.dimension === dimension && each.name === name);
  }

  /**
   * Filter by a name, or no longer.
   * @param {Dimension} dimension
   * @param {string} name
   */
  toggle(dimension, name) {
    if (this.has(dimension, name)) {
      this.wanted = this.wanted.filter((each) => each.dimension !== dimension || each.name !== name);
    } else {
      this.wanted.push({ dimension, name });
    }
    this.#keep();
  }

  /**
   * Filter by this name of a dimension, and by no other of it.
   * @param {Dimension} dimension
   * @param {string} name
   */
  only(dimension, name) {
    this.wanted = [...this.wanted.filter((each) => each.dimension !== dimension), { dimension, name }];
    this.#keep();
  }

  #keep() {
    const change = (/** @type {URLSearchParams} */ query) => {
      for (const dimension of DIMENSIONS) query.delete(PARAMETERS[dimension]);
      for (const { dimension, name } of this.wanted) query.append(PARAMETERS[dimension], name);
    };
    rewrite(change, { visit: true });
    this.#show();
    this.changed();
  }

  #read() {
    return DIMENSIONS.flatMap((dimension) => {
      const names = asked(PARAMETERS[dimension]);
      // As people type a page's name, the server understands it; its row is found by the one form.
      const known = dimension === "pages" ? names.map(oneForm) : names;
      return [...new Set(known)].map((name) => ({ dimension, name }));
    });
  }

  #show() {
    // The same filters over the past, which has more of them, and so one by another name.
    for (const way of this.reports) {
      way.search = this.query.replace(/(?<=[?&])campaign=/g, "utm_campaign=");
    }
    if (this.wall) this.wall.href = `${this.query || "?"}${this.query && "&"}wall`;
    this.chips.replaceChildren(
      ...this.wanted.map(({ dimension, name }) => {
        // On a wall there is nothing to press, and no way there.
        const chip = document.createElement(this.wall ? "button" : "i");
        const parameter = document.createElement("span");
        parameter.textContent = PARAMETERS[dimension];
        const text = label(dimension, name);
        const value = document.createElement("b");
        value.textContent = text;
        const item = document.createElement("li");
        item.append(chip);
        chip.append(parameter, value);
        if (!(chip instanceof HTMLButtonElement)) return item;
        chip.type = "button";
        chip.append("×");
        chip.setAttribute("aria-label", `Remove the filter: ${PARAMETERS[dimension]} ${text}`);
        chip.addEventListener("click", () => {
          this.toggle(dimension, name);
          // The focus must not fall off the page with its chip.
          /** @type {HTMLElement} */ (this.chips.querySelector("button") ?? document.querySelector(".rows"))?.focus();
        });
        return item;
      }),
    );
  }
}
