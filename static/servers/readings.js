/**
 * The table beside the charts: a column for each series, a row for each window, the newest on top, as iostat reads.
 *
 * @import {Measure} from "../signals/measures.js"
 * @import {Series} from "../signals/series.js"
 */
import { tagged, value, written } from "../signals/measures.js";

const ROWS = 40;
const COLUMNS = 40;

/**
 * @param {HTMLTableElement} table
 * @param {Series[][]} groups
 * @param {Measure} measure
 * @param {(at: number) => string} time
 * @param {number | null} pointed the moment that is pointed at
 * @param {number} seconds how long windows are
 */
export function showReadings(table, groups, measure, time, pointed, seconds) {
  const columns = groups.flatMap((group) => group.map((series) => ({ series, label: tagged(series, group) }))).slice(0, COLUMNS);
  const moments = [...new Set(columns.flatMap(({ series }) => [...series.windows.keys()]))].sort((one, other) => other - one);
  const before = pointed === null ? 0 : moments.findIndex((at) => at <= pointed);
  const first = before < 0 ? moments.length : before;
  const names = row("th", [""]);
  const tags = row("th", ["time"]);
  /** @type {HTMLTableCellElement | null} */ let over = null;
  for (const { series, label } of columns) {
    if (over?.textContent === series.name) over.colSpan++;
    else names.append((over = cell("th", series.name)));
    tags.append(cell("th", label || (series.type === "c" ? "/s" : series.type === "g" ? "" : measure)));
  }
  const head = document.createElement("thead");
  head.append(names, tags);
  const body = document.createElement("tbody");
  for (const at of moments.slice(first, first + ROWS)) {
    const made = document.createElement("tr");
    const time_ = cell("th", time(at));
    time_.scope = "row";
    made.append(time_);
    for (const { series } of columns) {
      const window = series.windows.get(at);
      made.append(cell("td", window ? written(value(series, window, measure)) : ""));
    }
    if (columns.some(({ series }) => series.filling === at)) made.className = "filling";
    if (pointed !== null && at <= pointed && pointed < at + seconds) made.classList.add("pointed");
    body.append(made);
  }
  table.replaceChildren(head, body);
}

/**
 * @param {"th" | "td"} tag
 * @param {string[]} texts
 */
function row(tag, texts) {
  const made = document.createElement("tr");
  made.append(...texts.map((text) => cell(tag, text)));
  return made;
}

/**
 * @param {"th" | "td"} tag
 * @param {string} text
 */
function cell(tag, text) {
  // A head without words heads nothing.
  const made = document.createElement(text ? tag : "td");
  made.textContent = text;
  if (tag === "th") made.title = text;
  return made;
}
