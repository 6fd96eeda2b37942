"""Whether a board's socket was opened by a page of our own, not by a foreign one that borrows the session.

Channels' own origin check matches any scheme and port where a host is listed without them; this one compares
the whole origin, as the browser writes it.
"""

from collections.abc import Iterable
from typing import Any

from django.http.request import split_domain_port, validate_host

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def is_own(scope: dict[str, Any], https: bool, trusted: Iterable[str], allowed_hosts: list[str]) -> bool:
    """Whether the handshake's Origin is that of the Host it came to, or in `trusted`, letter by letter.

    `https` says that staff reach this server over HTTPS, whatever the last hop was.
    """
    origin, host = _only(scope, b"origin"), _only(scope, b"host")
    if not origin or not host:
        return False
    domain, _port = split_domain_port(host)
    if not domain or not validate_host(domain, allowed_hosts):
        return False
    scheme = "https" if https or scope.get("scheme") == "wss" else "http"
    own = f"{scheme}://{host.lower().removesuffix(DEFAULT_PORTS[scheme])}"
    return origin == own or origin in trusted


def _only(scope: dict[str, Any], name: bytes) -> str:
    """The one value of a header; none, several or bytes beyond ASCII are no value."""
    values = [value for header, value in scope["headers"] if header == name]
    return values[0].decode() if len(values) == 1 and values[0].isascii() else ""
