/**
 * The map of the world shades each country by how many it has; a click filters by one. The shapes are a file of ours
 * (scripts/build-map); the list beside says and does the same for those who cannot see or point.
 *
 * @typedef {object} Countries what a press means, and what is said
 * @property {(code: string) => boolean} has whether it is filtered by
 * @property {(code: string, out: boolean) => void} pick `out`: with Alt held
 * @property {(count: number) => string} words of a country that has some
 * @property {(share: number, most: number) => number} density from 0 to 1, of a share of the `most` that a country has
 */
import { label } from "./names.js";

const SHADES = 5;

export class World {
  /** @type {Map<string, SVGElement>} */ #shapes = new Map();
  /** @type {Map<string, number>} */ #shown = new Map();
  /** @type {Record<string, number>} */ #counts = {};
  #most = 0;
  /** The country that is pointed at. */ #at = "";

  /**
   * @param {HTMLElement} root
   * @param {Countries} countries
   */
  constructor(root, countries) {
    this.root = root;
    this.countries = countries;
    this.read = document.createElement("p");
    this.read.className = "read";
    this.read.setAttribute("aria-hidden", "true");
    root.addEventListener("pointerover", (event) => this.#point(country(event)));
    root.addEventListener("pointerleave", () => this.#point(""));
    root.addEventListener("click", (event) => this.#pick(country(event), event.altKey));
    this.#load(root.dataset.src ?? "");
  }

  /** @param {Record<string, number>} counts by ISO alpha-2 code; codes that are on no map are left out */
  update(counts) {
    this.#counts = counts;
    if (this.#shapes.size) this.#paint();
  }

  /** @param {string} address */
  async #load(address) {
    const response = await fetch(address);
    if (!response.ok) return; // the list remains
    const drawn = new DOMParser().parseFromString(await response.text(), "image/svg+xml").documentElement;
    drawn.setAttribute("aria-hidden", "true");
    for (const shape of /** @type {NodeListOf<SVGElement>} */ (drawn.querySelectorAll("[id]"))) {
      this.#shapes.set(shape.id, shape);
      shape.dataset.country = shape.id;
      shape.removeAttribute("id"); // two letters could be anybody's
    }
    this.root.replaceChildren(document.adoptNode(drawn), this.read);
    this.#paint();
  }

  #paint() {
    const counts = new Map(Object.entries(this.#counts).filter(([code]) => this.#shapes.has(code)));
    const most = Math.max(0, ...counts.values());
    for (const code of this.#shown.keys()) if (!counts.has(code)) this.#set(code, 0, most);
    for (const [code, count] of counts) {
      // A new largest changes every shade; else only what changed is touched.
      if (most !== this.#most || this.#shown.get(code) !== count) this.#set(code, count, most);
    }
    this.#most = most;
    for (const [code, shape] of this.#shapes) shape.classList.toggle("kept", this.countries.has(code));
    this.#say();
  }

  /** @param {string} code */
  #point(code) {
    this.#at = code;
    this.#say();
  }

  /**
   * Any country: one without anybody now may have had somebody today.
   * @param {string} code
   * @param {boolean} out
   */
  #pick(code, out) {
    if (code) this.countries.pick(code, out);
  }

  /**
   * @param {string} code
   * @param {number} count
   * @param {number} most
   */
  #set(code, count, most) {
    const shape = /** @type {SVGElement} */ (this.#shapes.get(code));
    if (count) {
      this.#shown.set(code, count);
      const part = this.countries.density(count / most, most);
      shape.dataset.shade = String(Math.max(1, Math.ceil(part * SHADES)));
    } else {
      this.#shown.delete(code);
      delete shape.dataset.shade;
    }
  }

  #say() {
    const count = this.#counts[this.#at] ?? 0;
    const text = this.#at && `${label("countries", this.#at)}${count ? `: ${this.countries.words(count)}` : ""}`;
    if (this.read.textContent !== text) this.read.textContent = text;
  }
}

/** @param {Event} event */
function country({ target }) {
  return target instanceof SVGElement ? (target.dataset.country ?? "") : "";
}
