"""A way to Postgres that a test can close, and what a buffer answers meanwhile."""

import asyncio
import threading
import time
from collections.abc import Callable

import psycopg

from tracker.postgres.connect import connect


class Road:
    """The way to Postgres: can be closed, which also cuts who is on it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()

    def connect(self) -> psycopg.Connection:
        if not self.open.is_set():
            raise psycopg.OperationalError("the road is closed")
        connection = connect()
        connection.execute("SELECT set_config('application_name', 'road', false)")
        connection.commit()
        if not self.open.is_set():
            # Closed meanwhile, perhaps too early to be cut.
            connection.close()
            raise psycopg.OperationalError("the road is closed")
        return connection

    def close(self) -> None:
        self.open.clear()
        self.cut()

    def cut(self) -> None:
        """Kill the backends, wherever they are in a batch."""
        with connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'road'"
                " AND datname = current_database()"
            )


class Answers:
    """Collects what the buffer answers."""

    def __init__(self) -> None:
        self.given: list[tuple[object, bool]] = []

    def to(self, name: object) -> Callable[[bool], None]:
        return lambda stored: self.given.append((name, stored))

    async def come(self, number: int) -> list[tuple[object, bool]]:
        """Wait until that many have come."""
        await until(lambda: len(self.given) >= number)
        return self.given


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
