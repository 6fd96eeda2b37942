"""Who holds a session, and may look at a site now: asked for together, by all boards of a process.

Channels' own way is five queries for each board, each with a hop to the one thread for synchronous code. Of
two hundred boards that came back together none then got in within daphne's 5 s for a handshake.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest

from analytics.access import sessions
from analytics.access.rights import Reader, site_for
from tracker.models import Site

# A board asks every 3 s and is closed within 5 after its reader lost the right: so old may an answer be.
KEPT_SECONDS = 1.0
# Looked up in one go; those who wait for the next one wait some 100 ms.
MOST_AT_ONCE = 64


class Question(NamedTuple):
    """May whoever holds this session look at this site?"""

    session: str
    site: str


class BoardReaders:
    """The questions of one process's boards; for one event loop."""

    def __init__(self) -> None:
        # One thread, and so one connection to Postgres.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readers")
        self._answers: dict[Question, tuple[float, asyncio.Future[Site | None]]] = {}
        self._waiting: list[Question] = []
        self._task: asyncio.Task[None] | None = None

    async def site(self, session: str, key: str) -> Site | None:
        """The site, if the session's holder may look at it. Raises DatabaseError or InterfaceError."""
        question, now = Question(session, key), time.monotonic()
        asked_at, answer = self._answers.get(question, (float("-inf"), None))
        if answer is None or (answer.done() and now - asked_at > KEPT_SECONDS):
            answer = asyncio.get_running_loop().create_future()
            self._answers[question] = now, answer
            self._waiting.append(question)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._ask())
        # Whoever goes away leaves the answer to the others who wait for it.
        return await asyncio.shield(answer)

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            questions, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                sites = await loop.run_in_executor(self._thread, _look_up, questions)
            except Exception as error:
                for question in questions:
                    answer = self._answers.pop(question)[1]
                    answer.set_exception(error)
                    # Whoever waited may be gone: then asyncio would complain that nobody looked at it.
                    answer.exception()
            else:
                for question, site in zip(questions, sites, strict=True):
                    self._answers[question][1].set_result(site)
        self._forget()

    def _forget(self) -> None:
        old = time.monotonic() - KEPT_SECONDS
        self._answers = {question: each for question, each in self._answers.items() if each[0] > old}


def _look_up(questions: list[Question]) -> list[Site | None]:
    try:
        return _answers(questions)
    except (OperationalError, InterfaceError):
        # This thread sees no request begin, before which Django would replace a connection that is dead.
        connection.close()
        return _answers(questions)


def _answers(questions: list[Question]) -> list[Site | None]:
    readers = {session: reader_of(session) for session in {question.session for question in questions}}
    return [site_for(readers[question.session], question.site) for question in questions]


def reader_of(session: str) -> Reader:
    """Whose session it is, read afresh; nobody's when it is over or made up."""
    request = HttpRequest()
    request.session = sessions.session_of(session)
    user = auth.get_user(request)
    # A board that stands open is use of its session.
    return user if user.is_authenticated and sessions.keep(request.session) else AnonymousUser()
