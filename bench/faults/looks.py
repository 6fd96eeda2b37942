"""What a fault did, as everybody sees it: live counts by API and on an open board, page views in Postgres."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import psycopg

from bench import verify
from bench.faults.stand import Stand
from bench.figures import Figure
from bench.fleet import VisitorFleet

EVERY_SECONDS = 0.2
# An end that died with its edge is made by `jobs`, 60 s after the edge's last sign.
ENDS_SECONDS = 100.0


# Every visit has as many page views as it says, and every page view its visit.
ODD_VISITS = """
SELECT count(*) FROM tracker_visit v
FULL JOIN (SELECT site_id, visit_id, count(*) AS views FROM tracker_pageview GROUP BY site_id, visit_id) p
  ON p.site_id = v.site_id AND p.visit_id = v.id
WHERE v.views IS DISTINCT FROM p.views
"""


class Looks:
    """Live counts held against the ledger again and again, by the API and on one open board, until closed."""

    def __init__(self, stand: Stand, fleet: VisitorFleet) -> None:
        self._api, self._board = stand.api(), stand.board()
        self.silence = 0.0  # the longest time without a new snapshot on the board, since it was last set
        self.by_api = verify.LiveCheck(fleet.ledgers, self._api.live)
        self.by_board = verify.LiveCheck(fleet.ledgers, self._board.live)

    @property
    def checks(self) -> tuple[verify.LiveCheck, verify.LiveCheck]:
        return self.by_api, self.by_board

    def watch(self, seconds: float, api: bool = True) -> Self:
        """Look for so long, and wait until all of it is judged; `api`: also there, which may take long."""
        shown, heard = self._board.snapshots, time.monotonic()
        until = heard + seconds
        while (now := time.monotonic()) < until:
            self.silence = max(self.silence, now - heard)
            if self._board.snapshots != shown:
                shown, heard = self._board.snapshots, now
            if api:
                self.by_api.look()
            self.by_board.look()
            time.sleep(EVERY_SECONDS)
        self.by_api.settled(), self.by_board.settled()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.close()
        self._api.close()


def page_views(run: str, stand: Stand, fleet: VisitorFleet, quick: bool = False) -> Iterator[Figure]:
    """What Postgres has of a fleet that has finished: what was acknowledged exactly once, and ended.

    Ends are waited for only when there is time.
    """
    until = time.monotonic() + (0 if quick else ENDS_SECONDS)
    while (kept := stand.stored(fleet)).open and time.monotonic() < until:
        time.sleep(1.0)
    note = f"of {kept.acked:,} acknowledged"
    for what in ("lost", "duplicated", "wrong", "invented"):
        count = getattr(kept, what)
        yield Figure(run, f"page views {what}", count, "", 0, at_most=True, note=note)
        note = ""
    with psycopg.connect(stand.database_url) as connection:
        row = connection.execute(ODD_VISITS).fetchone()
    assert row
    yield Figure(run, "visits that do not add up", row[0], "", 0, at_most=True)
    if not quick:
        yield Figure(run, "page views without an end", kept.open, "", 0, at_most=True)
