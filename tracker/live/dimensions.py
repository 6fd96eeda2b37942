"""What open tabs are told apart by: the one table that all others follow. Pure.

A new dimension is a row here, and a column of page views that `tracker.contract.records` fills: presence,
filters, snapshots, API, board and time machine read it from this table. tests/test_dimensions.py adds one.
"""

from typing import NamedTuple


class Dimension(NamedTuple):
    """One list of the live object."""

    name: str  # of the list
    parameter: str  # what filters by it in a query string
    column: str  # of page views
    letter: bytes  # begins its counters' names outside of this process
    title: str  # of the list, for people
    panel: str  # of the board, whose lists are its tabs
    counts_none: bool = True  # whether "" is a name like others, or the lack of one, which is no row


TABLE = (
    Dimension("pages", "page", "path", b"p", "Pages", "pages"),
    Dimension("referrers", "referrer", "referrer", b"r", "Referrers", "sources"),
    Dimension("browsers", "browser", "browser", b"b", "Browsers", "software"),
    Dimension("systems", "system", "system", b"s", "Systems", "software"),
    Dimension("devices", "device", "device", b"d", "Devices", "software"),
    Dimension("countries", "country", "country", b"c", "Countries", "countries"),
    Dimension("channels", "channel", "channel", b"h", "Channels", "sources"),
    Dimension("campaigns", "campaign", "utm_campaign", b"g", "Campaigns", "sources", counts_none=False),
)
DIMENSIONS = tuple(each.name for each in TABLE)
COLUMNS = tuple(each.column for each in TABLE)
# By their places in the table.
NONE_IS_NO_NAME = tuple(kind for kind, each in enumerate(TABLE) if not each.counts_none)
