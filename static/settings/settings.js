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
  if (!form.matches(".inplace") || !section) return;
  event.preventDefault();
  save(form, section);
});

page.addEventListener("change", (event) => {
  const field = /** @type {HTMLElement} */ (event.target);
  if (field.matches("select[data-sends]")) field.closest("form")?.requestSubmit();
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
  const names = [pressed?.id, pressed?.getAttribute("aria-label"), pressed?.textContent];
  section.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: sent, headers: { "X-Footfall-Section": "1" } });
    if (answer.redirected) return location.assign(answer.url);
    if (!answer.ok && answer.status !== 422) throw new Error(refused(answer.status));
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    const made = /** @type {HTMLElement | null} */ (parsed.querySelector(".setting"));
    if (!made) throw new Error("You were logged out. Log in again, and save once more.");
    section.replaceWith(made);
    const domain = made.querySelector("[aria-invalid=true]") ?? made.querySelector("[role=alert]");
    const same = [...made.querySelectorAll("button, input, select, textarea")].find(
      (each) => (names[0] ? each.id === names[0] : each.getAttribute("aria-label") === names[1] && each.textContent === names[2]),
    );
    const next = /** @type {HTMLElement | null} */ (domain?.matches("input, textarea, select") ? domain : same ?? made);
    if (next === made) made.tabIndex = -1;
    next?.focus({ preventScroll: true });
  } catch (error) {
    section.removeAttribute("aria-busy");
    say(section, error instanceof Error ? error.message : "It was not saved.");
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
