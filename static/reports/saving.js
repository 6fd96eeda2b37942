/**
 * What members save for a site, sent to the API: made, changed, deleted; what was deleted can be made again.
 */

export class Saving {
  /** @type {(() => Promise<void>) | null} */ #again = null;

  /**
   * @param {string} url of the site in the API
   * @param {HTMLElement} banner where a deletion is undone
   * @param {(problem: string) => void} failed
   */
  constructor(url, banner, failed) {
    this.url = url;
    this.banner = banner;
    this.failed = failed;
    banner.querySelector("button")?.addEventListener("click", async () => {
      this.banner.hidden = true;
      await this.#again?.();
    });
  }

  /**
   * The answer, or null where it was refused, which the page says, or `refused` if that is given.
   * @param {string} method
   * @param {string} path
   * @param {object | null} body
   * @param {(problem: string) => void} [refused]
   */
  async send(method, path, body, refused = this.failed) {
    const token = /** @type {HTMLInputElement | null} */ (document.querySelector("[name=csrfmiddlewaretoken]"))?.value ?? "";
    try {
      const response = await fetch(`${this.url}/${path}`, {
        method,
        cache: "no-store",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: body && JSON.stringify(body),
      });
      const said = await response.json();
      if (response.ok) return said;
      refused(typeof said.error === "string" ? said.error : said.error.message);
    } catch {
      refused("No connection to Footfall: nothing was changed.");
    }
    return null;
  }

  /**
   * Delete something, and offer to make it again.
   * @param {string} path of all of its kind
   * @param {number} id
   * @param {string} words that say what is gone
   * @param {(made: any) => void} again
   */
  async remove(path, id, words, again) {
    const said = await this.send("DELETE", `${path}/${id}`, null);
    if (!said) return false;
    const text = /** @type {HTMLElement} */ (this.banner.querySelector("p"));
    text.textContent = words;
    this.banner.hidden = false;
    this.#again = async () => {
      const made = await this.send("POST", path, said.deleted);
      if (made) again(made);
    };
    /** @type {HTMLElement | null} */ (this.banner.querySelector("button"))?.focus();
    return true;
  }
}
