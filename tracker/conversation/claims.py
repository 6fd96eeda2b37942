"""Which conversation holds which page view: one in this process, and one over all of them.

The latest claim wins; equal times are told apart by the edge's name, so that two edges never both let go.
"""

from collections.abc import Callable, Collection
from uuid import UUID

from tracker.conversation.session import Session

Key = tuple[int, int]  # site and page view, as a number: a UUID's hash is Python
Claim = tuple[int, UUID, float]  # and since when, by the server's clock


class Claims:
    """The page views that this edge holds."""

    def __init__(self, edge: str, forget: Callable[[Session], None]) -> None:
        self._edge = edge
        self._forget = forget
        self._holders: dict[Key, Session] = {}
        self._news: set[Key] | None = None  # None: say all; so it stays while nobody asks

    def holder(self, key: Key) -> Session | None:
        """The conversation that holds this page view here."""
        return self._holders.get(key)

    def take(self, key: Key, session: Session) -> bool:
        """Give the page view to `session`. True when another one held it here; that one lets go of it."""
        if self._news is not None:
            self._news.add(key)
        holder = self._holders.setdefault(key, session)
        if holder is session:
            return False
        self._holders[key] = session
        holder.renounce()
        self._forget(holder)
        return True

    def release(self, key: Key, session: Session) -> None:
        """Take the page view away from `session`, if it holds it."""
        holder = self._holders.pop(key, None)
        if holder and holder is not session:
            self._holders[key] = holder

    def news(self) -> list[Claim]:
        """The claims since the last call that still stand."""
        news, self._news = self._news, set()
        return [
            (key[0], holder.page.id, holder.page.opened + holder.page.shift)
            for key in (self._holders if news is None else news)
            if (holder := self._holders.get(key)) and holder.page
        ]

    def say_all(self) -> None:
        """Make all claims news again: nobody could be told of the last ones."""
        self._news = None

    def apply(self, claims: Collection[Claim], edge: str) -> bool:
        """Let go of what another edge claimed later. True when some of our claims must be published again."""
        claimed = [((site, page.int), since) for site, page, since in claims]
        ours = {key for key, since in claimed if self._stands(key, since, edge)}
        if self._news is not None:
            self._news |= ours
        return bool(ours)

    def _stands(self, key: Key, since: float, edge: str) -> bool:
        holder = self._holders.get(key)
        if holder is None or holder.page is None:
            return False
        if (holder.page.opened + holder.page.shift, self._edge) > (since, edge):
            return True
        del self._holders[key]
        holder.renounce()
        self._forget(holder)
        return False
