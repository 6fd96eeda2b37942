/**
 * The status says in words how fresh the board is: in the line at the foot, and in a banner when something is wrong.
 *
 * @import {Clock} from "../shared/clock.js"
 * @import {Connection, State} from "./socket.js"
 */
import { ago } from "../shared/clock.js";
import { hide } from "../shared/told.js";

const SET_MS = 2_000;
/** @type {Record<State, string>} */
const ANNOUNCEMENTS = {
  connecting: "Connecting.",
  live: "Live again.",
  stale: "No news for some seconds; the figures may be old.",
  reconnecting: "Connection lost; trying again.",
  offline: "No connection to Footfall.",
  forbidden: "You may no longer see this board.",
};

export class Status {
  /** @type {number | null} */ #seenAt = null;
  #text = "";
  #understood = false;
  /** What the server's clock is ahead of this page's steady one, in ms. */ #ahead = NaN;
  /** @type {State} */ #state = "connecting";

  /**
   * @param {HTMLElement} board
   * @param {Clock} clock
   */
  constructor(board, clock) {
    this.board = board;
    this.clock = clock;
    this.words = /** @type {HTMLElement} */ (board.querySelector(".status .words"));
    this.lost = /** @type {HTMLElement} */ (board.querySelector("[data-lost]"));
    this.why = /** @type {HTMLElement} */ (board.querySelector("[data-why]"));
    this.refused = /** @type {HTMLElement} */ (board.querySelector("[data-refused]"));
    this.polling = /** @type {HTMLElement} */ (board.querySelector("[data-polling]"));
    this.polling.querySelector("button")?.addEventListener("click", () => {
      this.#understood = true;
      this.polling.hidden = true;
    });
    this.aloud = /** @type {HTMLElement} */ (board.querySelector("[data-aloud]"));
    this.time = /** @type {HTMLElement} */ (board.querySelector("[data-clock]"));
  }

  /** A snapshot was shown. @param {string} at the server's time, in whole seconds */
  seen(at) {
    this.#seenAt = Date.parse(at);
    // Fractions that are cut off make it late: the least late one is nearest. A machine that slept, or a server whose
    // clock was set, begins anew.
    const ahead = this.#seenAt - performance.now();
    const same = Math.abs(ahead - this.#ahead) <= SET_MS;
    this.#ahead = same ? Math.max(ahead, this.#ahead) : ahead;
  }

  /** @param {Connection} connection */
  show(connection) {
    const { state, polling } = connection;
    hide(this.polling, this.#understood || !polling || state !== "live");
    if (state !== this.#state) this.#changed(state);
    const text = this.#words(connection);
    if (text !== this.#text) this.words.textContent = this.#text = text;
    const why = navigator.onLine ? this.#lastSeen() : "This computer has no network.";
    if (this.why.textContent !== why) this.why.textContent = why;
    const time = Number.isNaN(this.#ahead) ? "" : this.clock.second(this.#ahead + performance.now());
    if (this.time.textContent !== time) this.time.textContent = time;
  }

  /** @param {State} state */
  #changed(state) {
    // The first "live" is what everybody expects: nothing to say.
    if (!(this.#state === "connecting" && state === "live")) this.aloud.textContent = ANNOUNCEMENTS[state];
    this.#state = state;
    this.board.dataset.state = state;
    this.lost.hidden = state !== "offline";
    this.refused.hidden = state !== "forbidden";
  }

  /** @param {Connection} connection */
  #words({ state, lastAt, retryAt, polling }) {
    const now = performance.now();
    switch (state) {
      case "live":
        return `${this.#connected(polling)}, ${ago(now - (lastAt ?? now))}`;
      case "stale":
        return `stale, ${ago(now - (lastAt ?? now))}`;
      case "reconnecting":
        return `reconnecting, ${this.#lastSeen()}`;
      case "offline":
        return retryAt ? `offline, trying again in ${Math.max(0, Math.ceil((retryAt - now) / 1000))} s` : "offline, trying";
      default:
        return state === "forbidden" ? "closed" : "connecting";
    }
  }

  /** @param {boolean} polling */
  #connected(polling) {
    const live = this.board.dataset.past === undefined ? "live" : "the past is shown; connected";
    return polling ? `${live} by HTTP` : live;
  }

  #lastSeen() {
    return this.#seenAt === null ? "never seen" : `last seen ${this.clock.second(this.#seenAt)}`;
  }
}
