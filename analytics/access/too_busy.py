"""What whoever wants to log in is told while too many do."""

from django.http import HttpResponse
from django.template.loader import render_to_string

from analytics.access.content_policy import protect

RETRY_SECONDS = 5


def too_busy() -> HttpResponse:
    """503, with a page for people and `Retry-After` for programs."""
    response = HttpResponse(render_to_string("503.html"), status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    protect(response)
    return response
