"""What can be exported, with its columns: page views, visits and events, as they are stored. Pure.

Columns are added at the end, and never renamed: other programs read them.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

ATTRIBUTION: Final = {
    **dict.fromkeys(
        ("referrer", "referrer_url", "channel", "browser", "system", "device", "country"), "text"
    ),
    "language": "text",
    "width": "integer",
    **dict.fromkeys(("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"), "text"),
}


class RowKind(NamedTuple):
    """A table, the column of its time, and its columns with Postgres' types; so many came `later`."""

    table: str
    time: str
    columns: Mapping[str, str]
    later: int = 0


KINDS: Final[dict[str, RowKind]] = {
    "views": RowKind(
        "tracker_pageview",
        "began_at",
        {
            "id": "uuid",
            "began_at": "timestamptz",
            "ended_at": "timestamptz",
            "visit_id": "uuid",
            "visitor": "uuid",
            "path": "text",
            "query": "text",
            "title": "text",
            "engaged_ms": "integer",
            "depth": "smallint",
            **ATTRIBUTION,
            "server": "text",
        },
        later=1,
    ),
    "visits": RowKind(
        "tracker_visit",
        "began_at",
        {
            "id": "uuid",
            "began_at": "timestamptz",
            "ended_at": "timestamptz",
            "visitor": "uuid",
            "entry_path": "text",
            "exit_path": "text",
            "views": "integer",
            "events": "integer",
            "engaged_ms": "bigint",
            **ATTRIBUTION,
        },
    ),
    "events": RowKind(
        "tracker_event",
        "at",
        {
            "id": "uuid",
            "at": "timestamptz",
            "page_view_id": "uuid",
            "visit_id": "uuid",
            "name": "text",
            "properties": "jsonb",
            "value": "double precision",
        },
    ),
}
FORMATS: Final = ("ndjson", "csv", "parquet")


def kind_of(columns: list[str]) -> tuple[str, RowKind] | None:
    """Which kind a file with these columns holds, and that kind with what the file has of it.

    A file of an earlier release lacks columns at the end.
    """
    for name, kind in KINDS.items():
        least = len(kind.columns) - kind.later
        if len(columns) >= least and list(kind.columns)[: len(columns)] == columns:
            return name, kind._replace(columns={each: kind.columns[each] for each in columns}, later=0)
    return None
