// What a Node user would write, as fast as its author could: `ws`, counters in memory, one transaction each
// 50 ms, acks after the commit. Less than Footfall does (no sessions of visits across pages, no limits, no salts
// from the database, few agents and referrers), so that nobody can say that it was slowed down.
// node server.mjs PORT; the database comes in PGHOST, PGUSER, PGPASSWORD, PGDATABASE.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import pg from "pg";
import { WebSocketServer } from "ws";

const FLUSH_MS = 50;
const BATCH = 1000;
const SALT = "one salt";

const database = new pg.Client();
await database.connect();
await database.query(`
  CREATE TABLE IF NOT EXISTS node_page_view (
    id uuid PRIMARY KEY, visitor uuid NOT NULL, began_at timestamptz NOT NULL, ended_at timestamptz,
    engaged_ms integer NOT NULL, depth smallint NOT NULL, path text NOT NULL, query text NOT NULL,
    title text NOT NULL, referrer text NOT NULL, browser text NOT NULL, system text NOT NULL,
    device text NOT NULL, language text NOT NULL, width integer NOT NULL);
  CREATE TABLE IF NOT EXISTS node_visit (
    visitor uuid PRIMARY KEY, began_at timestamptz NOT NULL, last_at timestamptz NOT NULL,
    views integer NOT NULL, entry_path text NOT NULL, exit_path text NOT NULL)`);

/** Open tabs by dimension and name. */
const counters = new Map();
function count(dimension, name, by) {
  let names = counters.get(dimension);
  if (!names) counters.set(dimension, (names = new Map()));
  const left = (names.get(name) ?? 0) + by;
  if (left) names.set(name, left);
  else names.delete(name);
}

const agents = new Map();
function agentOf(header) {
  let agent = agents.get(header);
  if (!agent) {
    const browser = /Firefox\//.test(header) ? "Firefox" : /Chrome\//.test(header) ? "Chrome" : "Safari";
    const system = (/Windows|Mac OS X|Android|iPhone|iPad|Linux/.exec(header) ?? ["other"])[0];
    const device = /iPhone|Android/.test(system) ? "mobile" : system === "iPad" ? "tablet" : "desktop";
    if (agents.size > 10_000) agents.clear();
    agents.set(header, (agent = { browser, system, device }));
  }
  return agent;
}

const sources = new Map([["www.google.com", "Google"], ["news.ycombinator.com", "Hacker News"], ["t.co", "X"],
  ["chatgpt.com", "ChatGPT"], ["bench.example", ""]]);
function referrerOf(text) {
  if (!text) return "";
  try {
    const { hostname } = new URL(text);
    return sources.get(hostname) ?? hostname;
  } catch {
    return "";
  }
}

function visitorOf(address, header) {
  const hash = createHash("sha256").update(SALT).update(address).update(header).digest("hex");
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-${hash.slice(12, 16)}-${hash.slice(16, 20)}-${hash.slice(20, 32)}`;
}

let begun = [];
let ended = [];

async function flush() {
  const pages = begun.splice(0, BATCH);
  for (const page of pages) page.endTold = page.endedAt !== null;
  const ends = ended;
  ended = [];
  if (pages.length || ends.length) {
    await database.query("BEGIN");
    if (pages.length) {
      await database.query({
        name: "pages",
        text: `INSERT INTO node_page_view SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[],
          $4::timestamptz[], $5::int[], $6::smallint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
          $12::text[], $13::text[], $14::text[], $15::int[]) ON CONFLICT DO NOTHING`,
        values: ["id", "visitor", "at", "endedAt", "engaged", "depth", "path", "query", "title", "referrer",
          "browser", "system", "device", "language", "width"].map((name) => pages.map((page) => page[name])),
      });
      await database.query({
        name: "visits",
        text: `INSERT INTO node_visit AS v SELECT visitor, min(at), max(at), count(*), min(path), max(path)
          FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS p(visitor, at, path) GROUP BY visitor
          ON CONFLICT (visitor) DO UPDATE SET last_at = excluded.last_at, views = v.views + excluded.views,
          exit_path = excluded.exit_path`,
        values: ["visitor", "at", "path"].map((name) => pages.map((page) => page[name])),
      });
    }
    if (ends.length) {
      await database.query({
        name: "ends",
        text: `UPDATE node_page_view p SET ended_at = e.at, engaged_ms = e.engaged, depth = e.depth
          FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::smallint[]) AS e(id, at, engaged, depth)
          WHERE p.id = e.id`,
        values: ["id", "endedAt", "engaged", "depth"].map((name) => ends.map((page) => page[name])),
      });
    }
    await database.query("COMMIT");
    for (const page of pages) {
      page.stored = true;
      // It ended while its insert was on its way, or before: then the insert had it already.
      if (page.endedAt && !page.endTold) ended.push(page);
      if (page.socket) page.socket.send(`{"t":"ack","id":"${page.id}"}`);
    }
  }
  setTimeout(flush, begun.length >= BATCH ? 0 : FLUSH_MS);
}

function end(page) {
  if (!page) return;
  page.endedAt = new Date();
  page.socket = null;
  for (const name of ["path", "referrer", "browser", "system", "device"]) count(name, page[name], -1);
  count("visitors", page.visitor, -1);
  count("attention", page.attention, -1);
  if (page.stored) ended.push(page);
}

function begin(socket, said, visitor, agent) {
  const url = new URL(said.u);
  const page = { id: said.id, visitor, at: new Date(), endedAt: null, engaged: 0, depth: 0, path: url.pathname,
    query: url.search, title: String(said.ti ?? "").slice(0, 256), referrer: referrerOf(said.r), ...agent,
    language: said.l ?? "", width: said.w ?? 0, attention: "active", stored: false, socket };
  for (const name of ["path", "referrer", "browser", "system", "device"]) count(name, page[name], 1);
  count("visitors", visitor, 1);
  count("attention", "active", 1);
  begun.push(page);
  return page;
}

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false,
  maxPayload: 8192 });
const server = createServer((request, response) => response.writeHead(404).end());
server.on("upgrade", (request, stream, head) => {
  if (new URL(request.headers.origin ?? "http://null").hostname !== "bench.example") {
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
        page.engaged = Math.max(page.engaged, said.e);
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
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2048 });
setTimeout(flush, FLUSH_MS);
