/**
 * The comparison is one line under the number: how it stands to the same minute of another day, and today's peak.
 *
 * @import {Clock} from "../../shared/clock.js"
 * @import {Day} from "./day.js"
 */
import { dayName } from "./day.js";

const number = new Intl.NumberFormat("en");

/**
 * @param {HTMLElement} line
 * @param {Day} day
 * @param {Clock} clock
 */
export function compare(line, { curve, visitors }, clock) {
  if (!curve) return;
  const { before, peak } = curve;
  const parts = [];
  if (before) {
    const when = `${dayName(curve.day, before.day)} ${clock.minute(curve.from + curve.visitors.most.length - 1)}`;
    parts.push(`${difference(visitors, before.same.visitors)} ${when}`);
  }
  if (peak.visitors) parts.push(`peak ${number.format(peak.visitors.most)} at ${clock.minute(peak.visitors.at / 60)}`);
  const text = parts.join(" · ");
  if (line.textContent !== text) line.textContent = text;
}

/**
 * "+12 % on", or in numbers where a percentage would say little
 * @param {number} now
 * @param {number} then
 */
function difference(now, then) {
  if (now === then) return "as many as";
  if (then < 10) return `${number.format(then)}`;
  const percent = Math.round((now / then - 1) * 100);
  return `${percent > 0 ? "+" : percent < 0 ? "−" : "±"}${number.format(Math.abs(percent))} % on`;
}
