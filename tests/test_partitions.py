"""Weekly partitions: made ahead, named by ISO week, and rows that waited in the default move into theirs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.page_views import START, begin, folded, progress, rows, said
from tracker.postgres import partitions
from tracker.postgres.connect import connect
from tracker.storing.store import Store

pytestmark = pytest.mark.django_db(transaction=True)

LATER = timedelta(weeks=30)
STORED = partitions.GROWING[:3]  # what a batch writes to


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    """A connection whose new partitions are dropped in the end: the next test starts from the migration's."""
    with connect() as connection:
        before = {name for growing in partitions.GROWING for name in _names(connection, growing.table)}
        yield connection
        connection.rollback()
        for growing in partitions.GROWING:
            for name in _names(connection, growing.table) - before:
                connection.execute(psycopg.sql.SQL("DROP TABLE {}").format(psycopg.sql.Identifier(name)))


def ensure(connection: psycopg.Connection, now: datetime) -> list[str]:
    with connection.transaction(), connection.cursor() as cursor:
        return partitions.ensure(cursor, now)


def _names(connection: psycopg.Connection, table: str) -> set[str]:
    with connection.transaction(), connection.cursor() as cursor:
        return partitions.partitions(cursor, table)


def _counts(connection: psycopg.Connection) -> dict[str, int]:
    """Rows per partition, where there are any."""
    with connection.transaction():
        return {
            name: number
            for growing in partitions.GROWING
            for name, number in connection.execute(
                psycopg.sql.SQL("SELECT tableoid::regclass::text, count(*) FROM {} GROUP BY 1").format(
                    psycopg.sql.Identifier(growing.table)
                )
            )
        }


def test_this_week_and_four_more_are_there_from_the_migration(connection: psycopg.Connection) -> None:
    weeks = {partitions.week_of(datetime.now(UTC)) + n * timedelta(weeks=1) for n in range(5)}
    for growing in partitions.GROWING:
        wanted = {partitions.name_of(growing.table, week) for week in weeks} | {f"{growing.table}_default"}
        assert wanted <= _names(connection, growing.table)
    assert ensure(connection, datetime.now(UTC)) == []


def test_weeks_are_iso_weeks_in_utc() -> None:
    new_year = datetime(2027, 1, 3, 23, 59, 59, tzinfo=UTC)
    assert partitions.name_of("t", partitions.week_of(new_year)) == "t_2026w53"
    assert partitions.name_of("t", partitions.week_of(new_year + timedelta(seconds=1))) == "t_2027w01"
    east = datetime.fromisoformat("2027-01-04T01:00+02:00")
    assert partitions.name_of("t", partitions.week_of(east)) == "t_2026w53"


def test_rows_that_waited_in_the_default_move_when_their_week_is_made(connection: psycopg.Connection) -> None:
    jump = LATER.total_seconds()
    page = begin(jump)
    store = Store(connection)
    store.write(folded(begin(0), page, said(page, jump + 1)))
    assert _counts(connection)["tracker_pageview_default"] == 1
    before = [rows(connection, growing.table) for growing in STORED]

    made = ensure(connection, START + LATER)
    assert len(made) == 5 * len(partitions.GROWING)
    week = partitions.name_of("", partitions.week_of(START + LATER))
    counts = _counts(connection)
    for growing in STORED:
        assert growing.table + week in made
        assert counts[growing.table + week] == 1
        assert growing.table + "_default" not in counts
    assert [rows(connection, growing.table) for growing in STORED] == before

    store.write(folded(progress(page, jump + 9, ended=True)))
    assert rows(connection, "tracker_pageview")[-1]["ended_at"] == START + LATER + timedelta(seconds=9)


def test_weeks_that_passed_while_nobody_made_partitions_get_theirs(connection: psycopg.Connection) -> None:
    past, far = -LATER.total_seconds(), 10 * LATER.total_seconds()
    Store(connection).write(folded(begin(past), begin(far)))
    made = ensure(connection, datetime.now(UTC))
    week = partitions.name_of("", partitions.week_of(START - LATER))
    assert made == ["tracker_pageview" + week, "tracker_visit" + week]
    counts = _counts(connection)
    assert (counts["tracker_pageview" + week], counts["tracker_pageview_default"]) == (1, 1)


def test_partitions_leave_room_for_completion(connection: psycopg.Connection) -> None:
    ensure(connection, START + LATER)
    with connection.transaction():
        found = connection.execute(
            "SELECT count(*) FILTER (WHERE reloptions @> ARRAY['fillfactor=90']), count(*) FROM pg_class"
            " WHERE relispartition AND relkind = 'r' AND relname ~ '^tracker_(pageview|visit)'"
        ).fetchone()
    assert found
    assert found[0] == found[1] >= 20


def test_storing_goes_on_while_partitions_are_made(connection: psycopg.Connection) -> None:
    """Attaching a partition blocks nobody who writes to another one."""
    with connect() as other, connection.transaction(), connection.cursor() as cursor:
        partitions.ensure(cursor, START + LATER)
        other.execute("SET statement_timeout = '5s'")
        page = begin(0)
        store = Store(other)
        store.write(folded(page))
        store.write(folded(progress(page, 5, ended=True)))
    assert [view["ended_at"] is None for view in rows(connection, "tracker_pageview")] == [False]
