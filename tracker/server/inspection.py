"""`/healthz`, `/readyz` and `/metrics` of an edge; for local programs and holders of a token only.

A request that came through a proxy also arrives from loopback, so any forwarding header rules that out.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import psycopg

from tracker.edge import metrics
from tracker.edge.edge import Edge
from tracker.edge.post import Answer
from tracker.postgres.connect import connect
from tracker.server.http_head import Head, Unreadable

PATHS: Final = frozenset(("/healthz", "/readyz", "/metrics"))
FORWARDING: Final = ("forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip")
TOKEN: Final = re.compile(r"ff_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
PATIENCE: Final = 3.0  # seconds that Postgres has to answer
TEXT: Final = "text/plain"
AWAY: Final = "Postgres does not answer."
BEHIND: Final = "Migrations are missing."
# By their files: Django's own way imports the models, which an edge starts without.
MIGRATIONS: Final = [file.stem for file in Path(__file__).parents[1].joinpath("migrations").glob("[0-9]*.py")]
# What the database has beyond them does not matter: it may be ahead of an edge that is about to be restarted.
UNAPPLIED: Final = """
SELECT name FROM unnest(%s::text[]) AS name EXCEPT SELECT name FROM django_migrations WHERE app = 'tracker'
"""


async def answer(here: Edge, head: Head, path: str, peer: str | None) -> Answer:
    """What is said at one of PATHS. Raises Unreadable: to strangers there is nothing there."""
    try:
        allowed = is_local(head.headers, peer) or await _holds_token(head.headers.get("authorization", ""))
    except (psycopg.Error, TimeoutError):
        return _said(head, HTTPStatus.SERVICE_UNAVAILABLE, f"{AWAY}\n")
    if not allowed:
        raise Unreadable(HTTPStatus.NOT_FOUND)
    if head.method not in ("GET", "HEAD"):
        refused = _said(head, HTTPStatus.METHOD_NOT_ALLOWED, "")
        return refused._replace(headers={**refused.headers, "Allow": "GET, HEAD"})
    if path == "/metrics":
        return _said(head, HTTPStatus.OK, "".join(metrics.lines(here)), metrics.CONTENT_TYPE)
    missing = await _missing(here) if path == "/readyz" else ""
    return _said(head, HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK, f"{missing or 'ok'}\n")


def is_local(headers: Mapping[str, str], peer: str | None) -> bool:
    """Whether a request comes straight from a program on this machine; header names in lower case.

    No peer: over a unix socket, which only proxies of ours and local programs can open.
    """
    if any(name in FORWARDING or name.startswith("x-forwarded") for name in headers):
        return False
    try:
        return peer is None or ip_address(peer).is_loopback
    except ValueError:
        return False


async def _missing(here: Edge) -> str:
    """What a visitor's page view needs and is not there, in one sentence, or nothing."""
    if here.buffer.stuck:
        return here.buffer.trouble
    try:
        if await asyncio.wait_for(asyncio.to_thread(_ask, UNAPPLIED, MIGRATIONS), PATIENCE):
            return BEHIND
    except psycopg.errors.UndefinedTable:
        return BEHIND
    except (psycopg.Error, TimeoutError):
        return AWAY
    return here.buffer.trouble if here.directory.ready else "Sites and salts are not loaded yet."


async def _holds_token(header: str) -> bool:
    """Whether an `Authorization` header is `Bearer` with a token that is known. Raises psycopg.Error."""
    scheme, _, text = header.partition(" ")
    shape = TOKEN.fullmatch(text.strip())
    if scheme.lower() != "bearer" or shape is None:
        return False
    sought = "SELECT digest FROM analytics_token WHERE name = %s"
    kept = await asyncio.wait_for(asyncio.to_thread(_ask, sought, shape[1]), PATIENCE)
    # Compared whole and in constant time, as `analytics.access.tokens` does; the name is public.
    return kept is not None and hmac.compare_digest(bytes(kept), hashlib.sha256(shape[0].encode()).digest())


def _ask(question: str, *values: object) -> Any:
    """The first value of the first row, on a connection of its own, which a hung Postgres takes with it."""
    with connect() as connection:
        row = connection.execute(question, values).fetchone()
        return row[0] if row else None


def _said(head: Head, status: HTTPStatus, body: str, kind: str = TEXT) -> Answer:
    headers = {"Content-Type": kind, "Cache-Control": "no-store"}
    return Answer(status, "" if head.method == "HEAD" else body, headers)
