"""Is this process alive, can it do its work: for whatever restarts it, and whatever sends it visitors.

Answers only local programs and holders of a token; everybody else sees the 404 of an unknown address.
"""

from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

from django.db import Error
from django.db.migrations.loader import MigrationLoader
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from analytics.access import inspectors
from analytics.live.state import LiveState
from tracker.edge.process_edge import ProcessEdge
from tracker.edge.readiness import AWAY, told

View = Callable[..., Coroutine[Any, Any, HttpResponse]]


def inspection(view: View) -> View:
    """Show this view to local programs and holders of a token only, for GET and HEAD."""

    # Nothing is changed here, so a POST is refused like any other: not with a hint that the address exists.
    @csrf_exempt
    async def guarded(request: HttpRequest, **parts: Any) -> HttpResponse:
        try:
            allowed = await inspectors.may_inspect(request)
        except Error:
            return HttpResponse(f"{AWAY}\n", status=503, content_type="text/plain")
        if not allowed:
            raise Http404
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = await view(request, **parts)
        response.headers["Cache-Control"] = "no-store"
        return response

    return guarded


@inspection
async def healthz(request: HttpRequest) -> HttpResponse:
    """The event loop turns: 200 `ok`, whatever else may be missing."""
    return HttpResponse("ok\n", content_type="text/plain")


@inspection
async def readyz(request: HttpRequest, edge: ProcessEdge, live: LiveState) -> HttpResponse:
    """Everything that a visitor's page view needs is there: 200 `ok`, else 503 and what is missing."""
    live.others()  # who never asked the other processes does not know that they cannot be heard
    ready, text = await told(await edge.start(), known_migrations())
    return HttpResponse(text, status=200 if ready else 503, content_type="text/plain")


@cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Every migration of this version of the code, as (app, name)."""
    return frozenset(MigrationLoader(None).disk_migrations)
