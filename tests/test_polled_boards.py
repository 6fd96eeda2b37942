"""Boards that ask: how long one is kept between its requests, and how many there may be."""

import asyncio
from typing import Any, cast

import pytest

from analytics.access.board_readers import BoardReaders
from analytics.board import polling
from analytics.board.polling import Closing, Full, Name, PolledBoards
from analytics.board.socket import OpenBoards
from analytics.board.ticker import Ticker
from analytics.live.system import System
from tracker.live.filters import NO_FILTERS
from tracker.liveness.activity import Activities
from tracker.models import Site

SITE = Site(key="key", domain="seen.example")


class TickingStandIn:
    """What a ticker does for a board that joins, and how Footfall itself is."""

    def __init__(self) -> None:
        self.joined: list[Any] = []

    def join(self, site: Site, board: Any, filters: object) -> Any:
        self.joined.append(board)
        return self

    def leave(self, site: Site, board: Any, filters: object) -> None:
        self.joined.remove(board)

    async def first(self, site: Site, filters: object) -> tuple[int, str]:
        return 1, "{}"

    def added_to(self, text: str, cursor: Any = None) -> Any:
        return text, cursor


class SystemStandIn:
    def added_to(self, text: str) -> str:
        return text


def name(board: str) -> Name:
    return "session", board, SITE.key, NO_FILTERS


@pytest.fixture
def snapshots() -> TickingStandIn:
    return TickingStandIn()


@pytest.fixture
def open_boards() -> OpenBoards:
    return OpenBoards(Activities())


@pytest.fixture
def polled(snapshots: TickingStandIn, open_boards: OpenBoards) -> PolledBoards:
    return PolledBoards(
        open_boards, cast(Ticker, snapshots), cast(BoardReaders, None), cast(System, SystemStandIn())
    )


async def test_a_board_that_asks_no_more_is_gone_when_its_lease_is_over(
    polled: PolledBoards, snapshots: TickingStandIn, open_boards: OpenBoards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "LEASE_SECONDS", 0.05)
    assert await polled.answer(name("a"), SITE, 0) == "{}"
    assert len(open_boards) == len(snapshots.joined) == 1
    async with asyncio.timeout(5):
        while open_boards or snapshots.joined:  # noqa: ASYNC110 (a lease ends by a timer)
            await asyncio.sleep(0.01)


async def test_a_board_is_one_however_often_it_asks_and_there_is_room_for_so_many(
    polled: PolledBoards, snapshots: TickingStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "MOST", 1)
    monkeypatch.setattr(polling, "CHECK_SECONDS", 0.01)
    assert await polled.answer(name("a"), SITE, 0) == "{}"
    assert await polled.answer(name("a"), SITE, 1) == ""
    assert len(snapshots.joined) == 1
    with pytest.raises(Full):
        await polled.answer(name("b"), SITE, 0)


async def test_who_waits_is_let_go_when_the_process_ends(
    polled: PolledBoards, open_boards: OpenBoards
) -> None:
    await polled.answer(name("a"), SITE, 0)
    await open_boards.close(4502)
    with pytest.raises(Closing):
        await polled.answer(name("a"), SITE, 1)
