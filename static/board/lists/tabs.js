/**
 * Lists that share a place are its tabs, and the arrow keys go from one to the next. Where there is room for all of
 * them (lists.css) the style sheet hides the tabs, and they are lists like any other.
 */

const roomy = matchMedia("(min-width: 2200px)");

export class Tabs {
  /**
   * @param {HTMLElement} panel with a `[role=tab]` for each `.list` in it
   * @param {string[]} wanted names of lists that are chosen, where one of this panel's is among them
   * @param {(name: string, others: string[]) => void} chose called with the list that somebody chose, and all that
   *   share its place, the first of which is chosen by itself
   */
  constructor(panel, wanted, chose) {
    this.chose = chose;
    this.tabs = [.../** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll("[role=tab]"))];
    this.lists = [.../** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll(".list"))];
    this.tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => this.#pick(at));
      tab.addEventListener("keydown", (event) => this.#step(event, at));
    });
    roomy.addEventListener("change", () => this.#arrange());
    this.names = this.lists.map(({ dataset }) => dataset.list ?? "");
    this.#choose(Math.max(0, this.names.findIndex((name) => wanted.includes(name))));
    this.#arrange();
  }

  /** @param {number} at */
  #pick(at) {
    this.#choose(at);
    this.chose(this.names[at] ?? "", this.names);
  }

  /** @param {number} chosen */
  #choose(chosen) {
    this.tabs.forEach((tab, at) => {
      tab.ariaSelected = String(at === chosen);
      tab.tabIndex = at === chosen ? 0 : -1;
      this.lists[at]?.classList.toggle("chosen", at === chosen);
    });
  }

  #arrange() {
    for (const list of this.lists) list.role = roomy.matches ? null : "tabpanel";
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} at
   */
  #step(event, at) {
    const last = this.tabs.length - 1;
    const goals = new Map([
      ["ArrowRight", at === last ? 0 : at + 1],
      ["ArrowLeft", at === 0 ? last : at - 1],
      ["Home", 0],
      ["End", last],
    ]);
    const goal = goals.get(event.key);
    if (goal === undefined) return;
    event.preventDefault();
    this.#pick(goal);
    this.tabs[goal]?.focus();
  }
}
