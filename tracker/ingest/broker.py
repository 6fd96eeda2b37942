"""What every broker is asked: to hand out messages, and to forget those that are stored."""

import ssl
from collections.abc import Sequence
from typing import Protocol

from tracker.ingest.broker_items import BrokerMessage
from tracker.liveness.error_report import kind_of

# How long a source waits for the first message, and then for more of them.
TAKE_SECONDS, LINGER_SECONDS = 1.0, 0.02
CONNECT_SECONDS = 10.0
UNTRUSTED = "its certificate is not trusted; SSL_CERT_FILE may name the authority that signed it"


class BrokerAway(Exception):
    """The broker cannot be reached, or the connection is lost: to be tried again. The message says why."""


class BrokerRefuses(Exception):
    """The broker will not give what is asked for, however often; the message tells people so."""


class BrokerSource(Protocol):
    """A subject of a broker. Whatever fails for now raises BrokerAway; then it is opened anew."""

    @property
    def lost(self) -> int:
        """How many messages came and could not be held; only of a broker that does not keep them."""

    async def open(self) -> None:
        """Connect. Raises BrokerAway, BrokerRefuses."""

    async def take(self, most: int) -> list[BrokerMessage]:
        """Up to `most` messages, as soon as there are some; none after TAKE_SECONDS. Raises BrokerAway,
        BrokerRefuses."""

    async def settle(self, messages: Sequence[BrokerMessage]) -> None:
        """Acknowledge: they are committed, or will never be taken. Raises BrokerAway, BrokerRefuses."""

    async def last(self) -> list[BrokerMessage]:
        """Take nothing more; what came already and the broker will not say again."""

    async def close(self) -> None:
        """Let go of the connection."""


def why(error: BaseException) -> str:
    """What is the matter with a broker, in words that name neither its address nor who asks it."""
    found: BaseException | None = error
    while found is not None:
        # Libraries raise errors of their own over it.
        if isinstance(found, ssl.SSLCertVerificationError):
            return UNTRUSTED
        found = found.__cause__ or found.__context__
    return "no answer" if isinstance(error, TimeoutError) else kind_of(error)
