"""Questions of health to Postgres: answered, or given up in time whatever the server does."""

import time

import pytest

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
