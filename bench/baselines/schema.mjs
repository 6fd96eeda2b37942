// The tables of Footfall's first three migrations that a page view touches: the same columns, keys, indexes and
// fill factors, by week; this week's partition is made, and the default one takes the rest.

/** Of a page view and of its visit: who came, from where, with what. */
export const VISITOR = ["referrer", "referrer_url", "channel", "browser", "system", "device", "country", "language",
  "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];

const TEXTS = VISITOR.map((name) => `${name} text NOT NULL`).join(", ");

function week() {
  const monday = new Date();
  monday.setUTCHours(0, 0, 0, 0);
  monday.setUTCDate(monday.getUTCDate() - ((monday.getUTCDay() + 6) % 7));
  const next = new Date(monday);
  next.setUTCDate(next.getUTCDate() + 7);
  return `FOR VALUES FROM ('${monday.toISOString()}') TO ('${next.toISOString()}')`;
}

function partitions(table) {
  return `CREATE TABLE ${table}_default PARTITION OF ${table} DEFAULT WITH (fillfactor = 90);
    CREATE TABLE ${table}_week PARTITION OF ${table} ${week()} WITH (fillfactor = 90);`;
}

/** Makes the tables in an empty database. */
export const SCHEMA = `
  CREATE TABLE tracker_pageview (
    site_id integer NOT NULL, connection integer NOT NULL, edge bigint NOT NULL, began_at timestamptz NOT NULL,
    ended_at timestamptz, id uuid NOT NULL, visit_id uuid NOT NULL, visitor uuid NOT NULL,
    engaged_ms integer NOT NULL, width integer NOT NULL, depth smallint NOT NULL, path text NOT NULL,
    query text NOT NULL, title text NOT NULL, ${TEXTS}, claimed_at timestamptz, server text NOT NULL DEFAULT '',
    PRIMARY KEY (site_id, began_at, id)) PARTITION BY RANGE (began_at);
  CREATE INDEX tracker_pageview_visit ON tracker_pageview (site_id, visit_id);
  CREATE INDEX tracker_pageview_began ON tracker_pageview USING brin (began_at) WITH (autosummarize = on);
  ${partitions("tracker_pageview")}
  CREATE TABLE tracker_visit (
    site_id integer NOT NULL, views integer NOT NULL, began_at timestamptz NOT NULL, ended_at timestamptz NOT NULL,
    engaged_ms bigint NOT NULL, id uuid NOT NULL, visitor uuid NOT NULL, events integer NOT NULL,
    width integer NOT NULL, entry_path text NOT NULL, exit_path text NOT NULL, ${TEXTS},
    PRIMARY KEY (site_id, began_at, id)) PARTITION BY RANGE (began_at);
  ${partitions("tracker_visit")}
  CREATE TABLE tracker_recent (
    site_id integer NOT NULL, id uuid NOT NULL, kind smallint NOT NULL, began_at timestamptz NOT NULL,
    visit_id uuid NOT NULL, visit_began_at timestamptz NOT NULL, PRIMARY KEY (site_id, id, kind));
  CREATE TABLE tracker_open_visit (
    site_id integer NOT NULL, visitor uuid NOT NULL, visit_id uuid NOT NULL, visit_began_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL, PRIMARY KEY (site_id, visitor)) WITH (fillfactor = 75);
`;
