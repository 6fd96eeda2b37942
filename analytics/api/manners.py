"""What every address under `/api/` does alike: answers in JSON, HEAD, OPTIONS, and no unknown parameters."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string
from ninja import NinjaAPI

from analytics.api.base import answer
from analytics.api.rate_limits import Rate

PREFIX = "/api/"
# What a client may take to have meant nothing else, by its status.
SENTENCES = {
    400: "This request is not understood.",
    403: "That is not allowed.",
    404: "There is nothing at this address: /api/v1/docs lists what there is.",
    413: "This is too much at once.",
    429: "This is too often: try again later.",
    500: "Footfall made an error, which is in its log.",
    503: "Too much at once: try again.",
}
Names = frozenset[str]
AS_OF = re.compile(rb'"as_of":"[^"]*",?')


ANY = "*"
# Of an operation whose parameters have names of any kind: filters by what pages have said.
OPEN_NAMES = "x-open-names"


class ApiMannersMiddleware:
    """For whatever is asked under `/api/`, whether or not anything is there."""

    async_capable, sync_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX) and request.path_info != PREFIX.rstrip("/"):
            return await self._get_response(request)
        head = request.method == "HEAD"
        if head:
            request.method = "GET"
        operations = self._operations(request)
        response = _refusal(request, operations) or await self._get_response(request)
        if response.status_code >= 400:
            response = _in_json(response, request, operations)
        elif request.method == "GET":
            response = _tagged(response, request)
        rate: Rate | None = getattr(request, "rate", None)
        for name, value in rate.headers.items() if rate else ():
            response.headers[name] = value
        return _without_body(response) if head else response

    def _operations(self, request: HttpRequest) -> Mapping[str, Names]:
        """The parameters of the query by method; empty where nothing is described."""
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return {}
        # For the log, which names the address of what is refused here.
        request.resolver_match = match
        return self._described.get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{match.route}"), {})

    @cached_property
    def _described(self) -> Mapping[str, Mapping[str, Names]]:
        # The URLs are above: the settings name what they put together.
        return described(import_string(settings.FOOTFALL_API))


def described(api: NinjaAPI) -> dict[str, dict[str, Names]]:
    """By path and method, the parameters that a query may have, as the API describes itself.

    `ANY` among them: the operation itself refuses those that mean nothing.
    """
    return {
        path: {
            method.upper(): frozenset(
                [
                    *(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"),
                    *([ANY] if operation.get(OPEN_NAMES) else ()),
                ]
            )
            for method, operation in operations.items()
        }
        for path, operations in api.get_openapi_schema()["paths"].items()
    }


def _methods(operations: Mapping[str, Names]) -> str:
    names = {*operations, "OPTIONS", *(("HEAD",) if "GET" in operations else ())}
    return ", ".join(sorted(names))


def _refusal(request: HttpRequest, operations: Mapping[str, Names]) -> HttpResponse | None:
    """What is answered without asking anybody; None where the API is to answer."""
    if request.method == "OPTIONS" and operations:
        return HttpResponse(status=204, headers={"Allow": _methods(operations)})
    allowed = operations.get(request.method or "")
    unknown = None if allowed is None else next((name for name in request.GET if name not in allowed), None)
    if allowed is None or unknown is None or ANY in allowed:
        return None
    names = sorted(allowed)
    shown = ascii(unknown[:40])[1:-1]
    error = f"{shown} is no parameter here; allowed: {', '.join(names) or 'none'}."
    return answer({"error": error, "allowed": names}, 400)


def _in_json(
    response: HttpResponseBase, request: HttpRequest, operations: Mapping[str, Names]
) -> HttpResponseBase:
    """A refusal as JSON, whoever made it: ninja, a middleware, or Django's own pages."""
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    if isinstance(response, HttpResponseNotAllowed):
        methods = _methods(operations) if operations else response.headers["Allow"]
        refusal = answer({"error": f"{request.method} is not possible here; possible: {methods}."}, 405)
        refusal.headers["Allow"] = methods
        return refusal
    sentence = SENTENCES.get(response.status_code, "That is not possible.")
    refusal = answer({"error": sentence}, response.status_code)
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in response.headers:
            refusal.headers[name] = response.headers[name]
    response.close()
    return refusal


def _tagged(response: HttpResponseBase, request: HttpRequest) -> HttpResponseBase:
    """With an ETag; 304 where the reader has the same already.

    It is weak: until when something is known (`as_of`) is no part of it, or nothing would ever be the same.
    """
    if not isinstance(response, HttpResponse) or response.status_code != 200:
        return response
    digest = hashlib.sha256(AS_OF.sub(b"", response.content)).hexdigest()[:32]
    tag = f'W/"{digest}"'
    response.headers["ETag"] = tag
    wanted = [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]
    if tag not in wanted and tag.removeprefix("W/") not in wanted and "*" not in wanted:
        return response
    bare = HttpResponse(status=304)
    for name in ("ETag", "Vary", "Cache-Control"):
        if name in response.headers:
            bare.headers[name] = response.headers[name]
    del bare.headers["Content-Type"]
    return bare


def _without_body(response: HttpResponseBase) -> HttpResponseBase:
    """The same status and headers, as HEAD asks for; what is streamed is not begun."""
    headers = dict(response.headers)
    if isinstance(response, HttpResponse):
        headers.setdefault("Content-Length", str(len(response.content)))
    bare = HttpResponse(status=response.status_code, headers=headers)
    bare.cookies = response.cookies
    response.close()
    return bare
