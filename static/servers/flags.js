/**
 * What happened at a moment, as owners of the chosen site said it: a flag in every panel.
 *
 * @typedef {{id: number, at: number, text: string}} Flag `at`: seconds since the epoch
 */

// New ones come with the stream; what was changed or taken away since shows by then.
const EVERY_MS = 300_000;

export class Flags {
  /** @type {Flag[]} */ #flags = [];
  #site = "";

  constructor() {
    setInterval(() => this.#ask(), EVERY_MS);
  }

  /** Show another site's, or "" for none. @param {string} site */
  go(site) {
    if (site === this.#site) return;
    this.#site = site;
    this.#flags = [];
    this.#ask();
  }

  /** One was made. @param {Flag & {site: string}} flag */
  add({ id, at, text, site }) {
    if (site !== this.#site) return;
    this.#flags = [...this.#flags.filter((flag) => flag.id !== id), { id, at, text }].sort((one, other) => one.at - other.at);
  }

  /**
   * @param {number} since
   * @param {number} until
   */
  within(since, until) {
    return this.#flags.filter(({ at }) => since <= at && at <= until);
  }

  async #ask() {
    const site = this.#site;
    if (!site || document.hidden) return;
    try {
      const answer = await fetch(`/api/v1/sites/${site}/annotations`, { cache: "no-store" });
      if (!answer.ok) return;
      const { annotations } = await answer.json();
      if (site !== this.#site) return;
      this.#flags = annotations.map((/** @type {{id: number, at: string, text: string}} */ { id, at, text }) => ({ id, at: Date.parse(at) / 1000, text }));
    } catch {
      // They are asked for again.
    }
  }
}
