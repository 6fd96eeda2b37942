"""What of a page's URL is kept: host, name, UTM parameters, click ids; the rest of the query is dropped.

Query strings carry names, tokens and e-mail addresses, so what is kept is listed, not what is left out.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus, urlsplit

from tracker.pages import paid
from tracker.pages.escapes import encoded, one_form
from tracker.pages.host_names import ascii_host, translated
from tracker.pages.naming import NO_NAMING, Naming

UTM_LIMIT: Final = 256
UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
CLICK_IDS: Final = paid.CLICK_IDS
# What links outside of campaigns say of where they stand, by rank.
REF: Final = ("ref", "source")
ENTITY: Final = re.compile(r"^(?:amp;)+", re.IGNORECASE)


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
    """A page's URL as it is counted (`path`, its name) and stored; both parts stay percent-encoded."""

    host: str
    path: str
    query: str
    utm: Utm
    ref: str = ""  # of `ref=` or `source=`, decoded, where a link has one
    paid: bool = False  # whether it is the link of an ad


NO_UTM: Final = Utm()


def read(url: str, naming: Naming = NO_NAMING) -> PageUrl:
    """Take a URL apart, as its site names its pages; ValueError if it is not http(s) with a host.

    Where the fragment is part of the name, what follows a "?" in it is a query like the other.
    """
    return _read(url, naming)


# A site has few pages, and many come to each: 20 µs for 0.3. At most some 10 MB, whatever strangers send.
@lru_cache(2048)
def _read(url: str, naming: Naming) -> PageUrl:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not a web page's URL")
    host = ascii_host(parts.hostname)
    name, text = naming.folded(one_form(parts.path) or "/"), parts.query
    if naming.hash_routes and parts.fragment:
        route, _, asked = parts.fragment.partition("?")
        name = f"{name}#{naming.folded(one_form(route))}"
        text = "&".join(filter(None, (text, asked)))
    if naming.parts and text:
        name += named_parts(text, naming.parts)
    if naming.show_host:
        name = translated(host).removeprefix("www.") + name
    if not text:
        return PageUrl(host, encoded(name), "", NO_UTM)
    return PageUrl(host, encoded(name), *read_query(text, naming.keep))


def named_parts(text: str, parts: Collection[str]) -> str:
    """What of a query is part of a page's name, in the order of `parts`, with a "?" before."""
    said: dict[str, str] = {}
    for pair in pairs(text):
        said.setdefault(unquote_plus(pair.partition("=")[0]), pair)
    kept = "&".join(said[name] for name in parts if name in said)
    return f"?{one_form(kept)}" if kept else ""


def read_query(text: str, keep: Collection[str]) -> tuple[str, Utm, str, bool]:
    """What is kept of a query, in its order; its UTM parameters and its `ref`; whether it is an ad's link.

    The first parameter of a name counts, decoded.
    """
    kept = []
    utm: dict[str, str] = {}
    refs: dict[str, str] = {}
    names = set()
    for pair in pairs(text):
        name, _, value = pair.partition("=")
        name = unquote_plus(name)
        known = name.lower()
        names.add(known)
        if known in UTM:
            utm.setdefault(known[4:], printable(unquote_plus(value)))
        elif known in REF:
            refs.setdefault(known, printable(unquote_plus(value)))
        if known in UTM or known in CLICK_IDS or name in keep:
            kept.append(pair)
    ref = next((refs[name] for name in REF if refs.get(name)), "")
    return encoded("&".join(kept)), Utm(**utm) if utm else NO_UTM, ref, paid.by_parameters(names)


def pairs(text: str) -> list[str]:
    """The parameters of a query; mail tools write links as they stand in HTML, `&amp;`, or do so twice."""
    found = text.split("&")
    return [ENTITY.sub("", pair) for pair in found] if ";" in text else found


def printable(text: str) -> str:
    """A decoded value without what a database or a terminal would stumble over (%00, %1b)."""
    if not text.isprintable():
        text = "".join(letter for letter in text if letter.isprintable())
    return text.strip()[:UTM_LIMIT]
