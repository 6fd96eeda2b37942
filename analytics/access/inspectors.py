"""Who may look at the process itself: a program on this machine, or whoever holds an API token."""

from django.http import HttpRequest

from analytics.access import tokens
from tracker.visitors import local


def is_local(request: HttpRequest) -> bool:
    """Whether the request comes straight from a program on this machine."""
    # No address: over a unix socket, see `analytics.up.nginx`.
    headers = {name.lower(): value for name, value in request.headers.items()}
    return local.is_local(headers, request.META.get("REMOTE_ADDR"))


async def may_inspect(request: HttpRequest) -> bool:
    """Whether health and metrics are shown to the sender of this request."""
    return is_local(request) or await tokens.from_header(request.headers.get("Authorization", "")) is not None
