/**
 * Questions to the server. Whoever asks anew drops what he asked before; while anything is asked the page says so.
 *
 * @typedef {Record<string, any>} Row names of dimensions and measures, with their values; `compared` has the same
 * @typedef {object} Imported
 * @property {string[]} products
 * @property {string} [from]
 * @property {string} [to]
 * @property {number} days
 * @property {string} [left_out] why something of it is not there
 * @property {Row} [totals]
 * @property {Row[]} rows
 * @property {number} [found]
 * @property {Imported} [compared]
 * @typedef {object} Answer
 * @property {{from: string, to: string, zone: string, interval: string | null}} period
 * @property {string} as_of
 * @property {string | null} began the first day of which anything is known
 * @property {string | null} counted_from when Footfall itself began to count, by the site's clocks
 * @property {Row} totals
 * @property {{from: string, to: string, totals: Row}} [compared]
 * @property {Row[]} rows
 * @property {number} found
 * @property {Row} rows_total
 * @property {{from: string, to: string, days: number}} [preparing]
 * @property {Imported} [imported]
 */

const TRIES = 3;
const DAY_MS = 86_400_000;
// Days that are not prepared by then are told as such, and asked for again: what is there is shown meanwhile.
const WAIT_SECONDS = 1;
// Once one question has waited in vain, those after it would only hold each other up.
const NOT_AT_ALL = 0;

/**
 * What is asked in the same turn goes as one request, which the server looks up once.
 * @typedef {object} Waiting
 * @property {URLSearchParams} query
 * @property {(said: Said) => void} told
 * @property {(problem: unknown) => void} lost
 *
 * @typedef {{status: number, answer?: Answer, error?: any}} Said
 */

export class Asking {
  #running = 0;
  #wait = WAIT_SECONDS;
  /** @type {AbortController | null} */ #last = null;
  /** @type {Waiting[]} */ #waiting = [];

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
    this.#wait = WAIT_SECONDS;
    this.#last?.abort();
    this.#last = new AbortController();
  }

  /**
   * The answer; null where there is none, undefined where something else was asked meanwhile.
   * @param {URLSearchParams} query
   * @param {boolean} [first] by itself, before all that is asked in the same turn
   * @param {string} [url] of another kind of question, which is asked by itself
   * @returns {Promise<Answer | null | undefined>}
   */
  async ask(query, first = false, url = this.url) {
    const signal = this.#last?.signal ?? null;
    this.busy(1);
    try {
      const say = () => (first ? this.#one(query, signal, url) : this.#say(query, signal));
      let said = await say();
      // Too much at once for the server's patience: what it has found out meanwhile is kept, and not asked again.
      for (let tries = 1; said.status === 503 && tries < TRIES; tries++) said = await say();
      if (signal?.aborted) return undefined;
      if (said.answer && prepares(said.answer)) this.#wait = NOT_AT_ALL;
      if (said.answer) return said.answer;
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

  /**
   * @param {URLSearchParams} query
   * @param {AbortSignal | null} signal
   * @returns {Promise<Said>}
   */
  #say(query, signal) {
    return new Promise((told, lost) => {
      this.#waiting.push({ query, told, lost });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#send(signal));
    });
  }

  /** @param {AbortSignal | null} signal */
  async #send(signal) {
    const waiting = this.#waiting.splice(0);
    try {
      const [only] = waiting;
      const alone = only && waiting.length === 1;
      const answers = alone ? [await this.#one(only.query, signal)] : await this.#several(waiting, signal);
      waiting.forEach(({ told }, at) => told(answers[at] ?? { status: 500 }));
    } catch (problem) {
      for (const { lost } of waiting) lost(problem);
    }
  }

  /**
   * @param {URLSearchParams} query
   * @param {AbortSignal | null} signal
   * @param {string} url
   * @returns {Promise<Said>}
   */
  async #one(query, signal, url = this.url) {
    const response = await fetch(`${url}?${query}&wait=${this.#wait}`, { signal, cache: "no-store" });
    const said = await response.json();
    return response.ok ? { status: response.status, answer: said } : { status: response.status, error: said.error };
  }

  /**
   * @param {Waiting[]} waiting
   * @param {AbortSignal | null} signal
   * @returns {Promise<Said[]>}
   */
  async #several(waiting, signal) {
    const all = new URLSearchParams({ wait: String(this.#wait) });
    const some = waiting[0]?.query ?? all;
    const shared = [...new Set(some.keys())].filter((name) =>
      waiting.every(({ query }) => query.getAll(name).join("\n") === some.getAll(name).join("\n")),
    );
    for (const name of shared) for (const value of some.getAll(name)) all.append(name, value);
    for (const { query } of waiting) {
      const own = new URLSearchParams([...query].filter(([name]) => !shared.includes(name)));
      all.append("ask", own.toString());
    }
    const response = await fetch(`${this.url}/several?${all}`, { signal, cache: "no-store" });
    const said = await response.json();
    return response.ok ? said.answers : waiting.map(() => ({ status: response.status, error: said.error }));
  }
}

/**
 * Whether nothing of the period is prepared yet: its figures are unknown, and not 0.
 * @param {Answer} answer
 */
export function unprepared({ preparing, period }) {
  if (!preparing) return false;
  return preparing.from <= period.from && preparing.to >= period.to && together(preparing);
}

/**
 * Whether days that are being prepared follow each other.
 * @param {{from: string, to: string, days: number}} preparing
 */
export function together({ from, to, days }) {
  return days === (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
}

/**
 * Whether days are missing in an answer: some tell which, one by one, others how many.
 * @param {Answer} answer
 */
function prepares({ preparing }) {
  return Array.isArray(preparing) ? preparing.length > 0 : Boolean(preparing);
}
