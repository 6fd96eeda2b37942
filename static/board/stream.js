/**
 * The stream shows page views and events as they happen, newest first. It rests while somebody has paused it, or reads
 * in it with the pointer or the keyboard; what comes meanwhile is a number until then.
 *
 * @import {Clock} from "../shared/clock.js"
 * @import {Dimension, StreamNews, StreamRow} from "../shared/snapshot.js"
 * @import {Filters} from "./filters.js"
 * @typedef {{at: number, more: number}} Gap stands for `more` rows that were not sent
 * @typedef {(StreamRow | Gap) & {item?: HTMLElement}} Entry a row or a gap, with the item that shows it
 */
import { Glide } from "../shared/glide.js";
import { halves, label } from "../shared/names.js";
import { Sight } from "../shared/sight.js";
import { hide } from "../shared/told.js";

const MOST = 200;
// Rows further down are made when somebody scrolls there: all of them would be most of what each frame has to look at.
const ROOM = 20;
const AHEAD = "300px";
/** @type {[Dimension, "page" | "referrer" | "country" | "browser"][]} */
const CELLS = [["pages", "page"], ["referrers", "referrer"], ["countries", "country"], ["browsers", "browser"]];
const STEPS = new Map([["ArrowDown", CELLS.length], ["ArrowUp", -CELLS.length], ["ArrowRight", 1], ["ArrowLeft", -1]]);
// As many looks as eyes tell apart.
const HUES = 12;
const SHAPES = 3;
// More at once are another stream, and no movement.
const SOFT = 12;
const number = new Intl.NumberFormat("en");

export class Stream {
  /** @type {Entry[]} */ #live = [];
  /** @type {Entry[] | null} */ #past = null;
  #paused = false;
  #pointed = false;
  #refiltered = false;
  #unseen = 0;
  #room = ROOM;
  /** What is drawn, as far as there is room. @type {Entry[]} */ #drawn = [];
  #scrolled = false;
  /** Whether the end of what is drawn is in sight, or nearly. */ #near = false;

  /**
   * @param {HTMLElement} root
   * @param {Clock} clock
   * @param {Filters} filters
   */
  constructor(root, clock, filters) {
    this.clock = clock;
    this.filters = filters;
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(name));
    this.list = part("ol");
    this.scroll = part(".scroll");
    this.sight = new Sight(this.scroll);
    this.glide = new Glide(this.list, (rest) => `translateY(calc(var(--line-high) * ${rest}))`, "translateY(0)");
    this.count = part("[data-new]");
    this.none = part(".none");
    const button = part("[data-pause]");
    button.addEventListener("click", () => {
      this.#paused = !this.#paused;
      button.textContent = this.#paused ? "Resume" : "Pause";
      this.#settle();
    });
    this.scroll.addEventListener("scroll", () => {
      // Asked for whenever something comes, it would cost a layout.
      this.#scrolled = this.scroll.scrollTop > 0;
      if (!this.#scrolled) this.#room = ROOM;
    });
    this.end = part("[data-end]");
    const ahead = { root: this.scroll, rootMargin: `0px 0px ${AHEAD}` };
    this.ending = new IntersectionObserver((told) => this.#extend(told.at(-1)?.isIntersecting ?? false), ahead);
    this.ending.observe(this.end);
    this.list.addEventListener("pointerenter", ({ pointerType }) => (this.#pointed = pointerType === "mouse"));
    this.list.addEventListener("pointerleave", () => {
      this.#pointed = false;
      this.#follow(document.activeElement);
      this.#settle();
    });
    // Where the focus goes to is known only after this.
    this.list.addEventListener("focusout", () => setTimeout(() => this.#settle()));
    for (const near of ["pointerover", "focusin"]) {
      this.list.addEventListener(near, ({ target }) => this.#follow(/** @type {Element} */ (target)));
    }
    this.list.addEventListener("keydown", (event) => this.#step(event));
  }

  /** What comes next is of other people: it shows even while somebody reads. */
  refilter() {
    this.#refiltered = true;
  }

  /** @param {StreamNews | undefined} news */
  update(news) {
    const isOfNewFilters = this.#refiltered && news?.whole;
    if (news) {
      const { whole, more, rows } = news;
      const gap = more ? [{ at: (rows.at(-1) ?? this.#live[0])?.at ?? 0, more }] : [];
      // Processes tell of the same second in any order.
      /** @type {Entry[]} */
      const all = [...rows, ...gap, ...(whole ? [] : this.#live)].sort((a, b) => b.at - a.at);
      this.#live = all.slice(0, MOST);
      this.#unseen += rows.length + more;
    }
    if (isOfNewFilters) this.#refiltered = false;
    this.#settle(isOfNewFilters);
  }

  /** What had happened by a moment of the past, or with null what happens now. @param {Entry[] | null} rows */
  past(rows) {
    this.#past = rows;
    this.#draw(rows ?? this.#live);
  }

  #settle(now = false) {
    const reading = this.#pointed || this.list.contains(document.activeElement);
    if (!this.#past && (now || !(this.#paused || reading || document.hidden))) {
      this.#draw(this.#live);
      this.#unseen = 0;
    }
    this.count.textContent = this.#unseen && !this.#past ? `${number.format(this.#unseen)} new` : "";
  }

  /** Whoever comes near the end of what is drawn gets more. @param {boolean} near */
  #extend(near) {
    this.#near = near;
    if (!near || this.#drawn.length <= this.#room) return;
    this.#room += ROOM;
    this.#draw(this.#drawn);
  }

  /** @param {Entry[]} entries */
  #draw(entries) {
    this.#drawn = entries;
    const focused = this.list.contains(document.activeElement);
    const top = /** @type {HTMLElement | null} */ (this.list.firstElementChild);
    let here = this.list.firstElementChild;
    for (const entry of entries.slice(0, this.#room)) {
      if (!entry.item) {
        entry.item = "more" in entry ? element("li", "gap", `and ${number.format(entry.more)} more`) : this.#row(entry);
      }
      if (entry.item === here) here = here.nextElementSibling;
      else this.list.insertBefore(entry.item, here);
    }
    while (here) {
      const gone = here;
      here = here.nextElementSibling;
      gone.remove();
    }
    hide(this.none, entries.length > 0);
    if (this.#near && entries.length > this.#room) {
      // It tells of changes only: whether the end is near still is asked anew.
      this.ending.unobserve(this.end);
      this.ending.observe(this.end);
    }
    if (top?.isConnected) this.#glide(entries.findIndex(({ item }) => item === top));
    // The focus must not fall off the page with its row.
    if (focused && !this.list.contains(document.activeElement)) this.list.focus();
  }

  /**
   * All rows go down together to make room for those that came, in one movement that costs no layout.
   * @param {number} come rows above those that were there
   */
  #glide(come) {
    // Who has scrolled reads further down, where nothing moves.
    if (come < 1 || come > SOFT || !this.sight.moves || this.#scrolled) return;
    this.glide.go(-come);
  }

  /** @param {StreamRow} streamRow */
  #row(streamRow) {
    const { at, visitor, event } = streamRow;
    const row = element("li", "");
    const hash = parseInt(visitor, 16);
    row.dataset.visitor = visitor;
    row.style.setProperty("--hue", String((hash % HUES) * (360 / HUES) + 15));
    const dot = element("i", "");
    dot.dataset.shape = String(Math.floor(hash / HUES) % SHAPES);
    dot.title = `visitor ${visitor.slice(0, 4)}`;
    if (streamRow.logged) {
      // Nobody has it open: a server wrote it into its log.
      row.classList.add("logged");
      dot.title = "out of a server's log";
    }
    row.append(element("time", "", this.clock.second(at * 1000)), dot);
    for (const [of, member] of CELLS) {
      const cell = /** @type {HTMLButtonElement} */ (element("button", member));
      // Where it came from: the source while the visit begins, then the page before.
      const before = member === "referrer" ? streamRow.before : undefined;
      const dimension = before === undefined ? of : "pages";
      const name = before ?? streamRow[member];
      const [start, end] = halves((cell.title = label(dimension, name)));
      cell.classList.toggle("inside", before !== undefined);
      cell.type = "button";
      // One stop for the whole list; arrow keys go from cell to cell.
      cell.tabIndex = -1;
      if (event && member === "page") cell.append(element("b", "", event));
      cell.append(element("span", "start", start), element("span", "end", end));
      cell.addEventListener("click", ({ detail }) => {
        this.filters.toggle(dimension, name);
        // Who presses with the pointer does not read with the keyboard.
        if (detail) cell.blur();
      });
      row.append(cell);
    }
    return row;
  }

  /** Show which rows are of the same visitor. @param {Element | null} target */
  #follow(target) {
    const row = /** @type {HTMLElement | null | undefined} */ (this.list.contains(target) ? target?.closest("li") : null);
    for (const each of /** @type {Iterable<HTMLElement>} */ (this.list.children)) {
      each.classList.toggle("same", row?.dataset.visitor !== undefined && each.dataset.visitor === row.dataset.visitor);
    }
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    const step = STEPS.get(event.key);
    const cells = [...this.list.querySelectorAll("button")];
    if (!step || !cells.length) return;
    event.preventDefault();
    const at = cells.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    (at < 0 ? cells[0] : (cells[at + step] ?? cells[at]))?.focus();
  }
}

/**
 * @param {string} tag
 * @param {string} name
 * @param {string} [text]
 */
function element(tag, name, text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
