/**
 * Where there is room for one table at a time, as on a phone, it is chosen from a list of all their tabs. Which one it is
 * stands in the address; the others are not asked for.
 *
 * @import {Choice} from "./choice.js"
 */

/** Where tables and filters do not stand beside each other; the style sheet has the same. */
export const narrow = matchMedia("(max-width: 700px)");
const PROPERTY = "property:";

export class OneTable {
  /**
   * @param {HTMLElement} root with a select
   * @param {NodeListOf<HTMLElement>} sections each with its name in `data-part`, and perhaps with tabs
   * @param {Choice} choice
   * @param {() => void} changed there is room for all of them, or not any more
   */
  constructor(root, sections, choice, changed) {
    this.sections = [...sections];
    this.choice = choice;
    this.select = /** @type {HTMLSelectElement} */ (root.querySelector("select"));
    this.select.addEventListener("change", () => this.#choose());
    // On paper there is room, but no time to ask for what was not shown.
    narrow.addEventListener("change", () => matchMedia("print").matches || changed());
  }

  /** Show the one that is chosen, or all; call it once those are hidden that do not belong there. */
  show() {
    const there = this.sections.filter((section) => !section.hidden);
    const wanted = this.choice.get("table", "");
    const chosen = there.find((section) => section.dataset.part === wanted) ?? there[0];
    for (const section of this.sections) section.classList.toggle("aside", narrow.matches && section !== chosen);
    this.select.replaceChildren(...there.map((section) => this.#entry(section, section === chosen)));
  }

  /**
   * A section's own entry, or one for each of its tabs.
   * @param {HTMLElement} section
   * @param {boolean} chosen
   */
  #entry(section, chosen) {
    const { part = "" } = section.dataset;
    const tabs = tabsOf(section);
    const [first] = tabs;
    if (!first) return option(section.querySelector("h2")?.textContent ?? part, part, chosen);
    const shown = this.choice.get(part, "");
    const kind = shown.startsWith(PROPERTY) ? "property" : shown;
    const current = tabs.find((tab) => tab.dataset.dimension === kind) ?? first;
    const options = tabs.flatMap((tab) => {
      const { dimension = "" } = tab.dataset;
      const title = tab.textContent ?? "";
      const here = chosen && tab === current;
      const values = here && shown.startsWith(PROPERTY);
      const all = option(title, `${part} ${dimension}`, here && !values);
      return values ? [all, option(`${title}: ${shown.slice(PROPERTY.length)}`, `${part} ${shown}`, true)] : [all];
    });
    if (options.length === 1 && options[0]) return options[0];
    const group = document.createElement("optgroup");
    group.label = section.querySelector("[role=tablist]")?.getAttribute("aria-label") ?? part;
    group.append(...options);
    return group;
  }

  #choose() {
    const [part = "", ...rest] = this.select.value.split(" ");
    const dimension = rest.join(" ");
    const section = this.sections.find((each) => each.dataset.part === part);
    const [first] = section ? tabsOf(section) : [];
    const usual = this.sections.find((each) => !each.hidden) === section;
    /** @type {Record<string, string | null>} */ const chosen = { table: usual ? null : part };
    if (first) chosen[part] = dimension === first.dataset.dimension ? null : dimension;
    this.choice.set(chosen);
  }
}

/** Those that are offered. @param {HTMLElement} section */
function tabsOf(section) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll("[role=tab]:not([hidden])"))];
}

/**
 * @param {string} words
 * @param {string} value
 * @param {boolean} selected
 */
function option(words, value, selected) {
  const made = document.createElement("option");
  made.textContent = words;
  made.value = value;
  made.selected = selected;
  return made;
}
