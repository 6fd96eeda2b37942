/**
 * The page of all sites asks for their live counts together every five seconds, while somebody looks, and keeps the
 * tiles in order: favourites first, then by visitors. Many sites stand in groups.
 *
 * @import {SiteCounts} from "./tile.js"
 */
import "./add.js";
import { Favourites } from "./favourites.js";
import { Tile } from "./tile.js";

const PERIOD_MS = 5_000;
const MOVE = { duration: 180, easing: "ease-out" };
const still = matchMedia("(prefers-reduced-motion: reduce)");
const hovers = matchMedia("(hover: hover)");
const page = /** @type {HTMLElement} */ (document.querySelector("#sites"));
const words = /** @type {HTMLElement} */ (page.querySelector("[data-words]"));
const groups = /** @type {HTMLElement} */ (page.querySelector(".groups"));
const scale = /** @type {HTMLElement} */ (page.querySelector("[data-scale]"));
const find = /** @type {HTMLInputElement | null} */ (page.querySelector("[data-find]"));
const none = /** @type {HTMLElement | null} */ (page.querySelector("[data-none]"));
const tiles = [.../** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll(".tile"))].map((root) => new Tile(root));
const number = new Intl.NumberFormat("en");
// With fewer than four at most, one view would look like a crowd.
const LEAST_SCALE = 4;
const GROUPS = ["Favourites", "People here now", "Nobody here now", "Not installed yet"];
const byKey = new Map(tiles.map((tile) => [tile.key, tile]));
const favourites = new Favourites(() => mark());
const lists = makeLists();

async function ask() {
  const response = await fetch("/sites/live.json", { cache: "no-store" });
  if (response.status === 403) return location.reload(); // logged out: the page leads to the login
  if (!response.ok) throw new Error(`answered ${response.status}`);
  /** @type {{sites: SiteCounts[]}} */
  const { sites } = await response.json();
  for (const counts of sites) byKey.get(counts.site)?.update(counts);
  sum(sites);
  // Nothing moves away from under a pointer that is about to press.
  if (!(hovers.matches && groups.matches(":hover"))) order();
}

/** @param {SiteCounts[]} sites */
function sum(sites) {
  const highest = Math.max(LEAST_SCALE, ...tiles.flatMap(({ views }) => views));
  for (const tile of tiles) tile.draw(highest);
  scale.hidden = tiles.length < 2;
  scale.textContent = `Bars: page views per minute of the last hour, on one scale for all sites, up to ${number.format(highest)}; a bar half as high is a quarter of the views.`;
  tell("visitors", sites.reduce((all, { visitors }) => all + visitors, 0));
  if (sites.every(({ today }) => today !== null)) tell("today", sites.reduce((all, { today }) => all + (today ?? 0), 0));
}

/** @param {string} name @param {number} count */
function tell(name, count) {
  const figure = /** @type {HTMLElement} */ (page.querySelector(`[data-all=${name}]`));
  const text = number.format(count);
  if (figure.textContent !== text) figure.textContent = text;
}

/** @param {Tile} tile @returns {number} in which of the groups it stands */
function groupOf(tile) {
  if (lists.length === 1) return 0;
  if (favourites.has(tile.key)) return 0;
  if (!tile.installed) return 3;
  return tile.visitors ? 1 : 2;
}

/** @param {Tile} a @param {Tile} b */
function before(a, b) {
  const starred = Number(favourites.has(b.key)) - Number(favourites.has(a.key));
  const installed = Number(b.installed) - Number(a.installed);
  return starred || installed || b.visitors - a.visitors || b.tabs - a.tabs || a.domain.localeCompare(b.domain);
}

function order() {
  const wanted = lists.map((_, group) => [...tiles].filter((tile) => groupOf(tile) === group).sort(before));
  const same = lists.every((list, group) => {
    const roots = wanted[group] ?? [];
    return roots.length === list.children.length && roots.every(({ root }, at) => root === list.children[at]);
  });
  if (same) return;
  const moving = still.matches || document.hidden ? [] : tiles.filter(({ root }) => !root.hidden);
  const places = moving.map(({ root }) => ({ root, from: root.getBoundingClientRect() }));
  for (const [group, list] of lists.entries()) put(list, (wanted[group] ?? []).map(({ root }) => root));
  showGroups();
  // All places are read before anything is written, or each would cost a layout.
  const moves = places.map(({ root, from }) => ({ root, from, to: root.getBoundingClientRect() }));
  for (const { root, from, to } of moves) {
    const [x, y] = [from.x - to.x, from.y - to.y];
    if (x || y) root.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], MOVE);
  }
}

/** @param {HTMLElement} list @param {HTMLElement[]} wanted */
function put(list, wanted) {
  let here = list.firstElementChild;
  for (const root of wanted) {
    if (root === here) here = here.nextElementSibling;
    // `moveBefore` keeps the focus on what is moved.
    else if (list.moveBefore) list.moveBefore(root, here);
    else list.insertBefore(root, here);
  }
}

/** Groups in which nothing is to be seen have no heading. */
function showGroups() {
  for (const list of lists) {
    const section = /** @type {HTMLElement} */ (list.parentElement);
    section.hidden = ![...list.children].some((tile) => !(/** @type {HTMLElement} */ (tile).hidden));
  }
}

/** @returns {HTMLElement[]} the lists of the groups; few sites need none and stand in one */
function makeLists() {
  const first = /** @type {HTMLElement} */ (groups.querySelector(".tiles"));
  if (!("many" in groups.dataset)) return [first];
  const made = GROUPS.map((title) => {
    const section = document.createElement("section");
    const heading = document.createElement("h2");
    heading.textContent = title;
    const list = document.createElement("ul");
    list.className = "tiles";
    section.append(heading, list);
    return { section, list };
  });
  groups.append(...made.map(({ section }) => section));
  for (const { root } of tiles) made[2]?.list.append(root);
  first.parentElement?.remove();
  return made.map(({ list }) => list);
}

function mark() {
  for (const tile of tiles) tile.mark(favourites.has(tile.key));
  order();
}

function search() {
  const wanted = find?.value.trim().toLowerCase() ?? "";
  for (const tile of tiles) tile.root.hidden = !tile.domain.toLowerCase().includes(wanted);
  showGroups();
  if (none) none.hidden = tiles.some((tile) => !tile.root.hidden);
}

async function refresh() {
  if (document.hidden) return;
  try {
    await ask();
    page.dataset.state = "live";
    words.textContent = "counted every 5 s";
  } catch {
    page.dataset.state = "reconnecting";
    words.textContent = "reconnecting";
  }
}

for (const tile of tiles) {
  tile.star.addEventListener("click", () => {
    favourites.toggle(tile.key);
    mark();
  });
}
find?.addEventListener("input", search);
groups.addEventListener("pointerleave", order);
document.addEventListener("visibilitychange", refresh);
addEventListener("online", refresh);
setInterval(refresh, PERIOD_MS);
mark();
search();
refresh();
