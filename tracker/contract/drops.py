"""Why something was not counted or stored: a closed set of reasons, each counted, each in docs/protocol.md.

Nothing is ever dropped without a reason from here, so the metrics can be checked against what was sent.
"""

from collections import Counter
from enum import StrEnum


class Drop(StrEnum):
    """A reason for which something was not counted or stored."""

    # The handshake (or the POST's headers) was refused.
    UNKNOWN_SITE = "unknown_site"
    WRONG_ORIGIN = "wrong_origin"
    BOT = "bot"
    EXCLUDED_ADDRESS = "excluded_address"
    OPTED_OUT = "opted_out"
    NOT_READY = "not_ready"
    OVERLOADED = "overloaded"
    PROCESS_FULL = "process_full"
    ADDRESS_FULL = "address_full"
    # What was said cannot be taken.
    MALFORMED = "malformed"
    NAMELESS = "nameless"
    TOO_BIG = "too_big"
    TOO_FAST = "too_fast"
    ADDRESS_TOO_FAST = "address_too_fast"
    FOREIGN_PAGE = "foreign_page"
    EXCLUDED_PATH = "excluded_path"
    NOT_OPEN = "not_open"
    # What was said could not be kept.
    BUFFER_FULL = "buffer_full"
    REFUSED = "refused"
    ORPHAN_EVENT = "orphan_event"


class Drops:
    """Counts by reason since this process started. Not locked: one thread counts."""

    def __init__(self) -> None:
        self._counts: Counter[Drop] = Counter()

    def count(self, reason: Drop, n: int = 1) -> None:
        """Count `n` things dropped for `reason`."""
        self._counts[reason] += n

    def total(self, reason: Drop) -> int:
        """How many things were dropped for `reason`."""
        return self._counts[reason]

    def as_dict(self) -> dict[str, int]:
        """Every reason with its count, zeros too, so that a metric exists before it first rises."""
        return {reason.value: self._counts[reason] for reason in Drop}
