/**
 * Windows of a day's series as the API has them: long ones of the day so far, and short ones of its last minutes, so that
 * a line is as long as the day and its end as young as can be.
 *
 * @import {Named, Window} from "../../signals/measures.js"
 * @import {WholeDay} from "../day/day.js"
 * @typedef {Named & {values: [number, number][]}} DayLine a figure in the middle of each window, seconds since the epoch
 */
import { value } from "../../signals/measures.js";
import { AllSeries } from "../../signals/series.js";

/** In seconds. */ export const [LONG, SHORT] = [600, 10];
/** How long the last minutes may get until all of the day is asked for again. */ const TAIL = 2.5 * LONG;
const SERIES = 60;
export const MEASURE = "p90";

export class DayWindows {
  #long = new AllSeries();
  /** From when on windows are short, in seconds since the epoch. */ tail = 0;

  /** Ask for all of it the next time. */
  forget() {
    this.tail = 0;
  }

  /**
   * The lines of these names by name and kind, or null where they are not told.
   * @param {string[]} names
   * @param {WholeDay} day
   * @param {number} now seconds since the epoch
   * @returns {Promise<DayLine[][] | null>}
   */
  async ask(names, day, now) {
    const begin = day.from * 60;
    const whole = !this.tail || now - this.tail > TAIL;
    const long = whole ? await windows(names, LONG, begin, now) : this.#long;
    if (!long) return null;
    const tail = whole ? Math.max(now - 2 * LONG, begin, ...moments(long).map((at) => at + LONG)) : this.tail;
    const short = await windows(names, SHORT, tail, now);
    if (!short) return null;
    this.#long = long;
    this.tail = tail;
    const all = new AllSeries();
    for (const series of [...long.groups().flat(), ...short.groups().flat()]) all.of(series);
    return all.groups().map((group) =>
      group.map((series) => ({
        name: series.name,
        type: series.type,
        tags: series.tags,
        values: [...points(series, long, LONG), ...points(series, short, SHORT)],
      })),
    );
  }
}

/** @param {AllSeries} all */
function moments(all) {
  return all.groups().flat().flatMap(({ windows }) => [...windows.keys()]);
}

/**
 * @param {Named} named
 * @param {AllSeries} all
 * @param {number} seconds
 */
function points(named, all, seconds) {
  return [...all.of(named).windows.values()].flatMap((window) => {
    const figure = value(named, window, MEASURE);
    return figure === undefined ? [] : [/** @type {[number, number]} */ ([window.at + seconds / 2, figure])];
  });
}

/**
 * @param {string[]} names
 * @param {number} seconds
 * @param {number} from
 * @param {number} to
 */
async function windows(names, seconds, from, to) {
  const moment = (/** @type {number} */ at) => new Date(at * 1000).toISOString();
  const query = new URLSearchParams({ seconds: String(seconds), from: moment(from), to: moment(to), limit: String(SERIES) });
  for (const name of names) query.append("name", name);
  try {
    const answer = await fetch(`/api/v1/signals?${query}`, { cache: "no-store" });
    if (!answer.ok) return null;
    /** @type {{series: (Named & {windows: Window[]})[]}} */ const { series } = await answer.json();
    const all = new AllSeries();
    for (const each of series) for (const window of each.windows) all.keep(each, window, true);
    return all;
  } catch {
    return null;
  }
}
