/**
 * A table has the rows of one dimension, in the grammar of the board's lists: a press keeps a name, with Alt held leaves
 * it out. It is sorted by its head, searched by what is typed, and has all rows, a page at a time.
 *
 * @import {Asking, Answer, Row} from "./ask.js"
 * @import {Choice} from "./choice.js"
 */
import { halves } from "../shared/names.js";
import { change, count, figure, MEASURES, named } from "./words.js";

const FEW = 10;
const MANY = 50;
// Of these the page knows names that the server does not: it searches among them itself.
const SPOKEN = ["country", "language", "device", "channel"];
const MOST_SPOKEN = 1000;
const PAUSE_MS = 150;

export class Table {
  #offset = 0;
  #all = false;
  #order = "";
  #asked = 0;
  /** @type {number | undefined} */ #timer;

  /**
   * @param {HTMLElement} root a `[data-table]`
   * @param {Asking} asking
   * @param {Choice} choice
   * @param {() => URLSearchParams} query of the period, filters and comparison
   */
  constructor(root, asking, choice, query) {
    this.root = root;
    this.asking = asking;
    this.choice = choice;
    this.query = query;
    this.tabs = [.../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[role=tab]"))];
    this.name = root.dataset.table ?? "";
    this.head = this.#part("[data-head]");
    this.rows = this.#part("tbody");
    this.search = /** @type {HTMLInputElement} */ (this.#part("[type=search]"));
    this.foot = this.#part("[data-sums]");
    this.tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => this.#turn(tab));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const next = step && this.tabs[(at + step + this.tabs.length) % this.tabs.length];
        if (!next) return;
        event.stopPropagation();
        event.preventDefault();
        next.focus();
        this.#turn(next);
      });
    });
    this.search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#offset = 0;
      this.#timer = setTimeout(() => this.update(), PAUSE_MS);
    });
    this.search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.search.value = "";
      this.search.blur();
      this.update();
    });
    this.#part("[data-all]").addEventListener("click", () => {
      this.#all = !this.#all;
      this.#offset = 0;
      this.update();
    });
    this.#part("[data-before]").addEventListener("click", () => this.#page(-1));
    this.#part("[data-after]").addEventListener("click", () => this.#page(1));
  }

  /** The dimension whose rows are shown. */
  get dimension() {
    const chosen = this.choice.get(this.name, "");
    return this.#tab(chosen)?.dataset.dimension ?? this.tabs[0]?.dataset.dimension ?? "";
  }

  get measures() {
    return (this.#tab(this.dimension)?.dataset.measures ?? "").split(",");
  }

  /** Something else is looked at: from its beginning. */
  renew() {
    this.#offset = 0;
    return this.update();
  }

  async update() {
    const dimension = this.dimension;
    for (const tab of this.tabs) {
      const chosen = tab.dataset.dimension === dimension;
      tab.ariaSelected = String(chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
    const query = this.#query();
    this.#link(query);
    const number = ++this.#asked;
    const answer = await this.asking.ask(query);
    if (number !== this.#asked || answer === undefined) return;
    if (answer) this.#show(dimension, answer);
    // What is still shown would be taken for the answer.
    else this.#fail(dimension);
  }

  #query() {
    const query = this.query();
    const measures = this.measures;
    const order = measures.includes(this.#order.replace("-", "")) ? this.#order : `-${measures[0]}`;
    query.set("by", this.dimension);
    query.set("metrics", measures.join(","));
    query.set("order", order);
    const text = this.search.value.trim();
    if (text && SPOKEN.includes(this.dimension)) query.set("limit", String(MOST_SPOKEN));
    else {
      query.set("limit", String(this.#all ? MANY : FEW));
      query.set("offset", String(this.#offset));
      if (text) query.set("find", text);
    }
    return query;
  }

  /** @param {URLSearchParams} query */
  #link(query) {
    const link = /** @type {HTMLAnchorElement} */ (this.#part("[data-csv]"));
    const all = new URLSearchParams(query);
    all.set("format", "csv");
    all.set("limit", "10000");
    all.delete("offset");
    link.href = `${this.asking.url}?${all}`;
  }

  /**
   * @param {string} dimension
   * @param {Answer} answer
   */
  #show(dimension, answer) {
    const measures = this.measures;
    const text = this.search.value.trim().toLowerCase();
    const spoken = text && SPOKEN.includes(dimension);
    const rows = spoken
      ? answer.rows.filter((row) => named(dimension, row[dimension]).toLowerCase().includes(text))
      : answer.rows;
    const found = spoken ? rows.length : answer.found;
    this.#heads(measures);
    const [first = ""] = measures;
    const most = Math.max(0, ...answer.rows.map((row) => row[first] ?? 0));
    this.rows.replaceChildren(...rows.slice(0, this.#all ? MANY : FEW).map((row) => this.#row(dimension, measures, row, most)));
    const none = this.#part("[data-none]");
    none.hidden = rows.length > 0;
    none.textContent = text ? "Nothing has that in its name" : "Nothing of this in these days";
    this.#sums(first, answer, found);
    const size = this.#all ? MANY : FEW;
    const all = this.#part("[data-all]");
    all.hidden = found <= FEW;
    all.textContent = this.#all ? "fewer" : `all ${count(found)}`;
    this.#part("[data-pages]").hidden = !this.#all || found <= size;
    this.#part("[data-where]").textContent = `${count(this.#offset + 1)}–${count(Math.min(found, this.#offset + size))} of ${count(found)}`;
    /** @type {HTMLButtonElement} */ (this.#part("[data-before]")).disabled = this.#offset === 0;
    /** @type {HTMLButtonElement} */ (this.#part("[data-after]")).disabled = this.#offset + size >= found;
  }

  /** @param {string} dimension */
  #fail(dimension) {
    const none = this.#part("[data-none]");
    this.rows.replaceChildren();
    this.foot.textContent = "";
    none.hidden = false;
    none.textContent = `No answer about ${this.#tab(dimension)?.textContent?.toLowerCase() ?? "this"}: see above`;
  }

  /** @param {string[]} measures */
  #heads(measures) {
    const title = document.createElement("th");
    title.scope = "col";
    title.textContent = this.#tab(this.dimension)?.textContent ?? "";
    const heads = measures.map((measure, at) => {
      const head = document.createElement("th");
      head.scope = "col";
      if (at) head.className = "more";
      const [order, falling] = this.#order ? [this.#order.replace("-", ""), this.#order.startsWith("-")] : [measures[0], true];
      if (order === measure) head.ariaSort = falling ? "descending" : "ascending";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = MEASURES[measure]?.[0] ?? measure;
      button.addEventListener("click", () => {
        this.#order = order === measure && falling ? measure : `-${measure}`;
        this.#offset = 0;
        this.update();
      });
      head.append(button);
      return head;
    });
    const focused = this.head.contains(document.activeElement) ? document.activeElement?.textContent : null;
    this.head.replaceChildren(title, ...heads);
    if (focused) [...this.head.querySelectorAll("button")].find((each) => each.textContent === focused)?.focus();
  }

  /**
   * @param {string} dimension
   * @param {string[]} measures
   * @param {Row} row
   * @param {number} most
   */
  #row(dimension, measures, row, most) {
    const name = String(row[dimension]);
    const text = named(dimension, name);
    const line = document.createElement("tr");
    const [first = ""] = measures;
    const head = document.createElement("th");
    head.scope = "row";
    head.style.setProperty("--share", String(most ? (row[first] ?? 0) / most : 0));
    const pick = document.createElement("button");
    pick.type = "button";
    pick.className = "pick";
    pick.title = text;
    pick.ariaPressed = String(this.choice.has(dimension, name));
    const [start, end] = halves(text);
    for (const [half, part] of Object.entries({ start, end })) {
      if (!part) continue;
      const span = document.createElement("span");
      span.className = half;
      span.textContent = part;
      pick.append(span);
    }
    pick.addEventListener("click", (event) => this.choice.toggle(dimension, name, event.altKey ? "not" : "is"));
    const out = document.createElement("button");
    out.type = "button";
    out.className = "out";
    out.textContent = "exclude";
    out.setAttribute("aria-label", `Exclude ${text}`);
    out.addEventListener("click", () => this.choice.toggle(dimension, name, "not"));
    head.append(pick, out);
    line.append(head);
    measures.forEach((measure, at) => {
      const cell = document.createElement("td");
      if (at) cell.className = "more";
      cell.textContent = figure(measure, row[measure]);
      const words = row.compared ? change(measure, row[measure], row.compared[measure]) : "";
      if (words) cell.title = `${words}, before: ${figure(measure, row.compared[measure])}`;
      line.append(cell);
    });
    return line;
  }

  /**
   * @param {string} measure
   * @param {Answer} answer
   * @param {number} found
   */
  #sums(measure, answer, found) {
    const sum = answer.rows_total[measure];
    const total = answer.totals[measure];
    if (!found || sum === null || sum === undefined || this.search.value) {
      this.foot.textContent = "";
      return;
    }
    const what = (MEASURES[measure]?.[0] ?? measure).toLowerCase();
    this.foot.textContent = `rows sum to ${count(sum)} of ${count(total)} ${what}`;
    this.foot.title = sum > total ? "More than there are: somebody may be in several rows, and is in each of them." : "";
  }

  /** @param {number} direction */
  #page(direction) {
    this.#offset = Math.max(0, this.#offset + direction * MANY);
    this.update();
  }

  /** @param {HTMLElement} tab */
  #turn(tab) {
    const { dimension = "" } = tab.dataset;
    this.search.value = "";
    this.#order = "";
    this.#offset = 0;
    this.choice.set({ [this.name]: dimension === this.tabs[0]?.dataset.dimension ? null : dimension });
  }

  /** @param {string} dimension */
  #tab(dimension) {
    return this.tabs.find((tab) => tab.dataset.dimension === dimension);
  }

  /** @param {string} selector */
  #part(selector) {
    return /** @type {HTMLElement} */ (this.root.querySelector(selector));
  }
}
