"""How long things last at most, and what counts as one: the two spans of time that all of Footfall shares."""

from datetime import timedelta
from typing import Final

# A page view that nobody ended is over then, whatever its page says.
LONGEST_PAGE_VIEW: Final = timedelta(hours=24)
# Whoever is away for less is still on the same visit, and a page that comes back was never away.
VISIT_GAP: Final = timedelta(minutes=30)


def interval(span: timedelta) -> str:
    """A whole number of seconds as SQL writes it."""
    return f"interval '{int(span.total_seconds())} seconds'"
