/**
 * The ways from reports to the board, and between figures and visits, under the same filters; and who is here now.
 *
 * @import {Choice} from "./choice.js"
 * @import {Segments} from "./segments.js"
 */
import { count } from "./words.js";

const LIVE_MS = 5_000;
// Of figures only, and meaningless where visits are listed.
const OF_FIGURES = ["compare", "interval", "measure", "second", "conversion", "heat"];

export class Ways {
  /**
   * @param {string} key of the site
   * @param {Record<string, string>} live what the board calls a dimension, where it has it
   * @param {Choice} choice
   * @param {Segments} segments
   */
  constructor(key, live, choice, segments) {
    this.key = key;
    this.live = live;
    this.choice = choice;
    this.segments = segments;
    setInterval(() => this.now(), LIVE_MS);
  }

  /** Point them where the same is chosen, as far as the board has it. */
  point() {
    const query = new URLSearchParams();
    const { choice, live } = this;
    const kept = choice.segment ? this.segments.filters(choice.segment) : new URLSearchParams();
    for (const [dimension, value] of kept) if (live[dimension]) query.append(live[dimension], value);
    for (const { dimension, operator, values } of choice.filters) {
      const parameter = live[dimension];
      if (operator === "is" && parameter && !(choice.detail && dimension === "page")) for (const value of values) query.append(parameter, value);
    }
    if (choice.detail && live.page) query.append(live.page, choice.detail);
    this.#lead("live", "", query);
    const all = new URLSearchParams(choice.query);
    this.#lead("reports", "reports/", all);
    if (choice.detail) all.set("page", choice.detail);
    for (const name of OF_FIGURES) all.delete(name);
    for (const name of [...all.keys()]) if (!this.#chooses(name)) all.delete(name);
    this.#lead("visits", "visits/", all);
  }

  /** Ask who is here now. */
  async now() {
    if (document.hidden) return;
    const way = /** @type {HTMLAnchorElement} */ (document.querySelector("[data-now]"));
    try {
      const response = await fetch(`/api/v1/sites/${this.key}/live${new URL(way.href).search}`, { cache: "no-store" });
      if (!response.ok) return;
      const { visitors } = await response.json();
      /** @type {HTMLElement} */ (way.querySelector("b")).textContent = count(visitors);
    } catch {
      // The questions say that there is no connection.
    }
  }

  /** Whether a parameter says which visits are meant. @param {string} name */
  #chooses(name) {
    const dimension = name.replace(/\.(not|match|notmatch)$/, "");
    return ["period", "from", "to", "segment"].includes(name) || this.choice.dimensions.includes(dimension) || name.startsWith("property:");
  }

  /**
   * @param {string} name
   * @param {string} place
   * @param {URLSearchParams} query
   */
  #lead(name, place, query) {
    for (const way of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(`[data-to-${name}]`))) {
      way.href = `/sites/${this.key}/${place}${query.size ? `?${query}` : ""}`;
    }
  }
}
