/**
 * The stream: page views and events as they happen, newest first. It rests while somebody reads in it, with the
 * pointer or the keyboard, or has paused it; what came meanwhile is a number until then.
 *
 * @import {Clock} from "./clock.js"
 * @import {Filters} from "./filters.js"
 * @import {Dimension} from "./snapshot.js"
 * @typedef {{at: number, visitor: string, page: string, referrer: string, browser: string, country: string,
 *   event?: string}} Happening  `at`: seconds since the epoch; `event`: its name, without one it is a page view
 * @typedef {{at: number, more: number}} Gap  so many that nobody told
 * @typedef {{whole: boolean, more: number, rows: Happening[]}} News  newest first; `whole`: instead of what was told
 */
import { halves, label } from "./names.js";

const MOST = 200;
const FADE_MS = 120;
/** @type {[Dimension, "page" | "referrer" | "country" | "browser"][]} */
const CELLS = [["pages", "page"], ["referrers", "referrer"], ["countries", "country"], ["browsers", "browser"]];
const HUES = 12;
const SHAPES = 3;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const number = new Intl.NumberFormat("en");

export class Stream {
  /** What is live. @type {(Happening | Gap)[]} */ #live = [];
  /** What was. @type {Happening[] | null} */ #past = null;
  /** @type {WeakMap<Happening | Gap, HTMLElement>} */ #made = new WeakMap();
  /** @type {WeakMap<Element, [Dimension, string]>} */ #picks = new WeakMap();
  #paused = false;
  #pointed = false;
  #others = false;
  #news = 0;

  /**
   * @param {HTMLElement} root with a list, a `[data-pause]` button, `[data-new]` and `.none` in it
   * @param {Clock} clock
   * @param {Filters} filters what a cell that is pressed filters by
   */
  constructor(root, clock, filters) {
    this.clock = clock;
    this.filters = filters;
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(name));
    this.list = part("ol");
    this.button = part("[data-pause]");
    this.count = part("[data-new]");
    this.none = part(".none");
    this.button.addEventListener("click", () => {
      this.#paused = !this.#paused;
      this.button.textContent = this.#paused ? "Resume" : "Pause";
      this.#settle();
    });
    this.list.addEventListener("pointerenter", ({ pointerType }) => (this.#pointed = pointerType === "mouse"));
    this.list.addEventListener("pointerleave", () => {
      this.#pointed = false;
      this.#follow(document.activeElement);
      this.#settle();
    });
    this.list.addEventListener("focusout", () => setTimeout(() => this.#settle()));
    for (const near of ["pointerover", "focusin"]) {
      this.list.addEventListener(near, ({ target }) => this.#follow(/** @type {Element} */ (target)));
    }
    this.list.addEventListener("keydown", (event) => this.#step(event));
    this.list.addEventListener("click", ({ target, detail }) => {
      const pick = this.#picks.get(/** @type {Element} */ (/** @type {Element} */ (target).closest("button") ?? target));
      if (pick) this.filters.toggle(...pick);
      // Nobody reads with the keyboard who pressed with the pointer.
      if (pick && detail) /** @type {HTMLElement} */ (document.activeElement).blur();
    });
  }

  /** What comes next is of other people: it is shown even while somebody reads. */
  refilter() {
    this.#others = true;
  }

  /** @param {News | undefined} news */
  update(news) {
    const others = Boolean(news?.whole) && this.#others;
    if (news) {
      /** @type {(Happening | Gap)[]} */
      const told = [...news.rows];
      if (news.more) told.push({ at: news.rows.at(-1)?.at ?? 0, more: news.more });
      if (!news.whole) told.push(...this.#live);
      // Processes tell of the same second in any order.
      this.#live = told.sort((a, b) => b.at - a.at).slice(0, MOST);
      this.#news += news.rows.length + news.more;
    }
    if (others) this.#others = false;
    this.#settle(others);
  }

  /** Show what happened before a moment of the past, or with null what is live. @param {Happening[] | null} rows */
  past(rows) {
    this.#past = rows;
    this.#draw(rows ?? this.#live);
  }

  #settle(now = false) {
    const reading = this.#pointed || this.list.contains(document.activeElement);
    if (!this.#past && (now || !(this.#paused || reading || document.hidden))) {
      this.#draw(this.#live);
      this.#news = 0;
    }
    const text = this.#news && !this.#past ? `${number.format(this.#news)} new` : "";
    if (this.count.textContent !== text) this.count.textContent = text;
  }

  /** @param {(Happening | Gap)[]} items */
  #draw(items) {
    const focused = this.list.contains(document.activeElement);
    const fading = this.list.childElementCount > 0 && !still.matches;
    let here = this.list.firstElementChild;
    for (const item of items) {
      let row = this.#made.get(item);
      if (!row) {
        row = "more" in item ? gap(item) : this.#row(item);
        this.#made.set(item, row);
        if (fading) row.animate([{ opacity: 0 }, { opacity: 1 }], { duration: FADE_MS, easing: "ease-out" });
      }
      if (row === here) here = here.nextElementSibling;
      else this.list.insertBefore(row, here);
    }
    while (here) {
      const gone = here;
      here = here.nextElementSibling;
      gone.remove();
    }
    this.none.hidden = items.length > 0;
    if (focused && !this.list.contains(document.activeElement)) this.list.focus();
  }

  /** @param {Happening} happening */
  #row(happening) {
    const row = document.createElement("li");
    const whose = parseInt(happening.visitor, 16);
    row.dataset.visitor = happening.visitor;
    row.style.setProperty("--hue", String((whose % HUES) * (360 / HUES) + 15));
    const time = document.createElement("time");
    time.textContent = this.clock.second(happening.at * 1000);
    const dot = document.createElement("i");
    dot.dataset.shape = String(Math.floor(whose / HUES) % SHAPES);
    dot.title = `visitor ${happening.visitor.slice(0, 4)}`;
    row.append(time, dot);
    for (const [dimension, member] of CELLS) {
      const cell = document.createElement("button");
      cell.type = "button";
      // One stop for the whole list; arrow keys go from cell to cell.
      cell.tabIndex = -1;
      cell.className = member;
      const text = label(dimension, happening[member]);
      cell.title = text;
      if (member === "page" && happening.event) cell.append(span("event", happening.event));
      const [start, end] = halves(text);
      cell.append(span("start", start));
      if (end) cell.append(span("end", end));
      this.#picks.set(cell, [dimension, happening[member]]);
      row.append(cell);
    }
    return row;
  }

  /** Show which rows are of the same visitor. @param {Element | null} target */
  #follow(target) {
    const whose = this.list.contains(target) ? target?.closest("li")?.dataset.visitor : undefined;
    for (const row of /** @type {Iterable<HTMLElement>} */ (this.list.children)) {
      row.classList.toggle("same", whose !== undefined && row.dataset.visitor === whose);
    }
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    const step = { ArrowDown: CELLS.length, ArrowUp: -CELLS.length, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const cells = [...this.list.querySelectorAll("button")];
    if (!step || !cells.length) return;
    event.preventDefault();
    const at = cells.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    (at < 0 ? cells[0] : (cells[at + step] ?? cells[at])).focus();
  }
}

/** @param {Gap} item */
function gap({ more }) {
  const row = document.createElement("li");
  row.className = "gap";
  row.textContent = `and ${number.format(more)} more`;
  return row;
}

/**
 * @param {string} name
 * @param {string} text
 */
function span(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}
