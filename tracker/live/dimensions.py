"""What open tabs are told apart by: the one table that counters, filters, API, board and replay read. Pure.

A new dimension is a row here, a field of `tracker.live.filters.Filters` and of the API's schemas, a name in
`tracker.conversation.session`, and a list on the board; the tests find what was forgotten.
"""

from typing import NamedTuple


class Dimension(NamedTuple):
    """One list of the live object."""

    name: str  # of the list
    parameter: str  # what filters by it in a query string
    column: str  # of page views
    letter: bytes  # begins its counters' names outside of this process


TABLE = (
    Dimension("pages", "page", "path", b"p"),
    Dimension("referrers", "referrer", "referrer", b"r"),
    Dimension("browsers", "browser", "browser", b"b"),
    Dimension("systems", "system", "system", b"s"),
    Dimension("devices", "device", "device", b"d"),
    Dimension("countries", "country", "country", b"c"),
    Dimension("channels", "channel", "channel", b"h"),
    Dimension("campaigns", "campaign", "utm_campaign", b"g"),
)
DIMENSIONS = tuple(each.name for each in TABLE)
# Its "" is no name but the lack of one, and is not counted: no campaign is no row.
CAMPAIGNS = DIMENSIONS.index("campaigns")
