"""Windows in Postgres: each once, each for its time."""

import random
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.signal_tables import postgres
from tracker.postgres.connect import connect
from tracker.signals import signal_store, signal_tables
from tracker.signals.datapoint import (
    SERIES_BYTES_MOST,
    TAGS_MOST,
    Datapoint,
    NotADatapoint,
    Series,
    SeriesKind,
    series,
)
from tracker.signals.signal_store import SignalStore
from tracker.signals.signal_writer import SignalWriter
from tracker.signals.windows import Row, Windows

__all__ = ["postgres"]

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = signal_tables.lengths(hours=6, days=8, months=13)
NOW = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp())
TIME = Series("api.time", SeriesKind.TIMER, (("host", "ä"), ("zone", "eu")))


def rows_of(*points: Datapoint, at: int = NOW) -> list[Row]:
    windows = Windows(at)
    windows.add(points)
    return [row for portion in windows.close(at + 600) for row in portion]


def stored(postgres: psycopg.Connection) -> list[tuple[object, ...]]:
    return postgres.execute(
        'SELECT name, kind, tags, seconds, count, sum, last, least, most, p50, p99, deviation, "distinct"'
        " FROM tracker_signal JOIN tracker_series ON id = series_id ORDER BY name, seconds"
    ).fetchall()


def test_each_kind_is_stored_with_what_it_has(postgres: psycopg.Connection) -> None:
    store = SignalStore(postgres, 1, KEPT)
    gauge, users = Series("heap", SeriesKind.GAUGE), Series("users", SeriesKind.SET)
    store.write(
        rows_of(Datapoint(TIME, 3), Datapoint(TIME, 5), Datapoint(gauge, 7), Datapoint(users, 0, member="a"))
    )
    tags = {"host": "ä", "zone": "eu"}
    assert [row for row in stored(postgres) if row[3] == 10] == [
        ("api.time", "ms", tags, 10, 2, 8, None, 3, 5, 3, 5, 1, None),
        ("heap", "g", {}, 10, 1, 7, 7, 7, 7, None, None, None, None),
        ("users", "s", {}, 10, 1, None, None, None, None, None, None, None, 1),
    ]
    assert {row[3] for row in stored(postgres)} == {10, 60, 600}


def test_a_batch_that_is_tried_again_changes_nothing(postgres: psycopg.Connection) -> None:
    rows = rows_of(Datapoint(TIME, 3))
    store = SignalStore(postgres, 1, KEPT)
    store.write(rows)
    store.write(rows)
    assert len(stored(postgres)) == 3


def test_a_process_that_began_within_a_window_adds_to_it(postgres: psycopg.Connection) -> None:
    SignalStore(postgres, 1, KEPT).write(rows_of(Datapoint(TIME, 3)))
    with connect() as again:
        again.autocommit = True
        SignalStore(again, 2, KEPT).write(rows_of(Datapoint(TIME, 5)))
    assert [row[5] for row in stored(postgres) if row[3] == 10] == [3, 5]
    assert postgres.execute("SELECT count(*) FROM tracker_series").fetchall() == [(1,)]


def test_windows_are_kept_for_their_time_and_forgotten_whole(postgres: psycopg.Connection) -> None:
    store = SignalStore(postgres, 1, KEPT)
    for hours in (0, 5, 8, 24 * 7, 24 * 10, 24 * 500):
        store.write(rows_of(Datapoint(TIME, hours), at=NOW - hours * 3600))
    signal_tables.drop(postgres, datetime.fromtimestamp(NOW, UTC), KEPT)
    left = [(row[3], row[5]) for row in stored(postgres)]
    assert sorted(left) == [(10, 0), (10, 5), (60, 0), (60, 5), (60, 8), (60, 168)] + [
        (600, hours) for hours in (0, 5, 8, 168, 240)
    ]
    signal_tables.drop(postgres, datetime.fromtimestamp(NOW, UTC) + timedelta(days=500), KEPT)
    assert stored(postgres) == []
    assert postgres.execute("SELECT * FROM tracker_series").fetchall() == []


def test_ten_thousand_series_of_every_length(postgres: psycopg.Connection) -> None:
    chance = random.Random(3)
    points = [
        Datapoint(Series(f"s{n}", SeriesKind.TIMER, (("host", str(n % 7)),)), chance.random())
        for n in range(10_000)
    ]
    store = SignalStore(postgres, 1, KEPT)
    store.write(rows_of(*points))
    assert postgres.execute("SELECT count(*), count(DISTINCT series_id) FROM tracker_signal").fetchall() == [
        (30_000, 10_000)
    ]


def test_the_longest_series_that_is_taken_fits_the_index(postgres: psycopg.Connection) -> None:
    chance = random.Random(5)

    def noise(length: int) -> str:
        # Four bytes a character, of which nothing can be compressed.
        return "".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(length))

    room, tags = SERIES_BYTES_MOST - 4, dict[str, str]()
    while room >= 20 and len(tags) < TAGS_MOST:
        tags[noise(4)] = noise(min(26, (room - 16) // 4))
        room -= 16 + 4 * min(26, (room - 16) // 4)
    longest = series(noise(1), SeriesKind.COUNTER, tags)
    with pytest.raises(NotADatapoint):
        series(noise(200), SeriesKind.COUNTER, tags)
    SignalStore(postgres, 1, KEPT).write(rows_of(Datapoint(longest, 1)))
    assert len(stored(postgres)) == 3


def test_a_window_that_postgres_never_takes_costs_itself_alone(postgres: psycopg.Connection) -> None:
    chance = random.Random(7)
    noise = "".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range(1500))
    odd = Series("odd", SeriesKind.COUNTER, (("a", noise),))
    good = [Series(f"good{n}", SeriesKind.COUNTER) for n in range(5)]
    writer = SignalWriter(lambda: connect(), KEPT)
    writer.put(rows_of(*(Datapoint(each, 1) for each in (*good, odd))))
    writer.put(rows_of(Datapoint(TIME, 3)))
    writer.start()
    assert writer.end(60)
    assert writer.refused == 3
    assert {row[0] for row in stored(postgres)} == {"api.time", *(each.name for each in good)}
    assert not writer.activity.problem


def test_windows_of_another_run_stand_beside_those_of_the_same_time(postgres: psycopg.Connection) -> None:
    writer = SignalWriter(lambda: connect(), KEPT)
    writer.put(rows_of(Datapoint(TIME, 3)))
    writer.begin_run()
    writer.put(rows_of(Datapoint(TIME, 5)))
    writer.start()
    assert writer.end(60)
    assert {row[5] for row in stored(postgres) if row[3] == 10} == {3, 5}


def test_names_without_end_are_not_remembered(
    postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal_store, "REMEMBERED_MOST", 3)
    store = SignalStore(postgres, 1, KEPT)
    for number in range(9):
        store.write(rows_of(Datapoint(Series(f"s{number}", SeriesKind.COUNTER), number)))
        assert len(store._ids) <= 4
    # One that was forgotten is found again, under its own number.
    store.write(rows_of(Datapoint(Series("s0", SeriesKind.COUNTER), 5), at=NOW + 600))
    found = [row[5] for row in stored(postgres) if row[0] == "s0" and row[3] == 10]
    assert set(found) == {0, 5}
    assert postgres.execute("SELECT count(*) FROM tracker_series").fetchall() == [(9,)]
