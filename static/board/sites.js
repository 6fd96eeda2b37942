/** The list of sites: asks for all the live counts together every five seconds, while somebody looks. */
import "./menus.js";

const PERIOD_MS = 5_000;
const number = new Intl.NumberFormat("en");
const page = /** @type {HTMLElement} */ (document.querySelector("#sites"));
const words = /** @type {HTMLElement} */ (page.querySelector("[data-words]"));

async function ask() {
  const response = await fetch("/sites/live.json", { cache: "no-store" });
  if (response.status === 403) return location.reload(); // logged out: the page leads to the login
  if (!response.ok) throw new Error(`answered ${response.status}`);
  /** @type {{sites: {site: string, visitors: number, tabs: number}[]}} */
  const { sites } = await response.json();
  for (const { site, visitors, tabs } of sites) show(site, visitors, tabs);
}

/**
 * @param {string} key
 * @param {number} visitors
 * @param {number} tabs
 */
function show(key, visitors, tabs) {
  const row = /** @type {HTMLElement | null} */ (page.querySelector(`[data-site="${CSS.escape(key)}"]`));
  if (!row) return;
  const [people, pages] = /** @type {HTMLElement[]} */ ([
    row.querySelector("[data-visitors]"),
    row.querySelector("[data-tabs]"),
  ]);
  people.textContent = number.format(visitors);
  pages.textContent = `${number.format(tabs)} ${tabs === 1 ? "tab" : "tabs"}`;
  row.classList.toggle("nobody", visitors === 0);
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

setInterval(refresh, PERIOD_MS);
document.addEventListener("visibilitychange", refresh);
addEventListener("online", refresh);
