"""Columns in Postgres' binary format, as Postgres understands them."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.postgres import binary
from tracker.postgres.connect import connect
from tracker.postgres.libpq import Direct

pytestmark = pytest.mark.django_db(transaction=True)

ID = uuid4()
NOW = datetime(2026, 11, 22, 4, 31, 16, 123457, UTC)
PAST = datetime(1969, 7, 20, 20, 17, 40, tzinfo=UTC)


def said(array: binary.Array) -> list[Any]:
    """The column as Postgres took it, read back by psycopg."""
    with connect() as connection:
        direct = Direct(connection)
        direct.run("CREATE TEMPORARY TABLE said AS SELECT %(column)s AS column", {"column": array})
        row = connection.execute("SELECT * FROM said").fetchone()
        assert row
        found: list[Any] = row[0]
        return found


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (binary.bools([True, False]), [True, False]),
        (binary.int4s([-(2**31), 0, 2**31 - 1]), [-(2**31), 0, 2**31 - 1]),
        (binary.int8s([-(2**63), 7]), [-(2**63), 7]),
        (binary.float8s([1.5, None, float("inf")]), [1.5, None, float("inf")]),
        (binary.uuids([ID.bytes, UUID(int=0).bytes]), [ID, UUID(int=0)]),
        (binary.texts(["", None, "ünï 🦶 \\ \t"]), ["", None, "ünï 🦶 \\ \t"]),
        (binary.jsonbs([b'{"a":[1,null]}', b"{}"]), [{"a": [1, None]}, {}]),
        (
            binary.times([binary.moment(NOW.timestamp()), None, binary.moment(PAST.timestamp())]),
            [NOW, None, PAST],
        ),
        (binary.times([]), []),
        (binary.texts([]), []),
    ],
)
def test_an_array_arrives_as_it_was(array: binary.Array, values: list[Any]) -> None:
    assert said(array) == values


def test_seconds_become_the_microsecond_that_python_means() -> None:
    for step in range(1, 2000, 7):
        at = NOW + timedelta(microseconds=step * 499_979)
        assert binary.date_of(binary.moment(at.timestamp())) == at


@given(st.floats(-62_135_596_800, 253_370_764_799))
def test_every_second_of_the_calendar_becomes_the_nearest_microsecond(at: float) -> None:
    exact = Fraction(at) * 1_000_000 - binary.EPOCH * 1_000_000
    assert abs(binary.moment(at) - exact) <= Fraction(1, 2)


@pytest.mark.parametrize("at", [float("nan"), float("inf"), 1e12, -1e12])
def test_no_time_is_refused(at: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        binary.moment(at)


def test_what_postgres_cannot_hold_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        binary.texts(["\ud800"])
    with pytest.raises(psycopg.DataError):
        said(binary.texts(["\0"]))
    with pytest.raises(psycopg.DataError):
        said(binary.times([2**62]))


def test_what_comes_back_is_read_as_it_was_said() -> None:
    moment = binary.moment(NOW.timestamp())
    numbers, times, empty = binary.int8s([-1, 2**40]), binary.times([moment]), binary.int8s([])
    with connect() as connection:
        ((number, at, null, array, none),) = Direct(connection).run(
            "SELECT (%(numbers)s)[2], (%(times)s)[1], NULL, %(numbers)s, %(empty)s",
            {"numbers": numbers, "times": times, "empty": empty},
        )
    assert (binary.integer(number), binary.integer(at), null) == (2**40, moment, b"")
    assert (binary.integers(array), binary.integers(none)) == ([-1, 2**40], [])
