/**
 * The address of the page keeps what somebody chose to look at: filters, tabs and a moment of the past. Each part
 * changes its own parameters, and leaves those of the others.
 */

/**
 * @param {(query: URLSearchParams) => void} change
 * @param {{visit?: boolean}} [how] `visit`: the back button leads back from it
 */
export function rewrite(change, { visit = false } = {}) {
  const address = new URL(location.href);
  change(address.searchParams);
  if (address.href === location.href) return;
  history[visit ? "pushState" : "replaceState"](null, "", address);
}

/** @param {string} name */
export function asked(name) {
  return new URLSearchParams(location.search).getAll(name);
}
