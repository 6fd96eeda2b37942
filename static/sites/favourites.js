/** Favourites are the sites that somebody starred: this browser keeps them, for itself. */

const KEY = "footfall.favourites";

export class Favourites {
  /** @type {Set<string>} */ #keys = new Set();

  /** @param {() => void} changed called when another tab changed them */
  constructor(changed) {
    this.#read();
    addEventListener("storage", (event) => {
      if (event.key !== KEY) return;
      this.#read();
      changed();
    });
  }

  /** @param {string} key */
  has(key) {
    return this.#keys.has(key);
  }

  /** @param {string} key */
  toggle(key) {
    if (!this.#keys.delete(key)) this.#keys.add(key);
    try {
      localStorage.setItem(KEY, JSON.stringify([...this.#keys]));
    } catch {
      // Storage is blocked: they hold for this page then.
    }
  }

  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      this.#keys = new Set(Array.isArray(kept) ? kept.filter((key) => typeof key === "string") : []);
    } catch {
      this.#keys = new Set();
    }
  }
}
