/**
 * The settings of a site: a section is saved where it stands, and nothing jumps. Without this script its forms lead to
 * the same page.
 */
import "../shared/menus.js";
import { copyFrom } from "../shared/copying.js";

const page = /** @type {HTMLElement} */ (document.querySelector("#settings"));

page.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const section = /** @type {HTMLElement | null} */ (form.closest(".setting"));
  if (form.enctype === "multipart/form-data") wait(form);
  if (!form.matches(".inplace") || !section) return;
  event.preventDefault();
  save(form, section);
});

page.addEventListener("change", (event) => {
  const field = /** @type {HTMLElement} */ (event.target);
  if (field.matches("select[data-sends]")) field.closest("form")?.requestSubmit();
  if (field.id === "erase-what") fit();
});

page.addEventListener("input", (event) => {
  const field = /** @type {HTMLInputElement} */ (event.target);
  const section = field.closest(".setting");
  section?.querySelector(".saved")?.remove();
  const follows = /** @type {HTMLElement | null | undefined} */ (section?.querySelector(`[data-with="${field.name}"]`));
  if (follows) follows.hidden = field.value === field.defaultValue;
});

page.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("[data-copy]");
  if (button) copyFrom(/** @type {HTMLButtonElement} */ (button));
});

/**
 * Puts what the server answers in the section's place; the focus stays with what was pressed, where that is still there.
 * @param {HTMLFormElement} form
 * @param {HTMLElement} section
 */
async function save(form, section) {
  const sent = new FormData(form);
  const pressed = document.activeElement;
  section.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: sent, headers: { "X-Footfall-Section": "1" } });
    if (answer.redirected) return location.assign(answer.url);
    if (!answer.ok && answer.status !== 422) throw new Error(refused(answer.status));
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    const made = /** @type {HTMLElement | null} */ (parsed.querySelector(".setting"));
    if (!made) throw new Error("You were logged out. Log in again, and save once more.");
    section.replaceWith(made);
    fit();
    follow();
    const domain = made.querySelector("[aria-invalid=true]") ?? made.querySelector("[role=alert]");
    const next = /** @type {HTMLElement | null} */ (domain?.matches("input, textarea, select") ? domain : same(made, pressed) ?? made);
    if (next === made) made.tabIndex = -1;
    next?.focus({ preventScroll: true });
  } catch (error) {
    section.removeAttribute("aria-busy");
    say(section, error instanceof Error ? error.message : "It was not saved.");
  }
}

/** A file is sent and read before the page answers, which may take minutes. @param {HTMLFormElement} form */
function wait(form) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button:not([type=button])"));
  button.textContent = "Reading it …";
  button.disabled = true;
}

/**
 * What was focused, in its successor.
 * @param {HTMLElement} made
 * @param {Element | null} focused
 */
function same(made, focused) {
  const [id, label, text] = [focused?.id, focused?.getAttribute("aria-label"), focused?.textContent];
  const found = [...made.querySelectorAll("button, input, select, textarea")].find((each) =>
    id ? each.id === id : each.getAttribute("aria-label") === label && each.textContent === text,
  );
  return /** @type {HTMLElement | undefined} */ (found);
}

/** Of an erasure's form, what its kind has no use for is not shown. */
function fit() {
  const kind = /** @type {HTMLSelectElement | null} */ (page.querySelector("#erase-what"))?.value ?? "";
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-for]"))) {
    each.hidden = !each.dataset.for?.split(" ").includes(kind);
  }
}

/** @type {number | undefined} */ let timer;

/** What goes on by itself says after how many seconds to look at it again. */
function follow() {
  clearTimeout(timer);
  const waits = [.../** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-again]"))].map((each) => Number(each.dataset.again));
  if (waits.length) timer = setTimeout(look, Math.min(...waits) * 1000);
}

async function look() {
  try {
    if (!document.hidden) await renew();
  } catch {
    // What is shown stays; the next time asks again.
  }
  follow();
}

async function renew() {
  const answer = await fetch(location.pathname, { cache: "no-store" });
  // It was deleted.
  if (answer.status === 404) return location.assign("/");
  if (!answer.ok) return;
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-again]"))) {
    const made = parsed.getElementById(each.id);
    // What somebody has just sent is answered by itself.
    if (!made || each.closest("[aria-busy]")) continue;
    const focused = each.contains(document.activeElement) ? document.activeElement : null;
    each.replaceWith(made);
    if (focused) same(made, focused)?.focus({ preventScroll: true });
  }
}

/** @param {number} status */
function refused(status) {
  if (status === 403) return "Only an owner of the site may change it.";
  if (status === 404) return "This site is gone, or is not yours any more.";
  return `It was not saved: Footfall answered ${status}. Try again.`;
}

/** @param {HTMLElement} section @param {string} text */
function say(section, text) {
  const words = section.querySelector(":scope > .error") ?? document.createElement("p");
  words.className = "error";
  words.setAttribute("role", "alert");
  words.textContent = text === "Failed to fetch" ? "It was not saved: Footfall cannot be reached." : text;
  section.querySelector("h2")?.after(words);
}

fit();
follow();
