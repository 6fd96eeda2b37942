"""What logging in adds to answers: the statuses for programs, whichever page or admin form was asked."""

import math
from collections.abc import Awaitable, Callable

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from analytics.access import known_browser
from analytics.access.hashing import HashingBusy
from analytics.access.too_busy import too_busy

# The attribute of a request by which a form says for how many seconds it looks at no password.
WAIT = "login_wait"
# And the one by which it says whose password was right.
NAME = "login_name"


class LoginAnswersMiddleware:
    """Turns what forms and hashing say of themselves into 429 and 503, both with `Retry-After`."""

    async_capable, sync_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = await self._get_response(request)
        if name := getattr(request, NAME, None):
            known_browser.keep(response, name)
        seconds = getattr(request, WAIT, None)
        if seconds is not None and response.status_code == 200:
            response.status_code = 429
            response.headers["Retry-After"] = str(math.ceil(seconds))
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A password that found no room to be hashed."""
        return too_busy() if isinstance(exception, HashingBusy) else None
