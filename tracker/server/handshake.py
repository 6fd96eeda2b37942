"""How a page's socket begins: a request to `/live/KEY` that asks to become a WebSocket (RFC 6455). Pure."""

import re
from binascii import b2a_base64
from functools import lru_cache
from hashlib import sha1
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import msgspec

from tracker.server import http_head
from tracker.server.http_head import Unreadable

PREFIX: Final = "/live/"
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ACCEPTED: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
)
KEY_LENGTH: Final = 24
# What browsers say alike to whoever they ask, as they write it, and the scheme, which nginx adds. Of these
# lines what comes to a site is one of a few hundred texts, which name nobody: they are remembered. No other
# line is: proxies call visitors' addresses what they like.
ALIKE: Final = (
    rb"Host|Connection|Upgrade|Pragma|Cache-Control|User-Agent|Origin|Accept|Accept-Encoding|Accept-Language"
    rb"|Sec-WebSocket-Version|Sec-WebSocket-Extensions|Sec-Fetch-Dest|Sec-Fetch-Mode|Sec-Fetch-Site"
    rb"|Sec-Fetch-Storage-Access|DNT|Sec-GPC|X-Forwarded-Proto"
)
OWN: Final = re.compile(
    rb"\r\n(?!(?:" + ALIKE + rb"):)([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([!-~](?:[ -~]*[!-~])?)(?=\r\n)"
)
# Looked at before something is remembered: what is written in an odd way is not told apart above.
NAMES_NOBODY: Final = re.compile(
    rb"GET " + PREFIX.encode() + rb"[!->@-~]* HTTP/1\.1(?:\r\n(?:" + ALIKE + rb"):[^\r\n]*)*\r\n\r\n"
)
REMEMBERED_LIMIT: Final = 1024  # bytes


class Handshake(msgspec.Struct, frozen=True, gc=False):
    """What a page asks for: the site with this key, under these headers; and the answer that lets it in."""

    key: str
    headers: dict[str, str]
    answer: bytes


def read(head: bytes) -> Handshake:
    """What stands up to and with the empty line. Raises Unreadable: there is nothing else here to ask for."""
    parts = OWN.split(head)
    own = {
        name.decode().lower(): value.decode() for name, value in zip(parts[1::3], parts[2::3], strict=True)
    }
    site, headers = _rest(b"".join(parts[::3]))
    if len(own) * 3 + 1 == len(parts) and own.keys().isdisjoint(headers):
        headers = headers | own
    else:
        # One of them is said twice: what they say together is a matter of their order.
        site, headers = _read(head)
    key = headers.get("sec-websocket-key", "")
    if len(key) != KEY_LENGTH:
        raise Unreadable(HTTPStatus.BAD_REQUEST)
    digest = sha1(key.encode("latin-1") + GUID, usedforsecurity=False).digest()
    return Handshake(site, headers, ACCEPTED + b2a_base64(digest, newline=False) + b"\r\n\r\n")


def site_key(path: str) -> str:
    """The key in `/live/KEY`. Raises Unreadable: there is nothing at any other path."""
    key = path[len(PREFIX) :].partition("?")[0]
    if not path.startswith(PREFIX) or not key or "/" in key:
        raise Unreadable(HTTPStatus.NOT_FOUND)
    return unquote(key) if "%" in key else key


def refused(status: HTTPStatus) -> bytes:
    """The answer to what cannot become a page's socket."""
    version = "Sec-WebSocket-Version: 13\r\n" if status is HTTPStatus.UPGRADE_REQUIRED else ""
    first = f"HTTP/1.1 {status} {status.phrase}\r\n"
    return f"{first}{version}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()


def _read(head: bytes) -> tuple[str, dict[str, str]]:
    """Site and headers of a request to become a WebSocket, which may yet lack its key. Raises Unreadable."""
    method, path, headers = http_head.read(head)
    site = site_key(path)
    # Firefox says "keep-alive, Upgrade".
    wishes = [word.strip() for word in headers.get("connection", "").lower().split(",")]
    if method != "GET" or "upgrade" not in wishes or headers.get("upgrade", "").lower() != "websocket":
        raise Unreadable(HTTPStatus.BAD_REQUEST)
    if headers.get("sec-websocket-version") != "13":
        raise Unreadable(HTTPStatus.UPGRADE_REQUIRED)
    return site, headers


class _NotRemembered(Exception):
    """Whatever is raised is not remembered either."""


def _rest(rest: bytes) -> tuple[str, dict[str, str]]:
    if len(rest) > REMEMBERED_LIMIT:
        return _read(rest)
    try:
        return _remembered(rest)
    except _NotRemembered:
        return _read(rest)


# 6 µs for 0.3. At most some 10 MB, whatever strangers send.
@lru_cache(2048)
def _remembered(rest: bytes) -> tuple[str, dict[str, str]]:
    if not NAMES_NOBODY.fullmatch(rest):
        raise _NotRemembered
    return _read(rest)
