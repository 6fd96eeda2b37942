/**
 * The map above the list of countries, in shades of the measure that the list is sorted by. The list says the same, for
 * those who cannot see or point.
 *
 * @import {Asking} from "./ask.js"
 * @import {Choice} from "./choice.js"
 * @import {Table} from "./table.js"
 */
import { World } from "../shared/world.js";
import { figure, MEASURES } from "./words.js";

const MOST_COUNTRIES = 400;

export class Places {
  #measure = "";
  #total = 0;
  // What is shown, and asked.
  #asked = "";

  /**
   * @param {Table} table of countries, with a `.world`
   * @param {Asking} asking
   * @param {Choice} choice
   */
  constructor(table, asking, choice) {
    this.table = table;
    this.asking = asking;
    this.root = /** @type {HTMLElement} */ (table.root.querySelector(".world"));
    this.world = new World(this.root, {
      has: (code) => choice.has("country", code),
      pick: (code, out) => choice.toggle("country", code, out ? "not" : "is"),
      words: (value) => this.#words(value),
      // Of many visitors the logarithm would make all dark that have a tenth of the most.
      density: (share) => Math.sqrt(share),
    });
  }

  /** @param {boolean} again whether anything else is asked about */
  async update(again) {
    this.root.hidden = this.table.dimension !== "country";
    if (this.root.hidden) return;
    const query = this.table.query();
    query.delete("compare");
    const [measure = "visitors"] = this.table.measures;
    query.set("by", "country");
    query.set("metrics", measure);
    query.set("limit", String(MOST_COUNTRIES));
    if (query.toString() === this.#asked && !again) return;
    this.#asked = query.toString();
    const answer = await this.asking.ask(query);
    if (!answer || query.toString() !== this.#asked) return;
    this.#measure = measure;
    this.#total = answer.totals[measure] ?? 0;
    this.world.update(Object.fromEntries(answer.rows.map((row) => [row.country, row[measure] ?? 0])));
  }

  /** @param {number} value */
  #words(value) {
    const [title = this.#measure, kind] = MEASURES[this.#measure] ?? [];
    const share = kind === "number" && value <= this.#total ? `, ${Math.round((value / this.#total) * 100)} %` : "";
    return `${figure(this.#measure, value)} ${title.toLowerCase()}${share}`;
  }
}
