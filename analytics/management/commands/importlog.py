"""`manage.py importlog`: page views of the past, out of web servers' access logs."""

import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.access_logs.log_files import LogFile, WrongLogFile
from analytics.access_logs.log_formats import FORMATS, LineReader, WrongLogFormat, guessed, reader_of
from analytics.access_logs.log_import import LogImport, logs_key
from analytics.access_logs.page_rules import LeftOut
from tracker.liveness.error_report import kind_of
from tracker.models import Site
from tracker.postgres.connect import connect
from tracker.sites.tracked_site import plain_host
from tracker.visitors import agents

LOOKED_AT = 200
TOLD_SECONDS, TOLD_SECONDS_IN_FILES = 1.0, 10.0


class Command(BaseCommand):
    help = (
        "Take page views out of access logs into a site's past: without assets, redirects, errors, bots and"
        " health checks. They are never live and make visits as others do; a line that comes again changes"
        " nothing. Days that the site counted itself are left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", metavar="FILE", nargs="+", help="logs, gzipped or not; - for standard input"
        )
        parser.add_argument(
            "--site", required=True, metavar="KEY", help="the key of the site that takes them"
        )
        parser.add_argument(
            "--format",
            help=f"{', '.join(FORMATS)}, or nginx' log_format string; else found out from the first lines",
        )
        parser.add_argument(
            "--host", help="where pages are, where lines do not say it; else the site's domain"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="count, show what is left out, take nothing"
        )
        parser.add_argument(
            "--again", action="store_true", help="read files from their begin, though read before"
        )
        parser.add_argument(
            "--also-counted",
            action="store_true",
            help="take days that the site counted itself, too: who has JavaScript is counted twice then",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        site = Site.objects.filter(key=options["site"]).first()
        if site is None:
            raise CommandError("There is no site with this key: manage.py addsite makes one.")
        try:
            read = reader_of(options["format"]) if options["format"] else None
        except WrongLogFormat as wrong:
            raise CommandError(str(wrong)) from None
        paths = [None if name == "-" else Path(name) for name in options["files"]]
        if None in paths and read is None:
            raise CommandError("Say the --format of what comes from standard input.")
        host = _host_of(site, options["host"])
        agents.load()
        try:
            with connect() as connection:
                connection.autocommit = True
                logs = LogImport(connection, site, host, options["also_counted"], options["dry_run"])
                if not logs.allows(host):
                    raise CommandError(f"{_shown(host)} is no host of this site: say one with --host.")
                if not logs.alone():
                    raise CommandError("Another importlog takes logs into this site just now.")
                try:
                    for path in paths:
                        self._take(logs, path, read, options["again"])
                finally:
                    self._report(logs, options["dry_run"])
        except KeyboardInterrupt:
            raise CommandError("Stopped. Say the command again: it goes on from there.") from None
        except psycopg.Error as error:
            raise CommandError(
                f"Storing failed ({kind_of(error)}). Say the command again: it goes on where it stopped."
            ) from None

    def _take(self, logs: LogImport, path: Path | None, read: LineReader | None, again: bool) -> None:
        name = path.name if path else "standard input"
        try:
            if read is None and path:
                read = self._found_out(path)
            with LogFile(path, sys.stdin.buffer, logs_key()) as log:
                progress = _Progress(self, log)
                logs.take(log, read or reader_of("combined"), again, progress.add)
                progress.end()
        except WrongLogFile as wrong:
            raise CommandError(str(wrong)) from None
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror or kind_of(error)}.") from None

    def _found_out(self, path: Path) -> LineReader:
        with LogFile(path, sys.stdin.buffer) as log:
            form = guessed(line.text for line in islice(log.lines(), LOOKED_AT))
        if form is None:
            if not path.stat().st_size:
                return reader_of("combined")
            raise CommandError(
                f"{path.name} has none of the known formats: say its log_format with --format."
            )
        self.stderr.write(f"{path.name}: read as {form}")
        return reader_of(form)

    def _report(self, logs: LogImport, dry_run: bool) -> None:
        tally = logs.tally
        lines = f"{tally.lines:,} lines" + (
            f" ({tally.passed:,} more were read before)" if tally.passed else ""
        )
        days = sorted(tally.by_day)
        span = f", {days[0]} to {days[-1]}" if days else ""
        there = tally.views - tally.new
        taken = (
            "nothing was taken"
            if dry_run
            else f"{tally.new:,} taken" + (f", {there:,} were there already" if there else "")
        )
        self.stdout.write(f"{lines}: {tally.views:,} page views{span}; {taken}.")
        for reason in LeftOut:
            if tally.left_out[reason]:
                self.stdout.write(f"Left out: {tally.left_out[reason]:,} {reason.value}")
                for example in tally.examples.get(reason, ()) if dry_run else ():
                    self.stdout.write(f"    {_shown(example)}")
        for name, number, text in tally.unread:
            # What stands in it is shown to who asks, and to no log of a cron job.
            self.stdout.write(
                f"Not of this format: {name}, line {number:,}" + (f": {_shown(text)}" if dry_run else "")
            )
        if dry_run:
            for day in days:
                self.stdout.write(f"{day}: {tally.by_day[day]:,} page views")
        elif tally.new:
            self.stdout.write("Days that are over are sealed in the background.")


def _host_of(site: Site, asked: str | None) -> str:
    """The host of pages whose lines say none. Raises CommandError."""
    hosts = [plain_host(host) for host in site.hosts]
    if asked:
        return asked
    domain = plain_host(site.domain)
    named = [host for host in hosts if not host.startswith("*.")]
    if domain in hosts or not named:
        return domain
    return named[0]


def _shown(text: str) -> str:
    """A text without what a terminal would obey."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


class _Progress:
    """How far a log is, on standard error: now and then, with the rate and the time left."""

    def __init__(self, command: BaseCommand, log: LogFile) -> None:
        self._command, self._log = command, log
        self._terminal = command.stderr.isatty()
        self._began = self._told = time.monotonic()
        self._lines = 0
        self._from = log.done

    def add(self, lines: int) -> None:
        """So many lines more are read."""
        self._lines += lines
        now = time.monotonic()
        if now - self._told >= (TOLD_SECONDS if self._terminal else TOLD_SECONDS_IN_FILES):
            self._told = now
            self._tell(now - self._began)

    def end(self) -> None:
        """The log is read."""
        if self._told > self._began and self._terminal:
            self._command.stderr.write("")

    def _tell(self, seconds: float) -> None:
        said = f"{self._log.name}: {self._lines:,} lines, {self._lines / seconds:,.0f} a second"
        if self._log.size:
            done = self._log.done
            said += f", {100 * done / self._log.size:.0f} %"
            if done > self._from:
                left = seconds * (self._log.size - done) / (done - self._from)
                said += f", {left // 60:.0f} min {left % 60:.0f} s left"
        self._command.stderr.write(
            f"\r{said}  " if self._terminal else said, ending="" if self._terminal else "\n"
        )
