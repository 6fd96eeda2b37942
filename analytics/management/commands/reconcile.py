"""`manage.py reconcile`: whether a site's figures add up."""

import shutil
import tempfile
from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.history.answering import Answering
from analytics.history.day_store import DayStore
from analytics.history.duck import open_duck
from analytics.history.file_cache import FileCache, make_folder
from analytics.history.local_days import day_at
from analytics.history.question import Span
from analytics.history.question_sql import DAY_NUMBER
from analytics.history.reconciling import Reconciling, told
from analytics.history.sealed_days import Damaged
from analytics.history.sealing import Sealing
from analytics.importing import import_checks
from analytics.queries.ranges import read_day
from tracker.liveness.error_report import kind_of
from tracker.models import Site
from tracker.postgres.connect import connect

DAYS = timedelta(days=29)


class Command(BaseCommand):
    help = (
        "Check a site's real figures against each other and against Postgres, and say why they differ."
        " It changes nothing; its exit status is 1 when something does not hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY", help="the key of the site")
        parser.add_argument("--from", dest="first", type=_day, metavar="DAY", help="30 days ago")
        parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="yesterday")

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(key=options["key"]).first()
        if site is None:
            raise CommandError("There is no site with this key.")
        now = datetime.now(UTC)
        last = options["last"] or day_at(now, site.timezone).day - timedelta(days=1)
        span = Span(options["first"] or last - DAYS, last)
        if span.last < span.first:
            raise CommandError("The last day is before the first.")
        try:
            wrong = self._reconcile(site, span, now)
        except (psycopg.Error, duckdb.Error, OSError, Damaged) as error:
            raise CommandError(f"It could not be checked ({kind_of(error)}).") from None
        if wrong:
            raise CommandError(f"What does not hold: {wrong}.")
        self.stdout.write(f"{span.first} to {span.last} of {site.shown}: everything adds up.")

    def _reconcile(self, site: Site, span: Span, now: datetime) -> int:
        make_folder(settings.FOOTFALL_HISTORY)
        # A cache of its own: what is checked is what Postgres holds.
        folder = Path(tempfile.mkdtemp(prefix="reconciling-", dir=settings.FOOTFALL_HISTORY))
        store = DayStore(FileCache(folder, settings.FOOTFALL_HISTORY_BYTES), settings.FOOTFALL_SEALING_MEMORY)
        sealing = Sealing(folder, settings.FOOTFALL_SEALING_MEMORY)
        try:
            with (
                connect() as connection,
                open_duck([folder], folder / "spill", settings.FOOTFALL_QUESTIONS_MEMORY, 2) as duck,
            ):
                connection.autocommit = True
                duck.execute(DAY_NUMBER)
                asked = Reconciling(connection, duck, Answering(store), sealing, site, span, now)
                checks = chain(asked.checks(), import_checks.checks(site, span))
                return sum(not told(check, self._say) for check in checks)
        finally:
            store.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _day(text: str) -> date:
    try:
        return read_day(text)
    except ValueError as wrong:
        raise ArgumentTypeError(str(wrong)) from None
