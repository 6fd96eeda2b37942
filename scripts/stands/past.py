"""A past for a site, put into a running product's database by COPY: zipf-like pages, visits, events."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

from tracker.postgres.partitions import WEEK, ensure

VIEWS_PER_VISIT = 2.84  # what the distribution of `VISITS` comes to
ATTRIBUTION = (
    *("referrer", "referrer_url", "channel", "browser", "system", "device", "country", "language", "width"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
)
# By rank: the first is the most frequent, half as often comes the second.
ZIPF = "least({most}, floor(exp({luck} * ln({most} + 1))))::INTEGER"
# A visitor is an address and an agent: so all visits of one come from one country, with one browser.
OWN = "hash('{{day}}', who, '{what}') / 18446744073709551616.0"
WORDS = """
CREATE MACRO one_of(list, n) AS list[1 + (n - 1) % len(list)];
CREATE MACRO page_name(n) AS CASE n WHEN 1 THEN '/' WHEN 2 THEN '/pricing' ELSE
    '/' || one_of(['blog', 'docs', 'products', 'help', 'über-uns'], n) || '/page-' || n END;
CREATE MACRO name_of(known, prefix, n) AS CASE WHEN n <= len(known) THEN known[n] ELSE prefix || n END;
"""
VISITS = f"""
CREATE OR REPLACE TABLE visit AS
SELECT n, uuid() AS visit_id, md5('{{day}}' || who)::UUID AS visitor,
       {{begins}} + (pow(random(), 0.8) * {{length}})::BIGINT AS visit_began,
       1 + floor(-ln(1 - random()) * 2.3)::INTEGER AS views,
       {ZIPF.format(most=200, luck="random()")} AS r,
       {ZIPF.format(most=60, luck=OWN.format(what="country"))} AS c,
       {ZIPF.format(most=12, luck=OWN.format(what="browser"))} AS b,
       {ZIPF.format(most=40, luck="random()")} AS u, random() AS chance
FROM (SELECT n, floor(random() * {{people}})::BIGINT AS who FROM range({{visits}}) t(n));
CREATE OR REPLACE TABLE view AS
SELECT v.*, k, CASE WHEN k = 0 THEN visit_id ELSE uuid() END AS id,
       {ZIPF.format(most=20_000, luck="random()")} AS p, random() AS luck
FROM visit v, range(v.views) s(k);
CREATE OR REPLACE TABLE pageview AS
SELECT *, visit_began + k * 40000000 + (luck * 20000000)::BIGINT AS began, page_name(p) AS path,
       (1000 + luck * luck * 90000)::INTEGER AS stayed,
       name_of(['', 'Google', 'Hacker News', 'ChatGPT', 'Bing', 'news.example'], 'site-', r) AS referrer,
       name_of(['', 'https://google.com/', 'https://news.ycombinator.com/item'], 'https://site/', r)
           AS referrer_url,
       name_of(['direct', 'search', 'news', 'ai', 'search'], '', least(r, 5)) AS channel,
       one_of(['Chrome', 'Safari', 'Firefox', 'Edge', 'Samsung Internet', 'Opera'], b) AS browser,
       one_of(['Windows', 'iOS', 'Android', 'macOS', 'Linux'], b) AS system,
       one_of(['desktop', 'mobile', 'mobile', 'desktop', 'tablet'], b) AS device,
       one_of(['DE','US','GB','FR','BR','IN','JP','NL','PL','ES','IT','SE','CH','AT','CA','AU','MX','TR','ID',
               'KR','','NO','DK','FI','BE','PT','CZ','GR','RO','HU'], c) AS country,
       one_of(['en', 'de', 'fr', 'pt', 'ja', 'es'], c) AS language,
       one_of([1920, 390, 1440, 820, 1366, 0], b) AS width,
       CASE WHEN chance < 0.15 THEN 'newsletter' ELSE '' END AS utm_source,
       CASE WHEN chance < 0.15 THEN 'email' ELSE '' END AS utm_medium,
       CASE WHEN chance < 0.15 THEN 'campaign-' || u ELSE '' END AS utm_campaign,
       '' AS utm_term, '' AS utm_content
FROM view;
"""
STAMP = "strftime(make_timestamp({micros}), '%Y-%m-%d %H:%M:%S.%f+00')"
TABLES = {
    "tracker_pageview": (
        *("id", "site_id", "began_at", "ended_at", "visit_id", "visitor", "path", "query", "title"),
        *("engaged_ms", "depth", "edge", "connection", *ATTRIBUTION),
    ),
    "tracker_visit": (
        *("id", "site_id", "began_at", "ended_at", "visitor", "entry_path", "exit_path", "views", "events"),
        *("engaged_ms", *ATTRIBUTION),
    ),
    "tracker_event": ("id", "site_id", "at", "page_view_id", "visit_id", "name", "properties", "value"),
}
ATTRIBUTED = ", ".join(ATTRIBUTION)
ROWS = {
    "tracker_pageview": f"""
        SELECT id, {{site}}, {STAMP.format(micros="began")}, {STAMP.format(micros="began + stayed * 1000")},
               visit_id, visitor, path, '', 'The page ' || path, (stayed * 0.7)::INTEGER,
               (luck * 100)::INTEGER, 1, 1, {ATTRIBUTED} FROM pageview ORDER BY began""",
    "tracker_visit": f"""
        SELECT visit_id, {{site}}, {STAMP.format(micros="min(began)")},
               {STAMP.format(micros="max(began + stayed * 1000)")}, any_value(visitor), arg_min(path, k),
               arg_max(path, k), count(*), count(*) FILTER (WHERE luck < 0.03),
               sum((stayed * 0.7)::INTEGER), {", ".join(f"any_value({name})" for name in ATTRIBUTION)}
        FROM pageview GROUP BY visit_id""",
    "tracker_event": f"""
        SELECT uuid(), {{site}}, {STAMP.format(micros="began + 900000")}, id, visit_id,
               one_of(['signup', 'buy', 'download'], 1 + p % 3),
               '{{{{"plan": "' || one_of(['free', 'pro', 'team'], 1 + p % 3) || '"}}}}', round(luck * 1000, 2)
        FROM pageview WHERE luck < 0.03""",
}


@dataclass(frozen=True)
class SeededPast:
    """So many page views of so many days, the last of which is today; `today`: how many that has."""

    views: int
    days: int
    today: int = 0
    seed: float = 0.5


def fill(url: str, key: str, past: SeededPast, now: datetime) -> int:
    """Give the site of this key, in the zone UTC, this past, in one transaction; how many page views it has.

    What is of today has begun by now.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with (
        tempfile.TemporaryDirectory(prefix="footfall-past-") as name,
        duckdb.connect(":memory:", config={"threads": 1}) as duck,
        psycopg.connect(url) as connection,
    ):
        duck.execute(f"SELECT setseed({past.seed})")
        duck.execute(WORDS)
        with connection.cursor() as cursor:
            # As it would have gone from week to week.
            week = midnight - timedelta(days=past.days)
            while week < now:
                ensure(cursor, week)
                week += WEEK
        row = connection.execute("SELECT id FROM tracker_site WHERE key = %s", [key]).fetchone()
        assert row
        stored = 0
        for ago in range(past.days - 1, -1, -1):
            begins = midnight - timedelta(days=ago)
            wanted = past.today if past.today and not ago else past.views // past.days
            # A visit lasts for minutes, and has to be over by midnight, and by now.
            length = max(timedelta(minutes=1), min(timedelta(hours=23), now - begins - timedelta(minutes=20)))
            stored += _day(duck, connection, Path(name), row[0], begins, length, wanted)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE tracker_pageview, tracker_visit, tracker_event")
    return stored


def _day(
    duck: duckdb.DuckDBPyConnection,
    connection: psycopg.Connection,
    folder: Path,
    site_id: int,
    begins: datetime,
    length: timedelta,
    views: int,
) -> int:
    visits = max(1, round(views / VIEWS_PER_VISIT))
    micro = timedelta(microseconds=1)
    made = VISITS.format(
        day=begins.date(),
        people=visits * 3 // 2 + 1,
        begins=(begins - datetime.fromtimestamp(0, UTC)) // micro,
        length=length // micro,
        visits=visits,
    )
    duck.execute(made)
    for table, columns in TABLES.items():
        path = folder / f"{table}.csv"
        duck.execute(
            f"COPY ({ROWS[table].format(site=site_id)}) TO '{path}' (FORMAT csv, HEADER false, FORCE_QUOTE *)"
        )
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with path.open("rb") as file, connection.cursor().copy(statement) as copy:
            while block := file.read(2**20):
                copy.write(block)
    (count,) = duck.execute("SELECT count(*) FROM pageview").fetchone() or (0,)
    return int(count)
