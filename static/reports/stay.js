/**
 * How many readers are still there after so many seconds, on a logarithmic axis of time, with the median marked; and how
 * far down they scrolled.
 *
 * @typedef {{seconds: number, share: number, views: number}} StayPoint
 * @typedef {{percent: number, share: number, views: number}} DepthPoint
 * @typedef {object} StayAnswer
 * @property {number} views
 * @property {number} open
 * @property {number | null} median
 * @property {StayPoint[]} curve
 * @property {DepthPoint[]} depth
 * @property {string[]} preparing days that are not in it yet
 */
import { count, lasted } from "./words.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const HEIGHT = 200;
// What fewer are left of is too thin to be seen; and an axis has a minute at least.
const LEAST_SHARE = 0.005;
const LEAST_SECONDS = 60;
// A label further on would be cut off.
const LAST_TICK = WIDTH * 0.96;
/** @type {[number, string][]} */
const TICKS = [[0, "0"], [3, "3 s"], [10, "10 s"], [30, "30 s"], [120, "2 min"], [600, "10 min"], [3600, "1 h"], [21600, "6 h"]];

export class Stay {
  /** @type {StayPoint[]} */ #points = [];
  #most = LEAST_SECONDS;
  #views = 0;
  #at = -1;
  #rest = "";

  /**
   * @param {HTMLElement} root with `.curve`, `.read`, `.ticks`
   * @param {HTMLElement} reached with a table of depths
   */
  constructor(root, reached) {
    this.root = root;
    this.reached = reached;
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(name));
    this.curve = part(".curve");
    this.read = part(".read");
    this.ticks = part(".ticks");
    this.none = part("[data-none]");
    this.foot = part("[data-stay]");
    this.depths = /** @type {HTMLElement} */ (reached.querySelector("tbody"));
    this.curve.addEventListener("pointermove", (event) => this.#say(this.#nearest(event.offsetX / this.curve.clientWidth)));
    for (const gone of ["pointerleave", "blur"]) this.curve.addEventListener(gone, () => this.#say(-1));
    this.curve.addEventListener("keydown", (event) => {
      const last = this.#points.length - 1;
      const here = this.#at < 0 ? 0 : this.#at;
      const goal = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: last }[event.key];
      if (goal === undefined) return;
      // On the page they step through time.
      event.stopPropagation();
      event.preventDefault();
      this.#say(Math.max(0, Math.min(last, goal)));
    });
  }

  /**
   * Where the same is as a file.
   * @param {string} address
   */
  link(address) {
    for (const [root, by] of /** @type {[HTMLElement, string][]} */ ([[this.root, "seconds"], [this.reached, "depth"]])) {
      /** @type {HTMLAnchorElement} */ (root.querySelector("[data-csv]")).href = `${address}&format=csv&by=${by}`;
    }
  }

  /** What was shown is of something else. */
  clear() {
    this.#points = [];
    this.#rest = "";
    this.read.textContent = "";
    this.curve.replaceChildren();
    this.ticks.replaceChildren();
    this.depths.replaceChildren();
    this.none.hidden = true;
    this.curve.hidden = this.ticks.hidden = false;
    this.foot.textContent = "is being worked out …";
  }

  /** There is no answer. */
  fail() {
    this.clear();
    this.foot.textContent = "no answer: see above";
  }

  /**
   * @param {StayAnswer} answer
   * @param {StayPoint[]} before of the period that this is compared with
   */
  show({ views, open, median, curve, depth, preparing }, before) {
    this.#views = views;
    const end = curve.findIndex(({ seconds, share }) => seconds >= LEAST_SECONDS && share < LEAST_SHARE);
    this.#points = end < 0 ? curve : curve.slice(0, end + 1);
    this.#most = Math.max(LEAST_SECONDS, this.#points.at(-1)?.seconds ?? 0);
    this.none.hidden = views > 0;
    this.none.textContent = preparing.length ? "Nobody yet: days are being prepared" : "Nobody was here in these days";
    this.curve.hidden = this.ticks.hidden = views === 0;
    this.#draw(median, before);
    const [half, here] = [
      median === null ? "more than half are still there" : `half are gone after ${lasted(median)}`,
      open ? `, ${count(open)} still open` : "",
    ];
    this.foot.textContent = views ? `of ${count(views)} page views ${half}${here}` : "";
    this.#rest = median === null ? "" : `median ${lasted(median)}`;
    this.#say(-1);
    this.#fill(depth);
  }

  /**
   * @param {number | null} median
   * @param {StayPoint[]} before
   */
  #draw(median, before) {
    const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    for (const line of [0, 0.5]) {
      const y = String(HEIGHT * line);
      svg.append(element("line", { class: "grid", x1: "0", x2: String(WIDTH), y1: y, y2: y }));
    }
    const path = this.#path(this.#points);
    if (path) svg.append(element("path", { class: "area", d: `${path}V${HEIGHT}H0Z` }));
    svg.append(element("path", { class: "before", d: this.#path(before.filter(({ seconds }) => seconds <= this.#most && this.#x(seconds) <= LAST_TICK)) || "M0 0" }));
    if (path) svg.append(element("path", { class: "now", d: path }));
    if (median !== null) {
      const x = String(this.#x(median));
      svg.append(element("line", { class: "median", x1: x, x2: x, y1: String(HEIGHT / 2), y2: String(HEIGHT) }));
    }
    svg.append(element("line", { class: "cursor", visibility: "hidden", y1: "0", y2: String(HEIGHT) }));
    const scale = document.createElement("div");
    scale.className = "scale";
    for (const words of ["100 %", "50 %"]) {
      const text = document.createElement("span");
      text.textContent = words;
      scale.append(text);
    }
    this.curve.replaceChildren(svg, scale);
    this.ticks.replaceChildren(
      ...TICKS.filter(([seconds]) => seconds <= this.#most && this.#x(seconds) <= LAST_TICK).map(([seconds, words]) => {
        const tick = document.createElement("span");
        tick.textContent = words;
        tick.style.setProperty("--x", `${this.#x(seconds) / 10}%`);
        return tick;
      }),
    );
    this.curve.ariaValueMax = String(Math.max(0, this.#points.length - 1));
  }

  /** @param {StayPoint[]} points */
  #path(points) {
    return points
      .map(({ seconds, share }, at) => `${at ? "L" : "M"}${this.#x(seconds).toFixed(1)} ${((1 - share) * HEIGHT).toFixed(1)}`)
      .join("");
  }

  /** @param {DepthPoint[]} depth */
  #fill(depth) {
    this.depths.replaceChildren(
      ...depth.slice(1).map((point) => {
        const line = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.style.setProperty("--share", String(point.share));
        const words = document.createElement("span");
        words.className = "pick";
        words.textContent = point.percent === 100 ? "its end" : `${point.percent} %`;
        head.append(words);
        const share = document.createElement("td");
        share.textContent = `${Math.round(point.share * 100)} %`;
        const views = document.createElement("td");
        views.textContent = count(point.views);
        line.append(head, share, views);
        return line;
      }),
    );
  }

  /** @param {number} seconds */
  #x(seconds) {
    return (Math.log1p(Math.min(seconds, this.#most)) / Math.log1p(this.#most)) * WIDTH;
  }

  /** @param {number} left from 0 to 1 */
  #nearest(left) {
    const away = this.#points.map(({ seconds }) => Math.abs(this.#x(seconds) / WIDTH - left));
    return away.indexOf(Math.min(...away));
  }

  /** @param {number} at */
  #say(at) {
    this.#at = at;
    const cursor = this.curve.querySelector(".cursor");
    const x = String(this.#x(this.#points[Math.max(0, at)]?.seconds ?? 0));
    cursor?.setAttribute("visibility", at < 0 ? "hidden" : "visible");
    cursor?.setAttribute("x1", x);
    cursor?.setAttribute("x2", x);
    this.read.textContent = at < 0 ? this.#rest : this.#words(at);
    this.curve.ariaValueNow = String(Math.max(0, at));
    this.curve.ariaValueText = this.#words(Math.max(0, at));
  }

  /** @param {number} at */
  #words(at) {
    const point = this.#points[at];
    if (!point) return "nothing";
    return `${lasted(point.seconds)}: ${(point.share * 100).toFixed(point.share < 0.1 ? 1 : 0)} %, ${count(point.views)} of ${count(this.#views)}`;
  }
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 */
function element(tag, attributes) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
