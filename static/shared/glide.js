/**
 * What glides is where it belongs at once, and only seen on its way there. That is one transform, which browsers move
 * without the page's own thread: a transition of what decides places, or of a transform that stays, costs it each frame.
 */

export const GLIDE = { duration: 180, easing: "ease-out" };

export class Glide {
  /** @type {Animation | null} */ #running = null;
  #from = 0;

  /**
   * @param {HTMLElement} element
   * @param {(rest: number) => string} transform what it looks like with so much of its way before it
   * @param {string} [still] what it looks like at rest
   */
  constructor(element, transform, still = "none") {
    this.element = element;
    this.transform = transform;
    this.still = still;
  }

  /** It has got somewhere else: from where it is seen now it goes on from there. @param {number} way from there to here */
  go(way) {
    const from = this.#rest + way;
    this.#running?.cancel();
    this.#from = from;
    this.#running = this.element.animate({ transform: [this.transform(from), this.still] }, GLIDE);
  }

  /** It is there, and no longer seen elsewhere. */
  stop() {
    this.#running?.cancel();
    this.#running = null;
  }

  /** How much of its last way is before it; no progress is told of one that has ended. */
  get #rest() {
    return this.#from * (1 - (this.#running?.effect?.getComputedTiming().progress ?? 1));
  }
}
