/**
 * A panel draws lines over one span of time that ends now and slides with it. All panels of the page share that span,
 * and the moment that is pointed at.
 *
 * @typedef {{label: string, values: [number, number][], live?: boolean}} Line `values`: seconds since the epoch, figure
 */
import { written } from "./measures.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const HEIGHT = 120;
const LINES = 2;
// One turn of hues, then dashed: told apart in grey, too.
const HUES = [255, 25, 145, 75, 310, 195, 50, 345];

export class Panel {
  /** @type {Line[]} */ #lines = [];
  #since = 0;
  #until = 1;
  #seconds = 10;
  /** @type {number | null} */ #at = null;

  /**
   * @param {string} title
   * @param {(at: number | null) => void} point called with the moment that is pointed at
   */
  constructor(title, point) {
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
    plot.title = "The arrow keys read it, too";
    head.append(name, unit);
    this.root.append(head, plot, this.legend);
    this.#listen(point);
  }

  /** @param {(at: number | null) => void} point */
  #listen(point) {
    this.plot.addEventListener("pointermove", (event) => {
      const box = this.plot.getBoundingClientRect();
      point(this.#since + ((event.clientX - box.left) / box.width) * (this.#until - this.#since));
    });
    this.plot.addEventListener("pointerleave", () => point(null));
    this.plot.addEventListener("blur", () => point(null));
    this.plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -this.#seconds, ArrowRight: this.#seconds }[event.key];
      if (event.key === "Escape") point(null);
      if (step === undefined) return;
      event.preventDefault();
      point(Math.min(this.#until, Math.max(this.#since, (this.#at ?? this.#until) + step)));
    });
  }

  /**
   * @param {Line[]} lines
   * @param {string} unit
   * @param {{since: number, until: number, seconds: number}} span
   * @param {import("./flags.js").Flag[]} flags
   * @param {number | null} at the moment that is pointed at
   */
  show(lines, unit, { since, until, seconds }, flags, at) {
    this.#lines = lines;
    this.#since = since;
    this.#until = until;
    this.#seconds = seconds;
    this.#at = at;
    this.unit.textContent = unit;
    const all = lines.flatMap((line) => line.values.map(([, figure]) => figure));
    const top = niceStep(Math.max(0, ...all)) * LINES;
    const bottom = Math.min(0, ...all) < 0 ? -niceStep(-Math.min(...all)) * LINES : 0;
    const y = (/** @type {number} */ figure) => HEIGHT - ((figure - bottom) / (top - bottom)) * HEIGHT;
    const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const scale = document.createElement("div");
    scale.className = "scale";
    for (let line = LINES; line > 0; line--) {
      const height = String(HEIGHT - (line / LINES) * HEIGHT);
      svg.append(element("line", { class: "grid", x1: "0", x2: String(WIDTH), y1: height, y2: height }));
      const text = document.createElement("span");
      text.textContent = written(bottom + ((top - bottom) * line) / LINES);
      scale.append(text);
    }
    lines.forEach((line, number) => {
      const path = element("path", { class: line.live ? "line live" : "line", d: this.#path(line.values, y) });
      colour(path, number);
      svg.append(path);
    });
    for (const flag of flags) {
      const x = String(this.#x(flag.at));
      svg.append(element("line", { class: "flag", x1: x, x2: x, y1: "0", y2: String(HEIGHT) }));
    }
    if (at !== null) {
      const x = String(this.#x(at));
      svg.append(element("line", { class: "cursor", x1: x, x2: x, y1: "0", y2: String(HEIGHT) }));
    }
    this.plot.replaceChildren(svg, scale);
    this.#say(at);
  }

  /** @param {number} at */
  #x(at) {
    return ((at - this.#since) / (this.#until - this.#since)) * WIDTH;
  }

  /**
   * @param {[number, number][]} values
   * @param {(figure: number) => number} y
   */
  #path(values, y) {
    let before = -Infinity;
    return values
      .map(([at, figure]) => {
        // What was not told for a while is a gap, and no straight line.
        const pen = at - before > 3.5 * this.#seconds ? "M" : "L";
        before = at;
        return `${pen}${this.#x(at).toFixed(1)} ${y(figure).toFixed(1)}`;
      })
      .join("");
  }

  /** @param {number | null} at */
  #say(at) {
    const items = this.#lines.map((line, number) => {
      const item = document.createElement("li");
      const [swatch, label, figure] = [document.createElement("i"), document.createElement("span"), document.createElement("b")];
      colour(item, number);
      if (line.live) item.className = "live";
      label.textContent = line.label;
      figure.textContent = written(nearest(line.values, at, this.#seconds));
      item.append(swatch, label, figure);
      return item;
    });
    this.legend.replaceChildren(...items);
    const words = this.#lines.map((line) => `${line.label} ${written(nearest(line.values, at, this.#seconds))}`);
    this.plot.ariaLabel = words.slice(0, 12).join(", ") || "nothing yet";
  }
}

/**
 * The figure of a moment: the last one up to it, if that is not long ago; without a moment the last of all.
 * @param {[number, number][]} values
 * @param {number | null} at
 * @param {number} seconds
 */
export function nearest(values, at, seconds) {
  if (at === null) return values.at(-1)?.[1];
  const found = values.findLast(([began]) => began <= at + seconds / 2);
  return found && at - found[0] <= 3.5 * seconds ? found[1] : undefined;
}

/**
 * @param {HTMLElement | SVGElement} part
 * @param {number} number
 */
function colour(part, number) {
  part.style.setProperty("--hue", String(HUES[number % HUES.length]));
  part.dataset.turn = String(Math.min(2, Math.floor(number / HUES.length)));
}

/** A part of an axis that ends above the most: 1, 2, 2.5 or 5 times a power of ten. @param {number} most */
function niceStep(most) {
  if (most <= 0) return 0.5;
  const least = most / LINES;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= least) ?? least;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 */
function element(tag, attributes) {
  const made = /** @type {SVGElement} */ (document.createElementNS(NS, tag));
  for (const [name, text] of Object.entries(attributes)) made.setAttribute(name, text);
  return made;
}
