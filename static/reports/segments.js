/**
 * Segments are filters under a name, shared among the members of a site: chosen from a menu, saved from the filters that
 * stand there, deleted and brought back.
 *
 * @typedef {{id: number, name: string, query: string}} Segment
 * @import {Choice} from "./choice.js"
 * @import {Saving} from "./saving.js"
 */

export class Segments {
  /** @type {Segment[]} */ #all;

  /**
   * @param {HTMLElement} root with a `details.menu` of segments and a dialog that asks for a name
   * @param {Segment[]} all
   * @param {Choice} choice
   * @param {Saving} saving
   */
  constructor(root, all, choice, saving) {
    this.#all = all;
    this.choice = choice;
    this.saving = saving;
    this.menu = /** @type {HTMLDetailsElement} */ (root.querySelector("[data-segments]"));
    this.save = /** @type {HTMLElement} */ (root.querySelector("[data-save]"));
    this.dialog = /** @type {HTMLDialogElement} */ (root.querySelector("[data-name-segment]"));
    this.field = /** @type {HTMLInputElement} */ (this.dialog.querySelector("input"));
    this.problem = /** @type {HTMLElement} */ (this.dialog.querySelector("[role=alert]"));
    this.save.addEventListener("click", () => {
      this.problem.textContent = "";
      this.field.value = "";
      this.dialog.showModal();
    });
    this.dialog.querySelector("[data-close]")?.addEventListener("click", () => this.dialog.close());
    this.dialog.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#keep();
    });
  }

  /** @param {string} id */
  name(id) {
    return this.#all.find((each) => String(each.id) === id)?.name ?? `number ${id}, which is gone`;
  }

  /** @param {string} id */
  filters(id) {
    return new URLSearchParams(this.#all.find((each) => String(each.id) === id)?.query ?? "");
  }

  show() {
    const { segment } = this.choice;
    this.menu.hidden = this.#all.length === 0;
    this.save.hidden = this.choice.filters.length === 0;
    const list = /** @type {HTMLElement} */ (this.menu.querySelector("ul"));
    list.replaceChildren(
      ...this.#all.map((each) => {
        const item = document.createElement("li");
        const pick = document.createElement("button");
        pick.type = "button";
        pick.textContent = each.name;
        pick.ariaPressed = String(String(each.id) === segment);
        pick.addEventListener("click", () => {
          this.menu.open = false;
          this.choice.exchange(String(each.id) === segment ? null : String(each.id));
        });
        const remove = document.createElement("button");
        remove.type = "button";
        remove.className = "remove";
        remove.textContent = "×";
        remove.setAttribute("aria-label", `Delete the segment ${each.name}`);
        remove.addEventListener("click", () => this.#remove(each));
        item.append(pick, remove);
        return item;
      }),
    );
  }

  async #keep() {
    const name = this.field.value.trim();
    const query = this.choice.filterQuery.toString();
    const said = await this.saving.send("POST", "segments", { name, query }, (problem) => {
      this.problem.textContent = problem;
    });
    if (!said) return;
    this.dialog.close();
    this.#add(said);
    this.choice.exchange(String(said.id));
  }

  /** @param {Segment} segment */
  #add(segment) {
    this.#all = [...this.#all, segment].sort((a, b) => a.name.localeCompare(b.name));
    this.show();
  }

  /** @param {Segment} segment */
  async #remove(segment) {
    this.menu.open = false;
    // Where it is undone lies below a sheet.
    /** @type {HTMLDialogElement | null} */ (this.menu.closest("dialog"))?.close();
    const chosen = String(segment.id) === this.choice.segment;
    const gone = await this.saving.remove("segments", segment.id, `The segment “${segment.name}” is deleted.`, (made) => {
      this.#add(made);
      if (chosen) this.choice.exchange(String(made.id));
    });
    if (!gone) return;
    this.#all = this.#all.filter((each) => each !== segment);
    // What it kept goes on being kept, by its filters.
    if (chosen) this.choice.exchange(null, new URLSearchParams(segment.query));
    this.show();
  }
}
