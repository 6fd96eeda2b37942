/**
 * A panel draws lines over one span of time. All panels of the page share that span, the moment that is pointed at,
 * and the span that is chosen.
 *
 * @typedef {{label: string, values: [number, number][], of?: "people" | "people live"}} Line `values`: seconds since the
 *   epoch, figure
 * @typedef {{since: number, until: number, seconds: number}} Frame what is shown; `seconds`: how long windows are
 * @typedef {{at: number, to: number | null}} Chosen a moment, or a span
 * @typedef {{values: [number, number][], seconds: number}} Behind an area behind the lines, by a scale of its own
 * @import {Flag} from "./flags.js"
 */
import { colour, drawn, nearest, niceStep, path } from "../signals/lines.js";
import { written } from "../signals/measures.js";

const WIDTH = 1000;
const HEIGHT = 120;
const LINES = 2;
/** How far a press may go and be none of a span, in pixels. */
const STILL = 6;

export class Panel {
  /** @type {Line[]} */ #lines = [];
  /** @type {Frame} */ #frame = { since: 0, until: 1, seconds: 10 };
  /** @type {number | null} */ #at = null;
  /** @type {{x: number, at: number, to: number | null} | null} */ #pressed = null;

  /**
   * @param {string} title
   * @param {(at: number | null) => void} point called with the moment that is pointed at
   * @param {(chosen: Chosen) => void} choose called with a moment that is pressed, or a span that is drawn
   */
  constructor(title, point, choose) {
    this.root = document.createElement("section");
    this.root.className = "panel";
    this.root.ariaLabel = title;
    const [head, name, unit, plot] = ["header", "h2", "span", "div"].map((tag) => document.createElement(tag));
    if (!head || !name || !unit || !plot) throw new Error("no elements");
    this.unit = unit;
    this.plot = plot;
    this.legend = document.createElement("ul");
    name.textContent = title;
    unit.className = "unit";
    plot.className = "plot";
    plot.tabIndex = 0;
    plot.role = "img";
    plot.title = "Press to go to a moment, drag to choose a span; the arrow keys read it, and Enter goes there";
    head.append(name, unit);
    this.root.append(head, plot, this.legend);
    this.#listen(point);
    this.#press(choose);
    this.plot.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.#at !== null) choose({ at: this.#at, to: null });
    });
  }

  /** @param {(at: number | null) => void} point */
  #listen(point) {
    this.plot.addEventListener("pointermove", (event) => point(this.#under(event)));
    this.plot.addEventListener("pointerleave", () => point(null));
    this.plot.addEventListener("blur", () => point(null));
    this.plot.addEventListener("keydown", (event) => {
      const { since, until, seconds } = this.#frame;
      const step = { ArrowLeft: -seconds, ArrowRight: seconds }[event.key];
      if (event.key === "Escape") point(null);
      if (step === undefined) return;
      event.preventDefault();
      point(Math.min(until, Math.max(since, (this.#at ?? until) + step)));
    });
  }

  /** @param {(chosen: Chosen) => void} choose */
  #press(choose) {
    this.plot.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary) return;
      this.#pressed = { x: event.clientX, at: this.#under(event), to: null };
      // A finger that goes up or down scrolls the page.
      if (event.pointerType === "mouse") this.plot.setPointerCapture(event.pointerId);
    });
    this.plot.addEventListener("pointermove", (event) => {
      if (!this.#pressed) return;
      if (this.#pressed.to !== null || Math.abs(event.clientX - this.#pressed.x) > STILL) this.#pressed.to = this.#under(event);
    });
    this.plot.addEventListener("pointerup", () => {
      const pressed = this.#pressed;
      this.#pressed = null;
      if (!pressed) return;
      const { at, to } = pressed;
      choose(to === null ? { at, to } : { at: Math.min(at, to), to: Math.max(at, to) });
    });
    this.plot.addEventListener("pointercancel", () => (this.#pressed = null));
  }

  /** @param {PointerEvent} event */
  #under(event) {
    const box = this.plot.getBoundingClientRect();
    const { since, until } = this.#frame;
    return Math.min(until, Math.max(since, since + ((event.clientX - box.left) / box.width) * (until - since)));
  }

  /**
   * @param {Line[]} lines
   * @param {string} unit
   * @param {Frame} frame
   * @param {Flag[]} flags
   * @param {number | null} at the moment that is read
   * @param {Chosen | null} chosen
   * @param {{own?: boolean, behind?: Behind | null}} [how] `own`: each line by a scale of its own
   */
  show(lines, unit, frame, flags, at, chosen, { own = false, behind = null } = {}) {
    this.#lines = lines;
    this.#frame = frame;
    this.#at = at;
    this.unit.textContent = unit;
    const all = scaleOf(lines);
    const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const scale = document.createElement("div");
    scale.className = "scale";
    svg.append(...this.#span(chosen), ...this.#area(behind));
    for (let line = LINES; line > 0; line--) {
      svg.append(across("grid", HEIGHT - (line / LINES) * HEIGHT));
      const text = document.createElement("span");
      text.textContent = own ? "" : written(all.bottom + ((all.top - all.bottom) * line) / LINES);
      scale.append(text);
    }
    lines.forEach((line, number) => {
      const { y } = own ? scaleOf([line]) : all;
      const d = path(line.values, (each) => this.#x(each), y, frame.seconds);
      const made = drawn("path", { class: `line ${line.of ?? ""}`, d });
      colour(made, number);
      svg.append(made);
    });
    for (const flag of flags) svg.append(this.#upright("flag", flag.at));
    if (chosen && chosen.to === null) svg.append(this.#upright("moment", chosen.at));
    if (at !== null) svg.append(this.#upright("cursor", at));
    this.plot.replaceChildren(svg, scale);
    this.#say(at);
  }

  /** @param {Behind | null} behind */
  #area(behind) {
    if (!behind?.values.length) return [];
    const { y } = scaleOf([{ label: "", values: behind.values }]);
    const line = path(behind.values, (at) => this.#x(at), y, Infinity);
    const [first, last] = [behind.values[0]?.[0] ?? 0, behind.values.at(-1)?.[0] ?? 0];
    return [drawn("path", { class: "area", d: `${line}L${this.#x(last)} ${HEIGHT}L${this.#x(first)} ${HEIGHT}Z` })];
  }

  /** The span that is chosen, or being drawn. @param {Chosen | null} chosen */
  #span(chosen) {
    const span = this.#pressed?.to != null ? this.#pressed : chosen;
    if (span?.to == null) return [];
    const [from, to] = [this.#x(Math.min(span.at, span.to)), this.#x(Math.max(span.at, span.to))];
    return [drawn("rect", { class: "span", x: String(from), width: String(to - from), y: "0", height: String(HEIGHT) })];
  }

  /**
   * @param {string} name
   * @param {number} at
   */
  #upright(name, at) {
    const x = String(this.#x(at));
    return drawn("line", { class: name, x1: x, x2: x, y1: "0", y2: String(HEIGHT) });
  }

  /** @param {number} at */
  #x(at) {
    const { since, until } = this.#frame;
    return ((at - since) / (until - since)) * WIDTH;
  }

  /** @param {number | null} at */
  #say(at) {
    const { seconds } = this.#frame;
    const items = this.#lines.map((line, number) => {
      const item = document.createElement("li");
      const [swatch, label, figure] = [document.createElement("i"), document.createElement("span"), document.createElement("b")];
      colour(item, number);
      item.className = line.of ?? "";
      label.textContent = line.label;
      figure.textContent = written(nearest(line.values, at, seconds));
      item.append(swatch, label, figure);
      return item;
    });
    this.legend.replaceChildren(...items);
    const words = this.#lines.map((line) => `${line.label} ${written(nearest(line.values, at, seconds))}`);
    this.plot.ariaLabel = words.slice(0, 12).join(", ") || "nothing yet";
  }
}

/**
 * From zero, or below it, to a round figure above the most.
 * @param {Line[]} lines
 */
function scaleOf(lines) {
  const figures = lines.flatMap((line) => line.values.map(([, figure]) => figure));
  const top = niceStep(Math.max(0, ...figures), LINES) * LINES;
  const bottom = Math.min(0, ...figures) < 0 ? -niceStep(-Math.min(...figures), LINES) * LINES : 0;
  const y = (/** @type {number} */ figure) => HEIGHT - ((figure - bottom) / (top - bottom)) * HEIGHT;
  return { top, bottom, y };
}

/**
 * @param {string} name
 * @param {number} height
 */
function across(name, height) {
  return drawn("line", { class: name, x1: "0", x2: String(WIDTH), y1: String(height), y2: String(height) });
}
