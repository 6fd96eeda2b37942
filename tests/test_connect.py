"""Questions of health to Postgres: answered, or given up in time whatever the server does."""

import gc
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import PGconn

from tracker.postgres import connect

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_question_is_answered() -> None:
    assert await connect.ask("SELECT %s::int + 1, 'ü'", 41) == [(42, "ü")]


async def test_a_question_that_takes_too_long_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "PATIENCE_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await connect.ask("SELECT pg_sleep(60)")
    # psycopg itself would wait up to 10 s for the server to cancel it.
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("way", ["connect", "ask"])
async def test_a_try_in_vain_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    nobody = {"host": str(tmp_path), "dbname": "nobody"}
    monkeypatch.setattr(connect, "parameters", lambda: nobody)
    gc.collect()
    gc.disable()
    try:
        before = connections()
        for _ in range(5):
            with suppress(psycopg.OperationalError):
                connect.connect() if way == "connect" else await connect.ask("SELECT 1")
        assert connections() == before
    finally:
        gc.enable()


def connections() -> int:
    """How many of libpq's connections are in memory, of use or not."""
    # Not by `isinstance`: it asks a lazy object of Django's for what it stands for, which asks the database.
    return sum(issubclass(type(each), PGconn) for each in gc.get_objects())
