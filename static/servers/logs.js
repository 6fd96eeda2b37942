/**
 * Logs that `manage.py follow` follows: which there are, and the last lines of the one that is chosen, as they come.
 * The stream is open only while one is chosen and the page is there; then who follows it reads no more.
 *
 * @import {Told} from "./log_lines.js"
 */
import { LogLines } from "./log_lines.js";
import { Pattern } from "./pattern.js";

const EVERY_MS = 10_000;
const AGAIN_MS = 10_000;
const number = new Intl.NumberFormat("en");

export class Logs {
  /** @type {EventSource | null} */ #stream = null;
  /** @type {string[]} */ #names = [];
  #chosen = new URLSearchParams(location.search).get("log") ?? "";
  #paused = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(name));
    this.root = root;
    this.names = part("[data-names]");
    this.find = /** @type {HTMLInputElement} */ (part("input[type=search]"));
    this.found = part("[data-found]");
    this.hold = part("[data-hold]");
    this.waiting = part("[data-waiting]");
    this.none = part(".none");
    this.lines = new LogLines(part("ol"), (waiting, found) => this.#changed(waiting, found));
    this.find.addEventListener("input", () => this.#look());
    part("[data-only]").addEventListener("change", ({ target }) => {
      this.lines.list.classList.toggle("only", /** @type {HTMLInputElement} */ (target).checked);
    });
    this.hold.addEventListener("click", () => {
      this.#paused = !this.#paused;
      this.hold.textContent = this.#paused ? "Resume" : "Pause";
      this.lines.pause(this.#paused);
    });
    setInterval(() => document.hidden || this.#ask(), EVERY_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.#ask());
    // A stream held open would keep the page out of the back/forward cache, and its log being read.
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.#listen());
    this.#ask();
  }

  async #ask() {
    try {
      const answer = await fetch("/api/v1/signals/logs", { cache: "no-store" });
      if (!answer.ok) return;
      this.#names = (await answer.json()).logs;
    } catch {
      return; // it is asked again
    }
    this.root.hidden = !this.#names.length && !this.#chosen;
    const [first] = this.#names;
    if (!this.#chosen && first) this.#choose(first, false);
    else if (!this.#stream && this.#chosen) this.#listen();
    this.#draw();
  }

  #draw() {
    const names = [...new Set([...this.#names, ...(this.#chosen ? [this.#chosen] : [])])].sort();
    const shown = [...this.names.children].map(({ textContent }) => textContent);
    if (names.join("\n") !== shown.join("\n")) {
      this.names.replaceChildren(
        ...names.map((name) => {
          const button = document.createElement("button");
          button.type = "button";
          button.textContent = name;
          button.addEventListener("click", () => this.#choose(name, true));
          return button;
        }),
      );
    }
    for (const button of this.names.children) {
      /** @type {HTMLButtonElement} */ (button).ariaPressed = String(button.textContent === this.#chosen);
    }
    this.none.hidden = this.lines.list.childElementCount > 0;
    this.none.textContent = this.#names.includes(this.#chosen)
      ? "Nothing was written yet."
      : `Nobody follows ${this.#chosen} now.`;
  }

  /**
   * @param {string} name
   * @param {boolean} kept whether it is to stand in the page's address
   */
  #choose(name, kept) {
    if (name !== this.#chosen) {
      this.#chosen = name;
      this.lines.clear();
      this.#listen();
    }
    if (kept) {
      const said = new URLSearchParams(location.search);
      said.set("log", name);
      history.replaceState(null, "", `?${said}`);
    }
    this.#draw();
  }

  #listen() {
    this.#close();
    if (!this.#chosen) return;
    const stream = new EventSource(`/api/v1/signals/stream?${new URLSearchParams({ log: this.#chosen })}`);
    this.#stream = stream;
    stream.addEventListener("log", ({ data }) => {
      /** @type {Told} */ const told = JSON.parse(data);
      this.lines.add(told);
      this.#draw();
    });
    stream.addEventListener("error", () => {
      // Refused, and not just broken: the browser does not try again by itself.
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => stream === this.#stream && this.#listen(), AGAIN_MS);
    });
  }

  #close() {
    this.#stream?.close();
    this.#stream = null;
  }

  #look() {
    const pattern = Pattern.read(this.find.value.trim());
    this.find.ariaInvalid = String(!pattern);
    if (pattern) this.lines.look(pattern);
    else this.found.textContent = "no pattern";
  }

  /**
   * @param {number} waiting
   * @param {number} found
   */
  #changed(waiting, found) {
    this.waiting.textContent = waiting ? `${number.format(waiting)} new` : "";
    if (this.find.ariaInvalid === "true") return;
    this.found.textContent = this.find.value.trim() ? `${number.format(found)} found` : "";
  }
}
