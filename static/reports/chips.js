/**
 * Filters read as a sentence, "page is /pricing or /plans", and are edited where they stand.
 *
 * @import {Asking} from "./ask.js"
 * @import {Choice, Filter, Operator} from "./choice.js"
 * @import {Segments} from "./segments.js"
 */
import { named } from "./words.js";

/** @type {Record<Operator, string>} */
const WORDS = { is: "is", not: "is not", match: "matches", notmatch: "does not match" };
/** What names of a dimension are suggested by, where that is not page views. @type {Record<string, string>} */
const COUNTED = { event: "events", property: "events", currency: "events", goal: "conversions" };
const SUGGESTED = 8;
const PAUSE_MS = 200;

export class Chips {
  /** The filter that is edited; null: a new one. @type {Filter | null} */ #edited = null;
  /** @type {number | undefined} */ #timer;

  /**
   * @param {HTMLElement} root with a list and a `dialog` with a form
   * @param {Choice} choice
   * @param {Asking} asking
   * @param {() => URLSearchParams} query of the period
   * @param {Segments} segments
   */
  constructor(root, choice, asking, query, segments) {
    this.segments = segments;
    this.root = root;
    this.choice = choice;
    this.asking = asking;
    this.query = query;
    this.list = /** @type {HTMLElement} */ (root.querySelector("ul"));
    this.dialog = /** @type {HTMLDialogElement} */ (root.querySelector("[data-edit]"));
    this.form = /** @type {HTMLFormElement} */ (this.dialog.querySelector("form"));
    this.options = /** @type {HTMLElement} */ (this.dialog.querySelector("[data-suggested]"));
    root.querySelector("[data-add]")?.addEventListener("click", () => this.open());
    this.dialog.querySelector("[data-close]")?.addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.form.addEventListener("submit", () => this.#keep());
    this.#field("dimension").addEventListener("change", () => this.#suggest());
    this.#field("value").addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#suggest(), PAUSE_MS);
    });
  }

  show() {
    const { goal, segment } = this.choice;
    /** @type {HTMLElement[]} */ const chips = [];
    if (segment) {
      const name = this.segments.name(segment);
      const edit = () => this.choice.exchange(null, this.segments.filters(segment));
      chips.push(this.#chip("segment", "segment", name, edit, () => this.choice.set({ segment: null })));
    }
    for (const filter of this.choice.filters) {
      const patterns = filter.operator.endsWith("match");
      const names = filter.values.map((value) => (patterns ? value : named(filter.dimension, value))).join(" or ");
      const words = `${this.#title(filter.dimension)} ${WORDS[filter.operator]}`;
      const chip = this.#chip("filter", words, names, () => this.open(filter), () => this.choice.replace(filter, null));
      if (this.choice.detail && filter.dimension === "page" && filter.operator === "is") {
        chip.className = "idle";
        chip.title = "Not while one page is looked at";
      }
      chips.push(chip);
    }
    if (goal) {
      const drop = () => this.choice.set({ conversion: null, measure: null });
      const chip = this.#chip("goal", "conversions of", goal, drop, drop);
      chip.className = "of-goal";
      chips.push(chip);
    }
    this.list.replaceChildren(...chips);
  }

  /**
   * @param {string} what
   * @param {string} words
   * @param {string} names
   * @param {() => void} press
   * @param {() => void} away
   */
  #chip(what, words, names, press, away) {
    const item = document.createElement("li");
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "edit";
    const word = document.createElement("span");
    word.textContent = words;
    const bold = document.createElement("b");
    bold.textContent = names;
    chip.append(word, " ", bold);
    chip.addEventListener("click", press);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "remove";
    remove.textContent = "×";
    remove.setAttribute("aria-label", `Remove the ${what}: ${words} ${names}`);
    remove.addEventListener("click", () => {
      away();
      /** @type {HTMLElement | null} */ (this.root.querySelector("[data-add]"))?.focus();
    });
    item.append(chip, remove);
    return item;
  }

  /** @param {Filter | null} filter */
  open(filter = null) {
    this.#edited = filter;
    this.#field("dimension").value = filter?.dimension ?? "page";
    this.#field("operator").value = filter?.operator ?? "is";
    this.#field("value").value = filter?.values.join("\n") ?? "";
    this.dialog.showModal();
    this.#field("value").focus();
    this.#suggest();
  }

  #keep() {
    const text = this.#field("value").value;
    const values = text === "" ? [""] : [...new Set(text.split("\n").map((line) => line.trim()).filter(Boolean))];
    const dimension = this.#field("dimension").value;
    const operator = /** @type {Operator} */ (this.#field("operator").value);
    this.choice.replace(this.#edited, { dimension, operator, values });
  }

  /** The names that are most frequent, of those that have in them what is typed. */
  async #suggest() {
    const lines = this.#field("value").value.split("\n");
    const query = this.query();
    const dimension = this.#field("dimension").value;
    query.set("by", dimension);
    query.set("metrics", COUNTED[dimension] ?? (dimension.startsWith("property:") ? "events" : "views"));
    query.set("limit", String(SUGGESTED));
    const text = (lines.at(-1) ?? "").replaceAll("*", "");
    if (text) query.set("find", text);
    const answer = await this.asking.ask(query);
    if (!answer || !this.dialog.open) return;
    this.options.replaceChildren(
      ...answer.rows.map((row) => {
        const option = document.createElement("button");
        option.type = "button";
        const count = document.createElement("span");
        count.textContent = String(row.views ?? row.events ?? row.conversions);
        option.append(named(dimension, String(row[dimension])), count);
        option.addEventListener("click", () => {
          const field = this.#field("value");
          field.value = [...field.value.split("\n").slice(0, -1), String(row[dimension])].join("\n");
          field.focus();
        });
        return option;
      }),
    );
  }

  /** @param {string} dimension */
  #title(dimension) {
    const field = /** @type {unknown} */ (this.#field("dimension"));
    const options = [.../** @type {HTMLSelectElement} */ (field).options];
    return options.find((option) => option.value === dimension)?.textContent ?? dimension;
  }

  /** @param {string} name */
  #field(name) {
    return /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name));
  }
}
