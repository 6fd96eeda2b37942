"""Pages that come back through another edge while their old socket lingers, as after a change of network."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from uuid import UUID, uuid4

import psycopg

from bench import visitors
from bench.faults.doors import Doors, acked, close_code
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.targets import Ground
from tracker.contract.close_codes import CLAIMED

RUN = "moved"
LETS_GO_SECONDS = 1.0


def moved(on: Ground, quick: bool) -> Iterator[Figure]:
    """A page comes back through another edge: counted once, and the old one lets go within a second."""
    with standing(on) as stand:
        yield from moved_at(stand, 5 if quick else 100)


def moved_at(stand: Stand, count: int) -> Iterator[Figure]:
    """So many pages, at a stand whose site nobody else is on."""
    ids = [uuid4() for _ in range(count)]
    with ExitStack() as pages:
        doors, api = Doors(stand), stand.api()
        pages.callback(api.close)
        took, claimed = [], 0
        for visitor, page in enumerate(ids):
            here, there = (pages.enter_context(doors.dial(edge, visitor)) for edge in (1, 2))
            here.send(visitors.page_message(page, 0, visitor).decode())
            acked(here, page)
            there.send(visitors.page_message(page, 0, visitor, again=True).decode())
            came = time.monotonic()
            claimed += close_code(here) == CLAIMED
            took.append(time.monotonic() - came)
            acked(there, page)
        # What a page opens or closes may take to be counted.
        time.sleep(1.0)
        note = f"{count} pages; median {median(took) * 1000:.0f} ms"
        yield Figure(RUN, "old edge lets go, worst", max(took), "s", LETS_GO_SECONDS, True, note)
        yield Figure(RUN, "old sockets closed otherwise", count - claimed, "", 0, at_most=True)
        wrong = abs(api.live()["tabs"] - count)
        yield Figure(RUN, "tabs counted too many or too few", wrong, "", 0, at_most=True)
        stored, still_open = _stored(stand, ids)
        yield Figure(RUN, "page views not stored once", abs(stored - count), "", 0, at_most=True)
        ended = stored - still_open
        yield Figure(RUN, "page views ended by the old edge", ended, "", 0, at_most=True)


def _stored(stand: Stand, ids: list[UUID]) -> tuple[int, int]:
    """How many page views there are, and how many of them are open."""
    with psycopg.connect(stand.database_url) as connection:
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE ended_at IS NULL) FROM tracker_pageview"
            " WHERE id = ANY(%s)",
            [ids],
        ).fetchone()
    assert row
    return row[0], row[1]
