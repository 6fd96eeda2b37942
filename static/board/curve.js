/**
 * The day's curve on its canvas: today, another day beside it, the peak and the present marked. Times are epoch minutes.
 *
 * @typedef {{from: number, minutes: number, today: number[], before: number[], peak: {most: number, at: number} | null}} Drawn
 *   `at`: epoch seconds
 */

/** @type {any} uPlot comes as a plain script before the modules */
const { uPlot } = globalThis;
// As in the hour's bars: with fewer, one visitor would look like a crowd.
const LEAST_HIGH = 4;

export class Curve {
  /** @type {any} */ #plot = null;
  /** @type {Drawn} */ #drawn = { from: 0, minutes: 1440, today: [], before: [], peak: null };
  #highest = LEAST_HIGH;

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
    const [before, today] = swatches.map((swatch) => () => getComputedStyle(swatch).backgroundColor);
    new ResizeObserver(([entry]) => {
      const size = { width: Math.floor(entry.contentRect.width), height: Math.floor(entry.contentRect.height) };
      if (!size.width || !size.height) return;
      if (this.#plot) this.#plot.setSize(size);
      else this.#start(size, before, today);
    }).observe(root);
    const redraw = () => this.#plot?.redraw(false, false);
    const changes = new MutationObserver(redraw);
    changes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    changes.observe(/** @type {Node} */ (root.closest("#board")), { attributeFilter: ["data-state"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  }

  /** @param {Drawn} drawn */
  show(drawn) {
    this.#drawn = drawn;
    this.#highest = Math.max(LEAST_HIGH, ...drawn.today, ...drawn.before);
    this.#plot?.setData(this.#data());
  }

  /** Put the reading line at a minute of the day, or away. @param {number | null} at */
  choose(at) {
    const left = at === null ? -10 : this.#plot?.valToPos(this.#drawn.from + at, "x");
    this.#plot?.setCursor({ left, top: at === null ? -10 : 0 }, false);
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
          setCursor: [(/** @type {any} */ plot) => this.read(plot.cursor.left < 0 ? null : plot.cursor.idx)],
          // Its scales follow new data only now.
          draw: [() => this.#mark()],
        },
      },
      this.#data(),
      this.root,
    );
    this.#plot.over.append(this.peak, this.now);
  }

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
    this.now.hidden = this.peak.hidden = !today.length;
    if (!this.#plot || !today.length) return;
    this.#place(this.now, from + today.length - 1, today[today.length - 1]);
    this.peak.hidden = peak === null;
    if (peak) this.#place(this.peak, Math.floor(peak.at / 60), peak.most);
  }

  /**
   * @param {HTMLElement} mark
   * @param {number} x
   * @param {number} y
   */
  #place(mark, x, y) {
    mark.style.setProperty("--x", `${this.#plot.valToPos(x, "x")}px`);
    mark.style.setProperty("--y", `${this.#plot.valToPos(y, "y")}px`);
  }
}

/** @param {string} name */
function mark(name) {
  const made = document.createElement("i");
  made.className = name;
  return made;
}
