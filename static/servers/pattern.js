/**
 * What is looked for in lines: words as they are, or between slashes an expression, and where it stands in a line.
 */

// Of one line; more would be all of it.
const MOST = 100;

export class Pattern {
  /** @param {RegExp | null} expression null finds nothing */
  constructor(expression) {
    this.expression = expression;
  }

  /**
   * "time out", "/time.?out/", "/E[0-9]+/i"
   * @param {string} text
   * @returns {Pattern | null} null where it is no expression
   */
  static read(text) {
    if (!text) return new Pattern(null);
    const [, expression, flags] = /^\/(.+)\/([imsu]*)$/s.exec(text) ?? [];
    try {
      if (expression !== undefined) return new Pattern(new RegExp(expression, `g${flags}`));
      return new Pattern(new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "gi"));
    } catch {
      return null;
    }
  }

  /**
   * The pieces of a line, every other of which was looked for; one piece where nothing was.
   * @param {string} line
   */
  pieces(line) {
    const pieces = [];
    let from = 0;
    if (this.expression) {
      for (const found of line.matchAll(this.expression)) {
        // What is found everywhere is nothing to be shown.
        if (!found[0]) continue;
        pieces.push(line.slice(from, found.index), found[0]);
        from = found.index + found[0].length;
        if (pieces.length >= 2 * MOST) break;
      }
    }
    return [...pieces, line.slice(from)];
  }
}
