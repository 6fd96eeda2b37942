"""What somebody is told while too many are here: those who want to log in, or who ask anything at all."""

from django.http import HttpResponse
from django.template.loader import render_to_string

from analytics.access.content_policy import protect

RETRY_SECONDS = 5
IN_JSON = '{"error":"Too much at once: try again."}'


def too_busy() -> HttpResponse:
    """Too many log in: 503, with a page for people and `Retry-After` for programs."""
    return _refusal(render_to_string("503.html"))


def busy(in_json: bool) -> HttpResponse:
    """Too many ask: 503 and `Retry-After`, with a page for people, or a sentence in JSON for programs."""
    if in_json:
        return _refusal(IN_JSON, "application/json")
    return _refusal(render_to_string("busy.html"))


def _refusal(text: str, kind: str = "text/html; charset=utf-8") -> HttpResponse:
    response = HttpResponse(text, content_type=kind, status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    protect(response)
    return response
