"""Sockets of pages and boards by hand, for what no library says."""

import socket
from urllib.parse import urlsplit

from scripts.stands import frames
from scripts.stands.agents import FIREFOX


def open_socket(url: str, path: str, origin: str, **headers: str) -> socket.socket:
    """A connection to `ws://HOST:PORT` after its handshake for a path; it does nothing by itself.

    Raises OSError where the server does not let it in.
    """
    place = urlsplit(url)
    opened = socket.create_connection((place.hostname or "", place.port or 0), timeout=10)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    said = {"Origin": origin, "User-Agent": FIREFOX, **headers}
    opened.sendall(frames.handshake(path, place.netloc, said))
    answer = b""
    # Byte by byte: what follows is for whoever asked.
    while not answer.endswith(b"\r\n\r\n"):
        more = opened.recv(1)
        answer += more
        if not more or not answer.startswith(b"HTTP/1.1 101"[: len(answer)]):
            opened.close()
            raise OSError(f"not let in: {answer!r}")
    return opened
