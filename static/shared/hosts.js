/**
 * Names of hosts as people read them: punycode undone, unless the name could then be taken for another. What
 * `tracker/pages/readable_hosts.py` does, by the same rules.
 */

const PUNYCODE = "xn--";
// Scripts of living languages; those of East Asia are written with one another, and with Latin letters.
const SCRIPTS =
  "Latin Cyrillic Greek Armenian Georgian Hebrew Arabic Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu " +
  "Kannada Malayalam Sinhala Thai Lao Tibetan Myanmar Khmer Ethiopic";
const ONE_SCRIPT = SCRIPTS.split(" ").map((script) => new RegExp(`^[\\p{Script=${script}}\\p{M}\\d-]+$`, "u"));
const EAST_ASIAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u;
const WITH_EAST_ASIAN =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Latin}\d-]+$/u;
const COMBINED = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{M}\d-]+$/u;
const LATIN = /^[a-z\d\u00DF-\u024F\u1E00-\u1EFF-]+$/;
// Letters in the shapes of Latin ones, by script: a label of nothing else stays as it is.
const LOOK_ALIKES = [
  /^[асԁеһіјӏорԛѕԝхуъьҽпгѵѡ\d-]+$/u,
  /^[αβγεηικνορτυχωϲϳ\d-]+$/u,
  /^[գզհյոսցքօւ\d-]+$/u,
];
// In the shape of a slash, a bar or a dot, or of another letter whatever the font; parts of Hangul's syllables; and
// what is too new or too rare for browsers to agree on.
const NEVER = /[ıǀǁǂǃʻノソゾン丶丿丨ー〆\u1100-\u11FF\uA960-\uA97F\uD7B0-\uD7FF]|[\u{30000}-\u{10FFFF}]/u;

/** @param {string} host in lower case and punycode */
export function readableHost(host) {
  return host.includes(PUNYCODE) ? host.split(".").map(readableLabel).join(".") : host;
}

/** @param {string} label */
function readableLabel(label) {
  if (!label.startsWith(PUNYCODE)) return label;
  const text = decode(label.slice(PUNYCODE.length));
  if (!text || !isPlain(text)) return label;
  try {
    // The browser knows which names there may be, and whether this is how it would write one.
    return new URL(`http://${text}.example`).hostname === `${label}.example` ? text : label;
  } catch {
    return label;
  }
}

/** @param {string} text */
function isPlain(text) {
  if (!/^[\p{L}\p{M}\d-]+$/u.test(text) || !/\p{L}/u.test(text) || NEVER.test(text)) return false;
  const marked = /\p{M}/u.test(text);
  if (EAST_ASIAN.test(text)) return WITH_EAST_ASIAN.test(text) && !marked;
  if (!ONE_SCRIPT.some((script) => script.test(text))) return false;
  if (marked && COMBINED.test(text)) return false;
  if (/\p{Script=Latin}/u.test(text)) return LATIN.test(text);
  return !LOOK_ALIKES.some((alike) => alike.test(text));
}

/**
 * A label's punycode without "xn--" (RFC 3492, 6.2), or "" where it is none.
 * @param {string} code
 */
function decode(code) {
  const end = code.lastIndexOf("-");
  const points = Array.from(code.slice(0, Math.max(0, end)), (letter) => letter.charCodeAt(0));
  let [point, bias] = [128, 72];
  for (let at = end + 1, index = 0; at < code.length; index += 1) {
    const before = index;
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = at < code.length ? Number.parseInt(swapped(code.charAt(at++)), 36) : Number.NaN;
      if (!(digit < 36)) return "";
      index += digit * weight;
      const least = Math.min(26, Math.max(1, k - bias));
      if (digit < least) break;
      weight *= 36 - least;
    }
    const length = points.length + 1;
    bias = adapted(index - before, length, before === 0);
    point += Math.floor(index / length);
    index %= length;
    if (point > 0x10ffff) return "";
    points.splice(index, 0, point);
  }
  return String.fromCodePoint(...points);
}

/**
 * Punycode's digits are the letters and then the numerals, the other way round than in base 36.
 * @param {string} digit
 */
function swapped(digit) {
  if (/[a-z]/.test(digit)) return (digit.charCodeAt(0) - 97).toString(36);
  return /\d/.test(digit) ? (Number(digit) + 26).toString(36) : "";
}

/**
 * RFC 3492, 6.1.
 * @param {number} delta
 * @param {number} length
 * @param {boolean} first
 */
function adapted(delta, length, first) {
  let rest = Math.floor(delta / (first ? 700 : 2));
  rest += Math.floor(rest / length);
  let k = 0;
  for (; rest > 455; k += 36) rest = Math.floor(rest / 35);
  return k + Math.floor((36 * rest) / (rest + 38));
}
