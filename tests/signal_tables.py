"""The tables of servers' datapoints, empty before a test and after it; and windows of the past in them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.types.json import Jsonb

from scripts.stands.product import Product
from tracker.postgres.connect import connect
from tracker.signals import signal_tables

SERIES = """
INSERT INTO tracker_series (name, kind, tags, last_at) VALUES (%s, 'g', %s, to_timestamp(%s)) RETURNING id
"""
WINDOW = """
INSERT INTO tracker_signal (series_id, at, run, seconds, count, sum, last, least, most)
VALUES (%s, to_timestamp(%s), 1, %s, 1, %s, %s, %s, %s)
"""
FLAG = """
INSERT INTO analytics_annotation (site_id, at, text, created_at)
SELECT id, to_timestamp(%s), %s, now() FROM tracker_site WHERE key = %s RETURNING id
"""


@pytest.fixture
def postgres() -> Iterator[psycopg.Connection]:
    """A connection in autocommit; partitions that were made meanwhile go with it."""
    with connect() as connection:
        connection.autocommit = True
        yield connection
        signal_tables.drop(connection, datetime(2200, 1, 1, tzinfo=UTC), signal_tables.kept())


def store_gauge(product: Product, name: str, seconds: int, values: dict[int, float], **tags: str) -> None:
    """Windows of a gauge as the process that gathers them stores them; `values`: by when a window begins."""
    (length,) = (each for each in signal_tables.kept() if each.seconds == seconds)
    with product.connected() as connection:
        for share in {at // length.share for at in values}:
            signal_tables.ensure(connection, length, share * length.share)
        row = connection.execute(SERIES, [name, Jsonb(tags), max(values)]).fetchone()
        assert row
        rows = [(row[0], at, seconds, *[value] * 4) for at, value in values.items()]
        with connection.cursor() as cursor:
            cursor.executemany(WINDOW, rows)


def flag(product: Product, key: str, at: float, text: str) -> None:
    """Something that an owner said of a moment, in seconds since 1970."""
    product.rows(FLAG, at, text, key)
