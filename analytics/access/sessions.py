"""Staff's sessions: they live while they are used, an open board or wall included, and each can be ended.

Browsers forget a cookie by its own date, which only an answer over HTTP moves on; a session that a board's
socket uses is kept by the server alone until the board asks for something over HTTP.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.decorators import async_only_middleware

from tracker.visitors import agents

# In a session: when it began, was used, and was said to its browser (seconds since the epoch), and in what.
BEGAN, USED, SAID, BROWSER = "began", "used", "said", "browser"
# A write for each use would be a waste. An hour, or a tenth of a session that is shorter than ten.
RENEWED_EVERY = 3600.0


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A session as whoever has it reads of it; `mark` names it, and opens nothing."""

    mark: str
    browser: str
    began: float | None
    used: float | None
    current: bool


def session_of(key: str) -> SessionBase:
    """The session of a cookie, read when it is asked."""
    made: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return made


@async_only_middleware
def LivingSessionsMiddleware(  # noqa: N802  (Django names middleware like classes)
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    """Move the end of a session on, and its cookie's, where this request used it."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        response = await get_response(request)
        session = request.session
        # Who asked nothing of it, a page of a visitor's for one, does not read it here either.
        if session.accessed and SESSION_KEY in (said := await _read(session)):
            if BROWSER not in said:
                agent = agents.read(request.headers.get("User-Agent", "")[:1000])
                session[BROWSER] = " on ".join(filter(None, (agent.browser, agent.system)))
                session.setdefault(BEGAN, time.time())
            if _due(said.get(SAID)):
                session[SAID] = session[USED] = time.time()
        return response

    return middleware


async def _read(session: Any) -> dict[str, Any]:
    said: dict[str, Any] = await session._aget_session()
    return said


def keep(session: SessionBase) -> bool:
    """Move the end of a session on that a board's socket uses; False where it was ended meanwhile."""
    if _due(session.get(USED)):
        session[USED] = time.time()
        try:
            session.save()
        except UpdateError:
            return False
    return True


def _due(before: float | None) -> bool:
    return before is None or time.time() - before > min(RENEWED_EVERY, settings.SESSION_COOKIE_AGE / 10)


def own_sessions(user: User, current: str) -> list[OwnSession]:
    """The sessions in which somebody is logged in, the last used first; `current` is this one's key."""
    found = [
        OwnSession(
            mark=_mark(key),
            browser=said.get(BROWSER, ""),
            began=said.get(BEGAN),
            used=said.get(USED),
            current=key == current,
        )
        for key, said in _of(user)
    ]
    return sorted(found, key=lambda each: (not each.current, -(each.used or 0)))


def end(user: User, mark: str) -> None:
    """End one session of somebody's, wherever it is open."""
    Session.objects.filter(pk__in=[key for key, _ in _of(user) if _mark(key) == mark]).delete()


def end_all(user: User, but: str = "") -> None:
    """End all sessions of somebody's, but for the one of this key."""
    Session.objects.filter(pk__in=[key for key, _ in _of(user) if key != but]).delete()


def _of(user: User) -> Iterator[tuple[str, dict[str, Any]]]:
    """Keys and contents of a user's sessions: whose one is stands within, so all of staff's are read."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        said = session.get_decoded()
        if said.get(SESSION_KEY) == str(user.pk) and constant_time_compare(
            said.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
        ):
            yield session.pk, said


def _mark(key: str) -> str:
    return sha256(f"session {key}".encode()).hexdigest()[:16]
