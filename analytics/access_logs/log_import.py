"""Logs into a site: line by line, judged, hashed, stored in portions; and what became of each line.

A visitor is hashed with the salt of that day, so that logs and pages tell the same one. Of a day whose salt
is deleted another one stands in, which is kept as briefly (`late_salts`).
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b
from math import inf
from typing import Final, NamedTuple
from uuid import UUID

import psycopg
from django.conf import settings

from analytics.access_logs import unseen_views
from analytics.access_logs.late_salts import LateSalts
from analytics.access_logs.log_files import LogFile, LogLine, LogPlace, WrongLogFile
from analytics.access_logs.log_formats import LineReader
from analytics.access_logs.log_points import LogPoints
from analytics.access_logs.log_store import LogStore
from analytics.access_logs.logged_request import LoggedRequest
from analytics.access_logs.page_rules import LeftOut, address_of, reason_against
from analytics.access_logs.past_days import PastDays
from analytics.access_logs.visit_spans import LoggedView
from tracker.contract.messages import Refused, told_page, trim
from tracker.contract.records import Owner
from tracker.contract.server_items import SERVER_LIMIT
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
SALT = "SELECT salt FROM tracker_salt WHERE site_id = %s AND day = %s"
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


class LogChoice(NamedTuple):
    """What is taken of logs. `host`: where pages are, where lines do not say it."""

    host: str
    also_counted: bool = False  # of days, too, that the site counted itself
    only_unseen: bool = False  # of those days only what nobody else counted
    dry_run: bool = False
    server: str = ""  # which wrote them, where lines do not say it
    follows: bool = False  # lines as they are written; what cannot be judged yet waits in memory


class WaitingView(NamedTuple):
    """A page view that cannot be judged yet, of which log, and what was read of that before it."""

    view: LoggedView
    head: bytes | None
    before: LogPlace


class LogImport:
    """Takes logs into one site."""

    def __init__(
        self,
        connection: psycopg.Connection,
        site: Site,
        choice: LogChoice,
        tally: LogTally,
        points: LogPoints | None = None,
        counted: dict[bytes, LogPlace] | None = None,
    ) -> None:
        """The connection is in autocommit. `points`: where every request is counted, too. `counted`: of who
        follows logs, up to where lines are in `tally` and `points`, by the log: they come again where storing
        them failed.

        Raises psycopg.Error.
        """
        self._key = logs_key()
        row = connection.execute(f"{READ_SITES} WHERE id = %s".encode(), [site.pk]).fetchone()
        self._site = TrackedSite.from_columns(row or ())
        self._connection, self._of, self._choice = connection, site, choice
        self._points = points
        self._counted = counted
        self._store = LogStore(connection, site.pk)
        self._late_salts = LateSalts(
            connection, site.pk, 0 if choice.dry_run else settings.FOOTFALL_LOG_SALT_HOURS
        )
        self._read: dict[bytes, LogPlace] = {}
        self._waiting: deque[WaitingView] = deque()
        self.stored: list[LoggedView] = []
        """The page views that were new; who follows takes them out."""
        self.forget()
        self._proxies = addresses.networks(settings.FOOTFALL_TRUSTED_PROXIES)
        self._countries = Countries(settings.FOOTFALL_GEO)
        self.tally = tally

    def forget(self) -> None:
        """Look days and salts up again, as somebody has to who follows a log from day to day."""
        self._days = PastDays(self._connection, self._of, self._choice.also_counted)
        self._salts: dict[date, bytes] = {}
        self._own_salts: dict[date, bytes] = {}

    def allows(self, host: str) -> bool:
        """Whether pages of the site may be on this host."""
        return self._site.allows(host)

    def passes_over(self, moment: float) -> bool:
        """Whether page views of this moment are left out, since the site counts that day itself.

        Raises psycopg.Error.
        """
        day = identity.site_day(moment, self._site.zone)
        return not self._choice.only_unseen and self._days.reason_against(day) is LeftOut.COUNTED

    def alone(self) -> bool:
        """Whether nobody else takes logs of the site meanwhile. Raises psycopg.Error."""
        return self._store.alone()

    def release(self) -> None:
        """Let others take logs of the site. Raises psycopg.Error."""
        self._store.release()

    def take(self, log: LogFile, read: LineReader, again: bool, progress: Callable[[int], None]) -> None:
        """Take a log; `again`: from its begin, though it was read before. `progress` is told of lines.

        Raises WrongLogFile, psycopg.Error; what came before is stored.
        """
        head = log.head() if log.rewinds else None
        place = None
        if head and not again:
            place = self._read.get(head) or self._store.place_of(head)
        if place and not log.goes_on(place):
            place = None
        counted = self._counted_of(log, head, place)
        if not self._choice.follows:
            self.tally.passed += place.lines if place else 0
        views: list[LoggedView] = []
        lines, latest = 0, None
        read_to: LogPlace | None = None
        try:
            for line in log.lines(*place[:2] if place else (0, 0)):
                try:
                    view = self._judge(log, line, read, line.end > counted)
                except psycopg.Error:
                    self._count_to(head, log.place_before(line))
                    raise
                if view and self._is_early(view):
                    if not self._choice.follows:
                        self._take_back(view)
                        self.tally.lines -= 1
                        read_to = log.place_before(line)
                        break  # this line and those behind it are for the next time
                    self._waiting.append(WaitingView(view, head, log.place_before(line)))
                elif view:
                    views.append(view)
                lines, latest = lines + 1, line
                if len(views) >= PORTION or lines % LINES_AT_ONCE == 0:
                    self._keep(head, log.place(line), views)
                    views = []
                if lines % 1000 == 0:
                    progress(1000)
        except WrongLogFile:
            if latest:
                self._keep(head, log.place(latest), views)
            raise
        progress(lines % 1000)
        if latest:
            self._keep(head, read_to or log.place(latest), views)

    def settle(self) -> None:
        """Judge and store what has waited for long enough. Raises psycopg.Error."""
        due: dict[bytes | None, list[LoggedView]] = {}
        while self._waiting and not self._is_early(self._waiting[0].view):
            waiting = self._waiting.popleft()
            due.setdefault(waiting.head, []).append(waiting.view)
        for head, views in due.items():
            if head and (read := self._read.get(head)):
                self._put(views, head, read)

    def _counted_of(self, log: LogFile, head: bytes | None, place: LogPlace | None) -> int:
        """Up to where the lines of a log are counted, in bytes. It stands at `place` before and after."""
        counted = self._counted.get(head) if self._counted and head else None
        if head is None or counted is None or counted.offset <= (place.offset if place else 0):
            return 0
        there = log.goes_on(counted)
        if not there and self._counted:
            del self._counted[head]  # emptied meanwhile: these are others
        if place is None or not log.goes_on(place):
            log.begin_again()
        return counted.offset if there else 0

    def _count_to(self, head: bytes | None, place: LogPlace | None) -> None:
        if head is None or place is None or self._counted is None:
            return
        if head not in self._counted or self._counted[head].offset < place.offset:
            self._counted[head] = place

    def _keep(self, head: bytes | None, place: LogPlace, views: Sequence[LoggedView]) -> None:
        self._count_to(head, place)
        self._put(views, head, place)
        if head and self._choice.follows:
            self._read[head] = place

    def _put(self, views: Sequence[LoggedView], head: bytes | None, read: LogPlace) -> None:
        """Store page views, and that the log is read up to there, or to what waits of it."""
        if self._choice.only_unseen:
            views, seen = unseen_views.unseen(self._connection, self._of.pk, views)
        else:
            seen = []
        if not self._choice.dry_run:
            place = next((waiting.before for waiting in self._waiting if waiting.head == head), read)
            new = self._store.take(views, head, place)
            self.tally.new += len(new)
            if self._choice.follows:
                self.stored += new
        # Only now: where storing failed, the same lines come again.
        for view in seen:
            self._take_back(view)
            self.tally.left_out[LeftOut.SEEN] += 1

    def _is_early(self, view: LoggedView) -> bool:
        """Whether the socket of its page may still be to come."""
        if not self._choice.only_unseen:
            return False
        return view.began.timestamp() > time.time() - unseen_views.JUDGED_AFTER.total_seconds()

    def _take_back(self, view: LoggedView) -> None:
        self.tally.views -= 1
        self.tally.by_day[self._day_of(view)] -= 1

    def _day_of(self, view: LoggedView) -> date:
        return identity.site_day(view.began.timestamp(), self._site.zone)

    def _judge(self, log: LogFile, line: LogLine, read: LineReader, counts: bool) -> LoggedView | None:
        """The page view that a line is, if any. `counts`: unless it is counted already."""
        try:
            request = read(line.text)
        except ValueError:
            request = None
        found = self._view(line.text, request) if request else LeftOut.UNREAD
        if counts:
            self._count(log, line, request, found)
        return found if isinstance(found, LoggedView) else None

    def _count(
        self, log: LogFile, line: LogLine, request: LoggedRequest | None, found: LoggedView | LeftOut
    ) -> None:
        self.tally.lines += 1
        if request and self._points:
            self._points.add(request)
        if isinstance(found, LoggedView):
            self.tally.views += 1
            self.tally.by_day[self._day_of(found)] += 1
            return
        self.tally.left_out[found] += 1
        if request is None:
            if len(self.tally.unread) < FIRST_UNREAD:
                self.tally.unread.append((log.name, line.number, line.text[:120]))
            return
        shown = self.tally.examples.setdefault(found, [])
        if len(shown) < EXAMPLES:
            path = f"{request.method} {request.target.partition('?')[0][:60]} {request.status}"
            if path not in shown:
                shown.append(path)

    def _view(self, line: str, request: LoggedRequest) -> LoggedView | LeftOut:
        reason = reason_against(request, self._site, self._choice.host, self._proxies)
        if reason:
            return reason
        if request.at > time.time() + AHEAD_SECONDS:
            return LeftOut.TO_COME
        day = identity.site_day(request.at, self._site.zone)
        against = self._days.reason_against(day)
        # With the day's own salt what was counted can be told from what was not.
        if against is LeftOut.COUNTED and self._choice.only_unseen and self._own_salt(day):
            against = None
        if against:
            return against
        host = request.host or self._choice.host
        own = self._id_of(line)
        try:
            message = told_page(own, f"https://{host}{request.target}", request.referrer)
            url = page_url.read(message.url, self._site.naming)
        except (Refused, ValueError):
            return LeftOut.URL
        if self._site.excludes_path(url.path):
            return LeftOut.EXCLUDED
        began = datetime.fromtimestamp(request.at, UTC)
        address = address_of(request, self._proxies)
        visitor = identity.visitor_id(self._salt(day), self._site.id, address, request.user_agent)
        caller = self._caller(host, address, request.user_agent)
        server = trim(request.server or self._choice.server, SERVER_LIMIT)
        begin = begin_record.begin_of(caller, message, url, visitor, OWNER, request.at, server)
        return LoggedView(began, begin, own)

    def _id_of(self, line: str) -> UUID:
        """One line has one id, in whatever file it stands; without the key it does not lead to an address."""
        return UUID(bytes=blake2b(line.encode(errors="replace"), key=self._key, digest_size=16).digest())

    def _own_salt(self, day: date) -> bytes:
        """That by which the site's pages tell visitors of the day; b"" where it is deleted."""
        if day not in self._own_salts:
            row = self._connection.execute(SALT, [self._site.id, day]).fetchone()
            self._own_salts[day] = bytes(row[0]) if row else b""
        return self._own_salts[day]

    def _salt(self, day: date) -> bytes:
        if day not in self._salts:
            self._salts[day] = self._own_salt(day) or self._late_salts.of(day)
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
