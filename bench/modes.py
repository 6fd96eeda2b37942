"""What pages do in a run: load after load, stay open, or say how they are looked at."""

import time
from collections.abc import Iterator
from itertools import cycle

from bench.engine import TICK_SECONDS, Engine, LoadPage
from bench.plan import Mode, Plan

BETWEEN_TRIES = 0.2  # seconds; a server that refuses is not hammered
RAMP = 128  # pages on their way in at once
FENCE_SECONDS = 10.0


class Loads(Engine):
    """Connect, page, ack, close; as fast as `pages` at once can, or begun at a fixed rate come what may."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._begin = time.monotonic() + plan.warm
        self._end = self._begin + plan.seconds
        self._due = time.monotonic()
        self._missing = 0 if plan.rate else plan.pages
        self.outcome.seconds = plan.seconds

    def step(self, now: float) -> float:
        self.stopped = now >= self._end
        if not self.plan.rate:
            while self._missing:
                self._missing -= 1
                self.new(now)
            return min(TICK_SECONDS, max(self._end - now, 0))
        while self._due <= now:
            if self.held >= self.plan.pages:
                self.errors["held back"] += 1
            else:
                self.new(self._due)
            self._due += 1 / self.plan.rate
        return max(min(self._due, self._end) - now, 0)

    def acked(self, page: LoadPage, now: float) -> None:
        if self._begin <= now < self._end:
            self.outcome.done += 1
            self.outcome.acks.add(now - page.said_at)
            self.outcome.loads.add(now - page.due)
        self.leave(page)
        self._next()

    def lost(self, page: LoadPage) -> None:
        self.later(time.monotonic() + BETWEEN_TRIES, self._next)

    def _next(self) -> None:
        if not self.plan.rate:
            self._missing += 1


class Hold(Engine):
    """Pages that stay, and of which some a second are replaced.

    Told: `turnover RATE`, `open MORE`, `leave SOME`, `stop`.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._end = time.monotonic() + plan.seconds
        self._turnover = 0.0
        self._due = 0.0
        self._arriving: set[LoadPage] = set()
        self._old: list[LoadPage] = []  # in the order in which they leave
        self._full = False
        self._started = 0.0

    def step(self, now: float) -> float:
        self.stopped = self.stopped or now >= self._end
        if not self._full:
            self._ramp(now)
            return TICK_SECONDS
        while self._turnover and self._due <= now:
            self._due += 1 / self._turnover
            self._replace(now)
        return min(TICK_SECONDS, max(self._due - now, 0)) if self._turnover else TICK_SECONDS

    def acked(self, page: LoadPage, now: float) -> None:
        if page in self._arriving:
            self._arriving.discard(page)
            self.outcome.acks.add(now - page.said_at)
            self.outcome.loads.add(now - page.due)
        if not self._full:
            self._ramp(now)

    def lost(self, page: LoadPage) -> None:
        self._arriving.discard(page)

    def told(self, words: list[str]) -> None:
        if words[0] == "turnover":
            self._turnover, self._due = float(words[1]), time.monotonic()
        elif words[0] == "open":
            self._arriving |= {self.new(time.monotonic()) for _ in range(int(words[1]))}
        elif words[0] == "leave":
            for _ in range(int(words[1])):
                self._leave_oldest()

    def full(self, now: float) -> None:
        """Every page is open and acknowledged."""
        self._turnover, self._due = self.plan.rate, now
        self._started = now
        print("full", flush=True)

    def _ramp(self, now: float) -> None:
        while self.held < self.plan.pages and len(self._arriving) < RAMP:
            self._arriving.add(self.new(now))
        # One that broke off and comes back may have been replaced meanwhile.
        if self.held >= self.plan.pages and not self._arriving:
            self._full = True
            self.full(now)

    def _replace(self, now: float) -> None:
        if self._leave_oldest():
            self._arriving.add(self.new(self._due))
            self.outcome.done += 1
            self.outcome.seconds = now - self._started

    def _leave_oldest(self) -> bool:
        while self._old and not self._old[-1].socket:
            self._old.pop()
        if not self._old:
            self._old = self.pages()[::-1]
        if self._old:
            self.leave(self._old.pop())
            return True
        return False


class States(Hold):
    """Pages that say again and again how they are looked at; at the end each says itself, and is answered."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._end = float("inf")
        self._begun = self._next = 0.0
        self._speakers: Iterator[LoadPage] = iter(())
        self._attentions = cycle((b"idle", b"hidden", b"active"))
        self._fenced = False
        self._unfenced = 0

    def full(self, now: float) -> None:
        print("full", flush=True)
        self._begun = self._next = now
        self._speakers = cycle(self.pages())
        self._end = now + self.plan.seconds

    def step(self, now: float) -> float:
        if not self._begun:
            return super().step(now)
        if now < self._end:
            while self._next <= now:
                self._next += 1 / self.plan.rate
                self._speak(now)
            return max(self._next - now, 0)
        if not self._fenced:
            self._fenced = True
            self.outcome.seconds = now - self._begun
            self._unfenced = self.held
            for page in self.pages():
                self.say(page, now)
        self.stopped = not self._unfenced or now > self._end + FENCE_SECONDS
        return TICK_SECONDS

    def acked(self, page: LoadPage, now: float) -> None:
        if self._fenced:
            # How long the server still had to read: with these the messages are known to be done.
            self.outcome.loads.add(now - page.said_at)
            self._unfenced -= 1
        else:
            super().acked(page, now)

    def _speak(self, now: float) -> None:
        page = next(self._speakers)
        engaged = int((now - self._begun) * 1000)
        self.send(
            page,
            b'{"t":"state","id":"%s","s":"%s","e":%d,"d":50}'
            % (str(page.id).encode(), next(self._attentions), engaged),
        )
        self.outcome.done += 1


MODES: dict[Mode, type[Engine]] = {Mode.LOADS: Loads, Mode.HOLD: Hold, Mode.STATES: States}
