/** Asks for something again and again, while somebody looks at the page. */

/** @template Answer */
export class Poll {
  /**
   * @param {string} address
   * @param {number} period ms
   * @param {(answer: Answer) => void} heard
   */
  constructor(address, period, heard) {
    this.address = address;
    this.heard = heard;
    this.stopped = false;
    this.timer = setInterval(() => this.ask(), period);
    document.addEventListener("visibilitychange", () => this.ask());
    this.ask();
  }

  stop() {
    this.stopped = true;
    clearInterval(this.timer);
  }

  async ask() {
    if (document.hidden || this.stopped) return;
    try {
      const answer = await fetch(this.address, { cache: "no-store" });
      if (!answer.ok) return;
      const read = await answer.json();
      if (!this.stopped) this.heard(read);
    } catch {
      // What is there stays: the page itself says when Footfall cannot be reached, or the next time asks again.
    }
  }
}
