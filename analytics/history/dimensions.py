"""What figures of the past are told apart by: one table; a new dimension is a row here.

Columns are those of `day_files`; every text in SQL is one of this table.
"""

from enum import Enum
from typing import NamedTuple


class Level(Enum):
    """What a dimension's value belongs to: all page views of a visit have one of `VISIT`."""

    VISIT = "visit"
    VIEW = "view"
    EVENT = "event"
    GOAL = "goal"
    TIME = "time"


# Letters of a currency, as pages say them beside a value: "eur" is EUR.
CURRENCY = "upper(coalesce(json_extract_string(properties, '/currency'), ''))"


class HistoryDimension(NamedTuple):
    """A dimension; `column` is an expression over a row."""

    column: str
    level: Level


# The widths at which layouts usually change, in CSS pixels; 0 is what no page has said.
SIZES = ((480, "under 480"), (768, "480–767"), (1024, "768–1023"), (1440, "1024–1439"), (1920, "1440–1919"))
SIZE = (
    "CASE WHEN width <= 0 THEN '' "
    + " ".join(f"WHEN width < {least} THEN '{name}'" for least, name in SIZES)
    + " ELSE '1920 and over' END"
)

# Of a page view, what its visit had before and after it; `question_sql` joins the columns.
NEIGHBOURS = {"previous_page": 1, "next_page": -1}
# A page's name has its host before its path, where its site tells pages apart by that.
HOST = "CASE WHEN contains(page, '/') THEN split_part(page, '/', 1) ELSE '' END"

# Older files lack it: who asks of it asks `day_tables.views`.
SERVER = "server"

# What they tell apart is named as pages are: percent-encoded, where people write letters.
PAGE_NAMES = ("page", "entry_page", "exit_page", *NEIGHBOURS)

VISITS_OWN = (
    *("entry_page", "exit_page", "referrer", "referrer_url", "channel"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
    *("country", "browser", "system", "device", "language"),
)
TIME = ("minute", "hour", "day", "week", "month", "weekday_hour")

DIMENSIONS: dict[str, HistoryDimension] = {
    "page": HistoryDimension("page", Level.VIEW),
    "title": HistoryDimension("title", Level.VIEW),
    "host": HistoryDimension(HOST, Level.VIEW),
    SERVER: HistoryDimension(SERVER, Level.VIEW),
    **{name: HistoryDimension(f"coalesce({name}, '')", Level.VIEW) for name in NEIGHBOURS},
    **{name: HistoryDimension(name, Level.VISIT) for name in VISITS_OWN},
    "size": HistoryDimension(SIZE, Level.VISIT),
    "event": HistoryDimension("name", Level.EVENT),
    # Names of properties, each event once for each; `question_sql` makes the column.
    "property": HistoryDimension("property", Level.EVENT),
    "currency": HistoryDimension(CURRENCY, Level.EVENT),
    # The goals of the question, each visit once for each that it has.
    "goal": HistoryDimension("goal", Level.GOAL),
    # The buckets are a table beside the question (`buckets`).
    **{name: HistoryDimension("bucket", Level.TIME) for name in TIME},
}
