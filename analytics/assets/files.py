"""Static files under addresses that name their content: `board.js` is asked for as `board.0123456789ab.js`.

What is under such an address never changes, so that browsers keep it. It is read and packed once, and
answered from memory. A process that never named an address itself answers it as well.
"""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import async_only_middleware

HASH_LETTERS = 12
HASHED = re.compile(rf"(?P<stem>.+)\.(?P<hash>[0-9a-f]{{{HASH_LETTERS}}})(?P<suffix>\.[a-z0-9]+)")
YEAR = 31_536_000  # seconds, and as good as ever
# Of a file that is another one by now: somebody asks for what an older Footfall named.
CHANGED = "no-cache"
TEXTS = ("text/", "image/svg+xml", "application/json")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is answered; `packed` is by gzip, or empty where that saves nothing."""

    hash: str
    kind: str
    whole: bytes
    packed: bytes


@cache
def asset(name: str) -> Asset | None:
    """The file of that name below /static/, if there is one. Read once: a new one comes with a new start."""
    found = finders.find(name)
    if not isinstance(found, str) or not Path(found).is_file():
        return None
    whole = Path(found).read_bytes()
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    packed = gzip.compress(whole, 9, mtime=0) if kind.startswith(TEXTS) else b""
    if len(packed) >= len(whole):
        packed = b""
    return Asset(hashlib.sha256(whole).hexdigest()[:HASH_LETTERS], kind, whole, packed)


class HashedStorage(StaticFilesStorage):
    """What `{% static %}` asks for addresses."""

    def url(self, name: str | None) -> str:
        """The address of a file, which names its content; that of an unknown file names nothing."""
        known = asset(name) if name and not name.endswith("/") else None
        if known is None or name is None:
            return str(super().url(name))
        stem, dot, suffix = name.rpartition(".")
        return str(super().url(f"{stem}.{known.hash}{dot}{suffix}" if dot else name))


@async_only_middleware
def AssetsMiddleware(  # noqa: N802  (Django names middleware like classes)
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    """Answer addresses that name a content; all others are somebody else's."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method in ("GET", "HEAD") and request.path_info.startswith(settings.STATIC_URL):
            named = HASHED.fullmatch(request.path_info.removeprefix(settings.STATIC_URL))
            if named and (known := asset(named["stem"] + named["suffix"])):
                return _answer(request, known, named["hash"])
        return await get_response(request)

    return middleware


def _answer(request: HttpRequest, known: Asset, asked: str) -> HttpResponse:
    packs = known.packed and "gzip" in request.headers.get("Accept-Encoding", "")
    body = known.packed if packs else known.whole
    answer = HttpResponse(b"" if request.method == "HEAD" else body, content_type=known.kind)
    answer.headers["Content-Length"] = str(len(body))
    answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if asked == known.hash else CHANGED
    if known.packed:
        answer.headers["Vary"] = "Accept-Encoding"
    if packs:
        answer.headers["Content-Encoding"] = "gzip"
    return answer
