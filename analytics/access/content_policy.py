"""The strict Content-Security-Policy of every page: own files only, nothing inline."""

from collections.abc import Awaitable, Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import async_only_middleware

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


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
    """Put the policy on an answer that has none of its own."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
