"""Over plain HTTP: the snippet itself, and its messages where sockets are blocked."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from tracker.contract import messages
from tracker.edge import post
from tracker.edge.process_edge import ProcessEdge
from tracker.visitors.request import VisitorRequest

# The same whatever the key: who asks learns nothing of which sites there are.
REFUSALS = """Footfall counts the visitors of web sites here. Looking at this page counts nobody.

If the console of a page named this address with a number, that page is not counted:

4403, 403  No site that is switched on has the key in this address (is it missing in the snippet?), or the
           page is on none of the site's hosts, or the site leaves this browser, address or path out, or the
           page's Content-Security-Policy allows neither wss: nor https: to this server.
4400, 400  This server does not understand the page. Is the snippet an old copy? Load it from this server.
4413, 413  The page says too much at once.
4429, 429  The page, or its address, says too much too often.

If it named this address with a word or with nothing, a call of footfall(name, {property: value}, number)
gave something that was left out: a name that is empty, the event of this name, which is too long or one of
too many, or the property of this name, which is neither text, a number, true nor false.

Log in to this server, and open "Snippet" of your site: it shows who is refused just now, and the remedy.
"""
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
@require_http_methods(["GET", "HEAD", "POST"])
async def live(request: HttpRequest, key: str, edge: ProcessEdge) -> HttpResponse:
    """The socket's messages as a JSON array; answers with the acks after the commit.

    Who only looks reads what the numbers mean that the snippet names in the console of a page.
    """
    if request.method != "POST":
        return HttpResponse(REFUSALS, content_type="text/plain; charset=utf-8")
    visitor_request = VisitorRequest(
        key=key,
        peer=request.META.get("REMOTE_ADDR"),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    answer = await post.answer(await edge.start(), visitor_request, request.read(messages.BODY_LIMIT + 1))
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
