/**
 * A list in full opens over the board: it is asked for anew with every snapshot while it is open, and searched by what
 * is typed. The server sends its largest 1,000 names; where there are more, it does the searching.
 *
 * @import {Dimension, NameTabs} from "../../shared/snapshot.js"
 * @import {NameFilters} from "./list.js"
 * @import {PageDetails} from "./row.js"
 * @typedef {{of: Dimension, tabs: number, total: number, found: number, rows: NameTabs[]}} ListAnswer
 *   `tabs`: all that are open; `total`: distinct names, of which `found` have the text in them that was asked for
 */
import { label } from "../../shared/names.js";
import { LiveList } from "./list.js";

const number = new Intl.NumberFormat("en");

export class FullList {
  /** @type {HTMLDialogElement | null} */ #dialog = null;
  /** @type {Dimension} */ #dimension = "pages";
  /** @type {ListAnswer | null} */ #answer = null;
  /** @type {LiveList | null} */ #list = null;
  #title = "";
  #announced = "";
  #asking = false;
  #missed = false;

  /**
   * @param {HTMLTemplateElement} template of the dialog
   * @param {NameFilters & {readonly query: string}} filters `query`: all filters, as a query string
   * @param {string} url what to ask
   * @param {() => number | null} moment that the board shows, in seconds since the epoch; null: now
   * @param {PageDetails} details of pages
   */
  constructor(template, filters, url, moment, details) {
    this.details = details;
    this.template = template;
    this.filters = filters;
    this.url = url;
    this.moment = moment;
  }

  /**
   * @param {Dimension} dimension
   * @param {string} title
   */
  open(dimension, title) {
    const copy = /** @type {DocumentFragment} */ (this.template.content.cloneNode(true));
    const dialog = /** @type {HTMLDialogElement} */ (copy.firstElementChild);
    this.#dialog = dialog;
    this.#dimension = dimension;
    this.#title = title.toLowerCase();
    this.#answer = null;
    this.#announced = "";
    this.#part("h2").textContent = title;
    this.#list = new LiveList(dialog, dimension, {
      has: (filtered, name) => this.filters.has(filtered, name),
      toggle: (filtered, name) => {
        dialog.close();
        this.filters.toggle(filtered, name);
      },
    }, dimension === "pages" ? this.details : undefined);
    const search = this.#search();
    search.placeholder = `Search ${this.#title}`;
    search.setAttribute("aria-label", search.placeholder);
    search.addEventListener("input", () => {
      this.#show();
      this.update();
    });
    this.#part("[data-close]").addEventListener("click", () => dialog.close());
    // In a field with text in it, Escape would only empty that.
    dialog.addEventListener("keydown", (event) => event.key === "Escape" && dialog.close());
    // A press beside it: on its backdrop, which is its own element's.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => this.#closed());
    this.template.after(copy);
    dialog.showModal();
    this.#list.measure();
    search.focus();
    this.update();
  }

  /** The pages that it shows, if it does. */
  get pages() {
    return this.#dimension === "pages" ? (this.#list?.names ?? []) : [];
  }

  /** What pages are called is known, or to be shown no longer. */
  entitle() {
    this.#list?.entitle();
  }

  /** The board shows something else now. */
  async update() {
    if (!this.#dialog) return;
    // One question at a time; what has changed meanwhile is asked for when the answer is there.
    this.#missed = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    const dialog = this.#dialog;
    try {
      const response = await fetch(`${this.url}?${this.#query()}`, { cache: "no-store" });
      const answer = response.ok ? await response.json() : null;
      if (answer && this.#dialog === dialog) {
        this.#answer = answer;
        this.#show();
      }
    } catch {
      // The board's own line says that there is no connection.
    }
    this.#asking = false;
    if (this.#missed) this.update();
  }

  #query() {
    const query = new URLSearchParams(this.filters.query);
    const moment = this.moment();
    query.set("of", this.#dimension);
    if (moment !== null) query.set("t", String(moment));
    if (this.#isCut()) query.set("find", this.#text());
    return query;
  }

  #show() {
    if (!this.#answer || !this.#list) return;
    const { rows, tabs, total, found: matching } = this.#answer;
    const text = this.#text();
    const shown = text ? rows.filter(({ name }) => this.#has(name, text)) : rows;
    // What the server has found beyond these rows is told as their number.
    const count = this.#isCut() ? matching : shown.length;
    this.#list.update(shown, count, tabs);
    if (text !== this.#announced) this.#list.renew();
    const summary = text ? `${number.format(count)} of ${number.format(total)}` : number.format(total);
    this.#part(".found").textContent = summary;
    // Aloud once for each text, and not with every snapshot.
    if (text !== this.#announced) this.#part("[role=status]").textContent = summary;
    this.#announced = text;
  }

  /** Whether there are more names than the server sends. */
  #isCut() {
    if (!this.#answer) return false;
    const { rows, total, found: matching } = this.#answer;
    return matching > rows.length || matching < total;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #has(name, text) {
    return name.toLowerCase().includes(text) || label(this.#dimension, name).toLowerCase().includes(text);
  }

  #closed() {
    this.#dialog?.remove();
    this.#dialog = this.#answer = this.#list = null;
  }

  #text() {
    return this.#search().value.trim().toLowerCase();
  }

  #search() {
    return /** @type {HTMLInputElement} */ (this.#part("input"));
  }

  /** @param {string} selector */
  #part(selector) {
    return /** @type {HTMLElement} */ (this.#dialog?.querySelector(selector));
  }
}
