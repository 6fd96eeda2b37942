"""`/healthz`, `/readyz` and `/metrics` of an edge; for local programs and holders of a token only.

Who holds a token is asked of whoever knows: tokens are the read side's.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import psycopg

from tracker.edge import metrics, readiness
from tracker.edge.edge import Edge
from tracker.edge.post import Answer
from tracker.server.http_head import Head, Unreadable
from tracker.visitors.local import is_local

PATHS: Final = frozenset(("/healthz", "/readyz", "/metrics"))
TEXT: Final = "text/plain"

# Whether an Authorization header holds a token; raises psycopg.Error and TimeoutError.
HoldsToken = Callable[[str], Awaitable[bool]]


async def answer(edge: Edge, head: Head, path: str, peer: str | None, holds_token: HoldsToken) -> Answer:
    """What is said at one of PATHS. Raises Unreadable: to strangers there is nothing there."""
    try:
        allowed = is_local(head.headers, peer) or await holds_token(head.headers.get("authorization", ""))
    except (psycopg.Error, TimeoutError):
        return _said(head, HTTPStatus.SERVICE_UNAVAILABLE, f"{readiness.AWAY}\n")
    if not allowed:
        raise Unreadable(HTTPStatus.NOT_FOUND)
    if head.method not in ("GET", "HEAD"):
        refused = _said(head, HTTPStatus.METHOD_NOT_ALLOWED, "")
        return refused._replace(headers={**refused.headers, "Allow": "GET, HEAD"})
    if path == "/metrics":
        return _said(head, HTTPStatus.OK, "".join(metrics.lines(edge)), metrics.CONTENT_TYPE)
    ready, text = await readiness.told(edge) if path == "/readyz" else (True, "ok\n")
    return _said(head, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, text)


def _said(head: Head, status: HTTPStatus, body: str, kind: str = TEXT) -> Answer:
    headers = {"Content-Type": kind, "Cache-Control": "no-store"}
    return Answer(status, "" if head.method == "HEAD" else body, headers)
