/**
 * The figures of now are the number that matters, and what it is made of.
 *
 * @import {Snapshot} from "../shared/snapshot.js"
 */
import { Glide } from "../shared/glide.js";
import { Sight } from "../shared/sight.js";

const number = new Intl.NumberFormat("en");
/** Of the whole, some ten pixels: what is less is a step that no eye follows. */ const STEP = 0.04;

/** A part of the bar begins at a share of it, and ends where the next one does. */
class Part {
  #from = -1;
  #glide;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.name = /** @type {"active" | "idle" | "hidden"} */ (root.dataset.part);
    this.#glide = new Glide(root, (rest) => `scaleX(${(1 - this.#from - rest) / (1 - this.#from)})`);
  }

  /**
   * @param {number} from share of the whole
   * @param {boolean} moving
   */
  begin(from, moving) {
    const before = this.#from;
    if (from === before) return;
    this.#from = from;
    this.root.style.left = `${(from * 100).toFixed(2)}%`;
    if (moving && before >= 0 && from < 1 && Math.abs(from - before) >= STEP) this.#glide.go(before - from);
  }
}

/**
 * Breathes, and then rests until after the next breath is due: one that goes on is wound back, and costs less than the
 * frames of an end.
 */
const REST_MS = 1_500;
const BREATH = [
  { transform: "scale(1)", opacity: 1, easing: "ease-in-out" },
  { transform: "scale(1.35)", opacity: 0.55, easing: "ease-in-out", offset: 225 / REST_MS },
  { transform: "scale(1)", opacity: 1, offset: 450 / REST_MS },
  { transform: "scale(1)", opacity: 1 },
];

export class Now {
  /** @type {Animation | null} */ #breath = null;

  /** @param {HTMLElement} root with a `[data-figure]` for each figure and a `[data-part]` for each share */
  constructor(root) {
    /** @type {Map<string, HTMLElement>} */
    this.figures = new Map();
    for (const figure of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-figure]"))) {
      this.figures.set(figure.dataset.figure ?? "", figure);
    }
    const parts = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-part]"));
    this.parts = [...parts].map((part) => new Part(part));
    this.bar = /** @type {HTMLElement} */ (root.querySelector(".parts"));
    this.dot = /** @type {HTMLElement} */ (root.querySelector(".dot"));
    this.sight = new Sight(this.dot);
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
        const length = String(Math.min(6, Math.ceil(text.length / 2)));
        if (figure.dataset.length !== length) figure.dataset.length = length;
      }
    }
    const none = tabs === 0 || active === null;
    this.bar.classList.toggle("none", none);
    let from = 0;
    for (const part of this.parts) {
      part.begin(from / (tabs || 1), !none && this.sight.moves);
      from += snapshot[part.name] ?? 0;
    }
    // Only what is live breathes.
    if (active !== null) this.#breathe();
  }

  #breathe() {
    const running = this.#breath?.playState === "running";
    if (!this.sight.moves) {
      if (running) this.#breath?.finish();
    } else if (this.#breath && running) {
      this.#breath.currentTime = 0;
    } else {
      this.#breath = this.dot.animate(BREATH, { duration: REST_MS });
    }
  }
}
