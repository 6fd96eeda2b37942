/**
 * The page of all sites asks for their live counts together every five seconds, while somebody looks, and keeps the
 * tiles in order: favourites first, then by visitors.
 *
 * @import {SiteCounts} from "./tile.js"
 */
import "../shared/menus.js";
import { Favourites } from "./favourites.js";
import { Tile } from "./tile.js";

const PERIOD_MS = 5_000;
const MOVE = { duration: 180, easing: "ease-out" };
const still = matchMedia("(prefers-reduced-motion: reduce)");
const hovers = matchMedia("(hover: hover)");
const page = /** @type {HTMLElement} */ (document.querySelector("#sites"));
const words = /** @type {HTMLElement} */ (page.querySelector("[data-words]"));
const list = /** @type {HTMLElement} */ (page.querySelector(".tiles"));
const find = /** @type {HTMLInputElement | null} */ (page.querySelector("[data-find]"));
const none = /** @type {HTMLElement | null} */ (page.querySelector("[data-none]"));
const tiles = /** @type {HTMLElement[]} */ ([...list.children]).map((root) => new Tile(root));
const byKey = new Map(tiles.map((tile) => [tile.key, tile]));
const favourites = new Favourites(() => mark());

async function ask() {
  const response = await fetch("/sites/live.json", { cache: "no-store" });
  if (response.status === 403) return location.reload(); // logged out: the page leads to the login
  if (!response.ok) throw new Error(`answered ${response.status}`);
  /** @type {{sites: SiteCounts[]}} */
  const { sites } = await response.json();
  for (const counts of sites) byKey.get(counts.site)?.update(counts);
  // Nothing moves away from under a pointer that is about to press.
  if (!(hovers.matches && list.matches(":hover"))) order();
}

/** @param {Tile} a @param {Tile} b */
function before(a, b) {
  const starred = Number(favourites.has(b.key)) - Number(favourites.has(a.key));
  return starred || b.visitors - a.visitors || b.tabs - a.tabs || a.domain.localeCompare(b.domain);
}

function order() {
  const wanted = [...tiles].sort(before).map((tile) => tile.root);
  if (wanted.every((root, at) => root === list.children[at])) return;
  const moving = still.matches || document.hidden ? [] : wanted.filter((root) => !root.hidden);
  const places = moving.map((root) => ({ root, from: root.getBoundingClientRect() }));
  let here = list.firstElementChild;
  for (const root of wanted) {
    if (root === here) here = here.nextElementSibling;
    // `moveBefore` keeps the focus on what is moved.
    else if (list.moveBefore) list.moveBefore(root, here);
    else list.insertBefore(root, here);
  }
  // All places are read before anything is written, or each would cost a layout.
  const moves = places.map(({ root, from }) => ({ root, from, to: root.getBoundingClientRect() }));
  for (const { root, from, to } of moves) {
    const [x, y] = [from.x - to.x, from.y - to.y];
    if (x || y) root.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], MOVE);
  }
}

function mark() {
  for (const tile of tiles) tile.mark(favourites.has(tile.key));
  order();
}

function search() {
  const wanted = find?.value.trim().toLowerCase() ?? "";
  for (const tile of tiles) tile.root.hidden = !tile.domain.toLowerCase().includes(wanted);
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
list.addEventListener("pointerleave", order);
document.addEventListener("visibilitychange", refresh);
addEventListener("online", refresh);
setInterval(refresh, PERIOD_MS);
mark();
search();
refresh();
