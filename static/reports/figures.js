/**
 * The figures are the tabs of the chart: each with what it was before, in words, since worse has no colour.
 *
 * @import {Answer} from "./ask.js"
 */
import { unprepared } from "./ask.js";
import { either } from "./imported.js";
import { change, figure, moment } from "./words.js";

export class Figures {
  /**
   * @param {HTMLElement} root a tablist of `[data-measure]` tabs
   * @param {(measure: string) => void} chose
   */
  constructor(root, chose) {
    this.tabs = [.../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-measure]"))];
    this.tabs.forEach((tab) => {
      tab.addEventListener("click", () => chose(tab.dataset.measure ?? ""));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const seen = this.tabs.filter((each) => !each.hidden);
        const next = step && seen[(seen.indexOf(tab) + step + seen.length) % seen.length];
        if (!next) return;
        // On the page they step through time.
        event.stopPropagation();
        event.preventDefault();
        next.focus();
        next.click();
      });
    });
  }

  /** @param {string} measure */
  choose(measure) {
    for (const tab of this.tabs) {
      const chosen = tab.dataset.measure === measure;
      tab.ariaSelected = String(chosen);
      tab.tabIndex = chosen ? 0 : -1;
    }
  }

  /**
   * Show those measures that an answer has.
   * @param {Answer} answer
   */
  show(answer) {
    const { totals, compared, imported, preparing } = answer;
    const none = unprepared(answer);
    const early = compared && (!answer.counted_from || compared.from < answer.counted_from.slice(0, 10));
    for (const tab of this.tabs) {
      const measure = tab.dataset.measure ?? "";
      if (!(measure in totals)) continue;
      const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (tab.querySelector(name));
      const others = imported?.totals?.[measure] ?? null;
      const told = either(none ? null : totals[measure], others);
      const before = either(compared?.totals[measure], imported?.compared?.totals?.[measure]);
      part("b").textContent = figure(measure, told.value);
      tab.classList.toggle("imported", told.imported);
      // What a part of the days came to is no more and no less than what all of them did before, nor the other way round.
      const fair = !preparing && (!early || before.imported);
      const changed = compared && fair ? change(measure, told.value, before.value) : "";
      const words = [
        told.imported ? "imported" : "",
        changed && before.imported && !told.imported ? `${changed} from imported` : changed,
        others !== null && !told.imported ? `and ${figure(measure, others)} imported` : "",
      ]
        .filter(Boolean)
        .join(", ");
      const at = measure === "at_once_peak" && !none && totals.at_once_peak_at ? peak(totals.at_once_peak_at) : "";
      part("small").textContent = at && words ? `${words}, ${at}` : words || at;
    }
  }
}

/** @param {string} text */
function peak(text) {
  return `${moment("day", text)} ${text.slice(11, 19)}`;
}
