/**
 * What a time meant to the people on a site, in the sentence that the API has for it. It is asked when somebody wants to
 * know, and never before.
 *
 * @typedef {{annotation: number} | {from: number, to: number | null}} Asked of an annotation, or from when until when in
 *   seconds since the epoch; without an end it is ten minutes
 */

export class Impact {
  #number = 0;
  #shown = "";

  /** @param {HTMLElement} root where the sentence stands */
  constructor(root) {
    this.root = root;
  }

  clear() {
    this.#number++;
    this.#shown = "";
    this.root.hidden = true;
  }

  /**
   * @param {string} site
   * @param {Asked} asked
   */
  async show(site, asked) {
    const query = new URLSearchParams();
    if ("annotation" in asked) query.set("annotation", String(asked.annotation));
    else {
      query.set("from", moment(asked.from));
      if (asked.to !== null) query.set("to", moment(asked.to));
    }
    const address = `/api/v1/sites/${site}/impact?${query}`;
    if (address === this.#shown) return;
    const number = ++this.#number;
    this.#shown = address;
    this.root.hidden = false;
    this.root.textContent = "What it meant to people is being worked out …";
    const words = await sentence(address);
    if (number === this.#number) this.root.textContent = words;
  }
}

/** @param {string} address */
async function sentence(address) {
  try {
    const answer = await fetch(address, { cache: "no-store" });
    const told = await answer.json();
    if (answer.ok) return told.sentence;
    return typeof told.error === "string" ? told.error : told.error.message;
  } catch {
    return "No connection to Footfall.";
  }
}

/** @param {number} at seconds since the epoch */
function moment(at) {
  return new Date(at * 1000).toISOString();
}
