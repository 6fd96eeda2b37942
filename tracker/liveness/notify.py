"""Signs of life for whoever started this process: systemd, or `up`, which speaks as systemd does.

Source: sd_notify(3). A datagram to the socket that NOTIFY_SOCKET names; where nobody asks, nothing is said.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

READY, ALIVE, STOPPING = b"READY=1", b"WATCHDOG=1", b"STOPPING=1"
# Words of our own, for `up`: that the tables are made, and which site is that of made-up visitors.
TABLES, DEMO_SITE = b"X_FOOTFALL_TABLES=1", b"X_FOOTFALL_DEMO_SITE="
# Whoever listens is told in WATCHDOG_USEC after how long they lose patience: 10 s and more.
SIGN_SECONDS = 1.0


class Notify:
    """The one who started this process, as far as they want to hear of it."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        # An @ stands for the zero byte of a name that is in no folder.
        self._place = f"\0{name[1:]}" if name.startswith("@") else name

    def say(self, what: bytes) -> None:
        """Say one of the words above. Whoever does not listen any more misses it."""
        if self._place:
            kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
            with socket.socket(socket.AF_UNIX, kind) as said, suppress(OSError):
                said.sendto(what, self._place)

    async def live(self, also: Callable[[], None]) -> None:
        """Say each second that the event loop turns, and call `also`, until cancelled."""
        while True:
            self.say(ALIVE)
            also()
            await asyncio.sleep(SIGN_SECONDS)
