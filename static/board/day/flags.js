/**
 * What owners flagged of the day, above its curve: a press leads there.
 *
 * @import {Clock} from "../../shared/clock.js"
 * @import {DayCurve, DayFlag} from "./day.js"
 */

export class DayFlags {
  #shown = "";

  /**
   * @param {HTMLElement} root
   * @param {Clock} clock
   * @param {(flag: DayFlag) => void} go called with the flag that is pressed
   */
  constructor(root, clock, go) {
    this.root = root;
    this.clock = clock;
    this.go = go;
  }

  /** @param {DayCurve} day */
  show({ from, minutes, flags }) {
    const shown = JSON.stringify([from, flags]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.root.replaceChildren(
      ...flags.map((flag) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = "⚑";
        button.ariaLabel = button.title = `${this.clock.minute(flag.at / 60)}: ${flag.text}`;
        button.style.setProperty("--x", `${((flag.at / 60 - from) / minutes) * 100}%`);
        button.addEventListener("click", () => this.go(flag));
        return button;
      }),
    );
  }
}
