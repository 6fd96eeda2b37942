/**
 * The hours of the week, in the ink that their figures have: a table, whose cells are read by pointer and by ear.
 *
 * @import {Answer} from "./ask.js"
 */
import { figure, MEASURES } from "./words.js";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SHADES = 8;

export class Heat {
  /** @type {Answer | null} */ #answer = null;
  #measure = "views";

  /** @param {HTMLElement} root with a table, `.read` and `[data-heat]` buttons */
  constructor(root) {
    this.root = root;
    this.body = /** @type {HTMLElement} */ (root.querySelector("tbody"));
    this.read = /** @type {HTMLElement} */ (root.querySelector(".read"));
    this.buttons = [.../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-heat]"))];
    for (const button of this.buttons) {
      button.addEventListener("click", () => {
        this.#measure = button.dataset.heat ?? "views";
        this.#draw();
      });
    }
    this.body.addEventListener("pointerover", ({ target }) => {
      this.read.textContent = target instanceof HTMLElement ? (target.dataset.words ?? "") : "";
    });
    this.body.addEventListener("pointerleave", () => (this.read.textContent = ""));
  }

  /** @param {Answer} answer by `weekday_hour` */
  show(answer) {
    this.#answer = answer;
    this.#draw();
  }

  #draw() {
    for (const button of this.buttons) button.ariaPressed = String(button.dataset.heat === this.#measure);
    if (!this.#answer) return;
    const figures = new Map(this.#answer.rows.map((row) => [row.weekday_hour, row[this.#measure] ?? 0]));
    const most = Math.max(0, ...figures.values());
    const what = (MEASURES[this.#measure]?.[0] ?? "").toLowerCase();
    this.body.replaceChildren(
      ...DAYS.map((day, number) => {
        const row = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.textContent = day;
        row.append(head);
        for (let hour = 0; hour < 24; hour++) {
          const text = String(hour).padStart(2, "0");
          const value = figures.get(`${number + 1}-${text}`) ?? 0;
          const cell = document.createElement("td");
          cell.dataset.shade = String(most ? Math.ceil((value / most) * SHADES) : 0);
          cell.dataset.words = `${day} ${text}:00 · ${figure(this.#measure, value)} ${what}`;
          const words = document.createElement("span");
          words.className = "unseen";
          words.textContent = figure(this.#measure, value);
          cell.append(words);
          row.append(cell);
        }
        return row;
      }),
    );
  }
}
