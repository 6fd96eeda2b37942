"""Static files under addresses that name their content: `board.js` is asked for as `board.0123456789ab.js`.

What is under such an address never changes, so that browsers keep it; under its plain name they ask each time
whether it did. A file is read and packed once, and answered from memory; which there are is known from the
start, so that whoever asks for others costs no look at the disk, and no memory.
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
from django.utils.cache import get_conditional_response
from django.utils.decorators import async_only_middleware

HASH_LETTERS = 12
HASHED = re.compile(rf"(?P<stem>.+)\.(?P<hash>[0-9a-f]{{{HASH_LETTERS}}})(?P<suffix>\.[a-z0-9]+)")
YEAR = 31_536_000  # seconds, and as good as ever
# Of a plain name, or of what is another one by now: somebody asks for what an older Footfall named.
ASK_AGAIN = "no-cache"
TEXTS = ("text/", "image/svg+xml", "application/json")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is answered; `packed` is by gzip, or empty where that saves nothing."""

    hash: str
    kind: str
    whole: bytes
    packed: bytes


@cache
def asset_paths() -> dict[str, Path]:
    """Where the files below /static/ lie, by name. Looked at once: a new one comes with a new start."""
    paths: dict[str, Path] = {}
    for finder in finders.get_finders():
        for name, storage in finder.list(None):
            paths.setdefault(name, Path(storage.path(name)))
    return paths


def asset(name: str) -> Asset | None:
    """The file of that name below /static/, if there is one."""
    path = asset_paths().get(name)
    return _read(path) if path else None


@cache
def _read(path: Path) -> Asset:
    whole = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
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
    """Answer addresses of files; all others are somebody else's."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method in ("GET", "HEAD") and request.path_info.startswith(settings.STATIC_URL):
            name = request.path_info.removeprefix(settings.STATIC_URL)
            named = HASHED.fullmatch(name)
            if named and (known := asset(named["stem"] + named["suffix"])):
                return _answer(request, known, forever=named["hash"] == known.hash)
            if known := asset(name):
                return _answer(request, known, forever=False)
        return await get_response(request)

    return middleware


def _answer(request: HttpRequest, known: Asset, forever: bool) -> HttpResponseBase:
    packs = known.packed and "gzip" in request.headers.get("Accept-Encoding", "")
    body = known.packed if packs else known.whole
    answer = HttpResponse(b"" if request.method == "HEAD" else body, content_type=known.kind)
    answer.headers["Content-Length"] = str(len(body))
    answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if forever else ASK_AGAIN
    if known.packed:
        answer.headers["Vary"] = "Accept-Encoding"
    if packs:
        answer.headers["Content-Encoding"] = "gzip"
    # Packed, it has other bytes: a strong mark would have to be another one.
    mark = f'W/"{known.hash}"'
    answer.headers["ETag"] = mark
    return get_conditional_response(request, etag=mark, response=answer) or answer
