/**
 * Takes snapshots over plain requests, one for each, where a proxy lets no WebSocket through. To whoever connects it is
 * a socket: it opens, gives messages, and closes with a code; what is sent, an acknowledgement, asks for the next.
 */

/** What the server's refusals are as codes of a close. @type {Record<number, number>} */
const CODES = { 403: 4403, 429: 4503 };
const BROKEN = 1006;

export class PollSocket {
  /** @type {((event: {data: string}) => void) | null} */ onmessage = null;
  /** @type {((event: {code: number}) => void) | null} */ onclose = null;
  #ending = new AbortController();
  /** The page's own name for this board, for its place in the stream. */
  #name = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  /** @param {string} path */
  constructor(path) {
    this.path = path;
    this.#ask(0);
  }

  /** Acknowledge a snapshot. @param {string} text */
  send(text) {
    this.#ask(JSON.parse(text).ack);
  }

  close() {
    this.#ending.abort();
  }

  /**
   * @param {number} after the number of the snapshot that is shown
   * @returns {Promise<void>}
   */
  async #ask(after) {
    const { signal } = this.#ending;
    try {
      const headers = { "Footfall-Board": this.#name, "Footfall-After": String(after) };
      const answer = await fetch(this.path, { headers, signal, cache: "no-store", redirect: "error" });
      if (answer.status === 204) return this.#ask(after);
      if (!answer.ok) return this.#end(CODES[answer.status] ?? BROKEN);
      const data = await answer.text();
      if (!signal.aborted) this.onmessage?.({ data });
    } catch {
      this.#end(BROKEN);
    }
  }

  /** @param {number} code */
  #end(code) {
    if (!this.#ending.signal.aborted) this.onclose?.({ code });
  }
}
