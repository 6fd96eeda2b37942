/**
 * Who was refused at the site's door within a minute, the last first, each with what can be done about it. Hosts and
 * programs are said by strangers: they are text.
 */
import { readableHost } from "../shared/hosts.js";

/** @typedef {{ reason: string, of: string, count: number, at: number }} Refusal */
/** @typedef {{ now: number, refused: Refusal[], rule: string, last?: { at: number, page: string } | null }} SiteState */
/** @typedef {{ name: string, of: string, word: string, note?: string }} Remedy */

const OTHER = "(other)";
const SAID_MS = 20_000;
// What somebody should know of whose site counts already. All else a site refuses on purpose, all day long.
const ALARMING = new Set(["wrong_origin", "foreign_page", "unknown_site"]);
const NO_HOST = "A page that says no host: a file that is opened without a server, or a frame in a sandbox.";

export class Doctor {
  /** @type {Map<string, HTMLElement>} */ #rows = new Map();
  /** @type {Map<string, number>} */ #done = new Map();

  /**
   * @param {HTMLElement} root
   * @param {string} key the site's
   * @param {{ calm?: boolean }} [how] calm: it shows itself for what somebody should know of, and can be told to stop
   */
  constructor(root, key, { calm = false } = {}) {
    this.root = root;
    this.key = key;
    this.calm = calm;
    this.list = /** @type {HTMLElement} */ (root.querySelector("ul"));
    this.token = /** @type {HTMLInputElement | null} */ (root.querySelector("[name=csrfmiddlewaretoken]"))?.value ?? "";
  }

  hide() {
    this.root.hidden = true;
  }

  /** @param {SiteState} state */
  show({ refused, rule }) {
    const names = new Set(refused.map(nameOf));
    for (const [name, row] of this.#rows) {
      if (names.has(name) || Date.now() < (this.#done.get(name) ?? 0)) continue;
      if (row.contains(document.activeElement)) this.root.focus();
      row.remove();
      this.#rows.delete(name);
    }
    for (const each of [...refused].reverse()) {
      const name = nameOf(each);
      if (this.#rows.has(name) || this.#isHidden(name)) continue;
      const row = this.#row(each, rule);
      this.#rows.set(name, row);
      this.list.prepend(row);
    }
    const worthwhile = [...this.#rows.keys()].some((name) => !this.calm || ALARMING.has(name.split(" ", 1)[0] ?? ""));
    this.root.hidden = !worthwhile;
  }

  /** @param {Refusal} refusal @param {string} rule */
  #row(refusal, rule) {
    const row = document.createElement("li");
    const words = document.createElement("p");
    words.textContent = sentence(refusal, rule);
    row.append(words);
    const remedy = remedyFor(refusal, rule);
    if (remedy && this.token) {
      const button = document.createElement("button");
      button.textContent = remedy.word;
      button.addEventListener("click", () => this.#mend(nameOf(refusal), remedy, words, button));
      row.append(button);
      if (remedy.note) row.append(note(remedy.note));
    } else if (remedy) row.append(note("An owner of the site can change that."));
    if (refusal.reason === "excluded_path" || (refusal.reason === "excluded_address" && !remedy)) {
      const link = document.createElement("a");
      link.href = `/sites/${this.key}/settings/#excluded`;
      link.textContent = "What is not counted";
      row.append(link);
    }
    if (this.calm) row.append(this.#hider(nameOf(refusal)));
    return row;
  }

  /** @param {string} name @param {Remedy} remedy @param {HTMLElement} words @param {HTMLButtonElement} button */
  async #mend(name, remedy, words, button) {
    button.disabled = true;
    const body = new FormData();
    body.set("of", remedy.of);
    try {
      const answer = await fetch(`/sites/${this.key}/remedies/${remedy.name}/`, {
        method: "POST",
        body,
        headers: { "X-CSRFToken": this.token },
      });
      const { said, error } = await answer.json();
      if (!answer.ok) throw new Error(error);
      words.textContent = said;
      this.#done.set(name, Date.now() + SAID_MS);
      for (const rest of [...(words.parentElement?.children ?? [])]) if (rest !== words) rest.remove();
      words.tabIndex = -1;
      words.focus();
    } catch (error) {
      button.disabled = false;
      words.textContent = `That could not be done. ${error instanceof Error ? error.message : ""}`;
    }
  }

  /** @param {string} name */
  #hider(name) {
    const button = document.createElement("button");
    button.className = "quiet";
    button.textContent = "Hide";
    button.title = "It is not mine: this browser tells no more of it";
    button.addEventListener("click", () => {
      try {
        localStorage.setItem(this.#kept, JSON.stringify([...this.#hidden(), name].slice(-100)));
      } catch {
        // Storage is blocked: it is hidden until it knocks again.
      }
      this.#rows.get(name)?.remove();
      this.#rows.delete(name);
      this.root.hidden = this.#rows.size === 0;
    });
    return button;
  }

  get #kept() {
    return `footfall.unheard.${this.key}`;
  }

  /** @returns {string[]} */
  #hidden() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#kept) ?? "[]");
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  }

  /** @param {string} name */
  #isHidden(name) {
    return this.calm && this.#hidden().includes(name);
  }
}

/** @param {Refusal} refusal */
function nameOf({ reason, of }) {
  return `${reason} ${of}`;
}

/** @param {string} text */
function note(text) {
  const element = document.createElement("span");
  element.className = "note";
  element.textContent = text;
  return element;
}

/**
 * What an owner can do about it with a press.
 * @param {Refusal} refusal
 * @param {string} rule of the site's exclusions, the one that the reader's own address lies in
 * @returns {Remedy | null}
 */
function remedyFor({ reason, of }, rule) {
  switch (reason) {
    case "wrong_origin":
    case "foreign_page":
      return of && of !== OTHER ? { name: "hosts", of, word: "Allow it", note: "if it is yours." } : null;
    case "opted_out":
      return { name: "opted-out", of: "", word: "Count them, too" };
    case "excluded_address":
      return rule ? { name: "addresses", of: rule, word: `Count ${rule} again` } : null;
    case "unknown_site":
      return { name: "enabled", of: "", word: "Switch it on" };
    default:
      return null;
  }
}

/** @param {Refusal} refusal @param {string} rule */
function sentence({ reason, of }, rule) {
  switch (reason) {
    case "wrong_origin":
      return of ? `${readableHost(of)} is no host of this site.` : NO_HOST;
    case "foreign_page":
      return `A page of ${readableHost(of)}, which is no host of this site.`;
    case "bot":
      return `A program${of ? ` (${of})` : ""}. Programs are not counted: was it you, use an ordinary browser.`;
    case "opted_out":
      return "A visitor who asks not to be tracked, which this site honours. Was it you, look into your browser’s settings.";
    case "excluded_address":
      return rule
        ? `A visitor from an address that this site leaves out. Yours is one: it lies in ${rule}.`
        : "A visitor from an address that this site leaves out; yours is none.";
    case "excluded_path":
      return "A page that this site leaves out by its path.";
    case "unknown_site":
      return "This site is switched off: nobody is counted.";
    default:
      return `${reason}.`;
  }
}
