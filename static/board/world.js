/**
 * The map of the world shades each country by its open tabs; a click filters by one. The shapes are a file of ours
 * (scripts/build-map); the list beside says and does the same for those who cannot see or point.
 *
 * @import {Filters} from "./filters.js"
 */
import { label } from "../shared/names.js";

const SHADES = 5;
const number = new Intl.NumberFormat("en");

export class World {
  /** @type {Map<string, SVGElement>} */ #shapes = new Map();
  /** @type {Map<string, number>} */ #shown = new Map();
  /** @type {Record<string, number>} */ #tabs = {};
  #most = 0;
  /** The country that is pointed at. */ #at = "";

  /**
   * @param {HTMLElement} root
   * @param {Filters} filters
   */
  constructor(root, filters) {
    this.root = root;
    this.filters = filters;
    this.read = document.createElement("p");
    this.read.className = "read";
    this.read.setAttribute("aria-hidden", "true");
    root.addEventListener("pointerover", (event) => this.#point(country(event)));
    root.addEventListener("pointerleave", () => this.#point(""));
    root.addEventListener("click", (event) => this.#pick(country(event)));
    this.#load(root.dataset.src ?? "");
  }

  /** @param {Record<string, number>} tabs by ISO alpha-2 code; codes that are on no map are left out */
  update(tabs) {
    this.#tabs = tabs;
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
    const tabs = new Map(Object.entries(this.#tabs).filter(([code]) => this.#shapes.has(code)));
    const most = Math.max(0, ...tabs.values());
    for (const code of this.#shown.keys()) if (!tabs.has(code)) this.#set(code, 0, most);
    for (const [code, count] of tabs) {
      // A new largest changes every shade; else only what changed is touched.
      if (most !== this.#most || this.#shown.get(code) !== count) this.#set(code, count, most);
    }
    this.#most = most;
    for (const [code, shape] of this.#shapes) shape.classList.toggle("kept", this.filters.has("countries", code));
    this.#say();
  }

  /** @param {string} code */
  #point(code) {
    this.#at = code;
    this.#say();
  }

  /** Any country: one without anybody now may have had somebody today. @param {string} code */
  #pick(code) {
    if (code) this.filters.toggle("countries", code);
  }

  /**
   * @param {string} code
   * @param {number} tabs
   * @param {number} most
   */
  #set(code, tabs, most) {
    const shape = /** @type {SVGElement} */ (this.#shapes.get(code));
    if (tabs) {
      this.#shown.set(code, tabs);
      // By the logarithm, or one large country would leave all others in the same pale shade.
      const part = Math.log1p(tabs) / Math.log1p(most);
      shape.dataset.shade = String(Math.max(1, Math.ceil(part * SHADES)));
    } else {
      this.#shown.delete(code);
      delete shape.dataset.shade;
    }
  }

  #say() {
    const tabs = this.#tabs[this.#at] ?? 0;
    const text = this.#at && `${label("countries", this.#at)}${tabs ? `: ${number.format(tabs)} ${tabs === 1 ? "tab" : "tabs"}` : ""}`;
    if (this.read.textContent !== text) this.read.textContent = text;
  }
}

/** @param {Event} event */
function country({ target }) {
  return target instanceof SVGElement ? (target.dataset.country ?? "") : "";
}
