/**
 * The installation: the snippet in the variant that somebody chooses, a page of the site to open, and a check that
 * turns green by itself. On a board it gives way to it.
 *
 * @import {Snapshot} from "../shared/snapshot.js"
 * @import {SiteState} from "./doctor.js"
 */
import { copyFrom } from "../shared/copying.js";
import { Doctor } from "./doctor.js";
import { Poll } from "./poll.js";

const GREEN_MS = 1_400;
const LOOK_MS = 2_000;
const PATIENCE_S = 15;
const NOTHING =
  "Nothing has come yet. Is the line in the page that was opened (look at its source)? Does a blocker of ads or the " +
  "page’s own policy stop it (look into the browser’s console)?";

export class Install {
  /** When a page was opened to be looked for, by the server's clock in seconds. */
  #opened = 0;
  #now = 0;

  /**
   * @param {HTMLElement} root
   * @param {string} key the site's
   * @param {(() => void) | null} giveWay shows the board; null on the page of its own, which stays
   */
  constructor(root, key, giveWay) {
    this.root = root;
    this.giveWay = giveWay;
    this.installed = root.dataset.installed === "yes";
    this.done = root.hidden;
    this.check = part(root, ".check");
    this.words = part(this.check, "[role=status]");
    this.doctor = new Doctor(part(root, "[data-doctor]"), key);
    part(root, "[data-copy]").addEventListener("click", ({ currentTarget }) =>
      copyFrom(/** @type {HTMLButtonElement} */ (currentTarget)),
    );
    choose(root);
    part(root, "[data-look]").addEventListener("submit", (event) => this.#look(event));
    /** @type {Poll<SiteState> | null} */
    this.poll = this.done ? null : new Poll(`/sites/${key}/install.json`, LOOK_MS, (state) => this.#hear(state));
  }

  /**
   * What the board's socket says, which is sooner.
   * @param {Snapshot} snapshot
   */
  update(snapshot) {
    if (this.done || !visited(snapshot)) return;
    this.#found(snapshot.pages[0] ? `It works: somebody is on ${snapshot.pages[0].name}` : null);
  }

  /** @param {SiteState} state */
  #hear(state) {
    this.#now = state.now;
    this.doctor.show(state);
    const { last } = state;
    if (last && this.#opened && last.at >= this.#opened) {
      const after = Math.max(0, last.at - this.#opened);
      this.#opened = 0;
      this.#found(`It works: ${last.page} was counted ${after.toFixed(1)} s after you opened it`);
    } else if (last && !this.installed) {
      this.#found(`It works: ${last.page} was counted`);
    } else if (this.#opened && state.now - this.#opened > PATIENCE_S && this.words.textContent !== NOTHING) {
      this.words.textContent = NOTHING;
    }
  }

  /** @param {string | null} text */
  #found(text) {
    this.installed = true;
    this.check.classList.add("found");
    this.words.textContent = text ?? "It works: the first page view is here";
    const { giveWay } = this;
    if (!giveWay) return;
    this.done = true;
    this.poll?.stop();
    this.doctor.hide();
    setTimeout(() => {
      this.root.hidden = true;
      giveWay();
    }, GREEN_MS);
  }

  /** @param {Event} event */
  #look(event) {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (part(this.root, "#look"));
    const url = new URL(field.value);
    if (!/^https?:$/.test(url.protocol)) return;
    this.check.classList.remove("found");
    this.words.textContent = `Waiting for a page view of ${url.host}.`;
    this.#opened = this.#now || Date.now() / 1000;
    open(url, "_blank", "noopener");
  }
}

/**
 * Whether anybody has come within the last hour.
 * @param {Snapshot} snapshot
 */
function visited({ tabs, minutes }) {
  return tabs > 0 || minutes.views.some((views) => views > 0);
}

/**
 * Lets somebody choose among the variants, by mouse and by arrow keys.
 * @param {HTMLElement} root
 */
function choose(root) {
  const tabs = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("[role=tab]")]);
  const panel = part(root, "[role=tabpanel]");
  /** @param {HTMLElement} tab */
  const show = (tab) => {
    const template = /** @type {HTMLTemplateElement} */ (part(root, `[data-variant=${tab.id.replace("variant-", "")}]`));
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", tab.id);
    part(panel, ".where").textContent = template.dataset.where ?? "";
    part(panel, "code").textContent = template.content.textContent;
  };
  for (const [at, tab] of tabs.entries()) {
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      const next = step && tabs[(at + step + tabs.length) % tabs.length];
      if (!next) return;
      next.focus();
      show(next);
    });
  }
}

/** @param {ParentNode} root @param {string} selector */
function part(root, selector) {
  return /** @type {HTMLElement} */ (root.querySelector(selector));
}
