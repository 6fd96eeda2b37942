/**
 * What somebody chose to look at stands in the address of the page: a period, filters, a measure, the tabs. So it can be
 * sent to others, and the back button leads back.
 *
 * @typedef {{dimension: string, operator: Operator, values: string[]}} Filter
 * @typedef {"is" | "not" | "match" | "notmatch"} Operator
 */

/** @type {Record<Operator, string>} */
const ENDINGS = { is: "", not: ".not", match: ".match", notmatch: ".notmatch" };
const OPERATORS = /** @type {Operator[]} */ (Object.keys(ENDINGS));

export class Choice {
  // What lies over the page: how it closes at the back button, and what was chosen when it was laid there.
  /** @type {{name: string, close: () => boolean, before: string} | null} */ #over = null;

  /**
   * @param {string[]} dimensions that may be filtered by
   * @param {() => void} changed
   */
  constructor(dimensions, changed) {
    this.dimensions = dimensions;
    this.changed = changed;
    this.query = new URLSearchParams(location.search);
    addEventListener("popstate", () => {
      if (this.#over) return this.#back();
      const before = this.query.toString();
      this.query = new URLSearchParams(location.search);
      if (this.query.toString() !== before) this.changed();
    });
  }

  /**
   * @param {string} name
   * @param {string} other what it is where the address does not say
   */
  get(name, other) {
    return this.query.get(name) ?? other;
  }

  /**
   * Change what is chosen; null takes a parameter away.
   * @param {Record<string, string | null>} values
   */
  set(values) {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(values)) {
      if (value === null) query.delete(name);
      else query.set(name, value);
    }
    this.#go(query);
  }

  /** @returns {Filter[]} */
  get filters() {
    /** @type {Filter[]} */
    const found = [];
    for (const parameter of new Set(this.query.keys())) {
      const operator = OPERATORS.findLast((each) => parameter.endsWith(ENDINGS[each])) ?? "is";
      const dimension = operator === "is" ? parameter : parameter.slice(0, -ENDINGS[operator].length);
      if (this.dimensions.includes(dimension) || dimension.startsWith("property:")) {
        found.push({ dimension, operator, values: this.query.getAll(parameter) });
      }
    }
    return found;
  }

  /** The filters as parameters of a question. */
  get filterQuery() {
    const query = new URLSearchParams();
    for (const { dimension, operator, values } of this.filters) {
      for (const value of values) query.append(dimension + ENDINGS[operator], value);
    }
    return query;
  }

  /**
   * Put a filter in the place of another one, or of none; without values it is taken away.
   * @param {Filter | null} before
   * @param {Filter | null} after
   */
  replace(before, after) {
    const query = new URLSearchParams(this.query);
    if (before) query.delete(before.dimension + ENDINGS[before.operator]);
    if (after) {
      const parameter = after.dimension + ENDINGS[after.operator];
      const known = query.getAll(parameter);
      for (const value of after.values) if (!known.includes(value)) query.append(parameter, value);
    }
    this.#go(query);
  }

  /**
   * Filter by a name of a dimension, or by none of it; the same once more takes that away.
   * @param {string} dimension
   * @param {string} name
   * @param {Operator} operator
   */
  toggle(dimension, name, operator) {
    const there = this.filters.find((each) => each.dimension === dimension && each.operator === operator);
    const others = there?.values.filter((value) => value !== name) ?? [];
    const values = there && others.length < there.values.length ? others : [...others, name];
    this.replace(there ?? null, { dimension, operator, values });
  }

  /**
   * @param {string} dimension
   * @param {string} name
   */
  has(dimension, name) {
    return this.filters.some((each) => each.dimension === dimension && each.operator === "is" && each.values.includes(name));
  }

  /** The goal whose conversions are shown, "" for none. */
  get goal() {
    return this.get("conversion", "");
  }

  /** The page that is looked at in detail, "" for the whole site. */
  get detail() {
    return this.get("detail", "");
  }

  /** The segment whose filters are added, "" for none. */
  get segment() {
    return this.get("segment", "");
  }

  /**
   * Put a segment in the place of the filters, or filters in the place of a segment.
   * @param {string | null} segment its number
   * @param {URLSearchParams} filters
   */
  exchange(segment, filters = new URLSearchParams()) {
    const query = new URLSearchParams(this.query);
    for (const { dimension, operator } of this.filters) query.delete(dimension + ENDINGS[operator]);
    query.delete("segment");
    if (segment) query.set("segment", segment);
    for (const [name, value] of filters) query.append(name, value);
    this.#go(query);
  }

  /**
   * Lay something over the page, which the back button closes: what is chosen in it is one step.
   * @param {string} name which the address has meanwhile
   * @param {() => boolean} close whether nothing of it lies there any more
   */
  lay(name, close) {
    this.#over = { name, close, before: this.query.toString() };
    history.pushState(null, "", this.#address);
  }

  /** What lay over the page is closed. */
  lift() {
    if (!this.#over) return;
    const { before } = this.#over;
    this.#over = null;
    if (this.query.toString() === before) history.back();
    else history.replaceState(null, "", this.#address);
  }

  /** The back button was pressed while something lies over the page: what is chosen in it stays. */
  #back() {
    const over = this.#over;
    if (!over) return;
    this.#over = null;
    const closed = over.close();
    if (!closed) this.#over = over;
    if (!closed || this.query.toString() !== over.before) history.pushState(null, "", this.#address);
  }

  get #address() {
    const { query } = this;
    return `${location.pathname}${query.size ? `?${query}` : ""}${this.#over ? `#${this.#over.name}` : ""}`;
  }

  /** @param {URLSearchParams} query */
  #go(query) {
    if (query.toString() === this.query.toString()) return;
    this.query = query;
    if (this.#over) history.replaceState(null, "", this.#address);
    else history.pushState(null, "", this.#address);
    this.changed();
  }
}
