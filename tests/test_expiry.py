"""Weeks that are kept no longer: dropped whole, never early, in nobody's way; and reports go on."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from analytics.board.day import DayCurves
from scripts.stands.waiting import wait_for
from tests.page_views import MINUTE, START, begin, folded, progress, rows, said
from tests.weeks import names, own_weeks
from tracker.models import Minute, Site
from tracker.postgres import partitions
from tracker.postgres.connect import connect
from tracker.rollups import minutes
from tracker.storing.store import Store
from tracker.upkeep import expiry

pytestmark = pytest.mark.django_db(transaction=True)

WEEK = timedelta(weeks=1).total_seconds()
MONDAY = partitions.midnight(partitions.week_of(START))
DAYS = 3


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with own_weeks() as connection:
        yield connection


def weeks(connection: psycopg.Connection) -> set[tuple[str, int]]:
    """The past weeks that have partitions: table, and how many weeks ago."""
    return {
        (growing.table, (MONDAY.date() - week).days // 7)
        for growing in partitions.GROWING
        for name in names(connection, growing.table)
        if (week := partitions.week_in(name)) and week < MONDAY.date()
    }


def past(connection: psycopg.Connection, *ago: int) -> None:
    """A visit with an event in each of these past weeks, in partitions of their own, and one this week."""
    with connect() as other:
        store = Store(other)
        for week in (0, *ago):
            page = begin(-week * WEEK)
            store.write(folded(page, said(page, -week * WEEK + 1)))
            store.write(folded(progress(page, -week * WEEK + 60, ended=True)))
        other.commit()
    ensure(connection)


def ensure(connection: psycopg.Connection) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        partitions.ensure(cursor, START)


def roll(connection: psycopg.Connection, week: int) -> None:
    """Minutes of the visit of a past week, as jobs had rolled them up then."""
    minutes.roll_up(connection, START - timedelta(weeks=week) + timedelta(hours=2))


@pytest.mark.parametrize(
    "name", ["tracker_pageview_default", "tracker_pageview", "tracker_pageview_2026w4", "x_2026w44_old"]
)
def test_only_weeks_are_taken_for_weeks(name: str) -> None:
    assert partitions.week_in(name) is None


def test_a_week_is_found_by_its_name() -> None:
    for days in range(0, 800, 7):
        week = partitions.week_of(START + timedelta(days=days))
        assert partitions.week_in(partitions.name_of("tracker_event", week)) == week


def test_without_the_setting_everything_is_kept(connection: psycopg.Connection) -> None:
    past(connection, 30)
    expiry.drop_weeks(connection, START, 0)
    assert len(rows(connection, "tracker_pageview")) == 2


def test_a_week_goes_whole_once_its_last_row_is_too_old(connection: psycopg.Connection) -> None:
    past(connection, 1, 2, 5)
    tables = ("tracker_pageview", "tracker_visit", "tracker_event")
    assert weeks(connection) == {(table, ago) for table in tables for ago in (1, 2, 5)}
    expired = MONDAY + timedelta(days=DAYS)
    expiry.drop_weeks(connection, expired - timedelta(microseconds=1), DAYS)
    assert weeks(connection) == {(table, 1) for table in tables}
    expiry.drop_weeks(connection, expired, DAYS)
    expiry.drop_weeks(connection, expired, DAYS)
    assert weeks(connection) == set()
    for table in tables:
        assert len(rows(connection, table)) == 1


def test_what_waits_in_a_default_is_deleted_and_told(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with connect() as other:
        Store(other).write(folded(begin(-30 * WEEK), begin(-29 * WEEK), begin(0)))
        other.commit()
    expiry.drop_weeks(connection, START, DAYS)
    assert [view["began_at"] for view in rows(connection, "tracker_pageview")] == [START]
    assert [visit["began_at"] for visit in rows(connection, "tracker_visit")] == [START]
    assert "deleted 2 rows of tracker_pageview_default" in caplog.text


def test_what_comes_late_for_a_week_that_is_gone_goes_too(connection: psycopg.Connection) -> None:
    past(connection, 2)
    expiry.drop_weeks(connection, START, DAYS)
    past(connection, 2)
    assert len(rows(connection, "tracker_pageview")) == 3
    expiry.drop_weeks(connection, START, DAYS)
    assert len(rows(connection, "tracker_pageview")) == 2
    assert weeks(connection) == set()


def test_whoever_stores_waits_for_no_more_than_a_moment(connection: psycopg.Connection) -> None:
    """A report holds the table: dropping waits briefly, gives way, and is done when the report is."""
    past(connection, 2)
    given_up: list[type] = []

    def drop() -> None:
        try:
            expiry.drop_weeks(connection, START, DAYS)
        except psycopg.Error as error:
            given_up.append(type(error))

    with connect() as reader, connect() as writer:
        reader.execute("SELECT count(*) FROM tracker_pageview")
        dropping = threading.Thread(target=drop)
        dropping.start()
        store, slowest, number = Store(writer), 0.0, 0
        while dropping.is_alive():
            began = time.monotonic()
            store.write(folded(begin(number * MINUTE / 100)))
            writer.commit()
            slowest, number = max(slowest, time.monotonic() - began), number + 1
        dropping.join()
        assert given_up == [psycopg.errors.LockNotAvailable]
        assert number > 5
        assert slowest < 1.5, "one patience, and what a busy machine adds"
        reader.rollback()
    drop()
    assert weeks(connection) == set()


def test_what_holds_only_the_week_is_waited_for_and_keeps_nobody_from_storing(
    connection: psycopg.Connection,
) -> None:
    """As autovacuum does, which gives way only to who has waited for a second."""
    past(connection, 2)
    name = partitions.name_of("tracker_pageview", MONDAY.date() - timedelta(weeks=2))
    with connect() as holder, connect() as writer, connect() as dropper:
        holder.execute(f"LOCK TABLE {name} IN SHARE UPDATE EXCLUSIVE MODE")
        dropper.autocommit = True
        dropping = threading.Thread(target=expiry.drop_weeks, args=[dropper, START, DAYS])
        dropping.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s"
        wait_for(lambda: connection.execute(waits, [dropper.info.backend_pid]).fetchone() == (1,))
        writer.execute("SET lock_timeout = '100ms'")
        Store(writer).write(folded(begin(1)))
        writer.commit()
        assert dropping.is_alive()
        holder.rollback()
        dropping.join()
    assert weeks(connection) == set()


def test_reports_curves_and_minutes_go_on_over_what_is_gone(connection: psycopg.Connection) -> None:
    site = Site.objects.create(id=1, domain="kept.example", hosts=[])
    past(connection, 1, 2)
    for week in (2, 1):
        roll(connection, week)
    assert Minute.objects.count() == 2
    ensure(connection)
    expiry.drop_weeks(connection, MONDAY + timedelta(days=DAYS), DAYS)
    assert Minute.objects.count() == 0
    now = START + timedelta(hours=2)
    minutes.roll_up(connection, now)
    assert Minute.objects.count() > 0
    curve = DayCurves().today(site, now)
    assert curve["peak"]["tabs"] == {"most": 1, "at": START.timestamp()}
    assert curve["before"] is None
