/**
 * Sight tells whether somebody would see a thing move. Browsers run what moves out of sight on the page's own thread,
 * sixty times a second: a list that is folded away must not fade its rows.
 */

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Sight {
  #near = false;

  /** @param {Element} element */
  constructor(element) {
    new IntersectionObserver((entries) => (this.#near = entries.at(-1)?.isIntersecting ?? false)).observe(element);
  }

  /** Whether it is on the screen, and somebody wants movement. */
  get moves() {
    return this.#near && !still.matches && !document.hidden;
  }
}
