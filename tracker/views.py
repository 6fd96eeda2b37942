"""Over plain HTTP: the snippet itself, and its messages where sockets are blocked."""

import asyncio
import time
from functools import cache
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from tracker import edge, protocol
from tracker.closes import BROKE_PROTOCOL, OVERLOADED, Declined
from tracker.desk import Caller, Outcome
from tracker.drops import Drop
from tracker.session import Session

SNIPPET = Path(__file__).resolve().parent.parent / "static" / "t.js"
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


@cache
def _snippet() -> tuple[bytes, str]:
    body = SNIPPET.read_bytes()
    return body, f'"{sha256(body).hexdigest()[:16]}"'


@require_safe
async def snippet(request: HttpRequest) -> HttpResponse:
    """`/t.js`, the same bytes for everybody, kept for an hour: a new release arrives within one."""
    body, tag = _snippet()
    unchanged = request.headers.get("If-None-Match") == tag
    response = HttpResponse(b"" if unchanged else body, status=304 if unchanged else 200)
    response["Content-Type"] = "text/javascript; charset=utf-8"
    response["Cache-Control"] = "public, max-age=3600"
    response["ETag"] = tag
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@csrf_exempt
@require_POST
async def live(request: HttpRequest, key: str) -> HttpResponse:
    """The socket's messages as a JSON array; answers with the acks after the commit."""
    here = await edge.start()
    knock = edge.Knock(
        key=key,
        peer=request.META.get("REMOTE_ADDR"),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    try:
        caller = here.admit(knock)
        messages = protocol.parse_batch(_body(request))
        acks = await _converse(here, caller, messages)
    except (Declined, protocol.Refused) as refusal:
        here.drop(refusal.reason)
        return _answered(HttpResponse(status=STATUSES[refusal.code]), knock)
    return _answered(HttpResponse(f"[{','.join(acks)}]", content_type="application/json"), knock)


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > protocol.BODY_LIMIT:
        raise protocol.Refused(Drop.TOO_BIG)
    return request.body


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


async def _converse(here: edge.Edge, caller: Caller, messages: list[protocol.Message]) -> list[str]:
    exchange = _Exchange()
    for message in messages:
        session = here.posting(caller, _page_of(message))
        try:
            _say(session, message, exchange)
        finally:
            here.renew(session)
    if not await exchange.complete() or any(outcome is Outcome.FULL for _, outcome in exchange.outcomes):
        raise Declined(OVERLOADED, Drop.OVERLOADED)
    if any(outcome is Outcome.REFUSED for _, outcome in exchange.outcomes):
        raise Declined(BROKE_PROTOCOL, Drop.REFUSED)
    return [
        protocol.ack(message_id) for message_id, outcome in exchange.outcomes if outcome is Outcome.STORED
    ]


def _say(session: Session, message: protocol.Message, exchange: _Exchange) -> None:
    now = time.monotonic()
    session.keep_pace(now)
    if isinstance(message, protocol.Page | protocol.Event):
        exchange.expect()
    session.handle(message, now, exchange.reply)


def _page_of(message: protocol.Message) -> UUID:
    return message.page if isinstance(message, protocol.Event) else message.id


def _answered(response: HttpResponse, knock: edge.Knock) -> HttpResponse:
    if response.status_code != 200:
        response.headers["Content-Type"] = "text/plain; charset=utf-8"
        response.content = SENTENCES[response.status_code].encode()
    if origin := knock.headers.get("origin"):
        response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Origin"])
    return response
