"""What a request says of itself before it is let in, read alike from every server that carries it."""

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

# Characters of an Origin header: hosts have at most 253.
ORIGIN_LIMIT = 512
# All of an origin, and nothing that RFC 6454 does not have: `urlsplit` would pass over user info, a path, a
# fragment, tabs and line ends, and find a host behind them that no browser has said.
ORIGIN = re.compile(r"https?://(?:\[([0-9a-f:.]+)\]|([^\s/\\?#@:\[\],]+))(?::[0-9]{1,5})?", re.IGNORECASE)


class VisitorRequest(msgspec.Struct, frozen=True, gc=False):
    """A page's request to be counted: site key, peer (None: a unix socket), headers by lower-case name."""

    key: str
    peer: str | None
    headers: dict[str, str]

    def host(self) -> str:
        """The host of the page that asks; "" where its `Origin` is missing, null or no web page's.

        Nor is one that has more than scheme, host and port, or anything that is not seen when it is printed.
        """
        origin = self.headers.get("origin", "")
        return _origin_host(origin) if len(origin) <= ORIGIN_LIMIT else ""


def headers_of(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """ASGI headers as text; a header said twice is joined with commas, as HTTP has it."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


@lru_cache(1024)
def _origin_host(origin: str) -> str:
    said = ORIGIN.fullmatch(origin) if origin.isprintable() else None
    return (said[1] or said[2]).lower() if said else ""
