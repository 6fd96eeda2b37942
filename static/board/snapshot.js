/**
 * What the server sends (docs/protocol.md, "Live JSON").
 *
 * @typedef {{name: string, tabs: number}} Row
 * @typedef {"pages" | "referrers" | "channels" | "campaigns" | "countries" | "browsers" | "systems" | "devices"} Dimension
 * @typedef {{to: number, views: number[]}} Minutes  `to`: epoch minute of the last of the 60 counts
 * @typedef {{site: string, at: string, seq: number, stale: number, tabs: number, visitors: number,
 *   active: number, idle: number, hidden: number, world: Record<string, number>, system: import("./strip.js").System, stream?: import("./stream.js").News, totals: Record<Dimension, number>, minutes: Minutes}
 *   & Record<Dimension, Row[]>} Snapshot
 */

/**
 * Whether anybody has come within the last hour.
 * @param {Snapshot} snapshot
 */
export function visited(snapshot) {
  return snapshot.tabs > 0 || snapshot.minutes.views.some((views) => views > 0);
}
