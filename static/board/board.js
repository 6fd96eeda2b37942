/**
 * The board takes its site from the page, and hands every snapshot to its parts.
 *
 * @import {Dimension, Snapshot} from "../shared/snapshot.js"
 */
import "./session.js";
import { Clock } from "../shared/clock.js";
import { World } from "../shared/world.js";
import { Doctor } from "../setup/doctor.js";
import { Install } from "../setup/install.js";
import { Poll } from "../setup/poll.js";
import "../shared/menus.js";
import "../shared/terms.js";
import { asked, rewrite } from "./address.js";
import { compare } from "./day/compare.js";
import { Day } from "./day/day.js";
import { DayFlags } from "./day/flags.js";
import { Hour } from "./day/hour.js";
import { Replay } from "./day/replay.js";
import { DIMENSIONS } from "./dimensions.js";
import { Filters } from "./filters.js";
import { FullList } from "./lists/full.js";
import { LiveList } from "./lists/list.js";
import { Paths } from "./lists/paths.js";
import { Tabs } from "./lists/tabs.js";
import { Titles } from "./lists/titles.js";
import { Meaning } from "./meaning.js";
import { Moment } from "./moment.js";
import { Now } from "./now.js";
import { Servers } from "./servers.js";
import { Signals } from "./signals/signals.js";
import { BoardSocket } from "./socket.js";
import { Status } from "./status.js";
import { Stream } from "./stream.js";
import { Strip } from "./strip.js";
import { Title } from "./title.js";

const board = /** @type {HTMLElement} */ (document.querySelector("#board"));
const { key = "", domain = "", zone = "UTC" } = board.dataset;

/** @param {string} selector */
const part = (selector) => /** @type {HTMLElement} */ (board.querySelector(selector));

const DOOR_MS = 10_000;
const number = new Intl.NumberFormat("en");
const clock = new Clock(zone);
const now = new Now(part(".now"));
const hour = new Hour(part(".hour"), clock);
const filters = new Filters(/** @type {HTMLElement} */ (document.querySelector("[data-chips]")), refilter);
const day = new Day(part(".day"), clock, `/sites/${key}/curve.json${filters.query}`, compareDay);
const titles = new Titles(/** @type {HTMLButtonElement} */ (part("[data-titles]")), `/sites/${key}/titles.json`, () => {
  for (const list of lists) list.entitle();
  full.entitle();
});
const pages = { title: (/** @type {string} */ name) => titles.title(name), address };
const lists = DIMENSIONS.map((dimension) => (
  new LiveList(part(`[data-list=${dimension}]`), dimension, filters, dimension === "pages" ? pages : undefined)
));
const strip = new Strip(part(".strip"), part("[data-trouble]"));
const world = new World(part(".world"), {
  has: (code) => filters.has("countries", code),
  pick: (code) => filters.toggle("countries", code),
  words: (tabs) => `${number.format(tabs)} ${tabs === 1 ? "tab" : "tabs"}`,
  // By the logarithm, or one large country would leave all others in the same pale shade.
  density: (share, most) => Math.log1p(share * most) / Math.log1p(most),
});
const paths = new Paths(part(".paths"), `/sites/${key}/paths.json`, (kind, name) => {
  if (kind === "page") filters.only("pages", name);
  else filters.toggle("referrers", name);
});
if (part(".by-server")) new Servers(part(".by-server"), clock, `/sites/${key}/servers.json`);
const stream = part(".stream") && new Stream(part(".stream"), clock, filters);
const replay = new Replay(board, clock, () => `/sites/${key}/at.json${filters.query}`, (past) => {
  stream?.past(past?.stream?.rows ?? null);
  const shown = past ?? latest;
  if (shown) draw(shown);
}, (at) => rewrite((query) => (at === null ? query.delete("t") : query.set("t", String(at)))));
const meaning = new Meaning(part("[data-replay]"), key, () => replay.at);
const flags = new DayFlags(part("[data-flags]"), clock, ({ at, id }) => {
  replay.go(at);
  meaning.open(at, { annotation: id });
});
const signals = part("[data-signals]") && new Signals(part("[data-signals]"), key, asked("series"), (names) => rewrite((query) => {
  query.delete("series");
  for (const name of names) query.append("series", name);
}));
if (signals) day.reads = (at) => signals.read(at);
const full = new FullList(/** @type {HTMLTemplateElement} */ (part("[data-full]")), filters, `/sites/${key}/list.json`, () => replay.at, pages);
for (const panel of /** @type {NodeListOf<HTMLElement>} */ (board.querySelectorAll(".panel:has(.tabs)"))) {
  new Tabs(panel, asked("show"), (chosen, others) => rewrite((query) => {
    for (const name of others) query.delete("show", name);
    if (chosen !== others[0]) query.append("show", chosen);
  }));
}
for (const button of board.querySelectorAll(".lists .open")) {
  const list = /** @type {HTMLElement} */ (button.closest(".list"));
  const title = list.querySelector("h2")?.textContent ?? "";
  button.addEventListener("click", () => full.open(/** @type {Dimension} */ (list.dataset.list), title));
}
/** @type {Snapshot | null} */
let latest = null;
const install = new Install(part(".install"), key, () => {
  part(".figures").hidden = false;
  measure();
  watchDoor();
});
if (install.done) watchDoor();
const title = new Title(domain);
const moment = new Moment(board, title, clock);
const status = new Status(board, clock);
day.drawing.go = hour.go = (at) => replay.go(at);
const aloud = part("[data-count-aloud]");
let announcedAt = 0;
let resized = 0;
/** Whether the next snapshot is of other filters. */
let other = false;
/** Whether the day's curve has been there. */
let began = false;

/** What the site refuses while it counts, for those who can do something about it. */
function watchDoor() {
  const root = document.querySelector("#board > [data-doctor]");
  if (!(root instanceof HTMLElement)) return;
  const doctor = new Doctor(root, key, { calm: true });
  new Poll(`/sites/${key}/install.json?refused`, DOOR_MS, (state) => doctor.show(state));
}

function measure() {
  for (const list of lists) list.measure();
}

/** The day's curve is there. */
function compareDay() {
  compare(part("[data-compare]"), day, clock);
  if (day.curve) flags.show(day.curve);
  signals?.update(day.curve);
  if (latest) replay.update(Date.parse(latest.at) / 1000, day.curve);
  if (!began) goBack();
  began = true;
}

/** The past that the address names is shown as soon as there is a day to go back in. */
function goBack() {
  const at = Number(asked("t")[0] ?? 0);
  if (!day.curve || at === Math.floor(replay.at ?? 0)) return;
  if (at) replay.go(at);
  else replay.stop();
}

/** @param {Snapshot} snapshot */
function show(snapshot) {
  latest = snapshot;
  install.update(snapshot);
  const at = Date.parse(snapshot.at);
  day.update(at, snapshot.visitors);
  replay.update(at / 1000, day.curve);
  compare(part("[data-compare]"), day, clock);
  paths.update(filters.pages, filters.query, replay.at);
  if (replay.at === null) draw(snapshot);
  stream?.update(snapshot.stream);
  if (snapshot.system) strip.update(snapshot.system);
  status.seen(snapshot.at);
  if (replay.at === null) announceCount(snapshot.visitors);
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
    // Somebody who goes through the past, or sets a filter, wants each list as it is there.
    if (replay.at !== null || other) list.renew();
  }
  other = false;
  titles.want([...(lists.find(({ dimension }) => dimension === "pages")?.names ?? []), ...full.pages]);
  world.update(snapshot.world);
  full.update();
  moment.say(snapshot, replay.at !== null, filters.query !== "");
  paths.update(filters.pages, filters.query, replay.at);
  day.drawing.mark(replay.at);
  signals?.mark(replay.at);
  meaning.moved(replay.at);
}

/** Where a page is, as far as its name tells. @param {string} name */
function address(name) {
  if (name === "" || name === "(other)") return null;
  return `https://${name.startsWith("/") ? domain : ""}${name}`;
}

function refilter() {
  other = true;
  stream?.refilter();
  socket.go(`/board/${key}${filters.query}`);
  day.go(`/sites/${key}/curve.json${filters.query}`);
  replay.again();
}

/**
 * Screen readers hear the number at most twice a minute, not with every snapshot.
 * @param {number} visitors
 */
function announceCount(visitors) {
  const text = `${number.format(visitors)} ${visitors === 1 ? "visitor" : "visitors"} now`;
  if (performance.now() - announcedAt < 30_000 || aloud.textContent === text) return;
  aloud.textContent = text;
  announcedAt = performance.now();
}

const socket = new BoardSocket(`/board/${key}${filters.query}`, show, (connection) => {
  status.show(connection);
  title.become(connection.state);
});
setInterval(() => document.hidden || status.show(socket.connection), 200);
part("[data-retry]").addEventListener("click", () => socket.wake());
addEventListener("popstate", goBack);
addEventListener("resize", () => {
  cancelAnimationFrame(resized);
  resized = requestAnimationFrame(measure);
});
