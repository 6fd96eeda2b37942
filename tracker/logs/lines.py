"""One record, one line that others cannot forge: as text for people, as JSON for programs."""

import json
import logging
import re
from datetime import UTC, datetime

from tracker.liveness.error_report import report

# Line ends of every kind, and what moves a terminal's cursor or changes its colours.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class TextLines(logging.Formatter):
    """A line of text; the lines of a traceback follow it, each behind a bar that begins no other line."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_at(record)} {record.levelname} {record.name}: {escaped(record.getMessage())}"
        return "\n".join([head, *(f"    | {escaped(line)}" for line in _trace(record))])


class JsonLines(logging.Formatter):
    """A JSON object: `at` (ISO 8601, UTC), `level`, `logger`, `message`, and `trace` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": _at(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace = _trace(record)
        # Beyond ASCII all is escaped: whatever reads it line by line finds one line.
        return json.dumps(said | ({"trace": "\n".join(trace)} if trace else {}))


def escaped(text: str) -> str:
    """A text with an escape for everything that is not seen when it is printed."""
    return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _trace(record: logging.LogRecord) -> list[str]:
    if told := getattr(record, "report", ""):
        return str(told).splitlines()
    if not record.exc_info or record.exc_info[1] is None:
        return []
    # Whoever logs it: the error's own words may be a visitor's.
    return report(record.exc_info[1]).splitlines()
