/**
 * The day shows today's visitors minute by minute: it asks for the curve once a minute, carries its end on with every
 * snapshot, and reads any minute out to pointer, keyboard and screen reader.
 *
 * @import {Clock} from "../../shared/clock.js"
 * @typedef {{least: number[], most: number[], last: number[]}} Levels one number for each minute of the day
 * @typedef {{day: string, from: number, minutes: number}} WholeDay `from`: epoch minute it began with
 * @typedef {WholeDay & {visitors: Levels, peak: {visitors: {most: number, at: number} | null},
 *   before: (WholeDay & {visitors: number[], same: {visitors: number}}) | null,
 *   flags: DayFlag[]}} DayCurve
 * @typedef {{id: number, at: number, text: string}} DayFlag `at`: seconds since the epoch
 */
import { set, tell, write } from "../../shared/told.js";
import { Curve } from "./curve.js";

// Not all boards at once, when a minute has passed.
const SPREAD_MS = 5_000;
const RETRY_MS = 10_000;
const number = new Intl.NumberFormat("en");
const weekday = new Intl.DateTimeFormat("en", { weekday: "short", timeZone: "UTC" });

/**
 * "last Sat", "yesterday"
 * @param {string} today
 * @param {string} day both as ISO dates
 */
export function dayName(today, day) {
  return Date.parse(today) - Date.parse(day) > 172_800_000 ? `last ${weekday.format(Date.parse(day))}` : "yesterday";
}

export class Day {
  /** @type {DayCurve | null} */ curve = null;
  /** @type {number | null} */ #read = null;
  /** Called with the moment that is read, in seconds since the epoch. @type {(at: number | null) => void} */ reads = () => {};
  visitors = 0;
  #minute = 0;
  #askedAt = 0;
  #due = -Infinity;

  /**
   * @param {HTMLElement} root with `.plot`, `.read`, `.ticks`, `.key` and `[data-words]` in it
   * @param {Clock} clock
   * @param {string} url
   * @param {() => void} answered called when an answer is there
   */
  constructor(root, clock, url, answered) {
    this.root = root;
    this.clock = clock;
    this.url = url;
    this.answered = answered;
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(name));
    this.plot = part(".plot");
    this.readout = part(".read");
    this.ticks = part(".ticks");
    this.words = part("[data-words]");
    this.key = part(".key");
    this.drawing = new Curve(this.plot, [part(".key .before i"), part(".key .today i")], (at) => this.#choose(at));
    this.#listen();
  }

  /**
   * A snapshot is there.
   * @param {number} at ms since the epoch, by the server's clock
   * @param {number} visitors
   */
  update(at, visitors) {
    const minute = Math.floor(at / 60_000);
    if (minute !== this.#minute) {
      this.#due = performance.now() + (this.#minute ? Math.random() * SPREAD_MS : 0);
      this.#minute = minute;
    }
    if (performance.now() >= this.#due && !document.hidden) this.#ask();
    const changed = visitors !== this.visitors;
    this.visitors = visitors;
    if (this.curve && (changed || minute - this.curve.from >= this.curve.visitors.most.length)) this.#carry(minute, at);
  }

  /** Show something else from now on. @param {string} url */
  go(url) {
    this.url = url;
    this.curve = null;
    this.#askedAt++;
    this.#due = -Infinity;
    this.#wait("being worked out …");
  }

  async #ask() {
    this.#due = performance.now() + RETRY_MS;
    const asked = ++this.#askedAt;
    try {
      const response = await fetch(this.url, { cache: "no-store" });
      const answer = await response.json();
      if (asked !== this.#askedAt) return;
      if (!response.ok) {
        // It asks again soon: the server does not work out again at once what was too much.
        if (!this.curve) this.#wait(answer.error);
        return;
      }
      this.curve = answer;
      this.#due = Infinity;
      this.root.classList.remove("waiting");
    } catch {
      return; // it asks again with a later snapshot
    }
    this.#label();
    this.#carry(this.#minute, this.#minute * 60_000);
    this.answered();
  }

  /**
   * What is drawn is not what is asked for.
   * @param {string} why
   */
  #wait(why) {
    this.root.classList.add("waiting");
    this.readout.textContent = this.words.textContent = why;
  }

  /**
   * The running minute is what the snapshots say.
   * @param {number} minute
   * @param {number} at
   */
  #carry(minute, at) {
    const { curve } = this;
    if (!curve) return;
    const place = minute - curve.from;
    // After midnight the next answer has the new day.
    if (place < 0 || place >= curve.minutes) return;
    const { least, most, last } = curve.visitors;
    for (let missing = most.length; missing <= place; missing++) {
      const before = last[missing - 1] ?? 0;
      least[missing] = most[missing] = last[missing] = before;
    }
    last[place] = this.visitors;
    least[place] = Math.min(least[place] ?? this.visitors, this.visitors);
    most[place] = Math.max(most[place] ?? this.visitors, this.visitors);
    if (this.visitors > (curve.peak.visitors?.most ?? 0)) curve.peak.visitors = { most: this.visitors, at: at / 1000 };
    this.#draw();
  }

  #draw() {
    const { curve } = this;
    if (!curve) return;
    this.drawing.show({
      ...curve,
      today: curve.visitors.most,
      before: curve.before?.visitors ?? [],
      peak: curve.peak.visitors,
    });
    this.#say();
  }

  #label() {
    const { curve } = this;
    if (!curve) return;
    const { from, minutes, before } = curve;
    this.ticks.replaceChildren();
    for (const part of [0.25, 0.5, 0.75]) {
      const tick = document.createElement("span");
      tick.textContent = this.clock.minute(from + minutes * part);
      tick.style.setProperty("--x", `${part * 100}%`);
      this.ticks.append(tick);
    }
    const other = /** @type {HTMLElement} */ (this.key.querySelector(".before"));
    other.hidden = before === null;
    if (before) /** @type {Text} */ (other.lastChild).data = dayName(curve.day, before.day);
  }

  /** @param {number | null} at which minute of the day to read out, or none */
  #choose(at) {
    this.#read = at;
    this.#say();
    this.reads(at === null || !this.curve ? null : (this.curve.from + at) * 60);
  }

  #say() {
    const { curve } = this;
    if (!curve) return;
    const { visitors, peak, before } = curve;
    const last = visitors.most.length - 1;
    const at = Math.min(this.#read ?? last, curve.minutes - 1);
    const clock = this.clock.minute(curve.from + at);
    const value = at > last ? "" : level(visitors.least[at] ?? 0, visitors.most[at] ?? 0);
    const other = before ? `${dayName(curve.day, before.day)} ${number.format(before.visitors[at] ?? 0)}` : "";
    if (this.#read !== null) tell(this.readout, [`${clock} `, value, value && other ? ` · ${other}` : other]);
    else if (!peak.visitors) write(this.readout, "nobody yet");
    else tell(this.readout, ["peak ", number.format(peak.visitors.most), ` at ${this.clock.minute(peak.visitors.at / 60)}`]);
    set(this.plot, "aria-valuemax", last);
    set(this.plot, "aria-valuenow", Math.min(at, last));
    set(this.plot, "aria-valuetext", `${clock}: ${value || "not yet"}${other ? `, ${other}` : ""}`);
    write(this.words, peak.visitors
      ? `Most visitors at once today: ${number.format(peak.visitors.most)}, first at ${this.clock.second(peak.visitors.at * 1000)}.`
      : "Nobody has been here today.");
  }

  #listen() {
    this.plot.addEventListener("blur", () => {
      this.drawing.choose(null);
      this.#choose(null);
    });
    this.plot.addEventListener("keydown", (event) => {
      const last = (this.curve?.visitors.most.length ?? 1) - 1;
      const at = Math.min(this.#read ?? last, last);
      const goals = new Map([
        ["ArrowLeft", at - 1],
        ["ArrowDown", at - 1],
        ["ArrowRight", at + 1],
        ["ArrowUp", at + 1],
        ["PageDown", at - 60],
        ["PageUp", at + 60],
        ["Home", 0],
        ["End", last],
      ]);
      const goal = goals.get(event.key);
      if (goal === undefined) return;
      event.preventDefault();
      const chosen = Math.min(last, Math.max(0, goal));
      this.drawing.choose(chosen);
      this.#choose(chosen);
    });
  }
}

/**
 * "288–311"
 * @param {number} least
 * @param {number} most
 */
function level(least, most) {
  return least === most ? number.format(most) : `${number.format(least)}–${number.format(most)}`;
}
