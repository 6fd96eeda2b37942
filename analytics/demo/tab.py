"""One tab of a made-up visitor: says what the snippet would say, and comes back as the snippet would."""

import asyncio
import json
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from uuid import UUID

from analytics.demo.facts import BRAND, EVENTS, PLACES
from analytics.demo.page_socket import DROPPED, PageSocket, SocketAddress
from analytics.demo.people import Person
from analytics.demo.walk import BEGINNING, Moment, Stay
from tracker.contract.attention import Attention

NEVER: Final = {4400, 4403, 4413, 4429}
RESTARTING, OVERLOADED = 4502, 4503
SHORTEST_WAIT, FIRST_BOUND, LONGEST_BOUND = 0.5, 1.0, 30.0


@dataclass(slots=True)
class ShownPage:
    """The page view that is open, as it has to be said again after a dropped connection."""

    message: dict[str, Any]
    now: Moment = BEGINNING
    told: bool = False

    @property
    def figures(self) -> dict[str, int]:
        """Engaged time and depth so far, under their names on the wire."""
        return {"e": self.now.engaged_ms, "d": self.now.depth}


class DemoTab:
    """A tab, from its first page to its last; `read` may be cancelled at any time."""

    def __init__(self, rng: Random, address: SocketAddress, person: Person) -> None:
        self._rng = rng
        self._address = address
        self._person = person
        self._socket: PageSocket | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._page: ShownPage | None = None

    async def read(self, stays: tuple[Stay, ...], referrer: str) -> None:
        """Go through pages, one after the other."""
        try:
            for stay in stays:
                url = self._address.origin + stay.path + (f"?{stay.query}" if stay.query else "")
                if not stay.in_place:
                    await self._leave()
                    # What a browser needs from a click to the snippet's first line.
                    await asyncio.sleep(self._rng.uniform(0.1, 0.5))
                await self._attend(stay, self._begin(stay, url, referrer))
                referrer = url
        finally:
            await self._leave()

    def _begin(self, stay: Stay, url: str, referrer: str) -> ShownPage:
        page = self._page = ShownPage(
            {
                "t": "page",
                "id": self._uuid(),
                "u": url,
                "r": referrer,
                "ti": f"{PLACES[stay.path].title} – {BRAND}",
                "w": self._person.width,
                "l": self._person.language,
                "z": self._person.zone,
            }
        )
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        else:
            self._say_page()
        return page

    async def _attend(self, stay: Stay, page: ShownPage) -> None:
        now = 0.0
        for moment in stay.moments:
            await asyncio.sleep(max(0.0, moment.at - now))
            now = max(now, moment.at)
            if stay.event and moment is stay.moments[-1]:
                self._say_event(page, stay.path)
            page.now = moment
            self._say_state(page)

    async def _leave(self) -> None:
        """Close the page: its socket goes, and nobody comes back for it."""
        keeper, self._keeper = self._keeper, None
        socket, self._socket = self._socket, None
        self._page = None
        if keeper:
            keeper.cancel()
        if socket:
            await socket.hang_up()

    async def _keep(self) -> None:
        """Hold the page's socket, and open it again for as long as the contract allows."""
        bound = FIRST_BOUND
        while True:
            try:
                socket = await self._address.open(self._person.address, self._person.user_agent)
            except OSError:
                code = DROPPED
            else:
                self._socket = socket
                self._say_page()
                # Shielded: who leaves the page does not undo what the line will say of its end.
                code = await asyncio.shield(socket.closed)
                self._socket = None
                if socket.heard:
                    bound = FIRST_BOUND
            if code in NEVER:
                return
            await asyncio.sleep(wait_after(self._rng, code, bound))
            bound = min(LONGEST_BOUND, 2 * bound)

    def _say_page(self) -> None:
        page = self._page
        if page is None or self._socket is None:
            return
        self._say(page.message | (page.figures if page.told else {}))
        page.told = True
        # A page is active until it says otherwise, also after it came back.
        if page.now.attention is not Attention.ACTIVE:
            self._say_state(page)

    def _say_state(self, page: ShownPage) -> None:
        state = {"t": "state", "id": page.message["id"], "s": page.now.attention.value}
        self._say(state | page.figures)

    def _say_event(self, page: ShownPage, path: str) -> None:
        _, name, properties = EVENTS[path]
        self._say({"t": "event", "id": page.message["id"], "k": self._uuid(), "n": name, "p": properties})

    def _say(self, message: dict[str, Any]) -> None:
        if self._socket:
            self._socket.say(json.dumps(message))

    def _uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))


def wait_after(rng: Random, code: int, bound: float) -> float:
    """Seconds until a page comes back after this close, as docs/protocol.md has it."""
    if code == RESTARTING:
        return rng.uniform(0, 0.5)
    if code == OVERLOADED:
        return rng.uniform(30, 60)
    return rng.uniform(SHORTEST_WAIT, bound)
