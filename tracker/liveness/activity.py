"""What must go on for as long as its process lives: a thread or a task, and the boundary around it.

An error that nobody foresaw ends none of them. It is logged with its traceback, counted, and told until the
activity gets on again; one that gets on no more is told as well, whether it failed or hangs.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

from tracker.liveness.error_report import kind_of, place_of, report

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 5.0
# The same error again is counted, and logged once in so many seconds.
REPEAT_SECONDS = 60.0
# How long a piece of work that failed is told: longer than it takes until somebody looks.
NOTICE_SECONDS = 3600.0


class Activity:
    """One of them; told from its own thread, asked from any."""

    def __init__(
        self, name: str, patience: float = float("inf"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`name`: as staff read it. `patience`: seconds without progress until that is told."""
        self.name = name
        self.failures = 0
        self.foreign = 0  # how often it met what is not ours
        self._patience = patience
        self._clock = clock
        self._progressed_at: float | None = None  # None: not begun, or ended as it should
        self._trouble = ""
        self._pause = 0.0
        self._stumbled_at, self._stumbled_by = float("-inf"), ""
        self.remark = ""  # what staff should look at now, in a sentence, though it gets on
        self._logged: tuple[str, str] = "", ""  # which error, and where
        self._logged_at = self._put_away_at = float("-inf")

    def began(self) -> None:
        """It begins, or begins again: progress is expected of it from now on."""
        if self._progressed_at is None:
            self._progressed_at = self._clock()

    def progressed(self) -> None:
        """It got on by a step: whatever failed before is over."""
        self._progressed_at = self._clock()
        self._trouble, self._pause = "", 0.0

    def ended(self) -> None:
        """It has ended, as it should: nothing is expected of it any more."""
        self._progressed_at, self._trouble = None, ""

    def failed(self, error: BaseException) -> float:
        """It was broken off by what nobody foresaw; how many seconds to wait before it begins again."""
        self.failures += 1
        self._trouble = kind_of(error)
        self._pause = min(max(FIRST_PAUSE, self._pause * 2), LONGEST_PAUSE)
        self._log(error)
        return self._pause

    def stumbled(self, error: BaseException) -> None:
        """One piece of its work failed, as nobody foresaw; it goes on with the others."""
        self.failures += 1
        self._stumbled_at, self._stumbled_by = self._clock(), kind_of(error)
        self._log(error)

    def put_away(self, what: str) -> None:
        """It met what is not ours where only ours should be, and put it away."""
        self.foreign += 1
        now = self._clock()
        if now - self._put_away_at > REPEAT_SECONDS:
            logger.warning("%s: put away %s (so far: %d)", self.name, what, self.foreign)
            self._put_away_at = now

    @property
    def notice(self) -> str:
        """What staff should look at, and which piece of its work failed lately; empty when nothing."""
        if self._clock() - self._stumbled_at > NOTICE_SECONDS:
            return self.remark
        failed = (
            f"{self.name}: {self._stumbled_by}, which nobody foresaw, within the hour. The log says where."
        )
        return f"{self.remark} {failed}".lstrip()

    @property
    def problem(self) -> str:
        """Why it does not get on, in a sentence for staff; empty while it does."""
        if self._trouble:
            return f"{self.name}: {self._trouble}, which nobody foresaw; tried again. The log says where."
        since = self._progressed_at
        stood = 0.0 if since is None else self._clock() - since
        return f"{self.name}: no progress for {stood:.0f} s." if stood > self._patience else ""

    def _log(self, error: BaseException) -> None:
        which, now = (kind_of(error), place_of(error)), self._clock()
        if which == self._logged and now - self._logged_at < REPEAT_SECONDS:
            return
        logger.error(
            "%s: %s, which nobody foresaw (failures so far: %d)",
            *(self.name, kind_of(error), self.failures),
            extra={"report": report(error)},
        )
        self._logged, self._logged_at = which, now


class Activities:
    """All activities of one process."""

    def __init__(self) -> None:
        self._all: list[Activity] = []

    def new(self, name: str, patience: float = float("inf")) -> Activity:
        """One more, which is watched once it has begun; without patience it may wait for ever."""
        self._all.append(activity := Activity(name, patience))
        return activity

    @property
    def problem(self) -> str:
        """What does not get on, in sentences; empty while all do."""
        return " ".join(filter(None, (each.problem for each in self._all)))

    @property
    def notice(self) -> str:
        """What staff should look at, in sentences; empty when there is nothing."""
        return " ".join(filter(None, (each.notice for each in self._all)))

    def failures(self) -> Iterator[tuple[str, int]]:
        """How often each was broken off, by its name."""
        for each in self._all:
            yield each.name, each.failures

    def foreign(self) -> Iterator[tuple[str, int]]:
        """How often each met what is not ours, by its name."""
        for each in self._all:
            yield each.name, each.foreign


async def go_on(activity: Activity, work: Callable[[], Awaitable[None]]) -> None:
    """Do work that is to end by cancellation only; after an error, again."""
    while True:
        try:
            activity.began()
            await work()
            return
        except Exception as error:
            await asyncio.sleep(activity.failed(error))


def go_on_in_thread(activity: Activity, work: Callable[[], None], stopping: threading.Event) -> None:
    """Do work until it returns; after an error again, unless it is stopping."""
    try:
        while True:
            try:
                activity.began()
                work()
                return
            except BaseException as error:
                # Not even SystemExit: nobody would notice that a thread is gone.
                if stopping.wait(activity.failed(error)):
                    return
    finally:
        activity.ended()
