/**
 * The visits of a site, one by one: what is chosen stands in the address, as in its reports; a press opens one.
 *
 * @import {Visit} from "./visit_row.js"
 */
import { Clock } from "../shared/clock.js";
import "../shared/menus.js";
import "../shared/terms.js";
import { Asking } from "./ask.js";
import { Chips } from "./chips.js";
import { Choice } from "./choice.js";
import { PERIODS, Periods } from "./periods.js";
import { Rare } from "./rare.js";
import { Saving } from "./saving.js";
import { Segments } from "./segments.js";
import { Sheet } from "./sheet.js";
import { VisitRow } from "./visit_row.js";
import { Ways } from "./ways.js";
import { count, day } from "./words.js";

const AGAIN_MS = 15_000;
// Days that are being prepared are asked for again.
const PREPARED_MS = 2_000;

const root = /** @type {HTMLElement} */ (document.querySelector("#reports"));
const { key = "", zone = "UTC", dimensions = "" } = root.dataset;
/** @param {string} selector */
const part = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
/** @param {string} problem */
const fail = (problem) => {
  part("[data-problem]").hidden = problem === "";
  if (problem) part("[data-problem] p").textContent = problem;
};

const url = `/api/v1/sites/${key}`;
const clock = new Clock(zone);
const choice = new Choice(dimensions.split(","), () => update());
const listing = new Asking(`${url}/visits`, root, fail);
const saving = new Saving(url, part("[data-undo]"), fail);
const segments = new Segments(root, JSON.parse(root.dataset.segments ?? "[]"), choice, saving);
const periods = new Periods(part(".choose"), choice);
const asking = new Asking(`${url}/stats`, root, fail);
const chips = new Chips(part(".filters"), choice, asking, () => periods.query, segments);
const rare = new Rare(root, asking, choice, () => periods.query);
const sheet = new Sheet(part(".choose"), choice);
const ways = new Ways(key, JSON.parse(root.dataset.live ?? "{}"), choice, segments);
const list = part(".visits ol");
const more = /** @type {HTMLButtonElement} */ (part("[data-more]"));
// The place from which the next visits are asked for, and the day of the last one shown.
/** @type {number | undefined} */ let again;
let next = "";
let lastDay = "";

function query() {
  const asked = periods.query;
  for (const [name, value] of choice.filterQuery) asked.append(name, value);
  if (choice.segment) asked.set("segment", choice.segment);
  return asked;
}

async function update() {
  chips.show();
  sheet.show();
  segments.show();
  ways.point();
  listing.begin();
  rare.update();
  const answer = /** @type {any} */ (await listing.ask(query()));
  if (!answer) return;
  periods.show(answer);
  list.replaceChildren();
  lastDay = "";
  show(answer);
  part("[data-none]").hidden = answer.visits.length > 0;
  clearTimeout(again);
  if (answer.preparing.length) again = setTimeout(update, PREPARED_MS);
  part("[data-preparing]").hidden = answer.preparing.length === 0;
  part("[data-preparing] p").textContent =
    answer.preparing.length === 1
      ? `${day(answer.preparing[0])} is being prepared: its visits are not here yet.`
      : `${count(answer.preparing.length)} days are being prepared: their visits are not here yet.`;
}

/** @param {any} answer */
function show(answer) {
  for (const visit of /** @type {Visit[]} */ (answer.visits)) {
    const date = visit.id.slice(0, 10);
    if (date !== lastDay) {
      const head = document.createElement("li");
      head.className = "day";
      head.textContent = day(date, { weekday: "long" });
      list.append(head);
      lastDay = date;
    }
    list.append(new VisitRow(visit, clock, open).root);
  }
  next = answer.next ? (new URLSearchParams(answer.next.split("?")[1]).get("after") ?? "") : "";
  more.hidden = next === "";
  part("[data-as-of]").textContent = `as of ${clock.second(Date.parse(answer.as_of))}`;
}

/** @param {string} id */
async function open(id) {
  try {
    const response = await fetch(`${url}/visits/${id}`, { cache: "no-store" });
    if (response.ok) return await response.json();
    fail("This visit could not be opened: try again.");
  } catch {
    fail("No connection to Footfall: what is shown is what was known.");
  }
  return null;
}

more.addEventListener("click", async () => {
  const asked = query();
  asked.set("after", next);
  const answer = await listing.ask(asked);
  if (answer) show(answer);
});

/** @type {Record<string, () => void>} */
const KEYS = {
  f: () => {
    sheet.open();
    chips.open();
  },
};
for (const [name, , letter] of PERIODS) if (letter) KEYS[letter] = () => periods.go(name);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  const { target } = event;
  if (target instanceof HTMLElement && target.closest("input, textarea, select")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// New ones come while nobody reads further down, or in one.
setInterval(() => {
  if (document.hidden || list.querySelector(".whole") || scrollY > 200 || document.querySelector("dialog[open]")) return;
  if (list.querySelectorAll(".visit").length <= 50) update();
}, AGAIN_MS);
update();
ways.now();
