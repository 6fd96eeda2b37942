"""Between sockets and Postgres: entries wait here, folded, until a thread has stored their batch.

Sockets never wait for Postgres, and a page is told "stored" only after COMMIT, or, while Postgres is away,
after the fsync of the spool. Beyond the limit nothing new is taken, so that nobody is told what is not so.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

import psycopg

from tracker.contract.drops import Drops
from tracker.contract.records import Begin, EventRecord, Placed, Progress
from tracker.liveness.activity import Activities, go_on_in_thread
from tracker.storing.entries import PAGE_VIEW, Done, Entry, EventEntry, Key, PageEntry
from tracker.storing.spool import Spool
from tracker.storing.writer import TURN_SECONDS, Settled, Writer

T = TypeVar("T")
# A batch leaves when its first entry is this old, or when it is this large. At 300 page loads a second
# Postgres takes 0.04 of a core with 50 ms, 0.07 with 20, 0.10 with 10; pages wait 47, 20 and 11 ms.
FLUSH_SECONDS = 0.02
FLUSH_ENTRIES = 1000
# The thread turns every five seconds at least. A batch may have to wait for Postgres and then for the disk;
# an entry that has waited longer has been forgotten.
PATIENCE_SECONDS = 15.0


class WriteBuffer:
    """The waiting entries of one edge. All but the thread's own part is called on the event loop's thread."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection],
        edge: int,
        limit: int,
        spool: Spool,
        drops: Drops,
        activities: Activities | None = None,
        placed: Callable[[Placed], None] | None = None,
    ) -> None:
        """`edge` names this process among all; `limit` is how many entries may wait.

        `placed`: who is told, on the loop, which visits stored page views belong to, before those who wait.
        `activities`: where it is told whether storing goes on; by itself it is told to nobody else.
        """
        self.stored = 0
        self.delay = 0.0  # seconds from the first entry of the batch before until it was settled
        self.spool = spool
        self._limit = limit
        self._drops = drops
        self._placed = placed
        self._depth = 0
        self._waiting: dict[Key, tuple[Entry, float]] = {}  # with the time it came, by the steady clock
        self._sent_since: float | None = None  # the batch on its way: when its first entry came
        # The loop enters the lock itself: Condition's own way in and out is Python.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._hurry = self._hastened = False
        self._stopping = threading.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        activities = activities or Activities()
        self._activity = activities.new("Write buffer", PATIENCE_SECONDS)
        self._answers = activities.new("Acknowledgements")
        self._batch: list[Entry] = []  # what the thread has taken, and is not settled yet
        self._writer = Writer(connect, edge, spool, self._stopping, activities)
        self._thread = threading.Thread(target=self._run, name="buffer", daemon=True)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to store; callbacks run on `loop`."""
        self._loop = loop
        self._thread.start()

    def begin(self, record: Begin, done: Done) -> bool:
        """Store a page view's begin, or its claim. False: full; nothing is kept and `done` never called.

        `done(True)` comes after COMMIT or the spool's fsync, `done(False)` if Postgres refused this record.
        """
        key = PAGE_VIEW, record.site_id, record.id.int
        with self._lock:
            entry = self._page(key)
            if entry:
                entry.claim(record, done)
                return True
            return self._add(key, PageEntry.of_begin(record, done))

    def progress(self, record: Progress) -> None:
        """Store how far a page view has come. Never refused: it folds, so open pages bound it."""
        key = PAGE_VIEW, record.site_id, record.id.int
        with self._lock:
            entry = self._page(key)
            if entry:
                entry.progress(record)
            else:
                self._add(key, PageEntry.of_progress(record), bounded=False)

    def event(self, record: EventRecord, done: Done) -> bool:
        """Store a custom event, as `begin` does."""
        entry = EventEntry(record, [done])
        key = entry.key
        with self._lock:
            waiting = self._waiting.get(key)
            if waiting:
                waiting[0].done.append(done)
                return True
            return self._add(key, entry)

    def take(self, entries: Sequence[Entry]) -> int:
        """Store what a server said all at once, as `begin` and `event` do; how many had room, from the first.

        Said one by one, the first were on their way before the last came: two transactions instead of one.
        """
        with self._lock:
            for taken, entry in enumerate(entries):
                key = entry.key
                waiting = self._waiting.get(key)
                if waiting is None:
                    if not self._add(key, entry):
                        return taken
                elif isinstance(entry, PageEntry) and isinstance(waiting[0], PageEntry):
                    waiting[0].join(entry)
                else:
                    waiting[0].done += entry.done
        return len(entries)

    def hasten(self) -> None:
        """Let what waits leave now: whoever said a large batch has said it all."""
        with self._changed:
            if self._waiting:
                self._hastened = True
                self._changed.notify()

    @property
    def depth(self) -> int:
        """Entries that are neither stored nor spooled yet."""
        return self._depth

    @property
    def stuck(self) -> bool:
        """Whether neither Postgres nor the spool takes anything."""
        return self._writer.stuck

    @property
    def problem(self) -> str:
        """Why what comes is not going to Postgres, in a sentence for staff; empty while all is well."""
        waited = self.oldest_age()
        stalled = f"Storing stands still: an entry has waited for {waited:.0f} s."
        return self._writer.problem or (stalled if waited > PATIENCE_SECONDS else "")

    def oldest_age(self) -> float:
        """How long the oldest entry has been waiting, in seconds."""
        with self._lock:
            since = self._sent_since
            if since is None:
                since = next((came for _, came in self._waiting.values()), None)
        return 0.0 if since is None else time.monotonic() - since

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109 (callers state their patience)
        """Store everything now; False if it took longer than `timeout` seconds."""
        with self._changed:
            self._hurry = True
            self._changed.notify()
        try:
            await asyncio.wait_for(self._idle.wait(), timeout)
        except TimeoutError:
            return False
        finally:
            self._hurry = False
        return True

    def stop(self) -> None:
        """Store or spool what is there, and end the thread. May block: not for the loop."""
        with self._changed:
            self._stopping.set()
            self._changed.notify()
        self._thread.join()

    def _page(self, key: Key) -> PageEntry | None:
        waiting = self._waiting.get(key)
        return waiting[0] if waiting and isinstance(waiting[0], PageEntry) else None

    def _add(self, key: Key, entry: Entry, bounded: bool = True) -> bool:
        if bounded and self._depth >= self._limit:
            return False
        waiting = self._waiting
        waiting[key] = (entry, time.monotonic())
        if not self._depth:
            self._idle.clear()
        self._depth += 1
        if len(waiting) == 1 or len(waiting) == FLUSH_ENTRIES:
            self._changed.notify()
        return True

    def _run(self) -> None:
        go_on_in_thread(self._activity, self._serve, self._stopping)
        self._writer.close(all_settled=not self._batch)

    def _serve(self) -> None:
        """Store batches until it is stopping; what was broken off in the middle of one goes on with that."""
        self._turn()
        while self._batch or self._next_batch():
            began = time.monotonic()
            for part in self._writer.write(self._batch):
                self._settled(part)
            self._activity.progressed()
            if self._sent_since is not None:
                self.delay = time.monotonic() - self._sent_since
            if self._batch:
                return
            self._sent_since = None
            self._between(min(time.monotonic() - began, TURN_SECONDS))

    def _between(self, seconds: float) -> None:
        """Do what is due, for as long as the batch took: once at least, however soon the next one is due.

        Behind a slow fsync it always is: the spool would only grow, and no sign of life be given.
        """
        until = time.monotonic() + seconds
        while self._writer.due_in() <= 0 and not self._stopping.is_set():
            self._turn()
            if time.monotonic() >= until:
                return

    def _settled(self, part: Settled) -> None:
        """Take out of the batch what is settled, whatever may become of the rest."""
        if not part.late:
            settled = set(map(id, part.entries))
            self._batch = [entry for entry in self._batch if id(entry) not in settled]
        self._on_loop(part)

    def _next_batch(self) -> bool:
        """Wait for a batch, doing what else is due. False: it is stopping, and nothing is left."""
        while True:
            with self._changed:
                if not self._due():
                    if self._stopping.is_set():
                        return False
                    self._changed.wait(self._patience())
                if self._due():
                    self._batch = self._take()
                    return True
            self._turn()

    def _turn(self) -> None:
        for part in self._writer.turn():
            self._on_loop(part)
        self._activity.progressed()

    def _due(self) -> bool:
        if not self._waiting:
            return False
        return (
            self._hurry
            or self._hastened
            or self._stopping.is_set()
            or len(self._waiting) >= FLUSH_ENTRIES
            or self._due_in() <= 0
        )

    def _due_in(self) -> float:
        _, came = next(iter(self._waiting.values()))
        return came + FLUSH_SECONDS - time.monotonic()

    def _patience(self) -> float:
        turn_in = self._writer.due_in()
        return min(turn_in, self._due_in()) if self._waiting else turn_in

    def _take(self) -> list[Entry]:
        keys = list(islice(self._waiting, FLUSH_ENTRIES))
        self._hastened = self._hastened and len(keys) < len(self._waiting)
        taken = [self._waiting.pop(key) for key in keys]
        self._sent_since = taken[0][1]
        return [entry for entry, _ in taken]

    def _on_loop(self, settled: Settled) -> None:
        try:
            if self._loop:
                self._loop.call_soon_threadsafe(self._settle, settled)
        except RuntimeError:
            # The loop is closed: whoever wanted to know is gone, and what is stored is stored.
            pass

    def _settle(self, settled: Settled) -> None:
        if settled.drop is not None:
            self._drops.count(settled.drop, len(settled.entries))
        if self._placed:
            for placed in settled.placed:
                self._tell(self._placed, placed)
        if settled.late:
            return
        self._depth -= len(settled.entries)
        if settled.drop is None:
            self.stored += len(settled.entries)
        if self._depth == 0:
            self._idle.set()
        for entry in settled.entries:
            for done in entry.done:
                self._tell(done, settled.drop is None)

    def _tell(self, told: Callable[[T], None], what: T) -> None:
        try:
            told(what)
        except Exception as error:
            # The others are told all the same.
            self._answers.stumbled(error)
