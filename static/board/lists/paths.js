/**
 * The paths stand under the rows of the pages that the board is filtered by: where the people there came from, and
 * where they went to.
 *
 * @typedef {{kind: "page" | "source" | "here" | "left", name: string, steps: number}} Step
 * @typedef {{pages: string[], minutes: number, steps: number, from: Step[], to: Step[]}} PathsAnswer
 */
import { halves, label } from "../../shared/names.js";

const PERIOD_MS = 5_000;
const PLAYED_MS = 1_000;
// The rows that stay in sight above the paths; the chips name all pages.
const MOST_ROWS = 2;
const number = new Intl.NumberFormat("en");

export class Paths {
  #query = "";
  #asked = "";
  #live = true;
  #askedAt = -Infinity;

  /**
   * @param {HTMLElement} root with a `[data-side]` list for each side, `[data-through]` and `[data-steps]`
   * @param {string} url
   * @param {(kind: "page" | "source", name: string) => void} pick called with what is pressed
   */
  constructor(root, url, pick) {
    this.pick = pick;
    this.root = root;
    this.url = url;
    this.through = /** @type {HTMLElement} */ (root.querySelector("[data-through]"));
    this.steps = /** @type {HTMLElement} */ (root.querySelector("[data-steps]"));
    this.sides = { from: this.#list("from"), to: this.#list("to") };
  }

  /**
   * A snapshot is shown.
   * @param {number} pages how many pages the board is filtered by
   * @param {string} query its filters
   * @param {number | null} at the moment of the past that it shows, in seconds since the epoch
   */
  update(pages, query, at) {
    const asked = at === null ? query : `${query}&t=${at}`;
    if (query !== this.#query) this.root.hidden = true;
    // In the past nothing changes; while it plays, one question a second is enough.
    const rest = at === null ? PERIOD_MS : asked === this.#asked ? Infinity : PLAYED_MS;
    if (query !== this.#query || (at === null) !== this.#live) this.#askedAt = -Infinity;
    this.#query = query;
    this.#live = at === null;
    if (!pages || document.hidden || performance.now() - this.#askedAt < rest) return;
    this.#askedAt = performance.now();
    this.#asked = asked;
    this.#ask(asked);
  }

  /** @param {string} asked */
  async #ask(asked) {
    try {
      const response = await fetch(this.url + asked, { cache: "no-store" });
      if (response.ok && asked === this.#asked) this.#show(await response.json());
    } catch {
      // It asks again with a later snapshot.
    }
  }

  /** @param {PathsAnswer} answer */
  #show({ pages, minutes, steps, from, to }) {
    this.through.textContent = pages.length === 1 ? "this page" : `these ${pages.length} pages`;
    this.root.style.setProperty("--pages", String(Math.min(pages.length, MOST_ROWS)));
    this.steps.textContent = `${number.format(steps)} ${steps === 1 ? "time" : "times"} in ${minutes} minutes`;
    this.sides.from.replaceChildren(...from.map((step) => row(step, this.pick)));
    this.sides.to.replaceChildren(...to.map((step) => row(step, this.pick)));
    this.root.hidden = steps === 0;
  }

  /** @param {string} side */
  #list(side) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-side=${side}]`));
  }
}

/**
 * @param {Step} step
 * @param {Paths["pick"]} pick
 */
function row({ kind, name, steps }, pick) {
  const item = document.createElement("li");
  item.className = kind;
  const text = kind === "here" ? "still here" : kind === "left" ? "left" : label(kind === "page" ? "pages" : "referrers", name);
  const shown = document.createElement(kind === "page" || kind === "source" ? "button" : "span");
  if (kind === "page" || kind === "source") shown.addEventListener("click", () => pick(kind, name));
  shown.className = "name";
  shown.title = text;
  const [start, end] = halves(text);
  for (const [half, part] of Object.entries({ start, end })) {
    const span = document.createElement("span");
    span.className = half;
    span.textContent = part;
    shown.append(span);
  }
  const figure = document.createElement("span");
  figure.className = "figure";
  figure.textContent = number.format(steps);
  item.append(shown, figure);
  return item;
}
