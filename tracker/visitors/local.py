"""Whether a request comes from a program on this machine.

One that came through a proxy also arrives from loopback, so any forwarding header rules that out.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final

FORWARDING: Final = ("forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip")


def is_local(headers: Mapping[str, str], peer: str | None) -> bool:
    """Whether a request comes straight from a program on this machine; header names in lower case.

    No peer: over a unix socket, which only proxies of ours and local programs can open.
    """
    if any(name in FORWARDING or name.startswith("x-forwarded") for name in headers):
        return False
    try:
        return peer is None or ip_address(peer).is_loopback
    except ValueError:
        return False
