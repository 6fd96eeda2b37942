/**
 * What of a window is drawn and read, by the kind of its series, and how figures of any size are written.
 *
 * @typedef {{name: string, type: string, tags: Record<string, string>}} Named
 * @typedef {{at: number, count: number, rate?: number, last?: number, mean?: number, min?: number, max?: number,
 *   p50?: number, p90?: number, p99?: number, distinct?: number}} Window `at`: seconds since the epoch
 * @typedef {"p50" | "p90" | "p99" | "mean" | "max" | "rate"} Measure of timers, histograms and distributions
 */

/** @type {Measure[]} */
export const MEASURES = ["p50", "p90", "p99", "mean", "max", "rate"];
const figures = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const UNITS = ["", "k", "M", "G", "T", "P", "E"];

/**
 * @param {Named} series
 * @param {Window} window
 * @param {Measure} measure
 * @returns {number | undefined}
 */
export function value(series, window, measure) {
  if (series.type === "c") return window.rate;
  if (series.type === "g") return window.last;
  if (series.type === "s") return window.distinct;
  return window[measure];
}

/**
 * What the figures of a series are.
 * @param {Named} series
 * @param {Measure} measure
 */
export function unit(series, measure) {
  if (series.type === "c") return "a second";
  if (series.type === "g") return "";
  if (series.type === "s") return "different ones";
  return measure === "rate" ? "a second" : series.type === "ms" ? `ms, ${measure}` : measure;
}

/**
 * "12.5", "1,024", "3.41 M"
 * @param {number | undefined} number
 */
export function written(number) {
  if (number === undefined) return "–";
  let scaled = Math.abs(number);
  if (scaled < 10_000) return scaled < 1000 ? figures.format(number) : whole.format(number);
  let power = 0;
  while (scaled >= 1000 && power < UNITS.length - 1) {
    scaled /= 1000;
    power++;
  }
  return scaled < 1000 ? `${figures.format(Math.sign(number) * scaled)} ${UNITS[power]}` : number.toExponential(2);
}

/**
 * A series beside others of its name: its tags, shortest first where one tells them apart.
 * @param {Named} series
 * @param {Named[]} others of the same name
 */
export function tagged(series, others) {
  const telling = Object.entries(series.tags).filter(([key, text]) => others.some((other) => other.tags[key] !== text));
  return telling.map(([key, text]) => (text ? text : key)).join(" ");
}
