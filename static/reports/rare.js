/**
 * What few sites have names of, such as servers: it is offered where the period has any, or while it is chosen.
 *
 * @import {Asking} from "./ask.js"
 * @import {Choice} from "./choice.js"
 */

export class Rare {
  #asked = 0;

  /**
   * @param {HTMLElement} root with tabs and options that say in `data-rare` which dimension they are of
   * @param {Asking} asking
   * @param {Choice} choice
   * @param {() => URLSearchParams} query of the period
   */
  constructor(root, asking, choice, query) {
    this.parts = [.../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-rare]"))];
    this.names = [...new Set(this.parts.map((part) => part.dataset.rare ?? ""))];
    this.asking = asking;
    this.choice = choice;
    this.query = query;
  }

  /** Look again: the period may be another. */
  async update() {
    const number = ++this.#asked;
    for (const name of this.names) if (this.#chosen(name)) this.#show(name, true);
    await Promise.all(
      this.names.map(async (name) => {
        const query = this.query();
        query.set("by", name);
        query.set("metrics", "views");
        // Without a filter, which would have all rows looked at: none, and one beside it.
        query.set("limit", "2");
        const answer = await this.asking.ask(query);
        if (!answer || number !== this.#asked) return;
        this.#show(name, this.#chosen(name) || answer.rows.some((row) => row[name] !== ""));
      }),
    );
  }

  /** @param {string} name */
  #chosen(name) {
    const tabs = this.parts.map((part) => part.closest("[data-table]")).filter((table) => table instanceof HTMLElement);
    return this.choice.filters.some((filter) => filter.dimension === name) || tabs.some((table) => this.choice.get(table.dataset.table ?? "", "") === name);
  }

  /**
   * @param {string} name
   * @param {boolean} shown
   */
  #show(name, shown) {
    for (const part of this.parts) {
      if (part.dataset.rare !== name) continue;
      part.hidden = !shown;
      if (part instanceof HTMLOptionElement) part.disabled = !shown;
    }
  }
}
