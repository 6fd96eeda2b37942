"""Why this side ends a conversation: the close codes of the contract."""

from typing import Final

from tracker.contract.drops import Drop

BROKE_PROTOCOL: Final = 4400
REFUSED: Final = 4403
CLAIMED: Final = 4409  # the page view goes on over another connection
TOO_BIG: Final = 4413
TOO_FAST: Final = 4429
RESTARTING: Final = 4502
OVERLOADED: Final = 4503
FAILED: Final = 1011  # RFC 6455's own: something went wrong here that nobody foresaw; come back


class Declined(Exception):
    """A conversation is not begun, or not gone on with: the close code to say and the reason to count."""

    def __init__(self, code: int, reason: Drop) -> None:
        super().__init__(reason.value)
        self.code, self.reason = code, reason
