/**
 * Flags at the foot of the chart say what happened then. Owners add one by a press on the foot, change it and delete it.
 *
 * @typedef {{id: number, at: string, text: string}} Annotation
 * @import {Chart} from "./chart.js"
 * @import {Saving} from "./saving.js"
 */
import { Impact } from "../shared/impact.js";
import { day } from "./words.js";

export class Flags {
  /** @type {Annotation[]} */ #all = [];
  /** @type {Annotation | null} */ #edited = null;

  /**
   * @param {HTMLElement} root of the chart, with `.flags` and a dialog
   * @param {Chart} chart
   * @param {Saving} saving
   * @param {{key: string, zone: string}} site
   * @param {boolean} owner who may change them
   */
  constructor(root, chart, saving, { key, zone }, owner) {
    this.key = key;
    this.chart = chart;
    this.saving = saving;
    this.zone = zone;
    this.owner = owner;
    this.strip = /** @type {HTMLElement} */ (root.querySelector(".flags"));
    this.dialog = /** @type {HTMLDialogElement} */ (root.querySelector("[data-flag]"));
    this.form = /** @type {HTMLFormElement} */ (this.dialog.querySelector("form"));
    this.impact = new Impact(/** @type {HTMLElement} */ (this.dialog.querySelector("[data-impact]")));
    this.problem = /** @type {HTMLElement} */ (this.dialog.querySelector("[role=alert]"));
    this.dialog.querySelector("[data-close]")?.addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#keep();
    });
    this.dialog.querySelector("[data-delete]")?.addEventListener("click", () => this.#remove());
    root.querySelector("[data-add-flag]")?.addEventListener("click", () => this.#open(null, this.#local(new Date().toISOString())));
    if (owner) {
      this.strip.addEventListener("click", (event) => {
        if (event.target !== this.strip) return;
        const at = this.chart.momentAt(event.clientX);
        if (at) this.#open(null, at);
      });
    }
  }

  async load() {
    const said = await this.saving.send("GET", "annotations", null);
    if (!said) return;
    this.#all = said.annotations;
    this.show();
  }

  /** Draw those of the time that the chart shows; several of one bucket share a flag. */
  show() {
    /** @type {Map<number, Annotation[]>} */ const found = new Map();
    for (const each of this.#all) {
      const at = this.chart.bucketOf(this.#local(each.at));
      if (at !== null) found.set(at, [...(found.get(at) ?? []), each]);
    }
    this.strip.replaceChildren(
      ...[...found].map(([at, those]) => {
        const flag = document.createElement("button");
        flag.type = "button";
        flag.textContent = those.length > 1 ? `⚑${those.length}` : "⚑";
        flag.style.setProperty("--x", `${this.chart.left(at)}%`);
        const words = those.map((each) => this.#words(each)).join(" · ");
        flag.setAttribute("aria-label", words);
        flag.addEventListener("pointerenter", () => this.chart.tell(words));
        flag.addEventListener("focus", () => this.chart.tell(words));
        for (const leave of ["pointerleave", "blur"]) flag.addEventListener(leave, () => this.chart.tell(""));
        flag.addEventListener("click", () => this.#choose(those));
        return flag;
      }),
    );
  }

  /** @param {Annotation} annotation */
  #words({ at, text }) {
    const local = this.#local(at);
    return `${day(local, { weekday: "short" })} ${local.slice(11)}: ${text}`;
  }

  /** @param {Annotation[]} those */
  #choose(those) {
    const [first] = those;
    if (!first) return;
    if (those.length === 1) return this.#open(first, this.#local(first.at));
    const list = /** @type {HTMLElement} */ (this.dialog.querySelector("ul"));
    this.#open(first, this.#local(first.at));
    list.replaceChildren(
      ...those.map((each) => {
        const item = document.createElement("li");
        const pick = document.createElement("button");
        pick.type = "button";
        pick.textContent = this.#words(each);
        pick.addEventListener("click", () => this.#fill(each, this.#local(each.at)));
        item.append(pick);
        return item;
      }),
    );
  }

  /**
   * @param {Annotation | null} annotation null: a new one
   * @param {string} at local
   */
  #open(annotation, at) {
    /** @type {HTMLElement} */ (this.dialog.querySelector("ul")).replaceChildren();
    this.#fill(annotation, at);
    this.dialog.showModal();
  }

  /**
   * @param {Annotation | null} annotation
   * @param {string} at
   */
  #fill(annotation, at) {
    this.#edited = annotation;
    this.problem.textContent = "";
    this.#field("at").value = at;
    this.#field("text").value = annotation?.text ?? "";
    /** @type {HTMLElement} */ (this.dialog.querySelector("h2")).textContent = annotation ? "What happened" : "Flag what happened";
    this.impact.clear();
    if (annotation) this.impact.show(this.key, { annotation: annotation.id });
    const remove = /** @type {HTMLElement | null} */ (this.dialog.querySelector("[data-delete]"));
    if (remove) remove.hidden = !annotation;
  }

  async #keep() {
    if (!this.owner) return this.dialog.close();
    const sent = { at: this.#instant(this.#field("at").value), text: this.#field("text").value.trim() };
    const edited = this.#edited;
    const [method, path] = edited ? ["PUT", `annotations/${edited.id}`] : ["POST", "annotations"];
    const said = await this.saving.send(method, path, sent, (problem) => {
      this.problem.textContent = problem;
    });
    if (!said) return;
    this.dialog.close();
    this.#all = [...this.#all.filter((each) => each !== edited), said];
    this.show();
  }

  async #remove() {
    const edited = this.#edited;
    if (!edited) return;
    this.dialog.close();
    const gone = await this.saving.remove("annotations", edited.id, `“${edited.text}” is deleted.`, (made) => {
      this.#all = [...this.#all, made];
      this.show();
    });
    if (!gone) return;
    this.#all = this.#all.filter((each) => each !== edited);
    this.show();
  }

  /** A moment as the site's clocks show it, "2026-11-26T14:05". @param {string} instant */
  #local(instant) {
    return new Date(instant).toLocaleString("sv-SE", { timeZone: this.zone }).replace(" ", "T").slice(0, 16);
  }

  /** The moment at which the site's clocks show this. @param {string} local */
  #instant(local) {
    let at = Date.parse(`${local}Z`);
    // Twice, since the first guess may lie on the other side of a change of clocks.
    for (let turn = 0; turn < 2; turn++) {
      at -= Date.parse(`${this.#local(new Date(at).toISOString())}Z`) - Date.parse(`${local}Z`);
    }
    return new Date(at).toISOString();
  }

  /** @param {string} name */
  #field(name) {
    return /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name));
  }
}
