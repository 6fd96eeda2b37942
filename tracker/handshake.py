"""How a page's socket begins: a request to `/live/KEY` that asks to become a WebSocket (RFC 6455). Pure."""

from base64 import b64encode
from hashlib import sha1
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from tracker.request_head import Head, Unreadable

PREFIX: Final = "/live/"
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ACCEPTED: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
)


def site_key(path: str) -> str:
    """The key in `/live/KEY`. Raises Unreadable: there is nothing at any other path."""
    key = path[len(PREFIX) :].partition("?")[0]
    if not path.startswith(PREFIX) or not key or "/" in key:
        raise Unreadable(HTTPStatus.NOT_FOUND)
    return unquote(key) if "%" in key else key


def accepted(head: Head) -> bytes:
    """The answer that makes it a WebSocket: no extension, no subprotocol. Raises Unreadable."""
    headers = head.headers
    # Firefox says "keep-alive, Upgrade".
    wishes = [word.strip() for word in headers.get("connection", "").lower().split(",")]
    key = headers.get("sec-websocket-key", "")
    if (
        head.method != "GET"
        or "upgrade" not in wishes
        or headers.get("upgrade", "").lower() != "websocket"
        or len(key) != 24
    ):
        raise Unreadable(HTTPStatus.BAD_REQUEST)
    if headers.get("sec-websocket-version") != "13":
        raise Unreadable(HTTPStatus.UPGRADE_REQUIRED)
    digest = sha1(key.encode("latin-1") + GUID, usedforsecurity=False).digest()
    return ACCEPTED + b64encode(digest) + b"\r\n\r\n"


def refused(status: HTTPStatus) -> bytes:
    """The answer to what cannot become a page's socket."""
    version = "Sec-WebSocket-Version: 13\r\n" if status is HTTPStatus.UPGRADE_REQUIRED else ""
    first = f"HTTP/1.1 {status} {status.phrase}\r\n"
    return f"{first}{version}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
