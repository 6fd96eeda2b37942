/**
 * What pages are called stands beside their paths, for whoever switches it on; the browser keeps the choice. Titles are
 * asked for when a path is shown that has none yet, and again after a while: a page may get another one.
 */

const KEPT = "footfall-titles";
const FRESH_MS = 60_000;
const MOST = 50;
// What is shown no more is forgotten: a board that stays open for weeks sees names without end.
const KEPT_MS = 300_000;
// Many paths come at once: they are asked for together.
const GATHER_MS = 300;

export class Titles {
  /** @type {Map<string, {title: string, askedAt: number}>} */ #known = new Map();
  #asking = false;
  #on = read();

  /**
   * @param {HTMLButtonElement} button
   * @param {string} url what to ask
   * @param {() => void} changed called when rows are to be told anew
   */
  constructor(button, url, changed) {
    this.button = button;
    this.url = url;
    this.changed = changed;
    button.ariaPressed = String(this.#on);
    button.addEventListener("click", () => this.#switch());
  }

  /** What a page is called, where that is known and wanted. @param {string} name */
  title(name) {
    return this.#on ? (this.#known.get(name)?.title ?? "") : "";
  }

  /** Ask for what is not known of these pages. @param {string[]} names */
  want(names) {
    if (!this.#on || this.#asking || document.hidden) return;
    const old = performance.now() - FRESH_MS;
    const isMissing = (/** @type {string} */ name) => (this.#known.get(name)?.askedAt ?? -Infinity) < old;
    this.#forget(names);
    const missing = names.filter((name) => name !== "" && name !== "(other)" && isMissing(name));
    if (!missing.length) return;
    this.#asking = true;
    setTimeout(() => this.#ask(missing.slice(0, MOST)), GATHER_MS);
  }

  /** @param {string[]} names */
  async #ask(names) {
    try {
      const query = new URLSearchParams(names.map((name) => ["page", name]));
      const answer = await fetch(`${this.url}?${query}`);
      const titles = answer.ok ? (await answer.json()).titles : {};
      for (const name of names) this.#known.set(name, { title: titles[name] ?? "", askedAt: performance.now() });
      this.changed();
    } catch {
      // The board's own line says that there is no connection.
    }
    this.#asking = false;
  }

  /** @param {string[]} shown */
  #forget(shown) {
    const old = performance.now() - KEPT_MS;
    const still = new Set(shown);
    for (const [name, { askedAt }] of this.#known) if (askedAt < old && !still.has(name)) this.#known.delete(name);
  }

  #switch() {
    this.#on = !this.#on;
    this.button.ariaPressed = String(this.#on);
    try {
      localStorage.setItem(KEPT, this.#on ? "1" : "");
    } catch {
      // A browser that keeps nothing shows them until the page is left.
    }
    this.changed();
  }
}

function read() {
  try {
    return Boolean(localStorage.getItem(KEPT));
  } catch {
    return false;
  }
}
