/**
 * Figures that other products counted: hatched wherever they stand, and told by whom. They are added to no others.
 *
 * @import {Answer, Imported, Row} from "./ask.js"
 */
import { MEASURES, span } from "./words.js";

const PERCENT = 100;
// Of the height: a bucket of nothing is hatched at the foot, too.
const LEAST = 1.5;

/** "imported from Plausible, 1 Mar – 31 Mar" @param {Imported} imported */
export function whose({ products, from = "", to = "" }) {
  return `imported from ${products.join(" and ")}, ${span(from, to)}`;
}

/**
 * The rows of a series with what was imported of their buckets, and of those that they are compared with.
 * @param {Answer} answer
 * @param {string} interval
 */
export function withImported(answer, interval) {
  const { imported } = answer;
  if (!imported) return answer.rows;
  const named = (/** @type {Row[]} */ rows) => new Map(rows.map((row) => [row[interval], row]));
  const [now, before] = [named(imported.rows), named(imported.compared?.rows ?? [])];
  return answer.rows.map((row) => ({
    ...row,
    imported: now.get(row[interval]),
    before: row.compared && before.get(row.compared[interval]),
  }));
}

/**
 * A figure of Footfall's own, or where it counted nothing and somebody else did, that one.
 * @param {number | null | undefined} own
 * @param {number | null | undefined} others
 * @returns {{value: number | null, imported: boolean}}
 */
export function either(own, others) {
  const imported = !own && others !== null && others !== undefined;
  return { value: (imported ? others : own) ?? null, imported };
}

/**
 * The corners of bars over these heights in percent, for `clip-path`; null is no bar.
 * @param {(number | null)[]} heights
 */
export function bars(heights) {
  const last = heights.length - 1;
  const half = last > 0 ? PERCENT / last / 2 : PERCENT / 2;
  const corners = heights.flatMap((height, at) => {
    if (height === null) return [];
    const x = last > 0 ? (at / last) * PERCENT : PERCENT / 2;
    const [left, right] = [Math.max(0, x - half), Math.min(PERCENT, x + half)].map((each) => `${each.toFixed(3)}%`);
    const top = `${(PERCENT - Math.max(LEAST, height)).toFixed(3)}%`;
    return [`${left} 100%`, `${left} ${top}`, `${right} ${top}`, `${right} 100%`];
  });
  return corners.length ? `polygon(${corners.join(", ")})` : "";
}

/** Says under the chart whose figures are hatched, or why they are not there; and lets people go without them. */
export class ImportedNote {
  /**
   * @param {HTMLElement} root with a text and a button
   * @param {import("./choice.js").Choice} choice
   */
  constructor(root, choice) {
    this.root = root;
    this.choice = choice;
    this.text = /** @type {HTMLElement} */ (root.querySelector("span"));
    this.button = /** @type {HTMLButtonElement} */ (root.querySelector("button"));
    this.button.addEventListener("click", () => choice.set({ imported: this.#without ? null : "no" }));
  }

  get #without() {
    return this.choice.get("imported", "yes") === "no";
  }

  /**
   * @param {Answer} answer
   * @param {string[]} drawn the measure that the chart draws, and the second one, "" for none
   */
  show({ imported }, [first = "", second = ""]) {
    const told = imported?.days ? imported : imported?.compared;
    this.root.hidden = !told && !this.#without;
    this.button.textContent = this.#without ? "show what was imported" : "leave them out";
    const where = told && told !== imported ? " in what is compared" : "";
    const untold = [first, second].filter((name) => name && (told?.totals?.[name] ?? null) === null);
    // Where those of the chart's own measure are missing, it is the second that is dotted.
    const how = !untold.includes(first) ? `hatched${where}: ` : second && !untold.includes(second) ? `dotted${where}: ` : "";
    const names = untold.map((name) => (MEASURES[name]?.[0] ?? name).toLowerCase()).join(" and ");
    const but = names && `, which says nothing of ${names}`;
    const words = told ? `${how}${whose(told)}${but}` : "without imported figures";
    this.text.textContent = told?.left_out ? `${told.left_out} (${whose(told)}${where})` : words;
    this.root.classList.toggle("out", !told || Boolean(told.left_out) || untold.includes(first));
  }
}

/**
 * The row that stands before imported ones in a table, or in their place.
 * @param {Imported} imported
 */
export function heading(imported) {
  const line = document.createElement("tr");
  line.className = "whose";
  const cell = document.createElement("th");
  cell.scope = "rowgroup";
  // A name and a figure: the others are not on every screen.
  cell.colSpan = 2;
  const words = imported.left_out || whose(imported);
  cell.textContent = words.charAt(0).toUpperCase() + words.slice(1);
  cell.title = imported.left_out ? whose(imported) : "Counted by its own rules, and added to no other figure.";
  line.append(cell);
  return line;
}
