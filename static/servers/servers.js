/**
 * `/servers/`: series of servers' datapoints, live, each name in a panel, people above them on the same axis.
 *
 * @import {Choice} from "./choice.js"
 * @import {Measure, Named, Window} from "./measures.js"
 */
import { Clock } from "../shared/clock.js";
import { readChoice, SPANS, streamAddress, writeChoice } from "./choice.js";
import { tagged, unit, value } from "./measures.js";
import { Flags } from "./flags.js";
import { Logs } from "./logs.js";
import { Panel } from "./panel.js";
import { People } from "./people.js";
import { Picker } from "./picker.js";
import { showReadings } from "./readings.js";
import { AllSeries } from "./series.js";

const DRAW_MS = 500;
// Series that end up in one panel: more cannot be told apart.
const LINES = 16;
const PANELS = 24;

const root = /** @type {HTMLElement} */ (document.querySelector("#servers"));
const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(name));
const [panels, table, chips, empty, lost] = [part(".panels"), part("table"), part("[data-chips]"), part("[data-empty]"), part("[data-lost]")];
const [measure, site] = [/** @type {HTMLSelectElement} */ (part("[data-measure]")), /** @type {HTMLSelectElement} */ (part("[data-site]"))];
const clock = new Clock(Intl.DateTimeFormat().resolvedOptions().timeZone);
const all = new AllSeries();
const people = new People();
const flags = new Flags();
/** @type {Map<string, Panel>} */ const drawn = new Map();
/** @type {Choice} */ let choice = readChoice();
/** @type {EventSource | null} */ let stream = null;
/** @type {number | null} */ let pointed = null;
/** How far this machine's clock is from the server's, in seconds. */ let ahead = 0;

const picker = new Picker(part(".picker"), toggle, () => choice.names);

function listen() {
  stream?.close();
  all.clear();
  lost.hidden = true;
  if (!choice.names.length) {
    stream = null;
    return;
  }
  stream = new EventSource(streamAddress(choice));
  stream.addEventListener("snapshot", ({ data }) => {
    /** @type {{series: (Named & {windows: Window[]})[]}} */ const { series } = JSON.parse(data);
    for (const each of series) for (const window of each.windows) all.keep(each, window, true);
    lost.hidden = true;
    draw();
  });
  stream.addEventListener("signal", ({ data }) => {
    /** @type {Named & Window & {seconds: number, ended: boolean}} */ const told = JSON.parse(data);
    all.keep(told, told, told.ended);
    // A window that fills is of this moment, whatever this machine's clock says.
    const now = Date.now() / 1000;
    if (!told.ended && (now - ahead < told.at || now - ahead > told.at + 2 * told.seconds)) ahead = now - told.at - told.seconds / 2;
    lost.hidden = true;
  });
  stream.addEventListener("error", () => {
    lost.hidden = false;
    // Refused, and not just broken: the browser does not try again by itself.
    if (stream?.readyState === EventSource.CLOSED) setTimeout(listen, 10_000);
  });
}

function draw() {
  if (document.hidden) return;
  const { minutes, seconds } = SPANS[choice.span] ?? { minutes: 10, seconds: 10 };
  const until = Date.now() / 1000 - ahead;
  const since = until - minutes * 60;
  all.forget(since - seconds);
  const groups = all.groups().slice(0, PANELS);
  const shown = new Set();
  const raised = flags.within(since, until);
  if (choice.site) {
    const called = site.selectedOptions[0]?.textContent ?? "";
    const panel = panelOf("people", `People on ${called}`, shown);
    const apart = Math.max(seconds, 60);
    panel.show([{ label: "visitors at once", values: people.values(since), live: true }], "", { since, until, seconds: apart }, raised, pointed);
  }
  for (const group of groups) {
    const [first] = group;
    if (!first) continue;
    const lines = group.slice(0, LINES).map((series) => ({
      label: tagged(series, group) || "all",
      values: [...series.windows.values()]
        .sort((one, other) => one.at - other.at)
        .flatMap((window) => {
          const figure = value(series, window, choice.measure);
          return figure === undefined ? [] : [/** @type {[number, number]} */ ([window.at, figure])];
        }),
    }));
    const more = group.length > LINES ? ` · ${LINES} of ${group.length}` : "";
    panelOf(`${first.name}\n${first.type}`, first.name, shown).show(lines, unit(first, choice.measure) + more, { since, until, seconds }, raised, pointed);
  }
  for (const [key, panel] of drawn) {
    if (shown.has(key)) continue;
    panel.root.remove();
    drawn.delete(key);
  }
  [...shown].forEach((key, place) => {
    const panel = drawn.get(key)?.root;
    if (panel && panels.children[place] !== panel) panels.insertBefore(panel, panels.children[place] ?? null);
  });
  empty.hidden = groups.length > 0;
  label(since, until);
  part("[data-flags]").replaceChildren(...raised.map(({ at, text }) => flag(at, text)));
  const time = (/** @type {number} */ at) => (seconds < 600 ? clock.second(at * 1000) : clock.minute(at / 60));
  showReadings(/** @type {HTMLTableElement} */ (table), groups, choice.measure, time, pointed, seconds);
}

/**
 * @param {number} at
 * @param {string} text
 */
function flag(at, text) {
  const item = document.createElement("li");
  const time = document.createElement("b");
  time.textContent = clock.minute(at / 60);
  const words = document.createElement("span");
  words.textContent = text;
  item.append(time, words);
  return item;
}

/**
 * @param {string} key
 * @param {string} title
 * @param {Set<string>} shown
 */
function panelOf(key, title, shown) {
  shown.add(key);
  const panel =
    drawn.get(key) ??
    new Panel(title, (at) => {
      pointed = at;
      draw();
    });
  drawn.set(key, panel);
  return panel;
}

/**
 * @param {number} since
 * @param {number} until
 */
function label(since, until) {
  const long = until - since > 86_400;
  const texts = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = since + share * (until - since);
    const day = long ? `${new Date(at * 1000).toLocaleDateString("en", { weekday: "short" })} ` : "";
    return day + (until - since > 3600 ? clock.minute(at / 60) : clock.second(at * 1000));
  });
  part(".ticks").replaceChildren(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  part(".moment").textContent = pointed === null ? "now" : `at ${clock.second(pointed * 1000)}`;
}

/** Show a name, or no more. @param {string} name */
function toggle(name) {
  change({ names: choice.names.includes(name) ? choice.names.filter((each) => each !== name) : [...choice.names, name] });
}

/** @param {Partial<Choice>} changes */
function change(changes) {
  const before = streamAddress(choice);
  choice = { ...choice, ...changes };
  writeChoice(choice);
  settle();
  if (streamAddress(choice) !== before) listen();
  draw();
}

/** The controls say what is chosen. */
function settle() {
  measure.value = choice.measure;
  site.value = choice.site;
  people.go(site.value);
  flags.go(site.value);
  for (const button of root.querySelectorAll("[data-span]")) {
    button.ariaPressed = String(/** @type {HTMLElement} */ (button).dataset.span === choice.span);
  }
  const parts = [
    ...choice.names.map((name) => chip(name, () => toggle(name))),
    ...choice.tags.map((tag) => chip(tag, () => change({ tags: choice.tags.filter((each) => each !== tag) }))),
  ];
  chips.replaceChildren(...parts);
}

/**
 * @param {string} text
 * @param {() => void} remove
 */
function chip(text, remove) {
  const item = document.createElement("li");
  const label = document.createElement("span");
  const button = document.createElement("button");
  label.textContent = text;
  button.type = "button";
  button.textContent = "×";
  button.ariaLabel = `Show ${text} no more`;
  button.addEventListener("click", remove);
  item.append(label, button);
  return item;
}

for (const button of root.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => change({ span: /** @type {HTMLElement} */ (button).dataset.span ?? "10m" }));
}
measure.addEventListener("change", () => change({ measure: /** @type {Measure} */ (measure.value) }));
site.addEventListener("change", () => change({ site: site.value }));
part("details").addEventListener("toggle", () => picker.ask());
// A stream held open would keep the page out of the back/forward cache.
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && listen());
document.addEventListener("visibilitychange", draw);
settle();
listen();
draw();
setInterval(draw, DRAW_MS);
new Logs(part("[data-logs]"));
