"""Takes page views and events out of a broker: stored first, acknowledged then.

Two tasks: while one batch is being stored, the next is taken. Nothing else is held, so that memory is bounded
by two batches, and a batch by its bytes.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseError
from django.db import connection

from tracker.contract.drops import Drop
from tracker.contract.server_items import ITEMS_LIMIT, ItemReason, ServerItem
from tracker.edge.edge import Edge
from tracker.edge.server_reports import ServerReports
from tracker.ingest.broker import BrokerAway, BrokerSource
from tracker.ingest.broker_items import BrokerMessage, ItemReader
from tracker.ingest.consumed import Consumed, ConsumeProgress
from tracker.ingest.item_batch import DUPLICATE, STORED, ItemBatch
from tracker.liveness.error_report import kind_of
from tracker.sites.tracked_site import TrackedSite

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0
# Until it is known how large messages are.
FIRST_BATCH = 100
# After SIGTERM: what is under way is stored, if Postgres takes it by then; after the grace nobody waits.
LAST_SECONDS, GRACE_SECONDS = 15.0, 5.0
# Not now: to be said again.
AGAIN = frozenset({ItemReason.UNDER_WAY.value, Drop.BUFFER_FULL.value, Drop.NOT_READY.value})


class Pauses:
    """Pauses that double, until something is got on with."""

    def __init__(self) -> None:
        self.next = FIRST_PAUSE

    def over(self) -> None:
        """The next one is short again."""
        self.next = FIRST_PAUSE

    async def wait(self, stop: asyncio.Event) -> None:
        """Wait, or until it is to stop."""
        seconds, self.next = self.next, min(self.next * 2, LONGEST_PAUSE)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()


class Consumer:
    """One source, into one site."""

    def __init__(
        self,
        edge: Edge,
        site_id: int,
        source: BrokerSource,
        reader: ItemReader,
        progress: ConsumeProgress,
        consumed: Consumed,
        batch: int,
        bytes_most: int,
    ) -> None:
        """`batch`: messages that are stored together; fewer where they have more than `bytes_most`."""
        self._edge, self._site_id, self._source, self._reader = edge, site_id, source, reader
        self._progress, self._consumed = progress, consumed
        self._batch, self._bytes_most = batch, bytes_most
        self._reports = ServerReports()
        self._stop = asyncio.Event()
        # After that nobody waits for Postgres any more.
        self._given_up = asyncio.Event()
        self._largest = 0
        self._taken: asyncio.Queue[list[BrokerMessage] | None] = asyncio.Queue(1)

    def stop(self) -> None:
        """Take nothing more, and end once what was taken is stored, or LAST_SECONDS later."""
        if not self._stop.is_set():
            self._stop.set()
            asyncio.get_running_loop().call_later(LAST_SECONDS, self._given_up.set)

    async def run(self) -> bool:
        """Until it is stopped; whether all that was taken is stored. Raises BrokerRefuses, and what nobody
        foresaw."""
        taking = asyncio.create_task(self._take_and_end())
        storing = asyncio.create_task(self._store_all())
        work = asyncio.create_task(_both(taking, storing))
        telling, late = asyncio.create_task(self._tell()), asyncio.create_task(self._be_late())
        try:
            await asyncio.wait((work, late), return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else False
        finally:
            tasks = taking, storing, work, telling, late
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._source.close()

    async def _be_late(self) -> None:
        await self._given_up.wait()
        await asyncio.sleep(GRACE_SECONDS)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._progress.turn(self._source.lost)

    async def _take_and_end(self) -> None:
        problem: Exception | None = None
        try:
            await self._take_all()
        except Exception as error:
            # Told once what came before it is stored: core NATS does not say that again.
            problem = error
        self.stop()
        await self._hand_over(await self._source.last())
        await self._taken.put(None)
        if problem:
            raise problem

    async def _take_all(self) -> None:
        pauses, opened = Pauses(), False
        while not self._stop.is_set():
            try:
                if not opened:
                    await self._source.open()
                    opened = True
                    self._progress.opened()
                messages = await self._source.take(self._most())
            except BrokerAway as away:
                opened = False
                await self._source.close()
                if self._stop.is_set():
                    return
                self._progress.waits(f"The broker is away ({away}).")
                await pauses.wait(self._stop)
                continue
            pauses.over()
            if messages:
                self._largest = max(len(message.body) for message in messages)
                await self._taken.put(messages)

    def _most(self) -> int:
        if not self._largest:
            return min(FIRST_BATCH, self._batch)
        return max(1, min(self._batch, self._bytes_most // self._largest))

    async def _hand_over(self, messages: list[BrokerMessage]) -> None:
        for start in range(0, len(messages), self._batch):
            await self._taken.put(messages[start : start + self._batch])

    async def _store_all(self) -> bool:
        whole = True
        while (messages := await self._taken.get()) is not None:
            if not await self._store(messages):
                # Not acknowledged: the broker says it again.
                whole = False
                continue
            self._consumed.messages += len(messages)
            # Lost acknowledgements: what comes again is there already.
            with suppress(BrokerAway):
                await self._source.settle(messages)
        return whole

    async def _store(self, messages: Sequence[BrokerMessage]) -> bool:
        items = [item for message in messages for item in self._reader.items(message)]
        for start in range(0, len(items), ITEMS_LIMIT):
            if not await self._store_items(items[start : start + ITEMS_LIMIT]):
                return False
        return True

    async def _store_items(self, items: Sequence[ServerItem | str]) -> bool:
        pauses = Pauses()
        while items:
            if self._given_up.is_set():
                return False
            site = self._edge.directory.by_id(self._site_id)
            problem = "The site is switched off, or gone."
            if site is not None and site.enabled:
                items, problem = await self._try(site, items)
            if items:
                self._progress.waits(problem)
                await pauses.wait(self._given_up)
        self._progress.goes_on()
        return True

    async def _try(
        self, site: TrackedSite, items: Sequence[ServerItem | str]
    ) -> tuple[Sequence[ServerItem | str], str]:
        """Those that are to be said again, and why."""
        try:
            verdicts = await ItemBatch(self._edge, site, self._reports, items).verdicts()
        except DatabaseError as error:
            # The next try is over a new connection.
            with suppress(DatabaseError):
                await sync_to_async(_disconnect)()
            return items, f"Postgres takes nothing now ({kind_of(error)})."
        if verdicts is None:
            return items, "Storing takes long."
        again = []
        for item, verdict in zip(items, verdicts, strict=True):
            if verdict in AGAIN:
                again.append(item)
            else:
                self._count(verdict)
        return again, "Some are not taken yet."

    def _count(self, verdict: str) -> None:
        if verdict == STORED:
            self._consumed.stored += 1
        elif verdict == DUPLICATE:
            self._consumed.there += 1
        else:
            if verdict not in self._consumed.refused:
                logger.warning("consume: passed over a message (%s); more of these are only counted", verdict)
            self._consumed.refused[verdict] += 1


async def _both(taking: "asyncio.Task[None]", storing: "asyncio.Task[bool]") -> bool:
    """What comes of storing, once both have ended; the error of the one that fails first.

    Whoever takes may wait for who stores, and would for ever where that has failed; not the other way round.
    """
    await asyncio.wait((taking, storing), return_when=asyncio.FIRST_EXCEPTION)
    whole = await storing
    await taking
    return whole


def _disconnect() -> None:
    # Asked for here, since each thread has a connection of its own.
    connection.close()
