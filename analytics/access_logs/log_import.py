"""Logs into a site: line by line, judged, hashed, stored in portions; and what became of each line.

A visitor is hashed with the salt of that day, so that logs and pages tell the same one. Of a day whose salt
is deleted a secret of this run stands in, which is never stored.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b
from math import inf
from typing import Final
from uuid import UUID

import psycopg
from django.conf import settings

from analytics.access_logs.log_files import LogFile, LogLine, WrongLogFile
from analytics.access_logs.log_formats import LineReader
from analytics.access_logs.log_store import LogStore
from analytics.access_logs.logged_request import LoggedRequest
from analytics.access_logs.page_rules import LeftOut, address_of, reason_against
from analytics.access_logs.past_days import PastDays
from analytics.access_logs.visit_spans import LoggedView
from tracker.contract.messages import Refused, WirePage
from tracker.contract.records import Owner
from tracker.conversation import begin_record
from tracker.conversation.services import Caller
from tracker.models import Site
from tracker.pages import page_url
from tracker.sites.directory import READ_SITES
from tracker.sites.tracked_site import TrackedSite
from tracker.visitors import addresses, agents, identity
from tracker.visitors.address_limits import AddressUse
from tracker.visitors.countries import Countries

PORTION: Final = 5000
LINES_AT_ONCE: Final = 100_000
FIRST_UNREAD: Final = 10
EXAMPLES: Final = 3
AHEAD_SECONDS: Final = 60.0
LATE_SALT_BYTES: Final = 32
SALTS = "SELECT day, salt FROM tracker_salt WHERE site_id = %s"
NOBODY: Final = AddressUse("", inf, inf)
OWNER: Final = Owner(0, 0)


def logs_key() -> bytes:
    """Under which lines are hashed: of this installation, and not stored with what is made of them."""
    return identity.derive(settings.SECRET_KEY, "logs")


@dataclass
class LogTally:
    """What became of the lines."""

    lines: int = 0
    passed: int = 0  # read before
    views: int = 0
    new: int = 0
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    examples: dict[LeftOut, list[str]] = field(default_factory=dict)
    unread: list[tuple[str, int, str]] = field(default_factory=list)  # file, number, line
    by_day: Counter[date] = field(default_factory=Counter)


class LogImport:
    """Takes logs into one site."""

    def __init__(
        self,
        connection: psycopg.Connection,
        site: Site,
        host: str,
        also_counted: bool = False,
        dry_run: bool = False,
    ) -> None:
        """`host`: where pages are, where lines do not say it. The connection is in autocommit.

        Raises psycopg.Error.
        """
        self._key = logs_key()
        row = connection.execute(f"{READ_SITES} WHERE id = %s".encode(), [site.pk]).fetchone()
        self._site = TrackedSite.from_columns(row or ())
        self._host, self._dry_run = host, dry_run
        self._store = LogStore(connection, site.pk)
        self._days = PastDays(connection, site, also_counted)
        self._salts = {day: bytes(salt) for day, salt in connection.execute(SALTS, [site.pk])}
        self._proxies = addresses.networks(settings.FOOTFALL_TRUSTED_PROXIES)
        self._countries = Countries(settings.FOOTFALL_GEO)
        self.tally = LogTally()

    def allows(self, host: str) -> bool:
        """Whether pages of the site may be on this host."""
        return self._site.allows(host)

    def alone(self) -> bool:
        """Whether nobody else takes logs of the site meanwhile. Raises psycopg.Error."""
        return self._store.alone()

    def take(self, log: LogFile, read: LineReader, again: bool, progress: Callable[[int], None]) -> None:
        """Take a log; `again`: from its begin, though it was read before. `progress` is told of lines.

        Raises WrongLogFile, psycopg.Error; what came before is stored.
        """
        head = log.head() if log.rewinds else None
        place = self._store.place_of(head) if head and not again else None
        if place and not log.goes_on(place):
            place = None
        self.tally.passed += place.lines if place else 0
        views: list[LoggedView] = []
        lines, latest = 0, None
        try:
            for line in log.lines(*place[:2] if place else (0, 0)):
                lines, latest = lines + 1, line
                view = self._judge(log, line, read)
                if view and not self._dry_run:
                    views.append(view)
                if len(views) >= PORTION or lines % LINES_AT_ONCE == 0:
                    self._keep(log, head, line, views)
                    views = []
                if lines % 1000 == 0:
                    progress(1000)
        except WrongLogFile:
            if latest:
                self._keep(log, head, latest, views)
            raise
        progress(lines % 1000)
        if latest:
            self._keep(log, head, latest, views)

    def _keep(self, log: LogFile, head: bytes | None, line: LogLine, views: Sequence[LoggedView]) -> None:
        if not self._dry_run:
            self.tally.new += self._store.take(views, head, log.place(line))

    def _judge(self, log: LogFile, line: LogLine, read: LineReader) -> LoggedView | None:
        self.tally.lines += 1
        try:
            request = read(line.text)
        except ValueError:
            if len(self.tally.unread) < FIRST_UNREAD:
                self.tally.unread.append((log.name, line.number, line.text[:120]))
            self.tally.left_out[LeftOut.UNREAD] += 1
            return None
        found = self._view(line.text, request)
        if isinstance(found, LoggedView):
            self.tally.views += 1
            return found
        self.tally.left_out[found] += 1
        shown = self.tally.examples.setdefault(found, [])
        if len(shown) < EXAMPLES:
            path = f"{request.method} {request.target.partition('?')[0][:60]} {request.status}"
            if path not in shown:
                shown.append(path)
        return None

    def _view(self, line: str, request: LoggedRequest) -> LoggedView | LeftOut:
        reason = reason_against(request, self._site, self._host, self._proxies)
        if reason:
            return reason
        if request.at > time.time() + AHEAD_SECONDS:
            return LeftOut.TO_COME
        day = identity.site_day(request.at, self._site.zone)
        against = self._days.reason_against(day)
        if against:
            return against
        host = request.host or self._host
        own = self._id_of(line)
        try:
            message = WirePage(str(own), f"https://{host}{request.target}", request.referrer).message()
            url = page_url.read(message.url, self._site.naming)
        except (Refused, ValueError):
            return LeftOut.URL
        if self._site.excludes_path(url.path):
            return LeftOut.EXCLUDED
        self.tally.by_day[day] += 1
        began = datetime.fromtimestamp(request.at, UTC)
        address = address_of(request, self._proxies)
        salt = self._salts.setdefault(day, b"") or self._late_salt(day)
        visitor = identity.visitor_id(salt, self._site.id, address, request.user_agent)
        caller = self._caller(host, address, request.user_agent)
        return LoggedView(began, begin_record.begin_of(caller, message, url, visitor, OWNER, request.at), own)

    def _id_of(self, line: str) -> UUID:
        """One line has one id, in whatever file it stands; without the key it does not lead to an address."""
        return UUID(bytes=blake2b(line.encode(errors="replace"), key=self._key, digest_size=16).digest())

    def _late_salt(self, day: date) -> bytes:
        self._salts[day] = secrets.token_bytes(LATE_SALT_BYTES)
        return self._salts[day]

    def _caller(self, host: str, address: str, user_agent: str) -> Caller:
        return Caller(
            site=self._site,
            host=host,
            address=address,
            user_agent=user_agent,
            agent=agents.read(user_agent),
            country=self._countries.of(address),
            live_key=b"",
            address_use=NOBODY,
        )
