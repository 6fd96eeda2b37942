"""What every answer forbids browsers: foreign and inline content, other origins, devices, plain HTTP."""

from collections.abc import Awaitable, Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import async_only_middleware

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Boards keep a screen awake and copy snippets; nothing here has a use for these.
UNUSED = (
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer"),
    *("microphone", "midi", "payment", "usb"),
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED),
    # No page of others keeps a handle on a window of ours, or takes one of our answers for its own content.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# A year, as browsers' own lists ask. This host only: its neighbours are not ours to bind. Django's setting
# does nothing here, since no request comes by TLS: the proxy in front speaks it.
HSTS_SECONDS = 31_536_000


@async_only_middleware
def SecurityPolicyMiddleware(  # noqa: N802  (Django names middleware like classes)
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    """Put the policy on every answer that has none of its own."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        response = await get_response(request)
        protect(response)
        return response

    return middleware


def protect(response: HttpResponseBase) -> None:
    """Put these on an answer, but for those that it has of its own: `/t.js` is for pages of other origins."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if settings.FOOTFALL_HTTPS:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={HSTS_SECONDS}")
