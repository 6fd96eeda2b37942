/**
 * What the page shows stands in its address: names of series (with * for any text), tags, the span, a site for people,
 * and a moment of the past, `t` as on the board, or the span from there `to` another.
 *
 * @import {Measure} from "../signals/measures.js"
 * @typedef {{names: string[], tags: string[], span: string, measure: Measure, site: string,
 *   together: boolean, at: number | null, to: number | null}} Choice `at`, `to`: seconds since the epoch
 */
import { MEASURES } from "../signals/measures.js";

/** Minutes that are shown, and how long the windows are, in seconds. @type {Record<string, {minutes: number, seconds: number}>} */
export const SPANS = {
  "10m": { minutes: 10, seconds: 10 },
  "1h": { minutes: 60, seconds: 10 },
  "6h": { minutes: 360, seconds: 60 },
  "1d": { minutes: 1440, seconds: 600 },
  "7d": { minutes: 10_080, seconds: 600 },
};
const EVERYTHING = ["host.*"];
/** Names, and tags, that are shown at once, and how long each may be: as the API takes them. */
export const MOST = 20;
const LONGEST = 200;

/** Those that can be asked for. @param {string[]} texts */
function askable(texts) {
  return texts.filter((text) => text && fits(text)).slice(0, MOST);
}

/** Whether it is not too long. @param {string} text */
export function fits(text) {
  return [...text].length <= LONGEST;
}

/** @returns {Choice} */
export function readChoice() {
  const said = new URLSearchParams(location.search);
  const span = said.get("span") ?? "";
  const [at, to] = [moment(said.get("t")), moment(said.get("to"))];
  const measure = MEASURES.find((each) => each === said.get("of")) ?? "p90";
  return {
    names: said.has("name") ? askable(said.getAll("name")) : EVERYTHING,
    tags: askable(said.getAll("tag")),
    span: span in SPANS ? span : "10m",
    measure,
    site: said.get("site") ?? "",
    together: said.get("charts") === "one",
    at,
    to: at !== null && to !== null && to > at ? to : null,
  };
}

/** A moment that is past. @param {string | null} text */
function moment(text) {
  const at = Number(text ?? NaN);
  return at > 0 && at < Date.now() / 1000 ? at : null;
}

/**
 * @param {Choice} choice
 * @param {boolean} visit whether the back button leads back from it
 */
export function writeChoice({ names, tags, span, measure, site, together, at, to }, visit) {
  const said = new URLSearchParams();
  // Which log is shown stands there, too, and is none of ours.
  const log = new URLSearchParams(location.search).get("log");
  if (log) said.set("log", log);
  for (const name of names.length ? names : [""]) said.append("name", name);
  for (const tag of tags) said.append("tag", tag);
  said.set("span", span);
  said.set("of", measure);
  if (site) said.set("site", site);
  if (together) said.set("charts", "one");
  if (at !== null) said.set("t", String(Math.floor(at)));
  if (to !== null) said.set("to", String(Math.ceil(to)));
  if (`?${said}` !== location.search) history[visit ? "pushState" : "replaceState"](null, "", `?${said}`);
}

/**
 * Where the series come from as they change, and what is flagged of the site.
 * @param {Choice} choice
 */
export function streamAddress({ names, tags, span, site }) {
  const { minutes, seconds } = SPANS[span] ?? { minutes: 10, seconds: 10 };
  const said = new URLSearchParams({ seconds: String(seconds), minutes: String(minutes) });
  for (const name of names) said.append("name", name);
  for (const tag of tags) said.append("tag", tag);
  if (site) said.set("site", site);
  return `/api/v1/signals/stream?${said}`;
}
