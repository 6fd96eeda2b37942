/**
 * Chosen series of servers' datapoints under the day's curve, on its axis of time: what is read of the curve, and shown by
 * the time machine, is read of them, too. Nothing is asked for before somebody has chosen one.
 *
 * @import {WholeDay} from "../day/day.js"
 * @import {DayLine} from "./windows.js"
 */
import { Picker } from "../../signals/picker.js";
import { showRows } from "./rows.js";
import { DayWindows } from "./windows.js";

const EVERY_MS = 10_000;
const NAMES = 8;

export class Signals {
  /** @type {string[]} */ #names = [];
  /** @type {DayLine[][]} */ #groups = [];
  #windows = new DayWindows();
  /** @type {WholeDay | null} */ #day = null;
  /** @type {number | null} */ #shown = null;
  /** @type {number | null} */ #read = null;
  #asks = 0;

  /**
   * @param {HTMLElement} root
   * @param {string} key of the site
   * @param {string[]} names that the address says; without any, those that this browser was shown last
   * @param {(names: string[]) => void} chosen called with what is chosen from now on
   */
  constructor(root, key, names, chosen) {
    this.key = key;
    this.kept = `footfall.series.${key}`;
    this.chosen = chosen;
    this.rows = /** @type {HTMLElement} */ (root.querySelector("[data-rows]"));
    this.link = /** @type {HTMLAnchorElement} */ (root.querySelector("header a"));
    const menu = /** @type {HTMLElement} */ (root.querySelector("details"));
    this.picker = new Picker(menu, (name) => this.#toggle(name), () => this.#names);
    menu.addEventListener("toggle", () => this.picker.ask());
    this.#become(names.length ? names : remembered(this.kept));
    setInterval(() => this.#ask(), EVERY_MS);
  }

  /** The day that the curve shows. @param {WholeDay | null} day */
  update(day) {
    if (!day || day.from === this.#day?.from) return;
    this.#day = day;
    this.#windows.forget();
    this.#ask();
  }

  /** The second that the board shows, in seconds since the epoch, or null for now. @param {number | null} at */
  mark(at) {
    if (at === this.#shown) return;
    this.#shown = at;
    this.#draw();
  }

  /** The moment that is read of the curve, in seconds since the epoch. @param {number | null} at */
  read(at) {
    if (at === this.#read) return;
    this.#read = at;
    this.#draw();
  }

  /** @param {string} name */
  #toggle(name) {
    const others = this.#names.filter((each) => each !== name);
    this.#become(others.length < this.#names.length ? others : [...others, name]);
    remember(this.kept, this.#names);
    this.chosen(this.#names);
  }

  /** @param {string[]} names */
  #become(names) {
    this.#names = names.filter(Boolean).slice(-NAMES);
    const query = new URLSearchParams({ site: this.key, span: "1h" });
    for (const name of this.#names) query.append("name", name);
    this.link.href = `/servers/?${query}`;
    this.link.hidden = !this.#names.length;
    this.#windows.forget();
    if (!this.#names.length) this.#groups = [];
    this.#draw();
    this.#ask();
  }

  async #ask() {
    const day = this.#day;
    if (!day || !this.#names.length || document.hidden) return;
    const number = ++this.#asks;
    const groups = await this.#windows.ask(this.#names, day, Date.now() / 1000);
    // It asks again; what was there stays until then.
    if (!groups || number !== this.#asks) return;
    this.#groups = groups;
    this.#draw();
  }

  #draw() {
    const moments = { shown: this.#shown, read: this.#read, tail: this.#windows.tail };
    if (this.#day) showRows(this.rows, this.#groups, this.#day, moments);
  }
}

/** @param {string} key @returns {string[]} */
function remembered(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(kept) ? kept.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

/**
 * @param {string} key
 * @param {string[]} names
 */
function remember(key, names) {
  try {
    localStorage.setItem(key, JSON.stringify(names));
  } catch {
    // Storage is blocked: the address has them.
  }
}
