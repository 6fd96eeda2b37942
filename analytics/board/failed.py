"""The page that stands where another failed: whether Footfall has a fault, or only waits for its database."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

RETRY_SECONDS = 5


def failed(_: HttpRequest) -> HttpResponse:
    """What is answered while an exception is handled: 503 where the database did not answer, else 500.

    Without the request, whose user stands in that database.
    """
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        page = render_to_string("503_database.html", {"seconds": RETRY_SECONDS})
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})
    return HttpResponse(render_to_string("500.html"), status=500)
