"""What servers tell one process of: what is under way, and days whose salt is gone.

Of a day whose salt is deleted a secret of this process stands in, which is never stored.
"""

import secrets
from datetime import date

from tracker.edge.edge import Edge
from tracker.sites.tracked_site import TrackedSite

LATE_SALTS_MOST = 10_000


class ServerReports:
    """What servers say to one process; on its event loop."""

    def __init__(self) -> None:
        self._late_salts: dict[tuple[int, date], bytes] = {}
        self._under_way: dict[tuple[int, str], set[int]] = {}

    def salt(self, edge: Edge, site: TrackedSite, day: date) -> bytes:
        """By which visitors of that day are hashed."""
        return edge.directory.salt(site.id, day) or self._late_salt(site.id, day)

    def _late_salt(self, site_id: int, day: date) -> bytes:
        if len(self._late_salts) > LATE_SALTS_MOST:
            self._late_salts.clear()
        return self._late_salts.setdefault((site_id, day), secrets.token_bytes(32))

    def enter(self, site_id: int, kind: str, ids: set[int]) -> set[int]:
        """Hold items of a batch by their ids, before it is asked whether they are known.

        Gives back those that another batch holds.

        Of two batches with the same item at once, the second would else seem a page that is back.
        """
        if not ids:
            return set()
        under_way = self._under_way.setdefault((site_id, kind), set())
        others = ids & under_way
        under_way |= ids
        return others

    def leave(self, site_id: int, kind: str, own_id: int) -> None:
        """Let go of an item: it is stored, or will not be."""
        under_way = self._under_way.get((site_id, kind))
        if under_way:
            under_way.discard(own_id)
            if not under_way:
                del self._under_way[site_id, kind]
