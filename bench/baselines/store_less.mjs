// Stores less than Footfall: page views with half of the columns in one table with one key, and a row for each
// visitor instead of visits.
import pg from "pg";

const database = new pg.Client();

/** Connects, and makes the tables. */
export async function open() {
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
}

const column = (pages, name) => pages.map((page) => page[name]);
const moments = (pages, name) => pages.map((page) => page[name] && new Date(page[name]));

/** Stores page views that begin and those that end; done when they are committed. */
export async function store(begun, ended) {
  await database.query("BEGIN");
  if (begun.length) {
    for (const page of begun) page.end_told = page.ended_at !== null;
    await database.query({
      name: "pages",
      text: `INSERT INTO node_page_view SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[],
        $4::timestamptz[], $5::int[], $6::smallint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::text[], $13::text[], $14::text[], $15::int[]) ON CONFLICT DO NOTHING`,
      values: [column(begun, "id"), column(begun, "visitor"), moments(begun, "began_at"), moments(begun, "ended_at"),
        ...["engaged_ms", "depth", "path", "query", "title", "referrer", "browser", "system", "device", "language",
          "width"].map((name) => column(begun, name))],
    });
    await database.query({
      name: "visits",
      text: `INSERT INTO node_visit AS v SELECT visitor, min(at), max(at), count(*), min(path), max(path)
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS p(visitor, at, path) GROUP BY visitor
        ON CONFLICT (visitor) DO UPDATE SET last_at = excluded.last_at, views = v.views + excluded.views,
        exit_path = excluded.exit_path`,
      values: [column(begun, "visitor"), moments(begun, "began_at"), column(begun, "path")],
    });
  }
  if (ended.length) {
    await database.query({
      name: "ends",
      text: `UPDATE node_page_view p SET ended_at = e.at, engaged_ms = e.engaged, depth = e.depth
        FROM unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::smallint[]) AS e(id, at, engaged, depth)
        WHERE p.id = e.id`,
      values: [column(ended, "id"), moments(ended, "ended_at"), column(ended, "engaged_ms"), column(ended, "depth")],
    });
  }
  await database.query("COMMIT");
}
