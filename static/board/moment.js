/**
 * The moment that the board shows is now, or a second of the past: this module says which, and what is then.
 *
 * @import {Clock} from "../shared/clock.js"
 * @import {LastHour, Snapshot} from "../shared/snapshot.js"
 * @import {Title} from "./title.js"
 */
import { hide, write } from "../shared/told.js";

const number = new Intl.NumberFormat("en");

export class Moment {
  /**
   * @param {HTMLElement} board
   * @param {Title} title
   * @param {Clock} clock
   */
  constructor(board, title, clock) {
    const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (board.querySelector(selector));
    this.title = title;
    this.clock = clock;
    this.when = part("[data-when]");
    this.hour = part("[data-hour-when]");
    this.time = part("[data-replay] b");
    this.lists = part(".lists");
    this.nobody = part("[data-empty]");
    this.heading = part("[data-empty] h2");
    this.last = part("[data-last]");
    /** Texts that read otherwise in the past. */
    this.words = [.../** @type {NodeListOf<HTMLElement>} */ (board.querySelectorAll("[data-then]"))].map((word) => ({
      word,
      now: word.textContent ?? "",
      then: word.dataset.then ?? "",
    }));
  }

  /**
   * @param {Snapshot} snapshot
   * @param {boolean} past
   * @param {boolean} filtered
   */
  say(snapshot, past, filtered) {
    const clock = this.clock.second(Date.parse(snapshot.at));
    const when = past ? `at ${clock}` : "now";
    write(this.when, when);
    write(this.hour, past ? `, 60 minutes to ${clock.slice(0, 5)}` : ", last 60 minutes");
    if (past) write(this.time, clock);
    for (const { word, now, then } of this.words) write(word, past ? then : now);
    this.title.count(`${number.format(snapshot.visitors)}${past ? ` ${when}` : ""}`);
    hide(this.lists, snapshot.tabs === 0);
    hide(this.nobody, snapshot.tabs > 0);
    if (snapshot.tabs) return;
    const nobody = filtered ? "Nobody here fits these filters" : "Nobody here";
    write(this.heading, past ? `${nobody.replace("here fits", "fitted").replace("here", "was here")} ${when}` : `${nobody} right now`);
    write(this.last, this.#lastView(snapshot.minutes, past ? "before" : "ago"));
  }

  /**
   * @param {LastHour} minutes
   * @param {string} ago
   */
  #lastView({ to, views }, ago) {
    const last = views.findLastIndex((count) => count > 0);
    if (last < 0) return `No page view in the ${ago === "ago" ? "last 60 minutes" : "60 minutes before"}.`;
    const back = views.length - 1 - last;
    return `Last page view ${back ? `${back} min ${ago}` : "within the last minute"}, at ${this.clock.minute(to - back)}.`;
  }
}
