/**
 * The series that the page shows, each with its windows by when they began; what is older than the page goes.
 *
 * @import {Named, Window} from "./measures.js"
 */

export class Series {
  /** @type {Map<number, Window>} */ windows = new Map();
  /** When a window last filled that is not over. */ filling = 0;

  /** @param {Named} named */
  constructor({ name, type, tags }) {
    this.name = name;
    this.type = type;
    this.tags = tags;
  }
}

export class AllSeries {
  /** @type {Map<string, Series>} */ #all = new Map();

  /**
   * @param {Named} named
   * @param {Window} window
   * @param {boolean} ended
   */
  keep(named, window, ended) {
    const series = this.of(named);
    series.windows.set(window.at, window);
    series.filling = ended ? 0 : window.at;
  }

  /** @param {Named} named */
  of(named) {
    const key = JSON.stringify([named.name, named.type, Object.entries(named.tags).sort()]);
    const found = this.#all.get(key) ?? new Series(named);
    this.#all.set(key, found);
    return found;
  }

  /** Forget windows that began before, and series of which none is left. @param {number} since */
  forget(since) {
    for (const [key, series] of this.#all) {
      for (const at of series.windows.keys()) if (at < since) series.windows.delete(at);
      if (!series.windows.size) this.#all.delete(key);
    }
  }

  clear() {
    this.#all.clear();
  }

  /** Those of each name and kind, in the order of their names. @returns {Series[][]} */
  groups() {
    /** @type {Map<string, Series[]>} */ const groups = new Map();
    const sorted = [...this.#all.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [, series] of sorted) {
      const key = `${series.name}\n${series.type}`;
      groups.set(key, [...(groups.get(key) ?? []), series]);
    }
    return [...groups.values()];
  }
}
