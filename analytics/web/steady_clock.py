"""Steady clocks for Twisted and daphne, which measure durations by the clock on the wall.

A server's clock that was set by a day closed every socket at once, or held up every timer for a day.
"""

import time
from typing import Final

from daphne import http_protocol, server, ws_protocol  # first: daphne chooses Twisted's reactor
from twisted.internet import reactor

# Where daphne says `time.time()`, and means how long ago.
MODULES: Final = (server, http_protocol, ws_protocol)


class SteadyTime:
    """What daphne's modules find in the place of `time`."""

    time = staticmethod(time.monotonic)


def install() -> None:
    """Let everything that Twisted and daphne time follow the steady clock. Before the reactor has a timer."""
    reactor.seconds = time.monotonic
    for module in MODULES:
        module.time = SteadyTime
