/**
 * Small multiples of a day: a row for each name, its lines on the day's axis of time, and their figures of the moment that
 * is read.
 *
 * @import {WholeDay} from "../day/day.js"
 * @import {DayLine} from "./windows.js"
 */
import { colour, drawn, nearest, niceStep, path } from "../../signals/lines.js";
import { tagged, unit, written } from "../../signals/measures.js";
import { LONG, MEASURE, SHORT } from "./windows.js";

const ROWS = 12;
const LINES = 6;
const [WIDTH, HEIGHT] = [1000, 40];

/**
 * @param {HTMLElement} root
 * @param {DayLine[][]} groups
 * @param {WholeDay} day
 * @param {{shown: number | null, read: number | null, tail: number}} moments the second that the board shows, the one that
 *   is pointed at, and from when on windows are short; in seconds since the epoch
 */
export function showRows(root, groups, day, { shown, read, tail }) {
  const x = (/** @type {number} */ at) => ((at / 60 - day.from) / day.minutes) * WIDTH;
  const at = read ?? shown;
  const figure = (/** @type {[number, number][]} */ values) => (
    at === null ? values.at(-1)?.[1] : nearest(values, at, at >= tail ? SHORT : LONG)
  );
  root.replaceChildren(
    ...groups.slice(0, ROWS).map((group) => {
      const lines = group.slice(0, LINES);
      const row = document.createElement("section");
      const svg = plot(lines, x);
      for (const [name, moment] of /** @type {[string, number | null][]} */ ([["moment", shown], ["cursor", read]])) {
        if (moment !== null) svg.append(upright(name, x(moment)));
      }
      row.append(...words(lines, group.length, figure), svg);
      return row;
    }),
  );
}

/**
 * @param {DayLine[]} lines
 * @param {(at: number) => number} x
 */
function plot(lines, x) {
  const figures = lines.flatMap(({ values }) => values.map(([, figure]) => figure));
  const top = niceStep(Math.max(0, ...figures), 1);
  const bottom = Math.min(0, ...figures);
  const y = (/** @type {number} */ figure) => HEIGHT - ((figure - bottom) / (top - bottom)) * HEIGHT;
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  lines.forEach(({ values }, number) => {
    const line = drawn("path", { d: path(values, x, y, LONG) });
    colour(line, number);
    svg.append(line);
  });
  return svg;
}

/**
 * @param {string} name
 * @param {number} x
 */
function upright(name, x) {
  return drawn("line", { class: name, x1: String(x), x2: String(x), y1: "0", y2: String(HEIGHT) });
}

/**
 * @param {DayLine[]} lines
 * @param {number} count of all lines of the name
 * @param {(values: [number, number][]) => number | undefined} figure
 */
function words(lines, count, figure) {
  const [name, of, told] = [document.createElement("h3"), document.createElement("small"), document.createElement("p")];
  const [first] = lines;
  name.textContent = first?.name ?? "";
  const more = count > lines.length ? ` · ${lines.length} of ${count}` : "";
  of.textContent = first ? unit(first, MEASURE) + more : "";
  name.append(" ", of);
  lines.forEach((line, number) => {
    const [part, figures] = [document.createElement("span"), document.createElement("b")];
    colour(part, number);
    figures.textContent = written(figure(line.values));
    if (lines.length > 1) part.append(document.createElement("i"), `${tagged(line, lines)} `);
    part.append(figures);
    told.append(part);
  });
  return [name, told];
}
