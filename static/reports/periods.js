/**
 * Periods are chosen from a menu, by a key, or as two days; a step leads to as many days before or after.
 *
 * @import {Choice} from "./choice.js"
 */
import { span } from "./words.js";

/** @type {[string, string, string][]} what the server calls it, what people do, its key */
export const PERIODS = [
  ["today", "Today", "d"],
  ["yesterday", "Yesterday", "y"],
  ["7d", "Last 7 days", "w"],
  ["30d", "Last 30 days", "m"],
  ["90d", "Last 90 days", "q"],
  ["month", "This month", ""],
  ["year", "This year", ""],
  ["all", "All", "a"],
];
export const COMPARED = ["previous", "year", "weekdays", "none"];
/** @type {Record<string, string>} */
const COMPARED_WORDS = {
  previous: "previous period",
  year: "a year before",
  weekdays: "same weekdays before",
  none: "nothing",
};
const DEFAULT = "30d";
const DAY_MS = 86_400_000;

export class Periods {
  /**
   * @param {HTMLElement} root with `[data-period]` and `[data-compare]` menus
   * @param {Choice} choice
   */
  constructor(root, choice) {
    this.root = root;
    this.choice = choice;
    this.menu = /** @type {HTMLDetailsElement} */ (root.querySelector("[data-period]"));
    this.compare = /** @type {HTMLDetailsElement} */ (root.querySelector("[data-compare]"));
    this.#fill(this.menu, PERIODS, (period) => this.go(period));
    this.#fill(
      this.compare,
      COMPARED.map((name) => [name, COMPARED_WORDS[name] ?? name, ""]),
      (how) => choice.set({ compare: how === "previous" ? null : how }),
    );
    const form = /** @type {HTMLFormElement} */ (this.menu.querySelector("form"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const days = new FormData(form);
      this.menu.open = false;
      this.between(String(days.get("from")), String(days.get("to")));
    });
  }

  /** @param {string} period */
  go(period) {
    this.choice.set({ period: period === DEFAULT ? null : period, from: null, to: null, interval: null });
  }

  /**
   * @param {string} from
   * @param {string} to
   */
  between(from, to) {
    const [first, last] = from <= to ? [from, to] : [to, from];
    this.choice.set({ period: null, from: first, to: last, interval: null });
  }

  /**
   * As many days before, or after.
   * @param {number} direction
   * @param {{from: string, to: string}} shown
   */
  step(direction, { from, to }) {
    const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
    const moved = (/** @type {string} */ day) =>
      new Date(Date.parse(day) + direction * days * DAY_MS).toISOString().slice(0, 10);
    this.between(moved(from), moved(to));
  }

  /** The next way to compare. */
  turn() {
    const next = COMPARED[(COMPARED.indexOf(this.choice.get("compare", "previous")) + 1) % COMPARED.length];
    this.choice.set({ compare: next === "previous" ? null : (next ?? null) });
  }

  /** As parameters of a question. */
  get query() {
    const query = new URLSearchParams();
    if (this.choice.query.has("from")) {
      query.set("from", this.choice.get("from", ""));
      query.set("to", this.choice.get("to", ""));
    } else query.set("period", this.choice.get("period", DEFAULT));
    return query;
  }

  /** @param {import("./ask.js").Answer} answer */
  show({ period, compared }) {
    const named = PERIODS.find(([name]) => !this.choice.query.has("from") && name === this.choice.get("period", DEFAULT));
    const shown = span(period.from, period.to);
    this.#say(this.menu, named ? named[1] : shown);
    const days = /** @type {HTMLElement} */ (this.root.querySelector("[data-days]"));
    days.textContent = named ? shown : "";
    const how = this.choice.get("compare", "previous");
    this.#say(this.compare, how === "none" ? "compared with nothing" : `vs ${COMPARED_WORDS[how] ?? how}`);
    this.compare.title = compared ? span(compared.from, compared.to) : "";
    for (const [name, value] of Object.entries({ from: period.from, to: period.to })) {
      const input = /** @type {HTMLInputElement} */ (this.menu.querySelector(`[name=${name}]`));
      if (document.activeElement !== input) input.value = value;
    }
    for (const button of this.menu.querySelectorAll("[data-name]")) {
      button.ariaPressed = String(/** @type {HTMLElement} */ (button).dataset.name === named?.[0]);
    }
  }

  /**
   * @param {HTMLElement} menu
   * @param {string} text
   */
  #say(menu, text) {
    const summary = /** @type {HTMLElement} */ (menu.querySelector("summary"));
    if (summary.textContent !== text) summary.textContent = text;
  }

  /**
   * @param {HTMLDetailsElement} menu
   * @param {[string, string, string][]} entries
   * @param {(name: string) => void} chose
   */
  #fill(menu, entries, chose) {
    const list = /** @type {HTMLElement} */ (menu.querySelector("ul"));
    list.replaceChildren(
      ...entries.map(([name, words, key]) => {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.name = name;
        button.textContent = words;
        if (key) {
          const kbd = document.createElement("kbd");
          kbd.textContent = key;
          button.append(kbd);
        }
        button.addEventListener("click", () => {
          menu.open = false;
          menu.querySelector("summary")?.focus();
          chose(name);
        });
        item.append(button);
        return item;
      }),
    );
  }
}
