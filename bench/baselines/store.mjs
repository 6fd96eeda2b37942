// Stores what Footfall stores of page views, as one process can: it alone decides on visits, so it does that in
// memory, and a batch is one statement. What else was tried for it stands in docs/performance.md.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { array } from "./arrays.mjs";
import { SCHEMA, VISITOR } from "./schema.mjs";

const GAP_MS = 30 * 60_000;
const PLAN_AFTER = 1000; // page views
const UNIQUE_VIOLATION = "23505";
// Who owns a page view: this process and one of its connections.
const EDGE = randomBytes(8).readBigInt64BE() >> 1n;

const SAID = { site_id: "integer", began_at: "timestamptz", ended_at: "timestamptz", id: "uuid", visit_id: "uuid",
  visit_began_at: "timestamptz", visitor: "uuid", connection: "integer", engaged_ms: "integer", depth: "smallint",
  width: "integer", path: "text", query: "text", title: "text",
  ...Object.fromEntries(VISITOR.map((name) => [name, "text"])) };
const VISIT = { ended_at: "timestamptz", engaged_ms: "bigint", views: "integer", exit_path: "text" };
const OPENED = { site_id: "integer", visitor: "uuid", id: "uuid", began_at: "timestamptz", ended_at: "timestamptz" };
const ENDED = { site_id: "integer", began_at: "timestamptz", id: "uuid", connection: "integer",
  ended_at: "timestamptz", engaged_ms: "integer", depth: "smallint" };
const GROWN = { site_id: "integer", began_at: "timestamptz", id: "uuid", ...VISIT };
const AGAIN = { site_id: "integer", id: "uuid", connection: "integer", began_at: "timestamptz" };

/** Makes `unnest`s over the parameters of a statement in their order, a parameter for each column. */
function parameters() {
  let last = 0;
  return (...columns) =>
    `unnest(${columns.flatMap(Object.values).map((type) => `$${++last}::${type}[]`).join(", ")})`;
}

function values(columns, rows) {
  return Object.entries(columns).map(([name, type]) => array(type, rows, name));
}

// The condition that always holds makes the planner expect one row, and so look up each by its key.
const few = (given) => `${given}.site_id + 0 = ${given}.site_id AND ${given}.site_id - 0 = ${given}.site_id`;

const unnest = parameters();
const BATCH = `
  WITH said AS MATERIALIZED (
    SELECT * FROM ${unnest(SAID, VISIT)}
      AS s (${Object.keys(SAID)}, visit_ended_at, visit_engaged_ms, views, exit_path)
  ), remembered AS (
    INSERT INTO tracker_recent (site_id, id, kind, began_at, visit_id, visit_began_at)
    SELECT site_id, id, 0, began_at, visit_id, visit_began_at FROM said
  ), made AS (
    INSERT INTO tracker_visit (site_id, views, began_at, ended_at, engaged_ms, id, visitor, events, width,
                               entry_path, exit_path, ${VISITOR})
    SELECT site_id, views, began_at, visit_ended_at, visit_engaged_ms, id, visitor, 0, width, path, exit_path,
           ${VISITOR}
    FROM said WHERE views > 0
  ), opened AS (
    INSERT INTO tracker_open_visit (site_id, visitor, visit_id, visit_began_at, last_at)
    SELECT * FROM ${unnest(OPENED)}
    ON CONFLICT (site_id, visitor) DO UPDATE
    SET visit_id = excluded.visit_id, visit_began_at = excluded.visit_began_at, last_at = excluded.last_at
  ), ended AS (
    UPDATE tracker_pageview p SET ended_at = e.ended_at, engaged_ms = e.engaged_ms, depth = e.depth
    FROM ${unnest(ENDED)} AS e (${Object.keys(ENDED)})
    WHERE p.site_id = e.site_id AND p.began_at = e.began_at AND p.id = e.id
      AND p.edge = ${EDGE} AND p.connection = e.connection AND ${few("e")}
  ), grown AS (
    UPDATE tracker_visit v
    SET ended_at = g.ended_at, engaged_ms = g.engaged_ms, views = g.views, exit_path = g.exit_path
    FROM ${unnest(GROWN)} AS g (${Object.keys(GROWN)})
    WHERE v.site_id = g.site_id AND v.began_at = g.began_at AND v.id = g.id AND ${few("g")}
  )
  INSERT INTO tracker_pageview (site_id, connection, edge, began_at, ended_at, id, visit_id, visitor, engaged_ms,
                                width, depth, path, query, title, ${VISITOR})
  SELECT site_id, connection, ${EDGE}, began_at, ended_at, id, visit_id, visitor, engaged_ms, width, depth, path,
         query, title, ${VISITOR}
  FROM said`;

const TAKE = `
  UPDATE tracker_pageview p
  SET edge = ${EDGE}, connection = a.connection, claimed_at = a.began_at, ended_at = NULL
  FROM ${parameters()(AGAIN)} AS a (${Object.keys(AGAIN)})
  JOIN tracker_recent r ON r.site_id = a.site_id AND r.id = a.id AND r.kind = 0
  WHERE p.site_id = r.site_id AND p.began_at = r.began_at AND p.id = r.id AND ${few("a")}
  RETURNING p.id, p.began_at, p.visit_id, p.engaged_ms`;

let database;
let stored = 0;
/** The latest visit of each visitor, as it is committed. */
const visits = new Map();

/** Connects, makes the tables if there are none, and reads the visits that may go on. */
export async function open() {
  database = new pg.Client();
  await database.connect();
  const { rows } = await database.query("SELECT to_regclass('tracker_pageview') AS there");
  if (!rows[0].there) await database.query(SCHEMA);
  const open = await database.query(`
    SELECT v.site_id, v.id, v.visitor, v.began_at, v.ended_at, v.views, v.engaged_ms, v.exit_path
    FROM tracker_open_visit o
    JOIN tracker_visit v ON v.site_id = o.site_id AND v.began_at = o.visit_began_at AND v.id = o.visit_id
    WHERE v.ended_at > now() - interval '30 minutes'`);
  for (const row of open.rows) {
    visits.set(row.visitor, { ...row, began_at: +row.began_at, ended_at: +row.ended_at,
      engaged_ms: Number(row.engaged_ms), tabs: 0 });
  }
  // Planned anew each time, until there is something to plan by (see `keepPlan`).
  await database.query(`SET plan_cache_mode = force_custom_plan; SET enable_hashjoin = off;
    SET enable_mergejoin = off; SET enable_seqscan = off; SET jit = off`);
  setInterval(forget, 60_000);
}

/** Keeps the plan from now on, which saves Postgres a quarter at 20 page views a batch and a seventh at 100. One that
 * was made for empty tables read all of the week for each page view (200 to 800 µs of Postgres instead of 50). */
async function keepPlan() {
  await database.query(`ANALYZE tracker_pageview, tracker_visit, tracker_recent, tracker_open_visit;
    SET plan_cache_mode = force_generic_plan`);
}

function forget() {
  const since = Date.now() - GAP_MS;
  for (const [visitor, visit] of visits) if (!visit.tabs && visit.ended_at < since) visits.delete(visitor);
}

/** Stores page views that begin and those that end; done when they are committed. */
export async function store(begun, ended) {
  let again = begun.filter((page) => page.again);
  for (;;) {
    if (again.length) await take(again);
    try {
      await write(begun.filter((page) => page.claimed_at === null), ended);
      return;
    } catch (error) {
      // Ids count once: some are known that did not say so.
      if (error.code !== UNIQUE_VIOLATION || again === begun) throw error;
      again = begun;
    }
  }
}

async function take(pages) {
  const { rows } = await database.query({ name: "take", text: TAKE, values: values(AGAIN, pages) });
  const known = new Map(rows.map((row) => [row.id, row]));
  for (const page of pages) {
    const row = known.get(page.id);
    if (!row || page.claimed_at !== null) continue;
    page.claimed_at = page.began_at;
    page.began_at = +row.began_at;
    page.visit_id = row.visit_id;
    page.engaged_told = row.engaged_ms;
    page.engaged_ms = Math.max(page.engaged_ms, row.engaged_ms);
    const visit = visits.get(page.visitor);
    if (visit?.id === page.visit_id) visit.tabs++;
  }
}

async function write(begun, ended) {
  const batch = decide(begun, ended);
  await database.query({
    name: "batch",
    text: BATCH,
    values: [...values(SAID, begun), ...values(VISIT, batch.entries), ...values(OPENED, [...batch.opened]),
      ...values(ENDED, ended), ...values(GROWN, [...batch.grown])],
  });
  for (const [visitor, visit] of batch.latest) visits.set(visitor, visit);
  if (stored < PLAN_AFTER && (stored += begun.length) >= PLAN_AFTER) await keepPlan();
}

const NO_ENTRY = { ended_at: null, engaged_ms: 0, views: 0, exit_path: "" };

/** Which visit each page view belongs to, and what becomes of visits; changes nothing that is committed. */
function decide(begun, ended) {
  const latest = new Map();
  const made = new Map();
  const opened = new Set();
  const grown = new Set();
  const latestOf = (visitor) => {
    let visit = latest.get(visitor);
    if (!visit && (visit = visits.get(visitor))) latest.set(visitor, (visit = { ...visit }));
    return visit;
  };
  for (const page of begun) {
    let visit = latestOf(page.visitor);
    if (!visit || (!visit.tabs && page.began_at - visit.ended_at >= GAP_MS)) {
      opened.delete(visit);
      visit = { site_id: page.site_id, id: page.id, visitor: page.visitor, began_at: page.began_at,
        ended_at: page.began_at, views: 0, engaged_ms: 0, exit_path: "", tabs: 0 };
      latest.set(page.visitor, visit);
      made.set(page.id, visit);
    } else if (made.get(visit.id) !== visit) {
      grown.add(visit);
    }
    opened.add(visit);
    page.visit_id = visit.id;
    page.visit_began_at = visit.began_at;
    page.end_told = page.ended_at !== null;
    page.engaged_told = page.engaged_ms;
    visit.views++;
    visit.exit_path = page.path;
    visit.ended_at = Math.max(visit.ended_at, page.ended_at ?? page.began_at);
    visit.engaged_ms += page.engaged_ms;
    if (!page.end_told) visit.tabs++;
  }
  for (const page of ended) {
    const visit = latestOf(page.visitor);
    if (visit?.id !== page.visit_id) continue; // of a page view that was taken over after the visit was forgotten
    visit.tabs--;
    visit.ended_at = Math.max(visit.ended_at, page.ended_at);
    visit.engaged_ms += page.engaged_ms - page.engaged_told;
    grown.add(visit);
  }
  return { latest, opened, grown, entries: begun.map((page) => made.get(page.id) ?? NO_ENTRY) };
}
