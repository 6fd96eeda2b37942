/**
 * The figures of now are the number that matters, and what it is made of.
 *
 * @import {Snapshot} from "../shared/snapshot.js"
 */

const number = new Intl.NumberFormat("en");
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Now {
  /** @param {HTMLElement} root with a `[data-figure]` for each figure and a `[data-part]` for each share */
  constructor(root) {
    /** @type {Map<string, HTMLElement>} */
    this.figures = new Map();
    for (const figure of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-figure]"))) {
      this.figures.set(figure.dataset.figure ?? "", figure);
    }
    /** @type {NodeListOf<HTMLElement>} */
    this.parts = root.querySelectorAll("[data-part]");
    this.bar = /** @type {HTMLElement} */ (root.querySelector(".parts"));
    this.dot = /** @type {HTMLElement} */ (root.querySelector(".dot"));
  }

  /** @param {Snapshot} snapshot */
  update(snapshot) {
    const { visitors, tabs, active, idle, hidden, rate } = snapshot;
    for (const [name, count] of Object.entries({ visitors, tabs, active, idle, hidden, rate })) {
      const figure = this.figures.get(name);
      // In the past, attention is not known.
      const text = count === null ? "–" : number.format(count);
      if (figure && figure.textContent !== text) {
        figure.textContent = text;
        // From five characters on there is no room for the largest type.
        figure.dataset.length = String(Math.min(6, Math.ceil(text.length / 2)));
      }
    }
    let from = 0;
    for (const part of this.parts) {
      part.style.setProperty("--from", (from / (tabs || 1)).toFixed(4));
      from += snapshot[/** @type {"active"} */ (part.dataset.part)] ?? 0;
    }
    this.bar.classList.toggle("none", tabs === 0 || active === null);
    // Only what is live breathes.
    if (active !== null) this.#breathe();
  }

  #breathe() {
    if (still.matches || document.hidden) return;
    this.dot.animate(
      [
        { transform: "scale(1)", opacity: 1 },
        { transform: "scale(1.35)", opacity: 0.55 },
        { transform: "scale(1)", opacity: 1 },
      ],
      { duration: 450, easing: "ease-in-out" },
    );
  }
}
