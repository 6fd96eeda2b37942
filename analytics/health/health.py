"""Is this process alive, can it do its work: for whatever restarts it, and whatever sends it visitors.

Answers only local programs and holders of a token; everybody else sees the 404 of an unknown address.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

import psycopg
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from analytics.access import inspectors
from tracker.edge.process_edge import ProcessEdge

View = Callable[..., Coroutine[Any, Any, HttpResponse]]
PATIENCE = 3.0  # seconds that Postgres has to answer
DJANGO_ONLY = ("context", "cursor_factory", "prepare_threshold")


def inspection(view: View) -> View:
    """Show this view to local programs and holders of a token only, for GET and HEAD."""

    # Nothing is changed here, so a POST is refused like any other: not with a hint that the address exists.
    @csrf_exempt
    async def guarded(request: HttpRequest, **parts: Any) -> HttpResponse:
        try:
            allowed = await inspectors.may_inspect(request)
        except Error:
            return HttpResponse("Postgres does not answer.\n", status=503, content_type="text/plain")
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
async def readyz(request: HttpRequest, edge: ProcessEdge) -> HttpResponse:
    """Everything that a visitor's page view needs is there: 200 `ok`, else 503 and what is missing."""
    # That nothing at all can be kept is more urgent than why.
    stuck = (await edge.start()).buffer.stuck
    missing = ("" if stuck else await missing_from_postgres()) or await missing_from_edge(edge)
    return HttpResponse(f"{missing or 'ok'}\n", status=503 if missing else 200, content_type="text/plain")


async def missing_from_edge(edge: ProcessEdge) -> str:
    """What the edge still lacks, in one sentence, or nothing."""
    here = await edge.start()
    return here.buffer.trouble if here.directory.ready else "Sites and salts are not loaded yet."


async def missing_from_postgres() -> str:
    """What Postgres still lacks, in one sentence, or nothing."""
    try:
        async with asyncio.timeout(PATIENCE):
            applied = await applied_migrations()
    except psycopg.errors.UndefinedTable:
        return "Migrations are missing."
    except (psycopg.Error, TimeoutError):
        return "Postgres does not answer."
    return "Migrations are missing." if known_migrations() - applied else ""


async def applied_migrations() -> frozenset[tuple[str, str]]:
    """Every migration that the database has seen, as (app, name)."""
    parameters = connection.get_connection_params()
    for name in DJANGO_ONLY:
        parameters.pop(name, None)
    # A connection of its own, on the loop: a hung server then holds no thread that pages need.
    async with await psycopg.AsyncConnection.connect(**parameters) as postgres:
        cursor = await postgres.execute("SELECT app, name FROM django_migrations")
        return frozenset((app, name) for app, name in await cursor.fetchall())


@cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Every migration of this version of the code, as (app, name)."""
    return frozenset(MigrationLoader(None).disk_migrations)
