"""What boards ask of Postgres: once for all who ask the same, beside everything else, and not for ever."""

import asyncio
import threading
from typing import Any

import pytest
from django.db import connection

from analytics.queries import shared_answers
from analytics.queries.shared_answers import SharedAnswers
from analytics.queries.time_limit import TooMuch

pytestmark = pytest.mark.django_db(transaction=True)


def query(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


def test_all_who_ask_at_once_share_one_answer_and_so_do_those_soon_after() -> None:
    asked = []

    def made() -> int:
        asked.append(threading.current_thread())
        return int(query("SELECT 1 FROM pg_sleep(0.2)")[0])

    async def ask() -> None:
        kept = SharedAnswers()
        assert await asyncio.gather(*(kept.get("one", made, 60) for _ in range(20))) == [1] * 20
        assert len(asked) == 1
        assert await kept.get("one", made, 60) == 1
        assert len(asked) == 1
        assert await kept.get("other", made, 60) == 1
        assert len(asked) == 2
        # What need not be fresh twice is not kept.
        assert await kept.get("never", made) == await kept.get("never", made) == 1
        assert len(asked) == 4

    asyncio.run(ask())
    assert threading.main_thread() not in asked


def test_the_event_loop_goes_on_meanwhile() -> None:
    async def ask() -> None:
        held = threading.Event()
        waiting = asyncio.create_task(SharedAnswers().get("slow", lambda: held.wait(30)))
        await asyncio.sleep(0)
        assert not waiting.done()
        held.set()
        assert await waiting

    asyncio.run(ask())


def test_whoever_goes_away_leaves_the_answer_to_the_others() -> None:
    async def ask() -> None:
        kept, held = SharedAnswers(), threading.Event()

        def made() -> bool:
            return held.wait(30)

        impatient, patient = (asyncio.create_task(kept.get("it", made)) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        held.set()
        assert await patient

    asyncio.run(ask())


def test_what_takes_too_long_is_given_up_and_can_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_answers, "PATIENCE_SECONDS", 0.1)

    async def ask() -> None:
        kept = SharedAnswers()
        with pytest.raises(TooMuch, match="too many page views"):
            await kept.get("it", lambda: query("SELECT pg_sleep(60)"))
        assert await kept.get("it", lambda: query("SELECT 1")) == (1,)
        # Not by all who ask for it, one after the other.
        for _ in range(2):
            with pytest.raises(TooMuch, match="too many page views"):
                await kept.get("other", lambda: query("SELECT pg_sleep(60)"), 60)

    asyncio.run(ask())


def test_what_fails_is_tried_again() -> None:
    async def ask() -> None:
        kept = SharedAnswers()
        with pytest.raises(ZeroDivisionError):
            await kept.get("it", lambda: 1 / 0, 60)
        assert await kept.get("it", lambda: 1, 60) == 1

    asyncio.run(ask())


def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_answers, "MOST_WAITING", 2)

    async def ask() -> None:
        kept, held = SharedAnswers(), threading.Event()
        waiting = [asyncio.create_task(kept.get(key, lambda: held.wait(30))) for key in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooMuch):
            await kept.get(2, lambda: True)
        held.set()
        assert all(await asyncio.gather(*waiting))
        assert await kept.get(2, lambda: True)

    asyncio.run(ask())


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_answers, "MOST_KEPT", 3)
    asked = []

    async def ask() -> None:
        kept = SharedAnswers()
        for key in (1, 2, 3, 4, 4, 3, 1):
            await kept.get(key, lambda key=key: asked.append(key), 60)  # type: ignore[misc]

    asyncio.run(ask())
    assert asked == [1, 2, 3, 4, 1]
