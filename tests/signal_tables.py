"""The tables of servers' datapoints, empty before a test and after it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from tracker.postgres.connect import connect
from tracker.signals import signal_tables


@pytest.fixture
def postgres() -> Iterator[psycopg.Connection]:
    """A connection in autocommit; partitions that were made meanwhile go with it."""
    with connect() as connection:
        connection.autocommit = True
        yield connection
        signal_tables.drop(connection, datetime(2200, 1, 1, tzinfo=UTC), signal_tables.kept())
