/**
 * The strip says how Footfall itself is: a figure and a small moving line for each of its vitals, and a sentence when
 * something is wrong.
 *
 * @import {Vitals} from "../shared/snapshot.js"
 * @typedef {Exclude<keyof Vitals, "trouble" | "room">} VitalName
 */

const KEPT = 60;
const WIDTH = 40;
const HEIGHT = 12;
// Samples are a second apart; snapshots may come twice as often, and the same sample with them.
const SAMPLE_MS = 1_000;
const rough = new Intl.NumberFormat("en", { notation: "compact" });
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** @type {Record<VitalName, (value: number, vitals: Vitals) => string>} */
const WORDS = {
  // How many there may be matters once they become many.
  sockets: (value, { room }) => number.format(value) + (2 * value > room ? ` of ${rough.format(room)}` : ""),
  messages: (value) => `${value < 10 ? value.toFixed(1) : number.format(value)}/s`,
  delay: (value) => (value < 10 ? `${number.format(value * 1000)} ms` : `${number.format(value)} s`),
  depth: (value) => number.format(value),
  cpu: (value) => `${number.format(value * 100)} %`,
  memory: (value) => (value ? `${number.format(value / 2 ** 20)} MB` : "–"),
};
/** What fills a line's height at least, or noise would look like mountains. @type {Record<VitalName, number>} */
const FULL = { sockets: 10, messages: 10, delay: 0.2, depth: 10, cpu: 1, memory: 2 ** 27 };

export class Strip {
  /** @type {{name: VitalName, figure: HTMLElement, line: Element, values: number[]}[]} */ #parts = [];
  #sampledAt = -Infinity;

  /**
   * @param {HTMLElement} root with a `[data-system]` for each name
   * @param {HTMLElement} alarm with a `p` for what is wrong
   */
  constructor(root, alarm) {
    this.alarm = alarm;
    this.words = /** @type {HTMLElement} */ (alarm.querySelector("p"));
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-system]"))) {
      this.#parts.push({
        name: /** @type {VitalName} */ (part.dataset.system),
        figure: /** @type {HTMLElement} */ (part.querySelector("b")),
        line: /** @type {Element} */ (part.querySelector("path")),
        values: [],
      });
    }
  }

  /** @param {Vitals} vitals */
  update(vitals) {
    if (performance.now() - this.#sampledAt < SAMPLE_MS) return;
    this.#sampledAt = performance.now();
    this.#warn(vitals.trouble);
    for (const { name, figure, line, values } of this.#parts) {
      values.push(vitals[name]);
      if (values.length > KEPT) values.shift();
      const text = WORDS[name](vitals[name], vitals);
      if (figure.textContent !== text) figure.textContent = text;
      line.setAttribute("d", path(values, FULL[name]));
    }
  }

  /** @param {string} trouble */
  #warn(trouble) {
    if (this.words.textContent === trouble) return;
    this.alarm.hidden = !trouble;
    this.words.textContent = trouble;
  }
}

/**
 * @param {number[]} values the newest at the right
 * @param {number} full
 */
function path(values, full) {
  const highest = Math.max(full, ...values);
  const step = WIDTH / (KEPT - 1);
  const first = WIDTH - (values.length - 1) * step;
  const points = values.map((value, at) => {
    const y = HEIGHT - 1 - (value / highest) * (HEIGHT - 2);
    return `${(first + at * step).toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M${points.join("L")}`;
}
