/**
 * Where the people on the one page that the board is filtered by came from and went to: under its row.
 *
 * @typedef {{kind: "page" | "source" | "here" | "left", name: string, steps: number}} Step
 * @typedef {{page: string, minutes: number, steps: number, from: Step[], to: Step[]}} Around
 */
import { halves, label } from "./names.js";

const PERIOD_MS = 5_000;
const number = new Intl.NumberFormat("en");

export class Paths {
  /** @type {string | null} */ #page = null;
  #askedAt = -Infinity;

  /**
   * @param {HTMLElement} root with a `[data-side]` list for each side and `[data-steps]`
   * @param {string} url
   */
  constructor(root, url) {
    this.root = root;
    this.url = url;
    this.steps = /** @type {HTMLElement} */ (root.querySelector("[data-steps]"));
    this.sides = { from: this.#list("from"), to: this.#list("to") };
  }

  /**
   * A snapshot is there.
   * @param {string | null} page the one page that the board is filtered by, if it is one
   */
  update(page) {
    if (page !== this.#page) {
      this.#page = page;
      this.#askedAt = -Infinity;
      this.root.hidden = true;
    }
    if (page === null || document.hidden || performance.now() - this.#askedAt < PERIOD_MS) return;
    this.#askedAt = performance.now();
    this.#ask(page);
  }

  /** @param {string} page */
  async #ask(page) {
    try {
      const response = await fetch(`${this.url}?${new URLSearchParams({ page })}`, { cache: "no-store" });
      if (response.ok) this.#show(await response.json());
    } catch {
      // It asks again with a later snapshot.
    }
  }

  /** @param {Around} around */
  #show({ page, minutes, steps, from, to }) {
    if (page !== this.#page) return;
    this.steps.textContent = `${number.format(steps)} ${steps === 1 ? "time" : "times"} in ${minutes} minutes`;
    this.sides.from.replaceChildren(...from.map(row));
    this.sides.to.replaceChildren(...to.map(row));
    this.root.hidden = steps === 0;
  }

  /** @param {string} side */
  #list(side) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-side=${side}]`));
  }
}

/** @param {Step} step */
function row({ kind, name, steps }) {
  const item = document.createElement("li");
  item.className = kind;
  const text = kind === "here" ? "still here" : kind === "left" ? "left" : label(kind === "page" ? "pages" : "referrers", name);
  const shown = document.createElement("span");
  shown.className = "name";
  shown.title = text;
  const [start, end] = halves(text);
  for (const [half, of] of [[start, "start"], [end, "end"]]) {
    const span = document.createElement("span");
    span.className = of;
    span.textContent = half;
    shown.append(span);
  }
  const figure = document.createElement("span");
  figure.className = "figure";
  figure.textContent = number.format(steps);
  item.append(shown, figure);
  return item;
}
