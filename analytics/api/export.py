"""`GET /sites/KEY/export/KIND`: all page views, visits or events, streamed."""

import re
from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.vary import vary_on_headers
from ninja import NinjaAPI
from ninja.decorators import decorate_view

from analytics.access import rights
from analytics.api.base import Problem, WrongParameter, answer, described_parameters
from analytics.exporting.export_process import ExportFailed, Exports, TooManyExports
from analytics.exporting.row_kinds import FORMATS, KINDS
from analytics.queries.ranges import read_day

CONTENT_TYPES = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
COMPRESS = ("gzip", "none")
RETRY_SECONDS = "30"
PARAMETERS = described_parameters(
    (
        ("from", "the first day of the site; the first that there is", (), "2026-11-01"),
        ("to", "the last day of the site; the last that there is", (), "2026-11-26"),
        ("format", "the form of the file; Parquet is packed by itself", FORMATS, "ndjson"),
        ("compress", "gzip: a .gz file; else as Accept-Encoding says", COMPRESS, "gzip"),
        ("after", "go on after a row: its time, a comma, its id", (), ""),
    )
)


class WrongExport(Exception):
    """A parameter that makes no sense: which, why, and what is allowed."""

    def __init__(self, field: str, message: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.field, self.message, self.allowed = field, message, allowed


def add_exports(api: NinjaAPI, exports: Exports) -> None:
    """Add the operation that gives everything out."""

    @api.get(
        "/sites/{key}/export/{kind}",
        response={200: None, 400: WrongParameter, 401: Problem, 404: Problem, 503: Problem},
        summary="Page views, visits or events, as they are stored",
        url_name="export",
        tags=["history"],
        openapi_extra={"parameters": PARAMETERS},
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie", "Accept-Encoding"))
    async def site_export(request: HttpRequest, key: str, kind: str) -> HttpResponseBase:
        """A stream of rows in the order of time, as of one moment; `kind` is views, visits or events."""
        site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
        if site is None or kind not in KINDS:
            raise Http404
        try:
            form, first, last, arguments = _read(request)
        except WrongExport as wrong:
            error = {"field": wrong.field, "message": wrong.message, "allowed": list(wrong.allowed)}
            return answer({"error": error}, 400)
        file = request.GET.get("compress") == "gzip" and form != "parquet"
        encoded = not file and form != "parquet" and _takes_gzip(request)
        packed = ["--gzip"] if file or encoded else []
        try:
            stream = await exports.begin([site.key, kind, *arguments, *packed])
        except TooManyExports:
            return _later("Other exports are being made: try again in half a minute.")
        except (ExportFailed, TimeoutError, OSError):
            return _later("The export could not be made; the log says why.")
        response = StreamingHttpResponse(stream, content_type=CONTENT_TYPES[form])
        if file:
            response.headers["Content-Type"] = "application/gzip"
        elif encoded:
            response.headers["Content-Encoding"] = "gzip"
        name = (
            f"{site.domain}-{kind}{first and '-' + first}{last and '-' + last}.{form}{'.gz' if file else ''}"
        )
        name = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).lstrip("-.")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["Cache-Control"] = "no-store"
        return response


def _read(request: HttpRequest) -> tuple[str, str, str, list[str]]:
    """The form, the first and last day as texts, and the command's arguments. Raises WrongExport."""
    form = request.GET.get("format", "ndjson")
    if form not in FORMATS:
        raise WrongExport("format", "This is none of those that there are.", FORMATS)
    if request.GET.get("compress", "none") not in COMPRESS:
        raise WrongExport("compress", "This is none of those that there are.", COMPRESS)
    arguments = [f"--format={form}"]
    days = []
    for name in ("from", "to"):
        text = request.GET.get(name, "")
        try:
            days.append(read_day(text).isoformat() if text else "")
        except ValueError as wrong:
            raise WrongExport(name, str(wrong)) from None
        if days[-1]:
            arguments.append(f"--{name}={days[-1]}")
    if all(days) and days[1] < days[0]:
        raise WrongExport("to", "The last day is before the first.")
    if after := request.GET.get("after"):
        time, _, number = after.partition(",")
        try:
            # A plus in an address is a blank, where it was not written as %2B.
            at = datetime.fromisoformat(time.replace(" ", "+") if time.count("T") else time)
            arguments.append(f"--after={at.isoformat()},{UUID(number)}")
        except ValueError:
            raise WrongExport(
                "after", "Write it as the last row has it: its time, a comma, its id."
            ) from None
    return form, days[0], days[1], arguments


def _takes_gzip(request: HttpRequest) -> bool:
    offered = request.headers.get("Accept-Encoding", "").lower().replace(" ", "").split(",")
    return any(each == "gzip" or (each.startswith("gzip;q=") and not each.endswith("=0")) for each in offered)


def _later(sentence: str) -> HttpResponse:
    response = answer({"error": sentence}, 503)
    response.headers["Retry-After"] = RETRY_SECONDS
    return response
