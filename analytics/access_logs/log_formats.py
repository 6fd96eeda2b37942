"""The forms of access logs: the usual ones by name, nginx' `log_format` strings, JSON, Caddy's. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from analytics.access_logs.logged_request import LoggedRequest, request_of
from tracker.contract.deep_json import decoded
from tracker.visitors import addresses

LineReader = Callable[[str], LoggedRequest]  # raises ValueError for a line of another form

VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
COMMON: Final = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
QUOTED: Final = r'"(?P<http_referer>[^"\\]*(?:\\.[^"\\]*)*)" "(?P<http_user_agent>[^"\\]*(?:\\.[^"\\]*)*)"'
BEGIN: Final = (
    r"(?P<remote_addr>\S+) \S+ [^\[]*\[(?P<time_local>[^\]]+)\]"
    r' "(?P<request>[^"\\]*(?:\\.[^"\\]*)*)" (?P<status>\d{3}) \S+'
)
# What stands at the end of nginx' own example, and of many that were made after it.
REST: Final = r'(?: "(?P<http_x_forwarded_for>[0-9A-Fa-f:.][0-9A-Fa-f:., ]*)")?(?: .*)?'
NAMED: Final = {
    "combined": rf"{BEGIN} {QUOTED}{REST}",
    "vhost": rf"(?P<host>\S+?)(?::\d+)? {BEGIN} {QUOTED}{REST}",
    "common": BEGIN,
}
# What each variable looks like where nothing around it says more; most have no spaces.
LISTED: Final = r"[^ ,]+(?:(?:, | : )[^ ,]+)*"
SHAPES: Final = {
    "time_local": r"[^\s\]]+ [+-]\d{4}",
    "request": r"-|[A-Z]+ \S+(?: HTTP/[0-9.]+)?",
    "host": r"[^/\s\"]*",
    "http_host": r"[^/\s\"]*",
    "server_name": r"[^/\s\"]*",
    "scheme": r"https?",
    "uri": r"[^?\s\"]*",
    "is_args": r"\??",
    "status": r"\d{3}",
    "http_x_forwarded_for": LISTED,
}
# What ends by itself, so that another variable may follow at once.
ENDING: Final = {"scheme", "host", "http_host", "server_name", "uri", "is_args"}
NEEDED: Final = (
    (("remote_addr", "http_x_forwarded_for"), "whose request it was ($remote_addr)"),
    (("time_local", "time_iso8601", "msec"), "when it was ($time_local)"),
    (("request", "request_uri", "uri"), "what was asked ($request)"),
    (("status",), "what was answered ($status)"),
    (("http_user_agent",), "with which program ($http_user_agent)"),
)
# As programs call nginx' variables in JSON.
ALIASES: Final = {
    "remote_addr": ("client_ip", "remote_ip", "clientip", "ip"),
    "http_x_forwarded_for": ("x_forwarded_for",),
    "time_local": ("timestamp", "@timestamp", "time", "ts"),
    "request_method": ("method",),
    "request_uri": ("url", "path"),
    "status": ("status_code", "response_status"),
    "http_referer": ("referer", "referrer", "http_referrer"),
    "http_user_agent": ("user_agent", "agent", "useragent"),
    "host": ("vhost", "server", "domain"),
    "sent_http_content_type": ("content_type",),
}
FORMATS: Final = ("combined", "vhost", "common", "json", "caddy")


class WrongLogFormat(Exception):
    """A format that cannot be read by; the message says why."""


def reader_of(form: str) -> LineReader:
    """What reads lines of a format: one of FORMATS, or a string of nginx' `log_format`.

    Raises WrongLogFormat.
    """
    if form in NAMED:
        return _by_pattern(re.compile(NAMED[form]))
    if form == "json":
        return read_json
    if form == "caddy":
        return read_caddy
    if "$" not in form:
        raise WrongLogFormat(f"{form!r} is no format: say {', '.join(FORMATS)}, or nginx' log_format string.")
    return _by_pattern(pattern_of(form))


def pattern_of(form: str) -> re.Pattern[str]:
    """What a line of a `log_format` string looks like. Raises WrongLogFormat."""
    pieces, at, seen, before = [], 0, set[str](), ""
    for found in VARIABLE.finditer(form):
        between, name = form[at : found.start()], found[1] or found[2]
        if not name.isidentifier():
            raise WrongLogFormat(f"${name} is no variable of a log_format.")
        if before and not between and before not in ENDING:
            raise WrongLogFormat(f"${before} and ${name} stand side by side: nothing tells where one ends.")
        pieces.append(re.escape(between))
        following = form[found.end() : found.end() + 1]
        group = f"(?P<{name}>" if name not in seen else "(?:"
        pieces.append(f"{group}{_shape(name, form[: found.start()][-1:], following)})")
        seen.add(name)
        at, before = found.end(), name
    missing = next((what for names, what in NEEDED if not seen & set(names)), None)
    if missing:
        raise WrongLogFormat(f"This format does not say {missing}.")
    return re.compile("".join(pieces) + re.escape(form[at:]))


def _shape(name: str, before: str, following: str) -> str:
    if before == following == '"':
        return r'[^"\\]*(?:\\.[^"\\]*)*'
    if before == "[" and following == "]":
        return r"[^\]]*"
    if name in SHAPES:
        return SHAPES[name]
    if name.startswith("upstream_"):
        return LISTED
    if following and following not in " $":
        # A variable that ends where the next character of the format begins.
        return rf"[^\s{re.escape(following)}]*"
    return r"[^\s\"]*" if following != "$" else r"\S*?"


def _by_pattern(pattern: re.Pattern[str]) -> LineReader:
    def read(line: str) -> LoggedRequest:
        found = pattern.fullmatch(line)
        if found is None:
            raise ValueError("another form")
        return request_of(found.groupdict())

    return read


def read_json(line: str) -> LoggedRequest:
    """A line that is an object with nginx' variables, or what others call them. Raises ValueError."""
    said = _object(line)
    fields = {**said}
    for name, others in ALIASES.items():
        if name not in fields:
            other = next((other for other in others if other in said), None)
            if other is not None:
                fields[name] = said[other]
    fields.setdefault("http_user_agent", "")
    if not isinstance(fields.get("request", ""), str):
        raise ValueError("no request line")
    if "time_local" in fields and ("msec" in fields or "time_iso8601" in fields):
        del fields["time_local"]
    return request_of(fields)


def read_caddy(line: str) -> LoggedRequest:
    """A line of Caddy's access log: of the client, as Caddy found it, not of a proxy. Raises ValueError."""
    said = _object(line)
    request = said.get("request")
    if not isinstance(request, dict):
        raise ValueError("no access log's")
    headers, answered = _headers(request.get("headers")), _headers(said.get("resp_headers"))
    try:
        return request_of(
            {
                "remote_addr": request.get("client_ip") or request.get("remote_ip") or _host_of(request),
                "time_local": said["ts"],
                "request_method": request["method"],
                "request_uri": request["uri"],
                "host": request.get("host"),
                "status": said["status"],
                "http_referer": headers.get("referer"),
                "http_user_agent": headers.get("user-agent"),
                "http_sec_fetch_dest": headers.get("sec-fetch-dest"),
                "sent_http_content_type": answered.get("content-type"),
                "request_time": said.get("duration"),
            }
        )
    except (KeyError, TypeError, AttributeError, OverflowError):
        raise ValueError("not all is said") from None


def _object(line: str) -> dict[str, Any]:
    try:
        said: Any = decoded(line)
    except msgspec.MsgspecError:
        raise ValueError("no JSON") from None
    if not isinstance(said, dict):
        raise ValueError("no object")
    return said


def _headers(said: Any) -> Mapping[str, str]:
    if not isinstance(said, dict):
        return {}
    return {
        name.lower(): values[0] if isinstance(values, list) and values else str(values)
        for name, values in said.items()
    }


def _host_of(request: Mapping[str, Any]) -> str:
    """The address of "192.0.2.1:4711", as older versions say it."""
    return str(request.get("remote_addr", "")).rpartition(":")[0].strip("[]")


def guessed(lines: Iterable[str]) -> str | None:
    """The name of the format that one of these lines has; None for none."""
    for line in lines:
        for name in ("caddy", "json") if line.startswith("{") else ("combined", "vhost", "common"):
            try:
                request = reader_of(name)(line)
            except ValueError:
                continue
            if addresses.plain(request.address):
                return name
    return None
