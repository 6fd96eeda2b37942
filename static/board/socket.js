/**
 * The board's socket takes snapshots from the server, and acknowledges each once it has been shown. Where it breaks, it
 * connects again with full jitter, and at once when the page is looked at or the network returns. Where two WebSockets
 * have been refused it asks for them over plain requests, until the network changes.
 *
 * @import {Snapshot} from "../shared/snapshot.js"
 * @typedef {"connecting" | "live" | "stale" | "reconnecting" | "offline" | "forbidden"} State
 * @typedef {{state: State, lastAt: number | null, retryAt: number | null, polling: boolean}} Connection
 *   `lastAt`: when the last snapshot came, `retryAt`: when the next attempt is due; both by `performance.now()`;
 *   `polling`: WebSockets do not come through
 */
import { PollSocket } from "./polling.js";

const REFUSED = 4403;
const RESTARTING = 4502;
const OVERLOADED = 4503;
// The server speaks at least every 5 s.
const STALE_MS = 7_000;
const DEAD_MS = 15_000;
const OFFLINE_MS = 30_000;
const LONGEST_MS = 10_000;
const CHECK_MS = 500;
// Never opened, so many in a row: they are blocked, and not just the server away.
const BLOCKED = 2;
// The steady clock stands still while some machines sleep: only the other one tells.
const SLEPT_MS = 5_000;

/**
 * How long to wait before attempt number `attempt`, counted from 0.
 * @param {number} code the close code of the connection before
 * @param {number} attempt
 */
export function pause(code, attempt) {
  if (code === OVERLOADED) return 30_000 + Math.random() * 30_000;
  if (code === RESTARTING && attempt === 0) return Math.random() * 500;
  return Math.random() * Math.min(LONGEST_MS, 1_000 * 2 ** attempt);
}

/** @param {string} path */
function address(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}

export class BoardSocket {
  /** @type {WebSocket | PollSocket | null} */ #socket = null;
  #opened = false;
  /** How many WebSockets in a row never opened. */ #unopened = 0;
  /** @type {number | undefined} */ #timer;
  #attempt = 0;
  #startedAt = performance.now();
  #triedAt = performance.now();
  #checkedAt = Date.now();
  /** @type {Connection} */ connection = { state: "connecting", lastAt: null, retryAt: null, polling: false };

  /**
   * @param {string} path
   * @param {(snapshot: Snapshot) => void} show
   * @param {(connection: Connection) => void} changed called whenever its state changes
   */
  constructor(path, show, changed) {
    this.path = path;
    this.show = show;
    this.changed = changed;
    setInterval(() => this.#hasSlept() || this.#check(), CHECK_MS);
    addEventListener("online", () => {
      // Another network may let them through.
      this.#unopened = 0;
      if (this.connection.polling) this.#connect();
      else this.wake();
    });
    addEventListener("offline", () => this.#check());
    addEventListener("pageshow", (event) => event.persisted && this.wake());
    // A connection held open would keep the page out of the back/forward cache.
    addEventListener("pagehide", () => this.#drop());
    document.addEventListener("visibilitychange", () => {
      // Timers of a page out of sight come late: that is no sleep.
      this.#checkedAt = Date.now();
      if (!document.hidden) this.wake();
    });
    this.#connect();
  }

  /** Try now, unless the connection is alive: the page is being looked at, or a button was pressed. */
  wake() {
    if (this.connection.state === "forbidden") return;
    const open = this.#socket !== null && this.#quiet() < STALE_MS;
    if (!open) this.#connect();
  }

  /** Listen to something else from now on. @param {string} path */
  go(path) {
    this.path = path;
    const socket = this.#socket;
    if (socket instanceof WebSocket && socket.readyState === WebSocket.CONNECTING) {
      // Closed before it is open, the browser would call it a failure.
      socket.onmessage = socket.onclose = null;
      socket.onopen = () => socket.close();
      this.#socket = null;
    }
    if (this.connection.state !== "forbidden") this.#connect();
  }

  #connect() {
    this.#drop();
    this.#opened = false;
    this.connection.polling = this.#unopened >= BLOCKED;
    const socket = this.connection.polling ? new PollSocket(this.path) : this.#webSocket();
    this.#socket = socket;
    this.#triedAt = performance.now();
    this.connection.retryAt = null;
    socket.onmessage = (/** @type {{data: string}} */ { data }) => this.#received(socket, data);
    socket.onclose = (/** @type {{code: number}} */ { code }) => this.#closed(code);
    this.#check();
  }

  #webSocket() {
    const socket = new WebSocket(address(this.path));
    socket.onopen = () => (this.#opened = true);
    return socket;
  }

  #drop() {
    clearTimeout(this.#timer);
    if (!this.#socket) return;
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  /**
   * @param {WebSocket | PollSocket} socket
   * @param {string} text
   */
  #received(socket, text) {
    const snapshot = JSON.parse(text);
    this.#attempt = 0;
    this.connection.lastAt = performance.now();
    this.#become("live");
    this.show(snapshot);
    socket.send(JSON.stringify({ ack: snapshot.seq }));
  }

  /** @param {number} code */
  #closed(code) {
    this.#socket = null;
    this.#count();
    if (code === REFUSED) return this.#become("forbidden");
    const wait = pause(code, this.#attempt++);
    this.connection.retryAt = performance.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#check();
  }

  /** A connection is over: was it a WebSocket that never opened? Where requests fail, too, it is not its kind. */
  #count() {
    this.#unopened = this.#opened || this.connection.polling ? 0 : this.#unopened + 1;
  }

  /** How long nothing has come over this connection, in ms. */
  #quiet() {
    return performance.now() - Math.max(this.connection.lastAt ?? 0, this.#triedAt);
  }

  /** Whether the machine has slept since the last check: then it connects anew, whatever the connection seems to be. */
  #hasSlept() {
    const slept = !document.hidden && Date.now() - this.#checkedAt > SLEPT_MS;
    this.#checkedAt = Date.now();
    if (slept && this.connection.state !== "forbidden") this.#connect();
    return slept;
  }

  #check() {
    if (this.connection.state === "forbidden") return;
    if (this.#socket && this.#quiet() > DEAD_MS) {
      this.#attempt++;
      this.#count();
      return this.#connect();
    }
    const since = performance.now() - (this.connection.lastAt ?? this.#startedAt);
    const lost = !this.#socket || this.#attempt > 0;
    // A machine may be off the network and still reach a Footfall of its own.
    if (lost && (!navigator.onLine || since > OFFLINE_MS)) this.#become("offline");
    else if (lost) this.#become("reconnecting");
    else if (since > STALE_MS) this.#become("stale");
  }

  /** @param {State} state */
  #become(state) {
    if (this.connection.state === state) return;
    this.connection.state = state;
    this.changed(this.connection);
  }
}
