/**
 * Page views per minute by the server that told of them: a row of bars for each. It is there once servers tell.
 *
 * @import {Clock} from "../shared/clock.js"
 * @typedef {{name: string, views: number[]}} ServerViews
 * @typedef {{to: number, servers: ServerViews[], others: number}} ViewsByServer
 */
import { Poll } from "../setup/poll.js";
import { views } from "./day/hour.js";

const SVG = "http://www.w3.org/2000/svg";
const SHOWN = 60;
const HIGH = 24;
const PERIOD_MS = 5000;
const number = new Intl.NumberFormat("en");

/** One server's row. */
class Row {
  /** @type {SVGRectElement[]} */ #bars = [];

  /** @param {string} name */
  constructor(name) {
    this.root = document.createElement("li");
    const label = document.createElement("span");
    label.className = "name";
    label.textContent = name;
    label.title = name;
    this.sum = document.createElement("b");
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${SHOWN * 4} ${HIGH}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.role = "img";
    for (let at = 0; at < SHOWN; at++) {
      const bar = document.createElementNS(SVG, "rect");
      bar.setAttribute("x", String(at * 4));
      bar.setAttribute("width", "3");
      this.#bars.push(bar);
      this.svg.append(bar);
    }
    this.#bars.at(-1)?.classList.add("running");
    this.root.append(label, this.svg, this.sum);
  }

  /**
   * @param {number[]} counts
   * @param {number} highest of all servers, so that their bars compare
   */
  update(counts, highest) {
    this.#bars.forEach((bar, at) => {
      const count = counts[at] ?? 0;
      const high = count ? Math.max(2, (count / highest) * HIGH) : 0.5;
      bar.setAttribute("y", String(HIGH - high));
      bar.setAttribute("height", String(high));
    });
    const sum = counts.reduce((before, count) => before + count, 0);
    this.sum.textContent = number.format(sum);
    this.svg.ariaLabel = `${views(sum)} within 60 minutes, ${number.format(counts.at(-1) ?? 0)} so far this minute`;
  }
}

export class Servers {
  /** @type {Map<string, Row>} */ #rows = new Map();
  #read = -1;
  /** @type {ViewsByServer} */ #shown = { to: 0, servers: [], others: 0 };

  /**
   * @param {HTMLElement} root with a list and `.read` in it
   * @param {Clock} clock
   * @param {string} address
   */
  constructor(root, clock, address) {
    this.root = root;
    this.clock = clock;
    this.list = /** @type {HTMLElement} */ (root.querySelector("ol"));
    this.readout = /** @type {HTMLElement} */ (root.querySelector(".read"));
    this.list.addEventListener("pointermove", (event) => this.#point(event));
    this.list.addEventListener("pointerleave", () => this.#choose(-1));
    new Poll(address, PERIOD_MS, (/** @type {ViewsByServer} */ told) => this.update(told));
  }

  /** @param {ViewsByServer} told */
  update(told) {
    this.#shown = told;
    this.root.hidden = !told.servers.length;
    const highest = Math.max(4, ...told.servers.flatMap((server) => server.views));
    const names = new Set(told.servers.map((server) => server.name));
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue;
      row.root.remove();
      this.#rows.delete(name);
    }
    told.servers.forEach((server, at) => {
      const row = this.#rows.get(server.name) ?? new Row(server.name);
      this.#rows.set(server.name, row);
      row.update(server.views, highest);
      if (this.list.children[at] !== row.root) this.list.insertBefore(row.root, this.list.children[at] ?? null);
    });
    this.#say();
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const svg = this.list.querySelector("svg");
    if (!svg) return;
    const box = svg.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * SHOWN);
    this.#choose(at >= 0 && at < SHOWN ? at : -1);
  }

  /** @param {number} at which of the 60 minutes is read of all servers, or none */
  #choose(at) {
    this.#read = at;
    this.#say();
  }

  #say() {
    const { to, servers, others } = this.#shown;
    if (this.#read < 0) {
      this.readout.textContent = others ? `and ${number.format(others)} quieter ones` : "";
      return;
    }
    const clock = this.clock.minute(to - SHOWN + 1 + this.#read);
    const said = servers.map((server) => `${server.name} ${number.format(server.views[this.#read] ?? 0)}`);
    this.readout.textContent = `${clock}: ${said.join(" · ")}`;
  }
}
