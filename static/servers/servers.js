/**
 * `/servers/`: series of servers' datapoints, live, each name in a panel, people above them on the same axis; or all of
 * them as they were at a moment of the past.
 *
 * @import {Choice} from "./choice.js"
 * @import {Measure, Named, Window} from "../signals/measures.js"
 * @import {Frame} from "./panel.js"
 */
import { Clock } from "../shared/clock.js";
import { fits, MOST, readChoice, SPANS, streamAddress, writeChoice } from "./choice.js";
import { tagged, unit, value } from "../signals/measures.js";
import { Flags } from "./flags.js";
import { Logs } from "./logs.js";
import { Panel } from "./panel.js";
import { Past } from "./past.js";
import { People } from "./people.js";
import { Picker } from "../signals/picker.js";
import { showReadings } from "./readings.js";
import { AllSeries } from "../signals/series.js";
import { Then } from "./then.js";

const DRAW_MS = 500;
const AGAIN_MS = 10_000;
const LOST = "No connection to Footfall; trying again.";
// Series that end up in one panel: more cannot be told apart.
const LINES = 24;
const PANELS = 24;

const root = /** @type {HTMLElement} */ (document.querySelector("#servers"));
const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(name));
const [panels, table, chips, empty, lost] = [part(".panels"), part("table"), part("[data-chips]"), part("[data-empty]"), part("[data-lost]")];
const [measure, site] = [/** @type {HTMLSelectElement} */ (part("[data-measure]")), /** @type {HTMLSelectElement} */ (part("[data-site]"))];
const together = part("[data-together]");
const clock = new Clock(Intl.DateTimeFormat().resolvedOptions().timeZone);
const all = new AllSeries();
const people = new People();
const flags = new Flags();
/** @type {Map<string, Panel>} */ const drawn = new Map();
/** @type {Choice} */ let choice = offered();
/** @type {EventSource | null} */ let stream = null;
/** @type {number | null} */ let pointed = null;
/** How far this machine's clock is from the server's, in seconds. */ let ahead = 0;

const kept = (root.dataset.kept ?? "").split(" ").map((each) => /** @type {[number, number]} */ (each.split(":").map(Number)));
const past = new Past(new Map(kept), draw, (sentence) => say(sentence, "past"));
const then = new Then(part("[data-past]"), /** @type {HTMLInputElement} */ (part("[data-moment]")), (chosen) => change(chosen ?? { at: null, to: null }));
/** What is on the screen. @type {Frame} */ let frame = liveFrame();

const picker = new Picker(part(".picker"), toggle, () => choice.names);

/**
 * Say what is the matter.
 * @param {string} sentence "" for nothing any more
 * @param {"stream" | "past" | "choice"} of which of them it is the matter with
 */
function say(sentence, of) {
  if (!sentence && lost.dataset.of !== of) return;
  lost.dataset.of = of;
  lost.hidden = !sentence;
  /** @type {HTMLElement} */ (lost.querySelector("p")).textContent = sentence;
}

/** Why a stream is refused, in its own words. @param {string} address */
async function refusal(address) {
  const asking = new AbortController();
  try {
    const answer = await fetch(address, { cache: "no-store", signal: asking.signal });
    return answer.ok ? "" : String((await answer.json()).error ?? "");
  } catch {
    return "";
  } finally {
    asking.abort();
  }
}

/** What the address says, of a site that is offered. */
function offered() {
  const said = readChoice();
  return [...site.options].some(({ value }) => value === said.site) ? said : { ...said, site: "" };
}

function listen() {
  stream?.close();
  all.clear();
  say("", "stream");
  if (!choice.names.length) {
    stream = null;
    return;
  }
  stream = new EventSource(streamAddress(choice));
  stream.addEventListener("snapshot", ({ data }) => {
    /** @type {{series: (Named & {windows: Window[]})[]}} */ const { series } = JSON.parse(data);
    for (const each of series) for (const window of each.windows) all.keep(each, window, true);
    say("", "stream");
    draw();
  });
  stream.addEventListener("signal", ({ data }) => {
    /** @type {Named & Window & {seconds: number, ended: boolean}} */ const told = JSON.parse(data);
    all.keep(told, told, told.ended);
    // A window that fills is of this moment, whatever this machine's clock says.
    const now = Date.now() / 1000;
    if (!told.ended && (now - ahead < told.at || now - ahead > told.at + 2 * told.seconds)) ahead = now - told.at - told.seconds / 2;
    say("", "stream");
  });
  stream.addEventListener("flag", ({ data }) => {
    flags.add(JSON.parse(data));
    draw();
  });
  const opened = stream;
  opened.addEventListener("error", async () => {
    if (opened !== stream) return;
    say(LOST, "stream");
    if (opened.readyState !== EventSource.CLOSED) return;
    // Refused, and not just broken: the browser does not try again by itself.
    setTimeout(() => opened === stream && listen(), AGAIN_MS);
    const sentence = await refusal(opened.url);
    if (sentence && opened === stream) say(sentence, "stream");
  });
}

/** @returns {Frame} */
function liveFrame() {
  const { minutes, seconds } = SPANS[choice.span] ?? { minutes: 10, seconds: 10 };
  const until = Date.now() / 1000 - ahead;
  return { since: until - minutes * 60, until, seconds };
}

function draw() {
  if (document.hidden) return;
  const live = liveFrame();
  all.forget(live.since - live.seconds);
  const there = people.values(live.since);
  frame = choice.at === null ? live : past.frame;
  const { since, until, seconds } = frame;
  const groups = (choice.at === null ? all : past.series).groups().slice(0, PANELS);
  const shown = new Set();
  const raised = flags.within(since, until);
  const chosen = choice.at === null ? null : { at: choice.at, to: choice.to };
  const read = pointed ?? choice.at;
  if (choice.site) {
    const called = site.selectedOptions[0]?.textContent ?? "";
    const panel = panelOf("people", `People on ${called}`, shown);
    const apart = Math.max(seconds, choice.at === null ? 60 : past.apart);
    const values = choice.at === null ? there : past.people;
    panel.show([{ label: "visitors at once", values, of: choice.at === null ? "people live" : "people" }], "", { since, until, seconds: apart }, raised, read, chosen);
  }
  const behind = choice.site ? { values: choice.at === null ? there : past.people, seconds } : null;
  for (const group of choice.together && groups.length ? [groups.flat()] : groups) {
    const [first] = group;
    if (!first) continue;
    const units = new Set(group.map((series) => unit(series, choice.measure)));
    const names = new Set(group.map((series) => series.name));
    const lines = group.slice(0, LINES).map((series) => ({
      label: [...(names.size > 1 ? [series.name] : []), tagged(series, group.filter(({ name }) => name === series.name))].filter(Boolean).join(" ") || "all",
      values: [...series.windows.values()]
        .sort((one, other) => one.at - other.at)
        .flatMap((window) => {
          const figure = value(series, window, choice.measure);
          // In its middle, so that what is read of a moment is the window that holds it.
          return figure === undefined ? [] : [/** @type {[number, number]} */ ([Math.min(window.at + seconds / 2, until), figure])];
        }),
    }));
    const own = units.size > 1;
    const more = group.length > LINES ? ` · ${LINES} of ${group.length}` : "";
    const [key, title] = names.size > 1 ? ["together", "All on one chart"] : [`${first.name}\n${first.type}`, first.name];
    const words = own ? "each by a scale of its own" : unit(first, choice.measure);
    panelOf(key, title, shown).show(lines, words + more, frame, raised, read, chosen, { own, behind });
  }
  for (const [key, panel] of drawn) {
    if (shown.has(key)) continue;
    drawn.delete(key);
    // What is read of it by keyboard is not any more, which draws at once.
    panel.root.remove();
  }
  [...shown].forEach((key, place) => {
    const panel = drawn.get(key)?.root;
    if (panel && panels.children[place] !== panel) panels.insertBefore(panel, panels.children[place] ?? null);
  });
  empty.hidden = groups.length > 0;
  label(since, until);
  part("[data-flags]").replaceChildren(...raised.map(({ at, text }) => flag(at, text)));
  const time = (/** @type {number} */ at) => (seconds < 600 ? clock.second(at * 1000) : clock.minute(at / 60));
  showReadings(/** @type {HTMLTableElement} */ (table), groups, choice.measure, time, read, seconds);
}

/**
 * @param {number} at
 * @param {string} text
 */
function flag(at, text) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const time = document.createElement("b");
  time.textContent = clock.minute(at / 60);
  const words = document.createElement("span");
  words.textContent = text;
  button.type = "button";
  button.title = "Go there, and read what it meant to people";
  button.append(time, words);
  button.addEventListener("click", () => change({ at, to: null }));
  item.append(button);
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
    new Panel(
      title,
      (at) => {
        pointed = at;
        draw();
      },
      change,
    );
  drawn.set(key, panel);
  return panel;
}

/**
 * @param {number} since
 * @param {number} until
 */
function label(since, until) {
  // Beyond a day, or of another one, the clock alone says too little.
  const long = until - since > 86_400 || new Date(since * 1000).toDateString() !== new Date().toDateString();
  const texts = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = since + share * (until - since);
    const day = long ? `${new Date(at * 1000).toLocaleDateString("en", { weekday: "short" })} ` : "";
    return day + (until - since > 3600 ? clock.minute(at / 60) : clock.second(at * 1000));
  });
  part(".ticks").replaceChildren(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  const read = pointed ?? choice.at;
  part(".moment").textContent = read === null ? "now" : `at ${clock.second(read * 1000)}`;
}

/** Show a name, or no more. @param {string} name */
function toggle(name) {
  const added = !choice.names.includes(name);
  if (added && choice.names.length >= MOST) return say(`No more than ${MOST} names are shown at once: take one away first.`, "choice");
  if (added && !fits(name)) return say("This name is too long for any series.", "choice");
  say("", "choice");
  change({ names: choice.names.includes(name) ? choice.names.filter((each) => each !== name) : [...choice.names, name] });
}

/** @param {Partial<Choice>} changes */
function change(changes) {
  // Within the past each step would be one more to go back from.
  const moves = choice.at !== null && changes.at != null;
  const at = changes.at === undefined ? choice.at : changes.at;
  const now = at !== null && at >= Date.now() / 1000 - ahead;
  become({ ...choice, ...changes, ...(now ? { at: null, to: null } : {}) });
  writeChoice(choice, !moves);
}

/** @param {Choice} chosen */
function become(chosen) {
  const before = streamAddress(choice);
  choice = chosen;
  settle();
  if (streamAddress(choice) !== before) listen();
  draw();
}

/** The controls say what is chosen. */
function settle() {
  measure.value = choice.measure;
  site.value = choice.site;
  together.ariaPressed = String(choice.together);
  const zone = site.selectedOptions[0]?.dataset.zone ?? "UTC";
  if (choice.at === null) past.leave();
  else past.go(choice, { frame, series: all, people: people.values(liveFrame().since) }, Date.now() / 1000 - ahead, zone);
  root.toggleAttribute("data-then", choice.at !== null);
  then.show(choice, zone);
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
together.addEventListener("click", () => change({ together: !choice.together }));
part("details").addEventListener("toggle", () => picker.ask());
// A stream held open would keep the page out of the back/forward cache.
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => event.persisted && listen());
document.addEventListener("visibilitychange", draw);
addEventListener("popstate", () => become(offered()));
// Before others hear of it: what is open above the page closes first, and alone.
addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || choice.at === null || document.querySelector("dialog[open], details.menu[open]")) return;
  change({ at: null, to: null });
}, { capture: true });
settle();
listen();
draw();
setInterval(() => choice.at === null && draw(), DRAW_MS);
new Logs(part("[data-logs]"));
