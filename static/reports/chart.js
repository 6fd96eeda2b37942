/**
 * The chart draws a measure over time: in ink, thin and grey what it is compared with, dashed a second measure on a
 * scale of its own. It is an SVG that the style sheet colours, so themes and paper need nothing drawn anew. A drag along
 * it zooms.
 *
 * @typedef {object} Drawn
 * @property {string} interval
 * @property {string} measure
 * @property {string} second "" for none
 * @property {import("./ask.js").Row[]} rows of buckets; with `imported`, and `before` of what they are compared with
 * @property {boolean} running whether the last bucket is not over yet
 * @property {string} from the first day that is asked about
 * @property {string} to the last
 * @property {string} counted when counting began, by the site's clocks; "" for never
 * @property {{from: string, to: string, days: number}} [preparing] days that are not in it yet
 */
import { together } from "./ask.js";
import { bars, either } from "./imported.js";
import { brief, day, figure, MEASURES, moment } from "./words.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const HEIGHT = 240;
const LINES = 3;
const MOST_TICKS = 8;
const LEAST_DRAG = 12;

export class Chart {
  /** @type {Drawn} */ #drawn = { interval: "day", measure: "visitors", second: "", rows: [], running: false, from: "", to: "", counted: "" };
  #at = -1;

  /**
   * @param {HTMLElement} root with `.plot`, `.read`, `.ticks` in it
   * @param {(from: string, to: string) => void} zoom called with the first and the last day of what was dragged over
   */
  constructor(root, zoom) {
    this.root = root;
    this.zoom = zoom;
    this.plot = /** @type {HTMLElement} */ (root.querySelector(".plot"));
    this.read = /** @type {HTMLElement} */ (root.querySelector(".read"));
    this.ticks = /** @type {HTMLElement} */ (root.querySelector(".ticks"));
    this.#listen();
  }

  /** @param {Drawn} drawn */
  show(drawn) {
    this.#drawn = drawn;
    this.#at = -1;
    const { measure, second, rows } = drawn;
    const others = rows.map((row) => row.imported?.[measure] ?? null);
    // Where others counted and Footfall did not yet, it says nothing, which is not 0.
    const now = rows.map((_, at) => this.#told(at, measure));
    const values = now.map((each) => (each.imported ? null : each.value));
    const told = rows.map((_, at) => this.#compared(at, measure));
    const before = told.map((each) => (each.imported ? null : each.value));
    const importedBefore = told.map((each) => (each.imported ? each.value : null));
    const step = niceStep(Math.max(0, ...numbers(others), ...[...now, ...told].map((each) => each.value ?? 0)));
    const top = step * LINES;
    const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    for (let line = 1; line <= LINES; line++) {
      const y = HEIGHT - (line / LINES) * HEIGHT;
      svg.append(element("line", { class: "grid", x1: "0", x2: String(WIDTH), y1: String(y), y2: String(y) }));
    }
    for (const at of new Set([0, rows.length - 1])) {
      if (rows.length < 2 || !this.#partly(at)) continue;
      const x = at ? this.#x(at - 1) : 0;
      const width = (at ? WIDTH : this.#x(1)) - x;
      svg.append(element("rect", { class: "running", x: String(x), y: "0", width: String(width), height: String(HEIGHT) }));
    }
    svg.append(element("path", { class: "area", d: this.#area(values, top) }));
    svg.append(element("path", { class: "before", d: this.#path(before, top) }));
    svg.append(element("path", { class: "before imported", d: this.#path(importedBefore, top) }));
    if (second) {
      const seconds = rows.map((_, at) => this.#told(at, second));
      const most = niceStep(Math.max(0, ...numbers(seconds.map(({ value }) => value)))) * LINES;
      const own = seconds.map(({ value, imported }) => (imported ? null : value));
      const theirs = seconds.map(({ value, imported }) => (imported ? value : null));
      svg.append(element("path", { class: "second", d: this.#path(own, most) }));
      svg.append(element("path", { class: "second imported", d: this.#path(theirs, most) }));
    }
    svg.append(element("path", { class: "now", d: this.#path(values, top) }));
    svg.append(element("line", { class: "cursor", visibility: "hidden", y1: "0", y2: String(HEIGHT) }));
    const scale = document.createElement("div");
    scale.className = "scale";
    for (let line = LINES; line > 0; line--) {
      const text = document.createElement("span");
      text.textContent = brief(measure, step * line);
      scale.append(text);
    }
    const drag = document.createElement("i");
    drag.className = "drag";
    drag.hidden = true;
    const hatched = document.createElement("i");
    hatched.className = "hatched";
    const corners = bars(others.map((value) => (value === null ? null : (value / top) * 100)));
    hatched.hidden = !corners;
    hatched.style.clipPath = corners;
    this.plot.replaceChildren(hatched, svg, scale, ...this.#begin(), drag);
    this.#label();
    this.#say(-1);
    const last = rows.length - 1;
    this.plot.ariaValueMax = String(Math.max(0, last));
    this.plot.ariaValueNow = String(Math.max(0, last));
    this.plot.ariaValueText = last < 0 ? "nothing" : this.#words(last);
  }

  /** A mark where counting began, if that is among what is shown: before it nothing is known. */
  #begin() {
    const { counted } = this.#drawn;
    const at = counted ? this.bucketOf(counted.slice(0, 16)) : null;
    if (!at) return [];
    const mark = document.createElement("i");
    mark.className = "began";
    mark.style.setProperty("--x", `${this.#x(at) / 10}%`);
    mark.classList.toggle("late", this.#x(at) > WIDTH / 2);
    mark.textContent = "counting began";
    return [mark];
  }

  #label() {
    const { rows, interval } = this.#drawn;
    const texts = rows.map((row) => bucket(interval, row));
    const begun = texts.flatMap((text, at) => (texts[at - 1]?.slice(0, 10) === text.slice(0, 10) ? [] : [at]));
    // Hours of one day, or of two; those of more are told by the days that begin with them.
    const hours = (interval === "hour" || interval === "minute") && begun.length <= 2;
    const places = hours ? [...texts.keys()] : begun;
    const every = Math.max(1, Math.ceil(places.length / MOST_TICKS));
    const spans = places.flatMap((at, number) => {
      if (number % every || (at && this.#x(at) > WIDTH * 0.96)) return [];
      const span = document.createElement("span");
      const text = texts[at] ?? "";
      const whole = interval === "hour" || interval === "minute" ? "day" : interval;
      span.textContent = hours ? text.slice(11, 16) : moment(whole, text).replace(/^\w+, /, "");
      span.style.setProperty("--x", `${this.#x(at) / 10}%`);
      return [span];
    });
    this.ticks.replaceChildren(...spans);
  }

  /** @param {number} at */
  #x(at) {
    const last = this.#drawn.rows.length - 1;
    return last > 0 ? (at / last) * WIDTH : WIDTH / 2;
  }

  /**
   * @param {(number | null | undefined)[]} values
   * @param {number} top
   */
  #path(values, top) {
    let pen = "M";
    let path = "";
    values.forEach((value, at) => {
      if (value === null || value === undefined) {
        pen = "M";
        return;
      }
      path += `${pen}${this.#x(at).toFixed(1)} ${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`;
      pen = "L";
    });
    // A single bucket is a line across.
    if (values.length === 1 && path) return path.replace(/^M[\d.]+ ([\d.]+)$/, `M0 $1L${WIDTH} $1`);
    return path || "M0 0";
  }

  /**
   * What lies below a line, of each run of it: where nothing is known there is no area.
   * @param {(number | null | undefined)[]} values
   * @param {number} top
   */
  #area(values, top) {
    const runs = this.#path(values, top).split("M").filter(Boolean);
    return runs.map((run) => `M${run}V${HEIGHT}H${run.split(" ")[0]}Z`).join("");
  }

  #listen() {
    /** @type {number | null} */ let pressed = null;
    const place = (/** @type {PointerEvent} */ event) => event.clientX - this.plot.getBoundingClientRect().left;
    this.plot.addEventListener("pointermove", (event) => {
      this.#say(this.#nearest(place(event)));
      const drag = /** @type {HTMLElement | null} */ (this.plot.querySelector(".drag"));
      if (pressed === null || !drag) return;
      const [from, to] = [Math.min(pressed, place(event)), Math.max(pressed, place(event))];
      drag.hidden = to - from < LEAST_DRAG;
      drag.style.setProperty("--from", `${from}px`);
      drag.style.setProperty("--width", `${to - from}px`);
    });
    this.plot.addEventListener("pointerleave", () => this.#say(-1));
    this.plot.addEventListener("pointerdown", (event) => {
      if (event.button || event.pointerType === "touch") return;
      pressed = place(event);
      this.plot.setPointerCapture(event.pointerId);
    });
    this.plot.addEventListener("pointerup", (event) => {
      if (pressed === null) return;
      const [from, to] = [Math.min(pressed, place(event)), Math.max(pressed, place(event))];
      pressed = null;
      const { rows, interval } = this.#drawn;
      const [first, last] = [rows[this.#nearest(from)], rows[this.#nearest(to)]];
      const drag = /** @type {HTMLElement | null} */ (this.plot.querySelector(".drag"));
      if (drag) drag.hidden = true;
      if (to - from >= LEAST_DRAG && first && last) {
        this.zoom(firstDay(interval, bucket(interval, first)), lastDay(interval, bucket(interval, last)));
      }
    });
    this.plot.addEventListener("keydown", (event) => {
      const last = this.#drawn.rows.length - 1;
      const here = this.#at < 0 ? last : this.#at;
      const goal = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: last }[event.key];
      if (goal === undefined) return;
      // On the page they step through time.
      event.stopPropagation();
      event.preventDefault();
      this.#say(Math.max(0, Math.min(last, goal)));
    });
    this.plot.addEventListener("blur", () => this.#say(-1));
  }

  /** @param {number} left in pixels */
  #nearest(left) {
    const last = this.#drawn.rows.length - 1;
    return Math.max(0, Math.min(last, Math.round((left / this.plot.clientWidth) * last)));
  }

  /** @param {number} at */
  #say(at) {
    this.#at = at;
    const cursor = this.plot.querySelector(".cursor");
    const x = String(this.#x(Math.max(0, at)));
    cursor?.setAttribute("visibility", at < 0 ? "hidden" : "visible");
    cursor?.setAttribute("x1", x);
    cursor?.setAttribute("x2", x);
    this.read.textContent = at < 0 ? "" : this.#words(at);
    if (at >= 0) {
      this.plot.ariaValueNow = String(at);
      this.plot.ariaValueText = this.#words(at);
    }
  }

  /**
   * Which bucket a moment of the site's clocks is in, "2026-11-26T14:05"; null where it is none that is shown.
   * @param {string} local
   */
  bucketOf(local) {
    const { rows, interval } = this.#drawn;
    const [first] = rows;
    const final = rows.at(-1);
    if (!first || !final) return null;
    const day = local.slice(0, 10);
    if (day < firstDay(interval, bucket(interval, first)) || day > lastDay(interval, bucket(interval, final))) return null;
    return Math.max(0, rows.findLastIndex((row) => bucket(interval, row).slice(0, 16) <= local));
  }

  /**
   * The begin of the bucket at a place of the window, by the site's clocks.
   * @param {number} x
   */
  momentAt(x) {
    const { rows, interval } = this.#drawn;
    const row = rows[this.#nearest(x - this.plot.getBoundingClientRect().left)];
    if (!row) return null;
    const text = bucket(interval, row);
    return text.length >= 16 ? text.slice(0, 16) : `${firstDay(interval, text)}T00:00`;
  }

  /** Where a bucket is, in percent. @param {number} at */
  left(at) {
    return this.#x(at) / 10;
  }

  /** Say something where figures are read. @param {string} words */
  tell(words) {
    this.read.textContent = words;
  }

  /** @param {number} at */
  #words(at) {
    const { rows, interval, measure, second } = this.#drawn;
    const row = rows[at];
    if (!row) return "";
    const others = row.imported?.[measure] ?? null;
    const first = this.#told(at, measure);
    const early = first.value === null && this.#early(row, rows[at + 1]);
    if (early) return `${moment(interval, bucket(interval, row))}: nothing was counted yet`;
    if (first.value === null && this.#unprepared(row)) return `${moment(interval, bucket(interval, row))}: being prepared`;
    const parts = [`${moment(interval, bucket(interval, row))}: ${figure(measure, first.value)}${first.imported ? " imported" : ""}`];
    if (others !== null && !first.imported) parts.push(`${figure(measure, others)} imported`);
    if (second) {
      parts[0] += ` ${(MEASURES[measure]?.[0] ?? "").toLowerCase()}`;
      const other = this.#told(at, second);
      parts.push(`${figure(second, other.value)} ${(MEASURES[second]?.[0] ?? "").toLowerCase()}${other.imported ? " imported" : ""}`);
    }
    const { compared } = row;
    if (compared) {
      const before = this.#compared(at, measure);
      const uncounted = before.value === null && this.#early(compared, rows[at + 1]?.compared);
      const value = uncounted ? "not counted yet" : `${figure(measure, before.value)}${before.imported ? " imported" : ""}`;
      parts.push(`${value} on ${moment(interval, bucket(interval, compared))}`);
    }
    const partly = this.#partly(at);
    if (partly) parts.push(partly);
    return parts.join(" · ");
  }

  /**
   * What is known of a bucket: of before counting began, and of days that are being prepared, nothing is, which is not 0.
   * @param {number} at
   * @param {string} measure
   */
  #told(at, measure) {
    const { rows } = this.#drawn;
    const row = rows[at];
    const unknown = this.#early(row, rows[at + 1]) || this.#unprepared(row);
    return either(unknown ? null : row?.[measure], row?.imported?.[measure]);
  }

  /**
   * The same of what a bucket is compared with.
   * @param {number} at
   * @param {string} measure
   */
  #compared(at, measure) {
    const { rows } = this.#drawn;
    const compared = rows[at]?.compared;
    return either(this.#early(compared, rows[at + 1]?.compared) ? null : compared?.[measure], rows[at]?.before?.[measure]);
  }

  /** Whether nothing of a bucket is prepared yet. @param {import("./ask.js").Row | undefined} row */
  #unprepared(row) {
    const { interval, preparing } = this.#drawn;
    if (!row || !preparing || !together(preparing)) return false;
    return firstDay(interval, bucket(interval, row)) >= preparing.from && lastDay(interval, bucket(interval, row)) <= preparing.to;
  }

  /**
   * Whether a bucket was over before counting began.
   * @param {import("./ask.js").Row | undefined} row
   * @param {import("./ask.js").Row | undefined} next the one after it
   */
  #early(row, next) {
    const { interval, counted } = this.#drawn;
    if (!row || !counted) return !counted;
    if (!next) return lastDay(interval, bucket(interval, row)) < counted.slice(0, 10);
    const end = bucket(interval, next).slice(0, "2026-11-26T14:05".length);
    return end <= counted.slice(0, end.length);
  }

  /**
   * What of a bucket is not in its figures, in words; "" where all of it is.
   * @param {number} at
   */
  #partly(at) {
    const { rows, interval, running, from, to } = this.#drawn;
    const row = rows[at];
    if (!row) return "";
    const text = bucket(interval, row);
    if (from > firstDay(interval, text)) return `only from ${day(from)}`;
    if (running && at === rows.length - 1) return "not over yet";
    return to < lastDay(interval, text) ? `only to ${day(to)}` : "";
  }
}

/**
 * @param {string} interval
 * @param {import("./ask.js").Row} row
 * @returns {string}
 */
function bucket(interval, row) {
  return String(row[interval]);
}

/** @param {(number | null | undefined)[]} values */
function numbers(values) {
  return values.filter((value) => value !== null && value !== undefined);
}

/**
 * A third of an axis that ends above the most: 1, 2 or 5 times a power of ten; of shares and seconds parts of one, too.
 * @param {number} most
 */
function niceStep(most) {
  if (most <= 0) return 1;
  const least = most / LINES;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= least) ?? least;
}

/**
 * @param {string} interval
 * @param {string} text
 */
function firstDay(interval, text) {
  return interval === "month" ? `${text}-01` : text.slice(0, 10);
}

/**
 * @param {string} interval
 * @param {string} text
 */
function lastDay(interval, text) {
  const at = new Date(`${firstDay(interval, text)}T00:00:00Z`);
  if (interval === "week") at.setUTCDate(at.getUTCDate() + 6);
  if (interval === "month") at.setUTCMonth(at.getUTCMonth() + 1, 0);
  return at.toISOString().slice(0, 10);
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
