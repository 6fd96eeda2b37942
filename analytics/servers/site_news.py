"""Page views of logs on the boards of their site, as they are stored: told by who reads the logs.

What is told is where they stand; they are read in Postgres, with the pages before them. One connection for
all boards of this process, and only while one is open.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError

from analytics.servers.exchange_link import ExchangeLink
from tracker.live.stream import Happening
from tracker.liveness.activity import Activities
from tracker.signals.exchange_messages import Answered, StoredViews, WatchSites

logger = logging.getLogger(__name__)

Read = Callable[[int, Sequence[UUID], float, float], list[Happening]]


class SiteNews:
    """What is stored of the sites that somebody here looks at, by who reads their logs."""

    def __init__(
        self,
        path: Path | None,
        activities: Activities,
        read: Read,
        happened: Callable[[int, Happening], None],
    ) -> None:
        """`path`: where those who store tell it; None where nobody does.

        `read`: reads page views of a site by their ids; `happened`: is told of each.
        """
        self._link = ExchangeLink(path, activities.new("Hearing of logged page views"), self._ask, self._hear)
        self._sites: Counter[int] = Counter()
        self._read, self._happened = read, happened
        self._reading: set[asyncio.Task[None]] = set()

    def watch(self, site_id: int) -> None:
        """A board of this site opens."""
        self._sites[site_id] += 1
        if self._sites[site_id] == 1:
            self._link.need()

    def leave(self, site_id: int) -> None:
        """A board of it closes."""
        self._sites[site_id] -= 1
        if self._sites[site_id] > 0:
            return
        del self._sites[site_id]
        if self._sites:
            self._link.need()
        else:
            self._link.end()

    def _ask(self) -> WatchSites:
        return WatchSites(sorted(self._sites))

    def _hear(self, answer: Answered) -> None:
        if isinstance(answer, StoredViews) and answer.site in self._sites:
            task = asyncio.create_task(self._show(answer))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _show(self, stored: StoredViews) -> None:
        try:
            happenings = await sync_to_async(self._read)(stored.site, stored.ids, stored.since, stored.until)
        except (DatabaseError, InterfaceError) as error:
            # They are stored; whoever opens the board again reads them.
            logger.warning("logged page views could not be read: %s", type(error).__name__)
            return
        for happening in happenings:
            self._happened(stored.site, happening)
