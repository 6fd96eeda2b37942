"""What a setting may say: each kind reads a text, or raises ValueError with the rest of a sentence.

The sentence begins with the setting's name ("must be …, not 'x'."). Nothing with an @ is repeated: it may
hold a password that belongs elsewhere.
"""

import re
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from fractions import Fraction
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import maxminddb

from tracker.sites.hosts import read_host

T = TypeVar("T")

ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
# Long enough for any number below, and short enough for Python to turn into one.
NUMBER = re.compile(r"([0-9][0-9_]{0,20}(?:\.[0-9]{1,6})?) ?([a-z]{0,8})", re.ASCII | re.IGNORECASE)
THOUSANDS = {"": 1, "k": 1000, "m": 1000**2}
# As nginx and Postgres count them.
BINARY = {
    "": 1,
    "b": 1,
    **{f"{letter}{rest}": 1024**power for power, letter in enumerate("kmgt", 1) for rest in ("", "b", "ib")},
}
TIMES = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
DAYS = {"": 1, "d": 1, "w": 7}
DEFAULT_PORTS = {"http": 80, "https": 443}


def shown(text: str) -> str:
    """A text as an error may repeat it: printable, short, and nothing that looks like a password."""
    if "@" in text:
        return "what it says"
    return ascii(text if len(text) <= 60 else text[:57] + "…")


def switch(text: str) -> bool:
    """1, true, yes or on; 0, false, no or off."""
    if text.lower() in ON:
        return True
    if text.lower() in OFF:
        return False
    raise ValueError(f"must be 1 (or true, yes, on) or 0 (or false, no, off), not {shown(text)}.")


def count(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds; 50k is 50,000 and 2m two million."""
    return _number(least, most, THOUSANDS, "; 50k and 2m are understood")


def size(least: int, most: int) -> Callable[[str], int]:
    """Bytes within bounds; 500m is 500 MiB and 2g 2 GiB."""
    return _number(least, most, BINARY, " of bytes; 50k, 500m and 2g are understood")


def seconds(least: int, most: int) -> Callable[[str], int]:
    """Seconds within bounds; 5m is five minutes and 1h an hour."""
    return _number(least, most, TIMES, " of seconds; 90s, 5m and 1h are understood")


def days(least: int, most: int) -> Callable[[str], int]:
    """Days within bounds; 30d is 30 days and 8w eight weeks."""
    return _number(least, most, DAYS, " of days; 30d and 8w are understood")


def nothing_or(read: Callable[[str], int]) -> Callable[[str], int]:
    """0, or what `read` takes."""

    def either(text: str) -> int:
        return 0 if text == "0" else read(text)

    return either


def _number(least: int, most: int, units: Mapping[str, int], more: str) -> Callable[[str], int]:
    problem = f"must be a whole number from {least:,} to {most:,}{more}"

    def read(text: str) -> int:
        found = NUMBER.fullmatch(text)
        unit = units.get(found[2].lower()) if found else None
        value = Fraction(found[1].replace("_", "")) * unit if found and unit else None
        if value is None or value.denominator != 1 or not least <= value <= most:
            raise ValueError(f"{problem}, not {shown(text)}.")
        return int(value)

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """One of these words, in whatever case."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {shown(text)}.")
        return text.lower()

    return read


def place_or_off(text: str) -> str:
    """HOST:PORT, [IPV6]:PORT or a port of 127.0.0.1; or one of the words for off, which is then "off"."""
    if text.lower() in OFF:
        return OFF[-1]
    address, _, port = text.rpartition(":")
    try:
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
            raise ValueError
        return f"{address or '127.0.0.1'}:{int(port)}"
    except ValueError:
        raise ValueError(
            f"must be off, or a host and a port as 127.0.0.1:8125 is, not {shown(text)}."
        ) from None


def text(value: str) -> str:
    """Anything."""
    return value


def many(read: Callable[[str], T]) -> Callable[[str], list[T]]:
    """Words between commas, each of one kind; the one that is wrong is named by its place."""

    def all_of_them(whole: str) -> list[T]:
        words = [word.strip() for word in whole.split(",")]
        found = []
        for place, word in enumerate(words, 1):
            if not word:
                continue
            try:
                found.append(read(word))
            except ValueError as problem:
                place_in = f"(item {place} of {len(words)}) " if len(words) > 1 else ""
                raise ValueError(f"{place_in}{problem}") from None
        return list(dict.fromkeys(found))

    return all_of_them


def host(text: str) -> str:
    """A host name as `ALLOWED_HOSTS` compares it: lower case, punycode, no port; * and subdomains, too."""
    if text == "*":
        return text
    subdomains = text.startswith((".", "*."))
    try:
        name = read_host(text.removeprefix("*").removeprefix(".") if subdomains else text)
    except ValueError:
        raise ValueError(
            "must name hosts, such as stats.example.com or .example.com (all of its subdomains), "
            f"not {shown(text)}."
        ) from None
    if subdomains:
        return "." + name.removeprefix("*.")
    return f"[{name}]" if ":" in name else name


def origin(text: str, subdomains: bool = False) -> str:
    """Scheme, host and port as browsers write an origin: lower case, punycode, no default port, no path."""
    parts, port = _split(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("must hold no user and no password: https://stats.example.com is enough.")
    star = "*." if subdomains and (parts.hostname or "").startswith("*.") else ""
    try:
        name = read_host((parts.hostname or "").removeprefix(star))
        if name.startswith("*"):
            raise ValueError
    except ValueError:
        raise ValueError(f"must name a host, as https://stats.example.com does, not {shown(text)}.") from None
    default = DEFAULT_PORTS[parts.scheme]
    place = star + (f"[{name}]" if ":" in name else name) + ("" if port in (None, default) else f":{port}")
    whole = f"{parts.scheme}://{place}"
    if parts.path not in ("", "/") or parts.query or parts.fragment or text[-1] in "?#":
        raise ValueError(
            "must end after the host, since Footfall is served from the root of one and not under a path: "
            f"{whole}"
        )
    return whole


def pattern_of_origins(text: str) -> str:
    """An origin, or `https://*.example.com` for all subdomains."""
    return origin(text, subdomains=True)


def _split(text: str) -> tuple[SplitResult, int | None]:
    scheme, separator, rest = text.partition("://")
    if not separator or not scheme:
        rest = (rest or scheme).lstrip("/")
        better = f": https://{rest}" if rest.isascii() and rest.isprintable() and "@" not in rest[:60] else ""
        raise ValueError(f"must begin with https:// or http://{better[:80] or '.'}")
    if scheme.lower() not in DEFAULT_PORTS:
        raise ValueError(f"must begin with https:// or http://, not {shown(scheme)}.")
    try:
        parts = urlsplit(text)
        port = parts.port
        if port == 0:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"must be an address such as https://stats.example.com:8443, not {shown(text)}."
        ) from None
    return parts, port


def mail_address(text: str) -> str:
    """A mail address, with a name before it or without: `Footfall <footfall@example.com>`."""
    name, address = parseaddr(text)
    user, _, place = address.rpartition("@")
    try:
        if not user or not name.isprintable() or not user.isprintable() or place.startswith("*"):
            raise ValueError
        read_host(place)
    except ValueError:
        raise ValueError("must be a mail address, such as footfall@example.com.") from None
    return text


def network(text: str) -> str:
    """An address, or a network of them."""
    try:
        if "%" in text:  # of one interface of this machine, which no header names
            raise ValueError
        found = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"must name addresses or networks, such as 127.0.0.1 or 10.0.0.0/8, not {shown(text)}."
        ) from None
    return str(ip_address(text)) if "/" not in text else str(found)


def path(text: str) -> Path:
    """A place in the file system, whether or not anything is there; `~` is the home folder."""
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError):
        raise ValueError(f"must name a folder, and there is no home of that user: {shown(text)}.") from None


def folder(text: str) -> Path:
    """A folder, or a place where one can be made."""
    found = path(text)
    for each in (found, *found.parents):
        try:
            each.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ValueError(f"must name a folder, and {shown(text)} is none ({error.strerror}).") from None
        if not each.is_dir():
            raise ValueError(f"must name a folder, and {shown(str(each))} is none.")
        break
    return found


def country_database(text: str) -> str:
    """The path of a country database that can be read."""
    found = path(text)
    try:
        maxminddb.open_database(found).close()
    except FileNotFoundError:
        raise ValueError(f"names a file that is not there: {shown(str(found))}.") from None
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no .mmdb database"
        raise ValueError(f"names a file that cannot be read, {shown(str(found))}: {reason}.") from None
    return str(found)
