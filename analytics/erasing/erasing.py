"""Does what is to be erased, one after another; killed at any moment, it goes on where it was.

Each step leaves rows and sealed days as they would be had the erased never been stored, and is committed
with what it counts. Only one process erases at a time, and none seals while a day of it changes.
"""

import logging
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone

from analytics.erasing import imported_rows, raw_rows, sealed_rows, site_rows
from analytics.erasing.erasure_request import forget
from analytics.erasing.raw_rows import RawSpan
from analytics.history import sealed_days
from analytics.history.due_days import DueDay, raw_since, settled_before
from analytics.history.file_cache import make_folder
from analytics.history.local_days import DAY, LocalDay, day_at
from analytics.history.patterns import Wildcards, pattern
from analytics.history.sealed_days import SealedFile
from analytics.history.sealing import LOCK as SEALING_LOCK
from analytics.history.sealing import Sealing, seal_all
from analytics.models import Erasure, Token
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.models import Site
from tracker.rollups import minutes

logger = logging.getLogger(__name__)

COUNT = """
UPDATE analytics_erasure SET views = views + %s, visits = visits + %s, events = events + %s WHERE id = %s
"""
# Who is named by a number has another one, once the day is made anew without somebody before them.
NUMBERED = """
SELECT id, visitor FROM analytics_erasure
WHERE site_id = %s AND kind = 'visitor' AND first = %s AND state IN ('waiting', 'running')
  AND visitor ~ '^[0-9]+$' FOR UPDATE
"""
RENUMBER = "UPDATE analytics_erasure SET visitor = %s WHERE id = %s"
FIRST_RAW = "SELECT min(began_at), max(began_at) FROM tracker_pageview WHERE site_id = %s"
SEALED = "SELECT DISTINCT day FROM history_day WHERE site_id = %s AND day >= %s AND day <= %s"


@dataclass(frozen=True)
class Erasing:
    """Where files are made, and what DuckDB may take."""

    sealing: Sealing
    # Called before each step, with its name: where tests kill it.
    step: Callable[[str], None] = lambda name: None

    def work(
        self,
        connection: psycopg.Connection,
        erasure: Erasure,
        said: Callable[[int, int, str], None] = lambda done, of, what: None,
    ) -> None:
        """Erase it all; the connection is in autocommit. `said`: is told of each step that is done.

        Raises psycopg.Error, duckdb.Error, OSError with what was done until then kept.
        """
        begun = Erasure.objects.filter(
            pk=erasure.pk, state__in=(Erasure.State.WAITING, Erasure.State.RUNNING)
        ).update(state=Erasure.State.RUNNING, problem="")
        site = Site.objects.filter(pk=erasure.site_id).first()
        if not begun:
            return
        if erasure.kind == Erasure.Erased.SITE:
            self._site(connection, erasure, said)
        elif site is not None:
            self._days(connection, erasure, site, said)
        self.step("end")
        _end(erasure)
        self.step("done")

    def _site(
        self, connection: psycopg.Connection, erasure: Erasure, said: Callable[[int, int, str], None]
    ) -> None:
        # Again, should somebody have switched it on in the administration.
        Site.objects.filter(pk=erasure.site_id).update(enabled=False)

        def progress(done: int, of: int) -> None:
            _progress(erasure, done, of)
            said(done, of, "tables")
            self.step("table")

        with _nobody_seals(connection):
            site_rows.erase(connection, erasure.site_id, erasure.pk, progress)
        self.step("site")
        delete_site(erasure.site_id)

    def _days(
        self,
        connection: psycopg.Connection,
        erasure: Erasure,
        site: Site,
        said: Callable[[int, int, str], None],
    ) -> None:
        _imported(connection, erasure)
        days = list(days_of(connection, erasure, site))
        for number, day in enumerate(days, 1):
            with _nobody_seals(connection):
                self._day(connection, erasure, site, day)
            _progress(erasure, number, len(days))
            said(number, len(days), str(day.day))
            self.step("day")
        with _nobody_seals(connection):
            # Days that another zone's day reached into.
            seal_all(connection, self.sealing, datetime.now(UTC), site.pk)

    def _day(self, connection: psycopg.Connection, erasure: Erasure, site: Site, day: LocalDay) -> None:
        since = raw_since(connection, site.pk)
        whole = since is None or day.begins >= since
        files = sealed_days.sealed_files(connection, site.pk, day.day, day.day)
        span = span_of(connection, erasure, site.pk, day)
        gone = raw_rows.erase(connection, span, erasure.pk) if span else 0
        self.step("rows")
        if gone and whole:
            minutes.again(connection, site.pk, day.begins, day.ends + LONGEST_PAGE_VIEW)
        if files and not whole:
            self._sealed(connection, erasure, site.pk, files)
        empty = span is not None and raw_rows.settle_if_empty(
            connection, RawSpan(site.pk, day.begins, day.ends)
        )
        self.step("files")
        settled = day.ends < settled_before(datetime.now(UTC))
        if whole and files and (settled or empty):
            # Also where nothing went now: it may have gone before a kill.
            self.sealing.seal(connection, DueDay(site.pk, site.key, day, "touched"))

    def _sealed(
        self, connection: psycopg.Connection, erasure: Erasure, site_id: int, files: list[SealedFile]
    ) -> None:
        """Make a day anew whose rows are gone."""
        day = LocalDay(files[0].day, files[0].zone)
        if erasure.kind == Erasure.Erased.DAYS:
            site_rows.erase_files(connection, site_id, erasure.pk, day.day, day.day)
            return
        condition = condition_of(erasure)
        if condition is None:
            return
        with self._folder() as work, connection.transaction():
            kept = sealed_rows.without(connection, files, day, condition, work, self.sealing.memory)
            if kept is None:
                return
            self.step("keep")
            sealed_days.replace(connection, site_id, day, kept.files)
            connection.execute(COUNT, [*kept.gone, erasure.pk])
            for waiting, number in connection.execute(NUMBERED, [site_id, day.day]).fetchall():
                connection.execute(RENUMBER, [str(kept.numbers.get(int(number), 0)), waiting])

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        make_folder(self.sealing.folder)
        # Named as what is on its way to be sealed, which the next who seals clears.
        work = Path(tempfile.mkdtemp(prefix="sealing-", dir=self.sealing.folder))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def due(now: datetime) -> list[Erasure]:
    """What is to be erased now, in the order in which it was asked for."""
    states = (Erasure.State.WAITING, Erasure.State.RUNNING)
    return list(Erasure.objects.filter(state__in=states, begins_at__lte=now).order_by("asked_at"))


def days_of(connection: psycopg.Connection, erasure: Erasure, site: Site) -> Iterator[LocalDay]:
    """The days that an erasure looks at and that hold anything, the newest first. Raises psycopg.Error."""
    first, last = erasure.first or date.min, erasure.last or date.max
    zone = site.timezone
    found = {day for (day,) in connection.execute(SEALED, [site.pk, first, last]).fetchall()}
    row = connection.execute(FIRST_RAW, [site.pk]).fetchone()
    if row and row[0]:
        day, until = max(first, day_at(row[0], zone).day), min(last, day_at(row[1], zone).day)
        while day <= until:
            found.add(day)
            day += DAY
    return (LocalDay(day, zone) for day in sorted(found, reverse=True))


def span_of(connection: psycopg.Connection, erasure: Erasure, site_id: int, day: LocalDay) -> RawSpan | None:
    """Which rows of a day are to go; None: none can be."""
    if erasure.kind == Erasure.Erased.PAGES:
        paths = matching(erasure.pattern, raw_rows.paths_of(connection, site_id, day.begins, day.ends))
        return RawSpan(site_id, day.begins, day.ends, paths=paths) if paths else None
    if erasure.kind == Erasure.Erased.VISITOR:
        # A number is of a sealed day, whose rows say none.
        named = not erasure.visitor.isdecimal()
        return RawSpan(site_id, day.begins, day.ends, visitor=uuid.UUID(erasure.visitor)) if named else None
    return RawSpan(site_id, day.begins, day.ends)


def matching(asked: str, paths: list[str]) -> list[str]:
    """Those of these names that a pattern matches whole."""
    wanted = Wildcards(asked)
    return [path for path in paths if wanted.match(path)]


def condition_of(erasure: Erasure) -> tuple[str, list[Any]] | None:
    """Which page views of a sealed day are to go; None: none can be told."""
    if erasure.kind == Erasure.Erased.PAGES:
        return sealed_rows.of_pages(pattern(erasure.pattern))
    return sealed_rows.of_visitor(int(erasure.visitor)) if erasure.visitor.isdecimal() else None


def delete_site(site_id: int) -> None:
    """Delete the site itself, and what belongs to it alone; edges know within a second."""
    with transaction.atomic():
        # Which read nothing any more; an empty list must not be left for somebody to fill.
        Token.objects.filter(sites=site_id, all_sites=False).exclude(
            pk__in=Token.sites.through.objects.exclude(site_id=site_id).values("token_id")
        ).delete()
        Site.objects.filter(pk=site_id).delete()
        for other in Erasure.objects.filter(site_id=site_id, state=Erasure.State.WAITING).exclude(
            kind=Erasure.Erased.SITE
        ):
            forget(other)
            other.state, other.ended_at = Erasure.State.CANCELLED, timezone.now()
            other.save()


@contextmanager
def _nobody_seals(connection: psycopg.Connection) -> Iterator[None]:
    """What is sealed of a day would else be what was read of it before."""
    connection.execute("SELECT pg_advisory_lock(%s)", [SEALING_LOCK])
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [SEALING_LOCK])


def _imported(connection: psycopg.Connection, erasure: Erasure) -> None:
    """Nobody is named in what was imported, but days and pages are."""
    if erasure.kind == Erasure.Erased.VISITOR:
        return
    pages = pattern(erasure.pattern) if erasure.kind == Erasure.Erased.PAGES else None
    first, last = erasure.first or date.min, erasure.last or date.max
    imported_rows.erase(connection, erasure.site_id, first, last, pages)


def _progress(erasure: Erasure, done: int, of: int) -> None:
    Erasure.objects.filter(pk=erasure.pk).update(steps_done=done, steps_of=of)


def _end(erasure: Erasure) -> None:
    erasure.refresh_from_db()
    forget(erasure)
    erasure.state, erasure.ended_at = Erasure.State.DONE, timezone.now()
    erasure.save()
