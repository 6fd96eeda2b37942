/**
 * The reports of a site: what is chosen stands in the address, and each part asks the server its own question.
 *
 * @import {Answer} from "./ask.js"
 */
import { Clock } from "../shared/clock.js";
import "../shared/menus.js";
import "../shared/terms.js";
import { Asking } from "./ask.js";
import { Chart } from "./chart.js";
import { Chips } from "./chips.js";
import { Choice } from "./choice.js";
import { Detail } from "./detail.js";
import { Figures } from "./figures.js";
import { Flags } from "./flags.js";
import { Heat } from "./heat.js";
import { ImportedNote, withImported } from "./imported.js";
import { Measured, PRESENCE } from "./measured.js";
import { OneTable } from "./one_table.js";
import { PERIODS, Periods } from "./periods.js";
import { Places } from "./places.js";
import { Rare } from "./rare.js";
import { Saving } from "./saving.js";
import { Segments } from "./segments.js";
import { Sheet } from "./sheet.js";
import { Table } from "./table.js";
import { Ways } from "./ways.js";
import { count, day } from "./words.js";

const AGAIN_MS = 30_000;
// For how long tables wait for the figures: longer than these do for days that are being prepared.
const FIRST_MS = 1_500;
// How long until days that were being prepared are asked for again.
const PREPARING_MS = 1_500;

const root = /** @type {HTMLElement} */ (document.querySelector("#reports"));
const { key = "", zone = "UTC", dimensions = "" } = root.dataset;

/** @param {string} selector */
const part = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

const clock = new Clock(zone);
const choice = new Choice(dimensions.split(","), () => update());
/** @param {string} problem */
const fail = (problem) => {
  const banner = part("[data-problem]");
  banner.hidden = problem === "";
  if (problem) /** @type {HTMLElement} */ (banner.firstElementChild).textContent = problem;
};
const asking = new Asking(`/api/v1/sites/${key}/stats`, root, fail);
const saving = new Saving(`/api/v1/sites/${key}`, part("[data-undo]"), fail);
const segments = new Segments(root, JSON.parse(root.dataset.segments ?? "[]"), choice, saving);
const periods = new Periods(part(".choose"), choice);
const ways = new Ways(key, JSON.parse(root.dataset.live ?? "{}"), choice, segments);
const chips = new Chips(part(".filters"), choice, asking, () => periods.query, segments);
const sheet = new Sheet(part(".choose"), choice);
const measured = new Measured(part(".under"), choice);
const figures = new Figures(part(".figures"), (measure) => measured.choose(measure));
// Escape undoes a zoom, and leads nowhere else.
let zooms = 0;
const chart = new Chart(part(".chart"), (from, to) => {
  zooms++;
  periods.between(from, to);
});
const flags = new Flags(part(".chart"), chart, saving, { key, zone }, "owner" in root.dataset);
const heat = new Heat(part(".heat"), choice);
const note = new ImportedNote(part("[data-imported]"), choice);
const tables = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-table]"))].map(
  (table) => new Table(table, asking, choice, () => questionOf(table.dataset.table ?? "")),
);
const where = tables.find((table) => table.map);
const places = where && new Places(where, asking, choice);
const rare = new Rare(root, asking, choice, () => periods.query);
const detail = new Detail(root, choice, asking, `/api/v1/sites/${key}/stays`);
const oneTable = new OneTable(part(".one-table"), document.querySelectorAll("[data-part]"), choice, () => update());
for (const button of document.querySelectorAll("[data-interval]")) {
  button.addEventListener("click", () => choice.set({ interval: /** @type {HTMLElement} */ (button).dataset.interval ?? null }));
}

/** @type {Answer | null} */ let shown = null;
/** @type {Answer | null} */ let presence = null;
// What was asked last, without tabs and measures, which need no other answer.
let asked = "";
// How often everything was asked, and the figures alone.
let runs = 0;
let series = 0;

/** The period, the filters, and what is compared. @param {boolean} compared */
function question(compared) {
  const query = periods.query;
  const how = choice.get("compare", "previous");
  if (compared && how !== "none") query.set("compare", how);
  const { detail: page } = choice;
  for (const [name, value] of choice.filterQuery) if (!page || name !== "page") query.append(name, value);
  if (page) query.set("page", page);
  if (choice.segment) query.set("segment", choice.segment);
  if (choice.goal) query.set("conversion", choice.goal);
  if (choice.get("imported", "yes") === "no") query.set("imported", "no");
  return query;
}

/**
 * What a table asks: of one page, sources are of visits that began with it.
 * @param {string} name of the table
 */
function questionOf(name) {
  const query = question(true);
  if (name === "entered") {
    query.delete("page");
    query.set("entry_page", choice.detail);
  }
  return query;
}

async function update(again = false) {
  chips.show();
  sheet.show();
  detail.show();
  segments.show();
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-of-goal]"))) {
    each.hidden = !choice.goal;
  }
  oneTable.show();
  measured.show();
  ways.point();
  const query = question(true);
  const interval = choice.get("interval", "");
  if (interval) query.set("interval", interval);
  const text = `${query} ${choice.detail}`;
  if (text === asked && !again) {
    draw();
    if (shown && measured.asked.some((name) => !(name in (shown?.totals ?? {})))) askFigures(query);
    if (presence && measured.present.some((name) => !(name in (presence?.totals ?? {})))) askPresence(query);
    for (const table of tables) if (table.shown && state(table) !== last.get(table)) turn(table);
    if (where?.shown) places?.update(false);
    if (heat.shown && heat.measure !== hours) week();
    if (detail.due) detail.update(question(false), Promise.resolve(shown?.compared));
    return;
  }
  asked = text;
  for (const table of tables) if (!again || !table.shown) last.delete(table);
  hours = "";
  asking.begin();
  asking.busy(1);
  await askAll(query, again);
  asking.busy(-1);
  if (asked === text && shown?.preparing) setTimeout(() => asked === text && !document.hidden && update(true), PREPARING_MS);
}

/**
 * @param {URLSearchParams} query
 * @param {boolean} again the same as before
 */
async function askAll(query, again) {
  const run = ++runs;
  presence = again ? presence : null;
  const first = askFigures(query);
  // Figures come first: tables that were asked beside them would take of the same processors.
  await Promise.race([first, new Promise((over) => setTimeout(over, FIRST_MS))]);
  if (run !== runs) return;
  const seen = tables.filter((table) => table.shown);
  const others = [where?.shown && places?.update(true), heat.shown && week(), rare.update().then(() => oneTable.show())];
  await Promise.all([first, ...seen.map(turn), ...others, detail.update(question(false), first.then(() => shown?.compared))]);
  if (run === runs) await askPresence(query);
}

/** @param {URLSearchParams} query */
async function askFigures(query) {
  const number = ++series;
  const wanted = new URLSearchParams(query);
  wanted.set("metrics", measured.asked.join(","));
  const answer = await asking.ask(wanted, true);
  if (!answer || number !== series) return;
  shown = answer;
  figures.show(answer);
  periods.show(answer);
  tell(answer);
  draw();
}

/** @param {URLSearchParams} query */
async function askPresence(query) {
  const { present } = measured;
  const sweep = new URLSearchParams(query);
  sweep.set("metrics", present.join(","));
  const answer = await asking.ask(sweep);
  if (!answer || present !== measured.present) return;
  presence = answer;
  figures.show(answer);
  draw();
}

/** What tables show. @type {Map<Table, string>} */
const last = new Map();
// Of what the hours of the week are.
let hours = "";

/** The dimension and the columns of a table. @param {Table} table */
function state(table) {
  return [table.dimension, ...table.measures].join(" ");
}

/** The hours of the week. */
async function week() {
  hours = heat.measure;
  heat.point();
  const query = question(false);
  query.set("by", "weekday_hour");
  query.set("metrics", heat.measures.join(","));
  const answer = await asking.ask(query, hours !== "views");
  if (answer && hours === heat.measure) heat.show(answer);
}

/** @param {Table} table */
function turn(table) {
  const renewed = last.get(table) !== state(table);
  last.set(table, state(table));
  return renewed ? table.renew() : table.update();
}

function draw() {
  const { first: measure, second } = measured;
  figures.choose(measure);
  const answer = PRESENCE.includes(measure) ? presence : shown;
  if (!answer) return;
  const interval = answer.period.interval ?? "day";
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-interval]"))) {
    button.ariaPressed = String(button.dataset.interval === interval);
  }
  const others = PRESENCE.includes(second) ? presence : shown;
  const beside = others && others !== answer ? withImported(others, interval) : [];
  const rows = withImported(answer, interval).map((row, at) => ({
    ...beside[at],
    ...row,
    imported: { ...beside[at]?.imported, ...row.imported },
  }));
  // The day is over where its last moment lies before what was looked at.
  const running = answer.period.to >= today(answer.as_of);
  const other = others ? second : "";
  const { from, to } = answer.period;
  const { counted_from: counted, preparing } = answer;
  chart.show({ interval, measure, second: other, rows, running, from, to, counted: counted ?? "", preparing });
  if (shown) note.show(shown, [measure, second]);
  flags.show();
}

/** @param {string} moment */
function today(moment) {
  return new Date(moment).toLocaleDateString("sv-SE", { timeZone: zone });
}

/** @param {Answer} answer */
function tell(answer) {
  const { preparing, totals, imported, compared, period } = answer;
  const counted = answer.counted_from?.slice(0, 10) ?? "";
  const early = (compared ?? period).from < counted && !imported?.days;
  const none = early ? `nothing before ${day(counted)}, when counting began · ` : "";
  part("[data-as-of]").textContent = `${none}as of ${clock.second(Date.parse(answer.as_of))}`;
  const nobody = part("[data-nobody]");
  nobody.hidden = totals.visits !== 0 || Boolean(preparing) || Boolean(imported?.days && !imported.left_out);
  const kept = choice.segment ? " who is of this segment" : choice.filters.length ? " whom these filters keep" : "";
  const never = counted ? "in these days" : "of this site: its snippet is on no page, or nobody came to one";
  nobody.textContent = !counted || period.to < counted ? `Nothing was counted yet ${never}.` : `Nobody came in these days${kept}.`;
  part("[data-preparing]").hidden = !preparing;
  if (preparing) {
    part("[data-preparing] p").textContent =
      preparing.days === 1
        ? `${day(preparing.from)} is being prepared: it is not in these figures yet.`
        : `${count(preparing.days)} days from ${day(preparing.from)} to ${day(preparing.to)} are being prepared: they are not in these figures yet.`;
  }
}

/** @type {Record<string, () => void>} */
const KEYS = {
  ArrowLeft: () => shown && periods.step(-1, shown.period),
  ArrowRight: () => shown && periods.step(1, shown.period),
  c: () => periods.turn(),
  o: () => /** @type {HTMLElement | null} */ (document.querySelector("tr:focus-within .in-detail") ?? document.querySelector("tr:hover .in-detail"))?.click(),
  f: () => {
    sheet.open();
    chips.open();
  },
  "/": () => /** @type {HTMLElement | null} */ (document.querySelector("[data-table]:hover [type=search]") ?? document.querySelector("[data-table]:not([hidden]) [type=search]"))?.focus(),
  "?": () => /** @type {HTMLDialogElement} */ (part("[data-keys]")).showModal(),
};
for (const [name, , letter] of PERIODS) if (letter) KEYS[letter] = () => periods.go(name);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  const { target } = event;
  if (target instanceof HTMLElement && target.closest("input, textarea, select")) return;
  if (event.key === "Escape" && zooms && choice.query.has("from") && !document.querySelector("details[open]")) {
    zooms--;
    history.back();
    return;
  }
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
part("[data-show-keys]").addEventListener("click", () => /** @type {HTMLDialogElement} */ (part("[data-keys]")).showModal());

setInterval(() => {
  if (!document.hidden && shown && shown.period.to >= today(new Date().toISOString())) update(true);
}, AGAIN_MS);
update();
flags.load();
ways.now();
