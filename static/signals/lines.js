/**
 * Lines of series in SVG, told apart by hue, and by dashes where hues run out; and what a line says of a moment.
 */

const NS = "http://www.w3.org/2000/svg";
// One turn of hues, then dashed: told apart in grey, too.
const HUES = [255, 25, 145, 75, 310, 195, 50, 345];
// What was not told for so many windows is a gap, and no straight line.
const GAP = 3.5;

/**
 * A line through these figures, with gaps where nothing was told.
 * @param {[number, number][]} values seconds since the epoch, and figures
 * @param {(at: number) => number} x
 * @param {(figure: number) => number} y
 * @param {number} seconds how long windows are
 */
export function path(values, x, y, seconds) {
  let before = -Infinity;
  return values
    .map(([at, figure]) => {
      const pen = before === -Infinity || at - before > GAP * seconds ? "M" : "L";
      before = at;
      return `${pen}${x(at).toFixed(1)} ${y(figure).toFixed(1)}`;
    })
    .join("");
}

/**
 * The figure of a moment: the last one up to it, if that is not long ago; without a moment the last of all.
 * @param {[number, number][]} values
 * @param {number | null} at
 * @param {number} seconds
 */
export function nearest(values, at, seconds) {
  if (at === null) return values.at(-1)?.[1];
  const found = values.findLast(([began]) => began <= at + seconds / 2);
  return found && at - found[0] <= GAP * seconds ? found[1] : undefined;
}

/**
 * @param {HTMLElement | SVGElement} part
 * @param {number} number
 */
export function colour(part, number) {
  part.style.setProperty("--hue", String(HUES[number % HUES.length]));
  part.dataset.turn = String(Math.min(2, Math.floor(number / HUES.length)));
}

/**
 * A part of an axis that ends above the most: 1, 2, 2.5 or 5 times a power of ten.
 * @param {number} most
 * @param {number} parts of the axis
 */
export function niceStep(most, parts) {
  if (most <= 0) return 0.5;
  const least = most / parts;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= least) ?? least;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 */
export function drawn(tag, attributes) {
  const made = /** @type {SVGElement} */ (document.createElementNS(NS, tag));
  for (const [name, text] of Object.entries(attributes)) made.setAttribute(name, text);
  return made;
}
