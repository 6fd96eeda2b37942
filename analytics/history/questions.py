"""Asks questions of a process of their own, started when somebody will ask soon, and when it has died.

A question has a deadline: then it is interrupted, and the process killed where that does not help. The others
that it was working at are asked once more of its successor. Equal questions share one answer.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import msgspec
from django.conf import settings

from analytics.history.impact import Impact, ImpactQuestion
from analytics.history.question import HistoryAnswer, HistoryQuestion, WrongQuestion
from analytics.history.question_wire import AnyAnswer, AnyQuestion, Reply, Request
from analytics.history.site_totals import SiteTotals, SiteTotalsQuestion
from analytics.history.stay import StayAnswer, StayQuestion
from analytics.history.visit_list import ListAnswer, ListQuestion
from analytics.queries.time_limit import TooMuch
from analytics.queries.turns import elsewhere
from tracker.liveness.error_report import kind_of

logger = logging.getLogger(__name__)

# What takes longer is given up: it would be old before it was there.
PATIENCE_SECONDS = 15.0
# How long an interrupted question may take to end before its process is.
GRACE_SECONDS = 2.0
# Whoever comes when so many wait would not be answered in time.
MOST_WAITING = 64
# It takes half a second to start, a second under load.
TRIES = 2
# One that dies as soon as it is started is not started again at once.
PAUSE_SECONDS = 1.0
# Of many questions of one page so many are asked at once: others are to have their turn between.
PORTION = 8
# How often is looked whether a deadline is over.
LOOK_SECONDS = 0.2


class NoAnswer(Exception):
    """A question could not be answered, for no fault of its own; the message tells people so."""


@dataclass(eq=False)
class WaitingQuestion:
    """A question that is waited for."""

    number: int
    question: AnyQuestion
    deadline: float  # by the steady clock
    future: Future[Any] = field(default_factory=Future)
    tries: int = 0
    cancelled: bool = False


class Questions:
    """Asks, from any thread or event loop, and keeps the process that answers."""

    def __init__(
        self,
        patience: float = PATIENCE_SECONDS,
        command: Sequence[str] = ("questions",),
        most: int = MOST_WAITING,
    ) -> None:
        self._patience = patience
        self._command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *command]
        self._most = most
        self._lock = threading.Condition()
        self._asked: dict[int, WaitingQuestion] = {}
        self._shared: dict[AnyQuestion, WaitingQuestion] = {}
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._requests: SimpleQueue[tuple[subprocess.Popen[bytes], Request]] = SimpleQueue()
        self._closing = threading.Event()
        self._expected = False

    def expect(self) -> None:
        """Start the process, if there is none: somebody is about to ask."""
        with self._lock:
            self._expected = self._process is None
            self._begin()

    async def aask(self, question: HistoryQuestion) -> HistoryAnswer:
        """The answer to a question. Raises WrongQuestion, TooMuch, NoAnswer."""
        answer: HistoryAnswer = await elsewhere(self._ask(question))
        return answer

    async def alist(self, question: ListQuestion) -> ListAnswer:
        """The rows of a list. Raises WrongQuestion, TooMuch, NoAnswer."""
        answer: ListAnswer = await elsewhere(self._ask(question))
        return answer

    async def aimpact(self, question: ImpactQuestion) -> Impact:
        """What a span of time meant. Raises WrongQuestion, TooMuch, NoAnswer."""
        impact: Impact = await elsewhere(self._ask(question))
        return impact

    async def astay(self, question: StayQuestion) -> StayAnswer:
        """How long readers stay. Raises WrongQuestion, TooMuch, NoAnswer."""
        answer: StayAnswer = await elsewhere(self._ask(question))
        return answer

    def ask(self, question: HistoryQuestion) -> HistoryAnswer:
        """The answer to a question, for a thread that may wait. Raises WrongQuestion, TooMuch, NoAnswer."""
        answer: HistoryAnswer = self._ask(question).result()
        return answer

    def ask_sites(self, question: SiteTotalsQuestion) -> SiteTotals:
        """The totals of many sites, for a thread that may wait. Raises WrongQuestion, TooMuch, NoAnswer."""
        totals: SiteTotals = self._ask(question).result()
        return totals

    def ask_all(self, questions: Sequence[HistoryQuestion]) -> list[HistoryAnswer | NoAnswer | TooMuch]:
        """Each answer, or why there is none, for a thread that may wait. Raises WrongQuestion."""
        told: list[HistoryAnswer | NoAnswer | TooMuch] = []
        for begin in range(0, len(questions), PORTION):
            asked = []
            for question in questions[begin : begin + PORTION]:
                try:
                    asked.append(self._ask(question))
                except TooMuch as problem:
                    refused: Future[Any] = Future()
                    refused.set_exception(problem)
                    asked.append(refused)
            for future in asked:
                try:
                    told.append(future.result())
                except (NoAnswer, TooMuch) as problem:
                    told.append(problem)
        return told

    @property
    def process_id(self) -> int | None:
        """The process that answers, if there is one."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the process; what is waited for is not answered."""
        with self._lock:
            self._closing.set()
            self._lock.notify_all()
            process = self._process
        if process:
            process.kill()
            process.wait()
        if self._thread:
            self._thread.join()

    def _ask(self, question: AnyQuestion) -> Future[Any]:
        with self._lock:
            asked = self._shared.get(question)
            if asked is None:
                if len(self._asked) >= self._most:
                    raise TooMuch("Too much is being asked at once.")
                self._number += 1
                asked = WaitingQuestion(self._number, question, time.monotonic() + self._patience)
                self._asked[asked.number] = self._shared[question] = asked
                self._begin()
                self._send(asked)
            return asked.future

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="questions", daemon=True)
            self._thread.start()
            threading.Thread(target=self._write, name="requests", daemon=True).start()
            threading.Thread(target=self._watch, name="deadlines", daemon=True).start()
        self._lock.notify_all()

    def _send(self, asked: WaitingQuestion) -> None:
        """Hand a question over, if there is anybody to hand it to: else it is when there is."""
        if self._process is None:
            return
        asked.tries += 1
        self._requests.put((self._process, Request(asked.number, asked.question)))

    def _write(self) -> None:
        """Write requests, in a thread where nobody waits: the pipe of a process that hangs fills up."""
        while True:
            process, request = self._requests.get()
            # One that is dying is noticed by who reads its answers, and asked again.
            with suppress(OSError, ValueError):
                if process.stdin:
                    process.stdin.write(msgspec.json.encode(request) + b"\n")
                    process.stdin.flush()

    def _keep(self) -> None:
        """Start the process when there is something to ask, and hear it until it ends."""
        while True:
            with self._lock:
                while not self._asked and not self._expected and not self._closing.is_set():
                    self._lock.wait()
                if self._closing.is_set():
                    return
                self._expected = False
                began = time.monotonic()
                process = self._process = self._start()
                for asked in list(self._asked.values()):
                    self._send(asked)
                    asked.tries += process is None
            if process is None:
                self._give_up()
                self._closing.wait(PAUSE_SECONDS)
                continue
            self._hear(process)
            code = process.wait()
            for pipe in (process.stdin, process.stdout):
                # What was still to be written went nowhere.
                with suppress(OSError):
                    if pipe:
                        pipe.close()
            with self._lock:
                self._process = None
                if self._closing.is_set():
                    return
            logger.error("The process of questions ended by itself (%s); starting it again.", code)
            self._give_up()
            if time.monotonic() - began < PAUSE_SECONDS:
                self._closing.wait(PAUSE_SECONDS)

    def _start(self) -> subprocess.Popen[bytes] | None:
        """The process; None where the machine has no room for it now."""
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C in the terminal is for who started us
                env=dict(os.environ),
            )
        except OSError as error:
            logger.error("The process of questions could not be started (%s).", kind_of(error))
            return None

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        decoder = msgspec.json.Decoder(Reply)
        for line in process.stdout or ():
            try:
                reply = decoder.decode(line)
            except msgspec.DecodeError:
                # Killed in the middle of it.
                continue
            self._settle(reply.number, _result(reply))

    def _settle(self, number: int, result: AnyAnswer | Exception) -> None:
        with self._lock:
            asked = self._asked.pop(number, None)
            if asked is None:
                return
            del self._shared[asked.question]
        if isinstance(result, Exception):
            asked.future.set_exception(result)
        else:
            asked.future.set_result(result)

    def _give_up(self) -> None:
        """Let go of questions that have had their tries, or their time: one may be what kills it."""
        with self._lock:
            over = [each for each in self._asked.values() if each.tries >= TRIES or each.cancelled]
        for each in over:
            late = each.cancelled
            self._settle(
                each.number,
                _too_late() if late else NoAnswer("Nothing can be answered right now: try again."),
            )

    def _watch(self) -> None:
        """Interrupt what takes too long, and end the process that does not let itself be interrupted."""
        while not self._closing.is_set():
            self._closing.wait(LOOK_SECONDS)
            now = time.monotonic()
            with self._lock:
                process = self._process
                late = [each for each in self._asked.values() if now > each.deadline]
                hanging = [each for each in late if now > each.deadline + GRACE_SECONDS]
                for each in late:
                    if not each.cancelled:
                        each.cancelled = True
                        if process:
                            self._requests.put((process, Request(each.number)))
            if hanging and process:
                process.kill()
            for each in hanging:
                self._settle(each.number, _too_late())


def _too_late() -> TooMuch:
    return TooMuch(f"There is too much to be looked at within {PATIENCE_SECONDS:g} s: ask for less.")


def _result(reply: Reply) -> AnyAnswer | Exception:
    if reply.answer is not None:
        return reply.answer
    if reply.wrong is not None:
        return WrongQuestion(reply.wrong.field, reply.wrong.message, reply.wrong.allowed)
    if reply.too_much:
        return _too_late()
    if reply.away:
        return NoAnswer("Postgres does not answer: try again.")
    return NoAnswer("This question could not be answered: the log says why.")
