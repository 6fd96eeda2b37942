/**
 * One page in detail: while it is chosen, all that stands in the reports is of this page, and some of it in the place of
 * what is told of the whole site.
 *
 * @import {Asking} from "./ask.js"
 * @import {Choice} from "./choice.js"
 */
import { Stay } from "./stay.js";
import { named } from "./words.js";

export class Detail {
  // The page that is shown, null before any is, and how often was asked about its stay.
  /** @type {string | null} */ #page = null;
  #asked = 0;
  #told = false;

  /**
   * @param {HTMLElement} root of the reports
   * @param {Choice} choice
   * @param {Asking} asking
   * @param {string} stays where the API tells how long people stay
   */
  constructor(root, choice, asking, stays) {
    this.root = root;
    this.choice = choice;
    this.asking = asking;
    this.stays = stays;
    this.head = /** @type {HTMLElement} */ (root.querySelector(".one-page"));
    this.title = this.#part("[data-title]");
    this.stay = new Stay(
      /** @type {HTMLElement} */ (root.querySelector(".stay")),
      /** @type {HTMLElement} */ (root.querySelector(".reached")),
    );
    this.#part("[data-leave]").addEventListener("click", () => this.choice.set({ detail: null }));
  }

  /** Whether it is in sight how long people stay. */
  get shown() {
    return this.choice.detail !== "" && !(this.stay.root.classList.contains("aside") && this.stay.reached.classList.contains("aside"));
  }

  /** Whether that is still to be asked. */
  get due() {
    return this.shown && !this.#told;
  }

  /** Show what belongs to one page, or to the site. */
  show() {
    const page = this.choice.detail;
    for (const [name, hidden] of /** @type {[string, boolean][]} */ ([["page", !page], ["site", page !== ""]])) {
      for (const each of /** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll(`[data-of-${name}]`))) each.hidden = hidden;
    }
    if (page === this.#page) return;
    const opened = this.#page !== null;
    this.#page = page;
    if (!page) return;
    this.stay.clear();
    const path = named("page", page);
    this.title.textContent = path;
    this.#part("[data-path]").textContent = "";
    const { domain = "" } = this.root.dataset;
    const open = /** @type {HTMLAnchorElement} */ (this.#part("[data-open]"));
    open.href = `https://${page.startsWith("/") ? domain : ""}${page}`;
    open.title = open.href;
    if (!opened) return;
    // Not what stands where a table of the site was.
    this.title.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "start" });
  }

  /**
   * Ask what the page is called, and, where that is in sight, how long people stay, and how far down they look.
   * @param {URLSearchParams} query of the period, and the filters
   * @param {Promise<{from: string, to: string} | undefined>} compared the days that these are compared with
   */
  async update(query, compared) {
    const page = this.choice.detail;
    if (!page) return;
    const asked = ++this.#asked;
    this.#told = false;
    const titles = new URLSearchParams(query);
    titles.set("by", "title");
    titles.set("metrics", "views");
    titles.set("limit", "1");
    const stays = new URLSearchParams(query);
    for (const name of ["conversion", "imported"]) stays.delete(name);
    const called = this.asking.ask(titles).then((answer) => {
      const title = answer?.rows[0]?.title;
      if (!title || asked !== this.#asked) return;
      this.title.textContent = title;
      this.#part("[data-path]").textContent = named("page", page);
    });
    await Promise.all([called, this.shown && this.#stay(stays, asked, compared)]);
  }

  /**
   * How long people stay, and then how long they did before.
   * @param {URLSearchParams} stays
   * @param {number} asked
   * @param {Promise<{from: string, to: string} | undefined>} compared
   */
  async #stay(stays, asked, compared) {
    this.#told = true;
    this.stay.link(`${this.stays}?${stays}`);
    const stay = await this.asking.ask(stays, true, this.stays);
    if (asked !== this.#asked) return;
    if (!stay) {
      this.#told = false;
      if (stay === null) this.stay.fail();
      return;
    }
    this.stay.show(/** @type {any} */ (stay), []);
    const days = await compared;
    if (!days) return;
    stays.delete("period");
    stays.set("from", days.from);
    stays.set("to", days.to);
    const before = await this.asking.ask(stays, true, this.stays);
    if (before && asked === this.#asked) this.stay.show(/** @type {any} */ (stay), /** @type {any} */ (before).curve);
  }

  /** @param {string} selector */
  #part(selector) {
    return /** @type {HTMLElement} */ (this.head.querySelector(selector));
  }
}
