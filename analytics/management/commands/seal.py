"""`manage.py seal`: past days as files that reports are asked of."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.history.due_days import DueDay, due_days
from analytics.history.sealed_days import Damaged
from analytics.history.sealing import Sealing, is_alone, seal_all
from tracker.models import Site
from tracker.postgres.connect import connect


class Command(BaseCommand):
    help = "Seal past days that have settled: the newest first. Jobs do the same in the background."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--site", metavar="KEY", help="only this site's days")
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--again", action="store_true", help="every day whose page views are all there, sealed or not"
        )
        what.add_argument(
            "--check",
            action="store_true",
            help="change nothing: compare sealed days with page views, where both are there",
        )
        parser.add_argument("--in-background", action="store_true", help="say nothing, and wait for nobody")

    def handle(self, *args: Any, **options: Any) -> None:
        site_id = _site_id(options["site"])
        sealing = Sealing(settings.FOOTFALL_HISTORY, settings.FOOTFALL_SEALING_MEMORY)
        with connect() as connection:
            connection.autocommit = True
            if not is_alone(connection):
                if options["in_background"]:
                    return
                self.stdout.write("Another process is sealing; waiting for it.")
                self.stdout.flush()
                is_alone(connection, wait=True)
            sealing.clear()
            if options["check"]:
                self._check(connection, sealing, site_id)
            else:
                said = (lambda *each: None) if options["in_background"] else self._said
                self._seal(connection, sealing, site_id, options["again"], said)

    def _seal(
        self,
        connection: psycopg.Connection,
        sealing: Sealing,
        site_id: int | None,
        again: bool,
        said: Callable[[int, int, DueDay, int], None],
    ) -> None:
        sealed, failed = seal_all(connection, sealing, datetime.now(UTC), site_id, again, said)
        if failed:
            raise CommandError(f"Days sealed: {sealed}. Not sealed: {failed}, the log says why.")
        if said == self._said:
            self.stdout.write(f"Days sealed: {sealed}.")

    def _said(self, done: int, of: int, due: DueDay, rows: int) -> None:
        self.stdout.write(f"{done} of {of}: {due.day.day} of {due.key}, {rows:,} page views ({due.why})")
        self.stdout.flush()

    def _check(self, connection: psycopg.Connection, sealing: Sealing, site_id: int | None) -> None:
        days = [
            due
            for due in due_days(connection, datetime.now(UTC), site_id, again=True)
            if due.whole and due.why != "new"
        ]
        bad = 0
        for number, due in enumerate(days, 1):
            try:
                surplus, missing = sealing.differences(connection, due)
                problem = f"{surplus:,} rows too many, {missing:,} missing" if surplus or missing else ""
            except (Damaged, duckdb.Error) as error:
                problem = f"damaged ({error})" if isinstance(error, Damaged) else "cannot be read"
            bad += bool(problem)
            self.stdout.write(f"{number} of {len(days)}: {due.day.day} of {due.key}: {problem or 'the same'}")
            self.stdout.flush()
        if bad:
            raise CommandError(
                f"Days that differ: {bad} of {len(days)}. manage.py seal --again seals them anew."
            )
        self.stdout.write(f"Days compared: {len(days)}; all are the same.")


def _site_id(key: str | None) -> int | None:
    if key is None:
        return None
    site = Site.objects.filter(key=key).first()
    if site is None:
        raise CommandError("There is no site with this key.")
    return int(site.pk)
