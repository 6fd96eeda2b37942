"""Who follows logs, and who looks at them: lines pass from the one to the other, and are kept by neither.

A log that nobody looks at is said by nobody: who follows it is told when the first one looks, and the last
one has left.
"""

import logging
from collections.abc import Iterable
from typing import Protocol

from tracker.signals.exchange_messages import Lines, ListLogs, Logs, LogWanted, Offer, WatchLogs
from tracker.signals.log_text import NAME
from tracker.signals.name_patterns import NamePatterns

logger = logging.getLogger(__name__)

# Processes that follow logs; each is a connection, and a name in everybody's list.
OFFERS_MOST = 200

OfLogs = Offer | WatchLogs | ListLogs | Lines


class Party(Protocol):
    """A process at the other end of a connection."""

    def say(self, message: LogWanted | Logs | Lines) -> None:
        """Tell it this."""


class LogRelay:
    """The logs of all processes."""

    def __init__(self) -> None:
        self._offers: dict[Party, Offer] = {}
        self._watchers: dict[Party, NamePatterns] = {}
        self._wanted: set[Party] = set()

    @property
    def watchers(self) -> int:
        """How many processes look at logs."""
        return len(self._watchers)

    def hear(self, party: Party, message: OfLogs) -> None:
        """A process says something of logs."""
        if isinstance(message, Lines):
            self._tell(party, message)
        elif isinstance(message, Offer):
            self._offer(party, message)
        elif isinstance(message, WatchLogs):
            self._watch(party, message.names)
        else:
            party.say(Logs(sorted({offer.name for offer in self._offers.values()})))

    def leave(self, party: Party) -> None:
        """A process has gone."""
        offer = self._offers.pop(party, None)
        self._wanted.discard(party)
        if offer:
            self._say(Lines(offer.name, offer.run, 0, [], ended=True))
        if self._watchers.pop(party, None):
            self._settle()

    def _offer(self, party: Party, offer: Offer) -> None:
        if not NAME.fullmatch(offer.name) or len(self._offers) >= OFFERS_MOST:
            logger.warning("signals: a log is not told of: its name is none, or there are %d", OFFERS_MOST)
            return
        self._offers[party] = offer
        self._settle()

    def _watch(self, party: Party, names: Iterable[str]) -> None:
        patterns = NamePatterns(names)
        if patterns.empty:
            self._watchers.pop(party, None)
        else:
            self._watchers[party] = patterns
            for offering, offer in self._offers.items():
                # Also where others look already: this one has no line yet.
                if patterns.keep(offer.name):
                    self._wanted.add(offering)
                    offering.say(LogWanted(True))
        self._settle()

    def _settle(self) -> None:
        """Tell those who follow whether anybody looks, where that has changed."""
        for offering, offer in self._offers.items():
            wanted = any(patterns.keep(offer.name) for patterns in self._watchers.values())
            if wanted is not (offering in self._wanted):
                (self._wanted.add if wanted else self._wanted.discard)(offering)
                offering.say(LogWanted(wanted))

    def _tell(self, party: Party, lines: Lines) -> None:
        offer = self._offers.get(party)
        if offer and (offer.name, offer.run) == (lines.name, lines.run):
            self._say(lines)

    def _say(self, lines: Lines) -> None:
        for watcher, patterns in list(self._watchers.items()):
            if patterns.keep(lines.name):
                watcher.say(lines)
