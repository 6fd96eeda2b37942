/**
 * One list in full, over the board: asked for anew with every snapshot while it is open, searched by what is typed.
 * The server sends its largest 1,000 names; where there are more, it does the searching.
 *
 * @import {NameFilters} from "./list.js"
 * @import {Dimension, NameTabs} from "../../shared/snapshot.js"
 * @typedef {{of: Dimension, tabs: number, total: number, found: number, rows: NameTabs[]}} Whole
 *   `tabs`: all that are open; `total`: distinct names, of which `found` have the text in them that was asked for
 */
import { LiveList } from "./list.js";
import { label } from "../../shared/names.js";

const number = new Intl.NumberFormat("en");

export class FullList {
  /** @type {HTMLDialogElement | null} */ #dialog = null;
  /** @type {Dimension} */ #of = "pages";
  /** @type {Whole | null} */ #whole = null;
  /** @type {LiveList | null} */ #list = null;
  #title = "";
  #said = "";
  #asking = false;
  #missed = false;

  /**
   * @param {HTMLTemplateElement} template of the dialog
   * @param {NameFilters & {readonly query: string}} filters `query`: all filters, as a query string
   * @param {string} url what to ask
   * @param {() => number | null} moment that the board shows, in seconds since the epoch; null: now
   */
  constructor(template, filters, url, moment) {
    this.template = template;
    this.filters = filters;
    this.url = url;
    this.moment = moment;
  }

  /**
   * @param {Dimension} of
   * @param {string} title
   */
  open(of, title) {
    const copy = /** @type {DocumentFragment} */ (this.template.content.cloneNode(true));
    const dialog = /** @type {HTMLDialogElement} */ (copy.firstElementChild);
    this.#dialog = dialog;
    this.#of = of;
    this.#title = title.toLowerCase();
    this.#whole = null;
    this.#said = "";
    this.#part("h2").textContent = title;
    this.#list = new LiveList(dialog, of, {
      has: (dimension, name) => this.filters.has(dimension, name),
      toggle: (dimension, name) => {
        dialog.close();
        this.filters.toggle(dimension, name);
      },
    });
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
      const whole = response.ok ? await response.json() : null;
      if (whole && this.#dialog === dialog) {
        this.#whole = whole;
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
    query.set("of", this.#of);
    if (moment !== null) query.set("t", String(moment));
    if (this.#isCut()) query.set("find", this.#text());
    return query;
  }

  #show() {
    if (!this.#whole || !this.#list) return;
    const { rows, tabs, total, found } = this.#whole;
    const text = this.#text();
    const shown = text ? rows.filter(({ name }) => this.#has(name, text)) : rows;
    // What the server has found beyond these rows is told as their number.
    const count = this.#isCut() ? found : shown.length;
    this.#list.update(shown, count, tabs);
    const told = text ? `${number.format(count)} of ${number.format(total)}` : number.format(total);
    this.#part(".found").textContent = told;
    // Aloud once for each text, and not with every snapshot.
    if (text !== this.#said) this.#part("[role=status]").textContent = told;
    this.#said = text;
  }

  /** Whether there are more names than the server sends. */
  #isCut() {
    return this.#whole !== null && (this.#whole.found > this.#whole.rows.length || this.#whole.found < this.#whole.total);
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #has(name, text) {
    return name.toLowerCase().includes(text) || label(this.#of, name).toLowerCase().includes(text);
  }

  #closed() {
    this.#dialog?.remove();
    this.#dialog = this.#whole = this.#list = null;
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
