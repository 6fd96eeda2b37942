"""What refers to itself is freed by the clock, whatever was allocated since, and however old it is."""

import asyncio
import gc
import weakref

import pytest

from tracker.server import garbage


class Held:
    """Something that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


def test_old_and_young_garbage_is_freed_without_any_allocations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "EVERY_SECONDS", 0.001)
    thresholds = gc.get_threshold()
    gc.set_threshold(10_000_000)
    try:
        freed = [asyncio.Event(), asyncio.Event()]
        old = Held()
        gc.collect()
        for held, event in zip((old, Held()), freed, strict=True):
            weakref.finalize(held, event.set)
        del old, held

        async def freeing() -> None:
            collecting = asyncio.create_task(garbage.collect(garbage.OLDEST))
            await asyncio.gather(*(each.wait() for each in freed))
            collecting.cancel()

        asyncio.run(asyncio.wait_for(freeing(), 20))
    finally:
        gc.set_threshold(*thresholds)


def test_most_turns_look_at_the_young_alone() -> None:
    turns = [garbage.generation(turn) for turn in range(1, garbage.ALL + 1)]
    assert (turns.count(garbage.YOUNG), turns.count(garbage.OLDER), turns.count(garbage.OLDEST)) == (50, 9, 1)
