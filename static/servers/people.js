/**
 * Visitors at once of one site, beside what its servers do: the minutes of today, and from now on each snapshot.
 *
 * @import {Snapshot} from "../shared/snapshot.js"
 */
import { BoardSocket } from "../board/socket.js";

// Between two snapshots: a chart needs no more.
const APART = 5;

export class People {
  /** @type {Map<number, number>} */ #at = new Map();
  /** @type {BoardSocket | null} */ #socket = null;
  #site = "";

  /** Show another site, or "" for none. @param {string} site */
  go(site) {
    if (site === this.#site) return;
    this.#site = site;
    this.#at.clear();
    if (!site) return;
    this.#past(site);
    if (this.#socket) this.#socket.go(`/board/${site}`);
    else this.#socket = new BoardSocket(`/board/${site}`, (snapshot) => this.#show(snapshot), () => {});
  }

  /** @param {number} since @returns {[number, number][]} */
  values(since) {
    for (const at of this.#at.keys()) if (at < since) this.#at.delete(at);
    return [...this.#at].sort(([one], [other]) => one - other);
  }

  /** @param {Snapshot} snapshot */
  #show(snapshot) {
    if (snapshot.site !== this.#site) return;
    const at = Date.parse(snapshot.at) / 1000;
    this.#at.set(at - (at % APART), snapshot.visitors);
  }

  /** @param {string} site */
  async #past(site) {
    try {
      const answer = await fetch(`/sites/${site}/curve.json`, { cache: "no-store" });
      if (!answer.ok) return;
      const { from, visitors } = await answer.json();
      if (site !== this.#site) return;
      // The running minute is told by snapshots.
      visitors.last.slice(0, -1).forEach((/** @type {number} */ figure, /** @type {number} */ minute) => {
        this.#at.set((from + minute) * 60 + 55, figure);
      });
    } catch {
      // The line begins now.
    }
  }
}
