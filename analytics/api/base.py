"""The REST API, `/api/v1/`: read with a token, or with the session of a logged-in member of staff.

Every refusal is `{"error": "one sentence"}`. An unknown site and a forbidden one answer with the same bytes.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property, wraps
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.security.base import AuthBase
from pydantic import field_validator

from analytics.access import rights, tokens
from analytics.api.examples import with_examples
from analytics.api.rate_limits import RateLimits, TooOften
from analytics.models import Token

SCHEMA = "/openapi.json"


# What changes nothing.
READING = ("GET", "HEAD", "OPTIONS")


# What servers say is bounded by its own batches: refused for being often, it would be lost.
SENDING = ("/events", "/signals")


class ForeignPage(Exception):
    """A session without the token that only pages of Footfall know."""


class SessionCheck(CsrfViewMiddleware):
    """Django's own check, without the page that it answers people with."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponseForbidden:
        return HttpResponseForbidden(reason)

    def refuses(self, request: HttpRequest) -> bool:
        """Whether a request that changes something came from another site's page."""
        request.csrf_processing_done = False  # type: ignore[attr-defined]
        self.process_request(request)
        return self.process_view(request, HttpResponse, (), {}) is not None


SESSION_CHECK = SessionCheck(lambda request: HttpResponse())


class ReaderAuth(AuthBase):
    """A token, or a session; a token that is wrong is refused even beside a good session.

    What is no token at all, as the name and password that a proxy in front asks for, stands beside a session.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, limits: RateLimits) -> None:
        super().__init__()
        self._limits = limits

    async def authenticate(self, request: HttpRequest) -> rights.Reader | None:
        reader = await self._reader(request)
        sends = request.method == "POST" and request.path_info.endswith(SENDING)
        if reader is not None and not sends:
            # Whoever answers puts it into the headers (`manners`).
            request.rate = await self._limits.take(reader)  # type: ignore[attr-defined]
        return reader

    async def _reader(self, request: HttpRequest) -> rights.Reader | None:
        header = request.headers.get("Authorization")
        if header is not None and header.partition(" ")[0].lower() == "bearer":
            return await tokens.from_header(header)
        user = await request.auser()
        if not user.is_active:
            return None
        if request.method not in READING and SESSION_CHECK.refuses(request):
            # A browser sends its session with whatever another site's page asks for.
            raise ForeignPage
        return user

    async def __call__(self, request: HttpRequest) -> rights.Reader | None:
        return await self.authenticate(request)


def for_readers(view: Callable[..., HttpResponse]) -> Callable[..., Awaitable[HttpResponse]]:
    """The documentation for whoever is logged in. Its schema is the same everywhere and stays open: programs
    that make clients from it log in nowhere."""

    @wraps(view)
    async def asked(request: HttpRequest) -> HttpResponse:
        if (
            not request.path.endswith(SCHEMA)
            and await ReaderAuth(RateLimits(0)).authenticate(request) is None
        ):
            return redirect_to_login(request.get_full_path())
        return await sync_to_async(view)(request)

    return asked


class StrictSchema(Schema):
    """What may have no other fields, and no text that cannot be stored."""

    model_config = {"extra": "forbid"}

    @field_validator("*")
    @classmethod
    def storable(cls, value: Any) -> Any:
        """Half a character, as JSON can escape one, has no bytes."""
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                try:
                    text.encode()
                except UnicodeEncodeError:
                    raise ValueError("has half a character in it (a lone surrogate)") from None
        return value


class Problem(Schema):
    error: str


class WrongField(Schema):
    """Which field is wrong, why, and what may stand there."""

    field: str
    message: str
    allowed: list[str]


class WrongParameter(Schema):
    """What is wrong with a field; or with the whole, in a sentence."""

    error: WrongField | str


class DescribedAPI(NinjaAPI):
    """An API whose description has examples, and is made once: it takes 0.2 s, and anybody may ask for it."""

    @cached_property
    def _descriptions(self) -> dict[str, OpenAPISchema]:
        return {}

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The description of all operations, as ninja makes it, with an example in each place."""
        place = options.get("path_prefix") or self.get_root_path(options.get("path_params") or {})
        if place not in self._descriptions:
            described = super().get_openapi_schema(path_prefix=place)
            with_examples(described)
            self._descriptions[place] = described
        return self._descriptions[place]


def make_api(limits: RateLimits) -> NinjaAPI:
    """The API, with its refusals and no operation yet."""
    api = DescribedAPI(
        title="Footfall",
        version="1",
        description="Live and stored figures of your sites. Make a token with `manage.py addtoken`.",
        auth=ReaderAuth(limits),
        docs_decorator=for_readers,  # type: ignore[misc]  # ninja wants one type for a view and what is made of it
        openapi_url=SCHEMA,
        urls_namespace="api",
    )
    api.add_exception_handler(AuthenticationError, unknown_reader)
    api.add_exception_handler(ForeignPage, foreign_page)
    api.add_exception_handler(TooOften, too_often)
    api.add_exception_handler(Http404, unknown_site)
    api.add_exception_handler(OperationalError, no_database)
    api.add_exception_handler(InterfaceError, no_database)
    api.add_exception_handler(ValidationError, bad_query)
    api.add_exception_handler(RequestDataTooBig, too_large)
    api.add_exception_handler(HttpError, not_read)
    return api


def described_parameters(rows: Iterable[tuple[str, str, Sequence[str], str]]) -> list[dict[str, Any]]:
    """Parameters of a query for OpenAPI; of each its name, what it means, what is allowed, and an example."""
    return [
        {
            "name": name,
            "in": "query",
            "description": description,
            "schema": {"type": "string", **({"enum": list(allowed)} if allowed else {})},
            "example": example,
        }
        for name, description, allowed, example in rows
    ]


def answer(body: Any, status: int = 200) -> HttpResponse:
    """This object as JSON; never kept by a cache, since the next moment's is another."""
    response = HttpResponse(msgspec.json.encode(body), content_type="application/json", status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def unknown_reader(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    response = answer({"error": "Send an API token (Authorization: Bearer TOKEN), or log in first."}, 401)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def foreign_page(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    return answer(
        {"error": "A session changes things with its X-CSRFToken only: programs send a token."}, 403
    )


def too_often(request: HttpRequest, error: TooOften | type[TooOften]) -> HttpResponse:
    response = answer({"error": "This is too often: Retry-After says in how many seconds to go on."}, 429)
    if isinstance(error, TooOften):
        request.rate = error.rate  # type: ignore[attr-defined]
        response.headers["Retry-After"] = str(error.rate.reset)
    return response


def may_not(reader: rights.Reader) -> HttpResponse:
    """The refusal of a change by whoever may only look."""
    if isinstance(reader, Token):
        return answer({"error": "This token may only read: make one that may write."}, 403)
    return answer({"error": "Only an owner of the site may change it."}, 403)


def wrong_field(field: str, message: str, allowed: Sequence[str] = ()) -> HttpResponse:
    """The refusal of what is wrong with one field."""
    return answer({"error": {"field": field, "message": message, "allowed": list(allowed)}}, 400)


def unknown_site(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    return answer({"error": "There is no such site, or you may not see it."}, 404)


def too_large(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """The refusal of a body beyond what Django takes in."""
    return answer({"error": "This is too large: send less at once."}, 413)


def not_read(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
    """The refusal of a body that ninja cannot read, as all others look."""
    # ninja reads the body, and says the same of one that is too large.
    if isinstance(error, Exception) and isinstance(error.__cause__ or error.__context__, RequestDataTooBig):
        return too_large(request, error)
    return answer(
        {"error": "The body is no JSON."}, error.status_code if isinstance(error, HttpError) else 400
    )


def no_database(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """Readers are looked up for every request, so while Postgres is away nobody can be answered."""
    return answer({"error": "Postgres does not answer: try again."}, 503)


def bad_query(request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
    # As ninja calls it, whatever it declares.
    first = error.errors[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "not understood"}
    # ("query", "query", "limit"): what was sent is not repeated, only where it was wrong and how.
    name = next((part for part in reversed(first["loc"]) if isinstance(part, str)), "query")
    return answer({"error": f"{name}: {first['msg']}."}, 422)
