/**
 * Questions to the server. Whoever asks anew drops what he asked before; while anything is asked the page says so.
 *
 * @typedef {Record<string, any>} Row names of dimensions and measures, with their values; `compared` has the same
 * @typedef {object} Answer
 * @property {{from: string, to: string, zone: string, interval: string | null}} period
 * @property {string} as_of
 * @property {Row} totals
 * @property {{from: string, to: string, totals: Row}} [compared]
 * @property {Row[]} rows
 * @property {number} found
 * @property {Row} rows_total
 * @property {{from: string, to: string, days: number}} [preparing]
 */

const TRIES = 3;
// Days that are not prepared by then are told as such, and asked for again: what is there is shown meanwhile.
const WAIT_SECONDS = 1;

export class Asking {
  #running = 0;
  /** @type {AbortController | null} */ #last = null;

  /**
   * @param {string} url
   * @param {HTMLElement} root which is `aria-busy` meanwhile
   * @param {(problem: string) => void} failed "" once it is well again
   */
  constructor(url, root, failed) {
    this.url = url;
    this.root = root;
    this.failed = failed;
  }

  /** Everything anew: answers to what was asked before are not waited for. */
  begin() {
    this.failed("");
    this.#last?.abort();
    this.#last = new AbortController();
  }

  /**
   * The answer; null where there is none, undefined where something else was asked meanwhile.
   * @param {URLSearchParams} query
   * @returns {Promise<Answer | null | undefined>}
   */
  async ask(query) {
    const signal = this.#last?.signal ?? null;
    this.busy(1);
    const url = `${this.url}?${query}&wait=${WAIT_SECONDS}`;
    try {
      let response = await fetch(url, { signal, cache: "no-store" });
      // Too much at once for the server's patience: what it has found out meanwhile is kept, and not asked again.
      for (let tries = 1; response.status === 503 && tries < TRIES; tries++) {
        response = await fetch(url, { signal, cache: "no-store" });
      }
      const said = await response.json();
      if (signal?.aborted) return undefined;
      if (response.ok) return said;
      this.failed(typeof said.error === "string" ? said.error : `${said.error?.field}: ${said.error?.message}`);
    } catch {
      if (signal?.aborted) return undefined;
      this.failed("No connection to Footfall: what is shown is what was known.");
    } finally {
      this.busy(-1);
    }
    return null;
  }

  /** So many more are waited for. @param {number} more */
  busy(more) {
    this.#running += more;
    this.root.ariaBusy = String(this.#running > 0);
  }
}
