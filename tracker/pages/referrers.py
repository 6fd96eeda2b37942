"""Where a visitor came from, and by which channel.

What the link says (`utm_source`, `ref`) outranks the referring page: its name in our table, else its host.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from tracker.pages import amp, paid
from tracker.pages.escapes import encoded
from tracker.pages.host_names import ascii_host
from tracker.pages.page_url import Utm, names_user
from tracker.pages.sources import ALIASES, AMBIGUOUS, APART, APPS, EVERYWHERE, HOSTS

URL_LIMIT: Final = 2048
CHANNELS: Final = ("direct", "search", "social", "ai", "mail", "news", "campaign", "paid", "referral")
# What a link's maker says outranks where it was clicked.
MEDIUMS: Final = {
    "email": "mail",
    "e-mail": "mail",
    "mail": "mail",
    "newsletter": "mail",
    "social": "social",
    "social-media": "social",
    "social_media": "social",
    "social-network": "social",
    "organic_social": "social",
}
# Of these the source says more, where it has a name; else:
UNPAID_MEDIUMS: Final = {"organic": "search", "referral": "referral"}
BY_HOST: Final = {
    host: (name, channel)
    for channel, names in HOSTS.items()
    for name, hosts in names.items()
    for host in hosts.split()
}
DIRECT: Final = ("", "direct", "")
SECOND_LEVEL: Final = {"co", "com", "org", "net", "ne", "or"}


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


NAMED: Final = {named[0]: named for named in (*BY_HOST.values(), *EVERYWHERE.values())}
# As people write sources by hand: "Hacker News", "hacker-news", "hackernews". What is shorter than four
# letters says too many other things.
BY_WORD: Final = {
    **{
        word: named
        for name, named in NAMED.items()
        if len(word := _squeezed(name)) > 3 and word not in AMBIGUOUS
    },
    **{word: NAMED[name] for name, words in ALIASES.items() for word in words.split()},
}
_APART: Final = frozenset(f"{sub}.{host}" for host, subs in APART.items() for sub in subs.split())


class Referrer(msgspec.Struct, frozen=True, gc=False):
    """`source`: what is counted ("" for direct and own pages); `url`: where exactly, without query."""

    source: str
    channel: str
    url: str


def read(url: str, own: Callable[[str], bool], utm: Utm, ref: str = "", ad: bool = False) -> Referrer:
    """Name where a visitor came from: the referring page `url` gives way to what the link says.

    `own` tells whether a host is the site's; such a page, a broken URL and none at all are direct. `ref` is
    what the link says of where it stands, where the site reads that; `ad`, whether it is an ad's link.
    """
    source, channel, kept = where(url, own)
    if utm.source:
        source, _ = named(utm.source)
    elif ref and "@" not in ref and not own(named(ref)[0]):
        source, channel = named(ref)
    if ad:
        channel = "paid"
    else:
        channel = campaign_channel(utm.source, utm.medium, utm.campaign) or channel or "referral"
    return Referrer(source, channel, kept)


def where(url: str, own: Callable[[str], bool]) -> tuple[str, str, str]:
    """Source, channel and the URL to keep, from the referring URL alone."""
    host, named = _named(url)
    return DIRECT if host and own(host) else named


def named(text: str) -> tuple[str, str]:
    """The name in our table of a source that somebody wrote into a link, and its channel there.

    What the table does not have is what they wrote, in lower case, with the channel "".
    """
    text = text.strip()
    if "://" in text and (name := _named(text)[1][0]):
        return name, _named(text)[1][1]
    return _named_word(text)


@lru_cache(2048)
def _named_word(text: str) -> tuple[str, str]:
    word = text.lower().removeprefix("www.")
    source = look_up(word) or APPS.get(word) or BY_WORD.get(_squeezed(word))
    return source or (word, "")


def _named(url: str) -> tuple[str, tuple[str, str, str]]:
    """`_forgotten`, which is remembered without what may be private in a URL."""
    place = url.partition("#")[0].partition("?")[0]
    return _forgotten(place) if names_user(place) else _remembered(place)


def _forgotten(url: str) -> tuple[str, tuple[str, str, str]]:
    """The referring host, "" for none and for apps; and what `where` says if it is not the site's own."""
    try:
        parts = urlsplit(url)
        host = ascii_host(parts.hostname or "")
        port = parts.port
    except ValueError:
        return "", DIRECT
    if parts.scheme == "android-app" and host:
        name, channel = APPS.get(host, (host, "referral"))
        return "", (name, channel, f"android-app://{host}")
    if parts.scheme not in ("http", "https") or not host:
        return "", DIRECT
    kept = without_query(parts, host, port)
    host = amp.publisher(host, parts.path) or host
    name, channel = look_up(host) or (host.removeprefix("www."), "referral")
    return host, (name, channel, kept)


# Most visitors come from a few pages: 12 µs for 0.2. At most some 10 MB, whatever strangers send, and never
# what may be private in a URL.
_remembered = lru_cache(2048)(_forgotten)


def without_query(parts: SplitResult, host: str, port: int | None) -> str:
    """The referring page, without what may be private: user, query, fragment."""
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place = f"{place}:{port}"
    return f"{parts.scheme}://{place}{encoded(parts.path) or '/'}"[:URL_LIMIT]


def look_up(host: str) -> tuple[str, str] | None:
    """The table's (name, channel) for a host or the nearest of its parents; one step for each label."""
    labels = host.split(".")
    for start in range(len(labels) - 1):
        parent = ".".join(labels[start:])
        if source := BY_HOST.get(parent):
            return source
        if parent in _APART:
            return None
    for start, label in enumerate(labels):
        if label in EVERYWHERE and is_country(labels[start + 1 :]):
            return EVERYWHERE[label]
    return None


def is_country(labels: list[str]) -> bool:
    """Whether labels are what follows a brand's name: "com", "de", "co.uk", "com.br"."""
    if len(labels) == 1:
        return len(labels[0]) == 2 or labels[0] == "com"
    return len(labels) == 2 and labels[0] in SECOND_LEVEL and len(labels[1]) == 2


# A site has few campaigns: 1 µs for 0.1. At most some 7 MB, whatever strangers send.
@lru_cache(2048)
def campaign_channel(source: str, medium: str, campaign: str) -> str:
    """The channel that UTM parameters speak for, "" without any."""
    if not (source or medium or campaign):
        return ""
    if paid.by_words(source, medium):
        return "paid"
    medium = medium.lower()
    if channel := MEDIUMS.get(medium):
        return channel
    # Assistants put their own host there (utm_source=chatgpt.com) and send no referrer.
    if not medium or medium in UNPAID_MEDIUMS:
        return named(source)[1] or UNPAID_MEDIUMS.get(medium, "campaign")
    return "campaign"
