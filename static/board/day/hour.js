/**
 * The hour shows the page views of the last 60 minutes as bars. Pointer or arrow keys read the exact value of a minute.
 *
 * @import {Clock} from "../../shared/clock.js"
 * @import {LastHour} from "../../shared/snapshot.js"
 */
import { set, tell } from "../../shared/told.js";

const SVG = "http://www.w3.org/2000/svg";
const SHOWN = 60;
const number = new Intl.NumberFormat("en");

/** @param {number} count */
export function views(count) {
  return `${number.format(count)} ${count === 1 ? "view" : "views"}`;
}

export class Hour {
  /** @type {SVGRectElement[]} */ #bars = [];
  /** @type {LastHour} */ #minutes = { to: 0, views: Array(SHOWN).fill(0) };
  /** @type {number | null} */ #read = null;
  #width = 0;
  #height = 0;
  /** While somebody drags along them, the bars stand for the hour that they stood for. @type {LastHour | null} */ #waiting = null;
  #pressed = false;
  /** Called with the second that is pressed, in seconds since the epoch. @type {(at: number) => void} */ go = () => {};

  /**
   * @param {HTMLElement} root with `.bars`, `.ticks` and `.read` in it
   * @param {Clock} clock
   */
  constructor(root, clock) {
    this.clock = clock;
    this.plot = /** @type {HTMLElement} */ (root.querySelector(".bars"));
    this.ticks = /** @type {HTMLElement} */ (root.querySelector(".ticks"));
    this.readout = /** @type {HTMLElement} */ (root.querySelector(".read"));
    this.#draw();
    this.#listen();
    new ResizeObserver(([entry]) => {
      if (!entry) return;
      this.#width = Math.floor(entry.contentRect.width);
      this.#height = Math.floor(entry.contentRect.height);
      this.#paint();
    }).observe(this.plot);
  }

  /** @param {LastHour} minutes */
  update(minutes) {
    if (this.#pressed) {
      this.#waiting = minutes;
      return;
    }
    const moved = minutes.to !== this.#minutes.to;
    this.#minutes = minutes;
    if (moved) this.#label();
    this.#paint();
  }

  #draw() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("aria-hidden", "true");
    // On paper it has another width than on the screen, for which nobody draws it again.
    svg.setAttribute("preserveAspectRatio", "none");
    for (let at = 0; at < SHOWN; at++) {
      const bar = document.createElementNS(SVG, "rect");
      bar.setAttribute("rx", "1");
      this.#bars.push(bar);
      svg.append(bar);
    }
    this.#bars.at(-1)?.classList.add("running");
    this.plot.append(svg);
  }

  #paint() {
    if (!this.#width) return;
    const { views: counts } = this.#minutes;
    // With fewer than four at most, one view would look like a crowd.
    const highest = Math.max(4, ...counts);
    const step = this.#width / SHOWN;
    if (this.plot.firstElementChild) set(this.plot.firstElementChild, "viewBox", `0 0 ${this.#width} ${this.#height}`);
    const gap = step > 10 ? 3 : step > 5 ? 2 : 1;
    this.#bars.forEach((bar, at) => {
      // On whole pixels, or the gaps between the bars shimmer.
      const left = Math.round(at * step);
      const wide = Math.max(1, Math.round((at + 1) * step) - left - gap);
      const count = counts[at] ?? 0;
      const high = count ? Math.max(2, Math.round((count / highest) * this.#height)) : 1;
      set(bar, "x", left);
      set(bar, "width", wide);
      set(bar, "y", this.#height - high);
      set(bar, "height", high);
    });
    this.#say();
  }

  #label() {
    this.ticks.replaceChildren();
    const first = this.#minutes.to - SHOWN + 1;
    for (let at = 1; at < SHOWN - 1; at++) {
      if (this.clock.pastHour(first + at) % 15) continue;
      const tick = document.createElement("span");
      tick.textContent = this.clock.minute(first + at);
      tick.style.setProperty("--x", `${((at + 0.5) / SHOWN) * 100}%`);
      this.ticks.append(tick);
    }
  }

  /** @param {number | null} at which of the 60 to read out, or none */
  #choose(at) {
    this.#bars[this.#read ?? 0]?.classList.remove("chosen");
    this.#read = at === null ? null : Math.min(SHOWN - 1, Math.max(0, at));
    if (this.#read !== null) this.#bars[this.#read]?.classList.add("chosen");
    this.#say();
  }

  #say() {
    const { to, views: counts } = this.#minutes;
    const at = this.#read ?? counts.lastIndexOf(Math.max(...counts));
    const clock = this.clock.minute(to - SHOWN + 1 + at);
    const text = views(counts[at] ?? 0);
    tell(this.readout, this.#words(at, clock, text));
    set(this.plot, "aria-valuenow", at + 1);
    set(this.plot, "aria-valuetext", `${clock}: ${text}`);
  }

  /**
   * @param {number} at
   * @param {string} clock
   * @param {string} text
   * @returns {[string, string, string]} what is read out; the figure in the middle
   */
  #words(at, clock, text) {
    if (this.#read !== null) return ["", text, at === SHOWN - 1 ? " so far this minute" : ` at ${clock}`];
    return this.#minutes.views.some((count) => count > 0) ? ["most: ", text, ` at ${clock}`] : ["no views", "", ""];
  }

  #listen() {
    this.plot.addEventListener("pointermove", (event) => {
      const x = event.clientX - this.plot.getBoundingClientRect().left;
      this.#choose(Math.floor((x / this.#width) * SHOWN));
      if (this.#pressed) this.#lead(x);
    });
    this.plot.addEventListener("pointerdown", (event) => {
      // A finger scrolls the page here; the day's curve takes both.
      if (event.button || event.pointerType !== "mouse") return;
      this.plot.setPointerCapture(event.pointerId);
      this.#pressed = true;
      this.#lead(event.clientX - this.plot.getBoundingClientRect().left);
    });
    for (const end of ["pointerup", "pointercancel"]) this.plot.addEventListener(end, () => this.#release());
    this.plot.addEventListener("pointerleave", () => this.#choose(null));
    this.plot.addEventListener("focus", () => {
      if (this.plot.matches(":focus-visible")) this.#choose(SHOWN - 1);
    });
    this.plot.addEventListener("blur", () => this.#choose(null));
    this.plot.addEventListener("keydown", (event) => {
      const at = this.#read ?? SHOWN - 1;
      const goals = new Map([
        ["ArrowLeft", at - 1],
        ["ArrowDown", at - 1],
        ["ArrowRight", at + 1],
        ["ArrowUp", at + 1],
        ["PageDown", at - 10],
        ["PageUp", at + 10],
        ["Home", 0],
        ["End", SHOWN - 1],
      ]);
      if (event.key === "Enter") this.#lead(((at + 0.5) / SHOWN) * this.#width);
      const goal = goals.get(event.key);
      if (goal === undefined) return;
      event.preventDefault();
      this.#choose(goal);
    });
  }

  /** To the second at a place of the plot. @param {number} x in pixels from its left */
  #lead(x) {
    const first = this.#minutes.to - SHOWN + 1;
    const minute = first + Math.min(SHOWN, Math.max(0, (x / this.#width) * SHOWN));
    this.go(Math.round(minute * 60));
  }

  #release() {
    this.#pressed = false;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) this.update(waiting);
  }
}
