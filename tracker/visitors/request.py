"""What a request says of itself before it is let in, read alike from every server that carries it."""

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

# Characters of an Origin header that are looked at: hosts have at most 253.
ORIGIN_LIMIT = 512


class VisitorRequest(msgspec.Struct, frozen=True, gc=False):
    """A page's request to be counted: site key, peer (None: a unix socket), headers by lower-case name."""

    key: str
    peer: str | None
    headers: dict[str, str]

    def host(self) -> str:
        """The host of the page that asks; "" where its `Origin` is missing, null or no web page's."""
        return _origin_host(self.headers.get("origin", "")[:ORIGIN_LIMIT])


def headers_of(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """ASGI headers as text; a header said twice is joined with commas, as HTTP has it."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


@lru_cache(1024)
def _origin_host(origin: str) -> str:
    try:
        parts = urlsplit(origin)
        return parts.hostname or "" if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
