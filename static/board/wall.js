/**
 * Wall mode (`?wall`) keeps the screen on and the pointer away; any key or click fills the screen, and Escape leads
 * back to the board. The connection looks after itself (socket.js).
 */

const POINTER_MS = 3_000;
const HINT_MS = 8_000;
const AWAKE_MS = 60_000;
const root = document.documentElement;
const hint = document.querySelector(".hint");
/** @type {WakeLockSentinel | null} */ let lock = null;
let pointer = 0;

/** Browsers drop the lock whenever the page is out of sight, and when they save power. */
async function keepAwake() {
  if (document.hidden || (lock && !lock.released)) return;
  try {
    lock = await navigator.wakeLock.request("screen");
  } catch {
    // Without HTTPS, or to save power, it is not allowed: the screen's own settings hold.
  }
}

function moved() {
  delete root.dataset.still;
  clearTimeout(pointer);
  pointer = setTimeout(() => (root.dataset.still = ""), POINTER_MS);
}

async function fill() {
  try {
    if (!document.fullscreenElement) await root.requestFullscreen({ navigationUI: "hide" });
  } catch {
    // Not every browser lets a page do that: its own key for it remains.
  }
}

function leave() {
  const board = new URL(location.href);
  board.searchParams.delete("wall");
  location.assign(board);
}

addEventListener("keydown", (event) => {
  // In full screen the browser keeps Escape for itself.
  if (event.key === "Escape") leave();
  else if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Tab") fill();
});
addEventListener("click", (event) => {
  if (!(event.target instanceof Element && event.target.closest("a"))) fill();
});
addEventListener("pointermove", moved);
document.addEventListener("visibilitychange", keepAwake);
setInterval(keepAwake, AWAKE_MS);
setTimeout(() => hint?.classList.add("read"), HINT_MS);
moved();
keepAwake();
