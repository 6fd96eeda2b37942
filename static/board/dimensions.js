/**
 * The dimensions of the board: the page has a list for each one that the server knows, so they stand nowhere else.
 *
 * @import {Dimension} from "../shared/snapshot.js"
 */

/** @type {NodeListOf<HTMLElement>} */
const lists = document.querySelectorAll("[data-list][data-parameter]");

/** What filters each dimension in a query string. */
export const PARAMETERS = /** @type {Record<Dimension, string>} */ (
  Object.fromEntries([...lists].map(({ dataset }) => [dataset.list, dataset.parameter]))
);
export const DIMENSIONS = /** @type {Dimension[]} */ (Object.keys(PARAMETERS));
