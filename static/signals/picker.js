/**
 * The picker searches series by their names and tags, and adds what is chosen: a name, or one of its tags.
 *
 * @import {Named} from "./measures.js"
 */
const WAIT_MS = 200;
const SHOWN = 60;

export class Picker {
  /** @type {number | undefined} */ #timer;
  #asked = 0;

  /**
   * @param {HTMLElement} root with an input and a list in it
   * @param {(name: string) => void} choose
   * @param {() => string[]} chosen names that are shown already
   */
  constructor(root, choose, chosen) {
    this.input = /** @type {HTMLInputElement} */ (root.querySelector("input"));
    this.list = /** @type {HTMLElement} */ (root.querySelector("ul"));
    this.none = /** @type {HTMLElement} */ (root.querySelector(".none"));
    this.choose = choose;
    this.chosen = chosen;
    this.input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.ask(), WAIT_MS);
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !this.input.value.trim()) return;
      // As it is typed: a pattern, or a name that is yet to come.
      event.preventDefault();
      this.choose(this.input.value.trim());
    });
  }

  async ask() {
    const asked = ++this.#asked;
    try {
      const query = new URLSearchParams({ find: this.input.value.trim().replaceAll("*", " "), limit: "1000" });
      const answer = await fetch(`/api/v1/signals?${query}`, { cache: "no-store" });
      if (!answer.ok || asked !== this.#asked) return;
      this.#show((await answer.json()).series);
    } catch {
      // It is asked again with the next letter.
    }
  }

  /** @param {Named[]} series */
  #show(series) {
    /** @type {Map<string, number>} */ const names = new Map();
    for (const { name } of series) names.set(name, (names.get(name) ?? 0) + 1);
    const chosen = this.chosen();
    // Where the text is in the name itself, it was meant before those that have it in a tag.
    const typed = this.input.value.trim().toLowerCase();
    const far = (/** @type {[string, number]} */ [name]) => Number(!name.toLowerCase().includes(typed));
    const items = [...names].sort((one, other) => far(one) - far(other)).slice(0, SHOWN).map(([name, count]) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const text = document.createElement("span");
      const small = document.createElement("small");
      button.type = "button";
      button.ariaPressed = String(chosen.includes(name));
      text.textContent = name;
      small.textContent = count > 1 ? `${count} series` : "";
      button.append(text, small);
      button.addEventListener("click", () => {
        this.choose(name);
        button.ariaPressed = String(this.chosen().includes(name));
      });
      item.append(button);
      return item;
    });
    this.list.replaceChildren(...items);
    this.none.hidden = items.length > 0;
  }
}
