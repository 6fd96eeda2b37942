/**
 * A table has the rows of one dimension, in the grammar of the board's lists: a press keeps a name, with Alt held leaves
 * it out. It is sorted by its head, searched by what is typed, and has all rows, a page at a time. Its columns are
 * chosen.
 *
 * @import {Asking, Answer, Row} from "./ask.js"
 * @import {Choice} from "./choice.js"
 */
import { halves } from "../shared/names.js";
import { Columns, PRESENCE } from "./columns.js";
import { heading } from "./imported.js";
import { change, count, figure, MEASURES, money, named } from "./words.js";

const FEW = 10;
// Below a map, which takes the place of the others.
const FEW_ON_MAP = 5;
const MANY = 50;
// Of these the page knows names that the server does not: it searches among them itself.
const SPOKEN = ["country", "language", "device", "channel"];
const MOST_SPOKEN = 1000;
const PAUSE_MS = 150;
const PROPERTY = "property:";
// Values of a property; and what has no column of a goal's conversions.
const OF_VALUES = ["events", "visits", "value"];
const OF_EVENTS = ["event", "property", "currency", "goal"];
// Whose rows are pages, which are opened in detail; and those that lead there at once.
const OF_PAGES = ["page", "entry_page", "exit_page"];
const BESIDE = ["previous_page", "next_page"];

export class Table {
  #offset = 0;
  #all = false;
  #order = "";
  #asked = 0;
  // What is searched in, and sorted.
  #turned = "";
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
    this.rows = /** @type {HTMLTableSectionElement} */ (root.querySelector("tbody"));
    this.search = /** @type {HTMLInputElement} */ (this.#part("[type=search]"));
    this.foot = this.#part("[data-sums]");
    this.map = root.querySelector(".world");
    this.columns = new Columns(root, this.name, choice);
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.#turn(tab));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const offered = this.tabs.filter((each) => !each.hidden);
        const next = step && offered[(offered.indexOf(tab) + step + offered.length) % offered.length];
        if (!next) return;
        event.stopPropagation();
        event.preventDefault();
        next.focus();
        this.#turn(next);
      });
    }
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
    const tab = this.#tab(chosen);
    if (tab && chosen.startsWith(PROPERTY)) return chosen;
    return tab?.dataset.dimension ?? this.tabs[0]?.dataset.dimension ?? "";
  }

  get measures() {
    const { dimension } = this;
    if (dimension.startsWith(PROPERTY)) return OF_VALUES;
    const usual = (this.#tab(dimension)?.dataset.measures ?? "").split(",");
    if (dimension === "goal") return usual;
    const measures = this.columns.of(usual);
    if (!this.choice.goal || OF_EVENTS.includes(dimension)) return measures;
    const chosen = measures === usual ? measures.slice(0, 1) : measures;
    return [...chosen, "conversions", "conversion_rate"];
  }

  /** How many rows there are before all are asked for. */
  get #few() {
    return this.map && this.dimension === "country" ? FEW_ON_MAP : FEW;
  }

  /** Whether this is to be seen. */
  get shown() {
    return !this.root.hidden && !this.root.classList.contains("aside");
  }

  /** Something else is looked at: from its beginning. */
  renew() {
    this.#offset = 0;
    return this.update();
  }

  async update() {
    const dimension = this.dimension;
    if (dimension !== this.#turned) {
      this.#turned = dimension;
      this.search.value = "";
      this.#order = "";
      this.#offset = 0;
    }
    for (const tab of this.tabs) {
      const chosen = tab === this.#tab(dimension);
      tab.ariaSelected = String(chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
    const query = this.#query();
    this.#link(query);
    this.columns.show(this.measures);
    const number = ++this.#asked;
    const slow = this.measures.some((measure) => PRESENCE.includes(measure));
    if (slow && !PRESENCE.includes((query.get("order") ?? "").replace("-", ""))) {
      // Who was there at once takes longer to find out: the rest is shown meanwhile.
      const quick = new URLSearchParams(query);
      quick.set("metrics", this.measures.filter((measure) => !PRESENCE.includes(measure)).join(","));
      const answer = await this.asking.ask(quick);
      if (number !== this.#asked || answer === undefined) return;
      if (answer) this.#show(dimension, answer);
    }
    const answer = await this.asking.ask(query, slow);
    if (number !== this.#asked || answer === undefined) return;
    if (answer) {
      this.#show(dimension, answer);
      if (dimension === "goal" && answer.totals.goal_value) await this.#currencies(query, number);
      if (dimension.startsWith(PROPERTY)) await this.#numbers(dimension.slice(PROPERTY.length), number);
    }
    // What is still shown would be taken for the answer.
    else this.#fail(dimension);
  }

  /**
   * What goals are worth, in each currency.
   * @param {URLSearchParams} query of the goals
   * @param {number} number
   */
  async #currencies(query, number) {
    query.set("by", "goal,currency");
    query.set("metrics", "goal_value");
    query.set("order", "-goal_value");
    query.set("limit", "1000");
    query.delete("compare");
    query.delete("offset");
    const answer = await this.asking.ask(query);
    if (number !== this.#asked || !answer) return;
    for (const line of this.rows.rows) {
      const sums = answer.rows.filter((row) => row.goal === line.dataset.name && row.goal_value);
      const cell = line.cells[3];
      if (!cell || !sums.length) continue;
      const texts = sums.map((row) => money(row.goal_value, row.currency));
      cell.textContent = texts.length > 1 ? `${texts[0]} +${texts.length - 1}` : (texts[0] ?? "");
      cell.title = texts.join(" + ");
    }
  }

  /**
   * What the numbers among a property's values come to.
   * @param {string} name
   * @param {number} asked
   */
  async #numbers(name, asked) {
    const query = this.query();
    query.delete("compare");
    query.set("by", "event");
    query.set("limit", "1");
    query.set("metrics", "number_sum,number_mean");
    query.set("order", "event");
    query.set("number", name);
    const answer = await this.asking.ask(query);
    if (asked !== this.#asked || !answer) return;
    const { number_sum: sum, number_mean: mean } = answer.totals;
    if (mean === null || mean === undefined) return;
    this.foot.textContent = `numbers sum to ${figure("value", sum)}, ${figure("value", mean)} on average`;
    this.foot.title = `Of all events that say a number as ${name}`;
  }

  #query() {
    const query = this.query();
    const measures = this.measures;
    // All goals stand in their own table, whichever is chosen.
    if (this.dimension === "goal") query.delete("conversion");
    const order = measures.includes(this.#order.replace("-", "")) ? this.#order : `-${measures[0]}`;
    query.set("by", this.dimension);
    query.set("metrics", measures.join(","));
    query.set("order", order);
    const text = this.search.value.trim();
    if (text && SPOKEN.includes(this.dimension)) query.set("limit", String(MOST_SPOKEN));
    else {
      query.set("limit", String(this.#all ? MANY : this.#few));
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
    const { imported } = answer;
    const those = (/** @type {Row[]} */ all) =>
      spoken ? all.filter((row) => named(dimension, row[dimension]).toLowerCase().includes(text)) : all;
    const rows = those(answer.rows);
    const others = those(imported?.rows ?? []);
    const found = Math.max(spoken ? rows.length : answer.found, spoken ? others.length : (imported?.found ?? 0));
    const size = this.#all ? MANY : this.#few;
    this.#heads(measures);
    const [first = ""] = measures;
    const most = Math.max(0, ...[...answer.rows, ...others].map((row) => row[first] ?? 0));
    const lines = (/** @type {Row[]} */ all) =>
      all.slice(0, size).map((row) => this.#row(dimension, measures, row, most));
    this.rows.replaceChildren(...lines(rows));
    if (imported?.days && (others.length || imported.left_out)) {
      const hatched = lines(others);
      for (const line of hatched) line.classList.add("imported");
      this.rows.append(heading(imported), ...hatched);
    }
    const none = this.#part("[data-none]");
    none.hidden = rows.length + others.length > 0;
    none.textContent = text
      ? "Nothing has that in its name"
      : answer.preparing
        ? "Nothing of this yet: days are being prepared"
        : "Nothing of this in these days";
    this.#sums(first, answer, found);
    const all = this.#part("[data-all]");
    all.hidden = found <= this.#few;
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
    const { dimension } = this;
    const values = dimension.startsWith(PROPERTY);
    title.textContent = values ? dimension.slice(PROPERTY.length) : (this.#tab(dimension)?.textContent ?? "");
    title.className = values ? "said" : "";
    const heads = measures.map((measure, at) => {
      const head = document.createElement("th");
      head.scope = "col";
      if (at) head.className = "more";
      const [order, falling] = this.#order ? [this.#order.replace("-", ""), this.#order.startsWith("-")] : [measures[0], true];
      if (order === measure) head.ariaSort = falling ? "descending" : "ascending";
      const button = document.createElement("button");
      button.type = "button";
      const title = MEASURES[measure]?.[0] ?? measure;
      // What stands there alone is of page views: a column has no room to say so.
      button.textContent = title.replace(" / view", "");
      button.title = title;
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
    const anew = BESIDE.includes(dimension) && name === this.choice.detail;
    const text = anew ? "Loaded again" : named(dimension, name);
    const line = document.createElement("tr");
    line.dataset.name = name;
    const [first = ""] = measures;
    const head = document.createElement("th");
    head.scope = "row";
    head.style.setProperty("--share", String(most ? (row[first] ?? 0) / most : 0));
    const pick = document.createElement("button");
    pick.type = "button";
    pick.className = "pick";
    pick.title = text;
    const leads = dimension === "property" || (BESIDE.includes(dimension) && name !== "" && !anew);
    if (!leads) pick.ariaPressed = String(dimension === "goal" ? this.choice.goal === name : this.choice.has(dimension, name));
    const [start, end] = halves(text);
    for (const [half, part] of Object.entries({ start, end })) {
      if (!part) continue;
      const span = document.createElement("span");
      span.className = half;
      span.textContent = part;
      pick.append(span);
    }
    pick.addEventListener("click", (event) => {
      if (event.altKey) this.choice.toggle(dimension, name, "not");
      // A property has values, a page stands beside others, and a goal is what other tables tell the rate of.
      else if (leads && BESIDE.includes(dimension)) this.choice.set({ detail: name });
      else if (leads) this.choice.set({ [this.name]: PROPERTY + name });
      else if (dimension === "goal") this.choice.set({ conversion: this.choice.goal === name ? null : name });
      else this.choice.toggle(dimension, name, "is");
    });
    const out = document.createElement("button");
    out.type = "button";
    out.className = "out";
    const keeps = leads || dimension === "goal";
    const pages = OF_PAGES.includes(dimension);
    // Beside another act there is room for a sign only: names must stay in reach of the pointer.
    out.textContent = keeps ? "filter" : pages ? "≠" : "exclude";
    out.title = pages ? "Exclude" : "";
    out.setAttribute("aria-label", `${keeps ? "Filter by" : "Exclude"} ${text}`);
    out.addEventListener("click", () => this.choice.toggle(dimension, name, keeps ? "is" : "not"));
    const acts = document.createElement("span");
    acts.className = "acts";
    if (pages) {
      const open = document.createElement("button");
      open.type = "button";
      open.className = "in-detail";
      open.textContent = "details";
      open.setAttribute("aria-label", `Details of ${text}`);
      open.addEventListener("click", () => this.choice.set({ detail: name }));
      acts.append(open);
    }
    acts.append(out);
    head.append(pick, acts);
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
    const several = sum > total;
    const most = sum === total ? `all ${count(total)}` : `${count(sum)} of ${count(total)}`;
    this.foot.textContent = several ? `${count(total)} ${what}, some in several rows` : `rows sum to ${most} ${what}`;
    this.foot.title = several ? `The rows sum to ${count(sum)}: what is in several rows is counted in each of them.` : "";
  }

  /** @param {number} direction */
  #page(direction) {
    this.#offset = Math.max(0, this.#offset + direction * MANY);
    this.update();
  }

  /** @param {HTMLElement} tab */
  #turn(tab) {
    const { dimension = "" } = tab.dataset;
    this.choice.set({ [this.name]: dimension === this.tabs[0]?.dataset.dimension ? null : dimension });
  }

  /** @param {string} dimension */
  #tab(dimension) {
    const name = dimension.startsWith(PROPERTY) ? "property" : dimension;
    return this.tabs.find((tab) => tab.dataset.dimension === name);
  }

  /** @param {string} selector */
  #part(selector) {
    return /** @type {HTMLElement} */ (this.root.querySelector(selector));
  }
}
