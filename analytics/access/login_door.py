"""The door at which passwords are taken: few go through at once, few wait, and nobody fills it alone.

It stands before Django, whose way to a form takes 10 ms in a thread of its own and a connection to Postgres:
who waits here is a coroutine. What is refused is answered late, so that those who try again at once, as
programs do, come no more often than they are wanted.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.http import parse_cookie

from analytics.access import known_browser
from analytics.access.door_lane import DoorLane
from analytics.access.too_busy import too_busy
from tracker.visitors import addresses
from tracker.visitors.request import headers_of

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Any, Any], Awaitable[None]]

PATHS = ("/login/", "/admin/login/", "/welcome/", "/account/password/")
SAFE = ("GET", "HEAD", "OPTIONS")
TOO_MANY_TRIES = 429
# So much of the room may be one address's: of all who stand at the door together, it is one of four at least.
SHARE = 4
HELD = 256  # refusals that wait to be said, a connection each; beyond it they are said at once


class LoginDoor:
    """Who is at the door of one process; for one event loop."""

    def __init__(
        self,
        room: int,
        turns: int,
        patience: float,
        hold: float,
        proxies: tuple[addresses.Network, ...],
    ) -> None:
        """`room`: those inside and waiting, together. `turns`: those inside, as many as hash at once.

        `patience`: seconds for which somebody may wait. `hold`: seconds after which a refusal is said.
        `proxies`: whose word on an address is believed.
        """
        self._patience, self._hold = patience, hold
        self._proxies = proxies
        self._strangers = DoorLane(room, max(1, room // SHARE), turns)
        # Whoever has logged in before, in this browser, does not stand in line with those who guess.
        self._known = DoorLane(max(1, room // SHARE), 1, turns)
        self._held = 0

    def guard(self, application: Application) -> Application:
        """The application, with this door before its forms for logging in."""

        async def guarded(scope: Message, receive: Receive, send: Send) -> None:
            if scope["path"] in PATHS and scope["method"] not in SAFE:
                await self._enter(application, scope, receive, send)
            else:
                await application(scope, receive, send)

        return guarded

    async def _enter(self, application: Application, scope: Message, receive: Receive, send: Send) -> None:
        lane, who = self._lane(scope)
        if not lane.enter(who):
            await self._refuse(send)
            return
        try:
            answer = await self._answer(lane.turn, application, scope, receive)
            if answer and answer[0]["status"] == TOO_MANY_TRIES:
                # It keeps its room, not its turn.
                await asyncio.sleep(self._hold)
        finally:
            lane.leave(who)
        if answer is None:
            await self._refuse(send)
            return
        for message in answer:
            await send(message)

    async def _answer(
        self, turn: asyncio.Semaphore, application: Application, scope: Message, receive: Receive
    ) -> list[Message] | None:
        """What the application answers; None where its turn did not come in time."""
        try:
            async with asyncio.timeout(self._patience):
                await turn.acquire()
        except TimeoutError:
            return None
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        try:
            await application(scope, _of_one_who_stays(receive), keep)
        finally:
            turn.release()
        return said

    async def _refuse(self, send: Send) -> None:
        if self._held < HELD:
            self._held += 1
            try:
                await asyncio.sleep(self._hold)
            finally:
                self._held -= 1
        answer = too_busy()
        headers = [(name.encode(), value.encode()) for name, value in answer.items()]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.content})

    def _lane(self, scope: Message) -> tuple[DoorLane, str]:
        """Where somebody stands, and who it is there."""
        client, headers = scope.get("client"), headers_of(scope["headers"])
        cookie = parse_cookie(headers.get("cookie", "")).get(known_browser.COOKIE, "")
        if browser := known_browser.of(cookie):
            return self._known, browser.id
        peer, forwarded = client[0] if client else None, headers.get("x-forwarded-for", "")
        address = addresses.client_address(peer, forwarded, self._proxies)
        return self._strangers, addresses.place_of(address)


def _of_one_who_stays(receive: Receive) -> Receive:
    """What a client says, but for its leaving: Django would let go of a form whose thread still hashes."""
    whole = False

    async def stays() -> Message:
        nonlocal whole
        if whole:
            await asyncio.Future()
        message = await receive()
        whole = not message.get("more_body", False)
        return message

    return stays
