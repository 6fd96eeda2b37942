"""Over plain HTTP: the snippet itself, and its messages where sockets are blocked."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from tracker.contract import messages
from tracker.edge import post
from tracker.edge.process_edge import ProcessEdge
from tracker.visitors.request import VisitorRequest

SNIPPET = Path(__file__).resolve().parents[2] / "static" / "t.js"


@cache
def _snippet() -> tuple[bytes, str]:
    body = SNIPPET.read_bytes()
    return body, f'"{sha256(body).hexdigest()[:16]}"'


@require_safe
async def snippet(request: HttpRequest) -> HttpResponse:
    """`/t.js`, the same bytes for everybody, kept for an hour: a new release arrives within one."""
    body, tag = _snippet()
    unchanged = request.headers.get("If-None-Match") == tag
    response = HttpResponse(b"" if unchanged else body, status=304 if unchanged else 200)
    response["Content-Type"] = "text/javascript; charset=utf-8"
    response["Cache-Control"] = "public, max-age=3600"
    response["ETag"] = tag
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@csrf_exempt
@require_POST
async def live(request: HttpRequest, key: str, edge: ProcessEdge) -> HttpResponse:
    """The socket's messages as a JSON array; answers with the acks after the commit."""
    visitor_request = VisitorRequest(
        key=key,
        peer=request.META.get("REMOTE_ADDR"),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    answer = await post.answer(await edge.start(), visitor_request, request.read(messages.BODY_LIMIT + 1))
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
