"""Page views taken out of a sealed day whose rows are gone: the day is made anew of its own files.

What a visit and a day say in each row is worked out again by the statements that sealed it, so that the day
is as if these page views had never been there. Visits keep their source.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psycopg

from analytics.history import day_tables, sealed_days
from analytics.history.day_files import ATTRIBUTION, DayFile, write_files
from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.duck import open_duck
from analytics.history.local_days import LocalDay
from analytics.history.sealed_days import SealedFile
from tracker.contract.spans import LONGEST_PAGE_VIEW, VISIT_GAP, interval

# Numbers of a sealed day as ids: of visitors, visits, page views and events.
ID = "('0000000{kind}-0000-0000-0000-' || lpad({number}::VARCHAR, 12, '0'))::UUID"
VISITOR_ID, VISIT_ID, VIEW_ID, EVENT_ID = (
    ID.format(kind=kind, number=number) for kind, number in enumerate(("visitor", "visit", "view", "event"))
)
LOAD_VIEWS = f"""
CREATE TABLE raw_views AS
SELECT {VIEW_ID} AS id, {VISIT_ID} AS visit_id, {VISITOR_ID} AS visitor,
       make_timestamp(began) AS began_at, make_timestamp(ended) AS ended_at,
       engaged_ms::BIGINT AS engaged_ms, depth, width, page AS path, query, title,
       {", ".join(ATTRIBUTION)}, server, {{gone}} AS gone
FROM {{files}}
"""
LOAD_EVENTS = f"""
CREATE TABLE raw_events AS
SELECT {EVENT_ID} AS id, {VIEW_ID} AS page_view_id, make_timestamp(moment) AS at, name, properties, value
FROM {{files}}
"""
NO_EVENTS = """
CREATE TABLE raw_events
    (id UUID, page_view_id UUID, "at" TIMESTAMP, name VARCHAR, properties VARCHAR, value DOUBLE)
"""
COUNTS = """
SELECT (SELECT count(*) FROM raw_views WHERE gone), (SELECT count(DISTINCT visit_id) FROM raw_views),
       (SELECT count(*) FROM raw_events)
"""
# Spans less than 30 minutes apart are one visit, named after its first page view.
APART = f"""
CREATE TABLE placed_anew AS
WITH reach AS (
    SELECT id, visit_id, began_at, max(coalesce(ended_at, began_at + {interval(LONGEST_PAGE_VIEW)})) OVER (
               PARTITION BY visit_id ORDER BY began_at, id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
    FROM raw_views WHERE NOT gone AND visit_id IN (SELECT visit_id FROM raw_views WHERE gone)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE began_at >= until + {interval(VISIT_GAP)}) OVER (
                  PARTITION BY visit_id ORDER BY began_at, id) AS number
    FROM reach
)
SELECT id, first_value(id) OVER (PARTITION BY visit_id, number ORDER BY began_at, id) AS visit_id
FROM numbered;
DELETE FROM raw_views WHERE gone;
UPDATE raw_views SET visit_id = p.visit_id FROM placed_anew p WHERE p.id = raw_views.id;
DROP TABLE placed_anew;
ALTER TABLE raw_views DROP COLUMN gone;
DELETE FROM raw_events WHERE page_view_id NOT IN (SELECT id FROM raw_views);
"""
# Which number a visitor had, and has now.
NUMBERS = "SELECT DISTINCT right(visitor::VARCHAR, 12)::BIGINT, visitor_number FROM visit"
LEFT = "SELECT (SELECT count(DISTINCT visit_id) FROM raw_views), (SELECT count(*) FROM raw_events)"


class ErasedCounts(NamedTuple):
    """How many were erased."""

    views: int = 0
    visits: int = 0
    events: int = 0


class DayLeft(NamedTuple):
    """What is left of a day: its files, and what went. No files: nothing is left.

    `numbers`: those of the visitors who are left, by those that they had.
    """

    files: list[DayFile]
    gone: ErasedCounts
    numbers: dict[int, int]


def of_pages(pattern: str) -> tuple[str, list[Any]]:
    """The condition for page views whose page matches a regular expression whole."""
    return "regexp_full_match(page, $1, 's')", [pattern]


def of_visitor(number: int) -> tuple[str, list[Any]]:
    """The condition for page views of the visitor who has this number in the day."""
    return "visitor = $1", [number]


def without(
    connection: psycopg.Connection,
    files: Sequence[SealedFile],
    day: LocalDay,
    condition: tuple[str, list[Any]],
    work: Path,
    memory: int,
) -> DayLeft | None:
    """A sealed day made anew in the folder `work`, without page views; None where none was among them.

    Raises psycopg.Error, duckdb.Error, OSError, sealed_days.Damaged.
    """
    paths = _fetched(connection, files, work)
    if not paths[VIEWS]:
        return None
    gone, values = condition
    with open_duck([work], work, memory, 1) as duck:
        duck.execute(LOAD_VIEWS.format(gone=gone, files=day_tables.views(paths[VIEWS])), values)
        load = LOAD_EVENTS.format(files=day_tables.files(paths[EVENTS])) if paths[EVENTS] else NO_EVENTS
        duck.execute(load)
        views, visits, events = _row(duck, COUNTS)
        if not views:
            return None
        duck.execute(APART)
        visits_left, events_left = _row(duck, LEFT)
        made = write_files(duck, work, day)
        numbers = dict(duck.execute(NUMBERS).fetchall())
    gone_counts = ErasedCounts(views, max(0, visits - visits_left), events - events_left)
    return DayLeft(made, gone_counts, numbers)


def count_in(
    connection: psycopg.Connection,
    files: Sequence[SealedFile],
    condition: tuple[str, list[Any]],
    work: Path,
    memory: int,
) -> int:
    """How many page views of a sealed day a condition means. Raises as `without` does."""
    paths = _fetched(connection, [file for file in files if file.kind == VIEWS], work)
    if not paths[VIEWS]:
        return 0
    wanted, values = condition
    with open_duck([work], work, memory, 1) as duck:
        statement = f"SELECT count(*) FROM {day_tables.files(paths[VIEWS])} WHERE {wanted}"
        (number,) = duck.execute(statement, values).fetchone() or (0,)
    return int(number)


def _fetched(
    connection: psycopg.Connection, files: Sequence[SealedFile], work: Path
) -> dict[str, list[Path]]:
    paths: dict[str, list[Path]] = {VIEWS: [], EVENTS: []}
    for file in files:
        content = sealed_days.fetch(connection, file)
        if content is not None:
            path = work / f"was-{file.kind}-{file.part}.parquet"
            path.write_bytes(content)
            paths[file.kind].append(path)
    return paths


def _row(duck: duckdb.DuckDBPyConnection, statement: str) -> tuple[int, ...]:
    return tuple(int(number) for number in duck.execute(statement).fetchone() or ())
