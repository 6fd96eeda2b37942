"""Who looks at sites, and is told of what those store who read their access logs."""

from typing import Protocol

from tracker.signals.exchange_messages import StoredViews, WatchSites


class SiteWatcher(Protocol):
    """A process at the other end of a connection."""

    def say(self, message: StoredViews) -> None:
        """Tell it this."""


class SiteRelay:
    """The watched sites of all processes."""

    def __init__(self) -> None:
        self._watched: dict[SiteWatcher, set[int]] = {}

    def hear(self, party: SiteWatcher, message: WatchSites | StoredViews) -> None:
        """A process looks at sites, or has stored something."""
        if isinstance(message, WatchSites):
            self._watched[party] = set(message.sites)
            return
        for watcher, sites in list(self._watched.items()):
            if message.site in sites:
                watcher.say(message)

    def leave(self, party: SiteWatcher) -> None:
        """A process has gone."""
        self._watched.pop(party, None)
