/**
 * Which measures the chart draws: one of the figures or of those beside them, and perhaps a second one. They stand in
 * the address.
 *
 * @import {Choice} from "./choice.js"
 */
import { MEASURES } from "./words.js";

// While the whole site is looked at, or one page of it, or a goal is chosen.
const FIGURES = ["visitors", "visits", "views", "engaged_seconds", "bounce_rate"];
const OF_SITE = ["views_per_visit", "visit_seconds"];
const OF_PAGE = ["open_seconds", "depth"];
const OF_GOAL = ["conversions", "conversion_rate"];
// Swept from intervals, which takes longer: nothing else waits for it.
export const PRESENCE = ["at_once_peak", "at_once_peak_at", "at_once_mean"];
const PEAK = ["at_once_peak", "at_once_peak_at"];
const USUAL = "visitors";

export class Measured {
  /**
   * @param {HTMLElement} root with `[data-first]` and `[data-second]` selects; the second says in `data-more` what there
   *   is beside the figures
   * @param {Choice} choice
   */
  constructor(root, choice) {
    this.choice = choice;
    this.selects = ["first", "second"].map((name) => /** @type {HTMLSelectElement} */ (root.querySelector(`[data-${name}]`)));
    const [first, second] = this.selects;
    this.more = (second?.dataset.more ?? "").split(",");
    first?.addEventListener("change", () => this.choose(first.value));
    second?.addEventListener("change", () => choice.set({ second: second.value || null }));
  }

  /** @param {string} measure */
  choose(measure) {
    this.choice.set({ measure: measure === USUAL ? null : measure });
  }

  /** The figures that there are now, without those of presence. */
  get figures() {
    return [...FIGURES, ...(this.choice.detail ? OF_PAGE : OF_SITE), ...(this.choice.goal ? OF_GOAL : [])];
  }

  /** All that can be drawn. */
  get #all() {
    return [...new Set([...this.figures, PEAK[0] ?? "", ...this.more])];
  }

  get first() {
    const wanted = this.choice.get("measure", USUAL);
    return this.#all.includes(wanted) ? wanted : USUAL;
  }

  /** "" for none. */
  get second() {
    const wanted = this.choice.get("second", "");
    return this.#all.includes(wanted) && wanted !== this.first ? wanted : "";
  }

  /** What is asked first: the figures, and what else is drawn. */
  get asked() {
    const drawn = [this.first, this.second].filter((name) => name && !PRESENCE.includes(name));
    return [...new Set([...this.figures, ...drawn])];
  }

  /** What is asked of presence. */
  get present() {
    return [this.first, this.second].includes("at_once_mean") ? PRESENCE : PEAK;
  }

  show() {
    const none = document.createElement("option");
    none.value = "";
    none.textContent = "no second figure";
    for (const [at, select] of this.selects.entries()) {
      const options = this.#all.map((name) => {
        const option = document.createElement("option");
        option.value = name;
        option.textContent = (MEASURES[name]?.[0] ?? name).toLowerCase();
        return option;
      });
      const values = options.map((option) => option.value).join();
      const shown = [...select.options].flatMap((option) => (option.value ? [option.value] : [])).join();
      if (values !== shown) select.replaceChildren(...(at ? [none] : []), ...options);
      select.value = at ? this.second : this.first;
    }
  }
}
