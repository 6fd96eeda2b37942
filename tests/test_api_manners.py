"""What addresses under `/api/` do alike, where the whole product would have to be broken to show it."""

import asyncio
import json
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory

from analytics.access.too_busy import too_busy
from analytics.api.manners import ApiMannersMiddleware


def answered(response: HttpResponse | StreamingHttpResponse, path: str, method: str = "GET") -> HttpResponse:
    """What the middleware makes of an answer."""

    async def inner(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        assert request.method == "GET"
        return response

    request = AsyncRequestFactory().generic(method, path)
    made = asyncio.run(ApiMannersMiddleware(inner)(request))
    assert isinstance(made, HttpResponse)
    return made


def test_an_error_of_our_own_is_json_too() -> None:
    made = answered(HttpResponse("<h1>Sorry</h1>", status=500), "/api/v1/sites/x/live")
    assert (made.status_code, made.headers["Content-Type"]) == (500, "application/json")
    assert json.loads(made.content) == {"error": "Footfall made an error, which is in its log."}


def test_who_is_to_come_later_is_still_told_when() -> None:
    made = answered(too_busy(), "/api/v1/sites/x/live")
    assert (made.status_code, made.headers["Retry-After"]) == (503, "5")
    assert list(json.loads(made.content)) == ["error"]


def test_pages_for_people_stay_as_they_are() -> None:
    page = HttpResponse("<h1>Sorry</h1>", status=500)
    assert answered(page, "/sites/x/") is page
    assert answered(page, "/apiary/") is page


def test_head_of_a_stream_begins_none() -> None:
    begun = False

    async def stream() -> AsyncIterator[bytes]:
        nonlocal begun
        begun = True
        yield b"data: 1\n\n"

    made = answered(StreamingHttpResponse(stream(), content_type="text/event-stream"), "/api/v1/x", "HEAD")
    assert (made.status_code, made.content, made.headers["Content-Type"]) == (200, b"", "text/event-stream")
    assert not begun
