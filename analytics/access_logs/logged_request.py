"""A line of an access log as a request, from fields by nginx' names, whatever format they stood in. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

NAMES_OF_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
MONTHS: Final = {name: number for number, name in enumerate(NAMES_OF_MONTHS.split(), start=1)}
LOCAL: Final = re.compile(
    r"(\d{1,2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))? ([+-]\d{2}:?\d{2})"
)
METHOD: Final = re.compile(r"[A-Z][A-Z_-]{1,30}")
ESCAPED: Final = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")
MEANT: Final = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "v": b"\v", "f": b"\f"}
NUMBERS: Final = re.compile(r"(?:,| :) ")
# No answer takes so long: what says it is broken.
LONGEST_SECONDS: Final = 86_400.0
# Seconds since 1970 have so few digits; what is larger counts milliseconds.
MILLISECONDS: Final = 1e11


class LoggedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request; texts are "" where the log does not say them."""

    at: float  # seconds since 1970
    address: str
    forwarded: str
    host: str
    server: str  # the machine that wrote the line
    method: str  # "" where the client sent no HTTP
    target: str
    status: int
    referrer: str
    user_agent: str
    says_agent: bool  # whether the log says it at all
    content_type: str
    destination: str  # what a browser wants it for (Sec-Fetch-Dest)
    seconds: float | None  # that answering took; None where the log does not say it
    upstream_seconds: float | None  # of those, the application's


def request_of(fields: Mapping[str, Any]) -> LoggedRequest:
    """The request with these fields. Raises ValueError where they are those of none."""
    try:
        return _request_of(fields)
    except (KeyError, TypeError, AttributeError, OverflowError):
        raise ValueError("not all is said") from None


def _request_of(fields: Mapping[str, Any]) -> LoggedRequest:
    method, target = _line(fields)
    host = _said(fields, "host") or _said(fields, "http_host") or _said(fields, "server_name")
    if target[:8].lower().startswith(("http://", "https://")):
        # As a client says it to a proxy.
        host, slash, rest = target.partition("//")[2].partition("/")
        target = slash + rest or "/"
    return LoggedRequest(
        at=_moment(fields),
        address=_said(fields, "remote_addr"),
        forwarded=_said(fields, "http_x_forwarded_for"),
        # nginx' name for any other.
        host="" if host == "_" else host,
        server=_said(fields, "hostname"),
        method=method,
        target=target,
        status=int(fields["status"]),
        referrer=_said(fields, "http_referer"),
        user_agent=_said(fields, "http_user_agent"),
        says_agent="http_user_agent" in fields,
        content_type=_said(fields, "sent_http_content_type").lower(),
        destination=_said(fields, "http_sec_fetch_dest").lower(),
        seconds=_seconds(fields.get("request_time")),
        upstream_seconds=_seconds(fields.get("upstream_response_time")),
    )


def _seconds(value: Any) -> float | None:
    """Of "0.120", and of several servers that were asked one after the other: "0.001, 0.110 : 0.009"."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            said = [float(each) for each in NUMBERS.split(value) if each != "-"]
        else:
            said = [float(value)]
    except (TypeError, ValueError):
        return None
    seconds = sum(said)
    return seconds if said and 0 <= seconds < LONGEST_SECONDS else None


def _said(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None or value == "-":
        return ""
    text = value if isinstance(value, str) else str(value)
    if "\\" in text:
        text = unescaped(text)
    # No text of Postgres' holds one.
    return text.replace("\0", "") if "\0" in text else text


def unescaped(text: str) -> str:
    """What servers write as \\x22, \\" and \\t."""
    parts, at = [], 0
    for found in ESCAPED.finditer(text):
        parts.append(text[at : found.start()].encode(errors="replace"))
        code = found[1]
        hexadecimal = len(code) == 3
        parts.append(
            bytes([int(code[1:], 16)]) if hexadecimal else MEANT.get(code, code.encode(errors="replace"))
        )
        at = found.end()
    parts.append(text[at:].encode(errors="replace"))
    return b"".join(parts).decode(errors="replace")


def _line(fields: Mapping[str, Any]) -> tuple[str, str]:
    if "request" in fields:
        method, _, rest = _said(fields, "request").partition(" ")
        target = rest.rpartition(" ")[0] if " HTTP/" in rest else rest
    else:
        # Of a request that was none, a format that says the method has `-` there.
        method = "GET" if fields.get("request_method") is None else _said(fields, "request_method")
        target = _said(fields, "request_uri")
        if not target:
            # nginx' `$uri` is decoded.
            asked = _said(fields, "args")
            target = _said(fields, "uri").replace("%", "%25").replace("#", "%23").replace("?", "%3F")
            target += f"?{asked}" if asked and target else ""
    return (method, target) if METHOD.fullmatch(method) and target else ("", "")


def _moment(fields: Mapping[str, Any]) -> float:
    for name in ("msec", "time_iso8601", "time_local"):
        if name in fields:
            return moment_of(fields[name])
    raise ValueError("no time")


def moment_of(value: Any) -> float:
    """Seconds since 1970 of a time as logs write it, in any of three ways. Raises ValueError."""
    if isinstance(value, int | float):
        seconds = _counted(value)
    elif isinstance(value, str):
        seconds = _written(value)
    else:
        raise ValueError("no time")
    if not 0 <= seconds < MILLISECONDS:
        raise ValueError("no time of a log")
    return seconds


def _counted(number: float) -> float:
    """Seconds, of a number of them or of milliseconds."""
    return number / 1000 if number > MILLISECONDS else float(number)


# Hundreds of lines are of one second.
@lru_cache(4096)
def _written(text: str) -> float:
    found = LOCAL.fullmatch(text)
    if found is None:
        try:
            return _counted(float(text))
        except ValueError:
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    day, month, year, hour, minute, second, part, zone = found.groups()
    if month not in MONTHS:
        raise ValueError("no month")
    # A leap second is the one before it.
    seconds = min(int(second), 59)
    at = datetime(int(year), MONTHS[month], int(day), int(hour), int(minute), seconds, tzinfo=UTC)
    ahead = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return at.timestamp() - (ahead if zone[0] == "+" else -ahead) + float(f"0.{part or 0}")
