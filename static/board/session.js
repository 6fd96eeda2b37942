/**
 * A page that stands open for weeks speaks over its socket alone, and browsers move the end of a cookie on only at an
 * answer over HTTP: it asks for one now and then.
 */
const ASK_MS = 6 * 3_600_000;

setInterval(() => void fetch(location.pathname, { method: "HEAD" }).catch(() => {}), ASK_MS);
