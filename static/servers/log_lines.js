/**
 * The last lines of a log, the newest at the foot, where they are read as in a terminal: whoever has scrolled up stays
 * where they are, and whoever pauses keeps what they see. What comes meanwhile is a number until then.
 *
 * @typedef {{number: number, at: number, text: string}} Line
 * @typedef {{name: string, source: string, anew: boolean, passed: number, ended: boolean, lines: Line[]}} Told
 */
import { Pattern } from "./pattern.js";

const MOST = 1000;
const NEAR_PX = 24;
const number = new Intl.NumberFormat("en");

export class LogLines {
  /** @type {Map<string, number>} the last number of each source */ #last = new Map();
  /** @type {HTMLElement[]} what came while it was paused */ #waiting = [];
  #paused = false;
  #pattern = new Pattern(null);

  /**
   * @param {HTMLElement} list an ordered list that scrolls
   * @param {(waiting: number, found: number) => void} changed how many wait, and in how many lines it was found
   */
  constructor(list, changed) {
    this.list = list;
    this.changed = changed;
  }

  /** @param {Told} told */
  add({ source, anew, passed, ended, lines }) {
    if (anew) this.#forget(source);
    const last = this.#last.get(source) ?? 0;
    // Of a stream that was made again it has some already.
    const fresh = lines.filter((line) => line.number > last);
    const [first] = fresh;
    const gap = passed || (last && first ? Math.max(0, first.number - last - 1) : 0);
    if (gap) this.#waiting.push(remark(source, `${number.format(gap)} more came too fast to be shown`));
    for (const { number: own, text } of fresh) {
      this.#waiting.push(item(source, text, this.#pattern));
      this.#last.set(source, own);
    }
    if (ended) {
      this.#waiting.push(remark(source, "nobody follows this log any more"));
      this.#last.delete(source);
    }
    this.#waiting = this.#waiting.slice(-MOST);
    this.#settle();
  }

  /** Whether what comes waits. @param {boolean} paused */
  pause(paused) {
    this.#paused = paused;
    this.#settle();
  }

  /** Show what is looked for. @param {Pattern} pattern */
  look(pattern) {
    this.#pattern = pattern;
    for (const each of [.../** @type {Iterable<HTMLElement>} */ (this.list.children), ...this.#waiting]) {
      if (!each.classList.contains("gap")) mark(each, pattern);
    }
    this.#settle();
  }

  clear() {
    this.#last.clear();
    this.#waiting = [];
    this.list.replaceChildren();
    this.#settle();
  }

  /** @param {string} source */
  #forget(source) {
    this.#last.delete(source);
    this.#waiting = this.#waiting.filter((each) => each.dataset.source !== source);
    for (const each of [.../** @type {Iterable<HTMLElement>} */ (this.list.children)]) if (each.dataset.source === source) each.remove();
  }

  #settle() {
    if (!this.#paused && this.#waiting.length) {
      const follows = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_PX;
      const before = this.list.scrollHeight - this.list.scrollTop;
      const foot = this.#waiting.length;
      this.list.append(...this.#waiting.splice(0));
      const many = this.list.childElementCount - MOST;
      if (follows) {
        for (let gone = 0; gone < many; gone++) this.list.firstElementChild?.remove();
        this.list.scrollTop = this.list.scrollHeight;
      } else if (many > foot) {
        // Who reads further up is not moved away from what they read, until too much has come.
        const high = this.list.scrollHeight;
        for (let gone = 0; gone < many; gone++) this.list.firstElementChild?.remove();
        this.list.scrollTop = Math.max(0, high - before - (high - this.list.scrollHeight));
      }
    }
    this.changed(this.#waiting.length, this.list.querySelectorAll(":scope > .found").length);
  }
}

/**
 * @param {string} source
 * @param {string} text
 * @param {Pattern} pattern
 */
function item(source, text, pattern) {
  const made = document.createElement("li");
  made.dataset.source = source;
  made.textContent = text;
  if (pattern.expression) mark(made, pattern);
  return made;
}

/**
 * @param {string} source
 * @param {string} text
 */
function remark(source, text) {
  const made = document.createElement("li");
  made.className = "gap";
  made.dataset.source = source;
  made.textContent = text;
  return made;
}

/**
 * @param {HTMLElement} line
 * @param {Pattern} pattern
 */
function mark(line, pattern) {
  const pieces = pattern.pieces(line.textContent ?? "");
  line.classList.toggle("found", pieces.length > 1);
  line.replaceChildren(
    ...pieces.map((piece, place) => {
      if (place % 2 === 0) return document.createTextNode(piece);
      return Object.assign(document.createElement("mark"), { textContent: piece });
    }),
  );
}
