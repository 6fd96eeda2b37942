/**
 * The hours of the week, in the ink that their figures have: a table, whose cells are read by pointer and by ear.
 *
 * @import {Answer} from "./ask.js"
 * @import {Choice} from "./choice.js"
 */
import { figure } from "./words.js";

const USUAL = "views";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SHADES = 8;

export class Heat {
  /**
   * @param {HTMLElement} root with a table, `.read` and `[data-heat]` buttons
   * @param {Choice} choice
   */
  constructor(root, choice) {
    this.root = root;
    this.choice = choice;
    this.what = /** @type {HTMLElement} */ (root.querySelector("[data-what]"));
    this.body = /** @type {HTMLElement} */ (root.querySelector("tbody"));
    this.read = /** @type {HTMLElement} */ (root.querySelector(".read"));
    this.buttons = [.../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-heat]"))];
    for (const button of this.buttons) {
      button.addEventListener("click", () => choice.set({ heat: button.dataset.heat === USUAL ? null : (button.dataset.heat ?? null) }));
    }
    this.body.addEventListener("pointerover", ({ target }) => {
      this.read.textContent = target instanceof HTMLElement ? (target.dataset.words ?? "") : "";
    });
    this.body.addEventListener("pointerleave", () => (this.read.textContent = ""));
  }

  /** Whether it is to be seen. */
  get shown() {
    return !this.root.classList.contains("aside");
  }

  /** What is shown: page views, or visitors at once. */
  get measure() {
    return this.choice.get("heat", USUAL) === USUAL ? USUAL : "at_once_mean";
  }

  /** The measures that it shows. */
  get measures() {
    return this.measure === USUAL ? [USUAL] : ["at_once_mean", "at_once_peak"];
  }

  point() {
    for (const button of this.buttons) button.ariaPressed = String(button.dataset.heat === this.measure);
  }

  /** @param {Answer} answer by `weekday_hour` */
  show(answer) {
    const { measure } = this;
    const rows = new Map(answer.rows.map((row) => [row.weekday_hour, row]));
    const most = Math.max(0, ...answer.rows.map((row) => row[measure] ?? 0));
    this.what.textContent = measure === USUAL ? "page views" : "visitors at once, on average,";
    this.body.replaceChildren(
      ...DAYS.map((day, number) => {
        const line = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.textContent = day;
        line.append(head);
        for (let hour = 0; hour < 24; hour++) {
          const text = String(hour).padStart(2, "0");
          const row = rows.get(`${number + 1}-${text}`) ?? {};
          const value = row[measure] ?? 0;
          const cell = document.createElement("td");
          cell.dataset.shade = String(most ? Math.ceil((value / most) * SHADES) : 0);
          const said = figure(measure, value);
          cell.dataset.words = `${day} ${text}:00 · ${measure === USUAL ? `${said} views` : `${said} at once, ${figure("at_once_peak", row.at_once_peak ?? 0)} at most`}`;
          const words = document.createElement("span");
          words.className = "unseen";
          words.textContent = said;
          cell.append(words);
          line.append(cell);
        }
        return line;
      }),
    );
  }
}
