"""The process that answers questions: lines of JSON come in, lines go out, several at once.

It ends when who started it does. Whatever a native library does to it, nobody else notices.
"""

import logging
import os
import shutil
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import duckdb
import msgspec
import psycopg

from analytics.history.answering import Answering
from analytics.history.day_store import DayStore
from analytics.history.duck import open_duck
from analytics.history.file_cache import FileCache, clear_work
from analytics.history.impact import ImpactQuestion
from analytics.history.impact_answering import ImpactAnswering
from analytics.history.kept_parts import KeptParts
from analytics.history.kept_rows import KeptRows
from analytics.history.listing import ListAnswering
from analytics.history.question import WrongQuestion
from analytics.history.question_sql import DAY_NUMBER
from analytics.history.question_wire import AnyAnswer, AnyQuestion, Reply, Request, Wrong
from analytics.history.site_totals import SiteTotalsQuestion
from analytics.history.site_totals_answering import SiteTotalsAnswering
from analytics.history.stay import StayQuestion
from analytics.history.staying import StayAnswering
from analytics.history.turns import GivenUp, Turns
from analytics.history.visit_list import ListQuestion
from tracker.liveness.error_report import kind_of, report

logger = logging.getLogger(__name__)

# So many questions are worked at, each by so many threads of DuckDB.
WORKERS, THREADS = 2, 2
# So many more wait for days that are being made, each with a connection to Postgres at most: a page asks some
# ten questions, and in two threads each waited for those before it, eight seconds for the last one.
WAITERS = 6
# Of the memory for questions, what making an open day takes.
MAKING = 3
# What parts of days take that are kept, and rows under filters, in DuckDB's own memory.
KEPT, FILTERED = 4, 5


# How often files are looked for that nobody needs any more: of what was erased, too.
TIDY_SECONDS = 600.0
# The questions of a page are asked at once: what is there is looked up for all of them together.
FRESH_SECONDS = 0.5


class QuestionServer:
    """Answers what comes in on one stream on the other."""

    def __init__(self, folder: Path, most: int, memory: int, replies: BinaryIO) -> None:
        spill = folder / f"spill-{os.getpid()}"
        clear_work(folder)
        cache = FileCache(folder, most)
        cache.sweep()
        self._duck = open_duck([folder], spill, memory - memory // MAKING, THREADS)
        self._duck.execute(DAY_NUMBER)
        self._turns = Turns(WORKERS)
        self._store = DayStore(cache, memory // MAKING, FRESH_SECONDS, self._turns.resting)
        kept = KeptParts(memory // KEPT, KeptRows(memory // FILTERED))
        self._answering = Answering(self._store, kept)
        self._listing = ListAnswering(self._store)
        self._impacts = ImpactAnswering(self._store, folder)
        self._staying = StayAnswering(self._store, kept)
        self._summing = SiteTotalsAnswering(self._store)
        self._replies = replies
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(WORKERS + WAITERS, thread_name_prefix="questions")
        self._waiting: dict[int, Future[None]] = {}
        self._running: dict[int, duckdb.DuckDBPyConnection] = {}
        self._spill = spill

    def serve(self, requests: BinaryIO) -> None:
        """Answer until the stream ends; returns then at once, whatever is being worked at."""
        decoder = msgspec.json.Decoder(Request)
        threading.Thread(target=self._tidy, name="tidy", daemon=True).start()
        for line in requests:
            request = decoder.decode(line)
            if request.question is None:
                self._cancel(request.number)
            else:
                task = self._workers.submit(self._work, request.number, request.question)
                self._waiting[request.number] = task
        shutil.rmtree(self._spill, ignore_errors=True)

    def _tidy(self) -> None:
        while True:
            time.sleep(TIDY_SECONDS)
            try:
                self._store.tidy()
            except (psycopg.Error, OSError) as error:
                logger.warning("history: files that are over could not be deleted (%s)", kind_of(error))

    def _cancel(self, number: int) -> None:
        task = self._waiting.pop(number, None)
        if task and task.cancel():
            self._reply(Reply(number, too_much=True))
            return
        with self._lock:
            if running := self._running.get(number):
                self._turns.give_up(number)
                running.interrupt()

    def _work(self, number: int, question: AnyQuestion) -> None:
        cursor = self._duck.cursor()
        with self._lock:
            self._running[number] = cursor
        try:
            reply = self._answer(number, cursor, question)
        finally:
            with self._lock:
                del self._running[number]
                self._turns.forget(number)
            self._waiting.pop(number, None)
            cursor.close()
        self._reply(reply)

    def _answer(self, number: int, cursor: duckdb.DuckDBPyConnection, question: AnyQuestion) -> Reply:
        try:
            with self._turns.turn(number):
                return Reply(number, self._told(cursor, question))
        except WrongQuestion as wrong:
            return Reply(number, wrong=Wrong(wrong.field, wrong.message, wrong.allowed))
        except (GivenUp, duckdb.InterruptException, duckdb.OutOfMemoryException):
            return Reply(number, too_much=True)
        except psycopg.errors.QueryCanceled:
            return Reply(number, too_much=True)
        except psycopg.OperationalError:
            return Reply(number, away=True)
        except Exception as error:
            # What nobody foresaw is told, and the next question answered.
            logger.error("history: a question failed (%s)", kind_of(error), extra={"report": report(error)})
            return Reply(number, failed=True)

    def _told(self, cursor: duckdb.DuckDBPyConnection, question: AnyQuestion) -> AnyAnswer:
        now = datetime.now(UTC)
        if isinstance(question, ListQuestion):
            return self._listing.answer(cursor, question, now)
        if isinstance(question, ImpactQuestion):
            return self._impacts.answer(cursor, question, now)
        if isinstance(question, StayQuestion):
            return self._staying.answer(cursor, question, now)
        if isinstance(question, SiteTotalsQuestion):
            return self._summing.answer(cursor, question, now)
        return self._answering.answer(cursor, question, now)

    def _reply(self, reply: Reply) -> None:
        line = msgspec.json.encode(reply) + b"\n"
        with self._lock:
            self._replies.write(line)
            self._replies.flush()
