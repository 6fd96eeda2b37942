"""How long a page that posts counts as open: it has no socket whose end could be noticed."""

from tracker.contract.attention import Attention
from tracker.conversation.session import Session

# It renews its lease every 10 s; hidden, every 60 s, since browsers slow its timers.
LEASE_SECONDS, HIDDEN_LEASE_SECONDS = 25.0, 130.0


class PostLeases:
    """The conversations over POST and when each ends unless it gives a sign; steady clock."""

    def __init__(self) -> None:
        self._until: dict[Session, float] = {}

    def __contains__(self, session: Session) -> bool:
        return session in self._until

    def renew(self, session: Session, now: float) -> None:
        """It gave a sign: its lease begins anew, for as long as its page's attention asks."""
        hidden = session.page is not None and session.page.tab.attention is Attention.HIDDEN
        self._until[session] = now + (HIDDEN_LEASE_SECONDS if hidden else LEASE_SECONDS)

    def drop(self, session: Session) -> None:
        """Forget the lease of a conversation that is over; one without a lease is no error."""
        self._until.pop(session, None)

    def over(self, now: float) -> list[Session]:
        """The conversations whose lease has run out."""
        return [session for session, until in self._until.items() if until <= now]
