/**
 * The installation stands in place of the board before the first visit: the snippet to copy, and a check that turns
 * green by itself and gives way to the board.
 *
 * @import {Snapshot} from "../shared/snapshot.js"
 */
import { copyFrom } from "../shared/copying.js";
import { Knocks } from "./knocks.js";

const GREEN_MS = 1_400;

export class Install {
  /**
   * @param {HTMLElement} root
   * @param {string} key the site's
   * @param {() => void} giveWay shows the board
   */
  constructor(root, key, giveWay) {
    this.root = root;
    this.giveWay = giveWay;
    this.done = root.hidden;
    const knock = /** @type {HTMLElement} */ (root.querySelector("[data-knock]"));
    this.knocks = this.done ? null : new Knocks(knock, key);
    const button = /** @type {HTMLButtonElement} */ (root.querySelector("[data-copy]"));
    button.addEventListener("click", () => copyFrom(button));
  }

  /** @param {Snapshot} snapshot */
  update(snapshot) {
    if (this.done || !visited(snapshot)) return;
    this.done = true;
    this.knocks?.stop();
    const page = snapshot.pages[0]?.name;
    const check = /** @type {HTMLElement} */ (this.root.querySelector(".check"));
    const words = /** @type {HTMLElement} */ (check.querySelector("[role=status]"));
    check.classList.add("found");
    words.textContent = page ? `It works: somebody is on ${page}` : "It works: the first page view is here";
    setTimeout(() => {
      this.root.hidden = true;
      this.giveWay();
    }, GREEN_MS);
  }
}

/**
 * Whether anybody has come within the last hour.
 * @param {Snapshot} snapshot
 */
function visited({ tabs, minutes }) {
  return tabs > 0 || minutes.views.some((views) => views > 0);
}
