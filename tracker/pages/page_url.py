"""What of a page's URL is kept: host, name, UTM parameters, click ids; the rest of the query is dropped.

Query strings carry names, tokens and e-mail addresses, so what is kept is listed, not what is left out.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_plus, urlsplit

import msgspec

from tracker.pages import paid
from tracker.pages.escapes import encoded, one_form
from tracker.pages.host_names import ascii_host, translated
from tracker.pages.naming import NO_NAMING, Naming

UTM_LIMIT: Final = 256
USER: Final = re.compile(r"[^/]*//[^/]*@")
UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
CLICK_IDS: Final = paid.CLICK_IDS
# What links outside of campaigns say of where they stand, by rank.
REF: Final = ("ref", "source")
ENTITY: Final = re.compile(r"^(?:amp;)+", re.IGNORECASE)


class Utm(msgspec.Struct, frozen=True, gc=False):
    """The campaign that a link was made for, decoded."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""


class PageUrl(msgspec.Struct, frozen=True, gc=False):
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
    rest, _, fragment = url.partition("#")
    place, _, text = rest.partition("?")
    page = _forgotten(place, naming) if names_user(place) else _remembered(place, naming)
    routed = naming.hash_routes and fragment
    if not (text or routed):
        return page.plain
    name = page.name
    if routed:
        route, _, asked = fragment.partition("?")
        name = f"{name}#{naming.folded(one_form(route))}"
        text = "&".join(filter(None, (text, asked)))
    if naming.parts and text:
        name += named_parts(text, naming.parts)
    name = encoded(page.before + name)
    if not text:
        return PageUrl(page.plain.host, name, "", NO_UTM)
    return PageUrl(page.plain.host, name, *read_query(text, naming.keep))


def names_user(place: str) -> bool:
    """Whether somebody's name or password may stand in front of a URL's host."""
    return "@" in place and USER.match(place) is not None


class _Place(NamedTuple):
    """A URL without query and fragment: `before` and `name` make the page's name."""

    before: str
    name: str
    plain: PageUrl


def _forgotten(place: str, naming: Naming) -> _Place:
    parts = urlsplit(place)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not a web page's URL")
    host = ascii_host(parts.hostname)
    before = translated(host).removeprefix("www.") if naming.show_host else ""
    name = naming.folded(one_form(parts.path) or "/")
    return _Place(before, name, PageUrl(host, encoded(before + name), "", NO_UTM))


# A site has few pages, and many come to each: 20 µs for 0.3. At most some 10 MB, whatever strangers send,
# and never what may be private in a URL: its query is read anew each time.
_remembered = lru_cache(2048)(_forgotten)


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
        name = decoded(name)
        known = name.lower()
        names.add(known)
        if known in UTM:
            utm.setdefault(known[4:], printable(decoded(value)))
        elif known in REF:
            refs.setdefault(known, printable(decoded(value)))
        if known in UTM or known in CLICK_IDS or name in keep:
            kept.append(pair)
    ref = next((refs[name] for name in REF if refs.get(name)), "")
    return encoded("&".join(kept)), Utm(**utm) if utm else NO_UTM, ref, paid.by_parameters(names)


def pairs(text: str) -> list[str]:
    """The parameters of a query; mail tools write links as they stand in HTML, `&amp;`, or do so twice."""
    found = text.split("&")
    return [ENTITY.sub("", pair) for pair in found] if ";" in text else found


def decoded(text: str) -> str:
    """A name or value of a query as it was meant."""
    return unquote_plus(text) if "%" in text or "+" in text else text


def printable(text: str) -> str:
    """A decoded value without what a database or a terminal would stumble over (%00, %1b)."""
    if not text.isprintable():
        text = "".join(letter for letter in text if letter.isprintable())
    return text.strip()[:UTM_LIMIT]
