/**
 * Who was refused at the site's door just now, while nobody has come in: where a snippet stands already, this is what
 * keeps it from counting. Hosts and programs are said by strangers: they are text.
 */

import { readableHost } from "../shared/hosts.js";

/** @typedef {{ reason: string, of: string, count: number, at: string }} Knock */

const LOOK_MS = 2_000;
// What was refused longer ago has nothing to do with the snippet that is being put in now.
const RECENT_MS = 600_000;
const NO_HOST = "a page that says no host: a file that is opened without a server, or a frame in a sandbox";

export class Knocks {
  /** @type {Set<string>} */ #allowed = new Set();
  #host = "";

  /**
   * @param {HTMLElement} root
   * @param {string} key the site's
   */
  constructor(root, key) {
    this.root = root;
    this.address = `/api/v1/sites/${encodeURIComponent(key)}/refusals`;
    this.words = /** @type {HTMLElement} */ (root.querySelector("[role=status]"));
    this.form = root.querySelector("form");
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#allow();
    });
    this.timer = setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  stop() {
    clearInterval(this.timer);
    this.root.hidden = true;
  }

  async #look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(this.address);
      if (answer.ok) this.#show((await answer.json()).refusals);
    } catch {
      // The board itself says when Footfall cannot be reached.
    }
  }

  /** @param {Knock[]} knocks the last one first */
  #show(knocks) {
    const recent = knocks.filter(({ at, of }) => Date.now() - Date.parse(at) < RECENT_MS && !this.#allowed.has(of));
    // A host that is missing is what an owner can mend; programs knock everywhere, all the time.
    const knock = recent.find(({ reason, of }) => reason === "wrong_origin" && of) ?? recent[0];
    if (!knock) return;
    this.root.hidden = false;
    this.#host = knock.reason === "wrong_origin" ? knock.of : "";
    say(this.words, `Refused just now: ${sentence(knock)}`);
    if (this.form) this.form.hidden = !this.#host || this.#host === "(other)";
  }

  async #allow() {
    const form = /** @type {HTMLFormElement} */ (this.form);
    const host = this.#host;
    /** @type {HTMLInputElement} */ (form.elements.namedItem("host")).value = host;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      if (!answer.ok) throw new Error((await answer.json()).error);
      this.#allowed.add(host);
      form.hidden = true;
      say(this.words, `${readableHost(host)} is allowed now. Load its page again.`);
    } catch (error) {
      say(this.words, `${readableHost(host)} could not be allowed. ${error instanceof Error ? error.message : ""}`);
    }
  }
}

/**
 * The same words are not said again.
 * @param {HTMLElement} element
 * @param {string} text
 */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {Knock} knock */
function sentence({ reason, of }) {
  switch (reason) {
    case "wrong_origin":
      return of ? `${readableHost(of)} is no host of this site.` : `${NO_HOST}.`;
    case "foreign_page":
      return `a page of ${readableHost(of)}, which is no host of this site.`;
    case "bot":
      return `a program${of ? ` (${of})` : ""}. Programs are not counted.`;
    case "opted_out":
      return "a visitor who asks not to be tracked, which this site honours.";
    case "excluded_address":
      return "a visitor from an address that this site leaves out.";
    case "excluded_path":
      return "a page that this site leaves out.";
    case "unknown_site":
      return "this site is switched off.";
    default:
      return `${reason}.`;
  }
}
