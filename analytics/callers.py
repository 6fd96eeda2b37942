"""Who may look at the process itself: a program on this machine, or whoever holds an API token.

A request that came through a proxy also arrives from loopback, so any forwarding header rules that out.
"""

import ipaddress

from django.http import HttpRequest

from analytics import tokens

FORWARDING = ("Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "Cf-Connecting-Ip", "True-Client-Ip")


def is_local(request: HttpRequest) -> bool:
    """Whether the request comes straight from a program on this machine."""
    if any(name in request.headers for name in FORWARDING):
        return False
    if any(name.lower().startswith("x-forwarded") for name in request.headers):
        return False
    peer = request.META.get("REMOTE_ADDR")
    if peer is None:
        # Over a unix socket, and not a word of a proxy: see `analytics.nginx`.
        return True
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


async def may_inspect(request: HttpRequest) -> bool:
    """Whether health and metrics are shown to the sender of this request."""
    return is_local(request) or await tokens.from_header(request.headers.get("Authorization", "")) is not None
