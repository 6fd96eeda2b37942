"""What of a page's URL is kept: host, path, UTM parameters, click ids; the rest of the query is dropped.

Query strings carry names, tokens and e-mail addresses, so what is kept is listed, not what is left out.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_plus, urlsplit

LIMIT: Final = 2048  # characters of a path or a query: Postgres indexes at most 2,704 bytes
UTM_LIMIT: Final = 256
UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
CLICK_IDS: Final = frozenset(
    ("gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid")
) | frozenset(("li_fat_id", "yclid", "rdt_cid", "epik", "sccid", "igshid", "mc_cid"))
HOST: Final = re.compile(r"[a-z0-9._:-]{1,253}")
# What a URL may hold besides letters and digits; "%" too, since it comes encoded already.
SAFE: Final = "%/:?#[]@!$&'()*+,;=-._~|"


@dataclass(frozen=True, slots=True)
class Utm:
    """The campaign that a link was made for, decoded."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""


@dataclass(frozen=True, slots=True)
class PageUrl:
    """A page's URL as it is counted (`path`) and stored; `path` and `query` stay percent-encoded."""

    host: str
    path: str
    query: str
    utm: Utm


NO_UTM: Final = Utm()


def read(url: str, keep: Collection[str] = (), hash_routes: bool = False) -> PageUrl:
    """Take a URL apart; ValueError if it is not http(s) with a host.

    `keep` names further query parameters to keep. With `hash_routes` the fragment, up to a "?" in it,
    is part of the path.
    """
    return _read(url, frozenset(keep), hash_routes)


# A site has few pages, and many come to each: 20 µs for 0.3. At most some 10 MB, whatever strangers send.
@lru_cache(2048)
def _read(url: str, keep: frozenset[str], hash_routes: bool) -> PageUrl:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not a web page's URL")
    path = encoded(parts.path) or "/"
    if hash_routes and parts.fragment:
        path = f"{path}#{encoded(parts.fragment.partition('?')[0])}"[:LIMIT]
    query, utm = read_query(parts.query, keep) if parts.query else ("", NO_UTM)
    return PageUrl(ascii_host(parts.hostname), path, query, utm)


def read_query(text: str, keep: Collection[str]) -> tuple[str, Utm]:
    """What is kept of a query, in its order, and the UTM parameters in it (the first of each counts)."""
    kept = []
    utm: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        name = unquote_plus(name)
        known = name.lower()
        if known in UTM:
            utm.setdefault(known[4:], printable(unquote_plus(value)))
        elif known not in CLICK_IDS and name not in keep:
            continue
        kept.append(pair)
    return encoded("&".join(kept)), Utm(**utm) if utm else NO_UTM


def ascii_host(host: str) -> str:
    """A host name in lower case, without the root's dot, in punycode; ValueError if that cannot be."""
    host = host.lower().removesuffix(".")
    if not host.isascii():
        host = host.encode("idna").decode()
    if not HOST.fullmatch(host):
        raise ValueError("not a host name")
    return host


def encoded(text: str) -> str:
    """Percent-encode what a browser would have, and cut to LIMIT without leaving half a "%XX"."""
    if not text.isascii() or not text.isprintable() or " " in text:
        text = quote(text, safe=SAFE, errors="replace")
    if len(text) <= LIMIT:
        return text
    text = text[:LIMIT]
    return text[: text.rindex("%")] if "%" in text[-2:] else text


def printable(text: str) -> str:
    """A decoded value without what a database or a terminal would stumble over (%00, %1b)."""
    if not text.isprintable():
        text = "".join(letter for letter in text if letter.isprintable())
    return text.strip()[:UTM_LIMIT]
