/**
 * The time machine: series of a span of the past, and the people who were there, as they are stored.
 *
 * @import {Choice} from "./choice.js"
 * @import {Named, Window} from "../signals/measures.js"
 * @import {Frame} from "./panel.js"
 */
import { AllSeries } from "../signals/series.js";
import { SPANS } from "./choice.js";

const SERIES_MOST = 200;
const WINDOWS_MOST = 100_000;
const LOST = "Footfall does not answer: move on to ask again.";
const DAY = 86_400;
/** Up to so many seconds people are asked for by the minute, beyond by the hour. */ const BY_MINUTE = 1.5 * DAY;

export class Past {
  series = new AllSeries();
  /** @type {[number, number][]} */ people = [];
  /** @type {Frame} */ frame = { since: 0, until: 1, seconds: 10 };
  apart = 60;
  #asked = "";

  /**
   * @param {Map<number, number>} kept for how many seconds windows of so many seconds are kept
   * @param {() => void} changed called when what was asked for is there
   * @param {(sentence: string) => void} say tells people why it is not
   */
  constructor(kept, changed, say) {
    this.kept = kept;
    this.changed = changed;
    this.say = say;
  }

  /**
   * Show what the choice names: the frame that is on the screen, where the moment lies in it, or one around it.
   * @param {Choice} choice
   * @param {{frame: Frame, series: AllSeries, people: [number, number][]}} shown which stays until what is asked for is there
   * @param {number} now seconds since the epoch
   * @param {string} zone of the site
   */
  go(choice, { frame: shown, series, people }, now, zone) {
    const { at, to } = choice;
    if (at === null) return;
    const length = (SPANS[choice.span]?.minutes ?? 10) * 60;
    const end = to ?? at;
    const stays = Math.abs(shown.until - shown.since - length) < 1 && shown.since <= at && end <= shown.until;
    const until = stays ? shown.until : Math.min(now, Math.max((at + end + length) / 2, at + length * 0.2));
    const since = until - length;
    this.frame = { since, until, seconds: this.#fitting(choice, since, now) };
    const asked = JSON.stringify([choice.names, choice.tags, choice.site, this.frame]);
    if (asked === this.#asked) return;
    if (!this.#asked) [this.series, this.people] = [series, people];
    this.#asked = asked;
    this.#load(choice, asked);
    this.#loadPeople(choice.site, zone, asked);
  }

  /** Forget it: what is asked for next is asked for anew. */
  leave() {
    this.#asked = "";
    this.say("");
    this.series = new AllSeries();
    this.people = [];
  }

  /**
   * How long windows are that are still there.
   * @param {Choice} choice
   * @param {number} since
   * @param {number} now
   */
  #fitting({ span }, since, now) {
    const least = SPANS[span]?.seconds ?? 10;
    const there = [...this.kept].filter(([seconds, kept]) => seconds >= least && now - since <= kept);
    return there[0]?.[0] ?? 600;
  }

  /**
   * @param {Choice} choice
   * @param {string} asked
   */
  async #load({ names, tags }, asked) {
    const { since, until, seconds } = this.frame;
    // As many as one answer takes windows of.
    const limit = Math.max(1, Math.min(SERIES_MOST, Math.floor((WINDOWS_MOST * seconds) / (until - since))));
    const query = new URLSearchParams({ from: moment(since), to: moment(until), seconds: String(seconds), limit: String(limit) });
    for (const name of names) query.append("name", name);
    for (const tag of tags) query.append("tag", tag);
    const told = names.length ? await json(`/api/v1/signals?${query}`) : { series: [] };
    if (asked !== this.#asked) return;
    this.say(told ? (told.error ?? "") : LOST);
    if (!told?.series) return;
    const series = new AllSeries();
    /** @type {(Named & {windows: Window[]})[]} */ const all = told.series;
    for (const each of all) for (const window of each.windows) series.keep(each, window, true);
    this.series = series;
    this.changed();
  }

  /**
   * @param {string} site
   * @param {string} zone
   * @param {string} asked
   */
  async #loadPeople(site, zone, asked) {
    const { since, until } = this.frame;
    const interval = until - since > BY_MINUTE ? "hour" : "minute";
    this.apart = interval === "hour" ? 3600 : 60;
    const day = (/** @type {number} */ at) => new Date(at * 1000).toLocaleDateString("sv-SE", { timeZone: zone });
    const query = new URLSearchParams({ from: day(since), to: day(until), interval, metrics: "at_once_mean" });
    const told = site ? await json(`/api/v1/sites/${site}/stats?${query}`) : { rows: [] };
    if (asked !== this.#asked || !told?.rows) return;
    /** @type {Record<string, any>[]} */ const rows = told.rows;
    this.people = rows
      .map((row) => /** @type {[number, number]} */ ([Date.parse(row[interval]) / 1000 + this.apart / 2, row.at_once_mean]))
      .filter(([at]) => since <= at && at <= until);
    this.changed();
  }
}

/** What is answered, also where that is a refusal; null for nothing. @param {string} address */
async function json(address) {
  try {
    const answer = await fetch(address, { cache: "no-store" });
    return await answer.json();
  } catch {
    return null;
  }
}

/** @param {number} at seconds since the epoch */
function moment(at) {
  return new Date(at * 1000).toISOString();
}
