/**
 * This module writes names as pages show them. Names come from visitors: they are text, whatever they look like.
 *
 * @import {Dimension} from "./snapshot.js"
 */
import { readableHost } from "./hosts.js";

/** @type {Partial<Record<Dimension, string>>} */
const EMPTY = { referrers: "Direct", campaigns: "None", countries: "Unknown" };
const countries = new Intl.DisplayNames("en", { type: "region", fallback: "code" });
// Long enough to tell two paths apart by their ends, short enough to leave room for the beginning.
const END = 12;
const WHOLE = 24;
// What `tracker/pages/escapes.py` takes for plain and for escapes, and which of these people read as they are.
const ODD = /%[0-9a-f]{2}|[^A-Za-z0-9\-._~/:?#@!$&'()*+,;=]/giu;
const KEPT = /%(?=2[1346789ABCF]|3[ABDF]|40|25[0-9A-F]{2})/gi;

/**
 * @param {Dimension} dimension
 * @param {string} name
 */
export function label(dimension, name) {
  if (name === "") return EMPTY[dimension] ?? "Unknown";
  if (dimension === "pages") return readablePage(name);
  if (dimension === "referrers") return readableHost(name);
  if (dimension === "devices" || dimension === "channels") return word(name);
  return dimension === "countries" && /^[A-Z]{2}$/.test(name) ? (countries.of(name) ?? name) : name;
}

/**
 * A word of ours ("mobile", "ai") begins with a capital, as it stands at the head of its row.
 * @param {string} name
 */
function word(name) {
  return name === "ai" ? "AI" : name.charAt(0).toUpperCase() + name.slice(1);
}

/**
 * A text is cut in two: the first part gives way when there is no room, the end always shows.
 * @param {string} text
 * @returns {[string, string]}
 */
export function halves(text) {
  const letters = Array.from(text);
  if (letters.length <= WHOLE) return [text, ""];
  return [letters.slice(0, -END).join(""), letters.slice(-END).join("")];
}

/**
 * A page's host, where its site shows hosts, and its path.
 * @param {string} name
 */
function readablePage(name) {
  const at = Math.max(0, name.indexOf("/"));
  return readableHost(name.slice(0, at)) + readable(name.slice(at));
}

/**
 * A percent-encoded path as people write it, unless that would hide something: controls, directions, gaps.
 * @param {string} path
 */
function readable(path) {
  try {
    const decoded = decodeURI(path.replace(KEPT, "%25"));
    return /[\p{C}\p{Z}]/u.test(decoded) ? path : decoded;
  } catch {
    return path;
  }
}

/**
 * A page's name as people type it, in the one form that names have.
 * @param {string} text
 */
export function oneForm(text) {
  return text.replace(ODD, (part) => {
    if (part.length < 3) return encodeURIComponent(part);
    const letter = String.fromCharCode(Number.parseInt(part.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(letter) ? letter : part.toUpperCase();
  });
}
