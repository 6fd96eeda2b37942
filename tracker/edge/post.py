"""One POST from a page that cannot hold a socket: its messages in, the acks out after the commit.

Knows nothing of the server that carries it: Django's view and the edge's own listener both do.
"""

import asyncio
import time
from typing import NamedTuple
from uuid import UUID

from tracker.contract.close_codes import BROKE_PROTOCOL, OVERLOADED, Declined
from tracker.contract.drops import Drop
from tracker.contract.messages import EventMessage, Message, PageMessage, Refused, ack, parse_batch
from tracker.conversation.services import Caller, Outcome
from tracker.conversation.session import Session
from tracker.edge.edge import Edge
from tracker.visitors.request import VisitorRequest

# Longer than a commit takes, shorter than a browser's or proxy's patience.
ANSWER_SECONDS = 15.0
STATUSES = {4400: 400, 4403: 403, 4413: 413, 4429: 429, 4502: 503, 4503: 503}
SENTENCES = {
    400: "This is not a message that Footfall knows.",
    403: "Footfall counts nothing here.",
    413: "That is more than 64 KiB.",
    429: "Too many messages.",
    503: "Footfall cannot store this now; say it again later.",
}


class Answer(NamedTuple):
    """The HTTP answer to a page's POST."""

    status: int
    body: str
    headers: dict[str, str]


async def answer(edge: Edge, request: VisitorRequest, body: bytes) -> Answer:
    """Take what `request` brings; of a body over the limit, one byte more than that is enough."""
    try:
        caller = edge.admit(request)
        acks = await _converse(edge, caller, parse_batch(body))
    except (Declined, Refused) as refusal:
        edge.drop(refusal.reason)
        return _sentence(request, STATUSES[refusal.code])
    except Exception as error:
        # It is not acknowledged: the page says it again.
        edge.hearing.stumbled(error)
        return _sentence(request, STATUSES[OVERLOADED])
    return _answered(request, 200, f"[{','.join(acks)}]", "application/json")


class _Exchange:
    """The answers that one request waits for."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[UUID, Outcome]] = []
        self._expected = 0
        self._all_here = asyncio.Event()

    def expect(self) -> None:
        self._expected += 1

    def reply(self, message_id: UUID, outcome: Outcome) -> None:
        self.outcomes.append((message_id, outcome))
        if len(self.outcomes) == self._expected:
            self._all_here.set()

    async def complete(self) -> bool:
        """Whether every answer came in time."""
        if len(self.outcomes) < self._expected:
            self._all_here.clear()
            try:
                await asyncio.wait_for(self._all_here.wait(), ANSWER_SECONDS)
            except TimeoutError:
                return False
        return True


async def _converse(edge: Edge, caller: Caller, messages: list[Message]) -> list[str]:
    exchange = _Exchange()
    for message in messages:
        session = edge.posting(caller, _page_of(message))
        try:
            _say(session, message, exchange)
        finally:
            edge.renew(session)
    if not await exchange.complete() or any(outcome is Outcome.FULL for _, outcome in exchange.outcomes):
        raise Declined(OVERLOADED, Drop.OVERLOADED)
    if any(outcome is Outcome.REFUSED for _, outcome in exchange.outcomes):
        raise Declined(BROKE_PROTOCOL, Drop.REFUSED)
    return [ack(message_id) for message_id, outcome in exchange.outcomes if outcome is Outcome.STORED]


def _say(session: Session, message: Message, exchange: _Exchange) -> None:
    now = time.monotonic()
    session.keep_pace(now)
    if isinstance(message, PageMessage | EventMessage):
        exchange.expect()
    session.handle(message, now, exchange.reply)


def _page_of(message: Message) -> UUID:
    return message.page_view_id if isinstance(message, EventMessage) else message.id


def _sentence(request: VisitorRequest, status: int) -> Answer:
    return _answered(request, status, SENTENCES[status], "text/plain; charset=utf-8")


def _answered(request: VisitorRequest, status: int, body: str, kind: str) -> Answer:
    headers = {
        "Content-Type": kind,
        "Cache-Control": "no-store",
        "Vary": "Origin",
        # It is for a page of another origin, also where that asks by a beacon, without CORS.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if origin := request.headers.get("origin"):
        headers["Access-Control-Allow-Origin"] = origin
    return Answer(status, body, headers)
