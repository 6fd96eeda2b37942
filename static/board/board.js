/**
 * The board: takes its site from the page, and hands every snapshot to its parts.
 *
 * @import {Snapshot} from "./snapshot.js"
 */
import "./menus.js";
import { Clock } from "./clock.js";
import { compare } from "./compare.js";
import { Day } from "./day.js";
import { Filters } from "./filters.js";
import { Hour } from "./hour.js";
import { Install } from "./install.js";
import { LiveList } from "./list.js";
import { Now } from "./now.js";
import { Paths } from "./paths.js";
import { Replay } from "./replay.js";
import { DIMENSIONS, visited } from "./snapshot.js";
import { BoardSocket } from "./socket.js";
import { Status } from "./status.js";
import { Strip } from "./strip.js";
import "./terms.js";
import { World } from "./world.js";

const board = /** @type {HTMLElement} */ (document.querySelector("#board"));
const { key = "", domain = "", zone = "UTC" } = board.dataset;

/** @param {string} selector */
const part = (selector) => /** @type {HTMLElement} */ (board.querySelector(selector));

const clock = new Clock(zone);
const now = new Now(part(".now"));
const hour = new Hour(part(".hour"), clock);
const filters = new Filters(/** @type {HTMLElement} */ (document.querySelector("[data-chips]")), refilter);
const day = new Day(part(".day"), clock, `/sites/${key}/curve.json${filters.query}`, () => compare(part("[data-compare]"), day, clock));
const lists = DIMENSIONS.map((dimension) => new LiveList(part(`[data-list=${dimension}]`), dimension, filters));
const strip = new Strip(part(".strip"), part("[data-trouble]"));
const world = new World(part(".world"));
const paths = new Paths(part(".paths"), `/sites/${key}/paths.json`);
const replay = new Replay(board, clock, () => `/sites/${key}/at.json${filters.query}`, (past) => {
  const shown = past ?? latest;
  if (shown) draw(shown);
});
/** @type {Snapshot | null} */
let latest = null;
const install = new Install(part(".install"), () => {
  part(".figures").hidden = false;
  measure();
});
const status = new Status(board, clock);
const aloud = part("[data-count-aloud]");
let saidAt = 0;
let resized = 0;

function measure() {
  for (const list of lists) list.measure();
}

/** @param {Snapshot} snapshot */
function show(snapshot) {
  latest = snapshot;
  if (visited(snapshot)) install.found(snapshot.pages[0]?.name ?? "");
  const at = Date.parse(snapshot.at);
  day.update(at, snapshot.visitors);
  replay.update(at / 1000, day.curve);
  compare(part("[data-compare]"), day, clock);
  paths.update(filters.pages, filters.query, replay.at);
  if (replay.at === null) draw(snapshot);
  strip.update(snapshot.system);
  status.seen(snapshot.at);
  document.title = `${snapshot.visitors} · ${domain}`;
  sayCount(snapshot.visitors);
}

/**
 * What is told of one moment, now or past.
 * @param {Snapshot} snapshot
 */
function draw(snapshot) {
  now.update(snapshot);
  hour.update(snapshot.minutes);
  for (const list of lists) {
    list.update(snapshot[list.dimension], snapshot.totals[list.dimension], snapshot.tabs);
  }
  world.update(snapshot.world);
  empty(snapshot);
}

function refilter() {
  socket.go(`/board/${key}${filters.query}`);
  day.go(`/sites/${key}/curve.json${filters.query}`);
  replay.again();
}

/** @param {Snapshot} snapshot */
function empty({ tabs, minutes }) {
  part(".lists").hidden = tabs === 0;
  part("[data-empty]").hidden = tabs > 0;
  if (tabs > 0) return;
  part("[data-empty] h2").textContent = filters.query ? "Nobody here fits these filters right now" : "Nobody here right now";
  const last = minutes.views.findLastIndex((count) => count > 0);
  const back = minutes.views.length - 1 - last;
  const when = back === 0 ? "within the last minute" : `${back} min ago`;
  part("[data-last]").textContent =
    last < 0 ? "No page view in the last 60 minutes." : `Last page view ${when}, at ${clock.minute(minutes.to - back)}.`;
}

/**
 * Screen readers hear the number at most twice a minute, not with every snapshot.
 * @param {number} visitors
 */
function sayCount(visitors) {
  const text = `${visitors} ${visitors === 1 ? "visitor" : "visitors"} now`;
  if (performance.now() - saidAt < 30_000 || aloud.textContent === text) return;
  aloud.textContent = text;
  saidAt = performance.now();
}

const socket = new BoardSocket(`/board/${key}${filters.query}`, show, (line) => status.show(line));
setInterval(() => document.hidden || status.show(socket.line), 200);
part("[data-retry]").addEventListener("click", () => socket.wake());
addEventListener("resize", () => {
  cancelAnimationFrame(resized);
  resized = requestAnimationFrame(measure);
});
