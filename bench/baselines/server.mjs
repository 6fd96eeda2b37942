// What a Node user would write, as fast as its author could: `ws`, counters in memory, a commit each 20 ms,
// acks after it. It stores what Footfall stores (store.mjs), or less (store_less.mjs), and does less besides:
// no limits, no boards, no spool, few agents and referrers. So nobody can say that it was slowed down.
// node server.mjs STORE PORT; the database comes in PGHOST, PGUSER, PGPASSWORD, PGDATABASE.
import { hash } from "node:crypto";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const FLUSH_MS = 20; // as Footfall's FLUSH_SECONDS
const SECRET = "one secret";

const { open, store } = await import(`./${process.argv[2]}.mjs`);
await open();

/** Remembers what `make` gives for a text, for 30,000 texts. */
function cached(make) {
  const found = new Map();
  return (text) => {
    let value = found.get(text);
    if (value === undefined) {
      if (found.size > 30_000) found.clear();
      found.set(text, (value = make(text)));
    }
    return value;
  };
}

const agentOf = cached((header) => ({
  browser: /Firefox\//.test(header) ? "Firefox" : /Chrome\//.test(header) ? "Chrome" : "Safari",
  system: (/Windows|Mac OS X|Android|iPhone|iPad|Linux/.exec(header) ?? ["other"])[0],
  device: /iPhone|Android/.test(header) ? "mobile" : /iPad/.test(header) ? "tablet" : "desktop",
}));

const sources = new Map([["www.google.com", ["Google", "search"]], ["news.ycombinator.com", ["Hacker News", "social"]],
  ["t.co", ["X", "social"]], ["chatgpt.com", ["ChatGPT", "ai"]], ["bench.example", ["", "direct"]]]);
const sourceOf = cached((text) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const [referrer, channel] = url ? (sources.get(url.hostname) ?? [url.hostname, "referral"]) : ["", "direct"];
  return { referrer, channel, referrer_url: referrer && url.origin + url.pathname };
});

const addressOf = cached((text) => {
  const url = new URL(text);
  const kept = new URLSearchParams([...url.searchParams].filter(([name]) => /^utm_|^(gclid|fbclid)$/.test(name)));
  const utm = (name) => kept.get(`utm_${name}`) ?? "";
  // A campaign says more than where it was seen.
  const channel = utm("source") || utm("campaign") ? { channel: "campaign" } : {};
  return { ...channel, path: url.pathname, query: kept.toString(), utm_source: utm("source"), utm_medium: utm("medium"),
    utm_campaign: utm("campaign"), utm_term: utm("term"), utm_content: utm("content") };
});

const allows = cached((origin) => URL.canParse(origin) && new URL(origin).hostname === "bench.example");

let salt;
function visitorOf(address, header) {
  const digits = hash("sha256", salt + address + header);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${
    digits.slice(20, 32)}`;
}

/** Open tabs by dimension and name. */
const counters = new Map();
function count(dimension, name, by) {
  let names = counters.get(dimension);
  if (!names) counters.set(dimension, (names = new Map()));
  const left = (names.get(name) ?? 0) + by;
  if (left) names.set(name, left);
  else names.delete(name);
}

const COUNTED = ["path", "referrer", "channel", "browser", "system", "device", "country", "utm_campaign", "visitor"];

let begun = [];
let ended = [];

/** Stores what has come; the next batch begins 20 ms after this one did. */
async function flush() {
  const startedAt = performance.now();
  salt = SECRET + new Date().toISOString().slice(0, 10);
  const pages = begun;
  const ends = ended;
  begun = [];
  ended = [];
  if (pages.length || ends.length) await store(pages, ends);
  for (const page of pages) {
    page.stored = true;
    // It ended while it was on its way.
    if (page.ended_at !== null && !page.end_told) ended.push(page);
    if (page.socket) page.socket.send(`{"t":"ack","id":"${page.id}"}`);
  }
  setTimeout(flush, Math.max(0, FLUSH_MS - (performance.now() - startedAt)));
}

let connections = 0;

function begin(socket, said, visitor, agent) {
  const page = { site_id: 1, id: said.id, visitor, began_at: Date.now(), ended_at: null, claimed_at: null,
    connection: ++connections, engaged_ms: said.e ?? 0, depth: said.d ?? 0, again: said.e !== undefined,
    title: String(said.ti ?? "").slice(0, 256), language: said.l ?? "", width: said.w ?? 0, country: "",
    ...sourceOf(said.r ?? ""), ...addressOf(said.u), ...agent,
    attention: "active", socket, stored: false, end_told: false, engaged_told: 0, visit_id: "", visit_began_at: 0 };
  for (const name of COUNTED) count(name, page[name], 1);
  count("attention", "active", 1);
  begun.push(page);
  return page;
}

function end(page) {
  if (!page) return;
  page.ended_at = Date.now();
  page.socket = null;
  for (const name of COUNTED) count(name, page[name], -1);
  count("attention", page.attention, -1);
  if (page.stored) ended.push(page);
}

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false,
  skipUTF8Validation: true, maxPayload: 8192 });
const server = createServer((request, response) => response.writeHead(404).end());
server.on("upgrade", (request, stream, head) => {
  if (!allows(request.headers.origin ?? "")) {
    stream.destroy();
    return;
  }
  sockets.handleUpgrade(request, stream, head, (socket) => {
    const header = request.headers["user-agent"] ?? "";
    const visitor = visitorOf(stream.remoteAddress ?? "", header);
    const agent = agentOf(header);
    let page = null;
    socket.on("message", (data) => {
      const said = JSON.parse(data);
      if (said.t === "page") {
        if (page?.id === said.id) {
          if (page.stored) socket.send(`{"t":"ack","id":"${page.id}"}`);
          return;
        }
        end(page);
        page = begin(socket, said, visitor, agent);
      } else if (said.t === "state" && page?.id === said.id) {
        count("attention", page.attention, -1);
        page.attention = said.s;
        count("attention", page.attention, 1);
        page.engaged_ms = Math.max(page.engaged_ms, said.e);
        page.depth = Math.max(page.depth, said.d);
      }
    });
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      end(page);
      page = null;
    });
  });
});
await flush();
server.listen({ port: Number(process.argv[3]), host: "127.0.0.1", backlog: 2048 });
