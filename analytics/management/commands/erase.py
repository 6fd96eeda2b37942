"""`manage.py erase`: a site, days, pages or a visitor's day, for ever."""

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.configuration import kinds
from analytics.erasing import erasing, erasure_counts, erasure_request
from analytics.erasing.alone import is_alone
from analytics.erasing.erasing import Erasing
from analytics.erasing.erasure_request import WrongErasure
from analytics.history.sealing import Sealing
from analytics.models import Erasure
from analytics.queries.ranges import read_day
from tracker.liveness.error_report import kind_of
from tracker.models import Site
from tracker.postgres.connect import connect

EXAMPLES = """
manage.py erase KEY --site                             the site, with all that it counted
manage.py erase KEY --from 2026-10-01 --to 2026-10-07  these days of the site
manage.py erase KEY --page '/users/*'                  page views of these pages, with their events
manage.py erase KEY --visitor HASH --day 2026-10-01    what one visitor did that day
manage.py erase --list                                 what waits, runs, and is done
manage.py erase --cancel N                             keep what was to be erased
"""


class Command(BaseCommand):
    help = (
        "Erase a site, days, pages or a visitor's day for ever, once FOOTFALL_ERASE_WAIT is over." + EXAMPLES
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY", nargs="?", help="the key of the site")
        parser.add_argument("--site", action="store_true", help="the site itself, and everything of it")
        parser.add_argument("--from", dest="first", type=_day, metavar="DAY", help="its first day")
        parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="its last day")
        parser.add_argument("--page", metavar="PATTERN", help="pages: * within a segment, ** beyond")
        parser.add_argument("--visitor", metavar="HASH", help="a visitor's hash, or number in a sealed day")
        parser.add_argument("--day", type=_day, metavar="DAY", help="the visitor's day")
        parser.add_argument(
            "--after", type=_span, metavar="TIME", help="wait so long (30m, 24h) before it begins"
        )
        parser.add_argument("--now", action="store_true", help="do it now, and show how far it is")
        parser.add_argument(
            "--dry-run", action="store_true", help="say how much it would be, and erase nothing"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--list", action="store_true", help="what waits, runs, and is done")
        parser.add_argument("--cancel", type=int, metavar="N", help="keep what was to be erased")
        parser.add_argument("--in-background", action="store_true", help="do what is due, and say nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["in_background"]:
            self._background()
        elif options["list"]:
            self._list(options["key"])
        elif options["cancel"] is not None:
            self._cancel(options["cancel"])
        else:
            self._erase(options)

    def _erase(self, options: dict[str, Any]) -> None:
        site = Site.objects.filter(key=options["key"]).first() if options["key"] else None
        if site is None:
            raise CommandError(
                "There is no site with this key." if options["key"] else "Say the key of a site."
            )
        wait = timedelta() if options["now"] else options["after"]
        if wait is None:
            wait = timedelta(seconds=settings.FOOTFALL_ERASE_WAIT)
        ask = _asked(site, options)
        if options["dry_run"]:
            self._count(site, ask)
            return
        if not options["yes"]:
            self._confirm(site)
        try:
            erasure = ask("manage.py", wait)
        except WrongErasure as wrong:
            raise CommandError(str(wrong)) from None
        if not options["now"]:
            self.stdout.write(
                f"Erasure {erasure.pk}: {erasure}. It begins at {erasure.begins_at:%Y-%m-%d %H:%M} UTC,"
                f" or later where no jobs run. manage.py erase --cancel {erasure.pk} keeps it all."
            )
            return
        with connect() as connection:
            connection.autocommit = True
            if not is_alone(connection):
                self._say("Another process is erasing; waiting for it.")
                is_alone(connection, wait=True)
            _work(connection, erasure, lambda done, of, what: self._say(f"{done} of {of}: {what}"))
        erasure.refresh_from_db()
        self._say(f"Erased: {_counted(erasure)}.")

    def _count(self, site: Site, ask: Callable[[str, timedelta], Erasure]) -> None:
        """What would go: asked for, counted, and taken back."""
        try:
            with connect() as connection:
                connection.autocommit = True
                views = erasure_counts.would_go(connection, site, ask, settings.FOOTFALL_HISTORY)
        except WrongErasure as wrong:
            raise CommandError(str(wrong)) from None
        self.stdout.write(f"Page views that would be erased: {views:,}. Nothing was.")

    def _confirm(self, site: Site) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Nobody is there to be asked: say --yes.")
        typed = input(f"This cannot be taken back once it has begun. Type the site's name, {site.shown}: ")
        if typed.strip().lower() not in (site.shown.lower(), site.domain):
            raise CommandError("That is another name; nothing was erased.")

    def _list(self, key: str | None) -> None:
        found = Erasure.objects.filter(key=key) if key else Erasure.objects.all()
        for each in found[:1000]:
            state = (
                f"{each.state}, {each.steps_done} of {each.steps_of}"
                if each.state == "running"
                else each.state
            )
            problem = f" ({each.problem})" if each.problem else ""
            self.stdout.write(
                f"{each.pk}: {each}, asked for by {each.asked_by} at {each.asked_at:%Y-%m-%d %H:%M} UTC, "
                f"begins {each.begins_at:%Y-%m-%d %H:%M} UTC: {state}{problem}; {_counted(each)}"
            )
        if not found:
            self.stdout.write("Nothing was erased yet.")

    def _cancel(self, number: int) -> None:
        erasure = Erasure.objects.filter(pk=number).first()
        if erasure is None:
            raise CommandError("There is no such erasure: manage.py erase --list shows them.")
        if not erasure_request.cancel(number, erasure.site_id):
            raise CommandError(f"It is {erasure.get_state_display()}: only what waits can be cancelled.")
        self.stdout.write("Cancelled: everything is kept.")

    def _background(self) -> None:
        with connect() as connection:
            connection.autocommit = True
            if not is_alone(connection):
                return
            failed = 0
            for erasure in erasing.due(datetime.now(UTC)):
                try:
                    _work(connection, erasure, lambda done, of, what: None)
                except (psycopg.Error, duckdb.Error, OSError) as error:
                    failed += 1
                    # Never its own words: they quote rows.
                    Erasure.objects.filter(pk=erasure.pk).update(problem=kind_of(error)[:200])
                    if connection.closed:
                        break
            if failed:
                raise CommandError(f"Erasures that could not be done: {failed}. They are tried again.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _work(connection: psycopg.Connection, erasure: Erasure, said: Callable[[int, int, str], None]) -> None:
    Erasing(Sealing(settings.FOOTFALL_HISTORY, settings.FOOTFALL_SEALING_MEMORY)).work(
        connection, erasure, said
    )


def _counted(erasure: Erasure) -> str:
    return f"{erasure.views:,} page views, {erasure.visits:,} visits, {erasure.events:,} events"


def _asked(site: Site, options: dict[str, Any]) -> Callable[[str, timedelta], Erasure]:
    """How the erasure that the options mean is asked for. Raises CommandError."""
    first, last = options["first"], options["last"]
    if options["site"]:
        return lambda who, wait: erasure_request.whole_site(site, who, wait)
    if options["page"]:
        return lambda who, wait: erasure_request.pages(site, who, wait, options["page"], first, last)
    if options["visitor"]:
        if not options["day"]:
            raise CommandError("Say the visitor's --day: a hash is of one day.")
        return lambda who, wait: erasure_request.visitors_day(
            site, who, wait, options["visitor"], options["day"]
        )
    if first and last:
        return lambda who, wait: erasure_request.days(site, who, wait, first, last)
    raise CommandError("Say what: --site, --from and --to, --page, or --visitor and --day.")


def _day(text: str) -> date:
    try:
        return read_day(text)
    except ValueError as wrong:
        raise ArgumentTypeError(str(wrong)) from None


def _span(text: str) -> timedelta:
    try:
        return timedelta(seconds=kinds.seconds(0, 90 * 86_400)(text))
    except ValueError as problem:
        raise ArgumentTypeError(f"it {problem}") from None
