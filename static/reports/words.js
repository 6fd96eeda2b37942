/**
 * Figures, moments and changes as people read them, and names of dimensions and measures.
 *
 * @import {Dimension} from "../shared/snapshot.js"
 * @typedef {"number" | "rate" | "share" | "ratio" | "seconds" | "percent" | "money"} Kind
 */
import { readableHost } from "../shared/hosts.js";
import { label } from "../shared/names.js";

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const ratio = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 2 });

/** What each measure is called, and how it is written. @type {Record<string, [string, Kind]>} */
export const MEASURES = {
  visitors: ["Visitors", "number"],
  visits: ["Visits", "number"],
  views: ["Views", "number"],
  views_per_visit: ["Views / visit", "ratio"],
  engaged_seconds: ["Engaged / view", "seconds"],
  visit_seconds: ["Visit lasted", "seconds"],
  open_seconds: ["Open / view", "seconds"],
  depth: ["Scrolled", "percent"],
  open_seconds_median: ["Open / view, median", "seconds"],
  engaged_seconds_median: ["Engaged / view, median", "seconds"],
  engaged_seconds_per_visit: ["Engaged / visit", "seconds"],
  visit_seconds_median: ["Visit lasted, median", "seconds"],
  single_page_rate: ["Of one page", "rate"],
  bounce_rate: ["Bounce rate", "rate"],
  at_once_peak: ["At once, peak", "number"],
  at_once_mean: ["At once, mean", "ratio"],
  events: ["Events", "number"],
  value: ["Value", "money"],
  conversions: ["Conversions", "number"],
  conversion_rate: ["Rate", "share"],
  goal_value: ["Worth", "money"],
};

/** Names of a dimension that lists of the board have, too. @type {Record<string, Dimension>} */
const ALIKE = {
  page: "pages",
  previous_page: "pages",
  next_page: "pages",
  entry_page: "pages",
  exit_page: "pages",
  referrer: "referrers",
  channel: "channels",
  country: "countries",
  device: "devices",
  utm_campaign: "campaigns",
};
/** @type {Record<string, string>} */
const NONE = { previous_page: "Began here", next_page: "Nowhere else", currency: "No currency", host: "Unknown", server: "No server" };
const languages = new Intl.DisplayNames("en", { type: "language", fallback: "code" });

/**
 * @param {string} dimension
 * @param {string} name
 */
export function named(dimension, name) {
  const none = name === "" && NONE[dimension];
  if (none) return none;
  const alike = ALIKE[dimension];
  if (alike) return label(alike, name);
  if (name === "") return "None";
  if (dimension === "host") return readableHost(name);
  if (dimension === "language") {
    try {
      return languages.of(name) ?? name;
    } catch {
      return name;
    }
  }
  return name;
}

/**
 * @param {string} measure
 * @param {number | null | undefined} value
 */
export function figure(measure, value) {
  if (value === null || value === undefined) return "–";
  const kind = MEASURES[measure]?.[1] ?? "number";
  if (kind === "rate") return `${Math.round(value * 100)} %`;
  if (kind === "share") return `${(value * 100).toFixed(1)} %`;
  if (measure === "goal_value" && !value) return "–";
  if (kind === "ratio" || kind === "money") return ratio.format(value);
  if (kind === "seconds") return lasted(value);
  if (kind === "percent") return `${Math.round(value)} %`;
  return whole.format(value);
}

/**
 * On an axis, or where there is little room.
 * @param {string} measure
 * @param {number} value
 */
export function brief(measure, value) {
  return MEASURES[measure]?.[1] === "number" ? short.format(value) : figure(measure, value);
}

/** @param {number} seconds */
export function lasted(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const rounded = Math.round(seconds);
  if (rounded >= 3600) return `${Math.floor(rounded / 3600)} h ${String(Math.floor((rounded % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(rounded / 60)} min ${String(rounded % 60).padStart(2, "0")} s`;
}

/**
 * "+12 %", "−3 pt", "−2.0 s", "as before"; "" where there is nothing to compare with.
 * @param {string} measure
 * @param {number | null | undefined} now
 * @param {number | null | undefined} before
 */
export function change(measure, now, before) {
  if (now === null || now === undefined || before === null || before === undefined) return "";
  const kind = MEASURES[measure]?.[1];
  const by = now - before;
  const sign = by < 0 ? "−" : "+";
  if (kind === "rate" || kind === "share") {
    const digits = kind === "share" ? 1 : 0;
    const points = Math.abs(by * 100).toFixed(digits);
    return Number(points) === 0 ? "as before" : `${sign}${points} pt`;
  }
  if (kind === "percent") return Math.abs(by) < 0.5 ? "as before" : `${sign}${Math.round(Math.abs(by))} pt`;
  if (kind === "seconds") return Math.abs(by) < 0.05 ? "as before" : `${sign}${lasted(Math.abs(by))}`;
  if (before === 0) return now === 0 ? "as before" : "none before";
  const share = Math.round((by / before) * 100);
  return share === 0 ? "as before" : `${sign}${whole.format(Math.abs(share))} %`;
}

/**
 * A sum in a currency, "€49.90"; as it is where that is none.
 * @param {number} value
 * @param {string} currency
 */
export function money(value, currency) {
  if (/^[A-Z]{3}$/.test(currency)) {
    return value.toLocaleString("en", { style: "currency", currency, notation: Math.abs(value) < 100_000 ? "standard" : "compact" });
  }
  return [ratio.format(value), currency].filter(Boolean).join(" ");
}

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

const DAY = { day: "numeric", month: "short" };

/**
 * A day "2026-11-26" as "26 Nov", with its year where it is not this one.
 * @param {string} text
 * @param {Intl.DateTimeFormatOptions} [more]
 */
export function day(text, more = {}) {
  const at = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  const year = at.getUTCFullYear() === new Date().getUTCFullYear() ? {} : { year: "numeric" };
  return at.toLocaleDateString("en-GB", /** @type {any} */ ({ ...DAY, ...year, ...more, timeZone: "UTC" }));
}

/**
 * The label of a bucket: a minute or hour with its offset, a day, the Monday of a week, or a month.
 * @param {string} interval
 * @param {string} text
 */
export function moment(interval, text) {
  if (interval === "month") {
    const at = new Date(`${text}-01T00:00:00Z`);
    return at.toLocaleDateString("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });
  }
  if (interval === "week") return `week of ${day(text)}`;
  if (interval === "day") return day(text, { weekday: "short" });
  return `${day(text, { weekday: "short" })} ${text.slice(11, 16)}`;
}

/**
 * "28 Oct – 26 Nov"
 * @param {string} from
 * @param {string} to
 */
export function span(from, to) {
  return from === to ? day(from, { weekday: "short" }) : `${day(from)} – ${day(to)}`;
}
