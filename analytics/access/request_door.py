"""The door before Django: so many requests are answered at once, so many wait for their turn.

Django gives each request a thread, and with its first question a connection to Postgres, which has a hundred
for all processes together: 300 requests at one instant were errors for 200 of them, and for every edge that
connected anew just then. Who waits here is a coroutine. A stream has its turn until it begins.
"""

import asyncio
import logging
from typing import Final

from analytics.access.door_lane import DoorLane
from analytics.access.login_door import Application, Message, Receive, Send
from analytics.access.too_busy import busy
from analytics.queries.turns import OWN_TURN, Turn
from tracker.visitors import addresses
from tracker.visitors.request import headers_of

logger = logging.getLogger(__name__)

# What asks Postgres nothing, or is to be answered whatever else is asked: visitors, files, and who looks
# whether the process is well.
FREE: Final = ("/live/", "/static/", "/t.js", "/healthz", "/readyz", "/metrics")
# So many wait for each one who is inside: some seconds' work.
WAITING: Final = 16
# Of all who stand at the door, so many may come from one address: half.
SHARE: Final = 2


class RequestDoor:
    """Who is at the door of one process; for one event loop."""

    def __init__(self, turns: int, patience: float, proxies: tuple[addresses.Network, ...]) -> None:
        """`turns`: requests that are answered at once. `patience`: seconds for which one may wait.

        `proxies`: whose word on an address is believed.
        """
        room = turns * (1 + WAITING)
        self._lane = DoorLane(room, room // SHARE, turns)
        self._patience, self._proxies = patience, proxies

    def guard(self, application: Application) -> Application:
        """The application, with this door before all that may ask Postgres."""

        async def guarded(scope: Message, receive: Receive, send: Send) -> None:
            if scope["path"].startswith(FREE):
                await application(scope, receive, send)
            else:
                await self._enter(application, scope, receive, send)

        return guarded

    async def _enter(self, application: Application, scope: Message, receive: Receive, send: Send) -> None:
        who = self._who(scope)
        if not self._lane.enter(who):
            await _refuse(scope, send)
            return
        turn = Turn(self._lane.turn)
        inside = True

        def leave() -> None:
            nonlocal inside
            turn.end()
            if inside:
                inside = False
                self._lane.leave(who)

        async def said(message: Message) -> None:
            if message.get("more_body"):
                leave()
            await send(message)

        try:
            if await self._comes(turn):
                OWN_TURN.set(turn)
                await application(scope, receive, said)
                return
        finally:
            leave()
        await _refuse(scope, send)

    async def _comes(self, turn: Turn) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                await turn.begin()
        except TimeoutError:
            return False
        return True

    def _who(self, scope: Message) -> str:
        client, headers = scope.get("client"), headers_of(scope["headers"])
        peer, forwarded = client[0] if client else None, headers.get("x-forwarded-for", "")
        return addresses.place_of(addresses.client_address(peer, forwarded, self._proxies))


async def _refuse(scope: Message, send: Send) -> None:
    logger.warning("door: a request is refused, since too many wait (FOOTFALL_REQUESTS)")
    path = scope["path"]
    answer = busy(in_json=path.startswith("/api/") or path.endswith(".json"))
    headers = [(name.encode(), value.encode()) for name, value in answer.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
