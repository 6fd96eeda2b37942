/**
 * A visit as a line of the list, and opened: its page views on a line of time. Whatever pages and visitors have written
 * is text here.
 *
 * @typedef {{at: string, name: string, properties: Record<string, unknown>, value: number | null}} Said
 * @typedef {{at: string, seconds: number | null, engaged_seconds: number, depth: number, page: string, title: string, server: string, events: Said[]}} PageView
 * @typedef {object} Visit
 * @property {string} id
 * @property {string} at
 * @property {boolean} live
 * @property {number} visitor
 * @property {number} seconds
 * @property {number} engaged_seconds
 * @property {number} views
 * @property {number} events
 * @property {string[]} path
 * @property {Record<string, number>} said
 * @property {string} referrer
 * @property {string} channel
 * @property {string} country
 * @property {string} browser
 * @property {string} system
 * @property {string} device
 * @property {string} utm_campaign
 * @property {PageView[]} [page_views]
 * @import {Clock} from "../shared/clock.js"
 */
import { count, figure, named } from "./words.js";

export class VisitRow {
  /**
   * @param {Visit} visit
   * @param {Clock} clock
   * @param {(id: string) => Promise<Visit | null>} ask for all of it
   */
  constructor(visit, clock, ask) {
    this.visit = visit;
    this.clock = clock;
    this.ask = ask;
    this.root = made("li", "visit");
    this.line = /** @type {HTMLButtonElement} */ (made("button", "line"));
    this.line.type = "button";
    this.line.ariaExpanded = "false";
    this.line.append(
      this.#time(),
      this.#path(),
      made("span", "lasted", figure("visit_seconds", visit.seconds)),
      made("span", "source", named("referrer", visit.referrer)),
      made("span", "where", named("country", visit.country)),
      made("span", "with", [visit.browser, visit.system].filter(Boolean).join(" · ")),
      this.#said(),
    );
    this.line.addEventListener("click", () => this.toggle());
    this.root.append(this.line);
  }

  async toggle() {
    if (this.line.ariaExpanded === "true") {
      this.line.ariaExpanded = "false";
      this.root.querySelector(".whole")?.remove();
      return;
    }
    this.line.ariaExpanded = "true";
    const whole = await this.ask(this.visit.id);
    if (!whole || this.line.ariaExpanded !== "true" || this.root.querySelector(".whole")) return;
    this.root.append(this.#whole(whole));
  }

  #time() {
    const time = made("time", "", this.clock.second(Date.parse(this.visit.at)));
    time.setAttribute("datetime", this.visit.at);
    if (!this.visit.live) return time;
    const dot = made("i", "dot");
    dot.title = "here now";
    time.append(dot, made("span", "unseen", " here now"));
    return time;
  }

  #path() {
    const path = made("span", "path");
    this.visit.path.forEach((page, at) => {
      if (at) path.append(made("i", "then", "→"));
      path.append(made("bdi", "", named("page", page)));
    });
    const more = this.visit.views - this.visit.path.length;
    if (more > 0) path.append(made("i", "then", `+${count(more)}`));
    path.title = this.visit.path.map((page) => named("page", page)).join(" → ");
    return path;
  }

  #said() {
    const words = Object.entries(this.visit.said).map(([name, times]) => (times > 1 ? `${name} ×${count(times)}` : name));
    const said = made("span", "said", words.join(", "));
    said.title = words.join(", ");
    return said;
  }

  /** @param {Visit} whole */
  #whole(whole) {
    const root = made("div", "whole");
    const facts = [
      `visitor ${count(whole.visitor)} of that day`,
      named("channel", whole.channel),
      whole.utm_campaign && `campaign ${whole.utm_campaign}`,
      named("device", whole.device),
      `engaged ${figure("engaged_seconds", whole.engaged_seconds)}`,
    ];
    root.append(made("p", "facts", facts.filter(Boolean).join(" · ")));
    const list = made("ol", "line-of-time");
    const begun = Date.parse(whole.at);
    const views = whole.page_views ?? [];
    const length = Math.max(1, whole.seconds * 1000, ...views.map((view) => Date.parse(view.at) - begun + (view.seconds ?? 0) * 1000));
    for (const view of views) list.append(this.#view(view, begun, length));
    root.append(list);
    return root;
  }

  /**
   * @param {PageView} view
   * @param {number} begun
   * @param {number} length
   */
  #view(view, begun, length) {
    const item = made("li", view.seconds === null ? "open" : "");
    const share = (/** @type {number} */ ms) => `${Math.min(100, Math.max(0, (ms / length) * 100))}%`;
    const from = Date.parse(view.at) - begun;
    const bar = made("span", "bar");
    bar.append(made("i", "stay"));
    bar.style.setProperty("--from", share(from));
    bar.style.setProperty("--long", share(view.seconds === null ? length - from : view.seconds * 1000));
    for (const each of view.events) {
      const tick = made("i", "tick");
      tick.style.setProperty("--at", share(Date.parse(each.at) - begun));
      tick.title = each.name;
      bar.append(tick);
    }
    const page = made("span", "page");
    page.append(made("bdi", "", named("page", view.page)));
    if (view.title) page.append(made("small", "", view.title));
    if (view.server) page.append(made("small", "", `told by ${view.server}`));
    const stay = view.seconds === null ? "open now" : figure("visit_seconds", view.seconds);
    item.append(
      made("time", "", this.clock.second(Date.parse(view.at))),
      page,
      bar,
      made("span", "stayed", `${stay}, engaged ${figure("engaged_seconds", view.engaged_seconds)}, ${view.depth} % deep`),
    );
    for (const each of view.events) item.append(this.#event(each));
    return item;
  }

  /** @param {Said} event */
  #event(event) {
    const line = made("span", "event");
    const properties = Object.entries(event.properties).map(([name, value]) => `${name} ${String(value)}`);
    const worth = event.value === null ? [] : [figure("value", event.value)];
    line.append(made("time", "", this.clock.second(Date.parse(event.at))), made("b", "", event.name), made("span", "", [...worth, ...properties].join(" · ")));
    return line;
  }
}

/**
 * @param {string} tag
 * @param {string} name of its class
 * @param {string} [text]
 */
function made(tag, name, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
