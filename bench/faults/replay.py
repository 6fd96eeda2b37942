"""Everything said three times, to two edges at once and by POST besides: stored once."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from uuid import UUID, uuid4

import psycopg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from bench import visitors
from bench.faults.doors import Doors, acked
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.targets import Ground

RUN = "replay"
TIMES = 3
FIRST_VISITOR = 1_000_000  # nobody who has a visit already
TOGETHER = 20  # visitors at once, each with two sockets

# A visit is named after its first page view.
STORED = """
SELECT (SELECT count(*) FROM tracker_pageview WHERE id = ANY(%(pages)s)),
       (SELECT count(*) FROM tracker_event WHERE page_view_id = ANY(%(pages)s)),
       (SELECT count(*) FROM tracker_visit WHERE id = ANY(%(pages)s) AND views = 1 AND events = 1),
       (SELECT count(*) FROM tracker_visit WHERE id = ANY(%(pages)s) AND (views <> 1 OR events <> 1))
"""


def replay(on: Ground, quick: bool) -> Iterator[Figure]:
    """Every frame three times, to two edges at once and by POST: one page view, one event, one visit each."""
    with standing(on) as stand:
        yield from replay_at(stand, 20 if quick else 200)


def replay_at(stand: Stand, count: int) -> Iterator[Figure]:
    """So many visitors at a stand."""
    said = [(FIRST_VISITOR + number, uuid4(), uuid4()) for number in range(count)]
    doors, coming, unheard = Doors(stand), iter(said), 0
    while together := list(islice(coming, TOGETHER)):
        unheard += _say_all(doors, together)
    with psycopg.connect(stand.database_url) as connection:
        row = connection.execute(STORED, {"pages": [page for _, page, _ in said]}).fetchone()
    assert row
    note = f"{count} visitors, each frame {TIMES} times over two sockets and by POST"
    yield Figure(RUN, "page views and events without an ack", unheard, "", 0, at_most=True, note=note)
    for what, stored in zip(("page views", "events", "visits"), row[:3], strict=True):
        yield Figure(RUN, f"{what} too many or too few", abs(stored - count), "", 0, at_most=True)
    yield Figure(RUN, "visits that counted anything twice", row[3], "", 0, at_most=True)


def _say_all(doors: Doors, together: list[tuple[int, UUID, UUID]]) -> int:
    """Let these visitors say everything everywhere; how many page views and events nobody acknowledged."""
    unheard = 0
    with ExitStack() as stack:
        sockets = {
            visitor: [stack.enter_context(doors.dial(edge, visitor)) for edge in (1, 2)]
            for visitor, _, _ in together
        }
        for number in range(3):
            for visitor, page, event in together:
                _say(sockets[visitor], _frames(visitor, page, event)[number])
        for visitor, page, event in together:
            heard = {each for opened in sockets[visitor] for each in acked(opened, page, event)}
            for _ in range(TIMES):
                heard.update(doors.post(visitor, *_frames(visitor, page, event)))
            unheard += len({page, event} - heard)
    return unheard


def _say(sockets: list[ClientConnection], frame: str) -> None:
    for _ in range(TIMES):
        for opened in sockets:
            # The other one may have claimed the page view by now.
            with suppress(ConnectionClosed):
                opened.send(frame)


def _frames(visitor: int, page: UUID, event: UUID) -> tuple[str, str, str]:
    return (
        visitors.page_message(page, 0, visitor).decode(),
        json.dumps({"t": "event", "id": str(page), "k": str(event), "n": "signup", "p": {"plan": "pro"}}),
        json.dumps({"t": "state", "id": str(page), "s": "hidden", "e": 10, "d": 50}),
    )
