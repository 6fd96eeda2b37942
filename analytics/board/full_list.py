"""One list of the live object in full: its largest names, or those that have a text in them."""

from typing import Any
from urllib.parse import unquote

from analytics.live.snapshot import LARGEST_LIMIT, rows
from tracker.live.counters import Counters


def listed(counters: Counters, of: str, text: str) -> dict[str, Any]:
    """`{"of", "tabs", "total", "found", "rows"}`: the LARGEST_LIMIT largest of the `found` names with `text`.

    Case does not matter, and neither does percent-encoding; `total` counts all names, `tabs` all open pages.
    """
    names = counters.names[of]
    found = {name: tabs for name, tabs in names.items() if _has(name, text.lower())} if text else names
    return {
        "of": of,
        "tabs": counters.tabs,
        "total": len(names),
        "found": len(found),
        "rows": rows(found, LARGEST_LIMIT),
    }


def _has(name: str, text: str) -> bool:
    return text in name.lower() or ("%" in name and text in unquote(name).lower())
