/** What is told with every snapshot: browsers style and lay out an element again that is told to be what it is. */

/**
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {HTMLElement} element
 * @param {boolean} hidden
 */
export function hide(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/**
 * @param {Element} element
 * @param {string} name of an attribute
 * @param {number | string} value
 */
export function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

/**
 * @param {Element} element
 * @param {readonly [string, string, string]} words the figure in the middle, which stands out
 */
export function tell(element, [before, figure, after]) {
  if (element.textContent === before + figure + after) return;
  const strong = document.createElement("b");
  strong.textContent = figure;
  element.replaceChildren(before, strong, after);
}
