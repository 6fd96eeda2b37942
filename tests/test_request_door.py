"""The door before Django: how many requests are answered at once, who waits, and that the others go on."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from analytics.access.request_door import SHARE, WAITING, RequestDoor
from analytics.queries import turns
from analytics.queries.turns import OWN_TURN, Turn, elsewhere
from scripts.stands.page_messages import page
from scripts.stands.product import Product
from tests import board_sockets
from tests.board_sockets import watch_until
from tests.visitor_sockets import dial

Said = list[dict[str, Any]]
TURNS, PATIENCE = 2, 20.0
ROOM = TURNS * (1 + WAITING)
# More than Postgres has connections for.
CROWD = 300


class Behind:
    """What stands behind the door: answers when it is let, in so many parts."""

    def __init__(self, parts: int = 1, expected: int = TURNS) -> None:
        """`expected`: how many there are inside when `all_inside` is set."""
        self.inside = self.most = 0
        self.all_inside = asyncio.Event()
        self._expected = expected
        self.may_answer = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._parts = parts

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside == self._expected:
            self.all_inside.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in range(1, self._parts):
            await send({"type": "http.response.body", "body": b"%d" % part, "more_body": True})
        await self.may_end.wait()
        await send({"type": "http.response.body", "body": b""})
        self.inside -= 1


def door(patience: float = PATIENCE) -> RequestDoor:
    return RequestDoor(TURNS, patience, proxies=())


async def come(guarded: Any, address: str = "192.0.2.1", path: str = "/api/v1/sites") -> Said:
    """What somebody at the door is answered."""
    said: Said = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    scope = {"type": "http", "path": path, "method": "GET", "client": (address, 1), "headers": []}
    await guarded(scope, receive, send)
    return said


def statuses(answered: list[Said]) -> Counter[int]:
    return Counter(said[0]["status"] for said in answered)


async def test_few_are_inside_others_wait_and_who_finds_no_room_is_told_when_to_come_back() -> None:
    behind = Behind(expected=TURNS + 3)
    guarded = door().guard(behind)
    coming = [asyncio.create_task(come(guarded, f"192.0.2.{n}")) for n in range(ROOM + 3)]
    refused = await asyncio.wait_for(asyncio.gather(*coming[ROOM:]), PATIENCE / 2)
    assert statuses(refused) == {503: 3}
    headers = dict(refused[0][0]["headers"])
    assert headers[b"Retry-After"] == b"5"
    assert headers[b"Content-Type"] == b"application/json"
    assert json.loads(refused[0][1]["body"]) == {"error": "Too much at once: try again."}
    (page_refused,) = [await come(guarded, "198.51.100.9", "/sites/KEY/")]
    assert b"Too much at once" in page_refused[1]["body"]
    assert b"Content-Security-Policy" in dict(page_refused[0]["headers"])
    # Visitors, files and health checks wait for nobody.
    free = [
        asyncio.create_task(come(guarded, path=path)) for path in ("/live/KEY", "/readyz", "/static/a.js")
    ]
    async with asyncio.timeout(PATIENCE):
        await behind.all_inside.wait()
    behind.may_answer.set()
    assert statuses(await asyncio.gather(*free)) == {200: 3}
    assert statuses(await asyncio.gather(*coming[:ROOM])) == {200: ROOM}
    assert behind.most == TURNS + len(free)
    assert statuses([await come(guarded)]) == {200: 1}, "they left their room"


async def test_one_address_takes_no_more_than_half_of_the_room() -> None:
    behind = Behind()
    guarded = door().guard(behind)
    crowd = [asyncio.create_task(come(guarded)) for _ in range(ROOM)]
    refused = await asyncio.wait_for(asyncio.gather(*crowd[ROOM // SHARE :]), PATIENCE / 2)
    assert statuses(refused) == {503: ROOM - ROOM // SHARE}
    other = asyncio.create_task(come(guarded, "192.0.2.2"))
    behind.may_answer.set()
    assert statuses(await asyncio.gather(other, *crowd[: ROOM // SHARE])) == {200: ROOM // SHARE + 1}


async def test_whoever_waits_for_too_long_is_sent_away_and_its_turn_is_nobodys() -> None:
    behind = Behind()
    guarded = door(patience=0.05).guard(behind)
    inside = [asyncio.create_task(come(guarded)) for _ in range(TURNS)]
    await asyncio.sleep(0)
    assert statuses([await come(guarded)]) == {503: 1}
    behind.may_answer.set()
    assert statuses(await asyncio.gather(*inside)) == {200: TURNS}


async def test_a_stream_has_its_turn_until_it_begins() -> None:
    behind = Behind(parts=3, expected=TURNS * 3)
    behind.may_answer.set()
    behind.may_end.clear()
    guarded = door().guard(behind)
    streams = [asyncio.create_task(come(guarded)) for _ in range(TURNS * 3)]
    async with asyncio.timeout(PATIENCE):
        await behind.all_inside.wait()
    behind.may_end.set()
    assert statuses(await asyncio.gather(*streams)) == {200: len(streams)}


@pytest.mark.parametrize("fails", [False, True])
async def test_others_have_the_turn_of_who_waits_for_an_answer_that_is_made_elsewhere(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SOON_SECONDS", 0.0)
    one = asyncio.Semaphore(1)
    made = Future[str]()

    async def asks() -> str:
        turn = Turn(one)
        await turn.begin()
        OWN_TURN.set(turn)
        try:
            return await elsewhere(made)
        except ValueError:
            return "wrong"
        finally:
            assert turn.held, "what follows the answer may ask Postgres"
            turn.end()

    asking = asyncio.create_task(asks())
    await asyncio.sleep(0)
    other = Turn(one)
    async with asyncio.timeout(PATIENCE):
        await other.begin()
    if fails:
        made.set_exception(ValueError())
    else:
        made.set_result("answer")
    for _ in range(10):
        await asyncio.sleep(0)
    assert not asking.done(), "its turn is another's still"
    other.end()
    assert await asyncio.wait_for(asking, PATIENCE) == ("wrong" if fails else "answer")
    assert not one.locked()


async def test_whoever_goes_away_while_it_waits_gives_nothing_back_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SOON_SECONDS", 0.0)
    one, made = asyncio.Semaphore(1), Future[str]()

    async def asks() -> None:
        turn = Turn(one)
        await turn.begin()
        OWN_TURN.set(turn)
        try:
            await elsewhere(made)
        finally:
            turn.end()

    asking = asyncio.create_task(asks())
    await asyncio.sleep(0)
    other = Turn(one)
    async with asyncio.timeout(PATIENCE):
        await other.begin()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    other.end()
    await one.acquire()
    assert one.locked(), "there is one turn still"
    made.set_exception(ValueError("nobody is there to hear it"))


def test_a_crowd_at_one_instant_is_answered_or_told_to_come_back_and_others_go_on(footfall: Product) -> None:
    key, token = footfall.add_site("crowd.example", "example.com"), footfall.add_token()
    connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    most, over = [0], threading.Event()

    def look() -> None:
        with footfall.connected() as postgres:
            while not over.wait(0.05):
                row = postgres.execute(connections).fetchone()
                most.append(row[0] if row else 0)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        origin = {"Origin": footfall.url}
        with (
            dial(footfall, key) as socket,
            board_sockets.dial(footfall, key, footfall.staff_cookie, origin) as board,
            ThreadPoolExecutor(1) as thread,
        ):
            watching = thread.submit(watch_until, board, lambda shown: shown["tabs"] == 1, 120)
            answered = asyncio.run(_crowd(footfall, key, token, lambda: socket.send(json.dumps(page()))))
            assert json.loads(socket.recv(timeout=60))["t"] == "ack"
            watching.result()
    finally:
        over.set()
        looking.join()
    assert set(answered) <= {200, 429, 503}
    assert answered.total() == CROWD
    # At once as many as have their turn; how many more find theirs in time is the machine's affair.
    assert answered[200] >= 32
    assert max(most) < 80


async def _crowd(product: Product, key: str, token: str, meanwhile: Callable[[], None]) -> Counter[int]:
    """The statuses of what many ask at one instant."""
    request = (
        f"GET /api/v1/sites/{key}/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    roads = [await asyncio.open_connection("127.0.0.1", product.port) for _ in range(CROWD)]
    for _, writer in roads:
        writer.write(request)
    meanwhile()

    async def status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        answer = await reader.read()
        writer.close()
        return int(answer.split(b" ", 2)[1])

    async with asyncio.timeout(120):
        return Counter(await asyncio.gather(*(status(*road) for road in roads)))
