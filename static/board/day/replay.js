/**
 * The time machine is a handle over the day: the board shows that second, plays on from it, and leads back to live.
 *
 * @import {Clock} from "../../shared/clock.js"
 * @import {Snapshot} from "../../shared/snapshot.js"
 * @import {WholeDay} from "./day.js"
 */

const STEP_MS = 500;
const REST_MS = 400;

export class Replay {
  /** When the board shows, in seconds since the epoch; null: now. @type {number | null} */ at = null;
  #speed = 0;
  #from = 0;
  #now = 0;
  #asking = false;
  #missed = false;
  /** @type {number | undefined} */ #resting;

  /**
   * @param {HTMLElement} board with a `[data-replay]` banner and a `[data-handle]` in it
   * @param {Clock} clock
   * @param {() => string} url what to ask, without its `t`
   * @param {(snapshot: Snapshot | null) => void} show called with each moment, and with null when it is now again
   * @param {(at: number | null) => void} rested called when it has rested at a second, and with null when it is now
   */
  constructor(board, clock, url, show, rested) {
    this.rested = rested;
    this.board = board;
    this.clock = clock;
    this.url = url;
    this.show = show;
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (board.querySelector(name));
    this.banner = part("[data-replay]");
    this.time = part("[data-replay] b");
    this.handle = /** @type {HTMLInputElement} */ (part("[data-handle]"));
    /** @type {NodeListOf<HTMLElement>} */
    this.speeds = board.querySelectorAll("[data-speed]");
    this.handle.addEventListener("input", () => this.go(this.#from + Number(this.handle.value)));
    for (const button of this.speeds) {
      const speed = Number(button.dataset.speed);
      button.addEventListener("click", () => this.#play(this.#speed === speed ? 0 : speed));
    }
    part("[data-live]").addEventListener("click", () => this.stop());
    // Before others hear of it: what is open above the board closes first, and alone.
    const above = "dialog[open], details.menu[open]";
    addEventListener("keydown", ({ key }) => key === "Escape" && !document.querySelector(above) && this.stop(), { capture: true });
    setInterval(() => this.#speed && this.go((this.at ?? 0) + (this.#speed * STEP_MS) / 1000), STEP_MS);
  }

  /**
   * A snapshot of now is there.
   * @param {number} now seconds since the epoch
   * @param {WholeDay | null} day
   */
  update(now, day) {
    this.#now = now;
    if (!day) return;
    this.#from = day.from * 60;
    this.handle.max = String(day.minutes * 60);
    this.handle.disabled = false;
    if (this.at === null) this.#place(now);
  }

  /** Ask again for the same moment: the filters are others. */
  again() {
    if (this.at !== null) this.#ask();
  }

  /** Back to live. */
  stop() {
    if (this.at === null) return;
    this.at = null;
    this.#play(0);
    // The focus must not fall off the page with the banner.
    if (this.banner.contains(document.activeElement)) this.handle.focus();
    this.banner.hidden = true;
    delete this.board.dataset.past;
    this.#place(this.#now);
    clearTimeout(this.#resting);
    this.rested(null);
    this.show(null);
  }

  /**
   * Show that second of today.
   * @param {number} at seconds since the epoch
   */
  go(at) {
    if (this.handle.disabled) return;
    if (at >= this.#now) {
      this.#place(this.#now);
      return this.stop();
    }
    this.at = Math.max(at, this.#from);
    if (this.banner.hidden) this.time.textContent = this.clock.second(at * 1000);
    this.banner.hidden = false;
    this.board.dataset.past = "";
    this.#place(at);
    // Browsers refuse an address that changes many times a second.
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.at !== null && this.rested(Math.floor(this.at)), REST_MS);
    this.#ask();
  }

  /** @param {number} at */
  #place(at) {
    const clock = this.clock.second(at * 1000);
    this.handle.value = String(Math.floor(at - this.#from));
    this.handle.setAttribute("aria-valuetext", this.at === null ? `now, ${clock}` : clock);
  }

  /** @param {number} speed 0 to rest */
  #play(speed) {
    this.#speed = speed;
    for (const button of this.speeds) button.ariaPressed = String(Number(button.dataset.speed) === speed);
  }

  async #ask() {
    // One question at a time; the newest moment is asked for when the answer is there.
    this.#missed = this.#asking;
    if (this.#asking || this.at === null) return;
    this.#asking = true;
    const url = this.url();
    try {
      // The banner tells whole seconds, and so must the figures beside it.
      const second = Math.floor(this.at);
      const response = await fetch(`${url}${url.includes("?") ? "&" : "?"}t=${second}`, { cache: "no-store" });
      const snapshot = response.ok ? await response.json() : null;
      // The day is over: there is no such moment today.
      if (response.status === 400) this.stop();
      else if (snapshot && this.at !== null && url === this.url()) this.show(snapshot);
    } catch {
      // The board's own line says that there is no connection.
    }
    this.#asking = false;
    if (this.#missed) this.#ask();
  }
}
