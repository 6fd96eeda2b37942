/**
 * The curve draws the day on a canvas: today, another day beside it, the peak and the present marked. uPlot, which does
 * the drawing, comes as a plain script before the modules. Times are epoch minutes.
 *
 * @typedef {{from: number, minutes: number, today: number[], before: number[], peak: {most: number, at: number} | null}} Drawn
 *   `at`: epoch seconds
 */
import { hide } from "../../shared/told.js";

// As in the hour's bars: with fewer, one visitor would look like a crowd.
const LEAST_HIGH = 4;
/** How far a finger may go in a tap, in pixels. */ const TAP = 6;

export class Curve {
  /** @type {uPlot | null} */ #plot = null;
  /** @type {Drawn} */ #drawn = { from: 0, minutes: 1440, today: [], before: [], peak: null };
  #highest = LEAST_HIGH;
  /** Until themes change: asked for each time it is drawn, they would be worked out for the whole page. @type {Map<HTMLElement, string>} */
  #colours = new Map();
  /** What of the past the board shows, in seconds since the epoch. @type {number | null} */ #shown = null;
  /** Called with the second that is pointed at, in seconds since the epoch. @type {(at: number) => void} */ go = () => {};

  /**
   * @param {HTMLElement} root
   * @param {[HTMLElement, HTMLElement]} swatches whose backgrounds are the colours of the other day and of today
   * @param {(at: number | null) => void} read called with the minute of the day under the pointer
   */
  constructor(root, swatches, read) {
    this.root = root;
    this.read = read;
    this.peak = mark("peak");
    this.now = mark("present");
    this.moment = mark("moment");
    this.moment.hidden = true;
    this.#listen();
    new ResizeObserver(([entry]) => entry && this.#resize(entry.contentRect, swatches)).observe(root);
    const redraw = () => {
      this.#colours.clear();
      this.#plot?.redraw(false, false);
    };
    const changes = new MutationObserver(redraw);
    changes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    changes.observe(/** @type {Node} */ (root.closest("#board")), { attributeFilter: ["data-state"] });
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "print"]) {
      matchMedia(query).addEventListener("change", redraw);
    }
  }

  /**
   * @param {DOMRectReadOnly} space
   * @param {[HTMLElement, HTMLElement]} swatches
   */
  #resize(space, [before, today]) {
    const size = { width: Math.floor(space.width), height: Math.floor(space.height) };
    if (!size.width || !size.height) return;
    if (this.#plot) this.#plot.setSize(size);
    else this.#start(size, () => this.#colour(before), () => this.#colour(today));
  }

  /** @param {Drawn} drawn */
  show(drawn) {
    this.#drawn = drawn;
    this.#highest = Math.max(LEAST_HIGH, ...drawn.today, ...drawn.before);
    this.#plot?.setData(this.#data());
  }

  /** Put the reading line at a minute of the day, or away. @param {number | null} at */
  choose(at) {
    if (!this.#plot) return;
    const left = at === null ? -10 : this.#plot.valToPos(this.#drawn.from + at, "x");
    this.#plot.setCursor({ left, top: at === null ? -10 : 0 }, false);
  }

  /** Mark the second that the board shows, or none. @param {number | null} at epoch seconds */
  mark(at) {
    this.#shown = at;
    hide(this.moment, at === null);
    if (at !== null) this.#place(this.moment, at / 60, 0);
  }

  /** A press, or a drag along the day, leads to that second; up and down scrolls the page under a finger. */
  #listen() {
    /** @type {{x: number, y: number, dragged: boolean} | null} */
    let pressed = null;
    this.root.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary || !this.#plot) return;
      pressed = { x: event.clientX, y: event.clientY, dragged: event.pointerType === "mouse" };
      if (!pressed.dragged) return;
      this.root.setPointerCapture(event.pointerId);
      this.#point(event);
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!pressed || !event.isPrimary) return;
      pressed.dragged ||= Math.abs(event.clientX - pressed.x) > TAP;
      if (pressed.dragged) this.#point(event);
    });
    this.root.addEventListener("pointerup", (event) => {
      const tapped = pressed && Math.abs(event.clientY - pressed.y) <= TAP;
      if (event.isPrimary && (tapped || pressed?.dragged)) this.#point(event);
      pressed = null;
      // A finger that is gone reads nothing.
      if (event.pointerType !== "mouse") this.choose(null);
    });
    this.root.addEventListener("pointercancel", () => (pressed = null));
  }

  /** @param {PointerEvent} event */
  #point(event) {
    if (!this.#plot) return;
    const x = event.clientX - this.#plot.over.getBoundingClientRect().left;
    const { from, minutes } = this.#drawn;
    const minute = Math.min(from + minutes, Math.max(from, this.#plot.posToVal(x, "x")));
    this.choose(Math.floor(minute) - from);
    this.go(Math.round(minute * 60));
  }

  /**
   * @param {{width: number, height: number}} size
   * @param {() => string} before
   * @param {() => string} today
   */
  #start(size, before, today) {
    this.#plot = new uPlot(
      {
        ...size,
        padding: [6, 0, 1, 0],
        legend: { show: false },
        axes: [{ show: false }, { show: false }],
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
        scales: {
          x: { time: false, range: () => [this.#drawn.from, this.#drawn.from + this.#drawn.minutes] },
          y: { range: () => [0, this.#highest] },
        },
        series: [
          {},
          { stroke: before, width: 1, points: { show: false } },
          { stroke: today, width: 1.5, points: { show: false } },
        ],
        hooks: {
          setCursor: [({ cursor: { left = -1, idx = null } }) => this.read(left < 0 ? null : idx)],
          // Its scales follow new data only now.
          draw: [() => this.#mark()],
        },
      },
      this.#data(),
      this.root,
    );
    this.#plot.over.append(this.peak, this.now, this.moment);
  }

  /** @param {HTMLElement} swatch */
  #colour(swatch) {
    const known = this.#colours.get(swatch) ?? getComputedStyle(swatch).backgroundColor;
    this.#colours.set(swatch, known);
    return known;
  }

  /** @returns {uPlot.AlignedData} */
  #data() {
    const { from, minutes, today, before } = this.#drawn;
    const all = Array.from({ length: minutes }, (_, at) => at);
    return [
      all.map((at) => from + at),
      all.map((at) => before[at] ?? null),
      all.map((at) => today[at] ?? null),
    ];
  }

  #mark() {
    const { from, today, peak } = this.#drawn;
    const last = today.at(-1);
    hide(this.now, last === undefined);
    hide(this.peak, last === undefined || peak === null);
    if (last === undefined) return;
    this.#place(this.now, from + today.length - 1, last);
    if (peak) this.#place(this.peak, Math.floor(peak.at / 60), peak.most);
    this.mark(this.#shown);
  }

  /**
   * @param {HTMLElement} mark
   * @param {number} x
   * @param {number} y
   */
  #place(mark, x, y) {
    if (!this.#plot) return;
    // As shares of the plot: on paper it has another size than on the screen.
    // Its own numbers: to ask the page for them would be a layout for each.
    const { width, height } = this.#plot.bbox;
    const ratio = uPlot.pxRatio;
    mark.style.setProperty("--x", `${((this.#plot.valToPos(x, "x") * ratio) / width) * 100}%`);
    mark.style.setProperty("--y", `${((this.#plot.valToPos(y, "y") * ratio) / height) * 100}%`);
  }
}

/** @param {string} name */
function mark(name) {
  const made = document.createElement("i");
  made.className = name;
  return made;
}
