"""One list of the live object in full: its largest names, or those that have a text in them."""

from urllib.parse import unquote

import msgspec

from analytics.live.snapshot import LARGEST_LIMIT, NameTabs, rows
from tracker.live.counters import Counters


class FullList(msgspec.Struct, frozen=True):
    """A dimension's list: `rows` are the largest of `found` names, of `total` names and `tabs` open pages."""

    of: str
    tabs: int
    total: int
    found: int
    rows: list[NameTabs]


def listed(counters: Counters, dimension: str, text: str) -> FullList:
    """The LARGEST_LIMIT largest names of a dimension, or of those that have `text` in them.

    Case does not matter, and neither does percent-encoding.
    """
    names = counters.names[dimension]
    matching = {name: tabs for name, tabs in names.items() if _has(name, text.lower())} if text else names
    return FullList(dimension, counters.tabs, len(names), len(matching), rows(matching, LARGEST_LIMIT))


def _has(name: str, text: str) -> bool:
    return text in name.lower() or ("%" in name and text in unquote(name).lower())
