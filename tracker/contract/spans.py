"""How long things last at most, and what counts as one: the two spans of time that all of Footfall shares."""

from datetime import timedelta
from typing import Final

# A page view that nobody ended is over then, whatever its page says.
LONGEST_PAGE_VIEW: Final = timedelta(hours=24)
# Whoever is away for less is still on the same visit, and a page that comes back was never away.
VISIT_GAP: Final = timedelta(minutes=30)
# A day may be sealed so long after its end: its last page views are over, and stored but for a spool's.
SETTLES_AFTER: Final = LONGEST_PAGE_VIEW + timedelta(hours=1)
# What is stored about an older page view may be of a sealed day: well before any can be sealed, so that no
# transaction which is on its way while its day is sealed goes unnoticed.
TOUCHES_AFTER: Final = LONGEST_PAGE_VIEW - timedelta(hours=1)


def interval(span: timedelta) -> str:
    """A whole number of seconds as SQL writes it."""
    return f"interval '{int(span.total_seconds())} seconds'"
